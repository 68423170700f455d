"""The identity providers of OIDC_PROVIDERS, each by variables of its own: OIDC_<NAME>_CLIENT_ID and so on."""

import re
from collections.abc import Callable

from app.settings.forms import web_url
from app.settings.settings import Provider, SettingsError

_NAME = re.compile(r"[a-z][a-z0-9]{0,29}")
_SCOPE = re.compile(r"[!#-\[\]-~]{1,100}")
"""RFC 6749, 3.3."""

OURS = {"legacy", "password", "exchange", "guest", "login", "logout", "register", "verification"}
"""Names that no provider can have: users whom an old app signed in, the other way in, and what else is below /v1/auth/."""

GOOGLE = "https://accounts.google.com"
GITHUB = "https://github.com"
FIREBASE_KEYS = "https://www.googleapis.com/robot/v1/metadata/x509/securetoken@system.gserviceaccount.com"

Read = Callable[[str], str]
"""The text of a variable, without blanks around it; "": it is not set."""


def provider_names(text: str) -> tuple[str, ...]:
    """The list of OIDC_PROVIDERS. Raises ValueError."""
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError("must be names of lower-case letters and digits, separated by commas, such as google,github,acme")
        if name in OURS:
            raise ValueError("must not have a name that Holdfast uses itself")
    if len({*names}) < len(names):
        raise ValueError("must name each provider once")
    return names


def read_provider(name: str, read: Read, *, is_production: bool) -> Provider:
    """The settings of one provider. Raises SettingsError."""
    if name == "firebase":
        return _firebase(read, is_production=is_production)
    known = {"google": GOOGLE, "github": GITHUB}.get(name)
    variable = f"OIDC_{name.upper()}"
    issuer = read(f"{variable}_ISSUER") or known
    if issuer is None:
        raise SettingsError(f"{variable}_ISSUER: must be set, because OIDC_PROVIDERS has {name}")
    is_github = name == "github"
    scopes = read(f"{variable}_SCOPES") or ("read:user user:email" if is_github else "openid email profile")
    return Provider(
        name=name,
        kind="github" if is_github else "oidc",
        issuer=_url(f"{variable}_ISSUER", issuer, is_production=is_production).rstrip("/" if is_github else ""),
        client_id=_required(f"{variable}_CLIENT_ID", read),
        client_secret=_required(f"{variable}_CLIENT_SECRET", read) if is_github else read(f"{variable}_CLIENT_SECRET") or None,
        scopes=_scopes(f"{variable}_SCOPES", scopes, is_oidc=not is_github),
        audiences=_audiences(f"{variable}_AUDIENCES", read),
    )


def _firebase(read: Read, *, is_production: bool) -> Provider:
    project = _required("OIDC_FIREBASE_PROJECT", read)
    if not re.fullmatch(r"[a-z][a-z0-9-]{2,62}", project):
        raise SettingsError("OIDC_FIREBASE_PROJECT: must be the project's id, such as my-app-1a2b3")
    keys_url = _url("OIDC_FIREBASE_KEYS_URL", read("OIDC_FIREBASE_KEYS_URL") or FIREBASE_KEYS, is_production=is_production)
    issuer = f"https://securetoken.google.com/{project}"
    return Provider(name="firebase", kind="firebase", issuer=issuer, client_id=project, keys_url=keys_url)


def _required(variable: str, read: Read) -> str:
    text = read(variable)
    if not text:
        raise SettingsError(f"{variable}: must be set, because OIDC_PROVIDERS has its provider")
    return text


def _url(variable: str, text: str, *, is_production: bool) -> str:
    try:
        return web_url(text, is_production=is_production)
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}") from None


def _scopes(variable: str, text: str, *, is_oidc: bool) -> tuple[str, ...]:
    scopes = tuple(re.split(r"[ ,]+", text))
    if not all(_SCOPE.fullmatch(scope) for scope in scopes):
        raise SettingsError(f"{variable}: must be scopes with blanks or commas between them")
    if is_oidc and "openid" not in scopes:
        raise SettingsError(f"{variable}: must have openid, or the provider gives no ID token")
    return scopes


def _audiences(variable: str, read: Read) -> tuple[str, ...]:
    return tuple(part.strip() for part in read(variable).split(",") if part.strip())

"""An app that signs its users in by a provider, and the browser that goes there and back."""

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import msgspec
from client import Api, User, new_email
from provider_stand_in import StandIn

from app.settings import Settings

REDIRECT = "https://app.example/signed-in"
NATIVE = "http://127.0.0.1/signed-in"
"""Of an app that listens on whatever port it gets."""

PUBLIC_URL = "https://api.example.com"


def sign_in_settings(settings: Settings, *providers: StandIn, **changes: Any) -> Settings:
    """Settings with these providers: the first one is called google, the second one auth0."""
    named = tuple(provider.settings(name) for provider, name in zip(providers, ("google", "auth0"), strict=False))
    redirects = (REDIRECT, NATIVE, "http://[::1]", "com.example.app:/signed-in", f"{REDIRECT}?app=1")
    given = {"providers": named, "sign_in_redirects": redirects, "public_url": PUBLIC_URL, "secret_keys": ("k" * 32,)}
    return msgspec.structs.replace(settings, **(given | changes))


@contextmanager
def stand_ins(count: int) -> Iterator[list[StandIn]]:
    """Start so many providers."""
    with StandIn() as first:
        if count == 1:
            yield [first]
        else:
            with stand_ins(count - 1) as others:
                yield [first, *others]


def is_somebody(provider: StandIn, **claims: Any) -> dict[str, Any]:
    """Have somebody new sit at the provider, or somebody with these claims; returns what it says about them."""
    somebody = {
        "sub": secrets.token_hex(8),
        "email": new_email(),
        "email_verified": True,
        "name": "Ada Lovelace",
        "picture": None,
    }
    provider.user = somebody | claims
    return provider.user


def sign_in_changes(settings: Settings) -> dict[str, Any]:
    """What of settings is about signing in, for another app that shall have it."""
    return {
        name: getattr(settings, name) for name in ("providers", "sign_in_redirects", "public_url", "secret_keys", "rate_limits")
    }


class App:
    """One run of an app's sign-in: its verifier, and what it sends."""

    def __init__(self, api: Api, provider: StandIn, name: str = "google", redirect: str = REDIRECT) -> None:
        self.api = api
        self.provider = provider
        self.name = name
        self.redirect = redirect
        self.verifier = secrets.token_urlsafe(48)

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def start(self, *, token: str | None = None, **changes: Any) -> httpx.Response:
        """Send the browser off."""
        query = {"redirect": self.redirect, "code_challenge": self.challenge} | changes
        return self.api.get(f"/v1/auth/{self.name}/start?{urlencode(query)}", token=token)

    def begin(self, *, token: str | None = None, **changes: Any) -> httpx.Response:
        """Ask where the browser goes, as a page does that has a token."""
        body = {"redirect": self.redirect, "code_challenge": self.challenge} | changes
        return self.api.post(f"/v1/auth/{self.name}/start", body, token=token)

    def sent_back(self, token: str | None = None) -> str:
        """Start, and sign in at the provider: the address that it sends the browser back to."""
        answer = self.begin(token=token)
        assert answer.status_code == 200, answer.text
        return self.provider.signs_in(answer.json()["authorization_url"])

    def arrives(self, address: str, **changes: str | None) -> httpx.Response:
        """The browser comes back from the provider, perhaps with other parameters than it was given."""
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}" == PUBLIC_URL
        query = {key: value for key, value in (dict(parse_qsl(parts.query)) | changes).items() if value is not None}
        return self.api.get(f"{parts.path}?{urlencode(query)}")

    def code(self, token: str | None = None) -> str:
        """Go there and back: the code that the app gets."""
        return self.given(self.arrives(self.sent_back(token)), "code")

    def given(self, answer: httpx.Response, name: str) -> str:
        """What the app gets by way of the browser: the one parameter that was put to its address."""
        assert answer.status_code == 302, answer.text
        location = str(answer.headers["location"])
        assert location.startswith(self.redirect), location
        [value] = parse_qs(location.removeprefix(self.redirect).lstrip("?&"), strict_parsing=True).pop(name)
        return value

    def exchange(self, code: str, **changes: Any) -> httpx.Response:
        return self.api.post("/v1/auth/exchange", {"code": code, "verifier": self.verifier} | changes)

    def signs_in(self, token: str | None = None) -> httpx.Response:
        """Go the whole way; the last answer."""
        return self.exchange(self.code(token))

    def user(self, token: str | None = None) -> User:
        """Go the whole way: who is signed in."""
        answer = self.signs_in(token)
        assert answer.status_code == 200, answer.text
        return User(self.api, answer.json())

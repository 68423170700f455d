"""Signing in by a provider: the whole flow, every attack on it that we know of, and providers that do as they should not.

The providers are stand-ins on sockets of this machine; oidc-provider-mock, which is not ours, has a say, too.
"""

import asyncio
import base64
import gzip
import hmac
import json
import ssl
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx
import msgspec
import pytest
from client import Started
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jws
from prometheus_client import REGISTRY
from provider_stand_in import CLIENT_ID, Answer, Asked, StandIn, as_json, certificate, ec_key, rsa_key
from serving import free_port, listens, until

from app.accounts.inputs import check_email
from app.accounts.schemas import AvatarUrl, Email, Name
from app.problems.problem import Problem
from app.providers import asking, id_tokens, identity
from app.providers.asking import AT_ONCE, BODY_LIMIT, Unusable, tls_context
from app.providers.clients import Providers, callback_url
from app.providers.identity import ProvidedIdentity, ProviderRefused, signed_part_hash
from app.providers.kept import RENEWALS
from app.providers.open_id import _check_endpoint
from app.settings import Provider, Settings

T = TypeVar("T")

VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636"
NONCE = "a-nonce"
STATE = "a-state"
DISCOVERY, JWKS = "/.well-known/openid-configuration", "/jwks"


class Client:
    """The app's side: its providers, and what a browser and a native app would do with them."""

    def __init__(self, runner: asyncio.Runner, providers: tuple[Provider, ...], **changes: Any) -> None:
        self.runner = runner
        self.providers = Providers(Settings(providers=providers, **changes))

    def url(self, name: str = "acme") -> str:
        return self.runner.run(self.providers.authorization_url(name, state=STATE, nonce=NONCE, verifier=VERIFIER))

    def callback(self, provider: StandIn, name: str = "acme") -> dict[str, str]:
        """The parameters of the callback, after the user has signed in."""
        back = provider.signs_in(self.url(name))
        assert back.startswith(f"http://127.0.0.1:8000/v1/auth/{name}/callback?")
        return dict(parse_qsl(urlsplit(back).query))

    async def exchanging(self, callback: dict[str, str], name: str = "acme", **changes: Any) -> ProvidedIdentity:
        given = {"code": callback["code"], "verifier": VERIFIER, "nonce": NONCE, "issuer": callback.get("iss")} | changes
        return await self.providers.identity_of_code(name, **given)

    def exchange(self, callback: dict[str, str], name: str = "acme", **changes: Any) -> ProvidedIdentity:
        return self.runner.run(self.exchanging(callback, name, **changes))

    def signs_in(self, provider: StandIn, name: str = "acme") -> ProvidedIdentity:
        """The whole flow."""
        return self.exchange(self.callback(provider, name), name)

    def sends(self, token: str, name: str = "acme", nonce: str | None = None) -> ProvidedIdentity:
        """An app sends the ID token that it got."""
        return self.runner.run(self.providers.identity_of_id_token(name, token, nonce))

    def together(self, *awaitables: Awaitable[T]) -> list[T | BaseException]:
        async def gather() -> list[T | BaseException]:
            return await asyncio.gather(*awaitables, return_exceptions=True)

        return self.runner.run(gather())


Connected = Callable[..., Client]


@pytest.fixture(scope="module")
def trusted() -> ssl.SSLContext:
    """What this machine trusts, read once: it takes most of a test's time."""
    return tls_context()


@pytest.fixture
def connected(runner: asyncio.Runner, trusted: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connected]:
    """Make a client with these providers; it is closed at the end of the test."""
    monkeypatch.setattr(asking, "tls_context", lambda: trusted)
    with ExitStack() as ending:

        def connect(*providers: Provider, **changes: Any) -> Client:
            client = Client(runner, providers, **changes)
            ending.callback(lambda: runner.run(client.providers.close()))
            return client

        yield connect


@pytest.fixture
def acme() -> Iterator[StandIn]:
    with StandIn() as provider:
        yield provider


@pytest.fixture
def client(connected: Connected, acme: StandIn) -> Client:
    return connected(acme.settings("acme"), acme.github_settings(), acme.firebase_settings())


def unavailable(act: Callable[[], object]) -> None:
    """Check that a provider is called unavailable, within five seconds, and when to try again."""
    started = time.perf_counter()
    with pytest.raises(Problem) as raised:
        act()
    assert raised.value.code == "provider_unavailable"
    assert raised.value.headers == ((b"retry-after", b"5"),)
    assert time.perf_counter() - started < 5


def refused(act: Callable[[], object], reason: str) -> None:
    """Check that somebody is refused, and for this reason: another one might hide that the rule is not kept."""
    with pytest.raises(ProviderRefused) as raised:
        act()
    assert str(raised.value) == reason


def invalid(client: Client, token: str, reason: str, capsys: pytest.CaptureFixture[str], **sent: Any) -> None:
    """Check that an ID token is refused, and that the log says why."""
    capsys.readouterr()
    with pytest.raises(Problem) as raised:
        client.sends(token, **sent)
    assert raised.value.code == "invalid_id_token"
    said = capsys.readouterr().out
    assert [json.loads(line)["reason"] for line in said.splitlines() if "provider_refused" in line] == [reason]
    assert token not in said


# The flow


def test_a_user_of_an_openid_provider_is_who_it_says(client: Client, acme: StandIn) -> None:
    assert client.signs_in(acme) == ProvidedIdentity(
        provider="acme",
        subject=acme.user["sub"],
        email=acme.user["email"],
        is_email_verified=True,
        name="Ada Lovelace",
        avatar_url="https://example.com/ada.png",
    )


def test_the_browser_is_sent_with_state_nonce_challenge_and_the_exact_callback(client: Client) -> None:
    parts = urlsplit(client.url())
    challenge = base64.urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
    assert dict(parse_qsl(parts.query)) == {
        "response_type": "code",
        "client_id": CLIENT_ID,
        "redirect_uri": "http://127.0.0.1:8000/v1/auth/acme/callback",
        "scope": "openid email profile",
        "state": STATE,
        "nonce": NONCE,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    assert VERIFIER not in parts.query


@pytest.mark.parametrize(
    ("changes", "url"),
    [
        ({"public_url": "https://api.example.com"}, "https://api.example.com/v1/auth/acme/callback"),
        ({"host": "localhost", "port": 8080}, "http://localhost:8080/v1/auth/acme/callback"),
        ({"host": "::1"}, "http://[::1]:8000/v1/auth/acme/callback"),
    ],
)
def test_callbacks_come_from_the_settings(changes: dict[str, Any], url: str) -> None:
    assert callback_url(Settings(**changes), "acme") == url


@pytest.mark.parametrize(
    "methods", [["client_secret_basic", "client_secret_post"], ["client_secret_post"], None, ["tls_client_auth"]]
)
def test_the_client_says_who_it_is_as_the_provider_takes_it(client: Client, acme: StandIn, methods: list[str] | None) -> None:
    acme.metadata["token_endpoint_auth_methods_supported"] = methods
    assert client.signs_in(acme).subject == acme.user["sub"]
    sent = next(asked for asked in acme.asked if asked.path == "/token")
    assert ("client_secret" in sent.form) == (methods == ["client_secret_post"])


def test_a_public_client_sends_no_secret(connected: Connected, acme: StandIn) -> None:
    acme.client_secret = None
    assert connected(acme.settings()).signs_in(acme).subject == acme.user["sub"]
    sent = next(asked for asked in acme.asked if asked.path == "/token")
    assert "Authorization" not in sent.headers
    assert "client_secret" not in sent.form


def test_an_address_that_only_userinfo_has_is_found(client: Client, acme: StandIn) -> None:
    acme.in_userinfo_only = {"email", "email_verified", "name", "picture"}
    found = client.signs_in(acme)
    assert (found.email, found.is_email_verified, found.name) == (acme.user["email"], True, "Ada Lovelace")


def test_userinfo_about_somebody_else_is_refused(client: Client, acme: StandIn) -> None:
    acme.in_userinfo_only = {"email"}
    acme.answers["/userinfo"] = as_json(acme.user | {"sub": "somebody else", "email": "bob@example.com"})
    refused(lambda: client.signs_in(acme), "sub of userinfo")


def test_an_address_of_userinfo_is_not_verified_by_what_the_id_token_says(client: Client, acme: StandIn) -> None:
    acme.in_userinfo_only = {"email"}
    acme.answers["/userinfo"] = as_json({"sub": acme.user["sub"], "email": "bob@example.com"})
    found = client.signs_in(acme)
    assert (found.email, found.is_email_verified) == ("bob@example.com", False)


def test_keys_on_elliptic_curves_and_ids_of_none_are_known(client: Client, acme: StandIn) -> None:
    acme.keys = [ec_key()]
    acme.header = {"kid": None}
    assert client.signs_in(acme).subject == acme.user["sub"]


def test_what_a_provider_publishes_is_asked_for_once(client: Client, acme: StandIn) -> None:
    for _ in range(3):
        client.signs_in(acme)
    asked = [each.path for each in acme.asked]
    assert (asked.count(DISCOVERY), asked.count(JWKS)) == (1, 1)


def test_what_a_provider_publishes_is_asked_for_once_by_all_who_come_at_the_same_time(client: Client, acme: StandIn) -> None:
    found = client.together(*(client.providers.identity_of_id_token("acme", acme.id_token(n=n), None) for n in range(AT_ONCE)))
    assert {each.subject for each in found if isinstance(each, ProvidedIdentity)} == {acme.user["sub"]}
    asked = [each.path for each in acme.asked]
    assert (asked.count(DISCOVERY), asked.count(JWKS)) == (1, 1)


def test_providers_that_there_are_not_and_flows_that_they_have_not_are_not_found(client: Client, acme: StandIn) -> None:
    for act in (
        lambda: client.url("other"),
        lambda: client.url("firebase"),
        lambda: client.exchange({"code": "a"}, "other"),
        lambda: client.exchange({"code": "a"}, "firebase"),
        lambda: client.sends(acme.id_token(), "other"),
        lambda: client.sends(acme.id_token(), "github"),
    ):
        with pytest.raises(Problem) as raised:
            act()
        assert raised.value.code == "not_found"
    assert acme.asked == []


# A provider that is not ours


@pytest.fixture(scope="module")
def mock() -> Iterator[str]:
    """The issuer of oidc-provider-mock: a process of its own, because its libraries warn of each other."""
    port, user = free_port(), {"sub": "ada", "email": "ada@example.com", "email_verified": True, "name": "Ada Lovelace"}
    words = ["oidc_provider_mock", "--port", str(port), "--require-nonce", "--user-claims", json.dumps(user)]
    with subprocess.Popen([sys.executable, "-W", "ignore", "-m", *words], stderr=subprocess.DEVNULL) as process:
        until(lambda: listens(port), "the provider listens")
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def test_a_provider_that_is_not_ours_signs_in(connected: Connected, mock: str) -> None:
    redirect = "http://127.0.0.1:8000/v1/auth/mock/callback"
    registered = httpx.post(f"{mock}/oauth2/clients", json={"redirect_uris": [redirect]}, trust_env=False).json()
    known = {"client_id": registered["client_id"], "client_secret": registered["client_secret"]}
    scopes = ("openid", "email", "profile")
    client = connected(Provider(name="mock", kind="oidc", issuer=mock, scopes=scopes, **known))
    answer = httpx.post(client.url("mock"), data={"sub": "ada"}, trust_env=False)
    assert answer.headers["location"].startswith(f"{redirect}?")
    callback = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    assert callback["state"] == STATE
    found = client.exchange(callback, "mock")
    assert (found.subject, found.email, found.is_email_verified, found.name) == ("ada", "ada@example.com", True, "Ada Lovelace")
    refused(lambda: client.exchange(callback, "mock"), "invalid_grant")


def test_a_nonce_that_is_not_that_of_this_sign_in_is_refused_of_a_provider_that_is_not_ours(
    connected: Connected, mock: str
) -> None:
    client = connected(
        Provider(name="mock", kind="oidc", issuer=mock, client_id="any", client_secret="any", scopes=("openid",))
    )
    answer = httpx.post(client.url("mock"), data={"sub": "ada"}, trust_env=False)
    callback = dict(parse_qsl(urlsplit(answer.headers["location"]).query))
    refused(lambda: client.exchange(callback, "mock", nonce="another"), "nonce")


# GitHub


def test_a_user_of_github_is_their_number_and_their_primary_address(client: Client, acme: StandIn) -> None:
    acme.github_emails.insert(0, {"email": "other@example.com", "primary": False, "verified": True, "visibility": None})
    assert client.signs_in(acme, "github") == ProvidedIdentity(
        provider="github",
        subject=str(acme.github_id),
        email=acme.user["email"],
        is_email_verified=True,
        name="Ada Lovelace",
        avatar_url="https://example.com/ada.png",
    )
    assert [each.path for each in acme.asked] == [
        *("/login/oauth/authorize", "/login/oauth/access_token", "/api/v3/user", "/api/v3/user/emails")
    ]


@pytest.mark.parametrize("change", [{"verified": False}, {"primary": False}, {"verified": "true"}, {"email": "no address"}])
def test_an_address_of_github_that_is_not_primary_and_verified_counts_as_none(
    client: Client, acme: StandIn, change: dict[str, Any]
) -> None:
    acme.github_emails[0].update(change)
    found = client.signs_in(acme, "github")
    assert (found.email, found.is_email_verified) == (None, False)


def test_addresses_that_github_does_not_show_us_count_as_none(client: Client, acme: StandIn) -> None:
    acme.answers["/api/v3/user/emails"] = as_json({"message": "Resource not accessible by integration"}, 403)
    assert client.signs_in(acme, "github").email is None


def test_a_code_that_github_does_not_know_is_refused(client: Client, acme: StandIn) -> None:
    acme.answers["/login/oauth/access_token"] = as_json({"error": "bad_verification_code", "error_description": "words"})
    refused(lambda: client.signs_in(acme, "github"), "bad_verification_code")


@pytest.mark.parametrize("number", [None, "1", True, 0, -1, 1.5])
def test_a_user_of_github_without_a_number_is_nobody(client: Client, acme: StandIn, number: object) -> None:
    acme.answers["/api/v3/user"] = as_json({"id": number, "name": "Ada"})
    unavailable(lambda: client.signs_in(acme, "github"))


def test_github_itself_has_its_api_at_another_host(connected: Connected) -> None:
    provider = Provider(name="github", kind="github", issuer="https://github.com", client_id="a", client_secret="b")
    github = connected(provider).providers._flows["github"]  # noqa: SLF001 - no test may ask GitHub
    assert github._api == "https://api.github.com"  # type: ignore[union-attr] # noqa: SLF001


# ID tokens that apps send


def test_an_id_token_of_a_native_app_tells_who_signed_in(client: Client, acme: StandIn) -> None:
    assert client.sends(acme.id_token()).subject == acme.user["sub"]
    assert client.sends(acme.id_token(nonce="mine"), nonce="mine").email == acme.user["email"]


def test_an_id_token_for_one_of_ones_own_apps_is_taken_and_for_another_is_not(
    connected: Connected, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    client = connected(acme.settings(audiences=("ios", "android")))
    assert client.sends(acme.id_token(aud="ios")).subject == acme.user["sub"]
    assert client.sends(acme.id_token(aud=CLIENT_ID, azp="android")).subject == acme.user["sub"]
    invalid(client, acme.id_token(aud="windows"), "aud", capsys)
    # In the browser it is this client that was asked for.
    acme.claims = {"aud": "ios"}
    refused(lambda: client.signs_in(acme), "aud")


def test_a_user_of_firebase_is_known_by_the_certificates(client: Client, acme: StandIn) -> None:
    found = client.sends(acme.firebase_token(), "firebase")
    assert (found.provider, found.subject, found.email) == ("firebase", acme.user["sub"], acme.user["email"])
    assert [each.path for each in acme.asked] == ["/certificates"]


def test_firebases_keys_may_be_a_jwk_set(client: Client, acme: StandIn) -> None:
    acme.answers["/certificates"] = acme.jwks
    assert client.sends(acme.firebase_token(), "firebase").subject == acme.user["sub"]


def test_an_anonymous_user_of_firebase_has_no_address(client: Client, acme: StandIn) -> None:
    acme.user = {"sub": "anonymous"}
    found = client.sends(acme.firebase_token(firebase={"sign_in_provider": "anonymous", "identities": {}}), "firebase")
    assert (found.subject, found.email, found.is_email_verified, found.name) == ("anonymous", None, False, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://securetoken.google.com/another-project"}, "iss"),
        ({"aud": "another-project"}, "aud"),
        ({"iat": int(time.time()) - 700}, "iat"),
        ({"sub": ""}, "subject"),
    ],
)
def test_a_foreign_or_stale_token_of_firebase_is_refused(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], reason: str
) -> None:
    invalid(client, acme.firebase_token(**changes), reason, capsys, name="firebase")


def test_firebase_signs_with_rs256_alone(client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    acme.answers["/certificates"] = acme.jwks
    acme.keys = [ec_key()]
    invalid(client, acme.firebase_token(), "algorithm", capsys, name="firebase")
    acme.keys, acme.header, acme.sign = [rsa_key()], {"alg": "none"}, unsigned
    invalid(client, acme.firebase_token(), "algorithm", capsys, name="firebase")


# Signatures


def part(value: Any) -> bytes:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return (part(header) + b"." + part(claims) + b".").decode()


def signed_by(secret: bytes) -> Callable[[dict[str, Any], dict[str, Any]], str]:
    """Sign as HS256 does."""

    def sign(header: dict[str, Any], claims: dict[str, Any]) -> str:
        signed = part(header) + b"." + part(claims)
        signature = base64.urlsafe_b64encode(hmac.digest(secret, signed, "sha256")).rstrip(b"=")
        return (signed + b"." + signature).decode()

    return sign


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
def test_a_token_without_a_signature_is_refused(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], algorithm: str
) -> None:
    acme.header, acme.sign = {"alg": algorithm}, unsigned
    refused(lambda: client.signs_in(acme), "key")
    invalid(client, acme.id_token(), "key", capsys)


def test_a_token_that_was_signed_and_lost_its_signature_is_refused(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    invalid(client, acme.id_token().rpartition(".")[0] + ".", "signature", capsys)


def test_the_public_key_is_no_secret_of_hs256(client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    key = acme.keys[0]
    for secret in (key.as_pem(), key.as_pem().strip(), key.as_der(), json.dumps(key.as_dict(private=False)).encode(), b""):
        acme.header, acme.sign = {"alg": "HS256"}, signed_by(secret)
        invalid(client, acme.id_token(), "key", capsys)
    refused(lambda: client.signs_in(acme), "key")


def test_a_secret_among_the_published_keys_signs_nothing(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    oct_key = {"kty": "oct", "kid": "shared", "k": base64.urlsafe_b64encode(b"s" * 32).rstrip(b"=").decode(), "alg": "HS256"}
    acme.answers[JWKS] = as_json({"keys": [oct_key, acme.keys[0].as_dict(private=False)]})
    acme.header, acme.sign = {"alg": "HS256", "kid": "shared"}, signed_by(b"s" * 32)
    invalid(client, acme.id_token(), "key", capsys)


@pytest.mark.parametrize("kid", ["first", None, "attacker"])
@pytest.mark.parametrize("brought", ["jwk", "jku", "x5u", "x5c"])
def test_a_key_that_a_token_brings_along_is_not_looked_at(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], brought: str, kid: str | None
) -> None:
    attacker = rsa_key("attacker")
    with StandIn() as theirs:
        theirs.keys = [attacker]
        brings: dict[str, dict[str, Any]] = {
            "jwk": {"jwk": attacker.as_dict(private=False)},
            "jku": {"jku": f"{theirs.url}/jwks"},
            "x5u": {"x5u": f"{theirs.url}/certificates"},
            "x5c": {"x5c": ["MIIB"]},
        }
        acme.header = brings[brought] | {"kid": kid}
        acme.sign = lambda header, claims: jws.serialize_compact(header, json.dumps(claims), attacker, ["RS256"])
        invalid(client, acme.id_token(), "key" if kid == "attacker" else "signature", capsys)
        refused(lambda: client.signs_in(acme), "key" if kid == "attacker" else "signature")
        assert theirs.asked == []


def test_a_key_of_another_provider_signs_nothing_here(
    connected: Connected, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    with StandIn() as other:
        other.keys = [rsa_key("attacker")]
        client = connected(acme.settings("acme"), other.settings("other"))
        assert client.sends(other.id_token(), "other").provider == "other"
        invalid(client, other.id_token(), "key", capsys)
        other.claims = {"iss": acme.issuer}
        invalid(client, other.id_token(), "key", capsys)


@pytest.mark.parametrize(
    "change",
    [
        {"use": "enc"},
        {"alg": "RS512"},
        {"kty": "none"},
        {"n": "AQAB"},
        {"n": 5},
        {"d": "AQAB"},
        rsa_key().as_dict(private=True),
    ],
)
def test_a_published_key_that_is_not_for_this_is_left_out(client: Client, acme: StandIn, change: dict[str, Any]) -> None:
    wrong = acme.keys[0].as_dict(private=False) | change
    acme.answers[JWKS] = as_json({"keys": [wrong, "no key", None, ec_key().as_dict(private=False)]})
    refused(lambda: client.signs_in(acme), "key")


@pytest.mark.parametrize(
    "header",
    [{"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"b64": True}, {"typ": "at+jwt"}, {"typ": "logout+jwt"}, {"kid": 5}],
)
def test_a_token_of_another_kind_is_refused(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], header: dict[str, Any]
) -> None:
    acme.header = header
    acme.sign = lambda made, claims: by_hand(acme.keys[0], made, claims)
    invalid(client, acme.id_token(), "form", capsys)


def by_hand(key: Any, header: dict[str, Any], claims: Any) -> str:
    """Sign as RS256 does, whatever is in the header."""
    signed = part(header) + b"." + part(claims)
    signature = key.private_key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.parametrize("claims", [[], "text", None, 5])
def test_a_signed_something_else_is_no_id_token(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], claims: Any
) -> None:
    acme.sign = lambda header, _: by_hand(acme.keys[0], header, claims)
    invalid(client, acme.id_token(), "signature", capsys)


def test_any_changed_token_is_refused(client: Client, acme: StandIn) -> None:
    token = acme.id_token()
    client.sends(token)

    @settings(deadline=None)
    @given(st.integers(0, len(token) - 1), st.characters(codec="ascii"))
    def check(place: int, character: str) -> None:
        changed = token[:place] + character + token[place + 1 :]
        if changed == token:
            return
        with pytest.raises(Problem) as raised:
            client.sends(changed)
        assert raised.value.code == "invalid_id_token"

    check()
    # What it asked of the provider is what two changed ids of the key may.
    assert len([each for each in acme.asked if each.path == JWKS]) <= 1 + RENEWALS


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){0,4}", fullmatch=True))
def test_what_is_no_token_has_no_header(token: str) -> None:
    with pytest.raises(ProviderRefused):
        id_tokens._header(token)  # noqa: SLF001 - what a request can send, without a provider


def test_a_second_form_of_a_signature_is_the_same_token(client: Client, acme: StandIn) -> None:
    acme.keys = [ec_key()]
    token = acme.id_token()
    signed, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    other = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    again = f"{signed}.{base64.urlsafe_b64encode(other).rstrip(b'=').decode()}"
    assert again != token
    assert client.sends(token) == client.sends(again)
    assert signed_part_hash(token) == signed_part_hash(again)
    assert signed_part_hash(token) != signed_part_hash(acme.id_token(jti="another"))


# Claims


NOW = int(time.time())
LATER = NOW + 86_400
"""Still to come when a long run of the tests comes here."""

WRONG_CLAIMS = [
    pytest.param({"iss": "https://other.example.com"}, "iss", id="foreign iss"),
    pytest.param({"iss": None}, "iss", id="no iss"),
    pytest.param({"iss": ["http://127.0.0.1"]}, "iss", id="iss is a list"),
    pytest.param({"aud": "another-client"}, "aud", id="foreign aud"),
    pytest.param({"aud": None}, "aud", id="no aud"),
    pytest.param({"aud": []}, "aud", id="aud is empty"),
    pytest.param({"aud": ["another-client"]}, "aud", id="foreign aud in a list"),
    pytest.param({"aud": [CLIENT_ID, 5]}, "aud", id="aud is no list of texts"),
    pytest.param({"aud": CLIENT_ID + " "}, "aud", id="aud is nearly ours"),
    pytest.param({"aud": [CLIENT_ID, "another-client"]}, "azp", id="several aud without azp"),
    pytest.param({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}, "azp", id="several aud and a foreign azp"),
    pytest.param({"exp": NOW - 120}, "exp", id="expired"),
    pytest.param({"exp": None}, "exp", id="no exp"),
    pytest.param({"exp": str(LATER)}, "exp", id="exp is a text"),
    pytest.param({"exp": True}, "exp", id="exp is true"),
    pytest.param({"exp": float("nan")}, "exp", id="exp is not a number"),
    pytest.param({"iat": LATER}, "iat", id="future iat"),
    pytest.param({"iat": None}, "iat", id="no iat"),
    pytest.param({"iat": "now"}, "iat", id="iat is a text"),
    pytest.param({"nbf": LATER}, "nbf", id="not yet"),
    pytest.param({"nonce": "another"}, "nonce", id="other nonce"),
    pytest.param({"nonce": None}, "nonce", id="no nonce"),
    pytest.param({"nonce": [NONCE]}, "nonce", id="nonce in a list"),
    pytest.param({"sub": None}, "subject", id="no sub"),
    pytest.param({"sub": ""}, "subject", id="sub is empty"),
    pytest.param({"sub": "s" * 256}, "subject", id="sub is too long"),
    pytest.param({"sub": 5}, "sub", id="sub is a number"),
    pytest.param({"sub": "a\x00b"}, "subject", id="sub has a NUL"),
    pytest.param({"sub": "a\ud800b"}, "subject", id="sub has half a character"),
]


@pytest.mark.parametrize(("claims", "reason"), WRONG_CLAIMS)
def test_a_signed_token_with_a_wrong_claim_is_refused(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], claims: dict[str, Any], reason: str
) -> None:
    acme.claims = {"nonce": NONCE} | claims
    acme.in_userinfo_only = set()
    refused(lambda: client.signs_in(acme), reason)
    invalid(client, acme.id_token(), reason, capsys, nonce=NONCE)


def test_a_client_that_another_app_signed_in_for_is_refused_in_the_browser(client: Client, acme: StandIn) -> None:
    acme.claims = {"azp": "another-client"}
    refused(lambda: client.signs_in(acme), "azp")


def test_the_claims_that_are_right_at_their_edges_are_taken(client: Client, acme: StandIn) -> None:
    now = int(time.time())
    for claims in (
        {"aud": [CLIENT_ID]},
        {"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID},
        {"iat": now + 50},
        {"iat": now - 590},
        {"iat": now - 0.5},
        {"exp": now - 50},
        {"sub": "s" * 255},
    ):
        assert client.sends(acme.id_token(**claims)).provider == "acme"


def test_an_id_token_of_an_app_is_at_most_ten_minutes_old(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    invalid(client, acme.id_token(iat=int(time.time()) - 610), "iat", capsys)


# The callback


def test_a_callback_that_names_another_provider_is_refused_and_its_code_goes_nowhere(
    connected: Connected, acme: StandIn
) -> None:
    with StandIn() as evil:
        client = connected(acme.settings("acme"), evil.settings("evil"))
        # The user began at evil's, which sent the browser on to acme: the code is acme's.
        callback = client.callback(acme) | {"iss": acme.issuer}
        refused(lambda: client.exchange(callback, "evil"), "iss of the callback")
        assert "/token" not in {each.path for each in evil.asked}


def test_a_callback_without_the_name_of_its_provider_is_refused_where_it_promised_one(client: Client, acme: StandIn) -> None:
    acme.callback = {"iss": None}
    refused(lambda: client.signs_in(acme), "iss of the callback")
    acme.callback = {"iss": f"{acme.issuer}/"}
    refused(lambda: client.signs_in(acme), "iss of the callback")
    assert "/token" not in {each.path for each in acme.asked}


def test_a_callback_without_the_name_of_its_provider_is_taken_where_it_promised_none(client: Client, acme: StandIn) -> None:
    acme.metadata["authorization_response_iss_parameter_supported"] = None
    acme.callback = {"iss": None}
    assert client.signs_in(acme).subject == acme.user["sub"]


def test_a_callback_of_github_that_names_another_is_refused(client: Client, acme: StandIn) -> None:
    callback = client.callback(acme, "github")
    refused(lambda: client.exchange(callback | {"iss": "https://other.example.com"}, "github"), "iss of the callback")
    assert client.exchange(callback | {"iss": f"{acme.url}/login/oauth"}, "github").subject == str(acme.github_id)


def test_a_code_works_once_and_only_with_its_verifier(client: Client, acme: StandIn) -> None:
    callback = client.callback(acme)
    client.exchange(callback)
    refused(lambda: client.exchange(callback), "invalid_grant")
    refused(lambda: client.exchange(client.callback(acme), verifier="v" * 43), "invalid_grant")


@pytest.mark.parametrize("code", ["", "a\nb", "ä", "a" * 5000])
def test_a_code_that_can_be_none_is_not_asked_about(client: Client, acme: StandIn, code: str) -> None:
    refused(lambda: client.exchange(client.callback(acme) | {"code": code}), "code")
    assert "/token" not in {each.path for each in acme.asked}


def test_a_wrong_secret_is_said_in_the_log_and_nothing_else_of_what_the_provider_says(
    connected: Connected, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    client = connected(acme.settings(client_secret="not the secret"))
    callback = client.callback(acme)
    capsys.readouterr()
    refused(lambda: client.exchange(callback), "invalid_client")
    said = capsys.readouterr()
    assert '"invalid_client"' in said.out
    for secret in ("secret words", "not the secret", callback["code"], VERIFIER, acme.user["sub"]):
        assert secret not in said.out + said.err


@pytest.mark.parametrize("granted", [{}, {"id_token": 5}, {"id_token": None}, {"access_token": "a", "token_type": "Bearer"}])
def test_a_provider_that_grants_no_id_token_signs_nobody_in(client: Client, acme: StandIn, granted: dict[str, Any]) -> None:
    acme.answers["/token"] = as_json(granted)
    refused(lambda: client.signs_in(acme), "no ID token")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 5}', b'{"error": "words of the provider"}', b"\xff"])
def test_an_error_of_the_token_endpoint_is_a_refusal_whatever_it_says(client: Client, acme: StandIn, body: bytes) -> None:
    acme.answers["/token"] = Answer(400, body)
    refused(lambda: client.signs_in(acme), "exchange")


@pytest.mark.parametrize("token", [None, 5, "a\r\nX-Evil: 1", "ä", "a" * 9000])
def test_an_access_token_that_can_be_none_is_not_sent(client: Client, acme: StandIn, token: Any) -> None:
    acme.answers["/login/oauth/access_token"] = as_json({"access_token": token, "token_type": "bearer"})
    refused(lambda: client.signs_in(acme, "github"), "no access token")
    assert "/api/v3/user" not in {each.path for each in acme.asked}


# Discovery


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://accounts.google.com"},
        {"issuer": None},
        {"issuer": 5},
        {"token_endpoint": None},
        {"jwks_uri": None},
        {"authorization_endpoint": ["http://127.0.0.1/"]},
        {"token_endpoint": "http://10.0.0.1/token"},
        {"token_endpoint": "http://localhost:1/token"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"userinfo_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://user:password@example.com/"},
        {"authorization_endpoint": "https://example.com/#fragment"},
        {"authorization_endpoint": "https://example.com\\@evil.example/"},
        {"authorization_endpoint": "https://example.com/\r\nLocation: https://evil.example"},
    ],
)
def test_a_discovery_document_of_another_issuer_or_with_a_wrong_endpoint_is_not_believed(
    client: Client, acme: StandIn, metadata: dict[str, Any]
) -> None:
    acme.metadata = metadata
    unavailable(client.url)
    assert [each.path for each in acme.asked] == [DISCOVERY]


def test_an_issuer_that_differs_by_a_slash_is_another(connected: Connected, acme: StandIn) -> None:
    client = connected(acme.settings(issuer=f"{acme.issuer}/"))
    unavailable(client.url)
    assert [each.path for each in acme.asked] == [DISCOVERY]


def test_an_https_issuer_has_https_endpoints_alone() -> None:
    _check_endpoint("https://login.example.com/token", "https://example.com")
    for endpoint in ("http://127.0.0.1/token", "http://example.com/token", "ftp://example.com/", "//example.com/token", ""):
        with pytest.raises(Unusable):
            _check_endpoint(endpoint, "https://example.com")


# Providers that do as they should not

PLACES = [
    pytest.param("acme", DISCOVERY, id="discovery"),
    pytest.param("acme", JWKS, id="keys"),
    pytest.param("acme", "/token", id="token"),
    pytest.param("acme", "/userinfo", id="userinfo"),
    pytest.param("github", "/login/oauth/access_token", id="github's token"),
    pytest.param("github", "/api/v3/user", id="github's user"),
    pytest.param("github", "/api/v3/user/emails", id="github's addresses"),
    pytest.param("firebase", "/certificates", id="firebase's keys"),
]


def comes_in(client: Client, acme: StandIn, name: str) -> Callable[[], object]:
    """Sign in by this provider, in the way that it has; what it publishes is asked for."""
    acme.in_userinfo_only = {"email"}
    if name == "firebase":
        return lambda: client.sends(acme.firebase_token(), "firebase")
    return lambda: client.signs_in(acme, name)


@pytest.mark.parametrize(("name", "path"), PLACES)
@pytest.mark.parametrize("answer", [Answer(hangs=True), Answer(body=b" " * 1000, drips=0.1)], ids=["hangs", "drips"])
def test_a_provider_that_hangs_is_unavailable_within_five_seconds(
    client: Client, acme: StandIn, monkeypatch: pytest.MonkeyPatch, *, name: str, path: str, answer: Answer
) -> None:
    acme.answers[path] = answer
    with monkeypatch.context() as shortened:
        if path != "/token":
            # Once in full time is enough.
            shortened.setattr("app.providers.asking.WITHIN", 0.3)
        unavailable(comes_in(client, acme, name))
    del acme.answers[path]
    comes_in(client, acme, name)()


ODD = {
    "10 MB": Answer(body=b'{"a": "' + b"a" * 10_000_000 + b'"}'),
    "10 MB in small": Answer(
        body=gzip.compress(b'{"a": "' + b"a" * 10_000_000 + b'"}'), headers=(("Content-Encoding", "gzip"),)
    ),
    "a gzip bomb": Answer(body=gzip.compress(bytes(20_000_000), 9), headers=(("Content-Encoding", "gzip"),)),
    "half a gzip": Answer(body=gzip.compress(b"{}" * 1000)[:-10], headers=(("Content-Encoding", "gzip"),)),
    "no gzip": Answer(body=b"{}", headers=(("Content-Encoding", "gzip"),)),
    "packed otherwise": Answer(body=b"{}", headers=(("Content-Encoding", "br"),)),
    "broken JSON": Answer(body=b'{"issuer": '),
    "no JSON": Answer(body=b"<!doctype html>"),
    "no UTF-8": Answer(body=b'{"a": "\xff"}'),
    "a nesting bomb": Answer(body=b"[" * 200_000),
    "a text": Answer(body=b'"text"'),
    "nothing": Answer(body=b""),
    "500": Answer(500, b'{"error": "server_error"}'),
    "503": Answer(503),
    "429": Answer(429),
    "a redirect": Answer(302, headers=(("Location", "http://127.0.0.1:1/"),)),
}


@pytest.mark.parametrize(("name", "path"), PLACES)
@pytest.mark.parametrize("answer", ODD.values(), ids=ODD.keys())
def test_a_provider_that_sends_nothing_of_use_is_unavailable(
    client: Client, acme: StandIn, name: str, path: str, answer: Answer
) -> None:
    acme.answers[path] = answer
    unavailable(comes_in(client, acme, name))


def test_a_gzip_bomb_is_not_unpacked_in_memory(client: Client, acme: StandIn) -> None:
    acme.answers[DISCOVERY] = ODD["a gzip bomb"]
    tracemalloc.start()
    try:
        unavailable(client.url)
        assert tracemalloc.get_traced_memory()[1] < 4 * BODY_LIMIT
    finally:
        tracemalloc.stop()


def test_an_answer_in_gzip_that_is_small_is_read(client: Client, acme: StandIn) -> None:
    def packed(asked: Asked) -> Answer:
        plain = acme.discovery(asked)
        return Answer(200, gzip.compress(plain.body), (("Content-Encoding", "gzip"),))

    acme.answers[DISCOVERY] = packed
    assert client.signs_in(acme).subject == acme.user["sub"]


@pytest.mark.parametrize(("name", "path"), PLACES)
def test_a_redirect_to_a_private_address_is_not_followed(client: Client, acme: StandIn, name: str, path: str) -> None:
    with StandIn() as private:
        for status in (301, 302, 303, 307, 308):
            acme.answers[path] = Answer(status, b"", (("Location", f"{private.url}{path}"),))
            unavailable(comes_in(client, acme, name))
        assert private.asked == []


def test_a_provider_that_is_not_there_is_unavailable(connected: Connected, acme: StandIn) -> None:
    client = connected(acme.settings(issuer="http://127.0.0.1:1"), acme.github_settings())
    unavailable(client.url)
    unavailable(lambda: client.sends(acme.id_token()))


@pytest.fixture
def certified(tmp_path: Path) -> ssl.SSLContext:
    """TLS with a certificate that nobody else has signed; its file is certificate.pem."""
    key = rsa_key("tls").as_pem(private=True)
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "certificate.pem").write_text(certificate("tls"), encoding="utf-8")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate.pem", tmp_path / "key.pem")
    return context


def test_a_provider_whose_certificate_nobody_signed_is_unavailable(connected: Connected, certified: ssl.SSLContext) -> None:
    with StandIn(certified) as provider:
        client = connected(provider.settings())
        unavailable(client.url)
        unavailable(lambda: client.sends(provider.id_token()))
        assert provider.asked == []


def test_a_provider_with_a_certificate_that_this_machine_trusts_signs_in(
    connected: Connected, certified: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    monkeypatch.setattr(asking, "tls_context", tls_context)
    with StandIn(certified) as provider:
        assert connected(provider.settings()).sends(provider.id_token()).subject == provider.user["sub"]


def test_no_cookie_of_a_provider_comes_back_with_the_next_user(client: Client, acme: StandIn) -> None:
    client.signs_in(acme)
    client.signs_in(acme)
    assert [each for each in acme.asked if "Cookie" in each.headers] == []


def test_no_proxy_of_the_environment_hears_of_a_sign_in(
    monkeypatch: pytest.MonkeyPatch, connected: Connected, acme: StandIn
) -> None:
    with StandIn() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert connected(acme.settings()).signs_in(acme).subject == acme.user["sub"]
        assert proxy.asked == []


# Many at a time


def test_a_provider_that_hangs_has_a_line_of_bounded_length_and_then_of_one(
    client: Client, acme: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.providers.asking.WITHIN", 1.0)
    acme.answers[DISCOVERY] = Answer(hangs=True)
    started, took = time.perf_counter(), []

    async def come() -> None:
        try:
            await client.providers.authorization_url("acme", state=STATE, nonce=NONCE, verifier=VERIFIER)
        finally:
            took.append(time.perf_counter() - started)

    found = client.together(*(come() for _ in range(200)))
    assert {each.code for each in found if isinstance(each, Problem)} == {"provider_unavailable"}
    assert len(found) == 200
    assert len([each for each in took if each > 0.9]) == AT_ONCE
    assert len([each for each in took if each < 0.5]) == 200 - AT_ONCE
    started, took[:] = time.perf_counter(), []
    client.together(*(come() for _ in range(200)))
    assert len([each for each in took if each > 0.9]) == 1
    # Another provider is not in that line, and this one is open to all as soon as one of them was answered.
    assert client.signs_in(acme, "github").subject == str(acme.github_id)
    del acme.answers[DISCOVERY]
    client.url()
    assert all(
        isinstance(each, ProvidedIdentity)
        for each in client.together(
            *(client.providers.identity_of_id_token("acme", acme.id_token(), None) for _ in range(AT_ONCE))
        )
    )


def test_who_goes_away_leaves_the_line(client: Client, acme: StandIn) -> None:
    acme.answers[DISCOVERY] = Answer(hangs=True)

    async def come_and_go() -> None:
        for _ in range(2):
            coming = [
                asyncio.create_task(client.providers.authorization_url("acme", state="s", nonce="n", verifier=VERIFIER))
                for _ in range(AT_ONCE)
            ]
            await asyncio.sleep(0.1)
            for each in coming:
                each.cancel()
            gone = await asyncio.gather(*coming, return_exceptions=True)
            assert {type(each) for each in gone} == {asyncio.CancelledError}

    client.runner.run(come_and_go())
    del acme.answers[DISCOVERY]
    assert client.signs_in(acme).subject == acme.user["sub"]


def test_an_id_token_of_known_keys_needs_no_provider(client: Client, acme: StandIn) -> None:
    client.sends(acme.id_token())
    for path in (DISCOVERY, JWKS):
        acme.answers[path] = Answer(hangs=True)
    found = client.together(*(client.providers.identity_of_id_token("acme", acme.id_token(), None) for _ in range(100)))
    assert {type(each) for each in found} == {ProvidedIdentity}


# Keys that change


def test_a_new_key_counts_at_once(client: Client, acme: StandIn) -> None:
    assert client.sends(acme.id_token()).provider == "acme"
    acme.keys = [rsa_key(), rsa_key("second")]
    assert client.sends(acme.id_token()).provider == "acme"
    assert client.signs_in(acme).provider == "acme"


def test_a_key_that_is_gone_signs_nothing_more(client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]) -> None:
    old = acme.id_token()
    client.sends(old)
    acme.keys = [rsa_key("second")]
    client.sends(acme.id_token())
    invalid(client, old, "key", capsys)


def test_a_key_that_is_gone_signs_nothing_more_when_what_was_published_is_too_old(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    acme.max_age = 61
    old = acme.id_token()
    client.sends(old)
    acme.keys = [rsa_key("second")]
    client.sends(old)
    monkeypatch.setattr("app.providers.kept.monotonic", lambda: time.monotonic() + 62)
    invalid(client, old, "key", capsys)


def test_a_flood_of_unknown_keys_is_no_flood_at_the_provider(
    client: Client, acme: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    client.sends(acme.id_token())
    for number in range(50):
        acme.header = {"kid": f"unknown{number}"}
        invalid(client, acme.id_token(), "key", capsys)
    client.together(*(client.providers.identity_of_id_token("acme", acme.id_token(), None) for _ in range(50)))
    asked = [each.path for each in acme.asked]
    assert (asked.count(DISCOVERY), asked.count(JWKS)) == (1, 1 + RENEWALS)
    acme.header = {}
    assert client.sends(acme.id_token()).provider == "acme"


# Forms


@given(st.text(max_size=330) | st.emails() | st.from_regex(r"[^@\s]{1,4}@[^@\s]{1,4}", fullmatch=True))
def test_an_address_that_is_passed_on_is_one_that_an_account_takes(text: str) -> None:
    email = identity.email_of(text)
    if email is not None:
        assert email == text
        msgspec.convert(email, Email)
        check_email(email)
        email.encode()


@given(st.text(max_size=2000))
def test_a_name_and_a_picture_that_are_passed_on_are_ones_that_an_account_takes(text: str) -> None:
    for made, kind in ((identity.name_of(text), Name), (identity.picture_of(text), AvatarUrl)):
        if made is not None:
            msgspec.convert(made, kind)
            made.encode()
            assert made.strip()
            assert "\x00" not in made


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({"email_verified": "true"}, ("ada@example.com", True)),
        ({"email_verified": "True"}, ("ada@example.com", True)),
        ({"email_verified": "false"}, ("ada@example.com", False)),
        ({"email_verified": "yes"}, ("ada@example.com", False)),
        ({"email_verified": 1}, ("ada@example.com", False)),
        ({"email_verified": None}, ("ada@example.com", False)),
        ({"email": "ada\u200b@example.com"}, (None, False)),
        ({"email": "ada\u3164@example.com"}, (None, False)),
        ({"email": "ada\ufe0f@example.com"}, (None, False)),
        ({"email": "ada"}, (None, False)),
        ({"email": ["ada@example.com"]}, (None, False)),
        ({"email": "a" * 310 + "@example.com"}, (None, False)),
    ],
)
def test_an_address_is_verified_where_the_provider_says_so(
    client: Client, acme: StandIn, claims: dict[str, Any], seen: tuple[str | None, bool]
) -> None:
    found = client.sends(acme.id_token(**{"email": "ada@example.com", "email_verified": True} | claims))
    assert (found.email, found.is_email_verified) == seen


@pytest.mark.parametrize(
    ("claims", "seen"),
    [
        ({"name": "  Ada \n Lovelace\x00 "}, "Ada Lovelace"),
        ({"name": "a" * 200}, "a" * 100),
        ({"name": "\u202egnol oot"}, "gnol oot"),
        ({"name": " \x00 "}, None),
        ({"name": ["Ada"]}, None),
        ({"name": "\ud800"}, None),
    ],
)
def test_a_name_is_brought_into_form(client: Client, acme: StandIn, claims: dict[str, Any], seen: str | None) -> None:
    assert client.sends(acme.id_token(**claims)).name == seen


@pytest.mark.parametrize(
    "picture", ["http://example.com/a.png", "javascript:alert(1)", "https://a@example.com/", "a" * 501, 5, ""]
)
def test_a_picture_that_is_no_https_address_is_dropped(client: Client, acme: StandIn, picture: Any) -> None:
    assert client.sends(acme.id_token(picture=picture)).avatar_url is None


# Beside requests


def test_a_server_without_providers_loads_nothing_for_them() -> None:
    code = (
        "import sys; from app.providers.clients import Providers; from app.settings import Settings; import app.main;"
        "Providers(Settings()); print({'authlib', 'joserfc', 'httpx', 'httpcore'} & set(sys.modules))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "set()\n"


def test_the_app_opens_its_providers_and_closes_them(started: Started, acme: StandIn) -> None:
    api = started(providers=(acme.settings(), acme.github_settings()))
    assert api.app.services.providers.names == {"acme", "github"}
    url = api.runner.run(api.app.services.providers.authorization_url("acme", state="s", nonce="n", verifier=VERIFIER))
    assert url.startswith(f"{acme.url}/authorize?")


def test_calls_are_counted_by_what_became_of_them(connected: Connected, acme: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.providers.asking.WITHIN", 0.3)
    client = connected(acme.settings("counted"))

    def counted(outcome: str) -> float | None:
        return REGISTRY.get_sample_value("holdfast_provider_calls_total", {"provider": "counted", "outcome": outcome})

    assert [counted(each) for each in ("answered", "failed", "hung", "turned_away")] == [0, 0, 0, 0]
    acme.answers[DISCOVERY] = Answer(500)
    unavailable(lambda: client.url("counted"))
    acme.answers[DISCOVERY] = Answer(hangs=True)
    client.together(*(client.providers.identity_of_id_token("counted", acme.id_token(), None) for _ in range(AT_ONCE + 3)))
    acme.answers.clear()
    client.url("counted")
    assert [counted(each) for each in ("answered", "failed", "hung", "turned_away")] == [1, 1, AT_ONCE, 3]
    assert REGISTRY.get_sample_value("holdfast_provider_seconds_count", {"provider": "counted"}) == 2

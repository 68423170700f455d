"""An identity provider on a socket of this machine, which does as it is told: OpenID Connect, GitHub's routes, Firebase's keys.

    with StandIn() as provider:
        api = started(providers=(provider.settings("acme"),), ...)
        provider.user["email"] = "ada@example.com"
        callback = provider.signs_in(authorization_url)

It signs whoever comes in as `user` and sends them back at once. It checks what a provider checks: client, redirect, code, PKCE.
`answers` takes the place of any route, `claims`, `header` and `sign` of what is in an ID token and how it is signed.
"""

import base64
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from app.settings import Provider

CLIENT_ID = "holdfast"
CLIENT_SECRET = "s3cret+/%: of the client"
PROJECT = "holdfast-1a2b3"

SigningKey = RSAKey | ECKey


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]
    form: dict[str, str]
    query: dict[str, str]


class Answer(NamedTuple):
    """What is sent, and how."""

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    hangs: bool = False
    """Nothing is sent until the stand-in ends."""
    drips: float = 0.0
    """Seconds before each byte."""


def as_json(value: Any, status: int = 200, *headers: tuple[str, str]) -> Answer:
    return Answer(status, json.dumps(value).encode(), (("Content-Type", "application/json"), *headers))


def rsa_key(kid: str = "first") -> RSAKey:
    """A private key, the same for each name: making one takes a tenth of a second."""
    return _rsa_key(kid)


@cache
def _rsa_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@cache
def ec_key(kid: str = "curve") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


@cache
def certificate(kid: str) -> str:
    """The key of that name in a certificate that it signed itself, as PEM."""
    key, name = rsa_key(kid).private_key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in")])
    assert key is not None
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
    made = builder.sign(key, hashes.SHA256())
    return made.public_bytes(Encoding.PEM).decode()


class StandIn:
    """One provider. What is set on it counts from the next request on."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.keys: list[SigningKey] = [rsa_key()]
        """The public half of each is published; the last one signs."""
        self.user: dict[str, Any] = {
            "sub": secrets.token_hex(8),
            "email": f"{secrets.token_hex(8)}@example.com",
            "email_verified": True,
            "name": "Ada Lovelace",
            "picture": "https://example.com/ada.png",
        }
        self.in_userinfo_only: set[str] = set()
        """Claims that the ID token does not have."""
        self.claims: dict[str, Any] = {}
        """Over those of every ID token; None takes one away."""
        self.header: dict[str, Any] = {}
        """The same, of its header."""
        self.sign: Callable[[dict[str, Any], dict[str, Any]], str] | None = None
        """Makes an ID token of its header and its claims."""
        self.metadata: dict[str, Any] = {}
        """Over those of the discovery document; None takes one away."""
        self.callback: dict[str, str | None] = {}
        """Over the parameters of the redirect back; None takes one away."""
        self.client_secret: str | None = CLIENT_SECRET
        """None: a public client."""
        self.max_age = 3600
        """Of discovery and keys."""
        self.github_emails = [{"email": self.user["email"], "primary": True, "verified": True, "visibility": None}]
        self.github_id = secrets.randbelow(2**40)
        self.answers: dict[str, Answer | Callable[[Asked], Answer]] = {}
        """By path: what is answered there instead."""
        self.asked: list[Asked] = []
        self._codes: dict[str, dict[str, str]] = {}
        self._tokens: set[str] = set()
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self.issuer = self.url

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    # What the app is told

    def settings(self, name: str = "acme", **changes: Any) -> Provider:
        """As a provider of OpenID Connect."""
        given: dict[str, Any] = {"client_secret": self.client_secret, "scopes": ("openid", "email", "profile")} | changes
        return Provider(name=name, kind="oidc", **{"issuer": self.issuer, "client_id": CLIENT_ID} | given)

    def github_settings(self) -> Provider:
        scopes = ("read:user", "user:email")
        issuer, secret = self.url, self.client_secret
        return Provider(name="github", kind="github", issuer=issuer, client_id=CLIENT_ID, client_secret=secret, scopes=scopes)

    def firebase_settings(self) -> Provider:
        issuer, keys_url = f"https://securetoken.google.com/{PROJECT}", f"{self.url}/certificates"
        return Provider(name="firebase", kind="firebase", issuer=issuer, client_id=PROJECT, keys_url=keys_url)

    # What a test does in place of a browser or an app

    def signs_in(self, authorization_url: str) -> str:
        """Go where the app sends a browser: the address that the provider sends it back to."""
        answer = httpx.get(authorization_url, trust_env=False)
        assert answer.status_code == 302, answer.text
        return str(answer.headers["location"])

    def id_token(self, **claims: Any) -> str:
        """An ID token for the client, as a native app gets it."""
        about = {key: value for key, value in self.user.items() if key not in self.in_userinfo_only}
        return self._signed({"iss": self.issuer, "aud": CLIENT_ID} | about | claims)

    def firebase_token(self, **claims: Any) -> str:
        """An ID token of Firebase."""
        about = {"iss": f"https://securetoken.google.com/{PROJECT}", "aud": PROJECT, "auth_time": int(time.time())}
        signed_in = {"identities": {}, "sign_in_provider": "password"}
        return self._signed(about | self.user | {"user_id": self.user["sub"], "firebase": signed_in} | claims)

    def _signed(self, claims: dict[str, Any]) -> str:
        now, key = int(time.time()), self.keys[-1]
        whole = without_none({"iat": now, "exp": now + 3600} | claims | self.claims)
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        header = without_none({"alg": algorithm, "typ": "JWT", "kid": key.kid} | self.header)
        return self.sign(header, whole) if self.sign else jws.serialize_compact(header, json.dumps(whole), key, [header["alg"]])

    # What it answers

    def answer(self, asked: Asked) -> Answer:
        """What is sent for a request."""
        self.asked.append(asked)
        instead = self.answers.get(asked.path)
        if instead is not None:
            return instead(asked) if callable(instead) else instead
        route = _ROUTES.get(asked.path)
        return Answer(404) if route is None else route(self, asked)

    def discovery(self, _: Asked) -> Answer:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return as_json(without_none(document | self.metadata), 200, ("Cache-Control", f"max-age={self.max_age}"))

    def jwks(self, _: Asked) -> Answer:
        keys = {"keys": [key.as_dict(private=False) for key in self.keys]}
        return as_json(keys, 200, ("Cache-Control", f"public, max-age={self.max_age}"))

    def certificates(self, _: Asked) -> Answer:
        named = {str(key.kid): certificate(str(key.kid)) for key in self.keys}
        return as_json(named, 200, ("Cache-Control", f"public, max-age={self.max_age}, must-revalidate"))

    def authorize(self, asked: Asked) -> Answer:
        query = asked.query
        if query.get("client_id") != CLIENT_ID or query.get("response_type") != "code":
            return Answer(400, b"not this client")
        if query.get("code_challenge_method") != "S256" or len(query.get("code_challenge", "")) != 43:
            return Answer(400, b"no challenge")
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        back = without_none({"code": code, "state": query["state"], "iss": self.issuer} | self.callback)
        return Answer(302, b"", (("Location", f"{query['redirect_uri']}?{urlencode(back)}"),))

    def token(self, asked: Asked) -> Answer:
        if not self._is_client(asked):
            return as_json({"error": "invalid_client", "error_description": "secret words of the provider"}, 401)
        begun = self._codes.pop(asked.form.get("code", ""), None)
        challenge = (
            base64.urlsafe_b64encode(sha256(asked.form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        )
        if begun is None or begun["code_challenge"] != challenge or begun["redirect_uri"] != asked.form.get("redirect_uri"):
            return as_json({"error": "invalid_grant", "error_description": "secret words of the provider"}, 400)
        access_token = secrets.token_urlsafe(16)
        self._tokens.add(access_token)
        granted = {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600}
        if "openid" in begun.get("scope", "").split():
            granted["id_token"] = self.id_token(**{"nonce": begun["nonce"]} if "nonce" in begun else {})
        return as_json(granted, 200, ("Set-Cookie", "who=somebody; Path=/"))

    def _is_client(self, asked: Asked) -> bool:
        given = (asked.form.get("client_id"), asked.form.get("client_secret"))
        kind, _, encoded = asked.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
            given = (unquote_plus(name), unquote_plus(secret))
        return given == (CLIENT_ID, self.client_secret)

    def userinfo(self, asked: Asked) -> Answer:
        return as_json(self.user) if self._has_token(asked) else Answer(401)

    def github_user(self, asked: Asked) -> Answer:
        shown = {"id": self.github_id, "login": "ada", "name": self.user["name"], "avatar_url": self.user["picture"]}
        return as_json(shown | {"email": "public@example.com"}) if self._has_token(asked) else Answer(401)

    def github_addresses(self, asked: Asked) -> Answer:
        return as_json(self.github_emails) if self._has_token(asked) else Answer(401)

    def github_token(self, asked: Asked) -> Answer:
        answer = self.token(asked)
        # GitHub's errors have the status of a success.
        return answer._replace(status=200)

    def _has_token(self, asked: Asked) -> bool:
        return asked.headers.get("Authorization", "").removeprefix("Bearer ") in self._tokens


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


_ROUTES: dict[str, Callable[[StandIn, Asked], Answer]] = {
    "/.well-known/openid-configuration": StandIn.discovery,
    "/jwks": StandIn.jwks,
    "/certificates": StandIn.certificates,
    "/authorize": StandIn.authorize,
    "/token": StandIn.token,
    "/userinfo": StandIn.userinfo,
    "/login/oauth/authorize": StandIn.authorize,
    "/login/oauth/access_token": StandIn.github_token,
    "/api/v3/user": StandIn.github_user,
    "/api/v3/user/emails": StandIn.github_addresses,
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 200

    def handle_error(self, *_: object) -> None:
        """Whoever asked may have gone."""


def _handler(provider: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            form, query = dict(parse_qsl(body.decode())), dict(parse_qsl(parts.query))
            answer = provider.answer(Asked(self.command, parts.path, dict(self.headers), form, query))
            if answer.hangs:
                provider._ended.wait(60)  # noqa: SLF001 - a part of it
                return
            self.send_response(answer.status)
            for name, value in (("Content-Length", str(len(answer.body))), *answer.headers):
                self.send_header(name, value)
            self.end_headers()
            if not answer.drips:
                self.wfile.write(answer.body)
                return
            for place in range(len(answer.body)):
                if provider._ended.wait(answer.drips):  # noqa: SLF001 - a part of it
                    return
                self.wfile.write(answer.body[place : place + 1])

        do_POST = do_GET  # noqa: N815 - as its base has it

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler

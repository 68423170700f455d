"""What `holdfast doctor` says of SECRET_KEY, PUBLIC_URL, the addresses of sign-ins, and of providers: good, bad and hanging."""

import json
import threading
import time
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from command import holdfast, process
from serving import free_port

KEY = "a-key-that-was-made-by-openssl-rand"
DISCOVERY = "/.well-known/openid-configuration"


class Web(ThreadingHTTPServer):
    """A web server that answers what a test says."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, bytes]] = {}
        self.clock = 0.0
        """By how many seconds it is ahead."""
        self.hang = threading.Event()
        self.hangs = False
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def page(self, path: str, body: Any, status: int = 200) -> None:
        self.pages[path] = status, body if isinstance(body, bytes) else json.dumps(body).encode()

    def discovery(self, **changed: Any) -> None:
        """Be an OpenID provider."""
        known = {"issuer": self.url} | {
            f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token", "userinfo")
        }
        self.page(DISCOVERY, known | {"jwks_uri": f"{self.url}/keys"} | changed)
        self.page("/keys", {"keys": [{"kty": "RSA"}, {"kty": "RSA"}]})


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        web = cast("Web", self.server)
        if web.hangs:
            web.hang.wait(30)
            return
        status, body = web.pages.get(self.path.partition("?")[0], (404, b""))
        self.send_response_only(status)
        self.send_header("Date", formatdate(time.time() + web.clock, usegmt=True))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield web
        web.hang.set()
        web.shutdown()


def acme(web: Web | str, **more: str) -> dict[str, str]:
    """The settings of a provider."""
    issuer = web if isinstance(web, str) else web.url
    return {"OIDC_PROVIDERS": "acme", "OIDC_ACME_ISSUER": issuer, "OIDC_ACME_CLIENT_ID": "holdfast"} | more


def examined(database: str, **settings: str) -> dict[str, tuple[str, str]]:
    """What the doctor says: its state and its words by the subject."""
    done = holdfast(database, "doctor", "--json", **settings)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return {each["subject"]: (each["state"], f"{each['text']} {each['advice']}".strip()) for each in json.loads(done.stdout)}


def test_without_providers_and_mail_nothing_is_missing(database: str) -> None:
    found = examined(database)
    assert found["secret key"] == ("ok", "is not set, and nothing needs it")
    assert {"public url", "redirects"}.isdisjoint(found)


def test_a_sound_provider_is_told_with_what_to_enter_there(web: Web, database: str) -> None:
    web.discovery()
    redirects = "https://app.example/signed-in,http://127.0.0.1/done"
    found = examined(database, **acme(web, SECRET_KEY=KEY, PUBLIC_URL="https://api.example", SIGN_IN_REDIRECTS=redirects))
    callback = "Enter there as the callback: https://api.example/v1/auth/acme/callback"
    assert found["acme"] == ("ok", f"answers as {web.url}, and has 2 keys; the clocks agree {callback}")
    assert found["redirects"] == ("ok", "a sign-in may end at https://app.example/signed-in, http://127.0.0.1/done (any port)")
    assert found["public url"] == ("ok", "https://api.example")
    assert found["secret key"] == ("ok", "there is one")


def test_the_keys_are_counted_and_not_shown(database: str) -> None:
    done = process(database, "doctor", SECRET_KEY=f"{KEY},{KEY.upper()}")
    assert "ok    secret key  there are 2: the first one seals, all open" in done.stdout
    assert "made-by" not in done.stdout.lower() + done.stderr


def test_what_a_provider_lacks_in_the_settings_is_minded(web: Web, database: str) -> None:
    web.discovery()
    found = examined(database, PORT="8123", **acme(web))
    assert found["secret key"][0] == found["public url"][0] == found["redirects"][0] == "mind"
    assert "openssl rand -base64 32" in found["secret key"][1]
    assert found["acme"][1].endswith("http://127.0.0.1:8123/v1/auth/acme/callback")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"issuer": "https://evil.example"}, 'calls its issuer "https://evil.example", which OIDC_ACME_ISSUER must be'),
        ({"issuer": "\x1b[2J"}, 'calls its issuer "\\u001b[2J"'),
        ({"token_endpoint": None}, "lacks token_endpoint"),
        ({"jwks_uri": "http://127.0.0.1:1/keys"}, "cannot be reached"),
        ({"jwks_uri": "no address"}, "cannot be reached"),
    ],
)
def test_a_discovery_that_is_wrong_is_minded(web: Web, database: str, changed: dict[str, Any], said: str) -> None:
    web.discovery(**changed)
    state, text = examined(database, **acme(web))["acme"]
    assert (state, said in text) == ("mind", True), text


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"", 500, "answers 500"),
        (b"<html>", 200, "is no JSON object"),
        (b"[1]", 200, "is no JSON object"),
        (b"[" * 100_000, 200, "is no JSON object"),
        (b" " * (2**18 + 1), 200, "sends more than 256 KiB"),
        (b"", 302, "answers 302"),
    ],
)
def test_an_answer_that_is_no_discovery_is_minded(web: Web, database: str, body: bytes, status: int, said: str) -> None:
    web.page(DISCOVERY, body, status)
    state, text = examined(database, **acme(web))["acme"]
    assert (state, said in text) == ("mind", True), text


@pytest.mark.parametrize(("ahead", "said"), [(300, "our clock is 300 s behind"), (-300, "our clock is 300 s ahead")])
def test_a_clock_that_is_wrong_is_minded(web: Web, database: str, ahead: int, said: str) -> None:
    web.discovery()
    web.clock = ahead
    state, text = examined(database, **acme(web))["acme"]
    assert state == "mind"
    assert said.replace("300", "") in text.replace("299", "").replace("300", "").replace("301", ""), text


def test_a_provider_that_is_away_or_hangs_is_minded_within_seconds_and_the_others_are_told(web: Web, database: str) -> None:
    web.hangs = True
    away = f"http://127.0.0.1:{free_port()}"
    many = {"OIDC_PROVIDERS": "acme,away", "OIDC_AWAY_ISSUER": away, "OIDC_AWAY_CLIENT_ID": "holdfast"}
    started = time.monotonic()
    found = examined(database, **acme(web) | many)
    assert time.monotonic() - started < 15
    assert found["acme"][0] == found["away"][0] == "mind"
    assert "did not answer within 5 s" in found["acme"][1]
    assert f"{away}{DISCOVERY} cannot be reached" in found["away"][1]
    assert "/v1/auth/away/callback" in found["away"][1]


def test_the_doctor_asks_as_the_server_does_past_the_proxies_of_the_environment(web: Web, database: str) -> None:
    web.discovery()
    proxy = f"http://127.0.0.1:{free_port()}"
    settings = {"HTTP_PROXY": proxy, "ALL_PROXY": proxy, "NO_PROXY": "", "no_proxy": ""} | acme(web)
    assert examined(database, **settings)["acme"][0] == "ok"


def test_firebases_certificates_are_read(web: Web, database: str) -> None:
    settings = {"OIDC_PROVIDERS": "firebase", "OIDC_FIREBASE_PROJECT": "my-app", "OIDC_FIREBASE_KEYS_URL": f"{web.url}/keys"}
    assert examined(database, **settings)["firebase"][0] == "mind"
    web.page("/keys", {})
    assert "has no certificates" in examined(database, **settings)["firebase"][1]
    web.page("/keys", {"a": "-----BEGIN", "b": "-----BEGIN"})
    found = examined(database, **settings)
    assert found["firebase"] == ("ok", "its 2 certificates can be read, for ID tokens of my-app; the clocks agree")
    assert found["secret key"][0] == "ok", "ID tokens need none"


def test_github_is_asked_for_its_page(web: Web, database: str) -> None:
    settings = {
        "OIDC_PROVIDERS": "github",
        "OIDC_GITHUB_ISSUER": web.url,
        "OIDC_GITHUB_CLIENT_ID": "holdfast",
        "OIDC_GITHUB_CLIENT_SECRET": "s3cret",
    }
    web.page("/login/oauth/authorize", b"", 302)
    state, text = examined(database, **settings)["github"]
    assert (state, text.startswith(f"answers at {web.url}; the clocks agree")) == ("ok", True), text
    web.page("/login/oauth/authorize", b"", 503)
    state, text = examined(database, **settings)["github"]
    assert (state, "answers 503" in text) == ("mind", True)

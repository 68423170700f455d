"""Signing in, linking and mail as users do it: in a browser, with a provider's own pages, on the pages that the guides show.

The provider is the certified oidc-provider where there is Node, and a lighter one else. The page of the app is on an origin of
its own, and its script is that of README.md and docs/sign-in.md.
"""

import base64
import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import uuid4

import needs
import npm
import pytest
from browser import Browser
from mail_stand_in import Mailbox, mailbox, text_of
from serving import Serving, free_port, listens, until
from test_guides import blocks

ROOT = Path(__file__).parent.parent
README, GUIDE = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/sign-in.md"))
API = "https://api.example"
"""What stands in the guides for the server."""

PASSWORD = "correct horse battery"
NATIVE = "/native/signed-in"

pytestmark = needs.chromium

PAGE = """
<!doctype html>
<meta charset="utf-8">
<title>An app</title>
<link rel="icon" href="data:,">
<button id="sign-in">Sign in</button>
<button id="link">Link</button>
<output id="who"></output>
<script type="module">
%s
</script>
"""

SHORT = """
import { signIn, signedIn } from "./short.js";
document.querySelector("#sign-in").onclick = signIn;
document.querySelector("#who").textContent = JSON.stringify(signedIn || null);
"""

LONG = """
import { signIn, signedIn } from "./long.js";
document.querySelector("#sign-in").onclick = () => signIn("google");
document.querySelector("#link").onclick = () => signIn("google", localStorage.token);
const found = await signedIn().catch((error) => ({ error: error.message }));
document.querySelector("#who").textContent = JSON.stringify(found);
"""


class Provider:
    """An OpenID provider in a process of its own."""

    def __init__(self, *, is_certified: bool) -> None:
        self.is_certified = is_certified
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.settings = {
            "OIDC_PROVIDERS": "google",
            "OIDC_GOOGLE_ISSUER": self.issuer,
            "OIDC_GOOGLE_CLIENT_ID": "holdfast",
            "OIDC_GOOGLE_CLIENT_SECRET": "a-secret-that-only-this-provider-and-holdfast-know",
        }

    @contextmanager
    def running(self, folder: Path, callback: str) -> Iterator[None]:
        command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(self.port)]
        if self.is_certified:
            shutil.copy(npm.CLIENTS / "provider.mjs", folder)
            (folder / "node_modules").symlink_to(npm.installed())
            command = ["node", str(folder / "provider.mjs"), self.issuer, callback]
        with (folder / "provider").open("wb") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said)
        try:
            until(lambda: listens(self.port) or process.poll() is not None, "the provider listens")
            assert process.poll() is None, (folder / "provider").read_text()
            yield
        finally:
            process.kill()
            process.wait()

    def sign_in(self, browser: Browser, name: str) -> None:
        """Fill in its pages, as they come."""
        if not self.is_certified:
            browser.fill("input[name=sub]", name)
            browser.click("form:has(input[name=sub]) button")
            return
        browser.fill("input[name=login]", name)
        browser.fill("input[name=password]", "anything")
        browser.click("button[type=submit]")
        # Then it asks for consent.
        browser.until("document.querySelector('input[name=prompt][value=consent]') !== null")
        browser.click("button[type=submit]")


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


class Site:
    """A server of holdfast, the page of an app, a provider and a mail server."""

    def __init__(self, serving: Serving, page: str, provider: Provider, box: Mailbox) -> None:
        self.serving, self.page, self.provider, self.box = serving, page, provider, box

    def open(self, browser: Browser, page: str) -> None:
        """Open a page of the app, and wait until its script has run."""
        browser.open(self.page + page, "#who")
        browser.until("document.querySelector('#who').textContent")

    def come_back(self, browser: Browser) -> Any:
        """Wait for the app's page; who it says is signed in."""
        page = json.dumps(self.page)
        said = "document.querySelector('#who')?.textContent"
        return json.loads(browser.until(f"location.href.startsWith({page}) && {said} !== 'null' && {said}"))

    def sign_in(self, browser: Browser, name: str, page: str = "short.html") -> Any:
        """Open the page, click, sign in at the provider, and come back."""
        self.open(browser, page)
        browser.click("#sign-in")
        self.provider.sign_in(browser, name)
        return self.come_back(browser)

    def link(self, browser: Browser, token: str, name: str) -> Any:
        self.open(browser, "long.html")
        browser.evaluate(f"localStorage.token = {json.dumps(token)}")
        browser.click("#link")
        self.provider.sign_in(browser, name)
        return self.come_back(browser)

    def registered(self) -> tuple[str, str]:
        """The e-mail and the token of a new account."""
        email = f"{uuid4().hex}@users.example"
        return email, self.serving.post("/v1/auth/register", {"email": email, "password": PASSWORD}).json()["token"]


def new_name() -> str:
    """Of somebody whom the provider knows."""
    return f"ada-{uuid4().hex[:12]}"


@contextmanager
def site(provider: Provider, database: str, folder: Path) -> Iterator[Site]:
    pages = folder / "pages"
    pages.mkdir()
    with (
        mailbox() as box,
        ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(pages))) as web,
    ):
        threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        origin = f"http://127.0.0.1:{web.server_port}"
        redirects = [f"{origin}/short.html", f"{origin}/long.html", f"http://127.0.0.1{NATIVE}"]
        settings = provider.settings | {
            "DATABASE_URL": database,
            "CORS_ORIGINS": origin,
            "SIGN_IN_REDIRECTS": ",".join(redirects),
            "SMTP_URL": f"smtp://127.0.0.1:{box.port}",
            "MAIL_FROM": "Holdfast <holdfast@api.example>",
        }
        with Serving(folder / "var", folder / "said", before=(), **settings) as serving:
            scripts = {"short": (SHORT, README), "long": (LONG, GUIDE)}
            for name, (use, document) in scripts.items():
                [script] = [block for block in blocks(document, "js") if "signedIn" in block]
                assert API in script
                (pages / f"{name}.js").write_text(script.replace(API, serving.url), encoding="utf-8")
                (pages / f"{name}.html").write_text(PAGE % use, encoding="utf-8")
            with provider.running(folder, f"{serving.url}/v1/auth/google/callback"):
                yield Site(serving, f"{origin}/", provider, box)
        web.shutdown()


HAS_NODE = bool(shutil.which("node") and shutil.which("npm"))


@pytest.fixture(scope="module")
def there(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(Provider(is_certified=HAS_NODE), database, tmp_path_factory.mktemp("site")) as found:
        yield found


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with Browser(tmp_path / "profile") as browser:
        yield browser


# Signing in


def test_the_script_of_the_readme_signs_in_and_again_into_the_same_account(there: Site, browser: Browser) -> None:
    name = new_name()
    signed_in = there.sign_in(browser, name)
    assert there.serving.get("/v1/me", signed_in["token"]).json()["id"] == signed_in["user"]["id"]
    if there.provider.is_certified:
        assert (signed_in["user"]["email"], signed_in["user"]["is_verified"]) == (f"{name}@example.com", True)
    # The provider remembers, and asks nothing.
    there.open(browser, "short.html")
    browser.click("#sign-in")
    if not there.provider.is_certified:
        there.provider.sign_in(browser, name)
    again = there.come_back(browser)
    assert (again["user"]["id"], again["token"] == signed_in["token"]) == (signed_in["user"]["id"], False)


def test_the_script_is_ten_lines(there: Site) -> None:
    [script] = [block for block in blocks(README, "js") if "signedIn" in block]
    assert len(script.splitlines()) == 10


def test_the_lighter_provider_signs_in_too(database: str, browser: Browser, tmp_path: Path) -> None:
    with site(Provider(is_certified=False), database, tmp_path) as there:
        signed_in = there.sign_in(browser, new_name(), "long.html")
        assert there.serving.get("/v1/me", signed_in["token"]).status_code == 200


def test_no_token_and_no_code_stays_in_the_address_or_in_the_history(there: Site, browser: Browser) -> None:
    signed_in = there.sign_in(browser, new_name(), "long.html")
    history = browser.call("Page.getNavigationHistory")["entries"]
    addresses = json.dumps([entry["url"] for entry in history])
    assert signed_in["token"] not in addresses
    assert f"{there.page}long.html?code=" not in addresses
    assert browser.evaluate("location.search") == ""


def test_who_says_no_at_the_provider_comes_back_with_an_error(there: Site, browser: Browser) -> None:
    there.open(browser, "long.html")
    browser.click("#sign-in")
    if there.provider.is_certified:
        browser.click("a[href*=abort]")
    else:
        browser.click("button[value=deny]")
    assert there.come_back(browser) == {"error": "access_denied"}


def test_a_code_that_somebody_else_was_given_signs_nobody_in(there: Site, browser: Browser, tmp_path: Path) -> None:
    """An attacker's own code, slipped into a victim's browser, must not sign the victim in as the attacker."""
    there.open(browser, "long.html")
    browser.evaluate("sessionStorage.setItem('verifier', 'v'.repeat(43))")
    with Native(there.serving.url) as app, Browser(tmp_path / "attacker") as other:
        other.call("Page.navigate", url=app.start)
        there.provider.sign_in(other, new_name())
        code = app.code()
    there.open(browser, f"long.html?code={code}")
    assert there.come_back(browser) == {"error": "invalid_code"}


def test_the_walk_of_the_guide_with_curl_ends_signed_in_and_counts_once(database: str, tmp_path: Path) -> None:
    port = str(free_port())
    walk = re.split(r"\n## ", GUIDE.partition("## A walk with curl\n")[2])[0]
    offers, settings, *steps = (block.replace("9400", port).replace("\\\n", " ") for block in blocks(walk, "sh"))
    given = dict(word.split("=", 1) for word in shlex.split(settings) if "=" in word)
    with (
        (tmp_path / "provider").open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "oidc_provider_mock", *shlex.split(offers)[1:]], stdout=said, stderr=said
        ) as provider,
    ):
        try:
            until(lambda: listens(int(port)), "the provider listens")
            with Serving(tmp_path / "var", tmp_path / "said", before=(), DATABASE_URL=database, **given) as serving:
                script = "\n".join(steps).replace("http://127.0.0.1:8000", serving.url)
                done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=False)
        finally:
            provider.kill()
    assert done.returncode == 0, done.stderr
    assert '"token":"hf_' in done.stdout, done.stdout
    assert '"email":"ada@example.com"' in done.stdout
    assert done.stdout.count('"code":"invalid_code"') == 1


# A native app, which listens on a port of its own


class Native:
    """A program that waits for the browser on a port of this machine, as RFC 8252, 7.3 has it."""

    verifier = "a-verifier-of-a-native-app-of-at-least-43-signs"
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()

    def __init__(self, api: str) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"<title>Done</title>You can close this page.")

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.redirect = f"http://127.0.0.1:{self.server.server_port}{NATIVE}"
        query = urlencode({"redirect": self.redirect, "code_challenge": self.challenge})
        self.start = f"{api}/v1/auth/google/start?{query}"

    def __enter__(self) -> Self:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def code(self) -> str:
        path: str = until(lambda: next((each for each in self.asked if each.startswith(NATIVE)), None), "the browser comes")
        return parse_qs(urlsplit(path).query)["code"][0]


def test_a_native_app_signs_in_by_the_browser_and_a_port_of_its_own(there: Site, browser: Browser) -> None:
    with Native(there.serving.url) as app:
        browser.call("Page.navigate", url=app.start)
        there.provider.sign_in(browser, new_name())
        body = {"code": app.code(), "verifier": app.verifier, "device_name": "A laptop"}
    answer = there.serving.post("/v1/auth/exchange", body)
    assert answer.status_code == 200, answer.text
    assert there.serving.get("/v1/me", answer.json()["token"]).status_code == 200
    assert there.serving.post("/v1/auth/exchange", body).json()["code"] == "invalid_code", "a code counts once"


# Linking


def identities(there: Site, token: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = there.serving.get("/v1/me/identities", token).json()["items"]
    return found


def test_an_account_with_a_password_is_linked_signed_in_by_the_provider_and_unlinked(
    there: Site, browser: Browser, tmp_path: Path
) -> None:
    email, token = there.registered()
    name = new_name()
    linked = there.link(browser, token, name)
    me = there.serving.get("/v1/me", token).json()
    assert (linked["user"]["id"], me["email"]) == (me["id"], email)
    [identity] = identities(there, token)
    assert identity["provider"] == "google"
    with Browser(tmp_path / "elsewhere") as other:
        assert there.sign_in(other, name)["user"]["id"] == me["id"]
    assert there.serving.delete(f"/v1/me/identities/{identity['id']}", token).status_code == 204
    assert identities(there, token) == []
    with Browser(tmp_path / "later") as other:
        assert there.sign_in(other, name)["user"]["id"] != me["id"], "it is linked no more"


def test_a_guest_who_links_becomes_a_user_and_keeps_a_task(there: Site, browser: Browser) -> None:
    guest = there.serving.post("/v1/auth/guest", None).json()
    there.serving.post("/v1/tasks", {"title": "Kept"}, guest["token"])
    linked = there.link(browser, guest["token"], new_name())
    assert (linked["user"]["id"], linked["user"]["is_guest"]) == (guest["user"]["id"], False)
    tasks = there.serving.get("/v1/tasks", linked["token"]).json()["items"]
    assert [task["title"] for task in tasks] == ["Kept"]


def test_an_identity_of_another_account_is_not_taken_from_it(there: Site, browser: Browser, tmp_path: Path) -> None:
    name = new_name()
    first = there.sign_in(browser, name)
    _, token = there.registered()
    with Browser(tmp_path / "other") as other:
        assert there.link(other, token, name) == {"error": "identity_taken"}
    assert identities(there, token) == []
    assert len(identities(there, first["token"])) == 1


# Mail


def mailed_link(there: Site, address: str, path: str) -> str:
    """Wait for a mail with a link to a page of ours; the link."""
    link = re.compile(re.escape(there.serving.url + path) + r"#token=[\w-]+")

    def found() -> list[str]:
        return [each[0] for mail in there.box.to(address) if (each := link.search(text_of(mail)))]

    links: list[str] = until(found, f"a mail for {address} leads to {path}")
    return links[-1]


def test_a_forgotten_password_is_set_anew_on_the_page_of_the_mail(there: Site, browser: Browser) -> None:
    email, token = there.registered()
    assert there.serving.post("/v1/auth/password-reset", {"email": email}).status_code == 202
    address = mailed_link(there, email, "/account/password-reset")
    browser.open(address, "button")
    assert browser.evaluate("location.hash") == "", "the token does not stay in the address"
    for field in ("#one", "#two"):
        browser.fill(field, "another horse battery")
    browser.click("button")
    browser.until("document.querySelector('#said').textContent.startsWith('The new password is set.')")
    assert logs_in(there, email, "another horse battery")
    assert not logs_in(there, email, PASSWORD)
    assert there.serving.get("/v1/me", token).status_code == 401, "a reset ends every session"
    assert (browser.evaluate("violations"), browser.errors) == ([], [])
    browser.open("about:blank", "body")
    browser.open(address, "button")
    for field in ("#one", "#two"):
        browser.fill(field, "a third horse battery")
    browser.click("button")
    browser.until("document.querySelector('#said').textContent.includes('used before')")
    assert logs_in(there, email, "another horse battery"), "a link counts once"


def logs_in(there: Site, email: str, password: str) -> bool:
    return there.serving.post("/v1/auth/login", {"email": email, "password": password}).status_code == 200


def test_an_address_is_verified_on_the_page_of_the_mail(there: Site, browser: Browser) -> None:
    email, token = there.registered()
    browser.open(mailed_link(there, email, "/account/verification"), "button")
    assert there.serving.get("/v1/me", token).json()["is_verified"] is False, "a scanner of mail opens links, too"
    browser.click("button")
    browser.until("document.querySelector('#said').textContent.startsWith('Thank you')")
    assert there.serving.get("/v1/me", token).json()["is_verified"] is True
    assert (browser.evaluate("violations"), browser.errors) == ([], [])

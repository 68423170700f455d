"""Web apps of other origins: what CORS_ORIGINS lets a browser do, by the protocol's headers and in a real browser."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import msgspec
import needs
import pytest
from browser import Browser
from client import Api, User, assert_problem, new_email
from serving import Serving

ORIGIN, SECOND = "https://app.example", "http://localhost:5173"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}


@pytest.fixture(scope="module")
def app(runner: Any, settings: Any, passwords: Any) -> Iterator[Api]:
    with Api.started(runner, msgspec.structs.replace(settings, cors_origins=(ORIGIN, SECOND)), passwords) as api:
        yield api


@pytest.fixture(scope="module")
def someone(app: Api) -> User:
    return app.user()


def words(answer: httpx.Response, name: str) -> set[str]:
    return {word.strip().lower() for word in answer.headers.get(name, "").split(",")} - {""}


def told(answer: httpx.Response) -> set[str]:
    """What of the protocol an answer has, by the ends of the names."""
    prefix = "access-control-"
    return {name.removeprefix(prefix) for name in answer.headers if name.startswith(prefix)}


@pytest.mark.parametrize("origin", [ORIGIN, SECOND])
def test_a_preflight_of_an_allowed_origin_is_answered_without_a_token(app: Api, origin: str) -> None:
    for path in ("/v1/tasks", "/v1/tasks/00000000-0000-7000-8000-000000000000", "/v1/nowhere"):
        answer = app.request("OPTIONS", path, headers=PREFLIGHT | {"Origin": origin})
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["access-control-allow-origin"] == origin
        assert {"get", "head", "post", "put", "patch", "delete"} == words(answer, "access-control-allow-methods")
        sent = {"authorization", "content-type", "if-match", "if-none-match", "if-range", "range", "x-request-id"}
        assert sent <= words(answer, "access-control-allow-headers")
        # Longer than an hour and a changed setting would not be seen on the same day.
        assert 60 <= int(answer.headers["access-control-max-age"]) <= 3600
        assert "origin" in words(answer, "vary")
        # No cookies, and no way for pages of the internet into private networks.
        assert told(answer) == {"allow-origin", "allow-methods", "allow-headers", "max-age", "expose-headers"}


def test_another_origin_is_allowed_nothing(app: Api, someone: User) -> None:
    wrong = (
        "https://evil.example", "https://app.example.evil.example", "http://app.example", "null", "https://APP.example",
        "https://app.example:443", "https://app.exampl", "https://evil.example https://app.example", "*", "",
    )  # fmt: skip
    for origin in wrong:
        preflight = app.request("OPTIONS", "/v1/tasks", headers=PREFLIGHT | {"Origin": origin})
        read = someone.get("/v1/tasks", headers={"Origin": origin})
        for answer in (preflight, read):
            assert not told(answer) & {"allow-origin", "allow-credentials", "expose-headers"}, origin
            assert "origin" in words(answer, "vary")


def test_an_allowed_origin_may_read_what_the_contract_says_in_headers_and_errors_too(app: Api, someone: User) -> None:
    created = someone.post("/v1/tasks", {"title": "Water the plants"}, headers={"Origin": ORIGIN})
    refused = someone.post("/v1/tasks", {"title": 7}, headers={"Origin": ORIGIN})
    unrouted = app.get("/nowhere", headers={"Origin": ORIGIN})
    assert_problem(refused, 422, "invalid", "title")
    read = {"etag", "location", "retry-after", "x-request-id", "content-disposition", "content-range", "www-authenticate"}
    for answer in (created, refused, unrouted):
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert read <= words(answer, "access-control-expose-headers")
        assert told(answer) == {"allow-origin", "expose-headers"}
        assert "origin" in words(answer, "vary")
    assert someone.get("/v1/tasks", headers={"Origin": SECOND}).headers["access-control-allow-origin"] == SECOND


def test_an_options_request_that_is_no_preflight_says_what_a_path_takes(app: Api) -> None:
    answer = app.request("OPTIONS", "/v1/tasks", headers={"Origin": ORIGIN})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, ORIGIN)
    assert {"get", "post", "head", "options"} == words(answer, "allow")


def test_without_cors_origins_no_origin_is_told_anything(api: Api, ada: User) -> None:
    for answer in (api.request("OPTIONS", "/v1/tasks", headers=PREFLIGHT), ada.get("/v1/tasks", headers={"Origin": ORIGIN})):
        assert told(answer) == set()


def test_a_star_allows_every_origin(runner: Any, settings: Any, passwords: Any) -> None:
    with Api.started(runner, msgspec.structs.replace(settings, cors_origins=("*",)), passwords) as api:
        answer = api.request("OPTIONS", "/v1/tasks", headers=PREFLIGHT | {"Origin": "https://any.example"})
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "allow-credentials" not in told(answer)
        assert api.get("/health/live", headers={"Origin": "https://any.example"}).headers["access-control-allow-origin"] == "*"


def test_with_a_star_every_answer_says_so_because_a_cache_gives_it_to_other_origins(
    runner: Any, settings: Any, passwords: Any
) -> None:
    with Api.started(runner, msgspec.structs.replace(settings, cors_origins=("*",)), passwords) as api:
        user = api.user()
        file = user.request("POST", "/v1/media", files={"file": ("a.txt", b"words")}).json()
        path = user.made(f"/v1/media/{file['id']}/links", {"expires_in": 3600})["url"]
        for headers in ({}, {"Origin": ORIGIN}):
            answer = api.get(path, headers=headers)
            assert (answer.status_code, "public" in answer.headers["cache-control"]) == (200, True)
            assert answer.headers["access-control-allow-origin"] == "*"
            assert "etag" in words(answer, "access-control-expose-headers")
            assert "origin" not in words(answer, "vary")


PAGE = """<!doctype html><title>An app of another origin</title><script>
window.done = "";
(async () => {
  const api = %(api)s, json = { "Content-Type": "application/json" };
  const answer = await fetch(api + "/v1/auth/register", {
    method: "POST", headers: json, body: JSON.stringify({ email: %(email)s, password: "correct horse battery" }) });
  const signed = { ...json, Authorization: "Bearer " + (await answer.json()).token };
  const made = await fetch(api + "/v1/tasks", { method: "POST", headers: signed, body: '{"title": "From a page"}' });
  const task = await made.json(), path = api + made.headers.get("Location"), tag = made.headers.get("ETag");
  const patch = (headers) => fetch(path, { method: "PATCH", headers: { ...signed, ...headers }, body: '{"completed": true}' });
  const changed = await patch({ "If-Match": tag }), stale = await patch({ "If-Match": tag });
  const problem = await stale.json();
  const moved = changed.headers.get("ETag") !== tag;
  window.done = [made.status, task.title, changed.status, moved, stale.status, problem.code].join();
})().catch((error) => { window.done = String(error); });
</script>"""


@contextmanager
def site(folder: Path) -> Iterator[str]:
    """A web site of another origin: the URL of a folder."""
    handler = partial(type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None}), directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


@needs.chromium
@pytest.mark.parametrize("allowed", [True, False])
def test_a_page_of_another_origin_registers_creates_and_patches_with_if_match(
    database: str, tmp_path: Path, *, allowed: bool
) -> None:
    (tmp_path / "site").mkdir()
    with site(tmp_path / "site") as url:
        origins = url if allowed else "https://app.example"
        folder = tmp_path / "var"
        with (
            Serving(folder, tmp_path / "said", DATABASE_URL=database, CORS_ORIGINS=origins) as serving,
            Browser(tmp_path / "profile") as browser,
        ):
            page = PAGE % {"api": f'"{serving.url}"', "email": f'"{new_email()}.page"'}
            (tmp_path / "site" / "index.html").write_text(page, encoding="utf-8")
            browser.call("Page.navigate", url=url)
            done = browser.until("window.done")
    assert done == ("201,From a page,200,true,412,version_mismatch" if allowed else "TypeError: Failed to fetch")

"""What the settings leave open to everybody: the reference page and the metrics."""

import pytest
from client import Started, assert_problem
from served import ROUTES


def exposed_by(setting: str) -> list[str]:
    return [route.path.replace("{name}", "start.js") for route in ROUTES if route.options.exposed_by == setting]


@pytest.mark.parametrize(
    ("setting", "paths"),
    [("expose_docs", ["/", "/docs", "/docs/start.js", "/openapi.json"]), ("expose_metrics", ["/metrics"])],
)
def test_what_is_not_exposed_is_not_there(started: Started, setting: str, paths: list[str]) -> None:
    assert exposed_by(setting) == paths
    closed = started(**{setting: False})
    for path in paths:
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = closed.request(method, path)
            assert answer.status_code == 404, (method, path)
        assert_problem(closed.get(path), 404, "not_found")
    others = {"/docs", "/openapi.json", "/metrics", "/health/live", "/health/ready", "/problems/not_found"} - {*paths}
    assert {path: closed.get(path).status_code for path in others} == dict.fromkeys(others, 200)


def test_metrics_are_for_whoever_has_their_token(started: Started) -> None:
    token = "k2~Zx/+=.-_!{}"
    api = started(metrics_token=token)
    for sent in (f"Bearer {token}", f"bearer {token}", f" Bearer   {token} "):
        answer = api.get("/metrics", headers={"Authorization": sent})
        assert answer.status_code == 200, sent
        assert "holdfast_requests_total" in answer.text
    wrong = ["", "Bearer", "Bearer ", token, f"Basic {token}", f"Bearer {token}x", f"Bearer {token[:-1]}", "Bearer k2\xff"]
    for sent in [*wrong, f"Bearer {token.upper()}", f"Bearer {api.user().token}"]:
        answer = api.get("/metrics", headers={"Authorization": sent.encode("latin-1")})
        assert_problem(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert token not in answer.text
    assert_problem(api.get("/metrics"), 401, "unauthenticated")
    assert api.get("/health/ready").status_code == 200

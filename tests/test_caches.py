"""What caches may do with an answer: never show one user another's, always ask again, and keep no token."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import needs
import pytest
import requests
from browser import Browser
from cachecontrol import CacheControl
from client import PASSWORD, Api, User, new_email
from served import ROUTES
from serving import Serving

from app.accounts.commands import set_role


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    with Serving(folder / "var", folder / "said", DATABASE_URL=database) as serving:
        yield serving


def signed(token: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} | headers


SHARED = {
    "/v1/me": None,
    "/v1/daily-reviews/2026-01-01": {"highlights": "WORD"},
    "/v1/progress-snapshots/daily/2026-01-01": {"weight": 70, "weight_unit": "kg"},
}
"""Addresses that are the same for every user, and what is put there."""


@pytest.mark.parametrize("path", SHARED)
def test_one_session_of_a_caching_client_shows_each_user_their_own(served: Serving, api: Api, path: str) -> None:
    users = [api.user(), api.user()]
    for user in users:
        if SHARED[path] is not None:
            assert user.put(path, SHARED[path]).status_code == 201
    cached = CacheControl(requests.Session())
    for user in [*users, *reversed(users), *users]:
        answer = cached.get(served.url + path, headers=signed(user.token))
        assert answer.json() == user.get(path).json()


def test_a_service_that_acts_for_two_users_through_one_caching_client_reads_each_ones_own(served: Serving, api: Api) -> None:
    service, users = api.user(), [api.user(), api.user()]
    assert api.runner.run(set_role(api.database, UUID(service.id), "service"))
    cached = CacheControl(requests.Session())
    for user in [*users, *users]:
        answer = cached.get(f"{served.url}/v1/me", headers=signed(service.token, **{"X-On-Behalf-Of": user.id}))
        assert answer.json()["id"] == user.id


def test_the_same_address_has_another_etag_for_another_user(api: Api, ada: User, bob: User) -> None:
    for path, body in SHARED.items():
        tags = []
        for user in (ada, bob):
            if body is not None:
                user.put(path, body)
            tags.append(user.get(path).headers["etag"])
        assert tags[0] != tags[1], path
        assert bob.get(path, headers={"If-None-Match": tags[0]}).status_code == 200
        assert bob.get(path, headers={"If-None-Match": tags[1]}).status_code == 304


def test_two_users_whose_rows_have_one_version_have_two_etags_all_the_same(
    api: Api, runner: asyncio.Runner, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    users = [api.user(), api.user()]

    async def set_one_version() -> None:
        # Past the trigger, which would make it a time: no two are equal by chance.
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute("update users set version = 7 where id::text = any($1)", [user.id for user in users])

    runner.run(set_one_version())
    tags = [user.get("/v1/me").headers["etag"] for user in users]
    assert [tag.partition("-")[0] for tag in tags] == ['"7', '"7']
    assert tags[0] != tags[1]
    assert users[1].get("/v1/me", headers={"If-None-Match": tags[0]}).status_code == 200


def test_a_goal_whose_percentage_moved_is_read_anew_and_patched_by_who_read_it_before(ada: User) -> None:
    goal = ada.made("/v1/goals", {"title": "Read", "goal_type": "yearly", "target_value": 10})
    path = f"/v1/goals/{goal['id']}"
    before = ada.get(path).headers["etag"]
    assert ada.post(f"{path}/progress", {"value": 5}).status_code == 201
    answer = ada.get(path, headers={"If-None-Match": before})
    assert (answer.status_code, answer.json()["percentage"]) == (200, 50)
    assert ada.patch(path, {"title": "Read more"}, headers={"If-Match": before}).status_code == 200
    assert ada.patch(path, {"title": "Read less"}, headers={"If-Match": before}).status_code == 412


def test_a_login_changes_the_etag_of_a_profile_that_shows_it(api: Api) -> None:
    user = api.user()
    tag = user.get("/v1/me").headers["etag"]
    assert api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).status_code == 200
    assert user.get("/v1/me", headers={"If-None-Match": tag}).status_code == 200


def test_every_answer_below_v1_is_for_its_caller_only_and_asked_for_again(api: Api, ada: User) -> None:
    task = ada.task()
    answers = [
        ada.get("/v1/tasks"),
        ada.get(f"/v1/tasks/{task['id']}"),
        ada.get(f"/v1/tasks/{task['id']}", headers={"If-None-Match": "*"}),
        ada.post("/v1/tasks", {"title": 7}),
        ada.get("/v1/nowhere"),
        api.get("/v1/tasks"),
        ada.request("PUT", "/v1/tasks"),
        ada.delete(f"/v1/tasks/{task['id']}"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 304, 422, 404, 401, 405, 204]
    for answer in answers:
        assert answer.headers["cache-control"] == "private, no-cache", answer.request.url
        assert answer.headers["vary"] == "Authorization, X-On-Behalf-Of"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_no_cache_keeps_an_answer_with_a_token(api: Api, ada: User) -> None:
    answers = [
        api.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD}),
        api.post("/v1/auth/guest"),
        api.post("/v1/auth/login", {"email": ada.email, "password": PASSWORD}),
        ada.post("/v1/me/tokens", {"name": "Script", "scopes": ["read"]}),
    ]
    begun = {"redirect": "https://app.example/signed-in", "code_challenge": "A" * 43}
    answers += [api.post("/v1/auth/github/start", begun), api.get("/v1/auth/github/start", params=begun)]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 201, 200, 302]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    with_token = {route.name for route in ROUTES if "token" in getattr(route.answer, "__struct_fields__", ())}
    # The address of a link has its token in it, those of a sign-in a state or a code; an export is everything of somebody.
    others = {"POST /v1/media/{id}/links", "GET /v1/me/export"}
    others |= {f"{method} /v1/auth/{{provider}}/start" for method in ("GET", "POST")} | {"GET /v1/auth/{provider}/callback"}
    assert with_token | others == {route.name for route in ROUTES if route.options.no_store}


READ = """(async () => {
  const read = async (token) => (await (await fetch("/v1/me", { headers: { Authorization: "Bearer " + token } })).json()).id;
  const ids = [];
  for (const token of %s) ids.push(await read(token));
  window.ids = ids.join();
})()"""


@needs.chromium
def test_a_browsers_own_cache_shows_each_user_their_own(served: Serving, api: Api, tmp_path: Path) -> None:
    users = [api.user(), api.user()] * 2
    with Browser(tmp_path) as browser:
        browser.call("Page.navigate", url=f"{served.url}/health/live")
        browser.until("location.pathname === '/health/live' && document.readyState === 'complete'")
        browser.evaluate(READ % [user.token for user in users])
        found: Any = browser.until("window.ids")
    assert found == ",".join(user.id for user in users)

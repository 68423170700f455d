"""Public files, and the addresses at which files are read without a token."""

import asyncio
import re
import secrets
from typing import Any, cast
from uuid import UUID

import asyncpg
import httpx
import pytest
from client import Api, Execute, User, assert_problem
from factories import DIGITS, upload

from app.auth.tokens import hash_token
from app.database.executor import Transaction
from app.maintenance import jobs
from app.media import repository
from app.media.schemas import MediaLinkCreate


@pytest.fixture
def file(ada: User) -> dict[str, Any]:
    return upload(ada, name="a.txt")


def linked(user: User, file: dict[str, Any], expires_in: int | None = 3600) -> str:
    answer = user.post(f"/v1/media/{file['id']}/links", {"expires_in": expires_in})
    assert answer.status_code == 201, answer.text
    return cast("str", answer.json()["url"])


def publish(user: User, file: dict[str, Any], *, is_public: bool = True) -> None:
    assert user.patch(f"/v1/media/{file['id']}", {"is_public": is_public}).json()["is_public"] is is_public


def caching(answer: httpx.Response) -> tuple[str, str | None]:
    return answer.headers["cache-control"], answer.headers.get("vary")


def test_a_link_is_read_by_whoever_has_it_and_kept_by_caches_for_a_minute(
    ada: User, api: Api, file: dict[str, Any], execute: Execute
) -> None:
    answer = ada.post(f"/v1/media/{file['id']}/links", {"expires_in": 3600})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    link = answer.json()
    [row] = execute(
        "select token_hash, expires_at = created_at + interval '1 hour' as is_right from media_links where media_id = $1",
        file["id"],
    )
    assert row["is_right"]
    assert len(row["token_hash"]) == 32
    assert link["expires_at"] > file["created_at"]
    read = api.get(link["url"])
    assert (read.status_code, read.content, read.headers["content-type"]) == (200, DIGITS, "text/plain; charset=utf-8")
    assert caching(read) == ("public, max-age=60, must-revalidate", None)
    assert read.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert (read.headers["x-content-type-options"], read.headers["referrer-policy"]) == ("nosniff", "no-referrer")
    unchanged = api.get(link["url"], headers={"If-None-Match": read.headers["etag"]})
    assert (unchanged.status_code, unchanged.content, caching(unchanged)) == (304, b"", caching(read))
    piece = api.get(link["url"], headers={"Range": "bytes=2-4"})
    assert (piece.status_code, piece.content, caching(piece)) == (206, b"234", caching(read))
    head = api.request("HEAD", link["url"])
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "10", b"")
    # A token that is sent along, whatever it is, does not count.
    assert api.get(link["url"], token="of nobody").content == DIGITS
    # Caches do not keep it beyond its end.
    ending = re.fullmatch("public, max-age=([0-9]+), must-revalidate", caching(api.get(linked(ada, file, 30)))[0])
    assert ending
    assert 0 < int(ending[1]) <= 30


def test_what_is_no_link_is_404_for_everybody(ada: User, api: Api, file: dict[str, Any]) -> None:
    url = linked(ada, file)
    other = url[:-1] + ("A" if url[-1] != "A" else "B")
    for path in (other, url[:-1], url + "A", url[:-3] + "%2e%2e", url[:-2] + "%C3%A4", f"/v1/public/media/{file['id']}"):
        answer = api.get(path)
        assert_problem(answer, 404, "not_found")
        assert "public" not in answer.headers["cache-control"]
        assert_problem(ada.get(path), 404, "not_found")


def test_a_link_ends_in_time_and_maintenance_removes_it(ada: User, api: Api, file: dict[str, Any], execute: Execute) -> None:
    url, lasting = linked(ada, file), linked(ada, file)
    assert execute(
        "update media_links set expires_at = now() where token_hash = sha256($1::text::bytea) returning 1",
        url.rpartition("/")[2],
    )
    assert_problem(api.get(url), 404, "not_found")
    counts = api.runner.run(jobs.run(api.database, api.storage))
    assert counts["expired links"] >= 1
    assert execute("select count(*) as n from media_links where media_id = $1", file["id"]) == [{"n": 1}]
    assert api.get(lasting).status_code == 200


def test_links_without_an_end_are_for_public_files_and_end_when_they_are_private(ada: User, api: Api) -> None:
    file = upload(ada, is_public="true")
    assert file["is_public"] is True
    url, dated = linked(ada, file, None), linked(ada, file)
    assert ada.get(f"/v1/media/{file['id']}").json()["is_public"] is True
    assert [each["is_public"] for each in ada.get("/v1/media?limit=1").json()["items"]] == [True]
    assert caching(api.get(url)) == ("public, max-age=60, must-revalidate", None)
    publish(ada, file, is_public=False)
    assert_problem(api.get(url), 404, "not_found")
    assert_problem(api.get(url, headers={"If-None-Match": f'"{file["sha256"]}"'}), 404, "not_found")
    publish(ada, file, is_public=True)
    assert_problem(api.get(url), 404, "not_found")
    publish(ada, file, is_public=False)
    # The other one says itself how long it holds.
    assert api.get(dated).status_code == 200
    answer = ada.post(f"/v1/media/{file['id']}/links", {"expires_in": None})
    assert_problem(answer, 422, "invalid")
    assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [("expires_in", "required")]


def test_a_link_without_an_end_does_not_outlive_a_change_to_private_that_it_met(api: Api, ada: User) -> None:
    file = upload(ada, is_public="true")
    path, token = f"/v1/media/{file['id']}", secrets.token_urlsafe(32)

    async def hide_while_a_link_is_made() -> list[httpx.Response]:
        private, begun = {"is_public": False}, asyncio.Event()

        async def make_a_link(transaction: Transaction) -> None:
            new, token_hash = MediaLinkCreate(expires_in=None), hash_token(token.encode())
            assert await repository.create_link(transaction, UUID(ada.id), UUID(file["id"]), new, token_hash)
            begun.set()
            # Until the change waits for the link, or is over: then it has not seen it.
            await asyncio.wait([hiding], timeout=0.5)

        async def hide() -> httpx.Response:
            await begun.wait()
            return await ada.send("PATCH", path, json=private)

        hiding = asyncio.create_task(hide())
        await api.database.transaction(make_a_link)
        return [await hiding, await ada.send("PATCH", path, json={"is_public": True})]

    assert [answer.status_code for answer in api.runner.run(hide_while_a_link_is_made())] == [200, 200]
    assert_problem(api.get(f"/v1/public/media/{token}"), 404, "not_found")


def test_a_link_without_an_end_is_refused_when_it_waited_for_a_change_to_private(
    api: Api, ada: User, connection: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    file = upload(ada, is_public="true")

    async def make_a_link_meanwhile() -> httpx.Response:
        async with asyncio.timeout(10), connection.transaction():
            await connection.execute("update media set is_public = false where id = $1", UUID(file["id"]))
            making = asyncio.create_task(ada.send("POST", f"/v1/media/{file['id']}/links", json={"expires_in": None}))
            await asyncio.wait([making], timeout=0.5)
        return await making

    assert_problem(api.runner.run(make_a_link_meanwhile()), 422, "invalid", "expires_in")


def test_all_links_of_a_file_end_at_once(ada: User, api: Api, file: dict[str, Any]) -> None:
    urls = [linked(ada, file), linked(ada, file)]
    kept = linked(ada, upload(ada))
    for _ in range(2):
        assert ada.delete(f"/v1/media/{file['id']}/links").status_code == 204
    assert [api.get(url).status_code for url in (*urls, kept)] == [404, 404, 200]


def test_links_end_with_the_file_and_while_the_account_is_disabled(api: Api, execute: Execute) -> None:
    user = api.user()
    file, gone = upload(user), upload(user)
    url, lost = linked(user, file), linked(user, gone)
    assert user.delete(f"/v1/media/{gone['id']}").status_code == 204
    assert_problem(api.get(lost), 404, "not_found")
    execute("update users set is_active = false where id = $1", user.id)
    assert_problem(api.get(url), 404, "not_found")


def test_nobody_and_somebody_else_make_and_end_no_links(ada: User, bob: User, api: Api, file: dict[str, Any]) -> None:
    url, path = linked(ada, file), f"/v1/media/{file['id']}/links"
    publish(ada, file)
    for expires_in in (60, None):
        assert_problem(bob.post(path, {"expires_in": expires_in}), 404, "not_found")
        assert_problem(api.post(path, {"expires_in": expires_in}), 401, "unauthenticated")
    assert_problem(bob.delete(path), 404, "not_found")
    assert_problem(api.delete(path), 401, "unauthenticated")
    # Public means that its owner may give its address away, not that it is found by its id.
    assert_problem(bob.get(f"/v1/media/{file['id']}/content"), 404, "not_found")
    assert api.get(url).status_code == 200


@pytest.mark.parametrize("expires_in", [0, -1, 2_592_001, 2**63, 10**400, 1.5, "60", True])
def test_a_link_lasts_a_second_to_thirty_days(ada: User, file: dict[str, Any], expires_in: Any) -> None:
    assert_problem(ada.post(f"/v1/media/{file['id']}/links", {"expires_in": expires_in}), 422, "invalid")


def test_whether_a_file_is_public_is_a_truth_value(ada: User, file: dict[str, Any]) -> None:
    for value in (None, "true", 1):
        assert_problem(ada.patch(f"/v1/media/{file['id']}", {"is_public": value}), 422, "invalid")
    for text in ("yes", "", "null", "2"):
        answer = ada.request("POST", "/v1/media", files={"file": ("a.txt", DIGITS)}, data={"is_public": text})
        assert_problem(answer, 422, "invalid")
    assert upload(ada, is_public="false")["is_public"] is False

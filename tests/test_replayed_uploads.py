"""An upload that is sent again with its id: the same one answers its row, and no replay or refusal leaves an object."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from client import Api, User, assert_problem, etag
from factories import new_uuid7, upload
from test_media import END, content_of, fetch_beside, objects, part, post, put_down

from app.auth.passwords import Passwords
from app.database.errors import DatabaseUnavailable
from app.database.executor import Database
from app.settings import Settings

CONTENT = b"x" * 80_000


@pytest.fixture(scope="module")
def small(
    runner: asyncio.Runner, settings: Settings, passwords: Passwords, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """An app with room for one file of CONTENT, and not for two."""
    limits = {"media_max_bytes": 100_000, "media_quota_bytes": 90_000, "data": tmp_path_factory.mktemp("small")}
    with Api.started(runner, msgspec.structs.replace(settings, **limits), passwords) as api:
        yield api


@pytest.fixture(params=["before", "after"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the id stands in the form: before the file, or after it."""
    return str(request.param)


def form(id: str, place: str = "before", content: bytes = b"0123456789", name: str = "a.bin", **fields: str) -> bytes:
    parts = [part("id", id.encode()), part("file", content, name)]
    others = [part(field, value.encode()) for field, value in fields.items()]
    return b"".join([*(parts if place == "before" else reversed(parts)), *others]) + END


def at_once(user: User, *bodies: bytes) -> list[httpx.Response]:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return user.api.together(*(user.send("POST", "/v1/media", content=body, headers=headers) for body in bodies))


def kept(api: Api, user: User) -> tuple[int, list[str]]:
    """How many objects of a user there are, and which keys are put down for deletion."""
    return len(objects(api.settings.data / "media", user)), put_down(api, user)


def test_an_upload_takes_an_id_and_its_replay_answers_the_row(api: Api, place: str) -> None:
    user, chosen = api.user(), str(new_uuid7())
    task = user.task()["id"]
    fields = {"alt_text": "A", "taggable_type": "tasks", "taggable_id": task}
    made = post(user, form(chosen, place, **fields))
    assert made.status_code == 201, made.text
    media = made.json()
    assert (media["id"], made.headers["location"]) == (chosen, f"/v1/media/{chosen}")
    for again in (form(chosen, place, **fields), form(chosen.upper(), place, **fields | {"taggable_id": task.upper()})):
        answer = post(user, again)
        assert (answer.status_code, answer.json()) == (200, media)
        assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1/media/{chosen}", etag(media))
    assert kept(api, user) == (1, [])
    assert content_of(user, media).content == b"0123456789"
    assert user.get("/v1/media").json()["items"] == [media]


DIFFERENCES: list[dict[str, Any]] = [
    {"content": b"0123456780"},
    {"content": b"01234567890"},
    {"name": "b.bin"},
    {"alt_text": "B"},
    {"taggable_type": "tasks", "taggable_id": "the task"},
]


def test_an_upload_of_something_else_is_told_that_the_id_is_taken(api: Api, place: str) -> None:
    user, chosen = api.user(), str(new_uuid7())
    task = user.task()["id"]
    made = post(user, form(chosen, place, alt_text="A")).json()
    for difference in DIFFERENCES:
        sent = {"alt_text": "A"} | difference
        if "taggable_id" in sent:
            sent["taggable_id"] = task
        assert_problem(post(user, form(chosen, place, **sent)), 409, "id_taken", "id")
    # What is absent stands for its default: another one than what was sent.
    assert_problem(post(user, form(chosen, place)), 409, "id_taken", "id")
    assert kept(api, user) == (1, [])
    assert user.get(f"/v1/media/{chosen}").json() == made
    assert content_of(user, made).content == b"0123456789"


def test_a_replay_after_a_change_answers_the_row_unless_its_bytes_are_others(api: Api, place: str) -> None:
    user, chosen = api.user(), str(new_uuid7())
    post(user, form(chosen, place, alt_text="A"))
    changed = user.patch(f"/v1/media/{chosen}", {"alt_text": "B", "file_name": "b.bin"}).json()
    for sent in ("A", "C"):
        answer = post(user, form(chosen, place, alt_text=sent))
        assert (answer.status_code, answer.json()) == (200, changed)
    assert_problem(post(user, form(chosen, place, content=b"other", alt_text="A")), 409, "id_taken", "id")
    assert kept(api, user) == (1, [])


def test_an_id_whose_file_was_deleted_takes_another_one(api: Api, place: str) -> None:
    user, chosen = api.user(), str(new_uuid7())
    first = post(user, form(chosen, place)).json()
    assert user.delete(f"/v1/media/{chosen}").status_code == 204
    second = post(user, form(chosen, place, content=b"other"))
    assert second.status_code == 201
    assert content_of(user, second.json()).content == b"other"
    assert second.json()["version"] > first["version"]
    assert kept(api, user) == (1, [])


def test_an_id_of_somebody_else_is_free(ada: User, bob: User, place: str) -> None:
    chosen = str(new_uuid7())
    hers = post(ada, form(chosen, place, content=b"hers")).json()
    his = post(bob, form(chosen, place, content=b"his"))
    assert (his.status_code, his.json()["id"]) == (201, chosen)
    assert content_of(ada, hers).content == b"hers"
    assert content_of(bob, his.json()).content == b"his"
    assert bob.delete(f"/v1/media/{chosen}").status_code == 204
    assert content_of(ada, hers).content == b"hers"


def test_an_id_that_may_not_be_chosen_is_refused(api: Api, place: str) -> None:
    user = api.user()
    for chosen, code in (
        ("7", "invalid"),
        ("", "invalid"),
        ("null", "invalid"),
        ("019aa2c5-7b1c-4d3e-8f4a-5b6c7d8e9f00", "id_not_time_ordered"),
        ("019aa2c5-7b1c-7d3e-0f4a-5b6c7d8e9f00", "id_not_time_ordered"),
        (str(new_uuid7(time.time() + 25 * 3600)), "id_in_future"),
    ):
        assert_problem(post(user, form(chosen, place)), 422, code, "id")
    twice = part("id", str(new_uuid7()).encode()) * 2 + part("file", b"a", "a") + END
    assert_problem(post(user, twice), 422, "invalid", "id")
    assert (kept(api, user), user.get("/v1/media").json()["items"]) == ((0, []), [])


def test_of_equal_uploads_at_once_one_is_made(api: Api, place: str) -> None:
    user = api.user()
    for content in (b"a", CONTENT):
        chosen = str(new_uuid7())
        body = form(chosen, place, content=content)
        answers = at_once(user, *[body] * 8)
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert len({answer.text for answer in answers}) == 1
    assert kept(api, user) == (2, [])
    assert sum(media["size_bytes"] for media in user.get("/v1/media").json()["items"]) == 1 + len(CONTENT)


def test_of_different_uploads_of_one_id_at_once_one_is_made(api: Api, place: str) -> None:
    user, chosen = api.user(), str(new_uuid7())
    answers = at_once(user, *(form(chosen, place, content=b"%d" % number) for number in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("code") for answer in answers} == {None, "id_taken"}
    [made] = user.get("/v1/media").json()["items"]
    [winner] = [number for number, answer in enumerate(answers) if answer.status_code == 201]
    assert content_of(user, made).content == b"%d" % winner
    assert kept(api, user) == (1, [])


def test_a_replay_needs_no_room_and_takes_none(small: Api) -> None:
    user, chosen = small.user(), str(new_uuid7())
    made = post(user, form(chosen, content=CONTENT))
    assert made.status_code == 201
    for _ in range(3):
        answer = post(user, form(chosen, content=CONTENT))
        assert (answer.status_code, answer.json()) == (200, made.json())
    assert_problem(post(user, form(chosen, content=CONTENT + b"y")), 409, "id_taken", "id")
    assert_problem(post(user, form(chosen, content=b"y" * 100_001)), 413, "body_too_large")
    assert_problem(post(user, form(str(new_uuid7()), content=CONTENT)), 413, "media_quota_exceeded")
    # Nor was it counted: the rest of the room is there.
    upload(user, b"z" * (small.settings.media_quota_bytes - len(CONTENT)))
    assert post(user, form(chosen, content=CONTENT)).status_code == 200
    assert kept(small, user) == (2, [])


def test_equal_uploads_at_once_need_room_for_one(small: Api) -> None:
    user, chosen = small.user(), str(new_uuid7())
    answers = at_once(user, *[form(chosen, content=CONTENT)] * 8)
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert kept(small, user) == (1, [])


UNDER_WAY = "select storage_key from media_deletions where storage_key like $1"


def test_nothing_is_written_of_a_replay_whose_id_comes_first(api: Api) -> None:
    user, chosen = api.user(), str(new_uuid7())
    post(user, form(chosen, content=CONTENT))
    seen: list[tuple[int, list[Any]]] = []

    async def body() -> AsyncIterator[bytes]:
        whole = form(chosen, content=CONTENT)
        yield whole[:40_000]
        seen.append((len(objects(api.settings.data / "media", user)), await fetch_beside(api, UNDER_WAY, f"{user.id}/%")))
        yield whole[40_000:]

    assert post(user, body()).status_code == 200
    assert seen == [(1, [])]


def test_a_file_that_is_deleted_while_it_is_sent_again_is_no_replay(api: Api) -> None:
    user, chosen = api.user(), str(new_uuid7())
    post(user, form(chosen, content=CONTENT))

    async def body() -> AsyncIterator[bytes]:
        whole = form(chosen, content=CONTENT)
        yield whole[:40_000]
        assert (await user.send("DELETE", f"/v1/media/{chosen}")).status_code == 204
        yield whole[40_000:]

    assert_problem(post(user, body()), 409, "conflict", "id")
    assert kept(api, user) == (0, [])
    assert post(user, form(chosen, content=CONTENT)).status_code == 201


def test_a_retry_after_a_commit_that_was_not_heard_is_a_replay(api: Api, place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    user, chosen = api.user(), str(new_uuid7())
    transaction = Database.transaction

    async def committed_and_lost(database: Database, work: Callable[[Any], Awaitable[Any]]) -> None:
        await transaction(database, work)
        raise DatabaseUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(Database, "transaction", committed_and_lost)
        for _ in range(2):
            assert_problem(post(user, form(chosen, place)), 503, "database_unavailable")
    answer = post(user, form(chosen, place))
    assert answer.status_code == 200
    assert content_of(user, answer.json()).content == b"0123456789"
    assert kept(api, user) == (1, [])

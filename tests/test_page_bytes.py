"""Pages by their bytes: which lists can become large, where they end, and what the server holds for who does not read them."""

import contextlib
import math
import time
import typing
from collections.abc import Iterator
from uuid import uuid4

import psutil
import pytest
from client import PASSWORD, Api, Execute, User
from msgspec import inspect
from serving import Serving, until
from statements import STATEMENTS, Statement, function_of
from test_sockets import Connection, bearer

from app.database.queries import Json
from app.http.pagination import PAGE_BYTES

# Which lists


OTHERWISE: dict[str, float] = {
    "color": 7,
    "content": 200,
    "email": 320,
    "ip": 45,
    "last_characters": 8,
    "last_ip": 45,
    "last_user_agent": 500,
    "provider": 8,
    "scopes": 1000,
    "slug": 100,
    "subject": 255,
    "tags": 100 * 1300,
    "user_agent": 500,
}
"""Characters of fields whose type does not say it."""

LISTS = [statement for statement in STATEMENTS if statement.name.startswith("page_") or statement.name == "find"]


@pytest.mark.parametrize("statement", LISTS, ids=[f"{each.file}.{each.name}" for each in LISTS])
def test_a_list_whose_200_largest_rows_pass_the_bytes_of_a_page_ends_there(statement: Statement) -> None:
    largest = 200 * largest_row(statement)
    if "bytes" not in statement.query.order and statement.reason("bytes: exempt") is None:
        assert largest < PAGE_BYTES
    else:
        assert largest > PAGE_BYTES, "it cannot pass them: nothing has to be measured"


def largest_row(statement: Statement) -> float:
    """The bytes of the largest JSON of a row, with four for each character of a text."""
    function = function_of(statement)
    assert function is not None
    [row] = typing.get_args(typing.get_type_hints(function)["return"])
    kind = next((part for part in typing.get_args(row) if typing.get_origin(part) is Json), row)
    return largest(inspect.type_info(typing.get_args(kind)[0])) if typing.get_origin(kind) is Json else 0


def largest(kind: inspect.Type, name: str = "") -> float:
    match kind:
        case inspect.Metadata():
            return largest(kind.type, name)
        case inspect.UnionType():
            return max(largest(each, name) for each in kind.types)
        case inspect.StructType():
            return 2 + sum(len(each.encode_name) + 4 + largest(each.type, each.name) for each in kind.fields)
        case inspect.StrType():
            return 2 + 4 * float(kind.max_length or OTHERWISE.get(name, math.inf))
        case inspect.ListType() | inspect.CollectionType():
            return OTHERWISE.get(name, math.inf)
        case inspect.LiteralType():
            return 2 + max(len(str(value)) for value in kind.values)
        case inspect.BoolType():
            return len("false")
        case inspect.DateType():
            return len('"9999-12-31"')
        case inspect.DateTimeType():
            return len('"9999-12-31T23:59:59.999999Z"')
    # Numbers, times and ids.
    return 38


# Where they end


def review(user: User, day: int, characters: int) -> int:
    """Make a review with a text of so many characters of six bytes each; its bytes."""
    answer = user.put(
        f"/v1/daily-reviews/2026-01-{day:02}", {"tomorrow": "\x01" * 10_000, "lessons": "\x01" * (characters - 10_000)}
    )
    assert answer.status_code == 201
    return len(answer.content)


def test_a_page_ends_with_the_row_that_reaches_1_mib(api: Api) -> None:
    user = api.user()
    sizes = [review(user, day, 20_000) for day in range(1, 16)]
    page = user.get("/v1/daily-reviews?order=oldest&limit=200")
    items = page.json()["items"]
    assert sum(sizes[: len(items) - 1]) < PAGE_BYTES <= sum(sizes[: len(items)])
    assert len(page.content) < PAGE_BYTES + sizes[0] + 200
    rest = user.get(f"/v1/daily-reviews?order=oldest&limit=200&cursor={page.json()['next_cursor']}").json()
    assert [each["date"] for each in items + rest["items"]] == [f"2026-01-{day:02}" for day in range(1, 16)]
    assert rest["next_cursor"] is None


def test_a_page_holds_a_row_whatever_its_size(api: Api) -> None:
    user = api.user()
    conversation = f"/v1/conversations/{uuid4()}"
    messages = [{"role": "assistant", "content": "x" * 1_500_000} for _ in range(3)]
    assert user.put(conversation, {"messages": messages}).status_code == 201
    for order, seqs in (("oldest", [1, 2, 3]), ("newest", [3, 2, 1])):
        seen, cursor = [], ""
        while cursor is not None:
            page = user.get(f"{conversation}/messages?order={order}" + (cursor and f"&cursor={cursor}")).json()
            seen.append([each["seq"] for each in page["items"]])
            cursor = page["next_cursor"]
        assert seen == [[seq] for seq in seqs]


def test_a_search_that_ends_early_has_no_next_page(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    user = api.user()
    for _ in range(3):
        user.made("/v1/blog-entries", {"title": "T", "content": "rain", "excerpt": "x" * 400})
    monkeypatch.setattr("app.blog_entries.repository.PAGE_BYTES", 1000)
    found = user.get("/v1/blog-entries?q=rain").json()
    assert (len(found["items"]), found["next_cursor"]) == (2, None)


# Who does not read


ROWS = """
with owner as (select $1::uuid as user_id),
text as (select string_agg(chr(1 + n % 8), '') as text from generate_series(1, 10000) n),
review as (
    insert into daily_reviews (user_id, id, date, highlights, accomplishments, challenges, lessons, gratitude, tomorrow)
    select user_id, new_id(), '2026-01-01'::date + n, text, text, text, text, text, text
    from owner, text, generate_series(1, 40) n),
workout as (
    insert into workouts (user_id, id, date, type)
    select user_id, new_id(), '2026-01-01'::date + n, n from owner, generate_series(1, 40) n returning user_id, id),
exercise as (
    insert into workout_exercises (user_id, workout_id, position, name, notes)
    select user_id, id, position, 'Squat', text from workout, text, generate_series(1, 4) position),
conversation as (
    insert into conversations (user_id, id, last_seq) select user_id, user_id, 40 from owner returning user_id, id),
message as (
    insert into messages (user_id, conversation_id, seq, role, content)
    select user_id, id, n, 'assistant', repeat('A' || chr(127881), 200000) from conversation, generate_series(1, 40) n)
insert into blog_entries (user_id, title, content, excerpt, slug)
select user_id, n, repeat(chr(127881), case when n > 160 then 200000 else 1 end), repeat(chr(127881), 2000), n
from owner, generate_series(1, 200) n"""
"""The largest rows that a list may have, of each more than a page holds, and a conversation of 40 MB whose characters take four
bytes each in Python."""


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("pages")
    with Serving(folder / "var", folder / "said", DATABASE_URL=database, WRITE_TIMEOUT="2") as serving:
        yield serving


@pytest.fixture(scope="module")
def owner(served: Serving, execute: Execute) -> tuple[str, str]:
    """Who has these rows: the id and a token."""
    registration = {"email": f"{time.monotonic_ns()}@example.com", "password": PASSWORD}
    signed_in = served.post("/v1/auth/register", registration).json()
    execute(ROWS, signed_in["user"]["id"])
    return signed_in["user"]["id"], signed_in["token"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/daily-reviews?limit=200",
        "/v1/workouts?limit=200",
        "/v1/blog-entries?limit=200",
        "/v1/conversations/{user_id}",
        "/v1/conversations/{user_id}/messages?limit=200",
    ],
)
def test_25_readers_that_never_read_hold_little(served: Serving, owner: tuple[str, str], path: str) -> None:
    user_id, token = owner
    path = path.replace("{user_id}", user_id)
    # Before anything is measured, the worker has its connections and its plans.
    for _ in range(3):
        assert served.get(path, token).status_code == 200
    [worker] = served.workers()
    held = [int(psutil.Process(worker).memory_info().rss)]
    with contextlib.ExitStack() as open_sockets:
        answered = served.words().count(user_id)
        for _ in range(25):
            connection = open_sockets.enter_context(Connection(served.port, receive_buffer=4096))
            connection.send(b"GET " + path.encode(), bearer(token))

        def all_were_answered() -> bool:
            held.append(int(psutil.Process(worker).memory_info().rss))
            return served.words().count(user_id) >= answered + 25

        until(all_were_answered, "the kernel has taken every answer, or it was given up")
    # A page, or a part of the conversation, is 1 MB; while it is read from the database there are several copies.
    assert max(held) - held[0] < 80e6

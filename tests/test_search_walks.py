"""How far a search looks when a word is common among the newest rows only, and that it finds what it found then."""

import asyncio
import json
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import clustered
import pytest
from client import Api, Execute, User

from app.database.opening import PLANNING
from app.database.queries import Query, load

CONVERSATIONS = 400
MESSAGES = 10
"""In each of the conversations."""
ROWS = 3_500
"""Tasks, and as many blog entries."""


@pytest.fixture(scope="module")
def ada(api: Api, execute: Execute) -> User:
    """Somebody with "zebra" in the newest 10 rows of each kind; "quagga" is in those, and in few of the old ones.

    All tasks have "kite" and "red"; one of 30 has the phrase "red kite".
    """
    user = api.user()
    user_id = UUID(user.id)
    execute(
        """
        insert into tasks (user_id, id, title)
        select $1, new_id(now() - ($2 - n) * interval '1 minute'), 'T' || n || case when n > $2 - 10 then ' zebra' else '' end
            || case when n % 30 = 0 then ' red kite' else ' kite red' end
        from generate_series(1, $2::integer) n""",
        user_id,
        ROWS,
    )
    execute(
        """
        insert into blog_entries (user_id, id, title, content, slug)
        select $1, new_id(now() - ($2 - n) * interval '1 minute'), 'B' || n,
            'It rained.' || case when n > $2 - 10 then ' zebra' else '' end, 'b' || n
        from generate_series(1, $2::integer) n""",
        user_id,
        ROWS,
    )
    execute(
        """
        insert into conversations (user_id, id, title, last_seq, last_activity_at, created_at)
        select $1, new_id(now() - ($2 - n) * interval '1 minute'), 'C' || n, $3,
            now() - ($2 - n) * interval '1 minute', now() - n * interval '1 minute'
        from generate_series(1, $2::integer) n""",
        user_id,
        CONVERSATIONS,
        MESSAGES,
    )
    execute(
        """
        insert into messages (user_id, conversation_id, seq, role, content)
        select user_id, id, s, 'user', 'Which bike?' || case
            when n > $2 - 10 then ' zebra quagga'
            when n % 40 = 0 and s = 3 then ' quagga'
            else '' end
        from (select user_id, id, substr(title, 2)::integer as n from conversations where user_id = $1) c,
            generate_series(1, $3::integer) s""",
        user_id,
        CONVERSATIONS,
        MESSAGES,
    )
    execute("analyze tasks, blog_entries, conversations, messages")
    return user


one_server = clustered.plain("the statements of a cluster do not walk, see docs/decisions/0059")


class Walk(NamedTuple):
    """A search that walks, and how many rows of a table it may read: the newest 100, those of the walk, and the matches."""

    query: Query
    table: str
    most: int


WALKS = [
    Walk(load("search").hits, "tasks", 1_150),
    Walk(load("search").hits, "messages", 1_350),
    Walk(load("blog_entries").find, "blog_entries", 2_150),
    Walk(load("conversations").page_found, "messages", 2_350),
]


REST = {
    "order": "activity",
    "with_tags": False,
    "after_at": "infinity",
    "after_id": UUID(int=2**128 - 1),
    "limit": 50,
    "bytes": 2**20,
}
"""The other values of a search."""


@one_server
@pytest.mark.parametrize("walk", WALKS, ids=[f"{walk.query.name}, {walk.table}" for walk in WALKS])
def test_a_word_that_only_the_newest_rows_have_is_not_looked_for_in_all(
    ada: User, runner: asyncio.Runner, database: str, walk: Walk
) -> None:
    assert 110 < rows_read(runner, database, walk.query, {"user_id": ada.id, "q": "zebra"} | REST)[walk.table] <= walk.most


@one_server
def test_a_phrase_that_few_rows_have_is_not_looked_for_in_all_that_have_its_words(
    ada: User, runner: asyncio.Runner, database: str
) -> None:
    read = rows_read(runner, database, load("search").hits, {"user_id": ada.id, "q": '"red kite"'} | REST)
    # The newest 100, the newest 1,000, and 50 times 30, once more for what is shown.
    assert 2_500 < read["tasks"] <= 2_700
    items = ada.get("/v1/search", params={"q": '"red kite"', "limit": 50}).json()["items"]
    assert sorted(int(item["title"].split()[0][1:]) for item in items) == [
        n * 30 for n in range(ROWS // 30 - 49, ROWS // 30 + 1)
    ]


def rows_read(runner: asyncio.Runner, database: str, query: Query, values: dict[str, Any]) -> dict[str, float]:
    """How many rows of each table a statement reads, with those that its conditions pass over."""
    arguments = ", ".join(f"'{values[name]}'" if name in values else "null" for name in query.order)

    async def explained() -> Any:
        connection = await asyncpg.connect(database, server_settings=PLANNING)
        try:
            await connection.execute(f"prepare planned as {query.sql}")
            plan = await connection.fetchval(f"explain (analyze, format json) execute planned({arguments})")
            return json.loads(plan)[0]["Plan"]
        finally:
            await connection.close()

    read: dict[str, float] = {}

    def add(node: dict[str, Any]) -> None:
        if table := node.get("Relation Name"):
            passed_over = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
            read[table] = read.get(table, 0) + (node["Actual Rows"] + passed_over) * node["Actual Loops"]
        for inner in node.get("Plans", []):
            add(inner)

    add(runner.run(explained()))
    return read


def test_what_only_the_newest_rows_have_is_found(ada: User) -> None:
    items = ada.get("/v1/search", params={"q": "zebra", "limit": 50}).json()["items"]
    kinds = [item["kind"] for item in items]
    assert {kind: kinds.count(kind) for kind in kinds} == {"tasks": 10, "blog-entries": 10, "conversations": 10}
    titles = [item["title"].split()[:2] for item in items if item["kind"] == "tasks"]
    assert titles == [[f"T{n}", "zebra"] for n in range(ROWS, ROWS - 10, -1)]
    entries = ada.get("/v1/blog-entries", params={"q": "zebra", "limit": 50}).json()["items"]
    assert [entry["title"] for entry in entries] == [f"B{n}" for n in range(ROWS, ROWS - 10, -1)]
    assert ada.get("/v1/blog-entries", params={"q": "zebra", "status": "published"}).json()["items"] == []


@pytest.mark.parametrize("limit", [3, 10, 12, 50])
@pytest.mark.parametrize("order", ["activity", "created"])
def test_pages_go_on_where_a_walk_finds_no_more(ada: User, order: str, limit: int) -> None:
    expected = [f"C{n}" for n in range(CONVERSATIONS, 0, -1) if n > CONVERSATIONS - 10 or n % 40 == 0]
    if order == "created":
        expected.reverse()
    rows = ada.walk(f"/v1/conversations?q=quagga&order={order}&limit={limit}")
    assert [row["title"] for row in rows] == expected
    assert all("<mark>quagga</mark>" in row["snippet"] for row in rows)

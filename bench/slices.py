"""The other slices, Holdfast alone: their reads and lists beside those of tasks, and what is promised to be fast."""

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from app.credits.repository import broken_accounts
from app.database import embedded
from app.database.executor import on_connection
from bench import data, servers, turns
from bench.data import User
from bench.servers import BenchError, Server
from bench.turns import Case

LISTS = ("tasks", "habits", "goals", "foods", "workouts", "daily-reviews", "blog-entries", "conversations", "media")
READS = ("tasks", "habits", "goals", "foods", "workouts", "blog-entries", "tags", "media")
ROWS = 1000
"""Of each kind and user."""
FEW = 200
"""Messages: two conversations, so that a page of one has a next one, as among many."""

MILLISECONDS = {
    "habit stats over 3,650 entries": 5,
    "snapshot of a year": 4,
    "snapshot of a month": 4,
    "tags with counts: 500 tags, 20,000 taggings": 10,
}
"""What takes the most time of the database, and less than how much it has to be."""


class Ask(NamedTuple):
    """One request that the load may choose."""

    user: User
    method: str
    path: str
    body: Any = None


class Slice(NamedTuple):
    """What is measured: one of many requests at a time, on a server."""

    name: str
    server: Server
    asks: list[Ask]
    connections: int


def measure(postgres: embedded.Server, folder: Path, *, quick: bool) -> list[dict[str, Any]]:
    """Measure each of them; returns its name and its medians. Raises BenchError when the ledger does not add up."""
    with ExitStack() as running:
        slices = [
            *_beside_tasks(postgres.url, folder, running, users=10 if quick else 100),
            *_spending(postgres.url, folder, running, users=100 if quick else 1000),
            *(
                each
                for messages in ((FEW, 10_000) if quick else (FEW, 1_000_000))
                for each in _talking(postgres.url, folder, running, messages)
            ),
        ]
        cases = [
            Case((each.name, each.connections), each.server, "asks", folder / f"asks-{number}.lua", each.connections)
            for number, each in enumerate(slices)
        ]
        for case, each in zip(cases, slices, strict=True):
            _write_for_load(case.for_load, each.asks)
        measured = turns.measure("the other slices", [cases], [postgres.pid], rounds=1 if quick else 2)
    if asyncio.run(on_connection(data.in_database(postgres.url, "spending"), broken_accounts)):
        raise BenchError("After the load the ledger of credits does not add up.")
    return [
        {"name": name, "connections": connections, **turns.medians(several)}
        for (name, connections), several in measured.items()
    ]


def _beside_tasks(url: str, folder: Path, running: ExitStack, users: int) -> list[Slice]:
    url = data.in_database(url, "slices")
    made = asyncio.run(data.fill(url, users=users, tasks=ROWS, ids=20))
    asyncio.run(_run(url, "slices"))
    server = running.enter_context(servers.holdfast(url, folder, "slices"))
    first = made[0]
    year, month = "/v1/progress-snapshots/yearly/2025-01-01", "/v1/progress-snapshots/monthly/2025-06-01"
    beside = {
        **{
            f"one of {kind}": [Ask(user, "GET", f"/v1/{kind}/{row_id}") for user in made for row_id in user.task_ids]
            for kind in READS
        },
        **{f"a page of {kind}": [Ask(user, "GET", f"/v1/{kind}") for user in made] for kind in LISTS},
    }
    # One request at a time: what is promised is the time of the database.
    alone = {
        "tags with counts: 500 tags, 20,000 taggings": [Ask(first, "GET", "/v1/tags?limit=200")],
        "habit stats over 3,650 entries": [Ask(user, "GET", f"/v1/habits/{user.task_ids[0]}/stats") for user in made[:10]],
        "search for a word": [Ask(user, "GET", "/v1/search?q=balcony17") for user in made],
        "snapshot of a year": [Ask(user, "PUT", year, {}) for user in made],
        "snapshot of a month": [Ask(user, "PUT", month, {}) for user in made],
    }
    return [
        *(Slice(name, server, asks, 16) for name, asks in beside.items()),
        *(Slice(name, server, asks, 1) for name, asks in alone.items()),
    ]


def _spending(url: str, folder: Path, running: ExitStack, users: int) -> list[Slice]:
    url = data.in_database(url, "spending")
    made = asyncio.run(data.fill(url, users=users, tasks=1, ids=1))
    asyncio.run(_run(url, "credits"))
    server = running.enter_context(servers.holdfast(url, folder, "spending"))
    asks = [Ask(user, "POST", "/v1/credits/deductions", {"amount": 1}) for user in made]
    return [
        Slice("deductions from one account", server, asks[:1], 8),
        Slice(f"deductions from {users:,} accounts", server, asks, 8),
    ]


def _talking(url: str, folder: Path, running: ExitStack, messages: int) -> list[Slice]:
    """Appending a message and listing conversations, among so many messages of one user, 100 to a conversation."""
    url = data.in_database(url, f"talking_{'few' if messages == FEW else 'many'}")
    (user,) = asyncio.run(data.fill(url, users=1, tasks=messages // 100, ids=100))
    asyncio.run(_run(url, "messages"))
    server = running.enter_context(servers.holdfast(url, folder, f"talking-{messages}"))
    said = {"role": "assistant", "content": "A light one, with low gears."}
    return [
        Slice(
            f"a message more, {messages:,} messages",
            server,
            [Ask(user, "POST", f"/v1/conversations/{row_id}/messages", said) for row_id in user.task_ids],
            8,
        ),
        Slice(f"conversations, {messages:,} messages", server, [Ask(user, "GET", "/v1/conversations?limit=1")], 8),
    ]


async def _run(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in data.sql(name).split(";\n"):
            if statement.strip():
                await connection.execute(statement, timeout=600)
    finally:
        await connection.close()


def _write_for_load(path: Path, asks: list[Ask]) -> None:
    lines = [
        "{"
        f"token = {json.dumps(ask.user.token)}, method = {json.dumps(ask.method)}, path = {json.dumps(ask.path)}"
        + (f", body = {json.dumps(json.dumps(ask.body))}" if ask.body is not None else "")
        + "},"
        for ask in asks
    ]
    path.write_text("return {\nusers = {},\nasks = {\n" + "\n".join(lines) + "\n}}\n", encoding="utf-8")

"""Databases of several sizes, with rows of every main kind as the API would write them; see bench/sql/growth.sql."""

import hashlib
import secrets
from typing import NamedTuple

import asyncpg
import msgspec
from argon2 import PasswordHasher

from bench import data
from bench.data import User
from bench.turns import say

VICTIMS = 3
"""Users beside the others, who are deleted for a measurement."""

ASKED = 100
"""Users whom the load acts for, spread evenly over all: as many at every size, so that as many sessions are kept."""


class Size(NamedTuple):
    name: str
    users: int
    thousands: int
    """Rows of each user."""

    @property
    def rows(self) -> int:
        return self.users * self.thousands * 1000


class SignedIn(msgspec.Struct, frozen=True):
    users: list[User]
    victims: list[User]
    habits: dict[str, list[str]]
    """Ids of the habits of each user's id."""


async def is_empty(url: str) -> bool:
    connection = await asyncpg.connect(url, timeout=60)
    try:
        return not await connection.fetch(data.sql("growth_users"))
    finally:
        await connection.close()


async def fill(url: str, size: Size, *, without_triggers: bool) -> None:
    """Make the users of a size and their rows. Their passwords are all `data.PASSWORD`; nobody is signed in by us.

    `without_triggers`: foreign keys are not looked after, which takes a superuser and half the time. The rows keep them.
    """
    connection = await asyncpg.connect(url, timeout=60)
    try:
        say(f"{size.name}: {size.users:,} users, {size.rows:,} rows")
        password_hash = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(data.PASSWORD)
        await connection.fetch(data.sql("users"), password_hash, size.users + VICTIMS)
        indexes = await connection.fetch(data.sql("growth_indexes"))
        for index in indexes:
            await connection.execute(index["dropping"])
        if without_triggers:
            await connection.execute("set session_replication_role = replica")
        await connection.execute("set synchronous_commit = off")
        await connection.fetchval("select set_config('growth.scale', $1, false)", str(size.thousands))
        for statement in (data.sql("growth") + data.sql("growth_accounts")).split(";\n"):
            if statement.strip():
                say(f"{size.name}: {_begin(statement)}")
                await connection.execute(statement, timeout=3600)
        for index in indexes:
            say(f"{size.name}: {_begin(index['making'])}")
            await connection.execute(index["making"], timeout=3600)
        say(f"{size.name}: vacuum analyze")
        await connection.execute("vacuum analyze", timeout=3600)
    finally:
        await connection.close()


def _begin(statement: str) -> str:
    return next(line for line in statement.strip().splitlines() if not line.startswith("--"))[:60]


async def sign_in(url: str) -> SignedIn:
    """Make sessions for the users whom the load acts for, and for the victims: new ones, whoever filled the database."""
    connection = await asyncpg.connect(url, timeout=60)
    try:
        rows = await connection.fetch(data.sql("growth_users"))
        others = rows[:-VICTIMS]
        chosen = [*others[:: max(1, len(others) // ASKED)][:ASKED], *rows[-VICTIMS:]]
        tokens = ["hf_" + secrets.token_urlsafe(32) for _ in chosen]
        ids = [row["id"] for row in chosen]
        await connection.execute(data.sql("sessions"), [hashlib.sha256(token.encode()).digest() for token in tokens], ids)
        tasks = {each: [row["id"] for row in await connection.fetch(data.sql("growth_ids"), each)] for each in ids}
        habits = {str(each): [row["id"] for row in await connection.fetch(data.sql("growth_habits"), each)] for each in ids}
    finally:
        await connection.close()
    users = [User(row["id"], row["email"], token, tasks[row["id"]]) for row, token in zip(chosen, tokens, strict=True)]
    return SignedIn(users[:-VICTIMS], users[-VICTIMS:], habits)


async def run(url: str, name: str) -> None:
    """The statements of a file in bench/sql/."""
    connection = await asyncpg.connect(url, timeout=60)
    try:
        for statement in data.sql(name).split(";\n"):
            if statement.strip():
                await connection.execute(statement, timeout=600)
    finally:
        await connection.close()

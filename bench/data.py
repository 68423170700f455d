"""The rows that are read and written, and what the load has to know of them."""

import base64
import hashlib
import json
import secrets
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit, urlunsplit
from uuid import UUID

import asyncpg
from argon2 import PasswordHasher

SQL = Path(__file__).resolve().parent / "sql"
PASSWORD = "correct horse battery staple"  # noqa: S105 - of users that exist for five minutes


class User(NamedTuple):
    id: UUID
    email: str
    token: str
    task_ids: list[UUID]


def sql(name: str) -> str:
    return (SQL / f"{name}.sql").read_text(encoding="utf-8")


def in_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def socket_folder(url: str) -> str:
    return parse_qs(urlsplit(url).query)["host"][0]


async def fill(url: str, *, users: int, tasks: int, ids: int) -> list[User]:
    """Make users with `tasks` tasks each. Each has a session, and `ids` of the tasks for the load to choose from."""
    connection = await asyncpg.connect(url)
    try:
        password_hash = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)
        made = await connection.fetch(sql("users"), password_hash, users)
        tokens = ["hf_" + secrets.token_urlsafe(32) for _ in made]
        hashes = [hashlib.sha256(token.encode()).digest() for token in tokens]
        user_ids = [row["id"] for row in made]
        await connection.execute(sql("sessions"), hashes, user_ids)
        await connection.execute(sql("tasks"), user_ids, tasks, timeout=600)
        task_ids = {row["user_id"]: list(row["ids"]) for row in await connection.fetch(sql("ids"), user_ids, ids)}
        for statement in sql("settle").split(";"):
            if statement.strip():
                await connection.execute(statement, timeout=600)
    finally:
        await connection.close()
    return [User(row["id"], row["email"], token, task_ids[row["id"]]) for row, token in zip(made, tokens, strict=True)]


async def cursor_before_last(url: str, user: User, left: int) -> str:
    """The cursor of a page behind which nothing comes but itself: `left` tasks, the oldest."""
    connection = await asyncpg.connect(url)
    try:
        key = await connection.fetchval(sql("id_at"), user.id, left)
    finally:
        await connection.close()
    return cursor(key)


def cursor(key: UUID) -> str:
    """A cursor of "newest first", as the API makes them."""
    return base64.urlsafe_b64encode(b"n" + key.bytes).rstrip(b"=").decode()


async def server_settings(url: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        return {row["name"]: row["value"] for row in await connection.fetch(sql("settings"))}
    finally:
        await connection.close()


def write_for_load(path: Path, users: list[User], cursors: list[str]) -> None:
    """Write the data as the Lua table that bench/lua/scenario.lua reads."""
    lines = [
        "{"
        f"token = {json.dumps(user.token)}, email = {json.dumps(user.email)}, "
        f"ids = {{{', '.join(json.dumps(str(each)) for each in user.task_ids)}}}"
        "},"
        for user in users
    ]
    path.write_text(
        f"return {{\npassword = {json.dumps(PASSWORD)},\ncursors = {{{', '.join(map(json.dumps, cursors))}}},\nusers = {{\n"
        + "\n".join(lines)
        + "\n}}\n",
        encoding="utf-8",
    )

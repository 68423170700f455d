"""Dirt in the task list's tables. Each kind adds a row or two; where the table forbids it, the rule is taken away first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sources.database import Tables
from sources.planting import Kind, Kinds, Planted, Row
from sqlalchemy import FromClause

OWN, BETTER_AUTH = FORMS = ("own", "better_auth")
"""The hash in users.password_hash, or in Better Auth's accounts.password."""

KINDS = Kinds()


@dataclass
class Ground:
    """Where dirt is put: the tables by name, and how clean rows of them are made."""

    database: Tables
    tables: dict[str, FromClause]
    rows: dict[str, Callable[..., Row]]
    owner: Row

    async def put(self, table: str, **changes: Any) -> Row:
        """Insert a clean row with some columns changed; gives the row."""
        row = self.rows[table]() | changes
        await self.database.insert(self.tables[table], [row])
        return row

    async def loosen(self, table: str, *changes: str) -> None:
        """Take rules from a table."""
        await self.database.loosen(self.tables[table], *changes)


async def _put(kind: Kind, ground: Ground, table: str, **changes: Any) -> Planted:
    return kind.planted(table, (await ground.put(table, **changes))["id"], table)


async def _task(kind: Kind, ground: Ground, **changes: Any) -> Planted:
    return await _put(kind, ground, "tasks", **({"user_id": ground.owner["id"]} | changes))


@KINDS.kind("reported", *FORMS)
async def email_in_other_case(kind: Kind, ground: Ground) -> Planted:
    planted = await _put(kind, ground, "users", email=ground.owner["email"].upper())
    await ground.put("tasks", user_id=ground.rows["id"](planted.key))
    return planted


@KINDS.kind("rejected", *FORMS)
async def email_missing(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("users", "alter column email drop not null")
    return await _put(kind, ground, "users", email=None)


@KINDS.kind("rejected", *FORMS)
async def email_no_address(kind: Kind, ground: Ground) -> Planted:
    return await _put(kind, ground, "users", email="nobody")


@KINDS.kind("reported", *FORMS)
async def long_name(kind: Kind, ground: Ground) -> Planted:
    return await _put(kind, ground, "users", name="n" * 101)


@KINDS.kind("reported", OWN)
async def unknown_hash(kind: Kind, ground: Ground) -> Planted:
    return await _put(kind, ground, "users", password_hash="md5$5f4dcc3b5aa765d61d8327deb882cf99")


@KINDS.kind("reported", OWN)
async def hash_missing(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("users", "alter column password_hash drop not null")
    return await _put(kind, ground, "users", password_hash=None)


@KINDS.kind("rejected", BETTER_AUTH)
async def account_of_nobody(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("accounts", "drop constraint accounts_user_id_fkey")
    return await _put(kind, ground, "accounts", user_id=ground.rows["id"]())


@KINDS.kind("reported", BETTER_AUTH)
async def unknown_provider(kind: Kind, ground: Ground) -> Planted:
    return await _put(kind, ground, "accounts", user_id=ground.owner["id"], provider_id="myspace", password=None)


@KINDS.kind("reported", BETTER_AUTH)
async def unknown_hash_in_account(kind: Kind, ground: Ground) -> Planted:
    user = await ground.put("users")
    return await _put(kind, ground, "accounts", user_id=user["id"], password="sha1:5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8")


@KINDS.kind("reported", BETTER_AUTH)
async def user_without_account(kind: Kind, ground: Ground) -> Planted:
    return await _put(kind, ground, "users")


@KINDS.kind("rejected", *FORMS)
async def orphaned_task(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("tasks", "drop constraint tasks_user_id_fkey")
    return await _task(kind, ground, user_id=ground.rows["id"]())


@KINDS.kind("rejected", *FORMS)
async def blank_title(kind: Kind, ground: Ground) -> Planted:
    return await _task(kind, ground, title=" \t\u3000")


@KINDS.kind("rejected", *FORMS)
async def empty_title(kind: Kind, ground: Ground) -> Planted:
    return await _task(kind, ground, title="")


@KINDS.kind("rejected", *FORMS)
async def long_title(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("tasks", "alter column title type text")
    return await _task(kind, ground, title="t" * 201)


@KINDS.kind("rejected", *FORMS)
async def long_description(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("tasks", "alter column description type text")
    return await _task(kind, ground, description="d" * 1001)


@KINDS.kind("kept", *FORMS)
async def null_completed(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("tasks", "alter column completed drop not null")
    return await _task(kind, ground, completed=None)


@KINDS.kind("reported", *FORMS)
async def null_times(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("tasks", "alter column created_at drop not null", "alter column updated_at drop not null")
    return await _task(kind, ground, created_at=None, updated_at=None)


@KINDS.kind("kept", *FORMS)
async def empty_description(kind: Kind, ground: Ground) -> Planted:
    return await _task(kind, ground, description="")

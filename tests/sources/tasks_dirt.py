"""Dirt in the task list's tables. Each kind adds a row or two; where the table forbids it, the rule is taken away first."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sources.database import Tables
from sources.planting import Fate, Kind, Kinds, Planted, Row
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


def _changed(name: str, fate: Fate, table: str, /, *loosen: str, forms: tuple[str, ...] = FORMS, **changes: Any) -> None:
    """A kind that is a clean row, of the first user where it is somebody's, with some columns changed."""

    async def plant(kind: Kind, ground: Ground) -> Planted:
        await ground.loosen(table, *loosen)
        owner = {} if table == "users" else {"user_id": ground.owner["id"]}
        return kind.planted(table, (await ground.put(table, **(owner | changes)))["id"], table)

    KINDS.add(name, fate, forms, plant)


@KINDS.kind("reported", *FORMS)
async def email_in_other_case(kind: Kind, ground: Ground) -> Planted:
    user = await ground.put("users", email=ground.owner["email"].upper())
    await ground.put("tasks", user_id=user["id"])
    return kind.planted("users", user["id"], "users")


_changed("email_missing", "rejected", "users", "alter column email drop not null", email=None)
_changed("email_no_address", "rejected", "users", email="nobody")
_changed("long_name", "reported", "users", name="n" * 101)
_changed("unknown_hash", "reported", "users", forms=(OWN,), password_hash="md5$5f4dcc3b5aa765d61d8327deb882cf99")
_changed("hash_missing", "reported", "users", "alter column password_hash drop not null", forms=(OWN,), password_hash=None)


@KINDS.kind("rejected", BETTER_AUTH)
async def account_of_nobody(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("accounts", "drop constraint accounts_user_id_fkey")
    row = await ground.put("accounts", user_id=ground.rows["id"]())
    return kind.planted("accounts", row["id"], "accounts")


_changed("unknown_provider", "reported", "accounts", forms=(BETTER_AUTH,), provider_id="My Space", password=None)


@KINDS.kind("reported", BETTER_AUTH)
async def unknown_hash_in_account(kind: Kind, ground: Ground) -> Planted:
    user = await ground.put("users")
    row = await ground.put("accounts", user_id=user["id"], password="sha1:5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8")
    return kind.planted("accounts", row["id"], "accounts")


_changed("user_without_account", "reported", "users", forms=(BETTER_AUTH,))


@KINDS.kind("rejected", *FORMS)
async def orphaned_task(kind: Kind, ground: Ground) -> Planted:
    await ground.loosen("tasks", "drop constraint tasks_user_id_fkey")
    row = await ground.put("tasks", user_id=ground.rows["id"]())
    return kind.planted("tasks", row["id"], "tasks")


_changed("blank_title", "rejected", "tasks", title=" \t\u3000")
_changed("empty_title", "rejected", "tasks", title="")
_changed("long_title", "rejected", "tasks", "alter column title type text", title="t" * 201)
_changed("long_description", "rejected", "tasks", "alter column description type text", description="d" * 1001)
_changed("null_completed", "kept", "tasks", "alter column completed drop not null", completed=None)
_changed(
    "null_times",
    "reported",
    "tasks",
    "alter column created_at drop not null",
    "alter column updated_at drop not null",
    created_at=None,
    updated_at=None,
)
_changed("empty_description", "kept", "tasks", description="")

"""The task list: users and their tasks, with hashes in users or, with Better Auth, in accounts."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from app.database.executor import Transaction
from app.importing.sources import databases, statements
from app.importing.sources.databases import SourceDatabase
from app.importing.sources.hashes import known_hash
from app.importing.sources.source import Options, SourceError
from app.importing.staging import CHUNK, Staging, stage_rows
from app.importing.values import EPOCH, Refused, Row, dated

NEEDED = {
    "users": {"id", "email", "created_at"},
    "tasks": {"id", "user_id", "title", "completed", "created_at"},
}
"""Without these columns it is no task list."""

WAYS_IN = {"user_id", "provider_id", "password"}
"""What Better Auth's accounts have."""

TAKEN = {
    "users": NEEDED["users"] | {"password_hash", "name", "updated_at"},
    "accounts": WAYS_IN | {"account_id"},
    "tasks": NEEDED["tasks"] | {"description", "updated_at"},
}
"""What has a place here. Every other column is reported with its values."""

SECRET = {"access_token", "refresh_token", "id_token", "password"}
"""Columns of Better Auth that open other services: a report says that they were there, not what they are."""

PASSWORD = "credential"  # noqa: S105 - a provider
"""Better Auth's provider of those who have a password."""


class Tasks:
    """An opened database of the task list."""

    def __init__(self, database: SourceDatabase, options: Options, total: int, *, has_accounts: bool) -> None:
        self._database = database
        self._zone = options.zone
        self._texts = statements.load("tasks")
        self._has_accounts = has_accounts
        self.form = f"passwords {'as Better Auth keeps them' if has_accounts else 'in users'}, {database.what}"
        self.total = total
        self.is_repeated = False

    def declare(self, staging: Staging) -> None:
        self._into_users = staging.table("users", "email", "password_hash", "name", "is_external", "created_at", "updated_at")
        self._into_identities = staging.table("identities", "provider", "subject", "email", "created_at")
        self._into_tasks = staging.table(
            "tasks", "title", "description", "completed", "completed_at", "created_at", "updated_at"
        )

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        users = "users_with_accounts" if self._has_accounts else "users"
        await self._read(staging, users, "users", "users", self._user)
        if self._has_accounts:
            await self._read(staging, "accounts", "accounts", "identities", self._account)
        await self._read(staging, "tasks", "tasks", "tasks", self._task)
        known = {"users", "tasks"} | ({"accounts"} if self._has_accounts else set())
        staging.report_left_out(table for table in self._database.tables if table not in known)
        await staging.copy()
        yield

    async def settle(self, on: Transaction, id: UUID) -> None:
        """Nothing: each row stands for itself."""

    async def backup(self, folder: Path) -> Path:
        return await self._database.backup(folder)

    async def _read(
        self, staging: Staging, statement: str, table: str, entity: str, mapped: Callable[[Row], str | None]
    ) -> None:
        others = [column for column in self._database.tables[table] if column not in TAKEN[table]]
        async for rows in self._database.rows(self._texts[statement], self._zone):
            stage_rows(staging, entity, rows, mapped)
            if others or table == "accounts":
                for row in rows:
                    _leave_out(staging, table, row, others)
            await staging.copy(least=CHUNK)

    def _user(self, row: Row) -> str:
        made_at = _made_at(row)
        key = _user_key(row, "id", "created_at")
        email = row.optional_text("email")
        password_hash = known_hash(row, "account_hash") or known_hash(row, "password_hash")
        if password_hash is None and not row.changes and not row.values["others"]:
            row.changes.append("password_hash_missing")
        if row.values["passwords"] > 1:
            row.changes.append("password_unique")
        self._into_users.add(
            key,
            None,
            email,
            password_hash,
            row.lenient(row.optional_text, "name"),
            email is None and row.values["others"] > 0,
            made_at or EPOCH,
            row.lenient(row.moment, "updated_at") or made_at or EPOCH,
        )
        return key

    def _account(self, row: Row) -> str | None:
        """Stage an identity. What proves a password went with its user."""
        key = _user_key(row, "user_id", "user_created_at")
        provider = row.text("provider_id") or ""
        if provider != PASSWORD:
            subject = row.text("account_id")
            if subject is None:
                raise Refused("identities_subject_needed")
            email = row.lenient(row.optional_text, "user_email")
            self._into_identities.add(
                f"{key}/{provider}/{subject}",
                key,
                provider,
                subject,
                email,
                row.lenient(row.moment, "created_at") or EPOCH,
                at=str(row.values["id"]) if "id" in row.values else None,
            )
        elif row.values["found_user"] is None:
            raise Refused("identities_user_exists")
        return key

    def _task(self, row: Row) -> str:
        owner = _user_key(row, "user_id", "user_created_at")
        made_at = _made_at(row)
        changed_at = row.lenient(row.moment, "updated_at") or made_at or EPOCH
        is_done = row.flag("completed")
        number = row.values["id"]
        self._into_tasks.add(
            dated(number, made_at) if isinstance(number, int) else str(number),
            owner,
            row.text("title"),
            row.lenient(row.text, "description"),
            is_done,
            # Nothing else says when: the app has only the time of the last change.
            changed_at if is_done else None,
            made_at or EPOCH,
            changed_at,
            at=str(number),
        )
        return owner


def _made_at(row: Row) -> Any:
    made_at = row.lenient(row.moment, "created_at")
    if made_at is None and row.values["created_at"] is None:
        row.changes.append("created_at_missing")
    return made_at


def _user_key(row: Row, name: str, made_at: str) -> str:
    """A user's key: a UUID or a random text as it is, a number with the time of its creation."""
    value = row.values[name]
    if isinstance(value, UUID):
        return str(value)
    text = str(value)
    return dated(text, row.lenient(row.moment, made_at)) if text.isdigit() else text


def _leave_out(staging: Staging, table: str, row: Row, others: list[str]) -> None:
    if table != "accounts":
        staging.leave_out(table, row, others)
        return
    values = row.values
    left = [column for column in others if column != "created_at" or values["provider_id"] == PASSWORD]
    if values["provider_id"] != PASSWORD:
        left.append("password")
    elif str(values.get("account_id")) != str(values["user_id"]):
        left.append("account_id")
    shown = {column: "(not shown)" if column in SECRET and values.get(column) else values.get(column) for column in left}
    staging.leave_out(table, Row(shown), left)


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Tasks]:
    """Open the database of a URL or a path. Raises SourceError."""
    async with databases.opened(location) as database:
        databases.demand(database, NEEDED, "task list")
        has_accounts = set(database.tables.get("accounts", ())) >= WAYS_IN
        if not has_accounts and "password_hash" not in database.tables["users"]:
            raise SourceError(
                "This is no database of the task list: it has neither users.password_hash nor "
                "accounts.user_id, provider_id, password."
            )
        texts = statements.load("tasks")
        counted = ("users", "accounts", "tasks") if has_accounts else ("users", "tasks")
        counts = [await database.count(texts[f"count_{table}"]) for table in counted]
        yield Tasks(database, options, sum(counts), has_accounts=has_accounts)

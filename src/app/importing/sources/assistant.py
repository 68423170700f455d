"""The shopping assistant: credits with their transactions, consents, and answers that were kept for a while."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Protocol
from uuid import UUID

from app.database.executor import Transaction
from app.importing import repository
from app.importing.sources import assistant_dump, databases, json_texts, statements
from app.importing.sources.databases import SourceDatabase, demand
from app.importing.sources.source import Options
from app.importing.staging import CHUNK, Staging, stage_rows
from app.importing.values import EPOCH, Refused, Row, dated

TAKEN = {
    "user_credits": {"user_id", "is_guest", "available_credits", "max_credits", "last_reset_timestamp"},
    "transactions": {"user_id", "transaction_type", "amount", "timestamp", "description"},
    "consents": {"user_id", "terms_accepted", "marketing_consent", "created_at", "updated_at"},
    "query_cache": {"query_hash", "result", "cached_at", "expires_at"},
}
"""Its parts, and what has a place here. Every other field is reported with its values."""

ENTITIES = {
    "user_credits": "credit_accounts",
    "transactions": "credit_transactions",
    "consents": "consent_events",
    "query_cache": "query_cache",
}
"""The tables that they go to."""

EXPECTED = {part: fields | {"key", "place", "text", "id"} for part, fields in TAKEN.items()}
"""The same, with what is said of a row beside its fields."""

RESET_HOURS = 24
"""After which the app filled up the credits of registered users."""

BEFORE = "before the import"
"""The version of terms that were accepted in the app, which did not keep it."""


class Parts(Protocol):
    """Where the rows come from."""

    form: str
    counts: Counter[str]
    others: list[str]

    users: set[str]
    """Who has credits, as far as that is known before the rows are read."""

    def rows(self) -> AsyncIterator[tuple[str, list[Row]]]:
        """The rows of all parts, some of a part at a time; beside their fields they have a `place`, a `key`, a `text`.

        Credits come first, unless `users` says whose there are. What belongs to no part of the app has only a `value`.
        """

    async def backup(self, folder: Path) -> Path:
        """Copy it. Returns the copy."""


class Assistant:
    """An opened dump or database."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.form = parts.form
        self.total = parts.counts.total() + 2 * parts.counts["user_credits"]
        # Equal transactions are told apart before they are moved.
        self.is_repeated = False
        self._users = parts.users
        self._now = datetime.now(UTC)

    def declare(self, staging: Staging) -> None:
        self._staging = staging
        self._into_users = staging.table("users", "is_guest", "is_external", "created_at", "updated_at")
        self._into_identities = staging.table("identities", "provider", "subject", "created_at")
        self._into_accounts = staging.table(
            "credit_accounts", "available", "max_credits", "last_seq", "last_reset_at", "reset_hours", "created_at"
        )
        self._into_transactions = staging.table("credit_transactions", "type", "amount", "description", "created_at")
        self._into_consents = staging.table(
            "consent_events", "terms_accepted", "terms_version", "marketing_consent", "source", "created_at"
        )
        self._into_cache = staging.table("query_cache", "query_hash", "result", "cached_at", "expires_at")

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        mapped: dict[str, Callable[[Row], str | None]] = {
            "user_credits": self._account,
            "transactions": self._transaction,
            "consents": self._consent,
            "query_cache": self._cached,
        }
        async for part, rows in self._parts.rows():
            if part in mapped:
                stage_rows(staging, ENTITIES[part], rows, mapped[part])
            for row in rows:
                if part not in mapped:
                    staging.report("left_out", part, row.values["place"], "no_place", content=row.values["value"])
                elif others := row.values.keys() - EXPECTED[part]:
                    staging.leave_out(part, row, others)
            await staging.copy(least=CHUNK)
        staging.report_left_out(self._parts.others)
        await staging.copy()
        yield

    async def settle(self, on: Transaction, id: UUID) -> None:  # noqa: ARG002 - what it takes out is reported with the rest
        taken_out = await repository.settle_ledger(on, "assistant")
        self._staging.refused["credit_accounts"] += taken_out.accounts
        self._staging.refused["credit_transactions"] += taken_out.transactions
        self._staging.folded["credit_transactions"] += taken_out.folded

    async def backup(self, folder: Path) -> Path:
        return await self._parts.backup(folder)

    def _user(self, user: str, made_at: datetime, *, is_guest: bool) -> None:
        self._users.add(user)
        self._into_users.add(user, None, is_guest, not is_guest, made_at, made_at)
        # The form of an id says who gave it: "auth0|5f7c", "google-oauth2|1089" are Auth0's, others the app's own.
        self._into_identities.add(f"{user}/identity", user, "auth0" if "|" in user else "legacy", user, made_at)

    def _account(self, row: Row) -> str:
        user = _named(row, "user_id")
        is_guest = row.lenient(lambda name: row.flag(name, default=user.startswith("guest_")), "is_guest") or False
        available, most = _credits(row, "available_credits"), _credits(row, "max_credits")
        if available < 0:
            row.changes.append("credit_accounts_available_range")
        if most <= 0:
            row.changes.append("credit_accounts_max_credits_range")
        reset_at = row.lenient(row.moment, "last_reset_timestamp") or EPOCH
        self._user(user, reset_at, is_guest=is_guest)
        self._into_accounts.add(
            user,
            user,
            *(max(available, 0), max(most, 1), 0, reset_at, None if is_guest else RESET_HOURS, reset_at),
            at=row.values["place"],
        )
        return user

    def _transaction(self, row: Row) -> str:
        user, kind, amount, made_at = (
            row.text("user_id"),
            row.text("transaction_type"),
            row.integer("amount"),
            row.moment("timestamp"),
        )
        if user is None or kind is None or amount is None or made_at is None:
            raise Refused("credit_transactions_fields_needed")
        if abs(amount) > 2**30:
            raise Refused("amount_range")
        description = row.optional_text("description")
        kind, given = kind.lower(), (kind, amount)
        # A deduction with or without its sign is one; so is what takes away under another name.
        if kind == "deduct" and amount > 0:
            amount = -amount
        elif amount < 0 and kind in ("allocate", "reset"):
            kind = "deduct"
            row.changes.append("transaction_type_sign")
        said = blake2b((description or "").encode(), digest_size=8).hexdigest()
        key = str(row.values["id"]) if "id" in row.values else dated(f"{user}/{given[0]}/{given[1]}/{said}", made_at)
        self._into_transactions.add(key, user, kind, amount, description, made_at, at=row.values["place"])
        return user

    def _consent(self, row: Row) -> str:
        user = _named(row, "user_id")
        made_at = row.lenient(row.moment, "created_at")
        said_at = row.lenient(row.moment, "updated_at") or made_at or EPOCH
        if user not in self._users:
            self._user(user, made_at or said_at, is_guest=user.startswith("guest_"))
            row.changes.append("user_without_credits")
        accepted, marketing = (_agreed(row, name) for name in ("terms_accepted", "marketing_consent"))
        if made_at is not None and made_at != said_at:
            # What was said at first is not known: only what holds has a place.
            self._staging.leave_out("consents", row, ["created_at"])
        self._into_consents.add(
            # What is said later is another event.
            dated(f"{user}/{accepted:d}{marketing:d}", said_at),
            user,
            *(accepted, BEFORE if accepted else None, marketing, "import", said_at),
            at=row.values["place"],
        )
        return user

    def _cached(self, row: Row) -> None:
        query = _named(row, "query_hash")
        expires_at, cached_at = row.moment("expires_at"), row.moment("cached_at")
        if expires_at is not None and expires_at <= self._now:
            raise Refused("query_cache_expired")
        result = row.values.get("result")
        if (text := row.values.get("text")) is not None:
            # As it stands in the file, and not as Python would write it.
            result = json_texts.text(json_texts.fields(text, row.changes).get("result"))
        self._into_cache.add(query, None, query, result, cached_at or EPOCH, expires_at, at=row.values["place"])


def _named(row: Row, name: str) -> str:
    """The id of a row: its key, where it has one. Raises Refused."""
    key, given = row.text("key"), row.lenient(row.text, name)
    if key is not None and given is not None and given != key:
        row.changes.append(f"{name}_differs")
    found = key or given
    if not found:
        raise Refused(f"{name}_needed")
    return found


def _credits(row: Row, name: str) -> int:
    """A number of credits: whole ones."""
    number = row.lenient(row.number, name)
    if number is None:
        return 0
    if number != int(number):
        row.changes.append(f"{name}_whole")
    if abs(number) > 2**30:
        row.changes.append(f"{name}_range")
        return 0
    return int(number)


def _agreed(row: Row, name: str) -> bool:
    if row.values.get(name) is None:
        row.changes.append(f"{name}_null")
    return row.lenient(row.flag, name) or False


class _Database:
    """The same parts as tables."""

    def __init__(self, database: SourceDatabase, options: Options, counts: Counter[str]) -> None:
        self._database = database
        self._zone = options.zone
        self.form = f"tables in {database.what}"
        self.counts = counts
        self.others = [table for table in database.tables if table not in TAKEN]
        self.users: set[str] = set()

    async def rows(self) -> AsyncIterator[tuple[str, list[Row]]]:
        for part in TAKEN:
            async for rows in self._database.rows(statements.load("assistant")[part], self._zone):
                yield part, rows

    async def backup(self, folder: Path) -> Path:
        return await self._database.backup(folder)


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Assistant]:
    """Open the file of a path, or the database of a URL. Raises SourceError."""
    if not databases.is_url(location):
        yield Assistant(assistant_dump.opened(Path(location), options, TAKEN))
        return
    async with databases.opened(location) as database:
        demand(database, TAKEN, "shopping assistant")
        texts = statements.load("assistant")
        counts = Counter({part: await database.count(texts[f"count_{part}"]) for part in TAKEN})
        yield Assistant(_Database(database, options, counts))

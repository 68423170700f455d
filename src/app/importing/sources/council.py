"""The council chat: conversations whose answers come in three stages, and what each user has used up."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from app.database.executor import Transaction
from app.importing import repository
from app.importing.sources import council_folder, databases, statements
from app.importing.sources.council_rows import USAGE, Rows, began, titled
from app.importing.sources.databases import SourceDatabase, demand
from app.importing.sources.source import Options, Source
from app.importing.staging import CHUNK, Staging, stage_rows
from app.importing.values import EPOCH, Row

NEEDED = {
    "conversations": {"id", "user_id", "created_at"},
    "messages": {"id", "conversation_id", "role", "content", "created_at"},
    "usage": {"user_id", "tier"},
}
"""Without these columns it is no council chat."""

TAKEN = {
    "conversations": NEEDED["conversations"] | {"title", "updated_at"},
    "messages": NEEDED["messages"] | {"stage1", "stage2", "stage3", "metadata"},
    "usage": USAGE,
}
"""What has a place here. Every other column is reported with its values."""


class CouncilDatabase:
    """An opened database of the council chat."""

    def __init__(self, database: SourceDatabase, options: Options, total: int) -> None:
        self._database = database
        self._zone = options.zone
        self._texts = statements.load("council")
        self._rows = Rows()
        self.form = f"tables in {database.what}"
        self.total = total
        self.is_repeated = False

    def declare(self, staging: Staging) -> None:
        self._rows.declare(staging)

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        async for rows in self._database.rows(self._texts["users"], self._zone):
            for row in rows:
                self._rows.user(str(row.text("user_id")), row.lenient(row.moment, "created_at"))
            await staging.copy(least=CHUNK)
        for table, mapped in (("usage", self._usage), ("conversations", self._conversation), ("messages", self._message)):
            others = [column for column in self._database.tables[table] if column not in TAKEN[table]]
            async for rows in self._database.rows(self._texts[table], self._zone):
                stage_rows(staging, table, rows, mapped)
                for row in rows if others else ():
                    staging.leave_out(table, row, others)
                await staging.copy(least=CHUNK // 5)
        staging.report_left_out(table for table in self._database.tables if table not in TAKEN)
        await staging.copy()
        yield

    async def settle(self, on: Transaction, id: UUID) -> None:  # noqa: ARG002 - what it takes out is reported with the rest
        self._rows.staging.refused["messages"] += await repository.settle_conversations(on, "council")

    async def backup(self, folder: Path) -> Path:
        return await self._database.backup(folder)

    def _usage(self, row: Row) -> str:
        uid = str(row.text("user_id"))
        self._rows.usage(uid, row, uid)
        # What was changed is reported by now.
        row.changes.clear()
        return uid

    def _conversation(self, row: Row) -> str:
        owner, chosen = str(row.text("user_id")), UUID(str(row.values["id"]))
        made_at = began(row)
        last_at = row.lenient(row.moment, "last_at") or made_at
        count = row.values["message_count"]
        updated_at = row.lenient(row.moment, "updated_at") or last_at
        title = titled(row, row.lenient(row.text, "first_content"))
        self._rows.conversation(
            f"{owner}/{chosen}", owner, row, chosen, title, count, last_at, None, made_at, updated_at, at=str(chosen)
        )
        row.changes.clear()
        return owner

    def _message(self, row: Row) -> str | None:
        owner, conversation, seq = row.text("owner"), row.values["conversation_id"], row.values["seq"]
        key = f"{owner}/{conversation}"
        if row.values["is_tied"]:
            row.changes.append("created_at_equal")
        parts = [_document(row.text(name)) for name in ("stage1", "stage2", "stage3", "metadata")]
        self._rows.messages.add(
            f"{key}/{seq}",
            owner,
            *(key, seq, row.text("role"), row.text("content"), *parts, None, row.lenient(row.moment, "created_at") or EPOCH),
            at=str(row.values["id"]),
        )
        return owner


def _document(text: str | None) -> str | None:
    """A document; the null of JSON is none."""
    return None if text == "null" else text


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Source]:
    """Open the folder of a path, or the database of a URL. Raises SourceError."""
    if not databases.is_url(location):
        yield council_folder.opened(location, options)
        return
    async with databases.opened(location) as database:
        demand(database, NEEDED, "council chat")
        texts = statements.load("council")
        counts = [await database.count(texts[f"count_{table}"]) for table in NEEDED]
        yield CouncilDatabase(database, options, sum(counts))

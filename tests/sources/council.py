"""Writes a data folder of the council chat, or its PostgreSQL: `cd tests; python -m sources.council PATH_OR_URL`."""

import asyncio
import sys
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sources import command, council_dirt
from sources.council_dirt import DATABASE, FLAT, USERS, Folder, text_of
from sources.council_documents import SPELLINGS, conversation, firebase_id, message_times, usage
from sources.database import Tables, is_url, tables
from sources.planting import Names, Row, Written
from sources.varied import Varied
from sqlalchemy import DateTime, ForeignKey, String, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

KINDS = council_dirt.KINDS
"""The kinds of dirt; `KINDS.of(form)` names those of users, flat, database."""

# The folder


def write_folder(
    root: str | Path,
    *,
    layout: str = USERS,
    users: int = 3,
    conversations: int = 4,
    messages: int = 6,
    size: int = 200,
    titled: bool = True,
    truth: bool = True,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Write a folder with so many conversations for each user, of messages of about `size` bytes, and each user's usage.

    The layout `users` is <user>/<id>.json and usage/<user>/usage.json; `flat` is conversations/<id>.json of one user. The truth
    is the documents by their ids, each with the folder's name as `owner`; without `truth` it is not kept, for large folders.
    Raises ValueError for a kind of dirt that the layout cannot hold.
    """
    root, varied, written = Path(root), Varied(seed), Written({"conversations": {}, "usage": {}})
    owners: list[str | None] = [None] if layout == FLAT else [firebase_id(varied) for _ in range(users)]
    for place, owner in enumerate(owners):
        home = root / (owner or "conversations")
        home.mkdir(parents=True, exist_ok=True)
        for _ in range(conversations):
            document = conversation(varied, owner, messages, size, titled=titled)
            (home / f"{document['id']}.json").write_text(text_of(document), encoding="utf-8")
            if truth:
                written.truth["conversations"][document["id"]] = document | {"owner": owner}
        if owner:
            used = usage(varied, owner, SPELLINGS[place % len(SPELLINGS)])
            (root / "usage" / owner).mkdir(parents=True, exist_ok=True)
            (root / "usage" / owner / "usage.json").write_text(text_of(used), encoding="utf-8")
            if truth:
                written.truth["usage"][owner] = used
    first = owners[0] if owners else firebase_id(varied)
    written.planted = council_dirt.plant(dirt, Folder(root, root / (first or "conversations"), first, varied), layout)
    return written


# PostgreSQL


class Base(DeclarativeBase):
    """The app's tables."""


class Conversation(Base):
    """A conversation; the owner is Firebase's id."""

    __tablename__ = "conversations"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255), index=True)
    title: Mapped[str | None] = mapped_column(String(500), default="New Conversation")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Message(Base):
    """A message: its place in the conversation is that of its time."""

    __tablename__ = "messages"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    conversation_id: Mapped[UUID] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(String(20))
    content: Mapped[str | None] = mapped_column(Text)
    stage1: Mapped[list[Row] | None] = mapped_column(JSONB(none_as_null=True))
    stage2: Mapped[list[Row] | None] = mapped_column(JSONB(none_as_null=True))
    stage3: Mapped[Row | None] = mapped_column(JSONB(none_as_null=True))
    # As SQLAlchemy has it unless told: None is stored as the null of JSON, and not of SQL.
    metadata_: Mapped[Row | None] = mapped_column("metadata", JSONB)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Usage(Base):
    """What a user has used up."""

    __tablename__ = "usage"
    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    tier: Mapped[str] = mapped_column(String(20), default="free")
    daily_used: Mapped[int]
    daily_limit: Mapped[int | None]
    monthly_used: Mapped[int]
    monthly_limit: Mapped[int | None]
    total_queries: Mapped[int]
    last_reset_daily: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_reset_monthly: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    subscription_id: Mapped[str | None] = mapped_column(String(100))
    subscription_status: Mapped[str | None] = mapped_column(String(100))


def _aware(at: str) -> datetime:
    return datetime.fromisoformat(at.removesuffix("Z") + "+00:00")


def _rows(varied: Varied, document: Row, owner: str) -> tuple[Row, list[Row]]:
    """The conversation's row, and those of its messages."""
    at = _aware(document["created_at"])
    times = message_times(at, len(document["messages"]))
    row = {"id": UUID(document["id"]), "user_id": owner, "title": document.get("title"), "created_at": at}
    fields = ("content", "stage1", "stage2", "stage3", "metadata")
    messages = [
        {"id": varied.uuid(), "conversation_id": row["id"], "role": message["role"], "created_at": time}
        | {field: message.get(field) for field in fields}
        for time, message in zip(times, document["messages"], strict=True)
    ]
    return row | {"updated_at": [at, *times][-1]}, messages


def _usage_row(varied: Varied, owner: str) -> Row:
    row = usage(varied, owner, "used")
    for column in ("last_reset_daily", "last_reset_monthly"):
        row[column] = _aware(row[column] + "T00:00:00")
    return {column.name: row.get(column.name) for column in Usage.__table__.columns}


async def _insert(database: Tables, rows: list[Row], messages: list[Row]) -> None:
    await database.insert(Conversation.__table__, rows)
    await database.insert(Message.__table__, messages)


async def _plant(database: Tables, varied: Varied, owner: str, dirt: Names, written: Written) -> None:
    for kind in KINDS.chosen(dirt, DATABASE):
        if kind.name in council_dirt.USAGES:
            row = _usage_row(varied, firebase_id(varied)) | kind.plant()
            await database.insert(Usage.__table__, [row])
            written.planted.append(kind.planted("usage", row["user_id"], "usage"))
            continue
        document = conversation(varied, owner)
        if kind.name in council_dirt.DOCUMENTS:
            kind.plant(document)
        row, messages = _rows(varied, document, owner)
        if kind.name in council_dirt.MESSAGES:
            kind.plant(messages)
        await _insert(database, [row], messages)
        written.planted.append(kind.planted("conversations", row["id"], "conversations"))


def write_database(
    url: str,
    *,
    users: int = 3,
    conversations: int = 4,
    messages: int = 6,
    size: int = 200,
    truth: bool = True,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Make the app's three tables in a database and fill them. The truth is the rows by id, usage by user_id."""
    varied, written = Varied(seed), Written({"conversations": {}, "messages": {}, "usage": {}})
    owners = [firebase_id(varied) for _ in range(users)]

    async def write() -> None:
        async with tables(url, Base.metadata) as database:
            for owner in owners:
                made = [_rows(varied, conversation(varied, owner, messages, size), owner) for _ in range(conversations)]
                said = [message for _, each in made for message in each]
                used = _usage_row(varied, owner)
                await _insert(database, [row for row, _ in made], said)
                await database.insert(Usage.__table__, [used])
                if truth:
                    written.truth["conversations"] |= {str(row["id"]): row for row, _ in made}
                    written.truth["messages"] |= {str(row["id"]): row for row in said}
                    written.truth["usage"][owner] = used
            await _plant(database, varied, (owners or [firebase_id(varied)])[0], dirt, written)

    asyncio.run(write())
    return written


if __name__ == "__main__":
    if any(map(is_url, sys.argv)):
        command.run(write_database, KINDS, lambda _: DATABASE)
    else:
        command.run(write_folder, KINDS, lambda options: str(options.layout))

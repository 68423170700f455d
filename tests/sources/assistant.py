"""Writes a dump of the shopping assistant, or its PostgreSQL: `cd tests; python -m sources.assistant PATH_OR_URL`."""

import asyncio
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sources import assistant_dirt, command
from sources.assistant_dirt import DATABASE, JSON, Ground
from sources.database import is_url, tables
from sources.planting import Names, Row, Written
from sources.varied import Varied
from sqlalchemy import DateTime, String
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

KINDS = assistant_dirt.KINDS
"""The kinds of dirt; `KINDS.of(form)` names those of json, database."""

GUEST, REGISTERED = 10, 50

LATER = datetime(2099, 1, 1)  # noqa: DTZ001 - as the app wrote times


def _user_id(varied: Varied, *, guest: bool) -> str:
    return f"guest_{varied.uuid()}" if guest else f"auth0|{varied.random.getrandbits(96):024x}"


def _stamp(varied: Varied, at: datetime) -> str:
    """As the app wrote times: naive, which was UTC, or with a Z."""
    return at.isoformat() + varied.one(("", "Z"))


def _account(varied: Varied, transactions: int = 4) -> tuple[Row, list[Row]]:
    """A user's credits, and the transactions that add up to them: first an allocation, then deductions and resets."""
    guest = varied.often(0.3)
    user, most = _user_id(varied, guest=guest), GUEST if guest else REGISTERED
    at = reset = varied.at()
    available, entries = 0, []
    for place in range(transactions):
        kind = "allocate" if place == 0 else "reset" if available < 3 or (available < most and varied.often(0.1)) else "deduct"
        amount = -varied.number(1, 3) if kind == "deduct" else most - available
        if kind != "deduct":
            reset = at
        available += amount
        entries.append(
            {
                "user_id": user,
                "transaction_type": kind,
                "amount": amount,
                "timestamp": _stamp(varied, at),
                "description": varied.maybe(varied.title()),
            }
        )
        at = varied.after(at, 2)
    row = {
        "user_id": user,
        "is_guest": guest,
        "available_credits": available,
        "max_credits": most,
        "last_reset_timestamp": _stamp(varied, reset),
    }
    return row, entries


def _consent(varied: Varied, user: str) -> Row:
    at = varied.at()
    return {
        "user_id": user,
        "terms_accepted": varied.often(0.8),
        "marketing_consent": varied.often(),
        "created_at": _stamp(varied, at),
        "updated_at": _stamp(varied, varied.after(at)),
    }


def _cached(varied: Varied, size: int = 200) -> Row:
    query = hashlib.sha256(varied.uuid().bytes).hexdigest()
    products = [{"name": varied.title(), "price": varied.number(100, 9999) / 100, "in_stock": varied.often(), "brand": None}]
    return {
        "query_hash": query,
        "result": {"products": products, "summary": varied.prose(size)},
        "cached_at": _stamp(varied, varied.at()),
        "expires_at": _stamp(varied, LATER),
    }


# PostgreSQL


class Base(DeclarativeBase):
    """The app's tables."""

    type_annotation_map = {datetime: DateTime(timezone=True), Row: JSONB}  # noqa: RUF012 - SQLAlchemy's own way


class UserCredits(Base):
    """What a user may spend."""

    __tablename__ = "user_credits"
    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    is_guest: Mapped[bool]
    available_credits: Mapped[int]
    max_credits: Mapped[int]
    last_reset_timestamp: Mapped[datetime]


class Transaction(Base):
    """An entry of the ledger; the user is not a foreign key."""

    __tablename__ = "transactions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[str] = mapped_column(String(255), index=True)
    transaction_type: Mapped[str] = mapped_column(String(20))
    amount: Mapped[int]
    timestamp: Mapped[datetime]
    description: Mapped[str | None]


class Consent(Base):
    """What a user agreed to."""

    __tablename__ = "consents"
    user_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    terms_accepted: Mapped[bool]
    marketing_consent: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class QueryCache(Base):
    """An answer that is kept for a while."""

    __tablename__ = "query_cache"
    query_hash: Mapped[str] = mapped_column(String(255), primary_key=True)
    result: Mapped[Row]
    cached_at: Mapped[datetime]
    expires_at: Mapped[datetime]


_TIMES = {"last_reset_timestamp", "timestamp", "created_at", "updated_at", "cached_at", "expires_at"}


def _typed(row: Row) -> Row:
    def typed(name: str, value: Any) -> Any:
        return datetime.fromisoformat(value.removesuffix("Z")).replace(tzinfo=UTC) if name in _TIMES else value

    return {name: typed(name, value) for name, value in row.items()}


async def _fill(url: str, dump: Row, transactions: list[Row]) -> None:
    async with tables(url, Base.metadata) as database:
        for table in (UserCredits, Consent, QueryCache):
            await database.insert(table.__table__, map(_typed, dump[table.__tablename__].values()))
        await database.insert(Transaction.__table__, transactions)


def _write_database(url: str, varied: Varied, dump: Row, written: Written) -> None:
    """Make the app's four tables and fill them; lets the truth be that of the tables."""
    ids = [varied.uuid() for _ in dump["transactions"]]
    clean = len(written.truth["transactions"])
    rows = [{"id": key} | _typed(row) for key, row in zip(ids, dump["transactions"], strict=True)]
    written.truth = {entity: {key: _typed(row) for key, row in each.items()} for entity, each in written.truth.items()}
    written.truth["transactions"] = {str(row["id"]): row for row in rows[:clean]}
    written.planted = [
        replace(planted, key=str(ids[int(planted.key)])) if planted.entity == "transactions" else planted
        for planted in written.planted
    ]
    asyncio.run(_fill(url, dump, rows))


def _form(location: str | Path) -> str:
    return DATABASE if is_url(location) else JSON


def write(
    location: str | Path,
    *,
    users: int = 3,
    transactions: int = 4,
    cached: int = 3,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Write a JSON file, or the tables into the PostgreSQL of a URL: transactions of each user, and entries of the cache.

    The file has the app's four dictionaries, the transactions of all users in the order in which they happened. The truth is
    the entries by their keys, of transactions by their places; the tables' rows by their keys. Raises ValueError for a kind of
    dirt that the form cannot hold.
    """
    varied = Varied(seed)
    dump: Row = {"user_credits": {}, "transactions": [], "consents": {}, "query_cache": {}}
    for _ in range(users):
        row, entries = _account(varied, transactions)
        dump["user_credits"][row["user_id"]] = row
        dump["transactions"] += entries
        if varied.often(0.8):
            dump["consents"][row["user_id"]] = _consent(varied, row["user_id"])
    dump["transactions"].sort(key=lambda entry: entry["timestamp"])
    for _ in range(cached):
        row = _cached(varied)
        dump["query_cache"][row["query_hash"]] = row
    truth: dict[str, dict[str, Row]] = {entity: {**dump[entity]} for entity in ("user_credits", "consents", "query_cache")}
    truth["transactions"] = {str(place): entry for place, entry in enumerate(dump["transactions"])}
    ground = Ground(dump, varied, lambda: _account(varied), lambda user: _consent(varied, user), lambda: _cached(varied))
    written = Written(truth, assistant_dirt.plant(dirt, ground, _form(location)))
    if is_url(location):
        _write_database(str(location), varied, dump, written)
    else:
        with Path(location).open("w", encoding="utf-8") as file:
            json.dump(dump, file, indent=2)
    return written


if __name__ == "__main__":
    command.run(write, KINDS, lambda options: _form(options.location))

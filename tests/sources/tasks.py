"""Writes the PostgreSQL of the task list: `cd tests; python -m sources.tasks URL`."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sources import command, tasks_dirt
from sources.database import Tables, tables
from sources.passwords import PASSWORDS, bcrypt_hash, better_auth_hash
from sources.planting import Names, Planted, Row, Written
from sources.tasks_dirt import BETTER_AUTH, OWN, Ground
from sources.varied import Varied
from sqlalchemy import DateTime, ForeignKey, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

KINDS = tasks_dirt.KINDS
"""The kinds of dirt; `KINDS.of(form)` names those of own, better_auth."""


def _models(*, uuids: bool, better_auth: bool) -> type[DeclarativeBase]:
    """The app's models: ids of users as uuid, with zoned times, or as text, with naive ones."""
    key: Any = UUID if uuids else str

    class Base(DeclarativeBase):
        type_annotation_map = {datetime: DateTime(timezone=uuids)}  # noqa: RUF012 - SQLAlchemy's own way

    class User(Base):
        __tablename__ = "users"
        id: Mapped[key] = mapped_column(primary_key=True)
        email: Mapped[str] = mapped_column(String(255), unique=True, index=True)
        if not better_auth:
            password_hash: Mapped[str] = mapped_column(String(255))
        name: Mapped[str | None] = mapped_column(String(255))
        created_at: Mapped[datetime]
        updated_at: Mapped[datetime]

    class Task(Base):
        __tablename__ = "tasks"
        id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
        user_id: Mapped[key] = mapped_column(ForeignKey("users.id"), index=True)
        title: Mapped[str] = mapped_column(String(200))
        description: Mapped[str | None] = mapped_column(String(1000))
        completed: Mapped[bool] = mapped_column(default=False, index=True)
        created_at: Mapped[datetime] = mapped_column(index=True)
        updated_at: Mapped[datetime]

    if better_auth:

        class Account(Base):
            __tablename__ = "accounts"
            id: Mapped[str] = mapped_column(primary_key=True)
            user_id: Mapped[key] = mapped_column(ForeignKey("users.id"), index=True)
            account_id: Mapped[str] = mapped_column(Text)
            provider_id: Mapped[str] = mapped_column(Text)
            password: Mapped[str | None] = mapped_column(Text)
            created_at: Mapped[datetime]
            updated_at: Mapped[datetime]

    return Base


class _Rows:
    """Clean rows."""

    def __init__(self, varied: Varied, *, uuids: bool, better_auth: bool) -> None:
        self.varied, self.uuids, self.better_auth = varied, uuids, better_auth
        self.tasks = 0

    def key(self, text: str | None = None) -> UUID | str:
        """An id of a user: a new one, or the one that the text names."""
        if self.uuids:
            return UUID(text) if text else self.varied.uuid()
        return text or f"{self.varied.random.getrandbits(160):032x}"[:32]

    def times(self) -> Row:
        """When a row was made and changed."""
        created = self.varied.at()
        updated = self.varied.after(created) if self.varied.often() else created
        zone = UTC if self.uuids else None
        return {"created_at": created.replace(tzinfo=zone), "updated_at": updated.replace(tzinfo=zone)}

    def password(self) -> str:
        """One of a few passwords."""
        return self.varied.one(PASSWORDS)

    def user(self, password: str | None = None) -> Row:
        """A user, whose address is like no other's."""
        varied = self.varied
        email = f"{varied.one(('ada', 'Grace.Hopper', 'bob+tasks', 'ó.neil'))}.{varied.random.getrandbits(48):x}@example.com"
        row: Row = {"id": self.key(), "email": email, "name": varied.maybe(varied.one(("Ada", "李雷", "Ngô Bảo Châu", "")))}
        if not self.better_auth:
            row["password_hash"] = bcrypt_hash(password or PASSWORDS[0], varied.one(("2a", "2b", "2y")))
        return row | self.times()

    def account(
        self, user_id: UUID | str | None = None, password: str | None = PASSWORDS[0], provider: str = "credential"
    ) -> Row:
        """A way in: by password, or by another provider."""
        number = f"{self.varied.random.getrandbits(64):020d}"
        return {
            "id": f"account-{self.varied.random.getrandbits(64):x}",
            "user_id": user_id,
            "account_id": str(user_id) if provider == "credential" else number,
            "provider_id": provider,
            "password": better_auth_hash(password) if provider == "credential" and password else None,
        } | self.times()

    def task(self, user_id: UUID | str | None = None) -> Row:
        """A task, with the next number."""
        self.tasks += 1
        varied = self.varied
        return {
            "id": self.tasks,
            "user_id": user_id,
            "title": varied.title(),
            "description": varied.maybe(varied.prose(varied.number(20, 800))),
            "completed": varied.often(),
        } | self.times()


async def _plant(database: Tables, rows: _Rows, metadata: MetaData, people: list[Row], dirt: Names) -> list[Planted]:
    planted = []
    makers: dict[str, Any] = {"users": rows.user, "tasks": rows.task, "accounts": rows.account, "id": rows.key}
    for kind in KINDS.chosen(dirt, BETTER_AUTH if rows.better_auth else OWN):
        if not people:
            people = [rows.user()]
            await database.insert(metadata.tables["users"], people)
        ground = Ground(database, {**metadata.tables}, makers, people[0])
        planted.append(await kind.plant(kind, ground))
    return planted


def write(
    url: str,
    *,
    users: int = 3,
    tasks: int = 5,
    uuids: bool = True,
    better_auth: bool = False,
    truth: bool = True,
    seed: int = 0,
    dirt: Names = frozenset(),
) -> Written:
    """Make the app's tables and fill them with so many tasks for each user.

    Without `uuids` the ids of users are text, and times are naive; with `better_auth` hashes are in `accounts`, where some
    users have Google or GitHub too. The truth is the rows by their ids; beside the tables it has `passwords`, by user, each a
    dict with `password`. Without `truth` it is not kept. Raises ValueError for a kind of dirt that the form cannot hold.
    """
    varied, written = Varied(seed), Written()
    rows = _Rows(varied, uuids=uuids, better_auth=better_auth)
    models = _models(uuids=uuids, better_auth=better_auth)
    passwords = [rows.password() for _ in range(users)]
    people = [rows.user(password) for password in passwords]
    accounts = [
        rows.account(person["id"], password, provider)
        for place, (person, password) in enumerate(zip(people, passwords, strict=True))
        for provider in ("credential", "google", "github")[: 1 + place % 3]
    ]
    metadata = models.metadata
    made: dict[str, dict[str, Row]] = {"users": {str(row["id"]): row for row in people}, "tasks": {}}
    made["passwords"] = {str(row["id"]): {"password": password} for row, password in zip(people, passwords, strict=True)}
    if better_auth:
        made["accounts"] = {row["id"]: row for row in accounts}

    def to_do() -> Iterator[Row]:
        for _ in range(tasks):
            for person in people:
                row = rows.task(person["id"])
                if truth:
                    made["tasks"][str(row["id"])] = row
                yield row

    async def fill() -> None:
        async with tables(url, metadata) as database:
            await database.insert(metadata.tables["users"], people)
            if better_auth:
                await database.insert(metadata.tables["accounts"], accounts)
            await database.insert(metadata.tables["tasks"], to_do())
            written.planted = await _plant(database, rows, metadata, people, dirt)
            # The ids were given; the app, which goes on, counts from here.
            await database.connection.execute(text(f"alter sequence tasks_id_seq restart with {rows.tasks + 1}"))

    asyncio.run(fill())
    written.truth = made if truth else {}
    return written


if __name__ == "__main__":
    command.run(write, KINDS, lambda options: BETTER_AUTH if options.better_auth else OWN)

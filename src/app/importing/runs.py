"""A run of `holdfast import`, part by part: what a source has staged is moved and committed together."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec

from app.archives import ENTITIES
from app.database.executor import Transaction
from app.importing import parts, repository
from app.importing.parts import END, ImportFailed, NotKeptError
from app.importing.schemas import Line, LineCount
from app.importing.sources.source import Source
from app.importing.staging import CHUNK, Pace, Progress, Staging

PARENTS = ("users", "tags", "habits", "goals", "workouts", "conversations")
"""Tables whose rows others refer to: the planner is to know how many they have become."""


class Asked(msgspec.Struct, frozen=True):
    """How an import is to be done.

    source and location are as they were typed, the location without a password. user: the account for a source without
    users. is_strict: the first row that cannot be imported ends it. into_existing: users of the source get the account that
    has their e-mail address, even if nobody has proved it. media_root and naive_tz: where the source's files were, and the
    zone of its times without one, for verify.
    """

    source: str
    location: str
    user: str | None = None
    is_dry: bool = False
    is_strict: bool = False
    into_existing: bool = False
    rest: float = 0.0
    media_root: str | None = None
    naive_tz: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """What an import has done: by table, how many rows were read, and what became of them; and its report, in short."""

    id: UUID
    counts: dict[str, dict[str, int]]
    report: list[LineCount]


async def run(
    on: Transaction, source: Source, asked: Asked, progress: Progress, told: Callable[[Line], None] | None = None
) -> Outcome:
    """Import a source, and tell `told` each line of its report.

    Raises ImportFailed, SourceError; what had been committed stays, and the next run goes on from there.
    """
    await parts.lock(on)
    user = await parts.account_of(on, asked.user)
    options = {
        "user": asked.user,
        "into_existing": asked.into_existing,
        "media_root": asked.media_root,
        "naive_tz": asked.naive_tz,
    }
    under_way = _Run(on, source, asked, user, progress)
    if asked.is_dry:

        async def dry(transaction: Transaction) -> None:
            under_way.on = transaction
            await under_way.begin(options)
            await under_way.work()
            await under_way.tell(told)
            raise NotKeptError

        try:
            await on.transaction(dry)
        except NotKeptError:
            return under_way.outcome()
    await under_way.begin(options)
    try:
        await under_way.work()
    except BaseException:
        # Also when it is interrupted: the connection is free again, the transaction under way is rolled back.
        with contextlib.suppress(Exception):
            await asyncio.shield(repository.finish(on, under_way.id, "failed", under_way.counts()))
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Whatever came of ending the statement under way: it was interrupted.
            raise asyncio.CancelledError from None
        raise
    await repository.finish(on, under_way.id, "done", under_way.counts())
    await under_way.tell(told)
    return under_way.outcome()


class _Run:
    """A run under way: its part is what is staged, moved and committed together."""

    id: UUID

    def __init__(self, on: Transaction, source: Source, asked: Asked, user: UUID | None, progress: Progress) -> None:
        self.on = on
        self._source = source
        self._asked = asked
        self._progress = progress
        self._pace = Pace(asked.rest)
        self._staging = Staging(self._pace, progress, user)
        self._done: dict[str, Counter[str]] = {}
        self._report: list[LineCount] = []
        source.declare(self._staging)

    async def begin(self, options: dict[str, Any]) -> None:
        self.id = await repository.begin(self.on, self._asked.source, self._source.form, self._asked.location, options)
        self._is_again = self._source.is_repeated or await repository.has_items(self.on, self.id, self._asked.source)

    async def work(self) -> None:
        """Stage and move everything, part by part."""
        reading = self._source.read(self._staging)
        while not await self.on.transaction(lambda transaction: self._part(transaction, reading)):
            pass
        self._report = await repository.count_reports(self.on, self.id)

    async def tell(self, told: Callable[[Line], None] | None) -> None:
        """Tell the report, line by line."""
        if told is not None:
            async for line in repository.report(self.on, self.id):
                told(line)

    async def _part(self, on: Transaction, reading: AsyncIterator[None]) -> bool:
        """Do one part. Returns whether there is no more."""
        self._staging.begin(on)
        is_last = await anext(reading, END) is END
        await self._staging.copy()
        if self._staging.is_empty:
            return is_last
        await repository.check_out(on, self._asked.source, self._staging.user)
        refused = await parts.place_owners(
            on, self._staging, self.id, self._asked.source, into_existing=self._asked.into_existing
        )
        self._done.setdefault("users", Counter())["rejected"] += refused
        await self._source.settle(on, self.id)
        # It may have found some that are here.
        self._is_again = self._is_again or self._source.is_repeated
        for entity in ENTITIES:
            if entity in self._staging.tables:
                await self._move(on, entity)
        await repository.keep_reports(on, self.id)
        await parts.check_in(on)
        if self._asked.is_strict:
            async for line in repository.report(on, self.id):
                if line.kind == "rejected":
                    raise ImportFailed(
                        f"Nothing more was imported: {line.entity} {line.place} is against the rule {line.rule}. "
                        "Without --on-error stop such rows are reported, and the others are imported."
                    )
        return is_last

    async def _move(self, on: Transaction, entity: str) -> None:
        done = self._done.setdefault(entity, Counter())
        if entity == "tags":
            await repository.keep_tags(on, self.id, self._asked.source)
        async for bounds in parts.chunks(on, entity, self._pace.rows):
            moved = await repository.move(on, self.id, self._asked.source, entity, bounds, is_again=self._is_again)
            counts = msgspec.structs.asdict(moved)
            done.update(counts)
            self._progress.advance(f"writing {entity}", sum(counts.values()))
            await self._pace.breathe()
        if entity == "users":
            done["merged"] += await repository.keep_users(on, self.id, self._asked.source)
        if entity == "media" and not self._asked.is_dry and await repository.keep_objects(on, self.id):
            raise ImportFailed("The import took so long that its files were deleted again as left over: begin anew.")
        if done["imported"] > CHUNK // 10 and entity in PARENTS:
            await repository.analyze_items(on)

    def counts(self) -> dict[str, dict[str, int]]:
        """By table: how many rows were read, and what became of them."""
        counts = {}
        for entity in ENTITIES:
            done, refused = self._done.get(entity, Counter()), self._staging.refused[entity]
            merged = done["merged"] + self._staging.folded[entity]
            if found := {**done, "merged": merged, "rejected": done["rejected"] + refused}:
                read = sum(found.values())
                if read:
                    counts[entity] = {"read": read, **{name: number for name, number in found.items() if number}}
        return counts

    def outcome(self) -> Outcome:
        return Outcome(self.id, self.counts(), self._report)

"""Imports as a whole: a run, its verification, its rollback."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import msgspec

from app.database.executor import Transaction
from app.importing import repository
from app.importing.repository import Compared, Import, Line, LineCount
from app.importing.sources.source import USER, Source
from app.importing.staging import CHUNK, Pace, Progress, Staging

ENTITIES = (
    *("users", "identities", "tags", "tasks", "habits", "habit_entries", "habit_comments", "goals", "goal_progress", "foods"),
    *("workouts", "workout_exercises", "daily_reviews", "blog_entries", "conversations", "messages", "media", "taggings"),
    *("progress_snapshots", "usage", "credit_accounts", "credit_transactions", "consent_events", "query_cache"),
)
"""The tables that an import fills, in the order in which rows are moved: a row comes after those that it refers to."""

RULED_OUT = {"rejected", "merged", "folded", "same"}
"""Outcomes of a comparison that are as they should be."""


class ImportFailed(Exception):
    """An import, a verification or a rollback cannot be done. The text is for whoever typed the command."""


class Asked(msgspec.Struct, frozen=True):
    """How an import is to be done.

    source and location are as they were typed, the location without a password. user: the account for a source without
    users. is_strict: the first row that cannot be imported ends it. into_existing: users of the source get the account that
    has their e-mail address, even if nobody has proved it. media_root and naive_tz: where the source's
    files were, and the zone of its times without one, for verify.
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


class Verified(msgspec.Struct, frozen=True):
    """What a verification has found: by table and outcome the rows, the sums of both sides, and samples."""

    id: UUID
    compared: dict[str, list[Compared]]

    @property
    def is_good(self) -> bool:
        """Whether every row of the source is here as it was read, or was reported."""
        return all(each.outcome in RULED_OUT for found in self.compared.values() for each in found)


class _Over(Exception):
    """Ends a transaction that is not to be committed."""


async def run(
    on: Transaction, source: Source, asked: Asked, progress: Progress, told: Callable[[Line], None] | None = None
) -> Outcome:
    """Import a source, and tell `told` each line of its report.

    Raises ImportFailed, SourceError; what had been committed stays, and the next run goes on from there.
    """
    await _lock(on)
    user = await _user(on, asked.user)
    options = {
        "user": asked.user,
        "into_existing": asked.into_existing,
        "media_root": asked.media_root,
        "naive_tz": asked.naive_tz,
    }
    work = _Run(on, source, asked, user, progress)
    if asked.is_dry:

        async def dry(transaction: Transaction) -> None:
            work.on = transaction
            await work.begin(options)
            await work.parts()
            await work.tell(told)
            raise _Over

        try:
            await on.transaction(dry)
        except _Over:
            return work.outcome()
    await work.begin(options)
    try:
        await work.parts()
    except BaseException:
        # Also when it is interrupted: the connection is free again, the transaction under way is rolled back.
        with contextlib.suppress(Exception):
            await asyncio.shield(repository.finish(on, work.id, "failed", work.counts()))
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Whatever came of ending the statement under way: it was interrupted.
            raise asyncio.CancelledError from None
        raise
    await repository.finish(on, work.id, "done", work.counts())
    await work.tell(told)
    return work.outcome()


class _Run:
    """A run under way: its part is what is staged, moved and committed together."""

    id: UUID

    def __init__(self, on: Transaction, source: Source, asked: Asked, user: UUID | None, progress: Progress) -> None:
        self.on = on
        self._source = source
        self._asked = asked
        self._user = user
        self._progress = progress
        self._pace = Pace(asked.rest)
        self._staging = Staging(self._pace, progress, user)
        self._done: dict[str, Counter[str]] = {}
        self._report: list[LineCount] = []
        source.declare(self._staging)

    async def begin(self, options: dict[str, Any]) -> None:
        self.id = await repository.begin(self.on, self._asked.source, self._source.form, self._asked.location, options)
        self._is_again = self._source.is_repeated or await repository.has_items(self.on, self.id, self._asked.source)

    async def parts(self) -> None:
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
        await self._staging.begin(on)
        is_last = await anext(reading, _END) is _END
        await self._staging.copy()
        refused = await place_owners(on, self._staging, self.id, self._asked, self._user)
        self._done.setdefault("users", Counter())["rejected"] += refused
        await self._source.settle(on, self.id)
        for entity in ENTITIES:
            if entity in self._staging.tables:
                await self._move(on, entity)
        await repository.keep_reports(on, self.id)
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
        async for bounds in chunks(on, entity):
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


_END: Any = object()

PARENTS = ("users", "tags", "habits", "goals", "workouts", "conversations")
"""Tables whose rows others refer to: the planner is to know how many they have become."""


async def chunks(on: Transaction, entity: str) -> AsyncIterator[tuple[int, int]]:
    """The staged rows of a table, some at a time: the first place and the last."""
    bounds = await repository.bounds(on, entity)
    if bounds.first is None or bounds.last is None:
        return
    # References between rows of one table are resolved among those that are moved together.
    size = bounds.last - bounds.first + 1 if entity in ("habits", "goals") else CHUNK
    for first in range(bounds.first, bounds.last + 1, size):
        yield first, min(first + size - 1, bounds.last)


async def place_owners(on: Transaction, staging: Staging, id: UUID, asked: Asked, user: UUID | None) -> int:
    """Find the account of each user of the source. Returns how many get none."""
    if user is not None:
        await repository.place_owner(on, USER, user)
    if "users" not in staging.tables:
        return 0
    return await repository.place_users(on, id, asked.source, into_existing=asked.into_existing)


async def verify(on: Transaction, done: Import, source: Source, asked: Asked, progress: Progress) -> Verified:
    """Read the source of an import again, and compare row by row with what is here. Raises ImportFailed, SourceError."""
    await _lock(on)
    user = await _user(on, asked.user)
    pace = Pace(asked.rest)
    staging = Staging(pace, progress, user)
    source.declare(staging)
    compared: dict[str, list[Compared]] = {}
    reading = source.read(staging)
    while True:
        is_last = False

        async def part(transaction: Transaction) -> None:
            nonlocal is_last
            await staging.begin(transaction)
            is_last = await anext(reading, _END) is _END
            await staging.copy()
            await place_owners(transaction, staging, done.id, asked, user)
            await source.settle(transaction, done.id)
            for entity in ENTITIES:
                if entity in staging.tables:
                    async for bounds in chunks(transaction, entity):
                        found = await repository.compare(transaction, done.id, done.source, entity, bounds)
                        compared.setdefault(entity, []).extend(found)
                        progress.advance(f"comparing {entity}", sum(each.rows for each in found))
                        await pace.breathe()
            raise _Over

        try:
            await on.transaction(part)
        except _Over:
            if is_last:
                for entity, rows in (+staging.folded).items():
                    compared.setdefault(entity, []).append(Compared("folded", rows, None, None, None))
                return Verified(done.id, {entity: _added(found) for entity, found in compared.items()})


def _added(found: list[Compared]) -> list[Compared]:
    """The outcomes of all chunks, each once."""
    added: dict[str, Compared] = {}
    for each in found:
        if (before := added.get(each.outcome)) is None:
            added[each.outcome] = each
        else:
            added[each.outcome] = msgspec.structs.replace(
                before,
                rows=before.rows + each.rows,
                source_sum=(before.source_sum or 0) + (each.source_sum or 0),
                target_sum=(before.target_sum or 0) + (each.target_sum or 0),
                sample=before.sample or each.sample,
            )
    return sorted(added.values(), key=lambda each: -each.rows)


async def rollback(on: Transaction, done: Import, *, is_forced: bool) -> dict[str, dict[str, int]]:
    """Take back what an import did. Returns by table what was removed, restored and kept. Raises ImportFailed."""
    await _lock(on)
    if done.status not in ("done", "failed"):
        raise ImportFailed("This import is rolled back already." if done.status == "rolled_back" else "This import is running.")
    if later := await repository.changed_by_later(on, done.id):
        raise ImportFailed(f"Later imports have changed rows of this one: roll back {', '.join(map(str, later))} first.")
    counts: dict[str, dict[str, int]] = {}

    async def work(transaction: Transaction) -> None:
        counts.clear()
        await repository.analyze_items(transaction)
        await repository.unfold(transaction, done.id, is_forced=is_forced)
        for entity in reversed(ENTITIES):
            undone = msgspec.structs.asdict(await repository.undo(transaction, done.id, entity, is_forced=is_forced))
            if any(undone.values()):
                counts[entity] = undone
        await repository.forget_merged(transaction, done.id)
        await repository.finish(transaction, done.id, "rolled_back", counts)

    await on.transaction(work)
    return counts


async def _lock(on: Transaction) -> None:
    if not await repository.try_lock(on):
        raise ImportFailed("Another import, verification or rollback is running: wait until it has ended.")
    await repository.fail_abandoned(on)


async def _user(on: Transaction, email: str | None) -> UUID | None:
    if email is None:
        return None
    user = await repository.user_named(on, email)
    if user is None:
        raise ImportFailed("There is no account with the e-mail address of --user: make it first, by `holdfast users create`.")
    return user

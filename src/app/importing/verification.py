"""Verification: the source is read again, and compared row by row with what is here."""

from collections.abc import Iterator
from uuid import UUID

import msgspec

from app.archives import ENTITIES
from app.database.executor import Transaction
from app.importing import parts, repository
from app.importing.parts import END, NotKeptError
from app.importing.runs import Asked
from app.importing.schemas import Compared, Import
from app.importing.sources.source import Source
from app.importing.staging import Pace, Progress, Staging

RULED_OUT = {"rejected", "merged", "folded", "same"}
"""Outcomes of a comparison that are as they should be."""


class Verified(msgspec.Struct, frozen=True):
    """What a verification has found: by table and outcome the rows, the sums of both sides, and samples."""

    id: UUID
    compared: dict[str, list[Compared]]

    @property
    def is_good(self) -> bool:
        """Whether every row of the source is here as it was read, or was reported."""
        return all(each.outcome in RULED_OUT for found in self.compared.values() for each in found)


async def verify(on: Transaction, done: Import, source: Source, asked: Asked, progress: Progress) -> Verified:
    """Read the source of an import again, and compare row by row with what is here. Raises ImportFailed, SourceError."""
    await parts.lock(on)
    user = await parts.account_of(on, asked.user)
    pace = Pace(asked.rest)
    staging = Staging(pace, progress, user)
    source.declare(staging)
    compared: dict[str, list[Compared]] = {}
    reading = source.read(staging)
    while True:
        is_last = False

        async def part(transaction: Transaction) -> None:
            nonlocal is_last
            staging.begin(transaction)
            is_last = await anext(reading, END) is END
            await staging.copy()
            if staging.is_empty:
                raise NotKeptError
            await repository.check_out(transaction, done.source, staging.user, is_verifying=True)
            into_existing = asked.into_existing
            staging.refused["users"] += await parts.place_owners(
                transaction, staging, done.id, done.source, into_existing=into_existing
            )
            await source.settle(transaction, done.id)
            for entity in ENTITIES:
                if entity in staging.tables:
                    async for bounds in parts.chunks(transaction, entity, pace.rows):
                        found = await repository.compare(transaction, done.id, done.source, entity, bounds)
                        compared.setdefault(entity, []).extend(found)
                        progress.advance(f"comparing {entity}", sum(each.rows for each in found))
                        await pace.breathe()
            raise NotKeptError

        try:
            await on.transaction(part)
        except NotKeptError:
            if is_last:
                for entity, found in _taken_out(staging):
                    compared.setdefault(entity, []).append(found)
                return Verified(done.id, {entity: _added(found) for entity, found in compared.items()})


def _taken_out(staging: Staging) -> Iterator[tuple[str, Compared]]:
    """By table, the rows that never came as far as a comparison."""
    for outcome, counts in (("rejected", staging.refused), ("folded", staging.folded)):
        for entity, rows in (+counts).items():
            yield entity, Compared(outcome, rows, None, None, None)


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

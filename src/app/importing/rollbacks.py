"""Rollback: what an import made is removed, and what it changed is put back."""

import msgspec

from app.archives import ENTITIES
from app.database.executor import Transaction
from app.importing import parts, repository
from app.importing.parts import ImportFailed
from app.importing.schemas import Import


async def rollback(on: Transaction, done: Import, *, is_forced: bool) -> dict[str, dict[str, int]]:
    """Take back what an import did. Returns by table what was removed, restored and kept. Raises ImportFailed."""
    await parts.lock(on)
    if done.status == "running":
        raise ImportFailed("This import is running.")
    # What the first time kept can be taken back by force.
    if done.status == "rolled_back" and not (is_forced and await repository.touched(on, done.id)):
        raise ImportFailed("This import is rolled back already.")
    if later := await repository.changed_by_later(on, done.id):
        raise ImportFailed(f"Later imports have changed rows of this one: roll back {', '.join(map(str, later))} first.")
    counts: dict[str, dict[str, int]] = {}

    async def work(transaction: Transaction) -> None:
        counts.clear()
        await repository.analyze_items(transaction)
        await repository.check_out_run(transaction, done.id)
        await repository.unfold(transaction, done.id, is_forced=is_forced)
        touched = await repository.touched(transaction, done.id)
        for entity in sorted(touched, key=ENTITIES.index, reverse=True):
            # All but the accounts is gone by now, so it is known which of them stay.
            kept = await repository.keep_ways_in(transaction, done.id) if entity == "identities" and not is_forced else 0
            undone = msgspec.structs.asdict(await repository.undo(transaction, done.id, entity, is_forced=is_forced))
            undone["kept"] += kept
            if any(undone.values()):
                counts[entity] = undone
        await parts.check_in(transaction)
        await repository.forget_merged(transaction, done.id)
        await repository.finish(transaction, done.id, "rolled_back", counts)

    await on.transaction(work)
    return counts

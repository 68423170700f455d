"""The statements of imports, with types. They are operators': none is about one user."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from app.database.queries import Executor, load, to_json
from app.importing.schemas import (
    Bounds,
    Column,
    Compared,
    FreshFile,
    Import,
    Line,
    LineCount,
    Moved,
    StoredFile,
    TakenOut,
    Undone,
    Unfit,
)
from app.problems import constraints

queries = load("importing")

constraints.declare(
    {
        "imports_pkey": ("conflict", "id", "is taken"),
        "imports_source_known": ("invalid", "source", "is not a known source"),
        "imports_status_known": ("invalid", "status", "is not a known status"),
        "imports_finished": ("invalid", "finished_at", "must be set exactly when the import is not running"),
        "import_items_pkey": ("conflict", "source_key", "is taken"),
        "import_items_users": ("conflict", "source_key", "is taken"),
        "import_changes_pkey": ("conflict", "source_key", "is taken"),
        "import_changes_item_exists": ("not_found", "source_key", "does not exist"),
        "import_reports_pkey": ("conflict", "line", "is taken"),
        "import_reports_import_exists": ("not_found", "import_id", "does not exist"),
        "import_reports_user_exists": ("not_found", "user_id", "does not exist"),
        "import_reports_kind_known": ("invalid", "kind", "is not a known kind"),
    }
)


async def try_lock(on: Executor) -> bool:
    """Take the lock of imports for as long as the connection lives. False: another import has it."""
    return bool(await queries.try_lock.value(on, bool))


async def fail_abandoned(on: Executor) -> int:
    """Mark the runs that were killed, unless one is under way. Returns how many."""
    return await queries.fail_abandoned.count(on)


async def begin(on: Executor, source: str, form: str, location: str, options: dict[str, Any]) -> UUID:
    """Begin a run. Returns its id."""
    run = await queries.begin.value(on, UUID, source=source, form=form, location=location, options=to_json(options))
    if run is None:
        raise LookupError
    return UUID(bytes=run.bytes)


async def finish(on: Executor, id: UUID, status: str, counts: dict[str, dict[str, int]]) -> None:
    """End a run."""
    await queries.finish.count(on, id=id, status=status, counts=to_json(counts))


async def get(on: Executor, id: UUID) -> Import | None:
    """A run; None: there is none."""
    row = await queries.get.row(on, id=id)
    return None if row is None else _import(row)


async def every(on: Executor) -> list[Import]:
    """The last 1,000 runs, newest first."""
    return await queries.every.many(on, lambda *row: _import(row))


def _import(row: Any) -> Import:
    found, source, form, location, options, status, counts, *times = row
    raw = None if counts is None else msgspec.Raw(counts.encode())
    return Import(found, source, form, location, msgspec.Raw(options.encode()), status, raw, *times)


async def user_named(on: Executor, email: str) -> UUID | None:
    """The account of an e-mail address."""
    found = await queries.user_named.value(on, UUID, email=email)
    return None if found is None else UUID(bytes=found.bytes)


async def stage_owners(on: Executor) -> None:
    """Make the temporary tables that every import has."""
    await queries.stage_owners.row(on)


async def stage(on: Executor, entity: str) -> None:
    """Make the temporary table that the rows for a table come into."""
    await queries.stage.row(on, entity=entity)


async def check_out(on: Executor, source: str, user: UUID | None, *, is_verifying: bool = False) -> None:
    """In a cluster, bring what the accounts that staged rows are about have to where the following statements look for it.

    user: one that nothing staged names. Until `check_in`, or the end of the transaction.
    """
    await queries.check_out.row(on, source=source, user_id=user, purpose="verification" if is_verifying else "import")


async def check_out_run(on: Executor, id: UUID) -> None:
    """`check_out` for the accounts whose rows a run has made or changed, to roll it back."""
    await queries.check_out_run.row(on, id=id)


async def check_out_account(on: Executor, user: UUID) -> None:
    """`check_out` of one account, to read it."""
    await queries.check_out_account.row(on, user_id=user)


async def check_in(on: Executor) -> None:
    """In a cluster, bring what came of the rows that are checked out to where they belong.

    Raises IntegrityConstraintViolationError or SerializationError when what somebody wrote in between does not go with it.
    """
    await queries.check_in.row(on)


async def place_users(on: Executor, id: UUID, source: str, *, into_existing: bool) -> int:
    """Find the account of each staged user, or an id for a new one. Returns how many get none."""
    return int(await queries.place_users.value(on, int, id=id, source=source, into_existing=into_existing) or 0)


async def place_owner(on: Executor, owner: str, user_id: UUID) -> None:
    """Give the rows of an owner to an account."""
    await queries.place_owner.row(on, owner=owner, user_id=user_id)


async def keep_users(on: Executor, id: UUID, source: str) -> int:
    """Remember the accounts that were here, once the others are moved. Returns how many rows of the source are theirs."""
    return int(await queries.keep_users.value(on, int, id=id, source=source) or 0)


async def keep_tags(on: Executor, id: UUID, source: str) -> int:
    """Remember the staged tags that their users have here. Returns how many."""
    return int(await queries.keep_tags.value(on, int, id=id, source=source) or 0)


async def keep_reports(on: Executor, id: UUID) -> None:
    """Take over the reports that the source made."""
    await queries.keep_reports.row(on, id=id)


async def settle_conversations(on: Executor, source: str) -> int:
    """Number the staged messages, without those that cannot come. Returns how many these are."""
    return int(await queries.settle_conversations.value(on, int, source=source) or 0)


async def settle_ledger(on: Executor, source: str) -> TakenOut:
    """Number and balance the staged transactions, without those that cannot come. Returns how many these are."""
    return await queries.settle_ledger.only(on, TakenOut, source=source)


async def columns(on: Executor, entity: str) -> list[Column]:
    """The columns of a table that a source can fill; their names as in a statement."""
    return await queries.columns.many(on, Column, entity=entity)


async def keep_rows(on: Executor, id: UUID, source: str, entities: Sequence[str]) -> int:
    """Remember the staged rows that are here under the same key. Returns how many."""
    return int(await queries.keep_rows.value(on, int, id=id, source=source, entities=entities) or 0)


async def settle_export(on: Executor, source: str, *, is_own: bool) -> Unfit:
    """Take out staged rows that would not fit to what is here. Returns how many these are."""
    return await queries.settle_export.only(on, Unfit, source=source, is_own=is_own)


async def bounds(on: Executor, entity: str) -> Bounds:
    """Where the rows that are staged for a table begin and end."""
    return await queries.bounds.only(on, Bounds, entity=entity)


async def has_items(on: Executor, id: UUID, source: str) -> bool:
    """Whether an earlier import of this kind of source has left something."""
    return bool(await queries.has_items.value(on, bool, id=id, source=source))


async def move(on: Executor, id: UUID, source: str, entity: str, bounds: tuple[int, int], *, is_again: bool) -> Moved:
    """Bring the staged rows of two places and between them into their table. is_again: some may be here, or come twice."""
    first, last = bounds
    return await queries.move.only(on, Moved, id=id, source=source, entity=entity, first=first, last=last, is_again=is_again)


async def analyze_items(on: Executor) -> None:
    """Let the planner know what the items have become."""
    await queries.analyze_items.row(on)


async def compare(on: Executor, id: UUID, source: str, entity: str, bounds: tuple[int, int]) -> list[Compared]:
    """Compare staged rows with what an import has made of them."""
    first, last = bounds
    return await queries.compare.many(on, Compared, id=id, source=source, entity=entity, first=first, last=last)


async def touched(on: Executor, id: UUID) -> list[str]:
    """The tables of which a run has made or changed rows."""
    return await queries.touched.values(on, id=id)


async def undo(on: Executor, id: UUID, entity: str, *, is_forced: bool) -> Undone:
    """Take back what an import did to a table."""
    return await queries.undo.only(on, Undone, id=id, entity=entity, is_forced=is_forced)


async def keep_ways_in(on: Executor, id: UUID) -> int:
    """Leave the users who stay after a rollback the identities by which they sign in. Returns how many."""
    return await queries.keep_ways_in.value(on, int, id=id) or 0


async def unfold(on: Executor, id: UUID, *, is_forced: bool) -> None:
    """Take what an import brought out of checkpoints, before it is taken back."""
    await queries.unfold.row(on, id=id, is_forced=is_forced)


async def changed_by_later(on: Executor, id: UUID) -> list[UUID]:
    """The later imports that have changed rows which this one made."""
    return await queries.changed_by_later.values(on, id=id)


async def forget_merged(on: Executor, id: UUID) -> int:
    """Forget which accounts of others an import's users belonged to."""
    return await queries.forget_merged.count(on, id=id)


async def lines(on: Executor, id: UUID, after: int, limit: int) -> list[Line]:
    """Some lines of a report, in order: those after one."""
    return await queries.lines.many(on, Line, id=id, after=after, limit=limit)


async def report(on: Executor, id: UUID) -> AsyncIterator[Line]:
    """The lines of a report, in order."""
    after = 0
    while found := await lines(on, id, after, 1000):
        for line in found:
            yield line
        after = found[-1].line


async def count_reports(on: Executor, id: UUID) -> list[LineCount]:
    """What a report says, and how often."""
    return await queries.count_reports.many(on, LineCount, id=id)


async def cut_goals(on: Executor) -> None:
    """Take the parents from staged goals that are in circles or too deep."""
    await queries.cut_goals.row(on)


async def part_slugs(on: Executor, source: str) -> None:
    """Make the slugs of each account's staged entries differ."""
    await queries.part_slugs.row(on, source=source)


async def known_media(on: Executor, source: str, *, has_store: bool) -> None:
    """Give staged files that are here the object that they have; without a store, the others get what is none."""
    await queries.known_media.row(on, source=source, has_store=has_store)


async def fresh_media(on: Executor, source: str, after: int, limit: int) -> list[FreshFile]:
    """Staged files without an object, some at a time."""
    return await queries.fresh_media.many(on, FreshFile, source=source, after=after, limit=limit)


async def stored_media(on: Executor, source: str, after: int, limit: int) -> list[StoredFile]:
    """Staged files with an object, some at a time."""
    return await queries.stored_media.many(on, StoredFile, source=source, after=after, limit=limit)


async def set_objects(on: Executor, places: list[int], keys: list[str]) -> None:
    """Say where the objects of staged files lie."""
    await queries.set_objects.row(on, places=places, keys=keys)


async def keep_objects(on: Executor, id: UUID) -> int:
    """Let the objects of the files that a run has made stay. Returns how many are deleted already."""
    return int(await queries.keep_objects.value(on, int, id=id) or 0)


async def give_up_objects(on: Executor, folder: str) -> int:
    """Let maintenance delete at once what has no row of the objects of a folder. Returns how many."""
    return await queries.give_up_objects.count(on, folder=folder)


async def forget_gone(on: Executor, owner: UUID, source: str) -> int:
    """Forget the rows of a user that came from a source and were deleted since: they can come again. Returns how many."""
    return int(await queries.forget_gone.value(on, int, owner=owner, source=source) or 0)

"""The overview of habits, put together: the database counts, the entries become JSON here."""

import datetime as dt
from collections import defaultdict
from uuid import UUID

import msgspec

from app.database.queries import Executor
from app.habits import repository
from app.habits.schemas import HabitEntry
from app.http.responses import encode

OVERVIEW_BYTES = 8 * 1024 * 1024
"""The overview ends with the habit that reaches it: 100 habits of 90 days take 3 MB."""


async def read(
    database: Executor, user_id: UUID, days: tuple[dt.date | None, dt.date | None], *, is_archived: bool
) -> bytes | None:
    """Read the JSON of a HabitsOverview. None: the user does not exist any more."""
    from_date, to_date = days
    parts = await repository.overview(
        database, user_id, is_archived=is_archived, from_date=from_date, to_date=to_date, bytes=OVERVIEW_BYTES
    )
    if not parts:
        return None
    (_, totals, _), *rest = parts
    entries = defaultdict[UUID | None, list[HabitEntry]](list)
    for *_, entry in rest:
        if entry is not None:
            entries[entry.habit_id].append(entry)
    return _written(totals or "", [(json, entries[habit_id]) for habit_id, json, _ in rest if json is not None])


def _written(totals: str, habits: list[tuple[str, list[HabitEntry]]]) -> bytes:
    """The JSON of a HabitsOverview. A habit stays JSON, and gets its entries."""
    items, size = list[msgspec.Raw](), 0
    for json, entries in habits:
        if size >= OVERVIEW_BYTES:
            break
        items.append(msgspec.Raw(b'%b,"entries":%b}' % (json[:-1].encode(), encode(entries))))
        size += len(items[-1])
    of_all = msgspec.json.decode(totals, type=dict[str, msgspec.Raw])
    left_out = int(bytes(of_all["items"])) - len(items)
    return encode(of_all | {"items": items, "items_left_out": left_out})

"""A connection of the pool: what of asyncpg's own is left out, and what is added."""

from datetime import date
from time import monotonic
from typing import Any, TypeAlias

import asyncpg
from asyncpg.pool import PoolConnectionProxy


class Connection(asyncpg.Connection):
    """A connection that goes from one request to the next as it is.

    The reset query on release would cost 40 % of a one-row request; so no code may leave state in a session: `set local`
    and `pg_advisory_xact_lock` only, and a connection of its own for LISTEN. tests/test_style.py looks for that.
    """

    __slots__ = ("born",)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.born = monotonic()

    def get_reset_query(self) -> str:
        return ""


_DAY_0 = date(2000, 1, 1).toordinal()
"""The server counts days from here."""


async def set_exact_dates(connection: "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]") -> None:
    """Have a new connection send 9999-12-31 as this day: asyncpg's own codec makes it infinity."""
    await connection.set_type_codec(
        "date",
        schema="pg_catalog",
        encoder=lambda day: (day.toordinal() - _DAY_0,),
        decoder=lambda days: date.fromordinal(days[0] + _DAY_0),
        format="tuple",
    )


AnyConnection: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"
"""A connection of one's own, or one that a pool has lent."""

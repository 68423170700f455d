"""A connection of the pool: what of asyncpg's own is left out, and what is added."""

from datetime import UTC, date, datetime, timedelta
from time import monotonic
from typing import Any, TypeAlias, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy


class Connection(asyncpg.Connection):
    """A connection that goes from one request to the next as it is.

    The reset query on release would cost 40 % of a one-row request; so no code may leave state in a session: `set local`
    and `pg_advisory_xact_lock` only, and a connection of its own for LISTEN. tests/test_style.py looks for that.
    """

    __slots__ = ("born", "is_distributed")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.born = monotonic()
        self.is_distributed = False
        """Whether the database has the Citus extension, which spreads tables over several servers."""

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


_TIME_0 = datetime(2000, 1, 1, tzinfo=UTC)
"""The server counts microseconds from here."""

_MICROSECOND = timedelta(microseconds=1)


async def set_exact_times(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Have a new connection send the first and the last time that Python knows as these: they, too, would become infinity.

    For commands, to which other apps' data may give any time; the API takes none of them.
    """
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=lambda time: ((time - _TIME_0) // _MICROSECOND,),
        decoder=lambda since: _TIME_0 + since[0] * _MICROSECOND,
        format="tuple",
    )


AnyConnection: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"
"""A connection of one's own, or one that a pool has lent."""


def is_distributed(connection: AnyConnection) -> bool:
    """Whether tables may be spread over several servers."""
    return cast("Connection", connection).is_distributed

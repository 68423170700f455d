"""A connection of the pool: what of asyncpg's own is left out, and what is added."""

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


AnyConnection: TypeAlias = "Connection | PoolConnectionProxy[asyncpg.Record]"
"""A connection of one's own, or one that a pool has lent."""

"""Where the statements of one request that reads run: on the primary, and on the replica when that is away, or as asked for."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias, TypeVar

from app.database.errors import DatabaseUnavailable, DatabaseUnreachable
from app.database.executor import Database, Transaction
from app.database.queries import Query
from app.database.replica import Replica

T = TypeVar("T")

Reason: TypeAlias = Literal["preferred", "primary_away"]


class Reading:
    """One request's way to either server.

    What finds out who is calling goes to the primary for as long as that is there. Once a statement has come from the replica
    because it is not, all do: what the request reads is not put together from two times.
    """

    __slots__ = ("_after", "_goes_because", "_primary", "_replica", "why")

    def __init__(self, replica: Replica, after: int | None) -> None:
        """`after`: a position of the primary's log that the replica must have; None: the client names none."""
        self._replica = replica
        self._primary: Database = replica.primary.database
        self._after = after
        self._goes_because: Reason | None = None
        """Why statements go to the replica; None: they do not."""
        self.why: Reason | None = None
        """Why the replica answered one; None: it did not."""

    async def prefer_replica(self) -> None:
        """Have what follows run on the replica, if that has the position, or else all that was committed before now."""
        replica = self._replica
        if self._goes_because is not None or replica.primary.is_away:
            return
        try:
            after = await replica.written() if self._after is None else self._after
            if await replica.has(after):
                self._goes_because = "preferred"
        except DatabaseUnavailable:
            # Whichever it is, the statements find out.
            return

    async def run(self, query: Query, values: list[Any]) -> Any:
        """As `Database.run`."""
        return await self._send(Database.run, query, values)

    async def coalesce(self, query: Query, values: list[Any]) -> Any:
        """As `Database.coalesce`."""
        return await self._send(Database.coalesce, query, values)

    async def transaction(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """As `Database.transaction`: on the primary."""
        return await self._primary.transaction(work)

    async def _send(self, send: Callable[..., Any], query: Query, values: list[Any]) -> Any:
        if not query.reads_only:
            return await send(self._primary, query, values)
        if self._goes_because == "preferred":
            try:
                return await self._send_to_replica(send, query, values)
            except DatabaseUnavailable:
                self._goes_because = None
        failure: DatabaseUnavailable = DatabaseUnreachable()
        if self._goes_because is None:
            try:
                return await self._replica.primary.read(send(self._primary, query, values))
            except DatabaseUnavailable as error:
                if type(error) not in {DatabaseUnavailable, DatabaseUnreachable}:
                    # It is there, and busy.
                    raise
                failure = error
            await self._check_replica(failure)
        try:
            return await self._send_to_replica(send, query, values)
        except DatabaseUnavailable:
            raise failure from None

    async def _send_to_replica(self, send: Callable[..., Any], query: Query, values: list[Any]) -> Any:
        found = await self._replica.server.read(send(self._replica.database, query, values))
        self.why = self._goes_because
        return found

    async def _check_replica(self, failure: DatabaseUnavailable) -> None:
        """Go on with the replica, as the primary is away. Raises `failure` where it has not what it must have."""
        replica = self._replica
        if not replica.is_usable:
            raise failure
        if self._after is not None:
            try:
                has_it = await replica.has(self._after)
            except DatabaseUnavailable:
                has_it = False
            if not has_it:
                raise failure
        self._goes_because = "primary_away"

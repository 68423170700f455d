"""Connecting to the one of several servers that takes writes: so a failover needs no restart."""

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit
from weakref import WeakKeyDictionary

import asyncpg
from asyncpg.connect_utils import SessionAttribute

from app.database.connection import Connection
from app.database.dbmate import single_hosts

HEAD_START = 0.3
"""Seconds that a server has to itself before the next one is tried beside it: one that is switched off never says no."""


class Hosts:
    """The servers that a URL names. With one of them, connecting is asyncpg's own.

    With several, the one that takes writes may change. As soon as a connection leads to another one than before, those to the
    others are ended, whatever is under way on them: from a server that hangs no answer comes, and one that goes on by itself
    must not be written to. Where the URL asks for servers of another kind, several may be in use.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._singles = single_hosts(url)
        """A URL for each; the one that a connection was made to last is tried first."""
        self._made: WeakKeyDictionary[Connection, str] = WeakKeyDictionary()
        """The connections there are, and the URLs that they were made with."""
        self._options: dict[str, Any] = {"connection_class": Connection}
        kind = parse_qs(urlsplit(url).query).get("target_session_attrs", [""])[0]
        self._is_one = kind in {"", "read-write", "primary"}
        if len(self) > 1 and not kind:
            # A standby, too, answers.
            self._options["target_session_attrs"] = SessionAttribute.read_write

    def __len__(self) -> int:
        return len(self._singles)

    async def connect(self, _url: str | None = None, **options: Any) -> Connection:
        """Connect to the first server that answers and is of the kind that the URL asks for; `options` are asyncpg's.

        asyncpg would try one after the other, each for the whole timeout. `_url` is for asyncpg's pool, which repeats it.
        Raises what the driver and the network do: the last error, or the last one that a server gave.
        """
        options = self._options | options
        if len(self) == 1:
            return await _connect(self.url, options)
        left, attempts, failure = [*self._singles], dict[asyncio.Task[Connection], str](), None
        try:
            while left or attempts:
                if left:
                    url = left.pop(0)
                    attempts[asyncio.create_task(_connect(url, options))] = url
                done, _ = await asyncio.wait(
                    attempts, timeout=HEAD_START if left else None, return_when=asyncio.FIRST_COMPLETED
                )
                for attempt in done:
                    url, error = attempts.pop(attempt), attempt.exception()
                    if error is None:
                        self._go_to(url)
                        self._made[attempt.result()] = url
                        return attempt.result()
                    if failure is None or isinstance(error, asyncpg.PostgresError):
                        failure = error
        finally:
            for attempt in attempts:
                attempt.cancel()
                attempt.add_done_callback(_end)
        raise failure or OSError("no server is named")

    def _go_to(self, url: str) -> None:
        if url == self._singles[0]:
            return
        self._singles.remove(url)
        self._singles.insert(0, url)
        for connection, other in [*self._made.items()]:
            if self._is_one and other != url:
                connection.terminate()


async def _connect(url: str, options: dict[str, Any]) -> Connection:
    connection: Connection = await asyncpg.connect(url, **options)
    return connection


def _end(attempt: "asyncio.Task[Connection]") -> None:
    """End what came too late."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()

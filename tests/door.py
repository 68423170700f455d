"""A door in front of the database: it counts who comes, and can be shut, or swallow everything that passes."""

import asyncio
from contextlib import suppress
from typing import Literal
from urllib.parse import parse_qs, urlsplit


class Door:
    """A way to the database over TCP."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._passing: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.state: Literal["open", "shut", "swallows"] = "open"
        self.came = 0
        """Connections that were asked for."""

    async def hang(self) -> str:
        """Begin to pass everything on; the URL to connect to."""
        self._listening = await asyncio.start_server(self._come, "127.0.0.1", 0)
        port = self._listening.sockets[0].getsockname()[1]
        credentials, at, _ = self._target.netloc.rpartition("@")
        return self._target._replace(netloc=f"{credentials}{at}127.0.0.1:{port}", query="sslmode=disable").geturl()

    def shut(self) -> None:
        """As a server that has died: every connection ends, and each new one does so at once."""
        self.state = "shut"
        for writer in self._writers:
            writer.transport.abort()

    async def take_down(self) -> None:
        self._listening.close()
        self.shut()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came += 1
        if self.state == "shut":
            writer.transport.abort()
            return
        options = parse_qs(self._target.query)
        if "host" in options:
            path = f"{options['host'][0]}/.s.PGSQL.{options.get('port', ['5432'])[0]}"
            far_reader, far_writer = await asyncio.open_unix_connection(path)
        else:
            far_reader, far_writer = await asyncio.open_connection(self._target.hostname, self._target.port or 5432)
        self._writers |= {writer, far_writer}
        for source, target in ((reader, far_writer), (far_reader, writer)):
            task = asyncio.create_task(self._pass_on(source, target))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.state != "swallows":
                    target.write(data)
        target.close()
        self._writers.discard(target)

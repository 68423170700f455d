"""A way to the database over TCP that can be cut, or swallow everything without closing anything."""

import asyncio
import threading
from contextlib import suppress
from typing import Literal

State = Literal["open", "cut", "swallowing"]


class Proxy:
    """Passes everything on to a Unix socket, from a thread of its own.

    While it is `cut` connections are reset and new ones refused. While it is `swallowing` nothing passes, and nobody is told; a
    connection that was used then stays dead afterwards, as behind a firewall that forgot it.
    """

    def __init__(self, target: str) -> None:
        self.state: State = "open"
        self.port = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def become(self, state: State) -> None:
        """From now on."""
        self.state = state
        if state == "cut":
            self._loop.call_soon_threadsafe(self._reset)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._reset)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _reset(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _listen(self) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.state == "cut":
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_unix_connection(self._target)
        ends = {writer, far_writer}
        self._writers |= ends
        forgotten = asyncio.Event()
        ways = [self._pass_on(reader, far_writer, forgotten), self._pass_on(far_reader, writer, forgotten)]
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        for end in ends:
            end.close()
        self._writers -= ends

    async def _pass_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, forgotten: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self.state == "swallowing":
                    forgotten.set()
                if not forgotten.is_set():
                    target.write(data)
                    await target.drain()

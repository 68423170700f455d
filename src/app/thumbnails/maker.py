"""Thumbnails are made one after another in a worker, each by a process of its own that is ended when it takes too long."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID
from weakref import WeakValueDictionary

import structlog

from app.problems.problem import later

log = structlog.get_logger()

SECONDS = 20.0
"""How long one may take, with the file's way out of the store."""

WAITING = 32
"""Thumbnails that may be made or wait for it; one more is refused with a 503."""

WAITING_OF_ONE = 6
"""Of these for images of one user: as many as a browser asks for at once over HTTP/1.1."""

MOST_THUMBNAIL_BYTES = 8 * 2**20
"""Of a thumbnail, as it comes out."""

_PIECE = 64 * 1024


class ThumbnailMaker:
    """Makes the thumbnails of a worker."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._waiting: Counter[UUID] = Counter()
        self._turn_of_one: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, user_id: UUID) -> AsyncIterator[None]:
        """Wait until no other thumbnail is made. Raises Problem 503 when too many wait, or too many of this user's images.

        Users take turns: who asks for one waits for one of each other user at most, not for all that another has asked for.
        """
        if self._waiting[user_id] >= WAITING_OF_ONE or self._waiting.total() >= WAITING:
            raise later("thumbnail_queue_full", 2)
        turn_of_one = self._turn_of_one.setdefault(user_id, asyncio.Lock())
        self._waiting[user_id] += 1
        try:
            async with turn_of_one, self._turn:
                yield
        finally:
            self._waiting[user_id] -= 1
            if not self._waiting[user_id]:
                del self._waiting[user_id]

    async def make(self, chunks: AsyncIterator[bytes], width: int) -> bytes | None:
        """Make a thumbnail of the image in `chunks`; nothing where it is not wider. None: it cannot be made.

        Raises what reading the image raises.
        """
        process = await asyncio.create_subprocess_exec(
            # Without our environment: it holds secrets, and the process needs none of it.
            sys.executable, "-I", "-m", "app.thumbnails.process", str(width),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env={}, cwd="/",
        )  # fmt: skip
        try:
            async with asyncio.timeout(SECONDS):
                async with asyncio.TaskGroup() as both:
                    both.create_task(_feed(process, chunks))
                    made = both.create_task(_take(process))
                status = await process.wait()
        except TimeoutError:
            log.warning("thumbnail_timed_out", width=width)
            return None
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if status < 0:
            log.warning("thumbnail_process_ended", signal=-status)
        return made.result() if status == 0 else None


async def _feed(process: asyncio.subprocess.Process, chunks: AsyncIterator[bytes]) -> None:
    if process.stdin is None:
        raise TypeError("the process has no stdin")
    # It may have seen enough, or be at its end, before all is sent.
    with suppress(BrokenPipeError, ConnectionResetError):
        async for chunk in chunks:
            process.stdin.write(chunk)
            await process.stdin.drain()
    process.stdin.close()
    with suppress(BrokenPipeError, ConnectionResetError):
        await process.stdin.wait_closed()


async def _take(process: asyncio.subprocess.Process) -> bytes | None:
    """What the process writes. None: more than a thumbnail has; then it is ended."""
    if process.stdout is None:
        raise TypeError("the process has no stdout")
    taken = bytearray()
    while piece := await process.stdout.read(_PIECE):
        taken += piece
        if len(taken) > MOST_THUMBNAIL_BYTES:
            with suppress(ProcessLookupError):
                process.kill()
            return None
    return bytes(taken)

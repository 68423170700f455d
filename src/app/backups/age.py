"""Encryption with age, by its own program: bytes go through it, and never onto a disk in between."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from app.backups.form import BackupDamaged, BackupFailed

PIECE = 1024 * 1024

NOT_OURS = "no identity matched"
"""What age says to the wrong key."""


def program() -> str:
    """Where age is. Raises BackupFailed."""
    found = shutil.which("age")
    if found is None:
        raise BackupFailed("age is not installed: apt-get install age.")
    return found


def encrypting(recipients: tuple[str, ...]) -> list[str]:
    """The words of a command that encrypts for recipients."""
    return [program(), "--encrypt", *(word for recipient in recipients for word in ("--recipient", recipient))]


def decrypting(identity: Path) -> list[str]:
    """The words of a command that decrypts with the identity in a file."""
    return [program(), "--decrypt", "--identity", str(identity)]


async def through(command: list[str], pieces: AsyncIterator[bytes], what: str) -> AsyncIterator[bytes]:
    """What comes out of age for what goes in. Raises BackupDamaged, or BackupFailed, and what `pieces` raises."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise TypeError
    feeding = asyncio.create_task(_feed(process.stdin, pieces))
    saying = asyncio.create_task(process.stderr.read())
    try:
        while piece := await process.stdout.read(PIECE):
            yield piece
        await feeding
        if await process.wait() != 0:
            said = _said(await saying)
            # The other failures are those of a file: there is nothing wrong with it when the key is another one.
            failure = BackupFailed if NOT_OURS in said else BackupDamaged
            raise failure(f"{what}: age refuses it: {said}.")
    finally:
        feeding.cancel()
        saying.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _feed(stdin: asyncio.StreamWriter, pieces: AsyncIterator[bytes]) -> None:
    try:
        async for piece in pieces:
            stdin.write(piece)
            await stdin.drain()
        stdin.close()
        await stdin.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        # It has ended early, and says why.
        return
    except BaseException:
        # Its reader waits for the end.
        stdin.close()
        raise


def _said(errors: bytes) -> str:
    lines = [line.removeprefix("age: error: ") for line in errors.decode(errors="replace").splitlines() if "error: " in line]
    return lines[0] if lines else "it gives no reason"

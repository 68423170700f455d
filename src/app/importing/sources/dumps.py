"""Backups of source databases, by pg_dump."""

import asyncio
import contextlib
import os
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from app.database import postgres_programs
from app.database.postgres_programs import EmbeddedError
from app.importing.sources.source import SourceError


async def dump(location: str, folder: Path) -> Path:
    """Write the PostgreSQL database of a URL into a folder, for pg_restore. Returns the file. Raises SourceError.

    The pg_dump of the PostgreSQL that comes along is tried first, then that on the path: none can read a newer server.
    """
    parts = urlsplit(location)
    copy = folder / f"{unquote(parts.path.strip('/')).replace('/', '_') or 'source'}.dump"
    programs = _programs()
    if not programs:
        raise SourceError(
            "There is no pg_dump to copy the source with: install holdfast[embedded] or PostgreSQL's client programs, or leave "
            "--backup away and copy it yourself."
        )
    # What is written holds hashes of passwords, and takes the place of an older copy only when it is whole.
    part = folder / f"{copy.name}.part"
    told = ""
    try:
        for program in programs:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600)
            told = await _run(program, location, part)
            if not told:
                return part.replace(copy)
    except OSError as error:
        raise SourceError(f"The source cannot be copied into {folder}: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)
    raise SourceError(f"pg_dump cannot copy the source: {told}")


def _programs() -> list[str]:
    found = []
    with contextlib.suppress(EmbeddedError):
        found.append(str(postgres_programs.binaries_folder() / "pg_dump"))
    if (on_path := shutil.which("pg_dump")) is not None:
        found.append(on_path)
    return [program for program in found if os.access(program, os.X_OK)]


async def _run(program: str, location: str, file: Path) -> str:
    """Run pg_dump. Returns what it has to complain about, nothing when it is done."""
    parts = urlsplit(location)
    user, at, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    # Everybody on the machine can read the words of a command, but not its environment.
    environment = os.environ | ({"PGPASSWORD": unquote(password)} if password else {}) | {"LC_ALL": "C"}
    url = urlunsplit(parts._replace(scheme="postgresql", netloc=f"{name}{at}{host}"))
    process = await asyncio.create_subprocess_exec(
        *(program, "--format=custom", "--no-password", f"--file={file}", f"--dbname={url}"),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await process.communicate()
    if process.returncode == 0:
        return ""
    said = [line.partition(": ")[2] for line in errors.decode(errors="replace").splitlines()]
    return "; ".join(said[:2]) or f"it ended with {process.returncode}"

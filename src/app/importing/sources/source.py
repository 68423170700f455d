"""What every source has, and how it is told what to read."""

from collections.abc import AsyncIterator
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Protocol
from uuid import UUID

import msgspec

from app.database.executor import Transaction
from app.importing.objects import Objects
from app.importing.staging import Staging

AGAIN = "What was not finished is taken back: run the same command again to go on."
"""What to do when an import was cut off."""


class SourceError(Exception):
    """A source cannot be read. The text is for whoever typed the command: what it is about, and what to do."""


class Options(msgspec.Struct, frozen=True):
    """What the command was told about a source.

    zone: of times without one. media_root: the folder of a source's media files. has_user: --user was given. objects: where
    files are put, or read again by a verification; None: they are only looked at, as by a dry run.
    """

    zone: tzinfo = UTC
    media_root: Path | None = None
    has_user: bool = False
    objects: Objects | None = None


class Source(Protocol):
    """An opened source: it has been looked at, and can be read."""

    form: str
    """What it was found to be: "generation D, an SQLite file"."""

    total: int
    """About how many rows it will stage, for the progress."""

    is_repeated: bool
    """Whether a key may come twice in it: then each row is looked for among those that are here."""

    def declare(self, staging: Staging) -> None:
        """Say which tables and columns it fills."""

    def read(self, staging: Staging) -> AsyncIterator[None]:
        """Stage everything. What was staged up to a `yield` is moved and committed there: one at the end is one transaction."""

    async def settle(self, on: Transaction, id: UUID) -> None:
        """Change what is staged where that needs all of it: circles of goals, the sums of a ledger.

        Called before anything is moved or compared. It may find rows that are here, and set `is_repeated` then. The accounts
        of the staged users are in import_owners by then; `id` is the import that reports are for.
        """

    async def backup(self, folder: Path) -> Path:
        """Copy the source as it is, consistently, into a folder. Returns the copy."""


USER = "--user"
"""The owner of rows for which the command names the account."""

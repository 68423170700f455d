"""An export of Holdfast's own: rows keep their ids, their times, and what they refer to."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import chain
from pathlib import Path
from uuid import UUID

import msgspec

from app.archives import ENTITIES
from app.database.executor import Transaction
from app.importing import repository
from app.importing.sources import archive_file, databases, folders, stored_files
from app.importing.sources.archive_file import ArchiveFile
from app.importing.sources.export_rows import Rows
from app.importing.sources.source import USER, Options, SourceError
from app.importing.staging import CHUNK, Staging
from app.importing.values import Refused

SOURCE = "holdfast"

NOT_OF_A_USER = {"password_hash", "role"}
"""Columns of users that are not read off what a user may have written."""

OF_THE_ACCOUNT = {"users", "identities"}
"""What the account of --user has by itself."""


class Holdfast:
    """An opened export. The key of a row is that of its user with its own: two users may have chosen the same id."""

    def __init__(self, archive: ArchiveFile, options: Options) -> None:
        manifest = archive.manifest
        self._archive = archive
        self._options = options
        self._is_own = manifest.kind == "user"
        self._lost = {f"media/{each}" for each in (*manifest.missing, *manifest.damaged)}
        self.form = f"an export of {manifest.made_at}, taken by {'its user' if self._is_own else 'an operator'}"
        self.total = sum(table.rows for table in manifest.tables.values())
        self.is_repeated = False

    def declare(self, staging: Staging) -> None:
        self._staging = staging
        for entity in ENTITIES:
            if not (self._options.has_user and entity in OF_THE_ACCOUNT):
                # Which columns it has is seen when its first row is.
                staging.table(entity)

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        tables = self._archive.manifest.tables
        for entity in (*ENTITIES, *(tables.keys() - {*ENTITIES})):
            if not tables.get(entity) or not tables[entity].rows:
                continue
            if entity in staging.tables:
                await self._stage(entity)
            else:
                rule = "account_named" if entity in OF_THE_ACCOUNT else "no_place"
                staging.report("left_out", entity, entity, rule, content={"rows": tables[entity].rows})
        await staging.copy()
        yield

    async def settle(self, on: Transaction, id: UUID) -> None:
        objects = self._options.objects
        if objects is None or not objects.is_verifying:
            entities = [entity for entity in self._staging.tables if entity != "users"]
            self.is_repeated = await repository.keep_rows(on, id, SOURCE, entities) > 0 or self.is_repeated
        # The account of --user has nothing but its rows from here.
        is_own = self._is_own and not self._options.has_user
        unfit = await repository.settle_export(on, SOURCE, is_own=is_own)
        self._staging.refused.update(
            identities=unfit.identities, messages=unfit.messages, credit_transactions=unfit.transactions
        )
        self._staging.folded.update(credit_transactions=unfit.folded)
        await repository.cut_goals(on)
        await repository.part_slugs(on, SOURCE)
        await stored_files.settle(on, SOURCE, objects, self._archive.opened, _changed)

    async def backup(self, folder: Path) -> Path:
        return await folders.copied(self._archive.path, folder)

    async def _stage(self, entity: str) -> None:
        staging, table = self._staging, self._staging.tables[entity]
        columns = await staging.columns(entity)
        if entity == "users" and self._is_own:
            columns = [column for column in columns if column.name not in NOT_OF_A_USER]
        lines = self._archive.lines(entity)
        first = next(lines)
        try:
            rows = Rows(entity, columns, first)
        except Refused:
            raise SourceError(f"{self._archive.path}: what stands first in {entity} is no row.") from None
        table.have(rows.columns)
        for name in rows.others:
            count = self._archive.manifest.tables[entity].rows
            staging.report("left_out", entity, f"{entity}.{name}", "no_place", content={"rows": count})
        for number, line in enumerate(chain([first], lines), 1):
            try:
                row = rows.row(line)
                if rows.has_files:
                    self._check_file(row.key)
            except Refused as refused:
                staging.refuse(entity, f"line {number}", refused.rule, _shown(line))
                continue
            owner = USER if self._options.has_user and row.owner is not None else row.owner
            table.add(row.key, None if entity == "users" else owner, *row.values)
            if number % CHUNK == 0:
                await staging.copy(least=CHUNK)

    def _check_file(self, key: str) -> None:
        name = f"media/{key}"
        if name in self._lost or not self._archive.has(name):
            raise Refused("media_missing")


def _changed(path: str) -> str:
    return f"{path} in the archive is not the file that its row says."


def _shown(line: bytes) -> object:
    """A row for the report; None: it is none."""
    try:
        return msgspec.json.decode(line)
    except msgspec.MsgspecError:
        return None


@asynccontextmanager
async def opened(location: str, options: Options) -> AsyncIterator[Holdfast]:
    """Open the file of a path. Raises SourceError."""
    if databases.is_url(location):
        raise SourceError("An export is a file: `holdfast export` writes one.")
    with archive_file.opened(location) as archive:
        users = archive.manifest.tables.get("users")
        if options.has_user and (users is None or users.rows != 1):
            raise SourceError("--user: this archive has other than one account, and each brings its own.")
        await archive.check()
        yield Holdfast(archive, options)

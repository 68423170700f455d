"""What is in a database: its rows, counted and added up by table, and the objects that they stand for."""

from collections.abc import Iterator
from typing import IO

import msgspec

from app.backups import repository
from app.backups.form import BackupFailed, Table
from app.database.executor import Transaction


class Object(msgspec.Struct, frozen=True):
    """An object of the store, as its row says that it is."""

    key: str
    bytes: int
    sha256: str


class Contents(msgspec.Struct, frozen=True):
    """The tables of a database at one moment, by their names."""

    tables: dict[str, Table]

    def differences(self, other: "Contents") -> list[str]:
        """In which tables another one differs from this one, in words."""
        told = []
        for name in sorted({*self.tables, *other.tables}):
            mine, others = self.tables.get(name), other.tables.get(name)
            if mine is None or others is None:
                told.append(f"{name}: the table is {'not in the backup' if mine is None else 'missing'}")
            elif mine.rows != others.rows:
                told.append(f"{name}: {mine.rows:,} rows in the backup, {others.rows:,} restored")
            elif mine.checksum != others.checksum:
                told.append(f"{name}: the checksum of its {mine.rows:,} rows is another one")
        return told

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


class _Counted(msgspec.Struct, frozen=True):
    table: str
    rows: int
    checksum: str


async def contents(on: Transaction) -> Contents:
    """Count all tables, in a transaction that sees one moment. Raises as a statement does."""
    await repository.begin(on)
    tables = {}
    for statement in await repository.checksum_statements(on):
        text = bytearray()

        async def take(piece: bytes, text: bytearray = text) -> None:
            text.extend(piece)

        await on.copy_out(statement, take, None)
        counted = msgspec.json.decode(text, type=_Counted)
        tables[counted.table] = Table(counted.rows, counted.checksum)
    return Contents(tables)


async def list_objects(on: Transaction, listed: IO[bytes]) -> None:
    """Write the objects of the store into a file, for there may be millions: `objects_in` reads them."""

    async def take(piece: bytes) -> None:
        try:
            listed.write(piece)
        except OSError as error:
            # In the middle of a transaction it would be taken for one of the connection.
            raise BackupFailed(f"There is no room for the list of files: {error.strerror}.") from None

    for statement in await repository.objects_statements(on):
        await on.copy_out(statement, take, None)


def objects_in(listed: IO[bytes]) -> Iterator[Object]:
    """The objects that were listed."""
    listed.seek(0)
    for line in listed:
        yield msgspec.json.decode(line, type=Object)

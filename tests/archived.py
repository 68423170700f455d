"""A PostgreSQL whose log is archived, for tests of recovery: what it knows are numbers, each written in its own transaction."""

import asyncio
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from app.backups import archiving, base_backups, point_in_time
from app.backups.point_in_time import Restored
from app.backups.timelines import Base
from app.backups.wal_stores import Store, open_store
from app.database import embedded
from app.settings import Settings


class Archived:
    """A data folder and its archive; `holdfast` would do to them what this does, in a process of its own."""

    def __init__(self, data: Path, url: str) -> None:
        self.data, self.url = data, url
        self.settings = Settings(data=data, wal_archive_url=url)
        self.server: embedded.Server | None = None

    @property
    def store(self) -> Store:
        return open_store(self.url)

    @property
    def folder(self) -> Path:
        return Path(self.url.removeprefix("file://"))

    @contextmanager
    def running(self, *, durable: bool = False) -> Iterator["Archived"]:
        embedded.prepare(self.data)
        self.server = embedded.start(self.data, durable=durable, extras=archiving.extras(self.settings))
        try:
            yield self
        finally:
            # As `serve` ends it: the rest of the log is archived.
            self.server.stop()

    def sql(self, statement: str, *values: Any) -> list[Any]:
        async def run() -> list[Any]:
            assert self.server
            connection = await asyncpg.connect(self.server.url)
            try:
                return [row[0] for row in await connection.fetch(statement, *values)]
            finally:
                await connection.close()

        return asyncio.run(run())

    def write(self, *numbers: int) -> datetime:
        """Write numbers, which end a segment; returns a time when these and no later ones were there."""
        for number in numbers:
            self.sql("insert into numbers values ($1)", number)
        time = datetime.now(UTC)
        self.sql("select pg_switch_wal()::text")
        return time

    def numbers(self) -> list[int]:
        return self.sql("select number from numbers order by number")

    def base(self) -> Base:
        assert self.server
        return base_backups.make(self.store, self.server.url, self.data)

    def restore(self, time: datetime | None) -> Restored:
        embedded.prepare(self.data)
        return point_in_time.restore(self.url, self.data, time, lambda _: None)

    def copy(self, to: Path, *, data: bool = True) -> "Archived":
        """All of it elsewhere, to do harm to; without `data` as on a new machine."""
        to.mkdir()
        for folder in (self.data, self.folder) if data else (self.folder,):
            subprocess.run(["cp", "-a", folder, to], check=True)
        return Archived(to / self.data.name, f"file://{to / self.folder.name}")

    def state(self) -> dict[str, Any]:
        """What a restore that comes to nothing must leave as it is: the folders of the data folder, and the cluster's files."""
        cluster = self.data / "postgres"
        files = {str(path): path.stat().st_mtime_ns for path in cluster.rglob("*")} if cluster.exists() else {}
        shutil.rmtree(self.data / "socket", ignore_errors=True)
        return {"there": sorted(path.name for path in self.data.iterdir() if path.is_dir()), "files": files}

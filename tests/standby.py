"""A primary and its standby, both real: made by pg_basebackup, streaming, stopped, killed, frozen and promoted by a test."""

import asyncio
import contextlib
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import asyncpg
import psutil

from app.database import migrations
from app.database.postgres_programs import binaries_folder, environment
from app.database.unprivileged import Account, account_for, command_prefix, give

SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    # What a crash of the machine would lose is of no interest here.
    "fsync": "off",
    "wal_keep_size": "64MB",
    "max_connections": "60",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
}


class Server:
    """One PostgreSQL in a folder of its own: the cluster in `cluster`, its socket beside it."""

    def __init__(self, folder: Path, account: Account | None) -> None:
        self.cluster, self.sockets = folder / "cluster", folder / "socket"
        self._account = account
        for each in (self.cluster, self.sockets):
            each.mkdir(mode=0o700, parents=True)
            give(each, account)
        give(folder, account)
        self.binaries = binaries_folder()
        self._prefix = command_prefix(account, self.binaries, [folder])
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "log"

    @property
    def url(self) -> str:
        return f"postgresql://holdfast@/holdfast?host={quote(str(self.sockets))}&port=5432"

    def program(self, name: str, *arguments: str) -> None:
        command = [*self._prefix, str(self.binaries / name), *arguments]
        done = subprocess.run(command, cwd="/", env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout

    def start(self, **settings: str) -> None:
        """Start it, and return when it answers; also as a standby."""
        options = SETTINGS | {"unix_socket_directories": str(self.sockets)} | settings
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*self._prefix, str(self.binaries / "postgres"), "-D", str(self.cluster), *words],
                cwd="/", env=environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        ready = [str(self.binaries / "pg_isready"), "-q", "-h", str(self.sockets), "-p", "5432"]
        end = time.monotonic() + 30
        while subprocess.run(ready, env=environment(), check=False).returncode != 0:
            assert self.process.poll() is None, self.log.read_text(errors="replace")
            assert time.monotonic() < end, self.log.read_text(errors="replace")
            time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: in good order, at once (SIGQUIT), or as a power cut does (SIGKILL, of every process)."""
        if self.process is None or self.process.poll() is not None:
            return
        processes = self._processes()
        if how is signal.SIGKILL:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        else:
            self.process.send_signal(how)
        self.process.wait(30)
        psutil.wait_procs(processes, 10)
        for leftover in (self.cluster / "postmaster.pid", *self.sockets.glob(".s.*")):
            leftover.unlink(missing_ok=True)

    def _processes(self) -> list[psutil.Process]:
        assert self.process is not None
        postmaster = psutil.Process(self.process.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop every process of it in its tracks: as seen from outside, a machine that is switched off."""
        processes = self._processes()
        processes[0].suspend()
        processes = self._processes()
        for process in processes[1:]:
            process.suspend()
        try:
            yield
        finally:
            for process in reversed(processes):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def promote(self) -> None:
        """Have a standby take writes; returns when it does."""
        self.program("pg_ctl", "promote", f"--pgdata={self.cluster}", "--silent")

    async def ask(self, sql: str, *values: object) -> object:
        """The one value of a statement, on a connection of its own."""
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(sql, *values)
        finally:
            await connection.close()


class Pair:
    """A primary with a database `holdfast`, and a standby that streams from it."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o755)
        account = account_for(folder, folder / "none")
        self.primary, self.standby = Server(folder / "a", account), Server(folder / "b", account)

    def make(self) -> None:
        """Make both: a migrated database, and its copy by pg_basebackup. Neither runs afterwards."""
        primary, standby = self.primary, self.standby
        words = ["--username=holdfast", "--auth=trust", "--encoding=UTF8", "--no-sync", "--locale-provider=builtin"]
        primary.program("initdb", f"--pgdata={primary.cluster}", *words, "--locale=C.UTF-8")
        primary.start()
        primary.program("createdb", f"--host={primary.sockets}", "--username=holdfast", "holdfast")
        asyncio.run(migrations.up(primary.url))
        standby.cluster.rmdir()
        where = [f"--host={primary.sockets}", "--username=holdfast", f"--pgdata={standby.cluster}"]
        primary.program("pg_basebackup", *where, "--write-recovery-conf", "--checkpoint=fast", "--no-sync")
        primary.stop()

    def copy(self, of: "Pair") -> None:
        """Take over what another pair, which does not run, has made: in a tenth of the time."""
        for mine, other in ((self.primary, of.primary), (self.standby, of.standby)):
            mine.cluster.rmdir()
            subprocess.run(["cp", "-a", str(other.cluster), str(mine.cluster)], check=True)

    def start(self, *, is_synchronous: bool = False) -> None:
        """Start both. Synchronous: what is committed is on the standby's disk before it is answered."""
        self.primary.start(synchronous_standby_names="standby" if is_synchronous else "")
        self.follow()

    def follow(self) -> None:
        """Start the standby; returns when it has what the primary has."""
        source = f"host={self.primary.sockets} port=5432 user=holdfast application_name=standby"
        with (self.standby.cluster / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"primary_conninfo = '{source}'\n")
        self.standby.start(cluster_name="standby")
        end = time.monotonic() + 20
        while asyncio.run(self.primary.ask("select count(*) from pg_stat_replication where state = 'streaming'")) != 1:
            assert time.monotonic() < end, self.standby.log.read_text(errors="replace")
            time.sleep(0.05)

    async def cut(self) -> None:
        """Have the standby receive nothing any more; returns when that is so."""
        await self.standby.ask("alter system set primary_conninfo = ''")
        await self.standby.ask("select pg_reload_conf()")
        while await self.primary.ask("select count(*) from pg_stat_replication"):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.01)

    @property
    def both(self) -> str:
        """The URL of whichever of them takes writes."""
        hosts = ",".join(quote(str(each.sockets), safe="") for each in (self.primary, self.standby))
        return f"postgresql://holdfast@{hosts}/holdfast"

    def stop(self) -> None:
        for each in (self.standby, self.primary):
            each.stop(signal.SIGQUIT)

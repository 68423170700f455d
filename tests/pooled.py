"""A real PgBouncer in front of a database, with ops/pgbouncer.ini."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from needs import PGBOUNCER
from serving import PATIENCE, free_port, listens, until

from app.database.postgres_programs import binaries_folder
from app.database.unprivileged import account_for, command_prefix

INI = (Path(__file__).parent.parent / "ops" / "pgbouncer.ini").read_text(encoding="utf-8")


class Pooler:
    """A running PgBouncer; `changes` are of lines of ops/pgbouncer.ini."""

    tracks = False
    """Whether prepared statements follow their client."""

    def __init__(self, database: str, sessions: int, changes: dict[str, str]) -> None:
        assert PGBOUNCER is not None
        # Not below pytest's, which nobody else may pass.
        self._folder = folder = Path(tempfile.mkdtemp(prefix="holdfast-pooler-"))
        parts = urlsplit(database)
        options = parse_qs(parts.query)
        host, port = options.get("host", [parts.hostname or "127.0.0.1"])[0], options.get("port", [str(parts.port or 5432)])[0]
        self.port, name = free_port(), parts.path[1:]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        self.url = f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{name}"
        text = INI
        for old, new in {
            "host=127.0.0.1 port=5432": f"host={host} port={port}",
            "\nholdfast =": f"\n{name} =",
            "listen_port = 6432": f"listen_port = {self.port}",
            "/etc/pgbouncer/": f"{folder}/",
            "default_pool_size = 20": f"default_pool_size = {sessions}\nlogfile = {folder}/log",
        }.items() | changes.items():
            assert old in text, old
            text = text.replace(old, new)
        # It does not run as root, and what comes along lets only its own user in.
        sockets = Path(host) if host.startswith("/") else folder
        account = account_for(folder, sockets if sockets != folder else folder / "none")
        prefix = command_prefix(account, binaries_folder(), [sockets])
        folder.chmod(0o777)
        (folder / "userlist.txt").write_text(f'"{user}" "{password}"\n')
        (folder / "pgbouncer.ini").write_text(text, encoding="utf-8")
        self.log = folder / "log"
        self._words = [*prefix, PGBOUNCER, "--quiet", str(folder / "pgbouncer.ini")]

    def __enter__(self) -> Self:
        # From a folder that it may be in.
        self.process = subprocess.Popen(self._words, cwd="/", stderr=subprocess.DEVNULL)
        until(lambda: listens(self.port) or self.process.poll() is not None, "PgBouncer listens")
        assert self.process.poll() is None, self.log.read_text()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)
        shutil.rmtree(self._folder)

"""Write db/schema.sql anew from the migrations: `python -m tests.write_schema`."""

import asyncio
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

from app.database import embedded, migrations, package_files
from app.database.dbmate import url_for_dbmate
from app.database.postgres_programs import binaries_folder

SCHEMA = Path(__file__).parent.parent / "db" / "schema.sql"


def dump(url: str) -> str:
    """The schema of a database as db/schema.sql has it: dbmate's dump without what differs from one dump to the next.

    Uses the pg_dump that comes along, whose form does not depend on the machine.
    """
    binaries = binaries_folder()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "schema.sql"
        subprocess.run(
            [
                Path(sysconfig.get_path("scripts")) / "dbmate",
                f"--migrations-dir={package_files.folder('db') / 'migrations'}",
                f"--schema-file={file}",
                f"--env-file={os.devnull}",
                "dump",
            ],
            env={"DATABASE_URL": url_for_dbmate(url), "PATH": f"{binaries}:{os.environ.get('PATH', os.defpath)}"},
            check=True,
            capture_output=True,
        )
        return normalised(file.read_text(encoding="utf-8"))


def normalised(text: str) -> str:
    """Leave out what differs without a reason: pg_dump's word of the day, the versions of server and client."""
    text = re.sub(r"(?m)^(\\(un)?restrict .*|-- Dumped (from|by) .*)\n", "", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="holdfast-schema-") as folder:
        server = embedded.start(Path(folder), durable=False)
        try:
            asyncio.run(migrations.up(server.url))
            SCHEMA.write_text(dump(server.url), encoding="utf-8")
        finally:
            server.stop()
    sys.stdout.write(f"{SCHEMA.relative_to(SCHEMA.parent.parent)} is written.\n")


if __name__ == "__main__":
    main()

"""What PostgreSQL runs for each segment: `put URL PATH`, and in a restore `get URL NAME PATH [FOLDER]`.

It ends with 0 when it is done, and with 1 for `put` that failed, which PostgreSQL tries again, and for `get` of what is not
there, by which it knows that the log ends. Any other failure of `get` is 200: above 125 PostgreSQL stops instead of taking it
for the end. What it says goes to PostgreSQL's log.
"""

import sys
from pathlib import Path

from app.backups import wal
from app.backups.wal_stores import ArchiveError, open_store

STOP = 200


def put(url: str, path: str) -> int:
    wal.archive(open_store(url), Path(path))
    return 0


def get(url: str, name: str, path: str, beside: str = "") -> int:
    """`beside`: a folder with what the server that was restored had not archived yet."""
    try:
        content = wal.fetch(open_store(url), name)
    except FileNotFoundError:
        try:
            content = (Path(beside) / name).read_bytes() if beside else b""
        except FileNotFoundError:
            content = b""
    if not content:
        return 1
    Path(path).write_bytes(content)
    return 0


def main(words: list[str]) -> int:
    """Do what the words say; the exit code."""
    action, *others = words
    try:
        return put(*others) if action == "put" else get(*others)
    except (ArchiveError, OSError, ValueError) as error:
        reason = f"{error.strerror}." if isinstance(error, OSError) and error.strerror else error
        print(f"holdfast: WAL archive: {action} {others[1]}: {reason}", file=sys.stderr)  # noqa: T201 - PostgreSQL's log
        return 1 if action == "put" else STOP


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

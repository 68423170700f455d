"""dbmate, run as a program: on one host of a URL, without its own settings, and with its words made safe to show."""

import asyncio
import os
import re
import shutil
import sysconfig
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

LOCK_TIMEOUT = "10s"
"""How long a migration waits for a table: every other request queues after it."""


class MigrationError(Exception):
    """A migration did not work. The text names it and says why; it shows no URL, no password and no host."""


def single_hosts(url: str) -> list[str]:
    """A URL for each host of a URL: asyncpg tries several, dbmate does not, and both must talk to the same one."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    if hosts:
        return [urlunsplit(parts._replace(netloc=f"{user}{at}{host}")) for host in hosts.split(",")]
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    names, ports = options.get("host", "").split(","), options.get("port", "").split(",")
    if len(names) == 1:
        return [url]
    return [
        urlunsplit(parts._replace(query=_query(options | {"host": name, "port": ports[place % len(ports)]})))
        for place, name in enumerate(names)
    ]


def _query(options: dict[str, str]) -> str:
    return urlencode({name: value for name, value in options.items() if value}, quote_via=quote, safe="/")


def url_for_dbmate(single: str) -> str:
    """The URL as dbmate means it: without sslmode it would insist on TLS, where asyncpg prefers it."""
    parts = urlsplit(single)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    options.pop("target_session_attrs", None)
    options.setdefault("sslmode", os.environ.get("PGSSLMODE", "prefer"))
    return urlunsplit(parts._replace(query=_query(options)))


async def run(command: str, single: str, folder: Path) -> str:
    """Run a dbmate command on the migrations in a folder.

    Returns what it printed; raises MigrationError with PostgreSQL's own words.
    """
    program = Path(sysconfig.get_path("scripts")) / "dbmate"
    found = str(program) if program.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationError("dbmate is missing: install holdfast again.")
    process = await asyncio.create_subprocess_exec(
        found,
        f"--migrations-dir={folder}",
        "--no-dump-schema",
        # It would read a .env that happens to lie here.
        f"--env-file={os.devnull}",
        command,
        # By the environment, which other users cannot see; the command line they can.
        env={name: value for name, value in os.environ.items() if not name.startswith("DBMATE_")}
        | {
            "DATABASE_URL": url_for_dbmate(single),
            "PGOPTIONS": f"{os.environ.get('PGOPTIONS', '')} -c lock_timeout={LOCK_TIMEOUT}",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        # A Ctrl-C on the terminal reaches us, and we end it.
        start_new_session=True,
    )
    try:
        output, errors = (text.decode(errors="replace") for text in await process.communicate())
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode != 0:
        raise MigrationError(_failure(output, errors, single))
    return output


def _failure(output: str, errors: str, single: str) -> str:
    """One line about a failure, from what dbmate printed: "20261121000300_tasks.sql: line 3, column 9: ... (42601)"."""
    begun = re.findall(r"(?m)^(?:Applying|Rolling back): (\S+)", output)
    message = errors.strip().removeprefix("Error: ").replace("pq: ", "")
    message = re.sub(r"line: (\d+), column: (\d+), position: \d+: ", r"line \1, column \2: ", message)
    message = re.sub(r" at position \d+:\d+(?= \()", "", message)
    return _without_secrets(f"{begun[-1] if begun else 'dbmate'}: {' '.join(message.split())}", single)


def _without_secrets(text: str, single: str) -> str:
    parts = urlsplit(single)
    options = dict(parse_qsl(parts.query))
    for secret in (parts.password, unquote(parts.password or ""), options.get("password"), parts.netloc):
        if secret:
            text = text.replace(secret, "***")
    for host in (parts.hostname, options.get("host")):
        if host:
            text = re.sub(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", "***", text)
    return text

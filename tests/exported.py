"""Two accounts with rows in every table and files, and the commands that take them out and bring them in."""

import asyncio
import json
import zipfile
from pathlib import Path
from typing import Any

import asyncpg
import seeds
from command import holdfast

PASSWORD_HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$c29tZWhhc2g"

WORDS = ("heron", "falcon")
"""Each stands in the texts of one of the two."""


class Server:
    """A database and a folder for its files: what an operator's commands are about."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self.data = data

    def command(self, *words: str) -> Any:
        return holdfast(self.url, *words, HOLDFAST_DATA=str(self.data))

    def exported(self, to: Path, *words: str) -> dict[str, Any]:
        """Export, successfully. Returns the manifest."""
        done = self.command("export", "--to", str(to), "--json", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout)["manifest"])

    def imported(self, archive: Path, *words: str) -> dict[str, Any]:
        """Import, successfully."""
        done = self.command("import", "holdfast", str(archive), "--json", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def refused(self, *words: str) -> str:
        """The sentence by which a command ends with 1."""
        done = self.command(*words)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return str(done.stderr)

    def sql(self, text: str, *values: Any) -> list[Any]:
        """The first column of every row."""

        async def fetched() -> list[Any]:
            connection = await asyncpg.connect(self.url)
            try:
                return [row[0] for row in await connection.fetch(text, *values)]
            finally:
                await connection.close()

        return asyncio.run(fetched())

    def fill(self) -> list[str]:
        """Make the two accounts. Returns their ids."""

        async def filled() -> list[str]:
            connection = await asyncpg.connect(self.url)
            try:
                await seeds.fill(connection, 2, 24, "1 + place % 2")
                await connection.execute(FILLING)
                made = [str(row[0]) for row in await connection.fetch("select id from users order by id")]
                for user, word in zip(made, WORDS, strict=True):
                    naming = NAMING.replace("WORD", word).replace("HASH", PASSWORD_HASH).replace("USER", user)
                    await connection.execute(naming)
                return made
            finally:
                await connection.close()

        made = asyncio.run(filled())
        folder = self.data / "media"
        folder.mkdir(parents=True, mode=0o700)
        for key in self.sql("select storage_key from media"):
            (folder / key).write_text(f"bytes of {key}")
        return made


FILLING = r"""
    update media set storage_key = user_id::text || '-' || id::text;
    update media set size_bytes = octet_length('bytes of ' || storage_key),
        sha256 = encode(sha256(('bytes of ' || storage_key)::bytea), 'hex');
    insert into messages (user_id, conversation_id, seq, role, metadata, stage3, created_at)
    select user_id, id, 2, 'assistant', E' [\n {"model": "a\\nb",\r\n "score": 1.50, "text": "\\u0000 \\u00e9 é"} ] '::json,
        '{"response": "The red one"}', created_at
    from conversations;
    update conversations set last_seq = 2;
    update goals set parent_id = (select min(p.id::text)::uuid from goals p where p.user_id = goals.user_id)
    where id <> (select min(p.id::text)::uuid from goals p where p.user_id = goals.user_id);
    update habits set weekdays = array[1, 3], frequency = 'weekdays', target_days = null;
    update tasks set description = E'Line one\nline two\t"quoted" \\ \x01\x02 \U0001F331' where completed;
    insert into query_cache (query_hash, result, expires_at)
    values (repeat('a', 64), 'null', '2030-01-01'), (repeat('b', 64), '"caf\u00e9"', '2030-01-01');
"""

NAMING = """
    update users set email = 'WORD@example.com', username = 'WORD', password_hash = 'HASH', bio = 'I am WORD', is_guest = false
    where id = 'USER';
    update tasks set title = 'The WORD' where user_id = 'USER';
    update identities set provider = 'acme2', subject = 'WORD-' || id where user_id = 'USER';
    update media set file_name = 'WORD.png' where user_id = 'USER';
    update messages set content = 'Is it a WORD?' where role = 'user' and user_id = 'USER';
"""


def content(archive: Path) -> dict[str, bytes]:
    """The entries of an archive."""
    with zipfile.ZipFile(archive) as file:
        return {name: file.read(name) for name in file.namelist()}


def rewritten(archive: Path, to: Path, entries: dict[str, bytes | None]) -> Path:
    """A copy of an archive in which entries have other contents, or are missing: None."""
    found: dict[str, bytes | None] = {**content(archive), **entries}
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in found.items():
            if text is not None:
                file.writestr(name, text)
    return to

"""A server with files that can be backed up, backups that are damaged on purpose, and what a restore leaves."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from exported import Server

from app.backups import databases, form
from app.backups.form import Manifest


def filled(server: Server) -> Server:
    """Make two accounts, with six files and their thumbnails."""
    server.fill()
    server.sql("delete from media where id not in (select id from media order by id limit 6)")
    server.sql(
        "update media_thumbnails set size_bytes = octet_length('bytes of ' || storage_key), "
        "sha256 = encode(sha256(('bytes of ' || storage_key)::bytea), 'hex')"
    )
    for key in server.sql("select storage_key from media_thumbnails"):
        (server.data / "media" / key).write_text(f"bytes of {key}")
    return server


def aside(url: str) -> list[str]:
    """The databases beside that of a URL which belong to it."""
    like = f"{urlsplit(url).path[1:]}\\_b%"
    found = Server(databases.in_database(url, "postgres"), Path()).sql(
        "select datname from pg_database where datname like $1", like
    )
    return [str(name) for name in found]


def backed_up(server: Server, to: Path | str, *words: str) -> dict[str, Any]:
    """Back up, successfully."""
    done = server.command("backup", str(to), "--json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def restored(server: Server, source: Path | str, *words: str) -> dict[str, Any]:
    """Restore, successfully."""
    done = server.command("restore", str(source), "--json", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(json.loads(done.stdout))


def only(place: Path) -> Path:
    """The folder of the one backup of a place."""
    [folder] = [each for each in place.iterdir() if form.NAME.fullmatch(each.name)]
    return folder


def aged(place: Path, name: str, to: str) -> Path:
    """Have a backup be made at another time: two of one second cannot be. Returns its folder."""
    folder = (place / name).rename(place / to)
    resealed(folder, name=to)
    return folder


def copied(place: Path, to: Path) -> Path:
    """A copy of a place, to be damaged. Returns the folder of its one backup."""
    subprocess.run(["cp", "-a", str(place), str(to)], check=True)
    return only(to)


def resealed(folder: Path, contents: tuple[bytes, bytes] = (b"", b""), **changes: Any) -> None:
    """Change the manifest of a backup, and words of its contents, as only somebody can who means it: with the right seal."""
    if contents[0]:
        path = folder / "contents.json"
        path.write_bytes(path.read_bytes().replace(*contents))
    told = json.loads((folder / "backup.json").read_bytes()) | changes
    for file in told["files"]:
        path = folder / file["path"]
        if path.is_file():
            file |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    manifest = form.decoded(json.dumps(told).encode(), Manifest, "")
    (folder / "backup.json").write_bytes(form.sealed(manifest))


def is_empty(server: Server) -> bool:
    return server.sql("select count(*) from users") == [0] and not [*server.data.glob("media/**/*")]

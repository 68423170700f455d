"""The form of a backup: what lies where, and what its manifest says.

    <name>/database/...       what pg_dump wrote, a file for each table
    <name>/contents.json      how many rows each table has, and their checksum
    <name>/media.txt          the keys of its files, one a line
    <name>/backup.json        the manifest, written last: a backup without it was never finished
    <name>/verified.json      what the last verification found
    media/<key>               the files, shared by all backups

The names of what is encrypted end in .age, and files that are lie in a folder of their recipients, media-<hash>.
"""

import hashlib
import re
from datetime import UTC, datetime
from typing import Literal, TypeVar

import msgspec

T = TypeVar("T")

FORMAT, VERSION = "holdfast-backup", 1

MANIFEST, VERIFIED, CONTENTS, MEDIA = "backup.json", "verified.json", "contents.json", "media.txt"

NAME = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
"""The name of a backup: when it was made, in UTC."""

_FILE = re.compile(r"(database/[0-9A-Za-z][0-9A-Za-z._-]{0,100}|contents\.json|media\.txt)(\.age)?", re.ASCII)
_FOLDER = re.compile(r"media(-[0-9a-f]{16})?", re.ASCII)

MOST_MANIFEST = 64 * 2**20
"""Bytes of a manifest and its like: more is none of ours."""


class BackupFailed(Exception):
    """A backup cannot be made, read or restored. The text is for whoever typed the command."""


class BackupDamaged(BackupFailed):
    """A file of a backup is missing, cut off or changed."""


class File(msgspec.Struct, frozen=True):
    """A file of a backup, as it lies there: its path below the backup's name."""

    path: str
    bytes: int
    sha256: str


class Table(msgspec.Struct, frozen=True):
    """How many rows a table has, and the sum of their hashes."""

    rows: int
    checksum: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup says about itself: nothing about what is in its tables, for it is never encrypted.

    media: the folder of its files; missing: those that were not in the store. seal: the hash of all else in it.
    """

    format: str = FORMAT
    version: int = VERSION
    name: str
    made_at: str
    server: int
    """The major version of PostgreSQL."""
    schema: str
    is_encrypted: bool
    files: list[File]
    media: str
    media_files: int
    media_bytes: int
    missing: list[str]
    seal: str = ""

    @property
    def bytes(self) -> int:
        """Of all its files, those that it shares with other backups included."""
        return sum(file.bytes for file in self.files) + self.media_bytes

    def named(self, path: str) -> File | None:
        """One of its files, whether encrypted or not."""
        return next((file for file in self.files if file.path.removesuffix(".age") == path), None)


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a verification found: the differences, none when it is good."""

    verified_at: str
    is_good: bool
    differences: list[str]
    seconds: float


class _Head(msgspec.Struct):
    format: str
    version: int


def name_of(made_at: datetime) -> str:
    """The name of a backup that is made now."""
    return f"{made_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def time_of(name: str) -> datetime:
    """When a backup was made, by its name."""
    return datetime.strptime(name, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def media_folder(recipients: tuple[str, ...]) -> str:
    """The folder for files: those of other recipients could not be read with one's own identity."""
    if not recipients:
        return "media"
    return f"media-{hashlib.sha256(' '.join(sorted(recipients)).encode()).hexdigest()[:16]}"


def sealed(manifest: Manifest) -> bytes:
    """A manifest as it is written."""
    return as_text(msgspec.structs.replace(manifest, seal=_seal(manifest)))


def as_text(struct: msgspec.Struct) -> bytes:
    """A struct as JSON for files that people look into."""
    return msgspec.json.format(msgspec.json.encode(struct), indent=2) + b"\n"


def opened(text: bytes, name: str) -> Manifest:
    """A manifest that was read; nothing in it leads out of its folder. Raises BackupFailed."""
    head = decoded(text, _Head, f"{name}/{MANIFEST}")
    if head.format != FORMAT:
        raise BackupFailed(f"{name}/{MANIFEST} is none of a backup of Holdfast.")
    if head.version > VERSION:
        raise BackupFailed(f"{name} has form {head.version}, and this holdfast knows {VERSION}: install the newer one.")
    manifest = decoded(text, Manifest, f"{name}/{MANIFEST}")
    if manifest.seal != _seal(manifest) or manifest.name != name:
        raise BackupDamaged(f"{name}/{MANIFEST} was changed since it was written.")
    paths = [file.path for file in manifest.files]
    if not all(_FILE.fullmatch(path) for path in paths) or not _FOLDER.fullmatch(manifest.media):
        raise BackupFailed(f"{name}/{MANIFEST} names a file that no backup has.")
    if not any(path.startswith("database/") for path in paths) or None in (manifest.named(CONTENTS), manifest.named(MEDIA)):
        raise BackupFailed(f"{name}/{MANIFEST} leaves out files that every backup has.")
    return manifest


def decoded(text: bytes, kind: type[T], what: str) -> T:
    """JSON of a backup as a struct. Raises BackupFailed."""
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise BackupDamaged(f"{what} is damaged: it cannot be read.") from None


def _seal(manifest: Manifest) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(manifest, seal=""))).hexdigest()


State = Literal["verified", "not verified", "bad", "unfinished"]

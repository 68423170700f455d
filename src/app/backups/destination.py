"""Where backups lie: a folder, or a bucket like those of MEDIA_URL; and how their files go in and out, encrypted or not."""

import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from app.backups import age, form
from app.backups.form import MANIFEST, MOST_MANIFEST, NAME, VERIFIED, BackupDamaged, BackupFailed, File, Manifest, Verified
from app.problems.problem import Problem
from app.settings import Settings, SettingsError, store_url
from app.storage import READ_BYTES, Storage

CHANGED = "is damaged: it was cut off or changed since it was written."


class Destination:
    """A place for backups. Credentials of a bucket are for obstore to find, as those of MEDIA_URL."""

    def __init__(self, where: str, settings: Settings, *, is_read: bool = False) -> None:
        """where: a folder's path, or a URL. Raises BackupFailed, also for a folder that is to be read and is not there."""
        try:
            url = store_url(where) if re.match(r"[a-z0-9+]+://", where) else Path(where).expanduser().absolute().as_uri()
            self._store = Storage(msgspec.structs.replace(settings, media_url=url))
        except (ValueError, SettingsError) as error:
            said = "it cannot be used; check its credentials" if isinstance(error, SettingsError) else str(error)
            raise BackupFailed(f"The place for backups: {said}.") from None
        self.shown = where
        if is_read and self._store.folder is not None and not self._store.folder.is_dir():
            raise BackupFailed(f"There is no folder {where}.")

    async def names(self) -> list[str]:
        """The names of all backups, finished or not, oldest first."""
        with told(self.shown):
            return sorted(name for name in await self._store.folders() if NAME.fullmatch(name))

    async def media_folders(self) -> list[str]:
        """The folders of files that there are."""
        with told(self.shown):
            return [name for name in await self._store.folders() if name.partition("-")[0] == "media"]

    async def manifest(self, name: str) -> Manifest | None:
        """What a backup says about itself; None: it was never finished, or is not there. Raises BackupFailed."""
        text = await self.text(f"{name}/{MANIFEST}")
        return None if text is None else form.opened(text, name)

    async def verified(self, name: str) -> Verified | None:
        """What the last verification of a backup has found. Raises BackupFailed."""
        text = await self.text(f"{name}/{VERIFIED}")
        return None if text is None else form.decoded(text, Verified, f"{name}/{VERIFIED}")

    async def text(self, key: str) -> bytes | None:
        """A small file as it is; None: it is not there."""
        with told(f"{self.shown}: {key}"):
            try:
                size = await self._store.size(key)
                if size > MOST_MANIFEST:
                    raise BackupDamaged(f"{key} {CHANGED}")
                return b"".join([piece async for piece in await self._store.read(key, 0, size)]) if size else b""
            except FileNotFoundError:
                return None

    async def put_text(self, key: str, text: bytes) -> None:
        """Write a small file, or another one in its place."""
        await self.put(key, _one(text))

    async def put(self, key: str, pieces: AsyncIterator[bytes], recipients: tuple[str, ...] = ()) -> File:
        """Write a file, encrypted for recipients if there are any. Returns it, named by its key. Raises BackupFailed."""
        if recipients:
            pieces = age.through(age.encrypting(recipients), pieces, key)
        hashed, size = hashlib.sha256(), 0
        with told(f"{self.shown}: {key}"):
            self._store.make_private(key.partition("/")[0])
            try:
                async with self._store.writing(key) as write:
                    async for piece in pieces:
                        hashed.update(piece)
                        size += len(piece)
                        await write(piece)
            except BaseException:
                await self._store.delete(key)
                raise
        return File(key, size, hashed.hexdigest())

    async def pieces(self, key: str, size: int | None = None) -> AsyncIterator[bytes]:
        """The bytes of a file as it lies there. Raises BackupFailed when it is not there, or has another size."""
        with told(f"{self.shown}: {key}"):
            try:
                found = await self._store.size(key)
                if size is not None and found != size:
                    raise BackupDamaged(f"{key} {CHANGED}")
                if found:
                    async for piece in await self._store.read(key, 0, found):
                        yield piece
            except FileNotFoundError:
                raise BackupDamaged(f"{key} is missing.") from None

    async def checked(self, key: str, file: File) -> AsyncIterator[bytes]:
        """The bytes of a file as it lies there; at the end it is checked. Raises BackupFailed."""
        hashed = hashlib.sha256()
        async for piece in self.pieces(key, file.bytes):
            hashed.update(piece)
            yield piece
        if hashed.hexdigest() != file.sha256:
            raise BackupDamaged(f"{key} {CHANGED}")

    async def fetch(self, name: str, file: File, to: Path, identity: Path | None) -> None:
        """Bring a file of a backup here, checked, and decrypted if it is encrypted. Raises BackupFailed."""
        key = f"{name}/{file.path}"
        pieces = self.checked(key, file)
        if file.path.endswith(".age"):
            pieces = self.decrypted(key, pieces, identity)
        try:
            with to.open("wb") as output:
                async for piece in pieces:
                    output.write(piece)
        except OSError as error:
            raise BackupFailed(f"{to} cannot be written: {error.strerror}. TMPDIR says where there is room.") from None

    def decrypted(self, key: str, pieces: AsyncIterator[bytes], identity: Path | None) -> AsyncIterator[bytes]:
        """What was encrypted. Raises BackupFailed."""
        if identity is None:
            raise BackupFailed("The backup is encrypted: --identity names the file with the key.")
        return age.through(age.decrypting(identity), pieces, key)

    async def sizes(self, below: str) -> dict[str, int]:
        """The files below a folder, by their paths there, and how long they are."""
        with told(self.shown):
            return {key.removeprefix(f"{below}/"): size for key, size in (await self._store.sizes(below)).items()}

    async def delete(self, key: str) -> None:
        """Delete a file."""
        with told(f"{self.shown}: {key}"):
            await self._store.delete(key)

    async def delete_all(self, name: str) -> None:
        """Delete a backup: its manifest first, so that what is left of it is never taken for one."""
        with told(f"{self.shown}: {name}"):
            await self._store.delete(f"{name}/{MANIFEST}")
            await self._store.delete_all(name)


async def read_file(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file here."""
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            yield piece


async def _one(text: bytes) -> AsyncIterator[bytes]:
    yield text


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say what went wrong in a store, with the system's own words about it where it has some."""
    try:
        yield
    except Problem as problem:
        cause = problem.__cause__
        said = re.search(r"([A-Z][\w ]+) \(os error \d+\)", str(cause))
        reason = said[1] if said else getattr(cause, "strerror", None) or type(cause).__name__
        raise BackupFailed(f"{what}: {reason}.") from None

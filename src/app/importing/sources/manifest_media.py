"""The life manifest's media: rows that point at files below --media-root."""

from functools import partial
from pathlib import Path

import msgspec

from app.database.executor import Transaction
from app.importing.sources import cells, media_files, stored_files
from app.importing.sources.cells import TIMES, Cells
from app.importing.sources.manifest_tables import kind
from app.importing.sources.source import Options
from app.importing.staging import Table
from app.importing.values import Refused, Row
from app.media.schemas import FileFacts, FileName

FOUND = ("file_name", "storage_key", "taggable_type", "taggable_id", *FileFacts.__struct_fields__)
"""The columns that are made of more than a cell."""

MEDIA: Cells = (
    ("alt_text", cells.words("alt_text")),
    ("is_public", cells.flag("is_public")),
    *TIMES,
)


def stage(table: Table, row: Row, root: Path | None) -> str:
    """Stage a row, with what its file is found to be. Raises Refused."""
    owner = cells.key(row, "user_id", "media_user_exists")
    if root is None:
        raise Refused("media_root_needed")
    path = row.text("file_path") or ""
    facts = media_files.facts(root, path)
    for name in ("content_type", "size_bytes", "width", "height"):
        said = row.values.get(name)
        if said is not None and said != getattr(facts, name):
            row.changes.append(f"{name}_differs")
    # Bytes never change here: a file with others is another one.
    key = f"{row.values['id']}/{facts.sha256[:16]}"
    table.add(
        key, owner, _name(row), path, *_target(row), *msgspec.structs.astuple(facts), *cells.values(MEDIA, row), at=key[:36]
    )
    return owner


def _name(row: Row) -> str:
    whole = row.text("file_name") or ""
    name = whole.replace("\\", "/").rpartition("/")[2]
    if name != whole:
        row.changes.append("file_name_form")
    try:
        return msgspec.convert(name, FileName)
    except msgspec.ValidationError:
        raise Refused("media_file_name_form") from None


def _target(row: Row) -> tuple[str, str] | tuple[None, None]:
    """The row that a file belongs to, which is its owner's. One of something else is kept by itself."""
    found, related = row.values["target_kind"], row.values["related_to_id"]
    if related is None and row.values["related_to_type"] is None:
        return None, None
    if found is None or found != kind(row.values["related_to_type"]) or row.values["target_owner"] != row.values["user_id"]:
        row.changes.append("related_to_id_exists")
        return None, None
    return found, str(related)


async def settle(on: Transaction, source: str, options: Options) -> None:
    """As stored_files.settle does. Raises SourceError when a file is no more what it was."""
    root = options.media_root
    opened = None if root is None else partial(media_files.opened, root)

    def changed(path: str) -> str:
        return f"{path} below {root} was changed while it was read: stop the app, or copy its files first."

    await stored_files.settle(on, source, options.objects, opened, changed)

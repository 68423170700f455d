"""Dirt in the life manifest's media: files that are not what their rows say, and rows that point where they must not."""

import functools
from collections.abc import Callable
from typing import Any

from sources.manifest_dirt import FORMS, Ground
from sources.planting import Fate, Kind, Kinds, Planted, Row

FILES = Kinds()


def _media(fate: Fate, **changes: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A kind that is a row of media with a file of five bytes; what the decorated function returns is changed in the row."""

    def decorate(change: Callable[[Ground, str], Any]) -> Callable[..., Any]:
        @functools.wraps(change)
        async def plant(kind: Kind, ground: Ground) -> Planted:
            path = f"planted/{kind.name}.txt"
            ground.file(path)
            row = {"file_path": path, "content_type": "text/plain", "width": None, "height": None}
            changed = change(ground, path)
            changed = await changed if hasattr(changed, "__await__") else changed
            row = await ground.put("media", ground.owner, 5, **(row | changes | (changed or {})))
            return kind.planted("media", row["id"], "media")

        return FILES.kind(fate, *FORMS)(plant)

    return decorate


@_media("rejected")
def file_missing(ground: Ground, path: str) -> None:
    (ground.root / path).unlink()


@_media("reported")
def file_larger(ground: Ground, path: str) -> None:
    ground.file(path, b"hello, and more than the row says")


@_media("rejected", size_bytes=0)
def file_empty(ground: Ground, path: str) -> None:
    ground.file(path, b"")


@_media("rejected")
def file_path_climbs(ground: Ground, path: str) -> Row:
    secret = ground.root.parent / "beside-the-root.txt"
    secret.write_bytes(b"hello")
    return {"file_path": f"planted/../../{secret.name}"}


@_media("rejected")
def file_path_absolute(ground: Ground, path: str) -> Row:
    return {"file_path": "/etc/hostname"}


@_media("rejected")
def file_link_leaves(ground: Ground, path: str) -> None:
    (ground.root / path).unlink()
    (ground.root / path).symlink_to("/etc/hostname")


@_media("rejected")
def file_is_folder(ground: Ground, path: str) -> None:
    (ground.root / path).unlink()
    (ground.root / path).mkdir()


@_media("reported")
def file_of_nothing(ground: Ground, path: str) -> Row:
    return {"related_to_type": "goal", "related_to_id": ground.rows.varied.uuid()}


@_media("reported")
async def file_of_others_row(ground: Ground, path: str) -> Row:
    return {"related_to_type": "goal", "related_to_id": (await ground.put("goals", ground.other))["id"]}


@_media("reported")
def file_of_unknown_type(ground: Ground, path: str) -> Row:
    return {"related_to_type": "recipe", "related_to_id": ground.owner["id"]}

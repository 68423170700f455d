"""Which backups are kept: the newest of each of the last so many days, weeks and so on that have one. The rest goes."""

import re
from collections.abc import Callable, Iterable
from datetime import datetime

import msgspec

from app.backups import form
from app.backups.destination import Destination
from app.backups.form import MEDIA, BackupFailed, Manifest, State

PERIODS: dict[str, Callable[[datetime], tuple[int, ...]]] = {
    "hourly": lambda time: (time.year, time.month, time.day, time.hour),
    "daily": lambda time: (time.year, time.month, time.day),
    "weekly": lambda time: tuple(time.isocalendar()[:2]),
    "monthly": lambda time: (time.year, time.month),
    "yearly": lambda time: (time.year,),
}
"""In which period a time is, in UTC."""


class Keep(msgspec.Struct, frozen=True):
    """How many periods of each kind keep a backup."""

    counts: dict[str, int]

    @classmethod
    def of(cls, text: str) -> "Keep":
        """Read daily=7,weekly=4. Raises BackupFailed."""
        counts = {}
        for part in text.split(","):
            found = re.fullmatch(r"([a-z]+)=([1-9][0-9]{0,2})", part.strip())
            if found is None or found[1] not in PERIODS or found[1] in counts:
                raise BackupFailed(f"--keep: must be like daily=7,weekly=4, of {', '.join(PERIODS)}, each from 1 to 999.")
            counts[found[1]] = int(found[2])
        return cls(counts)


class Known(msgspec.Struct, frozen=True):
    """A backup that lies at a place; no manifest: it was never finished, or cannot be read."""

    name: str
    state: State
    manifest: Manifest | None

    @property
    def is_good(self) -> bool:
        return self.state in ("verified", "not verified")


async def known(place: Destination) -> list[Known]:
    """All backups of a place, oldest first."""
    found = []
    for name in await place.names():
        try:
            manifest, verified = await place.manifest(name), await place.verified(name)
        except BackupFailed:
            # Its manifest is damaged.
            found.append(Known(name, "bad", None))
            continue
        if manifest is None:
            found.append(Known(name, "unfinished", None))
        elif verified is None:
            found.append(Known(name, "not verified", manifest))
        else:
            found.append(Known(name, "verified" if verified.is_good else "bad", manifest))
    return found


def kept(backups: Iterable[Known], rule: Keep) -> set[str]:
    """The names of those that are kept: always the newest good and the newest verified one, and newer ones that are bad."""
    newest_first = sorted(backups, key=lambda each: each.name, reverse=True)
    good = [each for each in newest_first if each.is_good]
    names = {each.name for each in good[:1]} | {each.name for each in [e for e in good if e.state == "verified"][:1]}
    for period, count in rule.counts.items():
        seen: dict[tuple[int, ...], str] = {}
        for each in good:
            seen.setdefault(PERIODS[period](form.time_of(each.name)), each.name)
        names |= {*list(seen.values())[:count]}
    return names | {each.name for each in newest_first if each.state == "bad" and (not good or each.name > good[0].name)}


async def apply(place: Destination, rule: Keep) -> list[str]:
    """Remove the backups that a rule does not keep, those that were never finished, and the files that none has any more.

    Returns the names of the backups. Nobody may make one meanwhile. Raises BackupFailed.
    """
    backups = await known(place)
    names = kept(backups, rule)
    removed = [each.name for each in backups if each.name not in names]
    for name in removed:
        await place.delete_all(name)
    await _remove_files(place, [each for each in backups if each.name in names])
    return removed


async def _remove_files(place: Destination, backups: list[Known]) -> None:
    if any(each.manifest is None for each in backups):
        # Which files it has cannot be known.
        return
    wanted: dict[str, set[str]] = {}
    for each in backups:
        if each.manifest is None:
            continue
        ending = ".age" if each.manifest.is_encrypted else ""
        text = await place.text(f"{each.name}/{MEDIA}")
        if text is None:
            return
        wanted.setdefault(each.manifest.media, set()).update(f"{key}{ending}" for key in text.decode().splitlines())
    for folder in await place.media_folders():
        for path in (await place.sizes(folder)).keys() - wanted.get(folder, set()):
            await place.delete(f"{folder}/{path}")

"""The database as it was at a time: the base backup from before it, and the archived log replayed up to there.

All of it happens in <data>/restoring. Only what has been recovered, promoted and stopped takes the place of the cluster that
was there, which is moved aside: up to then nothing has changed, whatever fails.
"""

import asyncio
import math
import os
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from app.backups import archiver, archiving, base_backups, timelines, wal
from app.backups.timelines import Base, NotReachable, Plan, Segments, told
from app.backups.wal import ArchiveFailed
from app.backups.wal_stores import Store, open_store
from app.database import embedded
from app.database.cluster import FOLDER, RESTORED, finish_restore, tail_of
from app.database.disk import settle
from app.database.embedded import Extras
from app.database.executor import on_connection
from app.database.postgres_programs import EmbeddedError
from app.database.postmaster import find_postmaster
from app.database.unprivileged import Account, account_for, give


class Restored(NamedTuple):
    """What a restore has come to. until: the time of the last transaction that came back; None: the base has none after it."""

    base: Base
    timeline: int
    until: datetime | None
    aside: Path | None


def restore(url: str, data: Path, time: datetime | None, say: Callable[[str], None]) -> Restored:
    """Bring the cluster of a data folder to where it was at a time, or to the end of the archive where that is None.

    Call it from the main thread, with the folder's lock. `say` hears what takes its time. Raises ArchiveError, EmbeddedError;
    then nothing has changed.
    """
    data = data.resolve()
    finish_restore(data)
    cluster, workshop = data / FOLDER, data / "restoring"
    for folder in (cluster, workshop / FOLDER):
        if process := find_postmaster(folder):
            raise EmbeddedError(f"The PostgreSQL with process id {process.pid} works in {folder}. End it, then try again.")
    if time is not None and time > datetime.now(UTC):
        raise NotReachable(f"{told(time)} is still to come.")
    account = account_for(data, cluster)
    archiving.prepare_folder(url, account, cluster)
    store = open_store(url)
    beside = _hand_in(store, cluster)
    plan = find_way(store, time, beside)
    for leftover in (workshop, data / RESTORED):
        if leftover.exists():
            shutil.rmtree(leftover)
    workshop.mkdir()
    workshop.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        base = _lay_down(store, plan, workshop / FOLDER, account, say)
        say(f"Replaying the log from there to {told(time) if time else 'its end'} ...")
        until = _recover(url, workshop, plan, time, beside)
        aside = _swap(data, workshop / FOLDER)
    except OSError as error:
        raise ArchiveFailed(f"{error.strerror}: nothing was restored, and nothing has changed.") from None
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return Restored(base, plan.timeline, until, aside)


def _hand_in(store: Store, cluster: Path) -> Path | None:
    """Archive what a killed server has not, as far as it is full; gives the folder where the rest is. None: it is not ours."""
    owner = wal.owner_of(store)
    if owner is None:
        raise NotReachable("There is nothing in the archive of WAL_ARCHIVE_URL.")
    if wal.cluster_of(cluster) != owner:
        return None
    segments = cluster / "pg_wal"
    for ready in sorted((segments / "archive_status").glob("*.ready")):
        wal.archive(store, segments / ready.stem)
    return segments


def find_way(store: Store, time: datetime | None, beside: Path | None = None) -> Plan:
    """How a time is reached, or the end of the archive for None. Raises NotReachable, ArchiveFailed, StoreFailed."""
    names = [Path(name).name.removesuffix(".gz") for name in store.names("wal")]
    segments = Segments(
        names,
        lambda name: wal.ended(store, name),
        lambda name: wal.fetch(store, name).decode(),
        [path.name for path in sorted(beside.iterdir(), key=_written, reverse=True)] if beside else (),
    )
    return timelines.plan(segments, base_backups.found(store), time)


def _written(path: Path) -> float:
    return path.stat().st_mtime


def _lay_down(store: Store, plan: Plan, cluster: Path, account: Account | None, say: Callable[[str], None]) -> Base:
    """Unpack the best base backup that is whole."""
    for base in plan.bases:
        say(f"Unpacking and verifying the base backup of {base.reaches} ({base.bytes / 2**20:,.0f} MiB) ...")
        try:
            base_backups.lay_down(store, base, cluster, account)
        except ArchiveFailed as error:
            if base is plan.bases[-1]:
                raise
            say(f"{error} The one before is taken.")
            shutil.rmtree(cluster)
        else:
            return base
    raise NotReachable("There is no base backup.")


def _recover(url: str, workshop: Path, plan: Plan, time: datetime | None, beside: Path | None) -> datetime | None:
    """Replay the log up to a time, begin a timeline there, and stop. Returns the time of the last transaction."""
    signal = workshop / FOLDER / "recovery.signal"
    signal.touch(mode=0o600)
    give(signal, account_for(workshop, workshop / FOLDER))
    options = {
        "restore_command": " ".join(
            [archiving.command("get", url), "%f", "%p", *([archiving.quoted(str(beside))] if beside else [])]
        ),
        "recovery_target_timeline": str(plan.timeline),
        "recovery_target_action": "promote",
        # It takes no connection before it is promoted; else it would want as many of them as the one that wrote the log.
        "hot_standby": "off",
        # The segments of the new timeline wait for the next start: what comes to nothing here leaves none in the archive.
        "archive_mode": "on",
        "archive_command": "",
    }
    target = {} if time is None else {"recovery_target_time": time.astimezone(UTC).isoformat(sep=" ")}
    extras = Extras(options | target, archiving.variables(url), [*archiving.paths(url), *([beside] if beside else [])])
    try:
        server = embedded.start(workshop, extras=extras, ready_within=math.inf)
    except EmbeddedError:
        if not (plan.is_whole and NOTHING_LATER in _said(workshop)):
            raise _why(workshop, time) from None
        # PostgreSQL stops only at a transaction after the time. There is none, so the end of the log is as of the time.
        try:
            server = embedded.start(workshop, extras=extras._replace(options=options), ready_within=math.inf)
        except EmbeddedError:
            raise _why(workshop, None) from None
    try:
        return asyncio.run(on_connection(server.url, archiver.replayed_until))
    finally:
        server.stop()


NOTHING_LATER = "recovery ended before configured recovery target was reached"


def _said(workshop: Path) -> str:
    return (workshop / "postgres.log").read_text(encoding="utf-8", errors="replace")


def _why(workshop: Path, time: datetime | None) -> Exception:
    """What the log of a server that has given up its recovery says."""
    said = _said(workshop)
    if time is not None and NOTHING_LATER in said:
        found = re.findall(r"last completed transaction was at log time (\S+ [\d:]+)", said)
        last = f"The last transaction in the archive is of {found[-1]} UTC" if found else "There is no later transaction in it"
        return NotReachable(f"{last}, {told(time)} is later. {timelines.EVERYTHING}")
    if found := re.findall(r"holdfast: WAL archive: (?:get \S+: )?(.+)", said):
        return ArchiveFailed(f"{found[-1]} The log could not be replayed.")
    return EmbeddedError(f"The recovery failed. The end of PostgreSQL's log:\n{tail_of(workshop / 'postgres.log')}")


def _swap(data: Path, restored: Path) -> Path | None:
    """Move the cluster that was there aside and the restored one into its place.

    A kill in between is no harm: the next start finds the restored one under its own name.
    """
    cluster, aside = data / FOLDER, None
    restored.rename(data / RESTORED)
    settle(data)
    if cluster.exists():
        aside = data / f"{FOLDER}.before-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        cluster.rename(aside)
        settle(data)
    finish_restore(data)
    return aside

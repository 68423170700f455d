"""`holdfast backup` and `holdfast backups`: the whole database and its files, copied, tried, and kept for a while."""

import asyncio
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

import msgspec
import rich_click as click

from app.backups import databases, making, repository, restoring, retention, verifying
from app.backups.destination import Destination
from app.backups.form import BackupDamaged, Manifest, Verified
from app.backups.making import work_folder
from app.backups.retention import Keep, Known
from app.database.executor import on_connection
from app.server import point_in_time_commands
from app.server.backup_running import done, place
from app.server.running import run
from app.server.showing import as_json, show_facts, show_json, show_list
from app.server.words import give_up, read_settings
from app.storage import Storage


class Outcome(msgspec.Struct, frozen=True):
    """What came of it: the backup, what its verification found, which old ones were removed, and which files are lost."""

    name: str
    size_bytes: int
    manifest: Manifest
    verified: Verified | None
    removed: list[str]
    lost: list[str] = []


@click.command()
@click.argument("destination", required=False)
@click.option("--keep", help="Remove old backups but the last of so many days, weeks, ...: daily=7,weekly=4,monthly=12.")
@click.option("--recipient", multiple=True, help="Encrypt it with age for this public key, age1...; may be given again.")
@click.option("--no-verify", is_flag=True, help="Do not restore it into a database of its own to see that it is whole.")
@click.option("--verify", "old", metavar="NAME", help="Make none, but verify this one again.")
@click.option("--identity", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="With --verify: age's key file.")
@click.option("--base", is_flag=True, help="Make one of the embedded server as a whole, from which `restore --at` begins.")
@as_json
def backup(
    destination: str | None,
    keep: str | None,
    recipient: tuple[str, ...],
    old: str | None,
    identity: Path | None,
    *,
    no_verify: bool,
    base: bool,
    as_json: bool,
) -> None:
    """Back up the whole database and its files, and see that the backup can be restored.

    DESTINATION is a folder, or a bucket such as s3://bucket/path; otherwise BACKUP_URL. It may be done while `serve` runs, and
    is as of one moment. It has the hashes of passwords: encrypt it, or keep it as you keep the database.
    """
    if base:
        if destination or recipient or old or identity or no_verify:
            raise click.UsageError("--base goes with --keep and --json only. It lies where WAL_ARCHIVE_URL says.")
        point_in_time_commands.make_base(keep, as_json=as_json)
        return
    settings = read_settings()
    to = place(destination, settings)
    rule = Keep.of(keep) if keep else None
    storage = Storage(settings)

    async def work(url: str) -> Outcome:
        if old is not None:
            return await _verify(url, to, old, identity)
        await making.check_recipients(recipient)
        if not no_verify:
            await making.check_rights(url)
        with work_folder() as folder, TemporaryFile(dir=folder) as listed:
            taken = await making.take(url, folder, listed)
            manifest = await making.make(taken, storage, to, recipient)
            verified = None
            if not no_verify:
                verified = await verifying.verify(url, to, manifest, folder, taken.contents, is_read_back=True)
        await on_connection(
            url, partial(repository.note, manifest=manifest, is_verified=verified is not None and verified.is_good)
        )
        removed = await retention.apply(to, rule) if rule is not None and (verified is None or verified.is_good) else []
        # Users go on deleting while their files are copied: what has no row any more is not missed.
        lost = await on_connection(url, partial(repository.still_named, keys=manifest.missing)) if manifest.missing else []
        return Outcome(manifest.name, manifest.bytes, manifest, verified, removed, lost)

    outcome = done(lambda url: databases.alone(url, lambda: work(url)))
    if as_json:
        show_json(outcome)
    else:
        _show(outcome)
    if outcome.verified is not None and not outcome.verified.is_good:
        give_up("The backup is not good: " + "; ".join(outcome.verified.differences[:5]))
    if outcome.lost:
        give_up(
            f"{len(outcome.lost):,} files are not in the store, or not what was stored there: the manifest names "
            "them. All else is in the backup."
        )


async def _verify(url: str, source: Destination, name: str, identity: Path | None) -> Outcome:
    manifest, _ = await restoring.chosen(source, name)
    await restoring.check_age(url, manifest)
    with work_folder() as folder:
        try:
            contents = await verifying.fetch(source, manifest, folder, identity)
        except BackupDamaged as error:
            verified = await verifying.write_down(source, manifest, [str(error)], 0.0)
        else:
            verified = await verifying.verify(url, source, manifest, folder, contents, is_read_back=False)
    await on_connection(url, partial(repository.note, manifest=manifest, is_verified=verified.is_good))
    return Outcome(name, manifest.bytes, manifest, verified, [])


def _show(outcome: Outcome) -> None:
    manifest, verified = outcome.manifest, outcome.verified
    facts = [
        ("backup", f"{outcome.name}{', encrypted' if manifest.is_encrypted else ''}"),
        ("size", f"{outcome.size_bytes:,} bytes"),
        ("files", f"{manifest.media_files:,}, of {manifest.media_bytes:,} bytes"),
    ]
    if verified is None:
        facts.append(("verified", "no"))
    else:
        said = "yes: restored, compared, the ledger adds up" if verified.is_good else "it is NOT good"
        facts.append(("verified", f"{said}, in {verified.seconds:,.1f} s"))
    if outcome.removed:
        facts.append(("removed", ", ".join(outcome.removed)))
    show_facts(facts)


@click.command()
@click.argument("destination", required=False)
@as_json
def backups(destination: str | None, *, as_json: bool) -> None:
    """Show the backups at DESTINATION, or at BACKUP_URL, oldest first."""
    settings = read_settings()
    source = place(destination, settings, is_read=True)
    found = run(lambda _: asyncio.run(retention.known(source)))
    if as_json:
        show_json(found)
        return

    def cells(each: Known) -> tuple[str, ...]:
        manifest = each.manifest
        size = f"{manifest.bytes:,}" if manifest else "-"
        return each.name, each.state, f"{size:>15}", "encrypted" if manifest and manifest.is_encrypted else ""

    show_list(found, ("Name", "State", "Bytes", ""), cells, lambda each: "  ".join(cells(each)).rstrip())

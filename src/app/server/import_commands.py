"""`holdfast import`, `imports`, `verify` and `rollback`: the data of other apps, in and out again."""

from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from typing import IO, Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import rich_click as click

from app.database.executor import Transaction
from app.importing import repository, rollbacks, runs, verification
from app.importing.objects import Objects
from app.importing.runs import Asked, Outcome
from app.importing.schemas import Import, LineCount
from app.importing.sources.databases import is_url
from app.importing.sources.registry import SOURCES
from app.importing.sources.source import Options
from app.importing.verification import Verified
from app.server.import_progress import shown_progress
from app.server.import_report import ReportFile, as_line
from app.server.import_running import done, done_with_objects
from app.server.showing import as_json, show_json, show_list
from app.server.words import give_up

PACED = 3.0
"""How long a paced import rests for each second that it works, in seconds."""

WITH_FILES = {"holdfast"}
"""Sources that bring their files along, without --media-root."""

THERE_IS_NONE = "There is no import with this id: `holdfast imports` shows them."


def _with_source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say how a source is read: of import, and of verify, which reads it again."""
    for option in (
        click.option("--user", help="The e-mail address of the account that gets the rows of a source without accounts."),
        click.option("--naive-tz", help="The time zone of times without one. Otherwise UTC, or that of the import."),
        click.option("--media-root", type=click.Path(path_type=Path), help="The folder with the source's media files."),
        click.option("--pace", is_flag=True, help="Leave most of the machine to a server that is in use."),
    ):
        command = option(command)
    return command


@click.command("import")
@click.argument("source", type=click.Choice(sorted(SOURCES)), metavar="SOURCE")
@click.argument("location")
@click.option("--dry-run", is_flag=True, help="Do everything, show what came of it, and take it back.")
@click.option("--backup", type=click.Path(path_type=Path, file_okay=False), help="Copy the source into this folder first.")
@click.option(
    "--on-error",
    type=click.Choice(["continue", "stop"]),
    default="continue",
    show_default=True,
    help="What a row that cannot be imported does: it is reported, or nothing is imported.",
)
@click.option("--report", type=click.File("w", encoding="utf-8", lazy=False), help="Write the report here, as JSON Lines.")
@click.option(
    "--into-existing",
    is_flag=True,
    help="Give the rows of a user to the account here that has the same e-mail address, even if that is not verified.",
)
@_with_source_options
@as_json
def import_(
    source: str,
    location: str,
    report: IO[str] | None,
    backup: Path | None,
    on_error: str,
    *,
    dry_run: bool,
    into_existing: bool,
    as_json: bool,
    pace: bool,
    **given: Any,
) -> None:
    """Bring the data of another app in.

    SOURCE is the app: assistant, council, habits, loop, manifest or tasks; or holdfast, for what `holdfast export` wrote.
    LOCATION is its file, folder or database URL, which is only read. It may be done while `serve` runs, and again: rows
    that are here are left or brought up to date.
    Ends with a table of what came of the rows.
    """
    asked = Asked(
        source,
        _shown(location),
        given["user"],
        is_dry=dry_run,
        is_strict=on_error == "stop",
        into_existing=into_existing,
        rest=PACED if pace else 0.0,
        naive_tz=given["naive_tz"],
        media_root=str(given["media_root"].absolute()) if given["media_root"] else None,
    )
    written = ReportFile(report)

    async def work(on: Transaction, objects: Objects | None) -> Outcome:
        async with SOURCES[source](location, _options(given, objects)) as opened:
            click.echo(f"{asked.location}: {opened.form}, about {opened.total:,} rows.", err=True)
            if backup is not None:
                click.echo(f"Copied to {await opened.backup(_made(backup))}.", err=True)
            with shown_progress(opened.total * 2) as progress:
                return await runs.run(on, opened, asked, progress, None if report is None else written.add)

    outcome = done_with_objects(work, is_needed=(given["media_root"] is not None or source in WITH_FILES) and not dry_run)
    if as_json:
        show_json(outcome)
    else:
        _show_counts(outcome.counts)
        _show_report(outcome.report)
        click.echo(_ending(outcome, is_dry=dry_run))
    written.end()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _ending(outcome: Outcome, *, is_dry: bool) -> str:
    if is_dry:
        return "This was a dry run: nothing has been kept of it."
    return (
        f"Import {outcome.id} is done.\n"
        f"  holdfast verify {outcome.id}     compares it with its source\n"
        f"  holdfast imports {outcome.id}    shows its report, line by line\n"
        f"  holdfast rollback {outcome.id}   takes it back"
    )


@click.command("imports")
@click.argument("import_id", type=click.UUID, required=False)
@as_json
def imports(import_id: UUID | None, *, as_json: bool) -> None:
    """Show every import; of one, its report as JSON Lines."""
    if import_id is None:
        found = done(_every)
        if as_json:
            show_json(found)
        else:
            show_list(found, ("Id", "Source", "Status", "Begun", "Location"), _cells, lambda each: "  ".join(_cells(each)))
        return

    async def work(on: Transaction) -> bool:
        if await repository.get(on, import_id) is None:
            return False
        async for line in repository.report(on, import_id):
            click.echo(as_line(line))
        return True

    if not done(work):
        give_up(THERE_IS_NONE)


async def _every(on: Transaction) -> list[Import]:
    await repository.fail_abandoned(on)
    return await repository.every(on)


def _cells(done: Import) -> tuple[str, ...]:
    return str(done.id), done.source, done.status, f"{done.started_at:%Y-%m-%d %H:%M}", done.location


@click.command()
@click.argument("import_id", type=click.UUID)
@click.option("--location", help="Where the source is now: its path has changed, or its URL has a password.")
@_with_source_options
@as_json
def verify(import_id: UUID, location: str | None, *, as_json: bool, pace: bool, **given: Any) -> None:
    """Compare an import with its source, row by row.

    Ends with 1 when a row is not here as the source has it; those that were reported, and those that were changed here
    since, are counted.
    """

    async def work(on: Transaction, objects: Objects | None) -> Verified | None:
        done = await repository.get(on, import_id)
        if done is None:
            return None
        options = msgspec.json.decode(done.options)
        user = given["user"] or options["user"]
        zone = given["naive_tz"] or options.get("naive_tz")
        root = given["media_root"] or (Path(options["media_root"]) if options.get("media_root") else None)
        asked = Asked(done.source, done.location, user, into_existing=options["into_existing"], rest=PACED if pace else 0.0)
        read = _options({**given, "user": user, "media_root": root, "naive_tz": zone}, objects)
        async with SOURCES[done.source](location or done.location, read) as opened:
            with shown_progress(opened.total * 2) as progress:
                return await verification.verify(on, done, opened, asked, progress)

    verified = done_with_objects(work, is_verifying=True)
    if verified is None:
        give_up(THERE_IS_NONE)
    if as_json:
        show_json(verified)
    else:
        _show_verified(verified)
    if not verified.is_good:
        give_up("Not every row is here as the source has it.")


@click.command()
@click.argument("import_id", type=click.UUID)
@click.option("--force", is_flag=True, help="Remove rows, too, that were changed here since, and what refers to them.")
@as_json
def rollback(import_id: UUID, *, force: bool, as_json: bool) -> None:
    """Take an import back: remove what it made, put back what it changed.

    Rows that were changed here since stay, and so does what they belong to.
    """

    async def work(on: Transaction) -> dict[str, dict[str, int]] | None:
        done = await repository.get(on, import_id)
        return None if done is None else await rollbacks.rollback(on, done, is_forced=force)

    counts = done(work)
    if counts is None:
        give_up(THERE_IS_NONE)
    if as_json:
        show_json(counts)
        return
    _show_counts(counts)
    kept = sum(count["kept"] for count in counts.values())
    click.echo(
        f"The import is rolled back; {kept:,} rows that were changed here since are kept: `holdfast imports {import_id}`."
        if kept
        else "The import is rolled back."
    )


def _options(given: dict[str, Any], objects: Objects | None) -> Options:
    zone: tzinfo
    try:
        zone = UTC if given["naive_tz"] in (None, "UTC") else ZoneInfo(given["naive_tz"])
    except (ZoneInfoNotFoundError, ValueError, OSError):
        give_up(f"--naive-tz: there is no time zone {given['naive_tz']}.", 2)
    return Options(zone=zone, media_root=given["media_root"], has_user=given["user"] is not None, objects=objects)


def _shown(location: str) -> str:
    """A location as it may be seen: an absolute path, or a URL without its password."""
    if is_url(location):
        try:
            parts = urlsplit(location)
        except ValueError:
            give_up("The source's URL cannot be used: check its form.")
        user, at, host = parts.netloc.rpartition("@")
        shown = [(name, value) for name, value in parse_qsl(parts.query) if "password" not in name]
        query = urlencode(shown, safe="/")
        # Not by urlunsplit(): of postgresql:///tasks it would leave one slash.
        return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}{'?' if query else ''}{query}"
    return str(Path(location).absolute())


def _show_counts(counts: dict[str, dict[str, int]]) -> None:
    names = [name for name in COUNTED if any(name in count for count in counts.values())]
    rows = [(entity, *(f"{count.get(name, 0):,}" for name in names)) for entity, count in counts.items()]
    show_list(
        rows,
        ("Table", *(name.capitalize() for name in names)),
        lambda row: (row[0], *(f"{cell:>12}" for cell in row[1:])),
        lambda row: f"{row[0]:<20}" + "".join(f" {name} {cell}" for name, cell in zip(names, row[1:], strict=True)),
    )


COUNTED = ("read", "imported", "updated", "unchanged", "merged", "kept", "rejected", "removed", "restored")
"""The counts of a table, in the order in which they are shown."""


def _show_report(lines: list[LineCount]) -> None:
    for each in lines:
        click.echo(f"{each.kind}: {each.lines:,} of {each.entity} by {each.rule}, such as {each.example}")


def _show_verified(verified: Verified) -> None:
    rows = [
        (entity, each.outcome, f"{each.rows:,}", _sum(each.source_sum), _sum(each.target_sum))
        for entity, found in verified.compared.items()
        for each in found
    ]
    show_list(rows, ("Table", "Outcome", "Rows", "Source", "Here"), lambda row: row, "  ".join)
    for entity, found in verified.compared.items():
        for each in found:
            for sample in msgspec.json.decode(each.sample) if each.sample else ():
                click.echo(f"{entity} {sample['key']}: {each.outcome}{_differences(sample)}")


def _sum(value: Any) -> str:
    return "-" if value is None else f"{int(value) % 2**64:016x}"


def _differences(sample: dict[str, Any]) -> str:
    pairs = zip(sample["columns"], sample["source"], sample["target"], strict=True)
    return "".join(f"\n    {name}: {source!r} in the source, {here!r} here" for name, source, here in pairs if source != here)

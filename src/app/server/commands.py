"""Every command but `serve`: the doctor, what has expired, the ledger; and those of the modules beside this one."""

import asyncio
import sys

import msgspec
import rich_click as click

from app.credits.repository import broken_accounts
from app.database.executor import Database, on_connection
from app.maintenance import jobs
from app.server import data_lock, doctor
from app.server.demo_command import demo
from app.server.doctor import Finding
from app.server.import_commands import import_, imports, rollback, verify
from app.server.migrate_commands import migrate
from app.server.running import run, with_database
from app.server.showing import as_json, show_json, show_list
from app.server.user_commands import users
from app.server.words import give_up
from app.settings import Settings
from app.storage import Storage


@click.group()
def others() -> None:
    """What app.server.cli shows and runs beside `serve`."""


others.add_command(demo)
others.add_command(import_)
others.add_command(imports)
others.add_command(rollback)
others.add_command(verify)
others.add_command(migrate)
others.add_command(users)


@others.command("doctor")
@as_json
def see_doctor(*, as_json: bool) -> None:
    """Check everything that serving needs, and say what to do.

    Ends with 1 when something is bad.
    """

    def look(settings: Settings) -> list[Finding]:
        with data_lock.database(settings) as url:
            return asyncio.run(on_connection(url, lambda database: doctor.examine(database, settings)))

    def cells(finding: Finding) -> tuple[str, ...]:
        return finding.state, finding.subject, "\n".join(filter(None, (finding.text, finding.advice)))

    def line(finding: Finding) -> str:
        advice = f"\n{'':<17} {finding.advice}" if finding.advice else ""
        return f"{finding.state:<5} {finding.subject:<11} {finding.text}{advice}"

    findings = run(look)
    if as_json:
        show_json(findings)
    else:
        show_list(findings, ("State", "Subject", "What was found, and what to do"), cells, line, lines=True)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


@others.command("maintain")
@as_json
def see_to_it(*, as_json: bool) -> None:
    """Remove what has expired, and fold old ledgers.

    `serve` does the same every ten minutes or so.
    """

    def work(settings: Settings) -> dict[str, int]:
        with data_lock.database(settings) as url:
            return asyncio.run(_maintain(msgspec.structs.replace(settings, database_url=url)))

    counts = run(work)
    if as_json:
        show_json({job.replace(" ", "_"): count for job, count in counts.items()})
        return
    show_list(
        counts.items(),
        ("Count", "Job"),
        lambda done: (f"{done[1]:>5}", done[0]),
        lambda done: f"{done[1]:>9} {done[0]}",
    )


async def _maintain(settings: Settings) -> dict[str, int]:
    database = await Database.connect(settings)
    try:
        return await jobs.run(database, Storage(settings))
    finally:
        await database.close()


@others.command()
@as_json
def verify_ledger(*, as_json: bool) -> None:
    """Prove that every credit account is the sum of its ledger.

    Ends with 1 and the accounts' users when one is not.
    """
    broken = with_database(broken_accounts)
    if as_json:
        show_json(broken)
    else:
        show_list(broken, ("User",), lambda user_id: (str(user_id),), str)
    if broken:
        give_up(f"The ledger does not add up for {len(broken)} of all accounts.")
    if not as_json:
        click.echo("Every account is the sum of its ledger.")

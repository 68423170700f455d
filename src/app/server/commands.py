"""`holdfast maintain` and `holdfast verify-ledger`: what has expired, and whether the ledger adds up."""

import asyncio

import msgspec
import rich_click as click

from app.credits.repository import broken_accounts
from app.database.executor import Database
from app.maintenance import jobs
from app.server import data_lock
from app.server.running import run, with_database
from app.server.showing import as_json, show_json, show_list
from app.server.words import give_up
from app.settings import Settings
from app.storage import Storage


@click.command("maintain")
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


@click.command()
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

"""`holdfast demo`: something to look at."""

import rich_click as click

from app.demo import commands
from app.demo.commands import DemoAccount
from app.server.running import with_database
from app.server.showing import as_json, show_facts, show_json
from app.server.words import give_up, read_settings


@click.command()
@click.option("--email", default="demo@example.com", show_default=True, help="The e-mail address of the account.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number gives another year.")
@click.option("--yes", is_flag=True, help="In production, too.")
@as_json
def demo(email: str, seed: int, *, yes: bool, as_json: bool) -> None:
    """Make an account with a year of plausible data, to look around with.

    Its password is shown once. The year ends yesterday, and is the same for the same seed. Where the e-mail address is
    taken nothing is made; where APP_ENV is production, only with --yes.
    """
    if read_settings().production and not yes:
        give_up("APP_ENV is production: say --yes if the account shall be made here.")
    made = with_database(lambda database: commands.make(database, email, seed))
    if as_json:
        show_json(made)
    else:
        show_facts(_facts(made))


def _facts(made: DemoAccount) -> list[tuple[str, str]]:
    counts = [(table.replace("_", " "), f"{count:,}") for table, count in made.rows.items()]
    return [("id", str(made.id)), ("e-mail", made.email), ("password", made.password), *counts]

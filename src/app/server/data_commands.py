"""The commands for what is stored: accounts, what has expired, the ledger. `serve` starts sooner without them."""

import asyncio
import sys

import msgspec
import rich_click as click

from app.accounts import commands
from app.accounts.schemas import PASSWORD_LENGTH
from app.credits.repository import broken_accounts
from app.database.executor import Database
from app.database.queries import Executor
from app.maintenance import jobs
from app.server import data_lock
from app.server.running import give_up, run, with_database
from app.settings import Settings
from app.storage import Storage


@click.group()
def users() -> None:
    """Look at accounts, and change what their owners cannot."""


@users.command("list")
def list_users() -> None:
    """Show every account, newest first."""

    async def show(database: Executor) -> None:
        async for user in commands.users(database):
            kind = "guest" if user.is_guest else user.role
            state = "" if user.is_active else "  disabled"
            seen = f"{user.last_login_at:%Y-%m-%d}" if user.last_login_at else "never"
            click.echo(f"{user.id}  {kind:<8} {user.email or '-'}  {user.username or '-'}  seen {seen}{state}")

    with_database(show)


@users.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice(commands.ROLES))
def set_role(email: str, role: str) -> None:
    """Make an account a user, a service or an admin."""
    if not with_database(lambda database: commands.set_role(database, email, role)):
        give_up("There is no account with this e-mail address.")
    click.echo(f"The account is now: {role}.")


@users.command("set-password")
@click.argument("email")
def set_password(email: str) -> None:
    """Give an account a new password; all of its sessions end.

    The password is asked for, or read from standard input when that is no terminal.
    """
    if sys.stdin.isatty():
        password = str(click.prompt("New password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) not in PASSWORD_LENGTH:
        give_up(f"A password has {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters.")
    if not with_database(lambda database: commands.set_password(database, email, password)):
        give_up("There is no account with this e-mail address.")
    click.echo("The password is changed, and every session of the account is ended.")


@click.command("maintain")
def maintain() -> None:
    """Remove what has expired, and fold old ledgers.

    `serve` does the same every ten minutes or so.
    """

    def work(settings: Settings) -> dict[str, int]:
        with data_lock.database(settings) as url:
            return asyncio.run(_maintain(msgspec.structs.replace(settings, database_url=url)))

    for job, count in run(work).items():
        click.echo(f"{count:>9} {job}")


async def _maintain(settings: Settings) -> dict[str, int]:
    database = await Database.connect(settings)
    try:
        return await jobs.run(database, Storage(settings))
    finally:
        await database.close()


@click.command()
def verify_ledger() -> None:
    """Prove that every credit account is the sum of its ledger.

    Ends with 1 and the accounts' users when one is not.
    """
    broken = with_database(broken_accounts)
    for user_id in broken:
        click.echo(str(user_id))
    if broken:
        give_up(f"The ledger does not add up for {len(broken)} of all accounts.")
    click.echo("Every account is the sum of its ledger.")

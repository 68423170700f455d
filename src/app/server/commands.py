"""Every command but `serve`: the schema, the accounts, the doctor, what has expired, the ledger."""

import asyncio
import sys

import msgspec
import rich_click as click

from app.accounts import commands
from app.accounts.schemas import PASSWORD_LENGTH
from app.credits.repository import broken_accounts
from app.database import migrations
from app.database.executor import Database, on_connection
from app.database.queries import Executor
from app.maintenance import jobs
from app.server import data_lock, doctor
from app.server.doctor import Finding
from app.server.running import on_database, run, with_database
from app.server.words import give_up
from app.settings import Settings
from app.storage import Storage


@click.group()
def others() -> None:
    """What app.server.cli shows and runs beside `serve`."""


@others.group()
def migrate() -> None:
    """Change the database's schema, or see what was changed.

    Without DATABASE_URL these work on the PostgreSQL that comes along, whether it runs or not.
    """


@migrate.command()
def up() -> None:
    """Apply every migration that is pending."""
    applied = on_database(migrations.up)
    for name in applied:
        click.echo(f"applied     {name}")
    if not applied:
        click.echo("Nothing was pending: the schema is up to date.")


@migrate.command()
def down() -> None:
    """Take the newest migration back. What was stored in the tables it made is lost."""
    click.echo(f"taken back  {on_database(migrations.down)}")


@migrate.command()
def status() -> None:
    """Show every migration, and whether it is applied."""
    for migration in on_database(migrations.status):
        click.echo(f"{'applied' if migration.applied else 'pending':<11} {migration.name}")


@migrate.command()
def history() -> None:
    """Show the migrations that are applied, oldest first."""
    for migration in on_database(migrations.history):
        click.echo(migration.name)


@migrate.command()
def dry_run() -> None:
    """Apply every pending migration for real, then roll all of it back.

    Shows whether they would work on this database and its rows. Tables are locked meanwhile, as in a real run.
    """
    trials = on_database(migrations.dry_run)
    for trial in trials:
        click.echo(f"works       {trial.name}" if trial.tried else f"not tried   {trial.name}: it runs outside a transaction")
    click.echo("Everything was rolled back." if trials else "Nothing is pending.")


@others.command("doctor")
def see_doctor() -> None:
    """Check everything that serving needs, and say what to do.

    Ends with 1 when something is bad.
    """

    def look(settings: Settings) -> list[Finding]:
        with data_lock.database(settings) as url:
            return asyncio.run(on_connection(url, lambda database: doctor.examine(database, settings)))

    findings = run(look)
    for finding in findings:
        click.echo(f"{finding.state:<5} {finding.subject:<11} {finding.text}")
        if finding.advice:
            click.echo(f"{'':<17} {finding.advice}")
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


@others.group()
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


@others.command("maintain")
def see_to_it() -> None:
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


@others.command()
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

"""The commands. Each says what went wrong in a line or two, without a traceback and without a secret."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

import asyncpg
import msgspec
import rich_click as click

from app import settings as environment
from app.accounts import commands
from app.accounts.schemas import PASSWORD_LENGTH
from app.credits.repository import broken_accounts
from app.database import migrations
from app.database.dbmate import MigrationError
from app.database.errors import DatabaseRefused, DatabaseUnavailable, QueryTimeout
from app.database.executor import Database, on_connection
from app.database.package_files import FolderMissingError
from app.database.postgres_programs import EmbeddedError
from app.database.queries import Executor
from app.maintenance import jobs
from app.problems.catalog import Problem
from app.server import data_lock, doctor, supervisor
from app.server.data_lock import ServeError
from app.server.doctor import Finding
from app.settings import Settings, SettingsError
from app.storage import Storage
from app.telemetry import logs

T = TypeVar("T")


_FOR_PEOPLE = (ServeError, EmbeddedError, MigrationError, DatabaseRefused, FolderMissingError)
"""Errors whose text is written for whoever typed the command."""


click.rich_click.TEXT_MARKUP = "rich"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="holdfast", message="holdfast %(version)s")
def main() -> None:
    """A durable, fast, self-hosted JSON API over PostgreSQL.

    Begin with [bold]holdfast serve[/bold]: it needs nothing else. Settings are environment variables; an option goes
    before its variable.
    """


@main.command()
@click.option("--host", help="The address to listen on. Otherwise HOST, or 127.0.0.1: this machine only.")
@click.option("--port", type=int, help="The port to listen on. Otherwise PORT, or 8000.")
@click.option("--workers", type=int, help="How many processes answer requests. Otherwise WORKERS, or 1.")
@click.option(
    "--migrate/--no-migrate",
    default=None,
    help="Bring the database's schema up to date first, or not. Without DATABASE_URL that is done unless told not to.",
)
def serve(host: str | None, port: int | None, workers: int | None, *, migrate: bool | None) -> None:
    """Serve the API.

    Without DATABASE_URL a PostgreSQL is started along with it, with its data in ./var or HOLDFAST_DATA. Stop with
    Ctrl-C: the requests under way are finished first.
    """
    options = {"HOST": host, "PORT": port, "WORKERS": workers}
    given = {name: str(value) for name, value in options.items() if value is not None}
    sys.exit(_run(lambda settings: supervisor.serve(settings, migrate=migrate), given))


@main.group()
def migrate() -> None:
    """Change the database's schema, or see what was changed.

    Without DATABASE_URL these work on the PostgreSQL that comes along, whether it runs or not.
    """


@migrate.command()
def up() -> None:
    """Apply every migration that is pending."""
    applied = _on_database(migrations.up)
    for name in applied:
        click.echo(f"applied     {name}")
    if not applied:
        click.echo("Nothing was pending: the schema is up to date.")


@migrate.command()
def down() -> None:
    """Take the newest migration back. What was stored in the tables it made is lost."""
    click.echo(f"taken back  {_on_database(migrations.down)}")


@migrate.command()
def status() -> None:
    """Show every migration, and whether it is applied."""
    for migration in _on_database(migrations.status):
        click.echo(f"{'applied' if migration.applied else 'pending':<11} {migration.name}")


@migrate.command()
def history() -> None:
    """Show the migrations that are applied, oldest first."""
    for migration in _on_database(migrations.history):
        click.echo(migration.name)


@migrate.command()
def dry_run() -> None:
    """Apply every pending migration for real, then roll all of it back.

    Shows whether they would work on this database and its rows. Tables are locked meanwhile, as in a real run.
    """
    trials = _on_database(migrations.dry_run)
    for trial in trials:
        click.echo(f"works       {trial.name}" if trial.tried else f"not tried   {trial.name}: it runs outside a transaction")
    click.echo("Everything was rolled back." if trials else "Nothing is pending.")


@main.group()
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

    _with_database(show)


@users.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice(commands.ROLES))
def set_role(email: str, role: str) -> None:
    """Make an account a user, a service or an admin."""
    if not _with_database(lambda database: commands.set_role(database, email, role)):
        _give_up("There is no account with this e-mail address.")
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
        _give_up(f"A password has {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters.")
    if not _with_database(lambda database: commands.set_password(database, email, password)):
        _give_up("There is no account with this e-mail address.")
    click.echo("The password is changed, and every session of the account is ended.")


@main.command("doctor")
def see_doctor() -> None:
    """Check everything that serving needs, and say what to do.

    Ends with 1 when something is bad.
    """

    def look(settings: Settings) -> list[Finding]:
        with data_lock.database(settings) as url:
            return asyncio.run(on_connection(url, lambda database: doctor.examine(database, settings)))

    findings = _run(look)
    for finding in findings:
        click.echo(f"{finding.state:<5} {finding.subject:<11} {finding.text}")
        if finding.advice:
            click.echo(f"{'':<17} {finding.advice}")
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


@main.command("maintain")
def see_to_it() -> None:
    """Remove what has expired, and fold old ledgers.

    `serve` does the same every ten minutes or so.
    """

    def work(settings: Settings) -> dict[str, int]:
        with data_lock.database(settings) as url:
            return asyncio.run(_maintain(msgspec.structs.replace(settings, database_url=url)))

    for job, count in _run(work).items():
        click.echo(f"{count:>9} {job}")


async def _maintain(settings: Settings) -> dict[str, int]:
    database = await Database.connect(settings)
    try:
        return await jobs.run(database, Storage(settings))
    finally:
        await database.close()


@main.command()
def verify_ledger() -> None:
    """Prove that every credit account is the sum of its ledger.

    Ends with 1 and the accounts' users when one is not.
    """
    broken = _with_database(broken_accounts)
    for user_id in broken:
        click.echo(str(user_id))
    if broken:
        _give_up(f"The ledger does not add up for {len(broken)} of all accounts.")
    click.echo("Every account is the sum of its ledger.")


def _with_database(work: Callable[[Executor], Coroutine[Any, Any, T]]) -> T:
    return _on_database(lambda url: on_connection(url, work))


def _on_database(work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """Do something with the database that the settings name, or with the embedded one."""

    def with_settings(settings: Settings) -> T:
        with data_lock.database(settings) as url:
            return asyncio.run(work(url))

    return _run(with_settings)


def _run(work: Callable[[Settings], T], given: Mapping[str, str] | None = None) -> T:
    """Do a command's work. What fails ends the process: 2 when a setting is at fault, 1 otherwise."""
    try:
        settings = environment.from_environment({**os.environ, **(given or {})})
    except SettingsError as error:
        _give_up(str(error), 2)
    logs.configure(production=settings.production)
    try:
        return work(settings)
    except SettingsError as error:
        # One that only shows when it is used, such as the credentials of a bucket.
        _give_up(str(error), 2)
    except _FOR_PEOPLE as error:
        _give_up(str(error))
    except DatabaseUnavailable as error:
        # Without a text when the connection was lost on the way.
        _give_up(str(error) or "The connection to the database was lost.")
    except Problem as problem:
        _give_up(problem.detail)
    except QueryTimeout:
        _give_up("The database took too long to answer.")
    except asyncpg.PostgresError as error:
        # Not str(error): that has the DETAIL, which may carry a row.
        _give_up(f"PostgreSQL refused: {error.args[0]} ({error.sqlstate})")
    except OSError as error:
        _give_up(": ".join(str(part) for part in (error.filename, error.strerror or type(error).__name__) if part))


def _give_up(text: str, code: int = 1) -> NoReturn:
    click.echo(f"holdfast: {text}", err=True)
    sys.exit(code)

"""The commands. Each says what went wrong in a line or two, without a traceback and without a secret."""

import asyncio
import sys
from importlib import import_module

import rich_click as click

from app.database import migrations
from app.database.executor import on_connection
from app.server import data_lock, doctor, supervisor
from app.server.doctor import Finding
from app.server.running import on_database, run
from app.settings import Settings

DATA_COMMANDS = ("maintain", "users", "verify-ledger")
"""The names of the commands in app.server.data_commands."""


class Commands(click.RichGroup):
    """Loads app.server.data_commands only when one of them is meant, or all are shown: half of what there is to load."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *DATA_COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in DATA_COMMANDS:
            command: click.Command = getattr(import_module("app.server.data_commands"), cmd_name.replace("-", "_"))
            return command
        return super().get_command(ctx, cmd_name)


click.rich_click.TEXT_MARKUP = "rich"


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
    sys.exit(run(lambda settings: supervisor.serve(settings, migrate=migrate), given))


@main.group()
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


@main.command("doctor")
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

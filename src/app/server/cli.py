"""The commands. Each says what went wrong in a line or two, without a traceback and without a secret."""

import sys
from importlib import import_module

import rich_click as click

from app.server.granian_process import Granian
from app.server.signals import Signals
from app.server.words import read_settings

OTHERS = {
    "backup": "app.server.backup_command:backup",
    "backups": "app.server.backup_command:backups",
    "demo": "app.server.demo_command:demo",
    "distribute": "app.server.distribute_command:distribute",
    "doctor": "app.server.doctor_command:see_doctor",
    "export": "app.server.export_command:export",
    "import": "app.server.import_commands:import_",
    "imports": "app.server.import_commands:imports",
    "maintain": "app.server.commands:see_to_it",
    "migrate": "app.server.migrate_commands:migrate",
    "restore": "app.server.restore_command:restore",
    "roles": "app.server.roles_command:roles",
    "rollback": "app.server.import_commands:rollback",
    "users": "app.server.user_commands:users",
    "verify": "app.server.import_commands:verify",
    "verify-ledger": "app.server.commands:verify_ledger",
}
"""Every command but `serve`, and where it is. Some load the slices, and with them the framework: 0.4 s."""


class Commands(click.RichGroup):
    """Loads a command when it is meant, or all are shown: `serve`, `migrate` and `doctor` start sooner."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *OTHERS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return other(cmd_name) if cmd_name in OTHERS else super().get_command(ctx, cmd_name)


def other(name: str) -> click.Command:
    """Load a command of OTHERS."""
    module, _, attribute = OTHERS[name].partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    return command


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
    Ctrl-C: the requests under way are finished first. SIGHUP has the code follow that is installed by
    then, and loses no request.
    """
    options = {"HOST": host, "PORT": port, "WORKERS": workers}
    settings = read_settings({name: str(value) for name, value in options.items() if value is not None})
    signals = Signals()
    signals.listen()
    granian = Granian(settings)
    signals.granians.append(granian)
    if signals.asked:
        signals.forward()
    # Meanwhile granian loads what it needs.
    from app.server import running, supervisor  # noqa: PLC0415

    sys.exit(running.run(lambda settings: supervisor.serve(settings, granian, signals, migrate=migrate), settings))

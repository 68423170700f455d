"""The commands. Each says what went wrong in a line or two, without a traceback and without a secret."""

import sys
from contextlib import ExitStack

import rich_click as click

from app.server import granian_process
from app.server.signals import StopSignals
from app.server.words import read_settings


class Commands(click.RichGroup):
    """Loads the commands of app.server.commands when one of them is meant, or all are shown: `serve` starts sooner."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_others().list_commands(ctx)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or _others().get_command(ctx, cmd_name)


def _others() -> click.Group:
    from app.server.commands import others  # noqa: PLC0415 - loads the slices, and with them the framework

    return others


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
    settings = read_settings({name: str(value) for name, value in options.items() if value is not None})
    signals = StopSignals()
    signals.listen()
    with ExitStack() as ending:
        granian = granian_process.begin(settings, ending)
        signals.granian = granian.pid
        if signals.asked:
            signals.forward()
        # Meanwhile granian loads what it needs.
        from app.server import running, supervisor  # noqa: PLC0415

        sys.exit(running.run(lambda settings: supervisor.serve(settings, granian, signals, migrate=migrate), settings))

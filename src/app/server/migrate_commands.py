"""`holdfast migrate`: the schema of the database."""

from typing import Any

import rich_click as click

from app.database import migrations
from app.database.migrations import Migration, Trial
from app.server.running import on_database
from app.server.showing import as_json, show_json, show_list


@click.group()
def migrate() -> None:
    """Change the database's schema, or see what was changed.

    Without DATABASE_URL these work on the PostgreSQL that comes along, whether it runs or not.
    """


@migrate.command()
@click.argument("number", type=click.IntRange(min=1), required=False)
@as_json
def up(number: int | None, *, as_json: bool) -> None:
    """Apply the migrations that are pending: all of them, or the next NUMBER."""
    applied = on_database(lambda url: migrations.up(url, most=number))
    if as_json:
        show_json(applied)
        return
    show_list(applied, ("State", "Migration"), lambda name: ("applied", name), lambda name: f"applied     {name}")
    if not applied:
        click.echo("Nothing was pending: the schema is up to date.")


@migrate.command()
def down() -> None:
    """Take the newest migration back. What was stored in the tables it made is lost."""
    click.echo(f"taken back  {on_database(migrations.down)}")


@migrate.command()
@as_json
def status(*, as_json: bool) -> None:
    """Show every migration, and whether it is applied."""
    found = on_database(migrations.status)
    if as_json:
        show_json([_described(migration) for migration in found])
        return

    def state(migration: Migration) -> str:
        return "applied" if migration.applied else "pending"

    show_list(
        found,
        ("State", "Migration"),
        lambda migration: (state(migration), migration.name),
        lambda migration: f"{state(migration):<11} {migration.name}",
    )


@migrate.command()
@as_json
def history(*, as_json: bool) -> None:
    """Show the migrations that are applied, oldest first."""
    found = on_database(migrations.history)
    if as_json:
        show_json([_described(migration) for migration in found])
        return
    show_list(found, ("Migration",), lambda migration: (migration.name,), lambda migration: migration.name)


@migrate.command()
@as_json
def dry_run(*, as_json: bool) -> None:
    """Apply every pending migration for real, then roll all of it back.

    Shows whether they would work on this database and its rows. Tables are locked meanwhile, as in a real run.
    """
    trials = on_database(migrations.dry_run)
    if as_json:
        show_json(trials)
        return

    def line(trial: Trial) -> str:
        return f"works       {trial.name}" if trial.tried else f"not tried   {trial.name}: it runs outside a transaction"

    show_list(trials, ("Outcome", "Migration"), lambda trial: ("works" if trial.tried else "not tried", trial.name), line)
    click.echo("Everything was rolled back." if trials else "Nothing is pending.")


@migrate.command()
def sql() -> None:
    """Print what `up` would run, and run nothing.

    To be read: what is run by hand is not written down as applied.
    """
    scripts = on_database(migrations.pending_scripts)
    for script in scripts:
        how = "in a transaction" if script.in_transaction else "outside of a transaction"
        click.echo(f"-- {script.name}, {how}\n\n{script.text.strip()}\n")
    if not scripts:
        click.echo("-- Nothing is pending: the schema is up to date.")


def _described(migration: Migration) -> dict[str, Any]:
    """A migration as JSON; where its file lies is nobody's business."""
    return {"version": migration.version, "name": migration.name, "applied": migration.applied}

"""`holdfast distribute`: every user with what is theirs on one of the workers of a Citus cluster."""

import rich_click as click

from app.distribution import rules
from app.distribution.repository import PlacedTable
from app.server.running import with_database
from app.server.showing import as_json, show_json, show_list


@click.command()
@click.option("--dry-run", is_flag=True, help="Show where each table belongs, and change nothing.")
@click.option("--undo", is_flag=True, help="Bring everything back to the coordinator.")
@as_json
def distribute(*, dry_run: bool, undo: bool, as_json: bool) -> None:
    """Spread the users over the workers of a Citus cluster.

    DATABASE_URL names the coordinator. All rows are moved in one transaction, which locks the tables: stop `serve` before.
    """
    if dry_run and undo:
        raise click.UsageError("--dry-run shows what is done without --undo.")
    if dry_run:
        tables = with_database(rules.plan)
    elif undo:
        tables = with_database(rules.undistribute)
    else:
        tables = with_database(rules.distribute)
    if as_json:
        show_json(tables)
        return

    def cells(table: PlacedTable) -> tuple[str, ...]:
        return table.placement, table.name, f"{table.bytes:,}"

    show_list(
        tables,
        ("Place", "Table", "Bytes"),
        cells,
        lambda table: f"{table.placement:<11} {table.name:<20} {table.bytes:>15,}",
    )
    if dry_run:
        moved = [table for table in tables if not table.is_placed]
        click.echo(f"{len(moved)} tables would be moved, {sum(table.bytes for table in moved):,} bytes. Nothing was changed.")
    elif not tables:
        click.echo("Nothing was distributed." if undo else "Everything is where it belongs.")

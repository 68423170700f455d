"""`holdfast roles`: a role for the server that can read and write rows, and nothing else."""

import re

import rich_click as click

from app.database import package_files

OWNER, APP, DATABASE = "holdfast", "holdfast_app", "holdfast"
"""As ops/role.sql calls the first and the last."""

LONGEST = 63
"""Bytes of a name. PostgreSQL cuts longer ones off."""


@click.group()
def roles() -> None:
    """See to it that the server can read and write rows, and nothing else."""


@roles.command()
@click.option("--owner", default=OWNER, show_default=True, help="The role that owns the database, and migrates.")
@click.option("--app", default=APP, show_default=True, help="The role that the server connects as.")
@click.option("--database", default=DATABASE, show_default=True, help="The name of the database.")
def sql(owner: str, app: str, database: str) -> None:
    """Print what makes the server's role and gives it its rights, and run nothing.

    It is for psql, as a superuser, and can be run again. The password of the role is taken from HOLDFAST_APP_PASSWORD when it
    is run.
    """
    if owner == app:
        raise click.UsageError("--owner and --app have to be two roles: an owner may do everything.")
    for name in (owner, app, database):
        if not 0 < len(name.encode()) <= LONGEST or not name.isprintable():
            raise click.UsageError(f"A name has 1 to {LONGEST} bytes, all of which can be seen.")
    click.echo(script(owner, app, database), nl=False)


def script(owner: str, app: str, database: str) -> str:
    """What psql has to run so that the role `app` can read and write the rows that are the role `owner`'s, and nothing else."""
    names = {"owner": owner, "app": app, "database": database}
    settings = "".join(f"\\set {variable} {_quoted(name)}\n" for variable, name in names.items())
    return settings + (package_files.folder("sql") / "roles.sql").read_text(encoding="utf-8")


def _quoted(name: str) -> str:
    """A word as psql's own commands take it."""
    return "'" + re.sub(r"([\\'])", r"\\\1", name) + "'"

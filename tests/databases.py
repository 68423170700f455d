"""Databases of a server: the URL of another one, for another role, and statements about one."""

from urllib.parse import urlsplit, urlunsplit

import asyncpg

APP_PASSWORD = "app"
"""Of the role that the app connects as; the embedded server asks for none."""


def in_database(url: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def as_app(url: str, template: str) -> str:
    """The URL of a clone of the template, for the role of the app."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{urlsplit(template).path[1:]}_app:{APP_PASSWORD}@{host}"))


async def execute_about(url: str, *statements: str) -> None:
    """Run statements about the database that `url` names, from another database of the server."""
    name = urlsplit(url).path.strip("/")
    for other in ("postgres", "holdfast"):
        try:
            connection = await asyncpg.connect(in_database(url, other))
            break
        except asyncpg.InvalidCatalogNameError:
            continue
    try:
        for statement in statements:
            await connection.execute(statement.format(name=name))
    finally:
        await connection.close()

"""Typed calls of sql/queries/health.sql."""

from app.database.queries import Executor, load

queries = load("health")


async def newest_migration(database: Executor) -> str | None:
    """The version of the newest applied migration; None when none is."""
    version: str | None = await queries.newest_migration(database)
    return version

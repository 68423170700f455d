"""Typed calls of sql/queries/health.sql."""

from app.database.queries import Executor, load

queries = load("health")


async def newest_migration(database: Executor) -> str | None:
    """The version of the newest applied migration; None when none is."""
    return await queries.newest_migration.value(database, str)

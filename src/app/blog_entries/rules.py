"""The rule of blog entries that spans statements."""

from uuid import UUID

from app.blog_entries import repository
from app.blog_entries.schemas import BlogEntry, BlogEntryCreate
from app.database.executor import Database, Transaction
from app.http import idempotency


async def create(database: Database, user_id: UUID, new: BlogEntryCreate) -> tuple[BlogEntry, bool]:
    """Make an entry, or find the one that the same create made before; returns it, and whether it was there before.

    Equal titles at the same time get different slugs: one create after the other looks which is free. Raises Problem 422.
    """

    async def work(transaction: Transaction) -> tuple[BlogEntry, bool]:
        await repository.lock_slugs(transaction, user_id)
        return await idempotency.create_once(repository.create, repository.get, transaction, user_id, new)

    return await database.transaction(work)

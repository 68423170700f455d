"""What is left out when the database stumbles, so that what is vital goes on: all of it stands here.

Statements of sql/queries/ by their names, and work of several statements by a word. While the breaker is not closed, or PRESSED
requests wait for a connection, none of them begins: `Database.run` and `Database.check_pressure` see to it. Nor does one that
began, and could not be done, fail its request, where there is an answer without it (`if_possible`). Within a transaction, a
batch for one, everything is done: it has its connection.

What is not here is vital: it waits for a connection, and fails when there is none. So is the look-up of a token that no worker
has in its memory: without it nobody is known, and nothing of the below is reached.
"""

from collections.abc import Awaitable
from typing import Final, TypeVar

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.telemetry import metrics

T = TypeVar("T")

NOT_VITAL: Final = {
    "query_cache.get": "a miss: 404, as if nobody had asked before",
    "auth.touch_session": "last_seen_at and the end of the session stay; a later request moves them",
    "auth.touch_api_token": "last_used_at stays; a later request moves it",
    "blog_entries.add_views": "views are counted on in memory, and written with the next round",
    "storage_use.measure": "what a user stores is taken from the last measure and what they sent since",
    "search.hits": "503 `pool_exhausted`",
    "conversations.page_found": "503 `pool_exhausted`",
    "blog_entries.find": "503 `pool_exhausted`",
    "thumbnails": "none is made: 503 `pool_exhausted`; those that are there are read",
    "mail": "it waits in its table, and goes out with a later round",
    "maintenance": "its round is left out; the next one comes within a quarter of an hour",
}
"""What there is in its place."""

for _what in NOT_VITAL:
    # From 0 on, as failed queries are.
    metrics.left_out.labels(_what)


async def if_possible(work: Awaitable[T], otherwise: T) -> T:
    """Await what is not vital; `otherwise` where the database cannot do it."""
    try:
        return await work
    except (DatabaseUnavailable, QueryTimeout):
        return otherwise

"""How much a user may store in rows: known from the last measure and what was sent since, so that a request costs no query.

What users send is added up in the memory of each worker. When it passes a quarter of the room that is left, or the bound, their
rows are measured anew: so it does not matter that a row takes more than its JSON, that a patch takes nothing, and that
something was deleted. Maintenance writes the sums down, and measures daily whoever writes. docs/decisions/0032 says how far
beyond the bound that lets a user come.
"""

from time import monotonic
from typing import NamedTuple
from uuid import UUID

import msgspec
import structlog

from app.auth.token_cache import Caller
from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.queries import Executor, load, to_json
from app.problems import constraints
from app.problems.problem import Problem
from app.settings import Settings

constraints.declare(
    {
        "storage_use_pkey": ("conflict", "user_id", "is taken"),
        "storage_use_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "storage_use_stored_bytes_range": ("invalid", "stored_bytes", f"must be {constraints.NOT_NEGATIVE}"),
    }
)

log = structlog.get_logger()

queries = load("storage_use")

ROW_BYTES = 500
"""What a request is taken to store beside its body: its row's head, its keys, its times."""

MAX_ROWS = 1_000_000
"""Rows of one user that are looked at in one table: a second's work."""

REST = 100
"""A user is not measured again for so many times as long as measuring took: at most 1 % of the database's time is theirs."""

BATCH = 1000
"""Users whose sums one statement writes down."""


class Use(msgspec.Struct):
    """What a worker knows of what a user stores."""

    stored: int
    is_measured: bool
    sent: int = 0
    """Bytes since `stored` was measured or written down."""
    rests_until: float = 0.0
    measures: int = 0
    """How often `stored` was measured."""


class Counted(NamedTuple):
    """What was counted for a request before it was done."""

    use: Use
    measures: int
    sent: int

    def take_back(self) -> None:
        """Nothing was stored after all. A measure since then has done away with what was counted before it."""
        if self.use.measures == self.measures:
            self.use.sent -= self.sent


class SentBytes(msgspec.Struct, frozen=True):
    """What a user has sent."""

    user_id: UUID
    sent_bytes: int


class StorageQuota:
    """The bounds of users and guests, and what is known of those who wrote something since the last `settle`."""

    def __init__(self, settings: Settings) -> None:
        self._user_bytes = settings.user_max_bytes
        self._guest_bytes = settings.guest_max_bytes
        self._uses: dict[UUID, Use] = {}

    async def admit(self, database: Executor, caller: Caller, body_bytes: int) -> Counted:
        """Let a caller store something, or raise Problem 403; returns what was counted for it.

        A refusal means that the rows were measured just now, or so little ago that it would cost too much to do it again.
        """
        bound = self._guest_bytes if caller.is_guest else self._user_bytes
        use = self._uses.get(caller.user_id)
        if use is None:
            use = self._uses[caller.user_id] = Use(caller.stored_bytes, caller.is_measured)
        if use.sent * 4 >= bound - use.stored and monotonic() >= use.rests_until:
            await _measure(database, caller.user_id, use)
        if use.stored + use.sent >= bound:
            raise Problem("storage_quota_exceeded", extra={"stored_bytes": use.stored + use.sent, "max_bytes": bound})
        counted = Counted(use, use.measures, body_bytes + ROW_BYTES)
        use.sent += counted.sent
        return counted

    async def settle(self, database: Executor) -> int:
        """Measure those who wrote and were not measured for a day, write down what the others sent, and forget them all.

        Returns how many were measured. Raises as the database does.
        """
        uses, self._uses = self._uses, {}
        measured = 0
        for user_id, use in uses.items():
            if not use.is_measured:
                await _measure(database, user_id, use)
                measured += 1
        sums = [SentBytes(user_id, use.sent) for user_id, use in uses.items() if use.sent]
        for start in range(0, len(sums), BATCH):
            await add(database, sums[start : start + BATCH])
        return measured


async def _measure(database: Executor, user_id: UUID, use: Use) -> None:
    """Measure a user's rows. What they send meanwhile stays added up; when it takes too long, everything does."""
    sent, started = use.sent, monotonic()
    # Others of this user that come meanwhile go by what is known.
    use.rests_until = started + 60
    try:
        stored = await measure(database, user_id, use.stored + sent, MAX_ROWS)
    except (DatabaseUnavailable, QueryTimeout) as error:
        log.warning("not_measured", user_id=str(user_id), error=type(error).__name__)
    else:
        use.stored, use.is_measured = stored or 0, True
        use.sent -= sent
        use.measures += 1
    finally:
        use.rests_until = monotonic() + max(1.0, REST * (monotonic() - started))


async def measure(database: Executor, user_id: UUID, known_bytes: int, max_rows: int) -> int | None:
    """Measure and write down the bytes of a user's rows; None: there is no such user.

    Where a table has more than `max_rows` rows of the user, `known_bytes` stand if they are more than what was found.
    """
    return await queries.measure.value(database, int, user_id=user_id, known_bytes=known_bytes, max_rows=max_rows)


async def add(database: Executor, uses: list[SentBytes]) -> int:
    """Add what users have sent to what is known of them. Users who were never measured are left out."""
    return await queries.add.count(database, uses=to_json(uses))

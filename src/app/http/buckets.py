"""How many requests signed-in callers may send: a token bucket for each user, in the memory of a worker.

A bucket is one number: the time at which it will be full again. That is the virtual scheduling form of the generic cell rate
algorithm (GCRA; ITU-T Recommendation I.371, annex A), where it is called the theoretical arrival time: a request is due one
interval after the one before, and may come early by as many intervals as the bucket holds.
"""

from time import monotonic_ns

from app.auth.token_cache import Caller
from app.problems.problem import Problem
from app.settings import Settings

WINDOW = 60
"""Seconds in which an empty bucket is filled."""

SIZE = 10_000
"""Buckets that are kept before those that are full again are dropped: without requests of its user a bucket is full."""

_SECOND = 10**9

Headers = tuple[tuple[bytes, bytes], ...]


class Buckets:
    """The buckets of all users of a kind; `name` is what the headers call the policy, `quota` what a full bucket holds."""

    def __init__(self, name: str, quota: int) -> None:
        # Whole nanoseconds: sums of floats would miscount.
        self._interval = WINDOW * _SECOND // quota
        self._capacity = quota * self._interval
        self._full_at: dict[int, int] = {}
        self._most = SIZE
        self._policy = (b"ratelimit-policy", b'"%b";q=%d;w=%d' % (name.encode(), quota, WINDOW))
        self._limit = b'"%b";' % name.encode() + b"r=%d;t=%d"

    def __len__(self) -> int:
        """How many buckets it keeps."""
        return len(self._full_at)

    def take(self, user: int) -> Headers:
        """Take one request out of a user's bucket; returns the headers that say what is left.

        Raises Problem 429 when the bucket is empty; what is refused costs nothing.
        """
        now = monotonic_ns()
        full_at = self._full_at.get(user)
        if full_at is None:
            if len(self._full_at) >= self._most:
                self._drop_full(now)
            full_at = now
        elif full_at < now:
            full_at = now
        full_at += self._interval
        left = self._capacity - (full_at - now)
        if left < 0:
            raise self._refusal(-left)
        self._full_at[user] = full_at
        whole, part = divmod(left, self._interval)
        # t: when there is one more. Not when the bucket is full: a client that waits for t would wait a minute in vain.
        return self._policy, (b"ratelimit", self._limit % (whole, _seconds(self._interval - part)))

    def _refusal(self, wait: int) -> Problem:
        retry_after = _seconds(wait)
        headers = (self._policy, (b"ratelimit", self._limit % (0, retry_after)), (b"retry-after", b"%d" % retry_after))
        return Problem("rate_limited", headers=headers)

    def _drop_full(self, now: int) -> None:
        self._full_at = {user: full_at for user, full_at in self._full_at.items() if full_at > now}
        # Where most are in use, the next look comes after as many more.
        self._most = max(SIZE, 2 * len(self._full_at))


def _seconds(nanoseconds: int) -> int:
    """Rounded up: whoever waits so long does not come too early."""
    return -(-nanoseconds // _SECOND)


class RequestLimits:
    """The buckets of a worker."""

    def __init__(self, settings: Settings) -> None:
        self._users = Buckets("user", settings.user_requests_per_minute)
        self._guests = Buckets("guest", settings.guest_requests_per_minute)

    def take(self, caller: Caller) -> Headers:
        """Count a request of a caller; returns the headers that say what is left. Raises Problem 429.

        A service has no bucket of its own: docs/decisions/0032.
        """
        if caller.role == "service":
            return ()
        return (self._guests if caller.is_guest else self._users).take(caller.user_id.int)

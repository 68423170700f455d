"""The bucket of a user against what it stands for: tokens that are counted, and come back one by one."""

from fractions import Fraction
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from app.http.buckets import WINDOW, Buckets
from app.problems.problem import Problem

SECOND = 10**9


class Tokens:
    """A bucket as it is taught: so many tokens at most, one more after each interval, one taken by each request."""

    def __init__(self, quota: int) -> None:
        self.quota = quota
        self.per_nanosecond = Fraction(1, WINDOW * SECOND // quota)
        self.tokens, self.seen = Fraction(quota), 0

    def take(self, now: int) -> int | None:
        """How many whole ones are left after a request; None: it is refused."""
        self.tokens = min(Fraction(self.quota), self.tokens + (now - self.seen) * self.per_nanosecond)
        self.seen = now
        if self.tokens < 1:
            return None
        self.tokens -= 1
        return int(self.tokens)

    def next_one(self) -> int:
        """Seconds until there is one more whole one, rounded up."""
        missing = int(self.tokens) + 1 - self.tokens
        return -int(-missing / self.per_nanosecond // SECOND)


pauses = st.one_of(
    st.just(0),
    st.integers(0, 1000),
    st.integers(0, 2 * WINDOW * SECOND),
    st.sampled_from([SECOND // 20, SECOND // 20 - 1, SECOND // 20 + 1, SECOND // 2, WINDOW * SECOND]),
)


@given(
    quota=st.sampled_from([1, 2, 3, 7, 120, 1200, 1_000_000]) | st.integers(1, 50),
    start=st.integers(0, 10**15),
    requests=st.lists(st.tuples(pauses, st.integers(0, 2)), max_size=200),
)
def test_a_bucket_lets_through_what_counted_tokens_would_and_says_how_many_are_left(
    quota: int, start: int, requests: list[tuple[int, int]]
) -> None:
    buckets, models, now = Buckets("user", quota), [Tokens(quota) for _ in range(3)], start
    for pause, user in requests:
        now += pause
        expected = models[user].take(now)
        with mock.patch("app.http.buckets.monotonic_ns", lambda now=now: now):
            try:
                headers = dict(buckets.take(user))
            except Problem as problem:
                headers = dict(problem.headers)
                assert expected is None
                assert headers[b"retry-after"] == b"%d" % models[user].next_one()
            else:
                assert expected is not None
        assert headers[b"ratelimit"] == b'"user";r=%d;t=%d' % (expected or 0, models[user].next_one())

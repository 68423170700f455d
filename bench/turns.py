"""Several loads in turn, round by round, so that what happens to the machine happens to all of them; and how two compare."""

import sys
import time
from collections.abc import Hashable, Sequence
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any, Generic, NamedTuple, TypeVar

from bench import load
from bench.load import Measured
from bench.servers import Server

Key = TypeVar("Key", bound=Hashable)

BEGUN = time.monotonic()


class Case(NamedTuple, Generic[Key]):
    """One load on one server, and what its figures are called."""

    key: Key
    server: Server
    scenario: str
    for_load: Path
    connections: int
    seconds: int = 1


class Ratio(NamedTuple):
    """Ours against theirs; above 1 ours is ahead."""

    cpu: float
    """CPU time of the server per request: theirs divided by ours."""
    total: float
    """The same with that of PostgreSQL."""
    rps: float
    """Requests per second: ours divided by theirs."""


def say(text: str) -> None:
    """Tell whoever waits how far the run is."""
    minutes, seconds = divmod(int(time.monotonic() - BEGUN), 60)
    print(f"{minutes}:{seconds:02} {text}", file=sys.stderr, flush=True)  # noqa: T201 - progress


def measure(
    name: str, groups: Sequence[Sequence[Case[Key]]], postgres: Sequence[int], *, rounds: int, warm_up: int = 1
) -> dict[Key, list[Measured]]:
    """Put each load on its server once per round; what is compared stands in one group. `postgres` are its process ids.

    Before the rounds each server gets each kind of request for `warm_up` seconds: connections are made, statements prepared,
    and Node compiles what is called often.
    """
    say(f"{name}: warm-up")
    # Of several numbers of connections the last, which is the largest.
    warmed = {(case.server, case.scenario, case.for_load): case for case in chain.from_iterable(groups)}
    for case in warmed.values():
        _put(case._replace(seconds=warm_up), postgres)
    measured: dict[Key, list[Measured]] = {case.key: [] for case in chain.from_iterable(groups)}
    for number in range(rounds):
        say(f"{name}: round {number + 1} of {rounds}")
        for group in groups:
            # Whoever comes first finds another machine than whoever comes last: so the order changes.
            first = number % len(group)
            for case in (*group[first:], *group[:first]):
                measured[case.key].append(_put(case, postgres))
    return measured


def _put(case: Case[Any], postgres: Sequence[int]) -> Measured:
    return load.put(case.server, postgres, case.scenario, case.for_load, connections=case.connections, seconds=case.seconds)


def medians(rounds: list[Measured]) -> dict[str, float]:
    """The median of each figure, by its name."""
    return Measured(*(median(values) for values in zip(*rounds, strict=True)))._asdict()


def ratio(ours: list[Measured], theirs: list[Measured]) -> dict[str, float]:
    """The medians of the rounds' ratios, by the names of `Ratio`: what the machine did in a round, it did to both."""
    pairs = list(zip(ours, theirs, strict=True))
    return Ratio(
        cpu=median(their.cpu_us / our.cpu_us for our, their in pairs),
        total=median(their.total_us / our.total_us for our, their in pairs),
        rps=median(our.rps / their.rps for our, their in pairs),
    )._asdict()

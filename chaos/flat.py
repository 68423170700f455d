"""Whether what was measured over time stays as it is."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median
from typing import NamedTuple

EXTRAPOLATED = 1800.0
"""Seconds for which the slope is taken to go on: half an hour."""

TREND = 0.3
"""Kendall's tau from which on a series rises: below, its ups and downs are as many."""


class Judged(NamedTuple):
    """`level`: the median of the second half; `growth`: what the slope adds to it in half an hour, as a part of it."""

    level: float
    growth: float
    tau: float
    is_flat: bool


def judge(times: Sequence[float], values: Sequence[float], most: float) -> Judged:
    """Judge the second half of a series by its Theil-Sen slope, the median of the slopes between all pairs of points.

    It is not flat when that slope would add more than `most` of the level in half an hour, and the series does rise. What
    falls is flat: memory that is given back is no leak.
    """
    points = [*zip(times, values, strict=True)][len(times) // 2 :]
    pairs = [(y2 - y1, x2 - x1) for (x1, y1), (x2, y2) in combinations(points, 2) if x2 > x1]
    if not pairs:
        raise ValueError("two points at two times are needed at least")
    slope = median(rise / run for rise, run in pairs)
    level = median(y for _, y in points)
    tau = sum((rise > 0) - (rise < 0) for rise, _ in pairs) / len(pairs)
    growth = slope * EXTRAPOLATED / level if level else 0.0
    return Judged(level, growth, tau, growth <= most or tau < TREND)

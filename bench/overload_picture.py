"""The curve of overload as a picture: what was answered and refused above, how long it took below."""

from collections.abc import Callable, Sequence
from math import log10
from typing import Any

WIDTH, HEIGHT, LEFT, RIGHT, PANEL = 760, 560, 80, 30, 210
TOPS = (50, 310)
GOOD, REFUSED, P50, P99 = "#2f81f7", "#d2772f", "#3f9a52", "#a371f7"
TITLE = "Requests beyond capacity: answered and refused per second, and how long an answer took"


def svg(results: dict[str, Any]) -> str:
    """Two panels over what was offered. One grey for all text: it stands on white and on black."""
    steps, capacity = results["steps"], results["capacity"]
    across = _scale(0, max(step["times"] for step in steps), LEFT, WIDTH - RIGHT)
    most = max(step["offered"] for step in steps)
    rate = _scale(0, most, TOPS[0] + PANEL, TOPS[0])
    slowest = max(step["p99_ms"] for step in steps)
    time = _scale(0, max(1.0, log10(slowest)), TOPS[1] + PANEL, TOPS[1])

    def line(colour: str, label: str, y: Callable[[dict[str, Any]], float], *, at: int = -1) -> list[str]:
        points = [(across(step["times"]), y(step)) for step in steps]
        x, top = points[at]
        return [
            _path(points, colour),
            f'<text x="{x - 6:.0f}" y="{top - 8:.0f}" text-anchor="end" fill="{colour}">{label}</text>',
        ]

    shapes = [
        *(_mark(across(times), f"{times:g} x") for times in (0.5, 1, 1.5, 2, 3, 4)),
        *(_across(rate(value), f"{value:,.0f}/s") for value in (0, capacity, 2 * capacity, most)),
        *(_across(time(log10(value)), f"{value:,} ms") for value in (1, 10, 100, 1000) if value <= slowest * 2),
        *line(GOOD, "answered", lambda step: rate(step["good"])),
        *line(REFUSED, "refused", lambda step: rate(step["statuses"].get("503", 0) / step["seconds"])),
        *line(P50, "p50", lambda step: time(log10(max(1.0, step["p50_ms"])))),
        *line(P99, "p99", lambda step: time(log10(max(1.0, step["p99_ms"])))),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{TITLE}">\n'
        "<style>text { font: 12px system-ui, sans-serif } .grey { fill: #7d8590 } "
        ".title { font-size: 14px; font-weight: 600; fill: #7d8590 }</style>\n"
        f'<text x="12" y="24" class="title">{TITLE}</text>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    return lambda value: start + (value - low) / (high - low) * (end - start)


def _path(points: Sequence[tuple[float, float]], colour: str) -> str:
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _mark(x: float, label: str) -> str:
    return f'<text x="{x:.0f}" y="{TOPS[1] + PANEL + 22}" text-anchor="middle" class="grey">{label}</text>'


def _across(y: float, label: str) -> str:
    return (
        f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#7d8590" stroke-opacity="0.3"/>'
        f'<text x="{LEFT - 8}" y="{y + 4:.0f}" text-anchor="end" class="grey">{label}</text>'
    )

"""What was measured over time as a picture: one small plot for each figure, below each other."""

from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT, LEFT, TOP, GAP = 760, 90, 90, 44, 44
COLOUR = "#2f81f7"


def svg(title: str, times: Sequence[float], series: Mapping[str, Sequence[float]], marks: Mapping[str, float]) -> str:
    """`times` in seconds; `series` by what is written above each; `marks` are what happened, by name, and when."""
    shapes, y = [f'<text x="12" y="22" class="title">{escape(title)}</text>'], TOP
    for name, values in series.items():
        shapes += _panel(name, times, values, marks, y)
        y += HEIGHT + GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img" '
        f'aria-label="{escape(title)}">\n'
        "<style>text { font: 13px system-ui, sans-serif; fill: #7d8590 } .small { font-size: 11px } "
        ".title { font-size: 14px; font-weight: 600 }</style>\n" + "\n".join(shapes) + "\n</svg>\n"
    )


def _panel(name: str, times: Sequence[float], values: Sequence[float], marks: Mapping[str, float], y: int) -> list[str]:
    most, end = max(values, default=1.0) * 1.1 or 1.0, max(times, default=1.0) or 1.0
    across, foot = (WIDTH - LEFT - 20) / end, y + HEIGHT
    line = " ".join(
        f"{LEFT + at * across:.1f},{foot - value / most * (HEIGHT - 18):.1f}" for at, value in zip(times, values, strict=True)
    )
    shapes = [
        f'<text x="{LEFT}" y="{y + 8}">{escape(name)}</text>',
        f'<text x="{LEFT - 8}" y="{foot}" text-anchor="end" class="small">0</text>',
        f'<text x="{LEFT - 8}" y="{y + 24}" text-anchor="end" class="small">{most:,.3g}</text>',
        f'<line x1="{LEFT}" y1="{foot}" x2="{WIDTH - 20}" y2="{foot}" stroke="#7d8590" stroke-width="0.5"/>',
        f'<polyline points="{line}" fill="none" stroke="{COLOUR}" stroke-width="1.5"/>',
    ]
    for word, at in marks.items():
        x = LEFT + at * across
        shapes.append(f'<line x1="{x:.1f}" y1="{y + 14}" x2="{x:.1f}" y2="{foot}" stroke="#d2772f" stroke-dasharray="2 3"/>')
        shapes.append(f'<text x="{x + 3:.1f}" y="{foot + 13}" class="small">{escape(word)}</text>')
    return shapes

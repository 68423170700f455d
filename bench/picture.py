"""The results as a picture: bars of CPU time per request."""

from html import escape
from typing import Any

from bench.tables import REQUESTS, SERVERS

CONNECTIONS = 16
COLOURS = {"holdfast": "#2f81f7", "without": "#7fb0f5", "node": "#3f9a52", "peer": "#d2772f"}
LEFT, WIDTH, LABEL, BAR, GAP = 130, 760, 290, 18, 22
TITLE = f"CPU time of server and database per request at {CONNECTIONS} connections, microseconds (shorter is better)"


def svg(results: dict[str, Any]) -> str:
    """Bars in two parts, the server's and, paler, the database's. One grey for all text: it stands on white and on black."""
    rows = [row for row in results["requests"] if row["connections"] == CONNECTIONS and row["server"] in COLOURS]
    groups = {
        request: [row for server in COLOURS for row in rows if (row["request"], row["server"]) == (request, server)]
        for request in REQUESTS
        if request != "login"
    }
    scale = (WIDTH - LEFT - LABEL) / max((row["total_us"] for each in groups.values() for row in each), default=1.0)
    shapes, y = [], 44
    for request, measured in groups.items():
        if not measured:
            continue
        middle = y + len(measured) * BAR / 2 + 4
        shapes.append(f'<text x="{LEFT - 12}" y="{middle:.0f}" text-anchor="end">{escape(REQUESTS[request])}</text>')
        for row in measured:
            shapes += _bar(row, y, scale)
            y += BAR
        y += GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}" role="img" '
        f'aria-label="{TITLE}">\n'
        "<style>text { font: 13px system-ui, sans-serif; fill: #7d8590 } .small { font-size: 11px } "
        ".title { font-size: 14px; font-weight: 600 }</style>\n"
        f'<text x="12" y="22" class="title">{TITLE}</text>\n' + "\n".join(shapes) + "\n</svg>\n"
    )


def _bar(row: dict[str, Any], y: int, scale: float) -> list[str]:
    colour, server, database = COLOURS[row["server"]], row["cpu_us"] * scale, row["postgres_us"] * scale
    label = f"{row['cpu_us']:,.0f} + {row['postgres_us']:,.0f} us   {SERVERS[row['server']]}"
    end = LEFT + server + database
    return [
        f'<rect x="{LEFT}" y="{y}" width="{server:.1f}" height="{BAR - 4}" fill="{colour}"/>',
        f'<rect x="{LEFT + server:.1f}" y="{y}" width="{database:.1f}" height="{BAR - 4}" fill="{colour}" opacity="0.5"/>',
        f'<text x="{end + 8:.1f}" y="{y + 11}" class="small">{escape(label)}</text>',
    ]

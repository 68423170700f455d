"""The figures of `just bench-growth`, as tables."""

from collections.abc import Iterable
from typing import Any

from bench.tables import Table

Row = dict[str, Any]


def markdown(results: Row) -> str:
    """All of them; what was not measured is left out."""
    tables = [
        _alone(results["alone"]),
        _requests(results["requests"]),
        _once(results.get("once", [])),
        *_tables(results["sizes"]),
    ]
    parts = [
        "# Growth\n",
        f"Made on {results['date']}, PostgreSQL {results['postgres']['server_version']}.\n",
        _sizes(results["sizes"]),
    ]
    return "\n".join([*parts, *(table.markdown() for table in tables if table.rows)])


def _sizes(sizes: Iterable[Row]) -> str:
    return "\n".join(
        f"- {size['name']}: {size['users']:,} users of {size['thousands'] * 1000:,} rows each, {size['rows']:,} rows"
        for size in sizes
    ) + "\n"  # fmt: skip


def _alone(alone: Iterable[Row]) -> Table:
    return Table(
        "One at a time: the least disturbed quarter of the batches",
        ("request", "size", "CPU us", "ms", "CPU, times the first", "ms, times the first"),
        [
            (
                each["name"],
                each["size"],
                f"{each['cpu_us']:,.0f}",
                f"{each['ms']:.2f}",
                f"{each['cpu_ratio']:.2f}",
                f"{each['ms_ratio']:.2f}",
            )
            for each in alone
        ],
    )


def _requests(requests: Iterable[Row]) -> Table:
    head = (
        "request",
        "connections",
        "size",
        "CPU us",
        "of it PostgreSQL",
        "p50 ms",
        "p99 ms",
        "CPU, times the first",
        "p50, times the first",
    )
    return Table(
        "Requests under load",
        head,
        [
            (
                each["name"],
                str(each["connections"]),
                each["size"],
                *(f"{each[key]:,.0f}" for key in ("total_us", "postgres_us")),
                *(f"{each[key]:.1f}" for key in ("p50_ms", "p99_ms")),
                f"{each['ratio']['total_us']:.2f}",
                f"{each['ratio']['p50_ms']:.2f}",
            )
            for each in requests
        ],
    )


def _once(once: Iterable[Row]) -> Table:
    names = {
        "export_seconds": "export, s",
        "export_bytes": "its MB",
        "maintain_idle_seconds": "maintain, nothing to do, s",
        "maintain_10000_seconds": "maintain, 10,000 sessions, s",
        "delete_user_seconds": "end of an account, s",
    }
    return Table(
        "Done once",
        ("size", *names.values()),
        [(each["size"], *(f"{each[name] / (1e6 if name == 'export_bytes' else 1):.2f}" for name in names)) for each in once],
    )


def _tables(sizes: Iterable[Row]) -> Iterable[Table]:
    for size in sizes:
        rows = sorted(size.get("tables", []), key=lambda each: -each["row_bytes"] - each["index_bytes"])
        yield Table(
            f"Bytes: {size['name']}",
            ("table", "rows", "MB of rows", "MB of indexes", "bytes a row", "with indexes"),
            [
                (
                    each["table"],
                    f"{each['rows']:,}",
                    f"{each['row_bytes'] / 1e6:,.1f}",
                    f"{each['index_bytes'] / 1e6:,.1f}",
                    f"{each['row_bytes'] / each['rows']:,.0f}",
                    f"{(each['row_bytes'] + each['index_bytes']) / each['rows']:,.0f}",
                )
                for each in rows
            ],
        )

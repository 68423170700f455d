"""`just bench-growth`: what ten million rows change, with many users and with large ones. See bench/README.md."""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import asyncpg
import msgspec

from app.database import cluster, embedded, migrations
from app.database.executor import on_connection
from app.maintenance.repository import table_sizes
from bench import data, growth_alone, growth_asks, growth_fill, growth_report, load, machine, report, servers, turns
from bench.growth_fill import SignedIn, Size
from bench.load import Measured
from bench.servers import BenchError, Server
from bench.turns import Case, say

SIZES = (Size("growth_small", 100, 1), Size("growth_many", 10_000, 1), Size("growth_large", 100, 100))
"""A hundred thousand rows, and ten million: of many users like those of the first, and of a hundred times larger ones."""

OPTIONS = {"shared_buffers": "2GB", "max_wal_size": "4GB", "maintenance_work_mem": "512MB"}
"""A server for ten million rows gets its memory, as docs/scaling.md says; the embedded one is set for a small machine."""


def main() -> int:
    options = _options()
    try:
        load.wrk()
        with _folder(options.folder) as folder:
            results = _on_our_own(folder, options) if options.url is None else _elsewhere(folder, options)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201 - the command's own words
        return 1
    if options.fill:
        return 0
    text = growth_report.markdown(results)
    print(text)  # noqa: T201
    if options.keep:
        name = "growth" if options.url is None else "growth-cluster"
        (report.RESULTS / f"{name}.json").write_text(
            msgspec.json.format(msgspec.json.encode(results), indent=1).decode() + "\n", encoding="utf-8"
        )
        (report.RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench-growth", description=__doc__.partition(":")[2])
    parser.add_argument("--folder", type=Path, help="where the databases are kept, 30 GB; without it they go at the end")
    parser.add_argument(
        "--url", help="another server, or a Citus coordinator, where you made and migrated a database for each size"
    )
    parser.add_argument(
        "--processes",
        type=_pids,
        default=[],
        help="of --url, if its servers run here: the pid of each, by commas, for their CPU time",
    )
    parser.add_argument("--fill", action="store_true", help="fill them, and measure nothing")
    parser.add_argument("--sizes", default="", help=f"only these, by commas: {', '.join(size.name for size in SIZES)}")
    parser.add_argument("--only", action="append", help="only what is called so, such as 'one task'; may be given again")
    parser.add_argument(
        "--once", action="store_true", help="measure what takes long, too: export, maintenance, the end of accounts"
    )
    parser.add_argument("--divide", type=int, default=1, help="fewer users or rows of each, by so many times, to try it")
    parser.add_argument("--rounds", type=int, default=5, help="how often each request is measured at each size")
    parser.add_argument("--batches", type=int, default=16, help="how often 40 of them one at a time")
    parser.add_argument("--keep", action="store_true", help="write bench/results/growth.json and growth.md, or growth-cluster")
    options = parser.parse_args()
    wanted = options.sizes.split(",") if options.sizes else [size.name for size in SIZES]
    options.sizes = [_divided(size, options.divide) for size in SIZES if size.name in wanted]
    return options


def _pids(words: str) -> list[int]:
    return [int(word) for word in words.split(",")]


def _divided(size: Size, by: int) -> Size:
    return size._replace(users=max(100, size.users // by), thousands=max(1, size.thousands // by))


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    with ExitStack() as ending:
        folder = kept or Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="holdfast-bench-")))
        folder.mkdir(exist_ok=True)
        # Root's PostgreSQL runs as another user, who must get through.
        folder.chmod(0o711)
        yield folder


def _on_our_own(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Fill and measure on a PostgreSQL of ours; what a folder already has is measured as it is."""
    postgres = embedded.start(folder / "data", max_connections=300, extras=embedded.Extras(options=OPTIONS))
    try:
        asyncio.run(migrations.up(postgres.url))
        for size in options.sizes:
            if asyncio.run(_make_database(postgres.url, size.name)):
                url = data.in_database(postgres.url, size.name)
                asyncio.run(growth_fill.fill(url, size, without_triggers=True))
        if options.fill:
            return {}
        _read_all(folder / "data" / cluster.FOLDER / "base")
        return _measure(postgres.url, [postgres.pid], folder, options)
    finally:
        postgres.stop()


def _read_all(folder: Path) -> None:
    """Have every file in the system's cache: what is measured is a server whose memory holds what is in use."""
    say("reading every file")
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass


def _elsewhere(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The same on a server that is there. An empty database is filled."""
    for size in options.sizes:
        url = data.in_database(options.url, size.name)
        if asyncio.run(growth_fill.is_empty(url)):
            asyncio.run(growth_fill.fill(url, size, without_triggers=False))
    return {} if options.fill else _measure(options.url, options.processes, folder, options)


async def _make_database(url: str, name: str) -> bool:
    """Whether it was not there yet."""
    connection = await asyncpg.connect(data.in_database(url, "postgres"))
    try:
        await connection.execute(f"create database {name} template holdfast")
    except asyncpg.DuplicateDatabaseError:
        return False
    finally:
        await connection.close()
    return True


def _measure(url: str, postgres: Sequence[int], folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Measure every size in turn. `postgres` are its processes, whose CPU time counts; none when it runs elsewhere."""
    with ExitStack() as running:
        urls = {size: data.in_database(url, size.name) for size in options.sizes}
        signed_in = {size: asyncio.run(growth_fill.sign_in(each)) for size, each in urls.items()}
        started = {size: running.enter_context(servers.holdfast(each, folder, size.name)) for size, each in urls.items()}
        results = {
            **machine.describe_alone(folder),
            "postgres": asyncio.run(data.server_settings(url)) | {"max_rounds": str(options.rounds)},
            "sizes": [_described(size, each, has_sizes=options.url is None) for size, each in urls.items()],
            "alone": _alone(started, signed_in, postgres, options),
            "requests": _requests(started, signed_in, postgres, folder, options) if options.rounds else [],
        }
        if options.once:
            results["once"] = _once(started, signed_in, urls)
        return results


def _described(size: Size, url: str, *, has_sizes: bool) -> dict[str, Any]:
    return {"name": size.name, "users": size.users, "thousands": size.thousands, "rows": size.rows} | (
        {"tables": asyncio.run(_tables(url))} if has_sizes else {}
    )


async def _tables(url: str) -> list[dict[str, Any]]:
    sizes = await on_connection(url, table_sizes)
    connection = await asyncpg.connect(url)
    try:
        rows = {row["name"]: row["rows"] for row in await connection.fetch(data.sql("growth_rows"))}
    finally:
        await connection.close()
    return [
        {"table": each.name, "rows": rows[each.name], "row_bytes": each.rows, "index_bytes": each.indexes}
        for each in sizes
        if rows[each.name] > 0
    ]


def _alone(
    started: dict[Size, Server], signed_in: dict[Size, SignedIn], postgres: Sequence[int], options: argparse.Namespace
) -> list[dict[str, Any]]:
    asks = {size: growth_asks.under_load(each) for size, each in signed_in.items()}
    measured = []
    for name in _names(asks[next(iter(asks))], options):
        say(f"one at a time: {name}")
        asked = {size.name: (server, asks[size][name][1]) for size, server in started.items()}
        measured += growth_alone.measure(name, asked, postgres, batches=options.batches)
    return measured


def _names(asks: Iterable[str], options: argparse.Namespace) -> list[str]:
    return [name for name in asks if not options.only or name in options.only]


def _requests(
    started: dict[Size, Server],
    signed_in: dict[Size, SignedIn],
    postgres: Sequence[int],
    folder: Path,
    options: argparse.Namespace,
) -> list[dict[str, Any]]:
    asks = {size: growth_asks.under_load(each) for size, each in signed_in.items()}
    for size, server in started.items():
        growth_asks.check(server, asks[size])
    names = _names(asks[next(iter(asks))], options)
    groups = []
    for number, name in enumerate(names):
        group = []
        for size, server in started.items():
            connections, several = asks[size][name]
            for_load = folder / f"{size.name}-{number}.lua"
            for_load.write_text(growth_asks.for_load(several), encoding="utf-8")
            group.append(Case((name, size.name), server, "asks", for_load, connections))
        groups.append(group)
    # Every page that the load reads has been read before the first round.
    measured = turns.measure("growth", groups, postgres, rounds=options.rounds, warm_up=3)
    first = next(iter(started)).name
    return [
        {
            "name": name,
            "size": size,
            "connections": asks[next(iter(asks))][name][0],
            **turns.medians(several),
            "ratio": _ratio(measured[name, first], several),
        }
        for (name, size), several in measured.items()
    ]


def _ratio(small: list[Measured], several: list[Measured]) -> dict[str, float]:
    """How many times what the first size takes, the medians of the rounds' ratios: what the machine did, it did to both."""
    pairs = list(zip(small, several, strict=True))
    return {
        name: median(getattr(each, name) / getattr(first, name) for first, each in pairs) for name in ("total_us", "p50_ms")
    }


def _once(started: dict[Size, Server], signed_in: dict[Size, SignedIn], urls: dict[Size, str]) -> list[dict[str, Any]]:
    """What is done seldom, at each size in turn."""
    found = {size.name: {"size": size.name} for size in started}
    steps: dict[str, Callable[[Size], object]] = {
        "export_seconds": lambda size: growth_asks.exported(started[size], signed_in[size])[0],
        "export_bytes": lambda size: growth_asks.exported(started[size], signed_in[size])[1],
        "maintain_idle_seconds": lambda size: growth_asks.maintained(urls[size]),
        "expired": lambda size: asyncio.run(growth_fill.run(urls[size], "growth_expired")),
        "maintain_10000_seconds": lambda size: growth_asks.maintained(urls[size]),
        "delete_user_seconds": lambda size: growth_asks.deleted(started[size], signed_in[size]),
    }
    for name, step in steps.items():
        say(name)
        for size in started:
            value = step(size)
            if value is not None:
                found[size.name][name] = value  # type: ignore[assignment]
    return list(found.values())


if __name__ == "__main__":
    sys.exit(main())

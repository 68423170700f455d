"""`just bench`: Holdfast and its peers on the same database, in turn, in one run. See bench/README.md."""

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg

from app.database import embedded, migrations
from app.database.postgres_programs import EmbeddedError
from bench import compare, data, depth, figures, load, machine, report, servers, slices, starts, tables, workers
from bench.servers import BenchError
from bench.turns import say

CONNECTIONS = (1, 4, 16, 64)
MAX_CONNECTIONS = 300
"""Of PostgreSQL: all servers of a part are up at the same time, seven workers of either kind in one of them."""


def main() -> int:
    options = _options()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        results = _measure(options)
    except (BenchError, EmbeddedError) as error:
        print(f"bench: {error}", file=sys.stderr)  # noqa: T201 - the command's own words
        return 1
    except KeyboardInterrupt:
        print("bench: stopped, and so is everything it had started.", file=sys.stderr)  # noqa: T201
        return 130
    report.write(results, report.RESULTS, "quick" if options.quick or options.partly else "results")
    report.show(results)
    return 1 if options.check and figures.missed(results["figures"]) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="just bench", description="Measure Holdfast against its peers.")
    parser.add_argument("--quick", action="store_true", help="under four minutes: fewer rounds, no long lists, one worker")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless each figure is reached, or above its floor")
    parser.add_argument("--rounds", type=int, help="how often each request is measured on each server")
    parser.add_argument("--only", help=f"only these requests, by commas: {', '.join(tables.REQUESTS)}")
    options = parser.parse_args()
    options.partly = options.only is not None
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.only = options.only.split(",") if options.only else list(tables.REQUESTS)
    if unknown := set(options.only) - set(tables.REQUESTS):
        parser.error(f"no such request: {', '.join(sorted(unknown))}")
    return options


def _interrupt(number: int, _frame: object) -> None:
    # Once: a second one must not disturb the clearing up.
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _measure(options: argparse.Namespace) -> dict[str, Any]:
    load.wrk()
    if not servers.PEER_PYTHON.exists():
        raise BenchError("The peer's environment .venv-bench is missing: start this with `just bench`.")
    quick, rounds, tasks = options.quick, options.rounds, [request for request in options.only if request in compare.REQUESTS]
    with _folder() as folder, _database(folder) as postgres:
        results: dict[str, Any] = {
            **machine.describe(folder),
            "postgres": asyncio.run(data.server_settings(postgres.url)),
            "options": {"quick": quick, "only": options.only},
        }
        connections = figures.LOADED if quick else CONNECTIONS
        plan = compare.Plan(options.only, connections, rounds, asides=not quick)
        results |= compare.measure(plan, postgres, folder)
        if not quick:
            cache = results["comparison"]["session_cache_seconds"]
            results |= workers.measure(tasks, postgres, folder, session_cache=cache, rounds=min(rounds, 3))
        depths = depth.DEPTHS[:2] if quick else depth.DEPTHS
        results["depth"] = depth.measure(postgres, folder, depths=depths, rounds=1 if quick else rounds)
        results["slices"] = slices.measure(postgres, folder, quick=quick)
        say("starts")
        results["start"] = starts.measure(folder, 1 if quick else 3)
    results["figures"] = [figure._asdict() for figure in figures.of(results)]
    results["left_out"] = figures.left_out(results)
    return results


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="holdfast-bench-"))
    # Root's PostgreSQL runs as another user, who must get through.
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _database(folder: Path) -> Iterator[embedded.Server]:
    """The embedded PostgreSQL with the settings that it ships with, migrated, and an empty database for each part."""
    say("starting PostgreSQL, making the data")
    server = embedded.start(folder / "data", max_connections=MAX_CONNECTIONS)
    try:
        asyncio.run(migrations.up(server.url))
        asyncio.run(_make_databases(server.url))
        yield server
    finally:
        server.stop()


async def _make_databases(url: str) -> None:
    connection = await asyncpg.connect(data.in_database(url, "postgres"))
    try:
        for statement in data.sql("databases").split(";"):
            if statement.strip():
                await connection.execute(statement)
    finally:
        await connection.close()


if __name__ == "__main__":
    sys.exit(main())

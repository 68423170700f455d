"""What is measured of a database that has grown: requests under load, and what is done once and takes long."""

import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from statistics import median
from typing import Any, NamedTuple

from bench import data
from bench.data import User
from bench.growth_fill import SignedIn
from bench.servers import HOLDFAST, BenchError, Server


class Ask(NamedTuple):
    """One request that the load may choose."""

    user: User
    method: str
    path: str
    body: Any = None


def under_load(signed_in: SignedIn) -> dict[str, tuple[int, list[Ask]]]:
    """Name -> with how many connections, and the requests to choose from."""
    users = signed_in.users
    some = users[:20]
    return {
        "one task": (16, [Ask(user, "GET", f"/v1/tasks/{each}") for user in users for each in user.task_ids]),
        "a page of 50 tasks": (16, [Ask(user, "GET", "/v1/tasks") for user in users]),
        "a day of food": (16, [Ask(user, "GET", f"/v1/foods/days/2026-10-{day:02}") for user in users for day in (9, 20, 27)]),
        "habits of today": (4, [Ask(user, "GET", "/v1/habits/today") for user in users]),
        "conversations": (16, [Ask(user, "GET", "/v1/conversations") for user in users]),
        "create a task": (16, [Ask(user, "POST", "/v1/tasks", CREATED) for user in users]),
        "patch a task": (
            16,
            [
                Ask(user, "PATCH", f"/v1/tasks/{each}", {"priority": number % 6})
                for user in users
                for number, each in enumerate(user.task_ids)
            ],
        ),
        "search, a rare word": (4, [Ask(user, "GET", f"/v1/search?q={number}") for user in users for number in range(11, 21)]),
        "search, in one row of 100": (
            4,
            [Ask(user, "GET", f"/v1/search?q=balcony{number}") for user in users for number in range(11, 41)],
        ),
        "search, a common word": (4, [Ask(user, "GET", "/v1/search?q=plants") for user in users]),
        "habit stats": (
            4,
            [Ask(user, "GET", f"/v1/habits/{each}/stats") for user in users for each in _habits(signed_in, user)],
        ),
        "snapshot of a year": (4, [Ask(user, "PUT", "/v1/progress-snapshots/yearly/2026-01-01", {}) for user in some]),
    }


CREATED = {"title": "Water the plants on the balcony", "description": "The ficus, too."}


def _habits(signed_in: SignedIn, user: User) -> list[str]:
    return signed_in.habits[str(user.id)]


def for_load(asks: list[Ask]) -> str:
    """The Lua table that bench/lua/scenario.lua reads."""
    lines = [
        "{"
        f"token = {json.dumps(ask.user.token)}, method = {json.dumps(ask.method)}, path = {json.dumps(ask.path)}"
        + (f", body = {json.dumps(json.dumps(ask.body))}" if ask.body is not None else "")
        + "},"
        for ask in asks
    ]
    return "return {\nusers = {},\nasks = {\n" + "\n".join(lines) + "\n}}\n"


def exported(server: Server, signed_in: SignedIn) -> tuple[float, int]:
    """Seconds that the export of one user takes, the median of three users, and its bytes."""
    sizes = []

    def export(user: User) -> None:
        sizes.append(len(_answer(server, Ask(user, "GET", "/v1/me/export"))))

    return _median(export, signed_in.users[-3:]), max(sizes)


def deleted(server: Server, signed_in: SignedIn) -> float:
    """Seconds that an account's end takes with all its rows, the median over the victims."""

    def delete(user: User) -> None:
        _answer(server, Ask(user, "DELETE", "/v1/me", {"password": data.PASSWORD}))

    return _median(delete, signed_in.victims)


def _median(work: Callable[[User], None], users: list[User]) -> float:
    times = []
    for user in users:
        started = time.perf_counter()
        work(user)
        times.append(time.perf_counter() - started)
    return median(times)


def _answer(server: Server, ask: Ask) -> bytes:
    """What it answers, however long that takes. Raises BenchError when that is no success."""
    headers = {"Authorization": f"Bearer {ask.user.token}", "Content-Type": "application/json"}
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)) as connection:
        connection.request(ask.method, ask.path, None if ask.body is None else json.dumps(ask.body), headers)
        response = connection.getresponse()
        content = response.read()
    if response.status >= 300:
        raise BenchError(f"{server.name} answers {ask.method} {ask.path} with {response.status}: {content[:500]!r}")
    return content


def check(server: Server, asks: dict[str, tuple[int, list[Ask]]]) -> None:
    """See that the first request of each kind is answered well, which the load would not show. Raises BenchError."""
    for name, (_, several) in asks.items():
        content = _answer(server, several[0])
        if name.startswith("search") and not json.loads(content)["items"]:
            raise BenchError(f"{server.name} finds nothing: {name}")


def maintained(url: str) -> float:
    """Seconds that `holdfast maintain` takes."""
    started = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command
        [HOLDFAST, "maintain"], env=os.environ | {"DATABASE_URL": url}, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise BenchError(f"holdfast maintain: {done.stdout}{done.stderr}")
    return time.perf_counter() - started

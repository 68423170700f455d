"""A clock that jumps an hour both ways, for the app alone: its database keeps the right time."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.database.ids import new_id
from chaos.accounts import PASSWORD
from chaos.clients import Client, Request
from chaos.shelf import Finding, Row, Shelf
from chaos.stage import NotRun, Stage

LIBRARY = "faketime/libfaketimeMT.so.1"
QUOTA = 600
"""Requests a minute of the user whose limit is watched."""
LOOKS = 30
"""How many of them are taken whenever it is looked at."""


SERVE = (
    "import os; from app.server.cli import main; from app.server.granian_process import Granian; begin = Granian.__init__; "
    "names = [name for name in os.environ if name.startswith('GRANIAN_')]; "
    "Granian.__init__ = lambda *given: (os.environ.update({name[8:]: os.environ[name] for name in names}), begin(*given), "
    "[os.environ.pop(name[8:]) for name in names])[1]; main(['serve'])"
)
"""`holdfast serve` whose granian, with its workers, is given more variables: where the monotonic clock shall stay right,
libfaketime breaks time.sleep(), which the supervisor calls."""


def variables(folder: Path) -> dict[str, str]:
    """What the app is started with, so that its clock follows a file. Raises NotRun."""
    found = sorted(Path("/usr/lib").glob(f"*/{LIBRARY}"))
    if not found:
        raise NotRun("libfaketime is not installed: apt-get install faketime")
    (folder / "clock").write_text("+0\n", encoding="ascii")
    return {
        "GRANIAN_LD_PRELOAD": str(found[0]),
        "GRANIAN_FAKETIME_TIMESTAMP_FILE": str(folder / "clock"),
        "GRANIAN_FAKETIME_CACHE_DURATION": "1",
        # No wall clock moves that one.
        "GRANIAN_FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "GUEST_REQUESTS_PER_MINUTE": str(QUOTA),
    }


def jump(stage: Stage, crowd: Any, seconds: float) -> None:
    """An hour forward, an hour back beyond the right time, and right again; each is looked at."""
    client, watched = crowd.probes[0], crowd.guest()
    before: list[Row] = []
    for offset in (3600, -3600, 0):
        left, at = _left(client, watched), time.monotonic()
        (stage.folder / "clock").write_text(f"{offset:+d}\n", encoding="ascii")
        time.sleep(1.2 + seconds)
        client.findings.extend(_looked_at(client, watched, offset, (left, at), before))


def _looked_at(client: Client, watched: Shelf, offset: int, left: tuple[int, float], before: list[Row]) -> Iterator[Finding]:
    shelf, when = client.users[0], f"with the clock {offset:+d} s"
    now, refilled = _left(client, watched), (time.monotonic() - left[1]) * QUOTA / 60
    # A bucket is counted by the monotonic clock: it fills as time goes by, whatever the time is said to be.
    if not left[0] - LOOKS - 2 <= now <= left[0] - LOOKS + refilled + 2:
        yield Finding("wrong", f"{when}: {left[0]} requests were left, then {now}, where {refilled:.0f} became due")
    # A session is as old as the database says: a token in use stays good, and a new one ends 30 days from now.
    if client.do(Request("session", shelf, "GET", "/v1/me")) is None:
        yield Finding("wrong", f"{when}: a session ended")
    body = {"username": shelf.username, "password": PASSWORD}
    answer = client.do(Request("login", shelf, "POST", "/v1/auth/login", body, token=""))
    ends = datetime.fromisoformat(answer.json()["expires_at"]) if answer is not None else datetime.now(UTC)
    if abs(ends - datetime.now(UTC) - timedelta(days=30)) > timedelta(minutes=1):
        yield Finding("wrong", f"{when}: a new session ends at {ends}")
    # Ids that the server makes go on from the newest; rows are as old as the database says; versions only grow.
    sent = {"title": f"made {when} {shelf.mark}"}
    answer = client.do(Request("create without id", shelf, "POST", "/v1/tasks", sent, (201,)))
    if answer is None:
        return
    task = answer.json()
    shelf.put("/v1/tasks", task["id"], task)
    if before and (task["id"] <= before[-1]["id"] or task["version"] <= before[-1]["version"]):
        yield Finding("wrong", f"{when}: {task['id']} sorts before {before[-1]['id']}", stored=str(task))
    if abs(datetime.fromisoformat(task["created_at"]) - datetime.now(UTC)) > timedelta(minutes=1):
        yield Finding("wrong", f"{when}: a row was made at {task['created_at']}")
    before.append(task)
    # An id of a client whose clock is right is taken, also where ours is an hour behind.
    sent = {"title": sent["title"], "id": str(new_id())}
    answer = client.do(Request("create with id", shelf, "POST", "/v1/tasks", sent, (201,)))
    if answer is not None:
        shelf.put("/v1/tasks", sent["id"], answer.json())


def _left(client: Client, watched: Shelf) -> int:
    """How many requests a user has left, by the header that says so."""
    answer = None
    for _ in range(LOOKS):
        answer = client.do(Request("limit", watched, "GET", "/v1/tasks?limit=1"))
    header = answer.headers.get("ratelimit", "") if answer is not None else ""
    return int(header.partition("r=")[2].partition(";")[0] or -1)

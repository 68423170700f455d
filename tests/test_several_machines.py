"""Four `holdfast serve` on one PostgreSQL, as they are on four machines: what has to be right with any number of them."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from client import PASSWORD, Api, new_email
from crowded import CONDITIONS, crowd, send_for
from databases import execute_about, in_database
from factories import new_uuid7
from mail_stand_in import Mailbox, mailbox
from provider_flows import App, is_somebody, sign_in_settings
from provider_stand_in import StandIn
from serving import HOLDFAST, PATIENCE, Serving, until, variables

from app.auth.passwords import Passwords
from app.settings import Settings

MACHINES = 4


@pytest.fixture(scope="module")
def machines_database(template: str, worker_id: str) -> Iterator[str]:
    """The URL of an empty database."""
    url = in_database(template, f"{urlsplit(template).path[1:]}_{worker_id}_machines")
    asyncio.run(execute_about(url, "create database {name} template template0"))
    yield url
    asyncio.run(execute_about(url, "drop database if exists {name} with (force)"))


@pytest.fixture(scope="module")
def box() -> Iterator[Mailbox]:
    with mailbox() as box:
        yield box


@pytest.fixture(scope="module")
def machines(machines_database: str, box: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Serving]]:
    """They start at the same time, on a database where nothing is, and each migrates."""
    shared = tmp_path_factory.mktemp("shared")
    given = CONDITIONS | {
        "DATABASE_URL": machines_database,
        "MEDIA_URL": f"file://{shared}",
        "SMTP_URL": f"smtp://127.0.0.1:{box.port}?tls=none",
        "MAIL_FROM": "holdfast@example.com",
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "RATE_LIMITS": "on",
    }
    folders = [tmp_path_factory.mktemp(f"machine{number}") for number in range(MACHINES)]
    with ExitStack() as ending:
        machines = [Serving(folder, folder / "said", "--migrate", **given) for folder in folders]
        for machine in machines:
            ending.enter_context(machine)
        yield machines


@pytest.fixture
def rows(machines_database: str) -> Callable[..., list[Any]]:
    """Sends a statement; the first column of each row."""

    def fetch(sql: str, *values: Any) -> list[Any]:
        async def run() -> list[Any]:
            connection = await asyncpg.connect(machines_database)
            try:
                return [row[0] for row in await connection.fetch(sql, *values)]
            finally:
                await connection.close()

        return asyncio.run(run())

    return fetch


def at_once(machines: list[Serving], number: int, send: Callable[[Serving, int], httpx.Response]) -> list[httpx.Response]:
    """So many requests at the same time, spread over the machines; their answers."""
    with ThreadPoolExecutor(2 * MACHINES) as threads:
        return list(threads.map(send, (machine for _, machine in zip(range(number), cycle(machines))), range(number)))


def register(machine: Serving) -> dict[str, Any]:
    answer = machine.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_one_of_four_that_start_at_once_migrates_an_empty_database_and_the_others_wait(machines: list[Serving]) -> None:
    assert [machine.get("/health/ready").status_code for machine in machines] == [200] * MACHINES
    assert sum(machine.said_times("migrated") for machine in machines) == 1


def test_what_everybody_does_now_on_one_and_now_on_another_is_all_there_and_nobody_elses(
    machines: list[Serving], machines_database: str
) -> None:
    with crowd(machines_database, machines, 6, guests=6) as everybody:
        counts, wrong = send_for(everybody, 1.5)
    assert wrong == []
    assert counts["errors"] == counts["lost"] == 0
    assert counts["acknowledged"] > 100


def test_a_session_that_ends_on_one_is_refused_on_all_others(machines: list[Serving]) -> None:
    token = register(machines[0])["token"]
    for _ in range(2):
        assert [machine.get("/v1/me", token).status_code for machine in machines] == [200] * MACHINES
    assert machines[1].post("/v1/auth/logout", None, token).status_code == 204
    # Each would keep the caller for five seconds.
    deadline = time.monotonic() + 2
    while [machine.get("/v1/me", token).status_code for machine in machines] != [401] * MACHINES:
        assert time.monotonic() < deadline


def test_attempts_to_sign_in_are_counted_together(machines: list[Serving]) -> None:
    email = register(machines[0])["user"]["email"]
    headers = {"X-Forwarded-For": "198.51.100.7"}

    def attempt(machine: Serving, _: int) -> httpx.Response:
        body = {"email": email, "password": "wrong horse battery"}
        return httpx.post(f"{machine.url}/v1/auth/login", json=body, headers=headers, timeout=PATIENCE, trust_env=False)

    statuses = Counter(answer.status_code for answer in at_once(machines, 16, attempt))
    assert statuses == {401: 10, 429: 6}


def test_a_create_that_is_sent_to_all_at_once_is_made_once(machines: list[Serving]) -> None:
    token = register(machines[0])["token"]
    bodies = [{"id": str(new_uuid7()), "title": "once"} for _ in range(5)]
    for body in bodies:

        def create(machine: Serving, _: int, body: dict[str, str] = body) -> httpx.Response:
            return machine.post("/v1/tasks", body, token)

        answers = at_once(machines, 8, create)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 7}
        assert len({answer.json()["created_at"] for answer in answers}) == 1
    assert len(machines[0].get("/v1/tasks", token).json()["items"]) == 5


def test_credits_are_spent_once_and_never_beyond_what_there_is(machines: list[Serving]) -> None:
    token = register(machines[0])["token"]
    same = at_once(
        machines, 8, lambda machine, _: machine.post("/v1/credits/deductions", {"amount": 10, "idempotency_key": "k"}, token)
    )
    assert {answer.status_code for answer in same} <= {200, 201}
    assert machines[2].get("/v1/credits", token).json()["available"] == 40
    spent = at_once(machines, 48, lambda machine, _: machine.post("/v1/credits/deductions", {"amount": 1}, token))
    assert Counter(answer.status_code for answer in spent) == {201: 40, 402: 8}
    assert {machine.get("/v1/credits", token).json()["available"] for machine in machines} == {0}


def test_each_mail_is_sent_once_whoever_sends_it(machines: list[Serving], box: Mailbox, rows: Callable[..., list[Any]]) -> None:
    # Longer for all of them than a machine waits until it looks.
    box.seconds = 0.2
    before, said_before = len(box.arrived), [machine.said_times("mail_sent") for machine in machines]
    emails = [new_email() for _ in range(40)]
    rows(
        """
        with reader as (
            insert into users (email, email_verified_at, name) select unnest($1::text[]), now(), 'Ada' returning id, email)
        insert into outgoing_mails (user_id, kind, address, detail)
        select id, 'new_device', email, '{"device": "Firefox", "place": "192.0.2.0/24"}' from reader""",
        emails,
    )
    until(lambda: rows("select count(*) from outgoing_mails where kind = 'new_device'") == [0], "all mails are sent")
    assert Counter(recipient for recipient, _ in box.arrived[before:] if recipient in emails) == dict.fromkeys(emails, 1)
    senders = [machine.said_times("mail_sent") > said for machine, said in zip(machines, said_before, strict=True)]
    assert sum(senders) > 1


def test_maintenance_by_several_at_once_does_everything_once(
    machines: list[Serving], machines_database: str, rows: Callable[..., list[Any]]
) -> None:
    user = register(machines[0])["user"]["id"]
    rows(
        """
        insert into sessions (token_hash, user_id, created_at, expires_at)
        select sha256(number::text::bytea), $1::text::uuid, now() - interval '40 days', now() - interval '10 days'
        from generate_series(1, 5000) number""",
        user,
    )
    words = [HOLDFAST, "maintain", "--json"]
    racing = [
        subprocess.Popen(words, env=variables(DATABASE_URL=machines_database), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    done = [json.loads(process.communicate(timeout=PATIENCE)[0]) for process in racing]
    assert sum(counts["expired_sessions"] for counts in done) == 5000


def test_a_sign_in_goes_on_wherever_the_browser_comes_back(
    runner: asyncio.Runner, settings: Settings, passwords: Passwords
) -> None:
    with StandIn() as provider, ExitStack() as ending:
        is_somebody(provider)
        given = sign_in_settings(settings, provider)
        here, there, elsewhere = (ending.enter_context(Api.started(runner, given, passwords)) for _ in range(3))
        app = App(here, provider)
        address = app.sent_back()
        app.api = there
        code = app.given(app.arrives(address), "code")
        app.api = elsewhere
        assert app.exchange(code).status_code == 200
        app.api = here
        assert app.exchange(code).status_code == 400
        assert app.arrives(address).status_code == 400

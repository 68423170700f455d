"""The recorder of `just chaos` can fail: what is taken away, doubled, changed or shown to somebody else is told.

Faults themselves are tried by `just chaos --short`, which CI runs beside the tests.
"""

import json
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any

import pytest
from client import Api, Execute, User
from served import ROUTES

ROOT = Path(__file__).parent.parent

UNSENT = {"openapi.json", "admin", "me", "auth", "public"}
"""First parts of paths that the load asks in part: an account that ends is of no use to it."""


class Chaos:
    """The modules of chaos/, which is no package of the tests' environment, and a client of the app under test."""

    def __init__(self, api: Api, url: str) -> None:
        self.modules = {
            name: import_module(f"chaos.{name}") for name in ("accounts", "checks", "clients", "shelf", "stored", "wire")
        }
        self.api, self.url = api, url
        self.paths: set[str] = set()
        self.found_before = {str(finding) for finding in self.stored.in_the_tables(url, [])}
        """What the tests of other modules have left in the tables."""
        self.lost = 0
        """How many of the next answers get lost on their way."""
        self.shown = b""
        """What stands in every answer beside what the app says."""

    def __getattr__(self, name: str) -> Any:
        return self.modules[name]

    def send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        answer = self.api.request(method, path, headers=dict(headers), content=body)
        self.paths.add(path.partition("?")[0])
        if self.lost:
            self.lost -= 1
            raise self.wire.Lost("on its way")
        return self.wire.Answer(answer.status_code, dict(answer.headers), answer.content + self.shown)

    def client(self, user: User) -> Any:
        mark = self.shelf.Shelf.new_mark()
        me = user.patch("/v1/me", {"username": mark.replace("owner-", "u"), "name": mark}).json()
        shelf = self.shelf.Shelf(me["id"], user.token, mark, me["username"])
        return self.clients.Client(self.send, [shelf], seed=1, patience=0.0)

    def found(self, client: Any) -> list[Any]:
        """What the recorder finds, in the API and in the tables, by what it is."""
        found = [*client.findings, *self.checks.through_the_api(client)]
        client.findings.clear()
        found += self.stored.in_the_tables(self.url, client.users)
        return [finding for finding in found if str(finding) not in self.found_before]


@pytest.fixture(scope="module")
def chaos(api: Api, database: str) -> Iterator[Chaos]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        yield Chaos(api, database)


@pytest.fixture(scope="module")
def client(chaos: Chaos, api: Api, execute: Execute) -> Any:
    """A client that has sent every kind of request three times."""
    client, operator = chaos.client(api.user()), chaos.client(api.user())
    execute("update users set role = 'admin' where id = $1", operator.users[0].id)
    api.token_cache.forget()
    execute("insert into usage (user_id, tier) values ($1, 'enterprise') on conflict do nothing", client.users[0].id)
    slices = import_module("chaos.slices")
    for _ in range(3):
        for make, _weight in (*slices.PLAIN, *chaos.accounts.about_accounts(operator.users[0])):
            client.once(make)
    # What was removed at the end of it.
    assert client.once(chaos.accounts.upload)
    assert client.once(chaos.accounts.whole_conversation)
    return client


def test_what_was_not_touched_is_found_as_it_was_answered(chaos: Chaos, client: Any) -> None:
    assert [str(finding) for finding in chaos.found(client)] == []
    assert client.counts["acknowledged"] > 100
    assert client.counts["errors"] == 0


def test_the_load_asks_every_slice(chaos: Chaos, client: Any) -> None:
    served = {route.path.split("/")[2] for route in ROUTES if route.path.startswith("/v1/")} - UNSENT
    assert served - {path.split("/")[2] for path in chaos.paths} == set()


TAMPERED = {
    "a row that is gone": (
        "delete from daily_reviews where user_id = $1 and date = (select max(date) from daily_reviews where user_id = $1)",
        "missing", "/v1/daily-reviews has no",
    ),
    "a row that is there twice": (
        "insert into foods (user_id, date, meal_type, name) values ($1, '2026-01-01', 'lunch', 'Soup')",
        "doubled", "/v1/foods has",
    ),
    "a field that is another one": (
        "update daily_reviews set highlights = 'tampered' where user_id = $1", "missing", "highlights: ",
    ),
    "a file whose content was recorded otherwise": (
        "update media set sha256 = repeat('0', 64) where user_id = $1", "missing", "sha256: ",
    ),
    "a message that is gone": (
        "delete from messages where user_id = $1 and seq = 1", "wrong", "last_seq",
    ),
    "a question that was counted twice": (
        "update usage set total_queries = total_queries + 1 where user_id = $1", "wrong", "total_queries",
    ),
    "a credit that nobody took": (
        "update credit_accounts set available = available - 1 where user_id = $1", "wrong", "does not add up",
    ),
    "an act without its audit event": (
        "delete from audit_events where acting_for = $1", "wrong", "audit trail",
    ),
}  # fmt: skip
"""What is done past the app, as what it is told, and by which words."""


def test_what_was_tampered_with_is_told(chaos: Chaos, client: Any, execute: Execute) -> None:
    for statement, _, _ in TAMPERED.values():
        execute(statement, client.users[0].id)
    found = chaos.found(client)
    # Other tests ask this database for broken ledgers.
    execute("delete from users where id = $1", client.users[0].id)
    untold = [
        what
        for what, (_, told, words) in TAMPERED.items()
        if not any(finding.what == told and words in finding.sentence for finding in found)
    ]
    assert untold == [], [str(finding) for finding in found]


def test_a_row_of_somebody_else_in_an_answer_is_told(chaos: Chaos, api: Api) -> None:
    client, other = chaos.client(api.user()), chaos.client(api.user())
    for text in (other.users[0].mark, f'"user_id":"{other.users[0].id}"'):
        chaos.shown = b" " * 8 + text.encode()
        request = chaos.clients.Request("page", client.users[0], "GET", "/v1/tasks")
        client.do(request)
        chaos.shown = b""
        assert [finding.what for finding in client.findings] == ["foreign"]
        client.findings.clear()


def test_a_request_whose_answer_is_lost_is_sent_again_and_makes_nothing_twice(chaos: Chaos, api: Api) -> None:
    client, rows = chaos.client(api.user()), import_module("chaos.rows")
    before = {str(finding) for finding in chaos.found(client)}
    body = {"title": client.users[0].mark}
    for make in (
        rows.create("/v1/tasks", lambda *_: body),
        rows.patch("/v1/tasks", lambda *_: {"title": f"{client.users[0].mark} again"}),
        chaos.accounts.deduction,
        chaos.accounts.consent,
        rows.remove("/v1/tasks"),
    ):
        chaos.lost = 2
        assert client.once(make)
    assert (client.counts["unknown"], client.counts["resent"], client.counts["acknowledged"]) == (5, 10, 5)
    assert {str(finding) for finding in chaos.found(client)} == before


def test_an_answer_that_a_first_attempt_cannot_have_is_told(chaos: Chaos, api: Api) -> None:
    client = chaos.client(api.user())
    make = import_module("chaos.rows").create("/v1/tasks", lambda *_: {"title": client.users[0].mark})
    request = make(client.users[0], Random(1))
    client.do(request)
    client.do(request)
    assert [finding.sentence for finding in client.findings] == ["tasks create: 200 at once"]


@pytest.mark.parametrize(
    ("values", "is_flat"),
    [
        ([100.0 + place % 5 for place in range(60)], True),
        ([100.0 + place / 10 for place in range(60)], False),
        ([100.0 - place / 10 for place in range(60)], True),
        # What was high once, while a backup ran, is no trend.
        ([100.0 + 80 * (40 < place < 45) + place % 3 for place in range(60)], True),
    ],
)
def test_a_soak_tells_what_rises(values: list[float], *, is_flat: bool, chaos: Chaos) -> None:
    assert import_module("chaos.flat").judge(range(0, 180, 3), values, 0.1).is_flat is is_flat


def test_every_fault_is_told_in_the_books_and_held_in_the_newest_kept_run(chaos: Chaos) -> None:
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    names = {fault.name for fault in import_module("chaos.faults").FAULTS}
    assert names - set(re.findall(r"`([a-z0-9-]+)`", text)) == set()
    kept = json.loads((ROOT / "bench/results/chaos.json").read_bytes())["faults"]
    assert {row["fault"] for row in kept} <= names
    assert [row["fault"] for row in kept if row["verdict"] != "held"] == []

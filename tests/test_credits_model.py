"""Credits do what their model in plain Python does; and no acknowledged answer is lost when everything is killed."""

import os
import threading
import time
from pathlib import Path
from typing import Any, Self, cast

import asyncpg
import httpx
from client import PASSWORD, Api, User, assert_problem, new_email
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from serving import Serving, run, until

from app.credits import repository

AMOUNTS = st.integers(1, 60)
KEYS = st.none() | st.sampled_from(["a", "b", "c"])


class Model:
    """An account as it should be."""

    def __init__(self, credits: int, *, resets: bool) -> None:
        self.most, self.resets, self.due = credits, resets, False
        self.lines: list[tuple[str, int]] = [("allocate", credits)]
        self.keys: dict[str, tuple[int, int]] = {}
        """Key -> amount, and the number of its line."""
        self.refunded: set[int] = set()

    @property
    def balance(self) -> int:
        return sum(amount for _, amount in self.lines)

    def touch(self) -> None:
        if self.due and self.resets and self.balance < self.most:
            self.lines.append(("reset", self.most - self.balance))
        self.due = False


class Spending(RuleBasedStateMachine):
    def __init__(self, api: Api, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        super().__init__()
        self.api, self.connection = api, connection

    @initialize(is_guest=st.booleans())
    def begin(self, *, is_guest: bool) -> None:
        if is_guest:
            signed_in = self.api.post("/v1/auth/guest").json()
            self.user = User(self.api, signed_in | {"user": signed_in["user"] | {"email": ""}})
        else:
            self.user = self.api.user()
        self.model = Model(10 if is_guest else 50, resets=not is_guest)
        assert self.user.get("/v1/credits").status_code == 200
        # May refund to itself, and reset; a user may not, and a guest is nothing else. The account stays that of a guest.
        api = self.api
        statement = "update users set role = 'admin', is_external = is_guest, is_guest = false where id = $1"
        api.runner.run(self.connection.execute(statement, self.user.id))
        # The app hears of it on a connection of its own.
        until(lambda: self.user.get("/v1/admin/users?limit=1").status_code == 200, "the account is known as an admin's")

    @rule()
    def a_day_goes_by(self) -> None:
        back = "update credit_accounts set last_reset_at = now() - interval '24 hours' where user_id = $1"
        self.api.runner.run(self.connection.execute(back, self.user.id))
        self.model.due = True

    @rule(amount=AMOUNTS, key=KEYS)
    def deduct(self, amount: int, key: str | None) -> None:
        body = {"amount": amount} | ({"idempotency_key": key} if key else {})
        answer = self.user.post("/v1/credits/deductions", body)
        first = self.model.keys.get(key or "")
        if first is not None:
            if first[0] == amount:
                assert (answer.status_code, answer.json()["transaction"]["seq"]) == (200, first[1])
            else:
                assert_problem(answer, 409, "idempotency_conflict")
            return
        self.model.touch()
        if amount > self.model.balance:
            assert_problem(answer, 402, "insufficient_credits")
            return
        assert answer.status_code == 201, answer.text
        self.model.lines.append(("deduct", -amount))
        assert answer.json()["transaction"]["seq"] == len(self.model.lines)
        if key:
            self.model.keys[key] = (amount, len(self.model.lines))

    @rule(seq=st.integers(1, 12), amount=st.none() | AMOUNTS)
    def refund(self, seq: int, amount: int | None) -> None:
        body: dict[str, Any] = {"transaction_seq": seq} | ({"amount": amount} if amount else {})
        answer = self.user.post("/v1/credits/refunds", body)
        if seq > len(self.model.lines) or self.model.lines[seq - 1][0] != "deduct":
            assert_problem(answer, 404, "not_found")
        elif amount is not None and amount > -self.model.lines[seq - 1][1]:
            assert_problem(answer, 422, "invalid", "amount")
        elif seq in self.model.refunded:
            assert_problem(answer, 409, "already_refunded")
        else:
            assert answer.status_code == 201, answer.text
            self.model.refunded.add(seq)
            self.model.lines.append(("refund", amount or -self.model.lines[seq - 1][1]))

    @rule(amount=AMOUNTS, parallel=st.integers(2, 8))
    def deduct_at_once(self, amount: int, parallel: int) -> None:
        send = (self.user.send("POST", "/v1/credits/deductions", json={"amount": amount}) for _ in range(parallel))
        done = [answer.status_code for answer in self.api.together(*send)]
        self.model.touch()
        affordable = min(parallel, self.model.balance // amount)
        assert sorted(done) == [201] * affordable + [402] * (parallel - affordable)
        self.model.lines += [("deduct", -amount)] * affordable

    @rule()
    def reset_by_an_admin(self) -> None:
        answer = self.user.post(f"/v1/admin/users/{self.user.id}/credits/reset")
        if self.model.balance < self.model.most:
            self.model.lines.append(("reset", self.model.most - self.model.balance))
        self.model.due = False
        assert answer.json()["available"] == self.model.balance

    @rule()
    def look(self) -> None:
        self.model.touch()
        assert self.user.get("/v1/credits").json()["available"] == self.model.balance

    @invariant()
    def the_ledger_is_that_of_the_model(self) -> None:
        entries = self.user.get("/v1/credits/transactions?limit=200").json()["items"][::-1]
        assert [(entry["type"], entry["amount"]) for entry in entries] == self.model.lines
        assert self.api.runner.run(repository.broken_accounts(self.api.database)) == []


def test_credits_do_what_their_model_does(api: Api, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    run_state_machine_as_test(
        cast("Any", lambda: Spending(api, connection)),
        settings=settings(
            max_examples=15,
            stateful_step_count=30,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )


class Storm:
    """Clients that spend for as long as there is a server, each with keys of its own."""

    def __init__(self, url: str) -> None:
        self.acknowledged: list[tuple[str, str, int]] = []
        """Token, key, number of the line: what the server said it had done."""
        self._threads = [threading.Thread(target=self._spend, args=(url, number)) for number in range(8)]
        self._tokens = [self._registered(url) for _ in range(2)]

    def _registered(self, url: str) -> str:
        answer = httpx.post(f"{url}/v1/auth/register", json={"email": new_email(), "password": PASSWORD}, trust_env=False)
        return str(answer.json()["token"])

    def _spend(self, url: str, number: int) -> None:
        token = self._tokens[number % 2]
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, trust_env=False) as client:
            for attempt in range(10_000):
                key = f"{number}-{attempt}"
                try:
                    answer = client.post("/v1/credits/deductions", json={"amount": 1, "idempotency_key": key})
                except httpx.HTTPError:
                    return
                if answer.status_code == 201:
                    self.acknowledged.append((token, key, answer.json()["transaction"]["seq"]))

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()


def test_what_was_acknowledged_is_in_the_ledger_after_everything_was_killed(data: Path, tmp_path: Path) -> None:
    with Serving(data, tmp_path / "said", CREDITS_REGISTERED="100000") as serving, Storm(serving.url) as storm:
        while len(storm.acknowledged) < 50:
            time.sleep(0.01)
        serving.kill_everything()
    with Serving(data, tmp_path / "said", CREDITS_REGISTERED="100000") as serving:
        entries: dict[tuple[str, str], int] = {}
        for token in {token for token, _, _ in storm.acknowledged}:
            page = serving.get("/v1/credits/transactions?limit=200", token).json()
            while True:
                entries |= {(token, entry["idempotency_key"]): entry["seq"] for entry in page["items"]}
                if page["next_cursor"] is None:
                    break
                page = serving.get(f"/v1/credits/transactions?limit=200&cursor={page['next_cursor']}", token).json()
        lost = [each for each in storm.acknowledged if entries.get((each[0], each[1])) != each[2]]
        assert lost == []
        verified = run("verify-ledger", HOLDFAST_DATA=str(serving.data))
        assert (verified.returncode, verified.stderr) == (0, "")

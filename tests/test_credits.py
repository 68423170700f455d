"""/v1/credits: the contract, and the ledger that adds up whatever happens at the same time."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest
from client import PASSWORD, Api, User, assert_problem, new_email

from app.auth.passwords import Passwords
from app.credits import repository
from app.settings import Settings

Row = dict[str, Any]


@pytest.fixture(scope="module")
def sql(runner: asyncio.Runner, database: str) -> Iterator[Callable[..., None]]:
    """Sends a statement past the API: what time does, a test has to do by itself."""
    connection = runner.run(asyncpg.connect(database))

    def send(text: str, *values: Any) -> None:
        runner.run(connection.execute(text, *values))

    yield send
    runner.run(connection.close())


def guest(api: Api) -> User:
    answer = api.post("/v1/auth/guest")
    assert answer.status_code == 201
    signed_in = answer.json()
    return User(api, signed_in | {"user": signed_in["user"] | {"email": ""}})


def service(api: Api, sql: Callable[..., None]) -> User:
    """Somebody who may refund: it does so to itself here, and on behalf of a user in tests/test_roles.py."""
    user = api.user()
    sql("update users set role = 'service' where id = $1", user.id)
    return user


def deduct(user: User, amount: Any = 1, **fields: Any) -> httpx.Response:
    return user.post("/v1/credits/deductions", {"amount": amount} | fields)


def ledger(user: User) -> list[Row]:
    items: list[Row] = user.get("/v1/credits/transactions?limit=200").json()["items"]
    return items


def available(user: User) -> int:
    return int(user.get("/v1/credits").json()["available"])


def check_ledger(api: Api, user: User) -> None:
    entries = ledger(user)[::-1]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    total = 0
    for entry in entries:
        total += entry["amount"]
        assert entry["balance_after"] == total
    assert available(user) == total
    assert api.runner.run(repository.broken_accounts(api.database)) == []


def expire(sql: Callable[..., None], user: User) -> None:
    sql("update credit_accounts set last_reset_at = now() - interval '24 hours' where user_id = $1", user.id)


def test_a_registered_user_begins_with_50_credits_and_a_reset_in_24_hours(api: Api) -> None:
    user = api.user()
    account = user.get("/v1/credits").json()
    assert account["resets_at"] > "2026"
    assert account == {"available": 50, "max_credits": 50, "is_guest": False, "resets_at": account["resets_at"]}
    [entry] = ledger(user)
    assert entry == entry | {"seq": 1, "type": "allocate", "amount": 50, "balance_after": 50, "idempotency_key": None}


def test_a_guest_begins_with_10_credits_once(api: Api, sql: Callable[..., None]) -> None:
    user = guest(api)
    assert user.get("/v1/credits").json() == {"available": 10, "max_credits": 10, "is_guest": True, "resets_at": None}
    assert deduct(user, 10).status_code == 201
    expire(sql, user)
    assert available(user) == 0
    assert_problem(deduct(user), 402, "insufficient_credits")


def test_a_ledger_without_an_account_is_empty_and_the_account_is_made_by_a_deduction_too(api: Api) -> None:
    user = api.user()
    assert ledger(user) == []
    assert deduct(user).json()["available"] == 49
    check_ledger(api, user)


def test_a_deduction_takes_what_it_says(api: Api) -> None:
    user = api.user()
    answer = deduct(user, 7, description="Search", idempotency_key="k1")
    assert answer.status_code == 201
    transaction = answer.json()["transaction"]
    assert answer.json() == {"transaction": transaction, "available": 43}
    assert transaction == {
        "seq": 2, "type": "deduct", "amount": -7, "balance_after": 43, "description": "Search", "idempotency_key": "k1",
        "refunds_seq": None, "created_at": transaction["created_at"],
    }  # fmt: skip
    assert ledger(user)[0] == transaction
    check_ledger(api, user)


def test_a_key_that_comes_again_answers_what_the_first_one_did(api: Api) -> None:
    user = api.user()
    first = deduct(user, 7, description="Search", idempotency_key="k1")
    deduct(user, 3)
    again = deduct(user, 7, description="Search", idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert available(user) == 40
    for other in ({"amount": 8, "description": "Search"}, {"amount": 7, "description": "Else"}, {"amount": 7}):
        assert_problem(user.post("/v1/credits/deductions", other | {"idempotency_key": "k1"}), 409, "idempotency_conflict")
    assert available(user) == 40


def test_a_key_belongs_to_its_user(api: Api) -> None:
    ada, bob = api.user(), api.user()
    assert [deduct(user, 1, idempotency_key="k1").status_code for user in (ada, bob)] == [201, 201]


def test_more_than_there_is_takes_nothing(api: Api) -> None:
    user = api.user()
    refused = deduct(user, 51, idempotency_key="k1")
    assert_problem(refused, 402, "insufficient_credits")
    account = user.get("/v1/credits").json()
    assert account["available"] == 50
    assert refused.json() == refused.json() | account
    assert deduct(user, 50, idempotency_key="k1").status_code == 201
    refused = deduct(user)
    assert_problem(refused, 402, "insufficient_credits")
    assert refused.json() == refused.json() | account | {"available": 0}
    check_ledger(api, user)


def test_a_due_reset_fills_up_when_the_account_is_touched(api: Api, sql: Callable[..., None]) -> None:
    user = api.user()
    deduct(user, 30)
    before = user.get("/v1/credits").json()["resets_at"]
    expire(sql, user)
    account = user.get("/v1/credits").json()
    assert account["available"] == 50
    assert account["resets_at"] > before
    assert ledger(user)[0]["type"] == "reset"
    deduct(user, 50)
    expire(sql, user)
    assert deduct(user, 5).json()["available"] == 45
    assert [entry["type"] for entry in ledger(user)] == ["deduct", "reset", "deduct", "reset", "deduct", "allocate"]
    expire(sql, user)
    assert_problem(deduct(user, 51), 402, "insufficient_credits")
    assert available(user) == 50
    check_ledger(api, user)


def test_a_reset_takes_nothing_away_from_who_has_more(api: Api, sql: Callable[..., None]) -> None:
    user = service(api, sql)
    deduct(user, 20)
    expire(sql, user)
    available(user)
    assert user.post("/v1/credits/refunds", {"transaction_seq": 2}).json()["available"] == 70
    expire(sql, user)
    assert available(user) == 70
    check_ledger(api, user)


def test_a_refund_gives_back_once_and_never_more_than_was_taken(api: Api, sql: Callable[..., None]) -> None:
    user = service(api, sql)
    deduct(user, 7)
    deduct(user, 5)
    assert_problem(user.post("/v1/credits/refunds", {"transaction_seq": 2, "amount": 8}), 422, "invalid", "amount")
    answer = user.post("/v1/credits/refunds", {"transaction_seq": 2, "description": "No result"})
    assert answer.status_code == 201
    assert answer.json()["available"] == 45
    refund = answer.json()["transaction"]
    assert refund == refund | {"seq": 4, "type": "refund", "amount": 7, "refunds_seq": 2, "description": "No result"}
    assert_problem(user.post("/v1/credits/refunds", {"transaction_seq": 2}), 409, "already_refunded")
    assert user.post("/v1/credits/refunds", {"transaction_seq": 3, "amount": 2}).json()["available"] == 47
    assert_problem(user.post("/v1/credits/refunds", {"transaction_seq": 3, "amount": 1}), 409, "already_refunded")
    for seq in (1, 4, 99):
        assert_problem(user.post("/v1/credits/refunds", {"transaction_seq": seq}), 404, "not_found")
    check_ledger(api, user)


def test_nobody_gives_back_what_somebody_else_spent(api: Api, sql: Callable[..., None]) -> None:
    ada, bob = service(api, sql), service(api, sql)
    deduct(ada, 7)
    assert_problem(bob.post("/v1/credits/refunds", {"transaction_seq": 2}), 404, "not_found")
    assert ledger(bob) == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("deductions", {}, "amount"),
        ("deductions", {"amount": 0}, "amount"),
        ("deductions", {"amount": -5}, "amount"),
        ("deductions", {"amount": 1.5}, "amount"),
        ("deductions", {"amount": "1"}, "amount"),
        ("deductions", {"amount": True}, "amount"),
        ("deductions", {"amount": 1_000_001}, "amount"),
        ("deductions", {"amount": 10**30}, "amount"),
        ("deductions", {"amount": 1, "description": "x" * 501}, "description"),
        ("deductions", {"amount": 1, "description": "a\0"}, "description"),
        ("deductions", {"amount": 1, "idempotency_key": ""}, "idempotency_key"),
        ("deductions", {"amount": 1, "idempotency_key": "x" * 201}, "idempotency_key"),
        ("deductions", {"amount": 1, "user_id": "x"}, "user_id"),
        ("refunds", {}, "transaction_seq"),
        ("refunds", {"transaction_seq": 0}, "transaction_seq"),
        ("refunds", {"transaction_seq": 2, "amount": -1}, "amount"),
        ("refunds", {"transaction_seq": 2, "amount": 0}, "amount"),
    ],
)
def test_what_breaks_a_rule_moves_nothing(api: Api, sql: Callable[..., None], path: str, body: Row, field: str) -> None:
    ada = service(api, sql)
    before = available(ada)
    assert_problem(ada.post(f"/v1/credits/{path}", body), 422, "invalid", field)
    assert available(ada) == before


def test_the_ledger_comes_in_pages_newest_first(api: Api) -> None:
    user = api.user()
    for _ in range(6):
        deduct(user)
    assert [entry["seq"] for entry in user.walk("/v1/credits/transactions?limit=3")] == [7, 6, 5, 4, 3, 2, 1]
    assert_problem(user.get("/v1/credits/transactions?cursor=nonsense"), 422, "invalid_cursor")


def test_a_guest_who_registers_is_filled_up_once(api: Api, sql: Callable[..., None]) -> None:
    user = guest(api)
    deduct(user, 4)
    registration = {"email": new_email(), "password": PASSWORD}
    taken = api.user().email
    assert_problem(user.post("/v1/auth/register", registration | {"email": taken}), 409, "email_taken")
    assert available(user) == 6
    answer = user.post("/v1/auth/register", registration)
    assert answer.status_code == 201
    registered = User(api, answer.json())
    assert registered.id == user.id
    account = registered.get("/v1/credits").json()
    assert account == account | {"available": 50, "max_credits": 50, "is_guest": False}
    assert [(entry["type"], entry["amount"]) for entry in ledger(registered)] == [
        ("allocate", 44),
        ("deduct", -4),
        ("allocate", 10),
    ]
    deduct(registered, 50)
    expire(sql, registered)
    assert available(registered) == 50
    check_ledger(api, registered)


def test_a_guest_without_an_account_registers_and_has_one_at_the_first_touch(api: Api) -> None:
    user = guest(api)
    answer = user.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD})
    assert available(User(api, answer.json())) == 50


def test_the_credits_are_those_of_the_settings(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> None:
    other_credits = msgspec.structs.replace(settings, credits_guest=3, credits_registered=7)
    with Api.started(runner, other_credits, passwords) as other:
        assert available(other.user()) == 7
        assert available(guest(other)) == 3


# At the same time


def statuses(answers: list[httpx.Response]) -> dict[int, int]:
    codes = [answer.status_code for answer in answers]
    return {code: codes.count(code) for code in sorted(set(codes))}


def test_of_50_deductions_at_once_as_many_succeed_as_there_are_credits(api: Api) -> None:
    user = api.user()
    deduct(user, 30)
    send = (user.send("POST", "/v1/credits/deductions", json={"amount": 1}) for _ in range(50))
    answers = api.together(*send)
    assert statuses(answers) == {201: 20, 402: 30}
    assert sorted(answer.json()["available"] for answer in answers if answer.status_code == 201) == list(range(20))
    assert available(user) == 0
    check_ledger(api, user)


def test_50_equal_keys_at_once_have_one_effect_and_50_equal_answers(api: Api) -> None:
    for last in (False, True):
        user = api.user()
        deduct(user, 49 if last else 9)
        body = {"amount": 1, "description": "Search", "idempotency_key": "k1"}
        answers = api.together(*(user.send("POST", "/v1/credits/deductions", json=body) for _ in range(50)))
        assert statuses(answers) == {200: 49, 201: 1}
        assert len({answer.text for answer in answers}) == 1
        assert available(user) == (0 if last else 40)
        check_ledger(api, user)


def test_50_first_touches_at_once_make_one_account(api: Api) -> None:
    user = api.user()
    send = [
        user.send("GET", "/v1/credits") if n % 2 else user.send("POST", "/v1/credits/deductions", json={"amount": 1})
        for n in range(50)
    ]
    assert statuses(api.together(*send)) == {200: 25, 201: 25}
    assert available(user) == 25
    check_ledger(api, user)


def test_a_due_reset_happens_once_however_many_touch_the_account(api: Api, sql: Callable[..., None]) -> None:
    user = api.user()
    for _ in range(3):
        deduct(user, available(user))
        expire(sql, user)
        send = [
            user.send("GET", "/v1/credits") if n % 2 else user.send("POST", "/v1/credits/deductions", json={"amount": 2})
            for n in range(60)
        ]
        answers = api.together(*send)
        assert statuses(answers) == {200: 30, 201: 25, 402: 5}
    assert [entry["type"] for entry in ledger(user)].count("reset") == 3
    check_ledger(api, user)


def test_of_20_refunds_at_once_one_gives_back(api: Api, sql: Callable[..., None]) -> None:
    user = service(api, sql)
    deduct(user, 7)
    send = (user.send("POST", "/v1/credits/refunds", json={"transaction_seq": 2}) for _ in range(20))
    assert statuses(api.together(*send)) == {201: 1, 409: 19}
    assert available(user) == 50
    check_ledger(api, user)


def test_a_broken_ledger_is_found(api: Api, sql: Callable[..., None]) -> None:
    user = api.user()
    deduct(user, 7)
    for breach, repair in (
        (
            "update credit_accounts set available = 44 where user_id = $1",
            "update credit_accounts set available = 43 where user_id = $1",
        ),
        (
            "update credit_transactions set balance_after = 44 where user_id = $1 and seq = 2",
            "update credit_transactions set balance_after = 43 where user_id = $1 and seq = 2",
        ),
        (
            "update credit_transactions set seq = 3 where user_id = $1 and seq = 2",
            "update credit_transactions set seq = 2 where user_id = $1 and seq = 3",
        ),
    ):
        sql(breach, user.id)
        assert [str(each) for each in api.runner.run(repository.broken_accounts(api.database))] == [user.id]
        sql(repair, user.id)
    check_ledger(api, user)

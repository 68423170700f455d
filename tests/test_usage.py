"""Usage: what is left, when it resets, and that a tier allows what it says."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from client import Api, Execute, User, assert_problem

from app.database.executor import on_connection
from app.usage import repository
from app.usage.schemas import LIMITS, Limits, UsageTier

TODAY = "(now() at time zone 'UTC')::date"
MONTH = "date_trunc('month', now() at time zone 'UTC')::date"


def conversation(user: User) -> str:
    return str(user.made("/v1/conversations", {})["id"])


def ask(user: User, id: str) -> Any:
    return user.post(f"/v1/conversations/{id}/messages", {"role": "user", "content": "Which bike?"})


def usage(user: User) -> dict[str, Any]:
    answer = user.get("/v1/usage")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def set_used(execute: Execute, user: User, used: tuple[int, int], day: str = TODAY, month: str = MONTH) -> None:
    """Set what was used this day and this month, and which day and month those are."""
    execute(
        "update usage set daily_used = $2, monthly_used = $3, "
        f"last_reset_daily = {day}, last_reset_monthly = {month} where user_id = $1",
        UUID(user.id),
        *used,
    )


def test_a_new_user_is_free_and_reading_writes_nothing(api: Api, execute: Execute) -> None:
    user = api.user()
    found = usage(user)
    now = datetime.now(UTC)
    tomorrow = datetime(now.year, now.month, now.day, tzinfo=UTC) + timedelta(days=1)
    next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    assert found == {
        "tier": "free",
        "daily_used": 0,
        "daily_limit": 10,
        "daily_resets_at": tomorrow.isoformat().replace("+00:00", "Z"),
        "monthly_used": 0,
        "monthly_limit": 100,
        "monthly_resets_at": next_month.isoformat().replace("+00:00", "Z"),
        "total_queries": 0,
        "subscription_id": None,
        "subscription_status": None,
    }
    assert execute("select 1 from usage where user_id = $1", UUID(user.id)) == []


def test_user_messages_count_and_assistant_messages_do_not(api: Api) -> None:
    user = api.user()
    talk = conversation(user)
    for _ in range(2):
        assert ask(user, talk).status_code == 201
    user.post(f"/v1/conversations/{talk}/messages", {"role": "assistant", "content": "A light one."})
    found = usage(user)
    assert (found["daily_used"], found["monthly_used"], found["total_queries"]) == (2, 2, 2)


def test_deleting_a_conversation_gives_nothing_back(api: Api) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)
    user.delete(f"/v1/conversations/{talk}")
    assert usage(user)["daily_used"] == 1


def test_the_daily_limit_answers_429_with_all_that_a_client_needs(api: Api, execute: Execute) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)
    set_used(execute, user, (10, 42))
    before = user.get(f"/v1/conversations/{talk}")
    answer = ask(user, talk)
    assert_problem(answer, 429, "quota_exhausted")
    problem = answer.json()
    resets_at = usage(user)["daily_resets_at"]
    assert (problem["limit"], problem["used"], problem["maximum"], problem["resets_at"]) == ("daily", 10, 10, resets_at)
    seconds = (datetime.fromisoformat(resets_at) - datetime.now(UTC)).total_seconds()
    assert 0 <= int(answer.headers["retry-after"]) - seconds <= 5
    after = user.get(f"/v1/conversations/{talk}")
    assert (after.text, after.headers["etag"]) == (before.text, before.headers["etag"])
    assert usage(user)["total_queries"] == 1


def test_the_monthly_limit_is_told_before_the_daily_one(api: Api, execute: Execute) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)
    set_used(execute, user, (10, 100))
    problem = ask(user, talk).json()
    assert (problem["limit"], problem["used"], problem["maximum"]) == ("monthly", 100, 100)
    assert problem["resets_at"] == usage(user)["monthly_resets_at"]


def test_a_due_reset_is_shown_by_a_read_and_applied_by_the_next_message(api: Api, execute: Execute) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)
    set_used(execute, user, (10, 100), f"{TODAY} - 1", f"({MONTH} - interval '1 month')::date")
    found = usage(user)
    assert (found["daily_used"], found["monthly_used"], found["total_queries"]) == (0, 0, 1)
    [row] = execute("select daily_used, monthly_used from usage where user_id = $1", UUID(user.id))
    assert row == {"daily_used": 10, "monthly_used": 100}
    assert ask(user, talk).status_code == 201
    [row] = execute("select * from usage where user_id = $1", UUID(user.id))
    today: date = datetime.now(UTC).date()
    assert (row["daily_used"], row["monthly_used"], row["total_queries"]) == (1, 1, 2)
    assert (row["last_reset_daily"], row["last_reset_monthly"]) == (today, today.replace(day=1))


def test_a_new_day_in_the_same_month_resets_the_day_alone(api: Api, execute: Execute) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)
    set_used(execute, user, (10, 42), f"{TODAY} - 1")
    assert ask(user, talk).status_code == 201
    found = usage(user)
    assert (found["daily_used"], found["monthly_used"]) == (1, 43)
    # On the same day nothing is due.
    set_used(execute, user, (10, 42))
    assert_problem(ask(user, talk), 429, "quota_exhausted")


def test_a_due_reset_happens_once_for_many_at_once(api: Api, execute: Execute) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)
    set_used(execute, user, (10, 42), f"{TODAY} - 1")
    path = f"/v1/conversations/{talk}/messages"
    answers = api.together(*(user.send("POST", path, json={"role": "user", "content": "?"}) for _ in range(30)))
    assert sorted(answer.status_code for answer in answers) == [201] * 10 + [429] * 20
    assert (usage(user)["daily_used"], usage(user)["monthly_used"]) == (10, 52)


@pytest.mark.parametrize("tier", LIMITS)
def test_a_tier_allows_what_it_says_and_keeps_what_was_used(
    api: Api, runner: asyncio.Runner, database: str, execute: Execute, tier: UsageTier
) -> None:
    user = api.user()
    talk = conversation(user)
    ask(user, talk)

    def set_tier(tier: UsageTier, daily: int | None, monthly: int | None) -> int:
        return runner.run(
            on_connection(database, lambda on: repository.set_tier(on, UUID(user.id), tier, Limits(daily, monthly)))
        )

    assert set_tier(tier, *LIMITS[tier]) == 1
    found = usage(user)
    assert (found["tier"], found["daily_limit"], found["monthly_limit"], found["daily_used"]) == (tier, *LIMITS[tier], 1)
    set_used(execute, user, (50, 90))
    assert ask(user, talk).status_code == (429 if tier == "free" else 201)
    # A limit of the user's own, below what was used: nothing is lost, nothing more is allowed.
    assert set_tier(tier, 5, None) == 1
    found = usage(user)
    assert (found["daily_limit"], found["monthly_limit"], found["daily_used"] >= 50) == (5, None, True)
    assert_problem(ask(user, talk), 429, "quota_exhausted")


def test_a_tier_is_for_somebody_who_exists_and_may_come_before_the_first_message(
    api: Api, runner: asyncio.Runner, database: str
) -> None:
    user = api.user()

    def set_tier(user_id: UUID) -> int:
        return runner.run(on_connection(database, lambda on: repository.set_tier(on, user_id, "pro", LIMITS["pro"])))

    assert (set_tier(uuid4()), set_tier(UUID(user.id))) == (0, 1)
    assert (usage(user)["tier"], usage(user)["daily_used"]) == ("pro", 0)
    ask(user, conversation(user))
    assert usage(user)["daily_used"] == 1


def test_usage_is_ones_own(api: Api) -> None:
    ada, bob = api.user(), api.user()
    ask(ada, conversation(ada))
    assert usage(bob)["total_queries"] == 0

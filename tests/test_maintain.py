"""`holdfast maintain`: what has expired goes, what is old is folded, and nothing else changes."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import asyncpg
import clustered
import pytest
from client import Api, User, assert_problem, soon
from command import holdfast, process
from locks import waited_for

from app.credits import repository
from app.database.errors import DatabaseUnavailable
from app.maintenance import jobs, sizes

Run = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def sql(runner: asyncio.Runner, database: str) -> Iterator[Run]:
    connection = runner.run(asyncpg.connect(database))
    yield lambda text, *values: runner.run(connection.fetch(text, *values))
    runner.run(connection.close())


def tidy(api: Api) -> dict[str, int]:
    return api.runner.run(jobs.run(api.database, api.storage))


@pytest.fixture(autouse=True)
def _tidied(api: Api) -> None:
    """What other tests left."""
    tidy(api)


def spend(user: User, times: int) -> None:
    for n in range(times):
        assert user.post("/v1/credits/deductions", {"amount": 1, "idempotency_key": f"k{n}"}).status_code == 201


def entries(user: User) -> list[tuple[int, str, int, int]]:
    items = user.get("/v1/credits/transactions?limit=200").json()["items"]
    return [(each["seq"], each["type"], each["amount"], each["balance_after"]) for each in items]


def age(sql: Run, user: User, up_to: int) -> None:
    sql(
        "with aged as materialized (select seq, now() - interval '91 days' + seq * interval '1 second' as created_at"
        " from credit_transactions where user_id = $1 and seq <= $2)"
        " update credit_transactions t set created_at = a.created_at from aged a where t.user_id = $1 and t.seq = a.seq",
        user.id,
        up_to,
    )


def test_nothing_to_do_is_nothing_done(api: Api) -> None:
    user = api.user()
    spend(user, 2)
    before = entries(user)
    assert tidy(api) == dict.fromkeys([*jobs.JOBS, jobs.OBJECTS], 0)
    assert entries(user) == before
    assert user.get("/v1/me").status_code == 200


def test_old_transactions_are_folded_into_a_checkpoint_with_the_same_sum(api: Api, sql: Run) -> None:
    user, other = api.user(), api.user()
    spend(user, 5)
    spend(other, 2)
    untouched = entries(other)
    age(sql, user, 4)
    assert tidy(api)["folded transactions"] == 4
    assert entries(user) == [(6, "deduct", -1, 45), (5, "deduct", -1, 46), (4, "checkpoint", 47, 47)]
    assert entries(other) == untouched
    assert tidy(api)["folded transactions"] == 0
    assert api.runner.run(repository.broken_accounts(api.database)) == []
    age(sql, user, 6)
    assert tidy(api)["folded transactions"] == 2
    assert entries(user) == [(6, "checkpoint", 45, 45)]
    assert user.post("/v1/credits/deductions", {"amount": 1}).json()["transaction"]["seq"] == 7
    sql("update users set role = 'service' where id = $1", user.id)
    refunded = soon(lambda: user.post("/v1/credits/refunds", {"transaction_seq": 6}), 404)
    assert_problem(refunded, 404, "not_found")
    assert api.runner.run(repository.broken_accounts(api.database)) == []


def test_an_account_that_was_emptied_is_folded_to_nothing_and_goes_on(api: Api, sql: Run) -> None:
    user = api.user()
    user.post("/v1/credits/deductions", {"amount": 50})
    age(sql, user, 2)
    assert tidy(api)["folded transactions"] == 2
    assert entries(user) == [(2, "checkpoint", 0, 0)]
    assert user.get("/v1/credits").json()["available"] == 0
    assert api.runner.run(repository.broken_accounts(api.database)) == []


def test_a_young_transaction_before_an_old_one_keeps_both(api: Api, sql: Run) -> None:
    user = api.user()
    spend(user, 3)
    age(sql, user, 4)
    sql("update credit_transactions set created_at = now() where user_id = $1 and seq = 2", user.id)
    assert tidy(api)["folded transactions"] == 1
    assert [entry[:2] for entry in entries(user)] == [(4, "deduct"), (3, "deduct"), (2, "deduct"), (1, "checkpoint")]
    assert api.runner.run(repository.broken_accounts(api.database)) == []


def test_a_long_ledger_is_folded_in_batches_while_its_owner_spends(api: Api, sql: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "BATCH", 7)
    user = api.user()
    spend(user, 30)
    age(sql, user, 31)

    async def tidy_often() -> Any:
        for _ in range(3):
            await jobs.run(api.database, api.storage)

    send = [user.send("POST", "/v1/credits/deductions", json={"amount": 1}) for _ in range(15)]
    answers = api.together(tidy_often(), *send, tidy_often())
    assert [answer.status_code for answer in answers if answer is not None] == [201] * 15
    assert tidy(api)["folded transactions"] == 0
    assert [entry[1] for entry in entries(user)] == ["deduct"] * 15 + ["checkpoint"]
    assert api.runner.run(repository.broken_accounts(api.database)) == []


def test_what_has_expired_goes_and_what_has_not_stays(api: Api, sql: Run) -> None:
    user = api.user()
    token = user.post("/v1/me/tokens", {"name": "T", "scopes": ["read"]}).json()["id"]
    sql(
        "insert into sessions (token_hash, user_id, created_at, expires_at) "
        "select sha256(n::text::bytea), $1, now() - interval '2 days', now() - interval '1 day' "
        "from generate_series(1, 1500) n",
        user.id,
    )
    sql("insert into rate_limits values ('old', now() - interval '3 hours', 1), ('new', now() - interval '1 hour', 1)")
    sql(
        "insert into query_cache values ('old', '{}', now() - interval '2 hours', now() - interval '1 hour'), "
        "('new', '{}', now(), now() + interval '1 hour')"
    )
    sql(
        "update api_tokens set created_at = now() - interval '1 year', expires_at = now() - interval '89 days' where id = $1",
        token,
    )
    counts = tidy(api)
    assert counts["expired sessions"] == 1500
    assert counts["past rate limits"] == 1
    assert counts["expired cached answers"] == 1
    assert counts["expired API tokens"] == 0
    kept = sql("select query_hash from query_cache where query_hash in ('old', 'new')")
    assert [row["query_hash"] for row in kept] == ["new"]
    assert user.get("/v1/me").status_code == 200
    sql("update api_tokens set expires_at = now() - interval '91 days' where id = $1", token)
    assert tidy(api)["expired API tokens"] == 1
    sql("delete from query_cache")


def told(api: Api, metric: str) -> dict[str, float]:
    """What /metrics says of each job, or table."""
    found = re.findall(rf'(?m)^{metric}{{\w+="([^"]+)".*}} (\S+)$', api.get("/metrics").text)
    return {name: float(value) for name, value in found}


def test_the_metrics_tell_when_each_job_was_done_how_long_it_took_and_which_one_failed(
    api: Api, sql: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {*jobs.JOBS, jobs.OBJECTS}
    sql("insert into rate_limits values ('old', now() - interval '3 hours', 1)")
    rows, runs, failures = (
        told(api, f"holdfast_{each}") for each in ("maintained_rows_total", "job_seconds_count", "job_failures_total")
    )
    started = time.time()
    tidy(api)
    done = told(api, "holdfast_job_timestamp_seconds")
    assert done.keys() == every
    assert all(started <= each <= time.time() for each in done.values())
    assert told(api, "holdfast_job_seconds_count") == {name: runs[name] + 1 for name in every}
    assert told(api, "holdfast_maintained_rows_total") == rows | {"past rate limits": rows["past rate limits"] + 1}

    async def broken(*_: Any) -> int:
        raise DatabaseUnavailable

    monkeypatch.setitem(jobs.JOBS, "past rate limits", broken)
    with pytest.raises(DatabaseUnavailable):
        tidy(api)
    assert told(api, "holdfast_job_failures_total") == failures | {"past rate limits": failures["past rate limits"] + 1}
    assert told(api, "holdfast_job_timestamp_seconds")["past rate limits"] == done["past rate limits"]


def test_a_table_that_a_migration_holds_is_not_waited_for(api: Api, runner: asyncio.Runner, database: str) -> None:
    async def look_meanwhile() -> None:
        connection = await asyncpg.connect(database)
        try:
            async with connection.transaction():
                await connection.execute("lock table tasks in access exclusive mode")
                async with asyncio.timeout(2):
                    await sizes.look(api.database)
        finally:
            await connection.close()

    with pytest.raises(asyncpg.LockNotAvailableError):
        runner.run(look_meanwhile())
    runner.run(sizes.look(api.database))
    assert re.search(r'(?m)^holdfast_table_bytes{part="rows",table="tasks"} [1-9]', api.get("/metrics").text)


def test_one_process_at_a_time_maintains(api: Api, sql: Run, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    spend(user, 2)
    age(sql, user, 3)
    other = runner.run(asyncpg.connect(database))
    transaction = other.transaction()
    runner.run(transaction.start())
    assert runner.run(other.fetchval("select pg_try_advisory_xact_lock(7301204518)")) is True
    assert tidy(api)["folded transactions"] == 0
    runner.run(transaction.rollback())
    runner.run(other.close())
    assert tidy(api)["folded transactions"] == 3


@clustered.plain("workers gather the statistics of their shards by themselves")
def test_tables_that_were_never_analyzed_are(api: Api, sql: Run) -> None:
    api.user()
    unseen = "select relname from pg_stat_user_tables where last_analyze is null and pg_relation_size(relid) > 0"
    # As after a crash, which takes what is known about tables.
    sql("select pg_stat_reset()")
    assert "users" in {row["relname"] for row in sql(unseen)}
    tidy(api)
    assert sql(unseen) == []


def test_the_command_says_what_it_did(api: Api, sql: Run, database: str) -> None:
    user = api.user()
    spend(user, 2)
    age(sql, user, 2)
    done = process(database, "maintain")
    assert done.returncode == 0, done.stderr
    assert "        2 folded transactions\n" in done.stdout
    verified = holdfast(database, "verify-ledger")
    assert (verified.returncode, verified.stdout) == (0, "Every account is the sum of its ledger.\n")
    sql("update credit_accounts set available = available + 1 where user_id = $1", user.id)
    broken = holdfast(database, "verify-ledger")
    assert (broken.returncode, broken.stdout) == (1, f"{user.id}\n")
    assert broken.stderr == "holdfast: The ledger does not add up for 1 of all accounts.\n"
    sql("update credit_accounts set available = available - 1 where user_id = $1", user.id)


def test_a_session_that_is_used_again_while_expired_ones_go_stays(
    api: Api, sql: Run, runner: asyncio.Runner, database: str
) -> None:
    user = api.user()

    async def use_during_the_removal() -> dict[str, int]:
        writer = await asyncpg.connect(database)
        # A request that began before the end: its worker still counts the session as live.
        past = "created_at = now() - interval '1 hour', expires_at = now() - interval '1 second'"
        await writer.execute(f"update sessions set {past} where user_id = $1", user.id)
        async with writer.transaction():
            await writer.execute("update sessions set expires_at = now() + interval '1 day' where user_id = $1", user.id)
            removal = asyncio.create_task(jobs.run(api.database, api.storage))
            await waited_for(writer)
        await writer.close()
        return await removal

    assert runner.run(use_during_the_removal())["expired sessions"] == 0
    assert sql("select count(*) as n from sessions where user_id = $1", user.id)[0]["n"] == 1

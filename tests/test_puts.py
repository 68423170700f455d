"""What every PUT that makes or replaces promises, whatever it puts."""

import asyncio
from datetime import date
from typing import TypeAlias
from uuid import UUID

import asyncpg
import httpx
import pytest
from client import Api, User, assert_problem
from locks import waited_for

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PUTS = {
    "habit_entries": "/v1/habits/{habit}/entries/2026-04-01",
    "daily_reviews": "/v1/daily-reviews/2026-04-01",
    "progress_snapshots": "/v1/progress-snapshots/monthly/2026-04-01",
}
"""Table -> path."""


@pytest.mark.parametrize("table", PUTS)
def test_a_put_that_expects_a_version_makes_nothing_while_another_request_deletes_it(
    api: Api, ada: User, connection: Connection, table: str
) -> None:
    path = PUTS[table].format(habit=ada.made("/v1/habits", {"name": "Stretch"})["id"])
    made = ada.put(path, {})
    assert made.status_code == 201

    async def put_during_a_delete() -> httpx.Response:
        async with connection.transaction():
            await connection.execute(f"delete from {table} where user_id = $1", UUID(ada.id))
            put = asyncio.create_task(ada.send("PUT", path, json={}, headers={"If-Match": made.headers["etag"]}))
            await waited_for(connection)
        return await put

    assert_problem(api.runner.run(put_during_a_delete()), 412, "version_mismatch")
    assert_problem(ada.get(path), 404, "not_found")


MADE = {
    "habit_entries": """
        insert into habit_entries (user_id, date, habit_id, completed)
        select user_id, $2, id, true from habits where user_id = $1""",
    "daily_reviews": "insert into daily_reviews (user_id, date) values ($1, $2)",
    "progress_snapshots": "insert into progress_snapshots (user_id, date, period) values ($1, $2, 'monthly')",
}
"""Table -> what another put writes."""


@pytest.mark.parametrize(("headers", "status"), [({"If-None-Match": "*"}, 412), ({}, 200)], ids=["none", "any"])
@pytest.mark.parametrize("table", PUTS)
def test_a_put_replaces_what_another_one_has_made_meanwhile_only_where_any_version_will_do(
    api: Api, connection: Connection, table: str, headers: dict[str, str], status: int
) -> None:
    user = api.user()
    path = PUTS[table].format(habit=user.made("/v1/habits", {"name": "Stretch"})["id"])

    async def put_during_a_put() -> httpx.Response:
        async with connection.transaction():
            await connection.execute(MADE[table], UUID(user.id), date(2026, 4, 1))
            put = asyncio.create_task(user.send("PUT", path, json={}, headers=headers))
            await waited_for(connection)
        return await put

    assert api.runner.run(put_during_a_put()).status_code == status

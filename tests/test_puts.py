"""What every PUT that makes or replaces promises, whatever it puts."""

import asyncio
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

"""What only a cluster can get wrong: rows that lie on every server, triggers of shards."""

import re

import clustered
import pytest
from client import Api, Execute, User

from app.maintenance import sizes

pytestmark = clustered.cluster


def on_every_server(execute: Execute, user: User) -> list[str]:
    """The user's row as each server has it."""
    placed = execute(
        "select result from run_command_on_placements('users', $1)",
        f"select to_jsonb(u) - 'password_hash' from %s u where id = '{user.id}'",
    )
    return [row["result"] for row in placed]


def test_a_changed_user_has_one_time_and_one_version_on_all_servers(api: Api, execute: Execute) -> None:
    user = api.user()
    before = user.get("/v1/me").json()
    after = user.patch("/v1/me", json={"name": "Ada"}).json()
    assert after["version"] > before["version"]
    assert after["updated_at"] > before["updated_at"]
    rows = on_every_server(execute, user)
    assert len(rows) == 3
    assert len({*rows}) == 1


def test_a_change_that_changes_nothing_leaves_a_user_as_they_are_on_all_servers(api: Api, execute: Execute) -> None:
    user = api.user()
    before = on_every_server(execute, user)
    assert user.patch("/v1/me", json={}).status_code == 200
    assert on_every_server(execute, user) == before


def test_a_list_by_tag_finds_what_a_users_shard_has(api: Api) -> None:
    for user in [api.user() for _ in range(4)]:
        task = user.task()
        tag = user.made("/v1/tags", {"name": "Garden"})
        assert user.put(f"/v1/tags/{tag['id']}/tasks/{task['id']}").status_code < 300
        assert [each["id"] for each in user.walk("/v1/tasks?tag=garden&limit=10")] == [task["id"]]


def told(api: Api, name: str) -> float:
    """The value of a line of /metrics."""
    found = re.search(rf"(?m)^{re.escape(name)} (.*)$", api.get("/metrics").text)
    assert found, name
    return float(found[1])


def test_the_metrics_tell_the_bytes_of_tables_on_all_servers(api: Api, execute: Execute) -> None:
    user = api.user()
    for _ in range(20):
        user.task(description="x" * 1000)
    api.runner.run(sizes.look(api.database))
    for table in ("tasks", "users", "sessions"):
        for part, of in (("rows", "pg_table_size"), ("indexes", "pg_indexes_size")):
            placed = execute("select result from run_command_on_placements($1::regclass, $2)", table, f"select {of}('%s')")
            bytes_of_all = sum(int(each["result"]) for each in placed)
            assert told(api, f'holdfast_table_bytes{{part="{part}",table="{table}"}}') == bytes_of_all > 0
    [local] = execute("select pg_table_size('query_cache') as bytes")
    assert told(api, 'holdfast_table_bytes{part="rows",table="query_cache"}') == local["bytes"]
    databases = execute("select result from run_command_on_all_nodes('select pg_database_size(current_database())')")
    assert told(api, "holdfast_database_bytes") == pytest.approx(sum(int(each["result"]) for each in databases), rel=0.1)

"""What only a cluster can get wrong: rows that lie on every server, triggers of shards."""

import clustered
from client import Api, Execute, User

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

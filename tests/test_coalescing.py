"""Calls that go out as one statement: each request gets what it would have got by a statement of its own."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import clustered
import msgspec
import pytest
from client import Api, Started, User, assert_problem, etag
from factories import new_uuid7

from app.database import coalescing
from app.database.executor import Transaction
from app.database.queries import Query
from app.tasks import repository as tasks
from app.tasks.schemas import Task, TaskCreate, TaskPatch

pytestmark = clustered.plain("each call is sent by itself: its row may be on any server")

Sent = list[tuple[str, int]]

FEW = coalescing.FEW


@pytest.fixture(autouse=True)
def two_are_not_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have calls wait as soon as one is under way."""
    monkeypatch.setattr(coalescing, "FEW", 1)


@pytest.fixture
def sent(api: Api, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """The statements that the app sends from now on: the name of each, and for how many calls it is."""
    found: Sent = []
    run = api.database.run

    async def noted(query: Query, values: list[Any]) -> Any:
        found.append((query.name, len(values[0]) if query.name.endswith("_many") else 1))
        return await run(query, values)

    monkeypatch.setattr(api.database, "run", noted)
    return found


def of(sent: Sent, name: str) -> list[int]:
    """For how many calls each statement is that was sent as `name` or as its batch."""
    return [calls for each, calls in sent if each in {name, f"{name}_many"}]


def test_reads_at_the_same_time_go_out_together_and_each_gets_its_own_row(api: Api, ada: User, bob: User, sent: Sent) -> None:
    mine, yours = [ada.task(title=f"A{n}") for n in range(6)], [bob.task(title=f"B{n}") for n in range(6)]
    sent.clear()
    asked = [(ada, task["id"]) for task in mine] + [(bob, task["id"]) for task in yours]
    asked += [(ada, mine[0]["id"]), (ada, yours[0]["id"]), (bob, str(uuid4()))]
    answers = api.together(*(user.send("GET", f"/v1/tasks/{task_id}") for user, task_id in asked))
    assert [answer.json() for answer in answers[:13]] == [*mine, *yours, mine[0]]
    assert_problem(answers[13], 403, "forbidden")
    assert_problem(answers[14], 404, "not_found")
    assert sum(of(sent, "tasks.get")) == 15
    assert len(of(sent, "tasks.get")) < 8


def test_a_call_that_finds_none_under_way_is_sent_as_it_is(ada: User, sent: Sent) -> None:
    task = ada.task()
    assert ada.get(f"/v1/tasks/{task['id']}").json() == task
    assert ada.patch(f"/v1/tasks/{task['id']}", {"title": "Changed"}).status_code == 200
    assert sent == [("tasks.create", 1), ("tasks.get", 1), ("tasks.patch", 1)]


def test_a_few_calls_at_the_same_time_are_sent_as_they_are_and_the_more_the_fewer(
    api: Api, ada: User, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coalescing, "FEW", FEW)
    row = UUID(ada.task()["id"])

    def read(number: int) -> list[int]:
        sent.clear()
        api.together(*(tasks.get(api.database, UUID(ada.id), row) for _ in range(number)))
        return of(sent, "tasks.get")

    def read_by_few_for_a_while() -> None:
        for _ in range(30):
            read(2)

    read_by_few_for_a_while()
    assert read(FEW) == [1] * FEW
    assert read(20) == [1] * FEW + [20 - FEW]
    # So many have waited that the next one is the only one that does not, also when now and then there are few.
    assert read(20) == [1, 19]
    assert read(FEW) == [1, FEW - 1]
    assert read(20) == [1, 19]
    read_by_few_for_a_while()
    assert read(FEW) == [1] * FEW


def test_creates_at_the_same_time_go_out_together_and_each_gets_its_own_row(api: Api, ada: User, bob: User, sent: Sent) -> None:
    people = [ada, bob] * 10
    answers = api.together(
        *(user.send("POST", "/v1/tasks", json={"title": f"T{n}", "completed": n % 3 == 0}) for n, user in enumerate(people))
    )
    for n, (user, answer) in enumerate(zip(people, answers, strict=True)):
        assert (answer.status_code, answer.json()["title"], answer.json()["completed"]) == (201, f"T{n}", n % 3 == 0)
        assert user.get(answer.headers["location"]).json() == answer.json()
    assert sum(of(sent, "tasks.create")) == 20
    assert len(of(sent, "tasks.create")) < 10


def test_creates_with_a_chosen_id_are_sent_as_they_are_and_make_one_row(api: Api, ada: User, sent: Sent) -> None:
    body = {"id": str(new_uuid7()), "title": "Once"}
    answers = api.together(*(ada.send("POST", "/v1/tasks", json=body) for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert ("tasks.create_many", 16) not in sent
    assert set(of(sent, "tasks.create")) == {1}


def test_patches_at_the_same_time_each_change_their_own_row(api: Api, ada: User, bob: User, sent: Sent) -> None:
    mine, yours = [ada.task(title=f"A{n}", description="d") for n in range(8)], bob.task()
    sent.clear()
    answers = api.together(
        *(ada.send("PATCH", f"/v1/tasks/{task['id']}", json={"title": f"N{n}"}) for n, task in enumerate(mine)),
        ada.send("PATCH", f"/v1/tasks/{yours['id']}", json={"title": "Mine now"}),
        ada.send("PATCH", f"/v1/tasks/{uuid4()}", json={"title": "None"}),
    )
    assert [(each.json()["title"], each.json()["description"]) for each in answers[:8]] == [(f"N{n}", "d") for n in range(8)]
    assert_problem(answers[8], 403, "forbidden")
    assert_problem(answers[9], 404, "not_found")
    assert bob.get(f"/v1/tasks/{yours['id']}").json() == yours
    assert any(name == "tasks.patch_many" and calls > 1 for name, calls in sent)


def test_patches_of_one_row_at_the_same_time_are_made_one_after_another(api: Api, ada: User) -> None:
    task, other = ada.task(), ada.task()
    paths = [f"/v1/tasks/{task['id']}"] * 24 + [f"/v1/tasks/{other['id']}"]
    answers = api.together(*(ada.send("PATCH", path, json={"title": f"P{n}"}) for n, path in enumerate(paths)))
    assert [answer.json()["title"] for answer in answers] == [f"P{n}" for n in range(25)]
    assert len({answer.json()["version"] for answer in answers[:24]}) == 24
    last = max(answers[:24], key=lambda answer: answer.json()["version"]).json()
    assert ada.get(paths[0]).json() == last


def test_patches_with_a_condition_are_sent_as_they_are(api: Api, ada: User, sent: Sent) -> None:
    rows = [ada.task() for _ in range(8)]
    sent.clear()
    answers = api.together(
        *(
            ada.send("PATCH", f"/v1/tasks/{row['id']}", json={"title": "New"}, headers={"If-Match": etag(row, n % 2)})
            for n, row in enumerate(rows)
        )
    )
    assert [answer.status_code for answer in answers] == [200, 412] * 4
    assert of(sent, "tasks.patch") == [1] * 8


def test_no_patch_of_two_workers_is_lost(api: Api, started: Started, ada: User) -> None:
    other = started()
    rows = [UUID(ada.task(description="d")["id"]) for _ in range(20)]

    async def patch(on: Api, ids: list[UUID], changes: TaskPatch) -> None:
        answers = await asyncio.gather(
            *(ada.at(on).send("PATCH", f"/v1/tasks/{each}", json=msgspec.to_builtins(changes)) for each in ids)
        )
        assert {answer.status_code for answer in answers} == {200}

    async def crossed() -> None:
        for number in range(20):
            # The second worker has them in the opposite order, and changes another field of each.
            await asyncio.gather(
                patch(api, rows, TaskPatch(title=f"a{number}")),
                patch(other, rows[::-1], TaskPatch(description=f"b{number}")),
            )
            found = await asyncio.gather(*(ada.send("GET", f"/v1/tasks/{each}") for each in rows))
            assert {(each.json()["title"], each.json()["description"]) for each in found} == {(f"a{number}", f"b{number}")}

    before = failed(api)
    api.runner.run(asyncio.wait_for(crossed(), 60))
    # No deadlock, which would have been tried again.
    assert failed(api) == before


def failed(api: Api) -> list[str]:
    return [line for line in api.get("/metrics").text.splitlines() if line.startswith("holdfast_failed_queries_total{")]


def test_a_row_locked_elsewhere_holds_up_its_own_patch_only(api: Api, ada: User, database: str) -> None:
    rows = [ada.task() for _ in range(12)]

    async def patch(id: str) -> Any:
        return (await ada.send("PATCH", f"/v1/tasks/{id}", json={"title": "Changed"})).json()["title"]

    async def patched(held: int) -> list[Any]:
        connection = await asyncpg.connect(database)
        try:
            async with connection.transaction():
                await connection.execute("select from tasks where id = $1::text::uuid for update", rows[held]["id"])
                patches = [asyncio.create_task(patch(task["id"])) for task in rows]
                await asyncio.sleep(0.5)
                assert [each.done() for each in patches] == [number != held for number in range(12)]
        finally:
            await connection.close()
        return await asyncio.gather(*patches)

    # The first one is sent as it is, the others are those of a batch.
    assert api.runner.run(patched(0)) == ["Changed"] * 12
    assert api.runner.run(patched(5)) == ["Changed"] * 12


def test_more_calls_than_fit_go_out_in_several_batches(api: Api, ada: User, sent: Sent) -> None:
    rows = [UUID(ada.task()["id"]) for _ in range(5)]
    sent.clear()

    async def read() -> list[Task | None]:
        return await asyncio.gather(*(tasks.get(api.database, UUID(ada.id), rows[n % 5]) for n in range(250)))

    assert [task and task.id for task in api.runner.run(read())] == rows * 50
    assert sum(of(sent, "tasks.get")) == 250
    assert max(of(sent, "tasks.get")) == coalescing.LARGEST


def test_inside_of_a_transaction_nothing_goes_out_together(api: Api, ada: User, sent: Sent) -> None:
    task = ada.task()
    sent.clear()

    async def read(on: Transaction) -> list[Any]:
        made = await tasks.create(on, UUID(ada.id), TaskCreate(title="Inside"))
        assert made is not None
        outside = [tasks.get(api.database, UUID(ada.id), made.id) for _ in range(4)]
        return [await tasks.get(on, UUID(ada.id), made.id), *await asyncio.gather(*outside)]

    inside, *outside = api.runner.run(api.database.transaction(read))
    assert (inside.title, outside) == ("Inside", [None] * 4)
    assert sum(of(sent, "tasks.get")) == 4
    assert of(sent, "tasks.create") == []
    assert ada.get(f"/v1/tasks/{inside.id}").json()["title"] == "Inside"
    assert ada.get(f"/v1/tasks/{task['id']}").json() == task


def test_batches_have_a_time_of_their_own_in_the_metrics(api: Api, ada: User) -> None:
    task = ada.task()
    api.together(*(ada.send("GET", f"/v1/tasks/{task['id']}") for _ in range(5)))
    assert 'holdfast_query_seconds_count{query="tasks.get_many"}' in api.get("/metrics").text

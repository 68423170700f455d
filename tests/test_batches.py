"""A statement for several calls, <name>_many, gives and does for each of them what the single statement would."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import date
from typing import Any, NamedTuple, cast
from uuid import UUID, uuid4

import asyncpg
import clustered
import msgspec
import pytest
import sqlglot
from client import User
from seeds import fill
from statements import STATEMENTS, Statement

from app.database.connection import Connection
from app.database.executor import Transaction
from app.database.queries import Query, load
from app.habits import repository as habits
from app.habits.schemas import HabitCreate, HabitPatch
from app.nutrition import repository as nutrition
from app.nutrition.schemas import FoodCreate, FoodPatch
from app.tasks import repository as tasks
from app.tasks.schemas import TaskCreate, TaskPatch

pytestmark = clustered.plain("each call is sent by itself: its row may be on any server")


@pytest.fixture(scope="module")
def connection(runner: asyncio.Runner, database: str) -> Iterator[Connection]:
    """A connection of the app's own kind, beside the app."""
    connection = runner.run(asyncpg.connect(database, connection_class=Connection))
    yield connection
    runner.run(connection.close())


BATCHES = [statement for statement in STATEMENTS if statement.single is not None]


def test_every_read_of_a_row_by_its_key_has_a_batch_or_says_why_not() -> None:
    batched = {statement.single.name for statement in BATCHES if statement.single is not None}
    reads = {
        statement.query.name: statement
        for statement in STATEMENTS
        if statement.operator == "^" and statement.name.startswith("get") and statement.query.reads_only
    }
    why = {name for name, statement in reads.items() if statement.reason("batch: none") is not None}
    assert reads.keys() - batched == why
    assert not why & batched


# Reads


def test_a_batch_of_reads_gives_each_call_the_row_that_it_would_get_alone(runner: asyncio.Runner, own_database: str) -> None:
    runner.run(_check_reads(own_database))


async def _check_reads(url: str) -> None:
    connection = await asyncpg.connect(url, connection_class=Connection)
    try:
        await fill(connection, 3, 300, "1 + place % 3")
        for statement in BATCHES:
            single = statement.single
            if single is not None and single.reads_only:
                calls = await _calls(connection, statement)
                expected = [await connection.fetchrow(single.sql, *call) for call in calls]
                assert sum(row is not None for row in expected) > 20, statement
                found: list[Any] = [None] * len(calls)
                for row in await connection.fetch(statement.query.sql, *zip(*calls, strict=True)):
                    found[row["place"] - 1] = dict(row)
                    del found[row["place"] - 1]["place"]
                assert found == [row and dict(row) for row in expected], statement
    finally:
        await connection.close()


async def _calls(connection: Connection, statement: Statement) -> list[list[Any]]:
    """The parameters of calls: of rows that are there, some of them twice; of others' rows; of none."""
    single = cast("Query", statement.single)
    assert single.order == statement.query.order
    select = cast("sqlglot.exp.Select", sqlglot.parse_one(single.sql, dialect="postgres"))
    table = select.args["from_"].this.name
    rows = await connection.fetch(f"select {', '.join(single.order)} from {table} order by md5({table}::text) limit 30")
    calls = [[*row] for row in rows]
    foreign = [[other[0], *call[1:]] for call, other in zip(calls, [*calls[1:], calls[0]], strict=True)]
    return [*calls, *calls[:3], *foreign, [uuid4(), *calls[0][1:]], *calls[::-1]]


# Creates and patches


class Slice(NamedTuple):
    """A slice with batches that write, and the bodies to try them with."""

    repository: Any
    table: str
    creates: list[Any]
    patches: list[Any]
    bad_creates: list[Any]
    bad_patches: list[Any]


LUNCH: dict[str, Any] = {"date": date(2026, 11, 1), "meal_type": "lunch", "name": "Soup"}

SLICES = {
    "tasks": Slice(
        tasks,
        "tasks",
        [
            TaskCreate(title="Water"),
            TaskCreate(title="Repot", description="Büsche 🌿"),
            TaskCreate(title="Cut", completed=True, due_date=date(2026, 11, 1), priority=5),
        ],
        [TaskPatch(completed=False, due_date=None, priority=1), TaskPatch(description=None, completed=True), TaskPatch()],
        [TaskCreate(title=" "), TaskCreate(title="a" * 201)],
        [TaskPatch(title=""), TaskPatch(description="a" * 1001)],
    ),
    "habits": Slice(
        habits,
        "habits",
        [
            HabitCreate(name="Read", frequency="weekly"),
            HabitCreate(name="Run", kind="numeric", unit="km", target_value=2.5, frequency="custom", target_days=3),
            HabitCreate(
                name="Rest", description="Long", category="Body", color="#00ff00", icon="bed", position=4, reward="Tea"
            ),
            HabitCreate(name="Swim", frequency="weekdays", weekdays=[1, 4], nature="useful", duration_seconds=1800.5),
            HabitCreate(name="Water", frequency="interval", interval_days=3),
        ],
        [
            HabitPatch(frequency="weekly"),
            HabitPatch(frequency="monthly"),
            HabitPatch(frequency="custom", target_days=2),
            HabitPatch(frequency="weekdays", weekdays=[7]),
            HabitPatch(frequency="daily"),
        ],
        [HabitCreate(name=" "), HabitCreate(name="Run", position=-1), HabitCreate(name="Run", target_days=3)],
        [HabitPatch(name=""), HabitPatch(target_days=8), HabitPatch(weekdays=[2, 1]), HabitPatch(related_habit_id=uuid4())],
    ),
    "nutrition": Slice(
        nutrition,
        "foods",
        [
            FoodCreate(**LUNCH, calories=320.5),
            FoodCreate(**LUNCH, time="08:30", is_favorite=True, notes="Green"),
            FoodCreate(**LUNCH | {"date": date(9999, 12, 31)}, portion="1 cup", sodium_mg=1),
        ],
        [FoodPatch(time="10:00"), FoodPatch(calories=1.25, notes=None), FoodPatch(name="Stew", is_favorite=False)],
        [FoodCreate(**LUNCH | {"name": " "}), FoodCreate(**LUNCH, calories=-1)],
        [FoodPatch(name=" "), FoodPatch(fats_g=-1)],
    ),
}


def test_every_batch_that_writes_is_tried_here() -> None:
    written = {f"{each.file}.{each.name}" for each in BATCHES if not each.query.reads_only}
    assert written == {f"{name}.{batch}" for name in SLICES for batch in ("create_many", "patch_many")}


class Batched(Transaction):
    """Sends calls that can be batched as batches of so many; one by one by their single statement, if that is 0."""

    def __init__(self, connection: Connection, size: int) -> None:
        super().__init__(connection, echo=False)
        self._size = size
        self._calls: list[tuple[list[Any], asyncio.Future[Any]]] = []
        self._one_by_one = asyncio.Lock()

    def coalesce(self, query: Query, values: list[Any]) -> Coroutine[Any, Any, Any]:
        return self._batched(query, values) if self._size else self._single(query, values)

    async def _single(self, query: Query, values: list[Any]) -> Any:
        async with self._one_by_one:
            return await self.run(query, values)

    async def _batched(self, query: Query, values: list[Any]) -> Any:
        row: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls.append((values, row))
        if len(self._calls) == self._size:
            assert query.batch is not None
            calls, self._calls = self._calls, []
            arrays = [[values[query.order.index(name)] for values, _ in calls] for name in query.batch.order]
            for found in await self.run(query.batch, arrays):
                calls[found[-1] - 1][1].set_result(found[:-1])
        return await row


async def undone(connection: Connection, work: Awaitable[Any]) -> Any:
    """Do something in a transaction that is rolled back; returns what comes of it, or which constraint it breaks."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        return await work
    except asyncpg.PostgresError as error:
        return type(error), getattr(error, "constraint_name", None)
    finally:
        await transaction.rollback()


@pytest.mark.parametrize("name", SLICES)
def test_a_batch_makes_and_changes_each_row_as_the_single_statement_does(
    runner: asyncio.Runner, connection: Connection, ada: User, name: str
) -> None:
    tried, owner = SLICES[name], UUID(ada.id)

    async def write(on: Transaction) -> list[dict[str, Any]]:
        made = await asyncio.gather(*(tried.repository.create(on, owner, each) for each in tried.creates))
        turned = [*zip(made[::-1], tried.patches, strict=True)]
        patched = await asyncio.gather(*(tried.repository.patch(on, owner, row.id, None, changes) for row, changes in turned))
        assert [row.id for row in patched] == [row.id for row, _ in turned]
        assert [row.version > before.version for row, before in zip(patched, made[::-1], strict=True)] == [
            changes != type(changes)() for changes in tried.patches
        ]
        stored = await connection.fetch(f"select * from {tried.table} where user_id = $1 order by id", owner)
        rows = [msgspec.structs.asdict(row) for row in (*made, *patched)] + [dict(row) for row in stored]
        # No two rows have these in common.
        return [{key: row[key] for key in row if key not in {"id", "updated_at", "version"}} for row in rows]

    single = runner.run(undone(connection, write(Batched(connection, 0))))
    batched = runner.run(undone(connection, write(Batched(connection, len(tried.creates)))))
    # Each way has a transaction, and so a time, of its own.
    for row in (*single, *batched):
        now = row.pop("created_at")
        row.update({key: "now" for key, value in row.items() if value == now})
    assert batched == single
    assert len(batched) == 3 * len(tried.creates)


@pytest.mark.parametrize("name", SLICES)
def test_a_batch_breaks_the_constraint_that_the_single_statement_breaks(
    runner: asyncio.Runner, connection: Connection, ada: User, name: str
) -> None:
    tried = SLICES[name]

    async def create(on: Transaction, owner: UUID, new: Any) -> None:
        await tried.repository.create(on, owner, new)

    async def patch(on: Transaction, changes: Any) -> None:
        row = await tried.repository.create(Batched(connection, 0), UUID(ada.id), tried.creates[0])
        await tried.repository.patch(on, UUID(ada.id), row.id, None, changes)

    def breaks(write: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        single = runner.run(undone(connection, write(Batched(connection, 0), *arguments)))
        batched = runner.run(undone(connection, write(Batched(connection, 1), *arguments)))
        assert batched == single
        assert issubclass(single[0], asyncpg.IntegrityConstraintViolationError)

    for new in tried.bad_creates:
        breaks(create, UUID(ada.id), new)
    breaks(create, uuid4(), tried.creates[0])
    for changes in tried.bad_patches:
        breaks(patch, changes)


def test_a_batch_of_patches_finds_no_foreign_row_and_none_that_is_locked(
    runner: asyncio.Runner, connection: Connection, ada: User, bob: User, database: str
) -> None:
    async def found(tried: Slice, patch: Query) -> tuple[Any, Any]:
        single = Batched(connection, 0)
        mine, locked, other = [await tried.repository.create(single, UUID(ada.id), each) for each in tried.creates[:3]]
        yours = await tried.repository.create(single, UUID(bob.id), tried.creates[0])
        beside = await asyncpg.connect(database)
        try:
            async with beside.transaction():
                await beside.execute(f"select from {tried.table} where id = $1 for key share", mine.id)
                await beside.execute(f"select from {tried.table} where id = $1 for update", locked.id)
                ids = [locked.id, yours.id, mine.id, uuid4(), other.id]
                rows = await connection.fetch(patch.sql, [UUID(ada.id)] * 5, ids, ["{}"] * 5, timeout=10)
        finally:
            await beside.close()
        expected = [(3, mine.id), (5, other.id)]
        return expected, sorted((row["place"], row["id"]) for row in rows)

    for name, tried in SLICES.items():
        expected, rows = runner.run(found(tried, cast("Query", load(name).patch.batch)))
        assert rows == expected, name

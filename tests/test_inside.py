"""A transaction that stands for a database: who catches a failure in it, and goes on, finds what it would find there."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from uuid import UUID

import asyncpg
import pytest
from client import Api, User
from factories import new_uuid7

from app.database.executor import Transaction
from app.database.inside import Inside, SavepointsNeeded
from app.database.queries import Executor
from app.tags import repository as tags
from app.tags.schemas import TagCreate
from app.tasks import repository as tasks
from app.tasks.schemas import Task, TaskCreate

Work = Callable[[Inside, UUID], Awaitable[None]]


async def tag(database: Executor, user_id: UUID, name: str) -> None:
    assert await tags.create(database, user_id, TagCreate(name=name))


async def goes_on(inside: Inside, user_id: UUID) -> None:
    """Go on after a statement that failed."""
    await tag(inside, user_id, "First")
    with pytest.raises(asyncpg.UniqueViolationError):
        await tag(inside, user_id, "First")
    await tag(inside, user_id, "Last")


async def reads_on(inside: Inside, user_id: UUID) -> None:
    """Read after a transaction that was given up."""

    async def give_up(transaction: Executor) -> None:
        await tag(transaction, user_id, "Given up")
        raise LookupError

    async def go_on(transaction: Executor) -> None:
        await tag(transaction, user_id, "Last")

    await tag(inside, user_id, "First")
    with pytest.raises(LookupError):
        await inside.transaction(give_up)
    assert await tags.get(inside, user_id, user_id) is None
    await inside.transaction(go_on)


async def ends(inside: Inside, user_id: UUID) -> None:
    """End with a failure: what is committed after it is nothing."""
    await tag(inside, user_id, "First")
    await tag(inside, user_id, "Last")
    with pytest.raises(asyncpg.UniqueViolationError):
        await tag(inside, user_id, "Last")


def done(api: Api, user: User, work: Work, *, savepoints: bool) -> None:
    async def all_of_it(transaction: Transaction) -> None:
        inside = Inside(transaction, savepoints=savepoints)
        await work(inside, UUID(user.id))
        inside.check()

    api.runner.run(api.database.transaction(all_of_it))


def names(user: User) -> list[str]:
    return [each["name"] for each in user.get("/v1/tags?order=oldest").json()["items"]]


@pytest.mark.parametrize("work", [goes_on, reads_on, ends])
def test_a_failure_that_is_caught_asks_for_savepoints_and_with_them_ends_only_itself(api: Api, work: Work) -> None:
    user = api.user()
    with pytest.raises(SavepointsNeeded):
        done(api, user, work, savepoints=False)
    assert names(user) == []
    done(api, user, work, savepoints=True)
    assert names(user) == ["First", "Last"]


@pytest.mark.parametrize("savepoints", [False, True])
def test_what_fails_and_is_not_caught_undoes_all(api: Api, savepoints: bool) -> None:  # noqa: FBT001
    async def fail(inside: Inside, user_id: UUID) -> None:
        await tag(inside, user_id, "First")
        await inside.transaction(lambda transaction: tag(transaction, user_id, "First"))

    user = api.user()
    with pytest.raises(asyncpg.UniqueViolationError):
        done(api, user, fail, savepoints=savepoints)
    assert names(user) == []


def test_reads_at_the_same_time_as_those_of_others_stay_in_the_transaction(api: Api) -> None:
    user = api.user()
    user_id = UUID(user.id)

    async def read_many(transaction: Transaction) -> None:
        inside = Inside(transaction, savepoints=False)
        made = await tags.create(inside, user_id, TagCreate(name="Unseen"))
        assert made
        outside = await asyncio.gather(*(tags.get(api.database, user_id, made.id) for _ in range(20)))
        assert (await tags.get(inside, user_id, made.id), outside) == (made, [None] * 20)

    api.runner.run(api.database.transaction(read_many))


def test_works_that_are_done_together_send_their_first_statements_as_one(api: Api) -> None:
    user = api.user()
    user_id = UUID(user.id)
    chosen = new_uuid7()

    async def create(inside: Inside, title: str, id: UUID | None = None) -> Task | None:
        return await tasks.create(inside, user_id, TaskCreate(title=title, id=id))

    async def fail(inside: Inside) -> None:
        await create(inside, "D")
        raise LookupError

    async def all_of_it(transaction: Transaction) -> list[Task | None]:
        inside = Inside(transaction, savepoints=False)
        wanted: list[tuple[str, UUID | None]] = [("A", None), ("B", None), ("C", chosen)]
        made = await inside.together([partial(create, inside, *each) for each in wanted])
        # One that finds no row of its own finds that out by itself.
        taken = await inside.together([partial(create, inside, "D"), partial(create, inside, "E", chosen)])
        assert [each is None for each in taken] == [False, True]
        with pytest.raises(SavepointsNeeded):
            await inside.together([partial(fail, inside), partial(fail, inside)])
        return made

    made = api.runner.run(api.database.transaction(all_of_it))
    assert [each and each.title for each in made] == ["A", "B", "C"]

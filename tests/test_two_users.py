"""Two users do whatever they like, in any order: neither ever sees, changes or counts a row of the other.

Hypothesis makes up the days of their lives. What should be there is kept in a plain model, and compared after each step.
"""

import os
import time
from datetime import date
from typing import Any, cast
from uuid import UUID

import httpx
from client import PASSWORD, Api, User, assert_problem, etag, set_by_change
from factories import new_uuid7
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

Row = dict[str, Any]

NAMES = st.sampled_from(["ada", "bob"])
AGES = st.integers(-80_000, 1_000_000)
"""Seconds since the time inside a chosen id; below 0: ahead of now, as a phone's clock may be."""

TITLES = st.sampled_from(["T", "x" * 200, "'; drop table tasks; --", "🎉"]) | st.text('abc \\"%_\n', max_size=5).map(
    "t{}".format
)
DESCRIPTIONS = st.none() | st.just("") | st.text("abc", max_size=5)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "description": DESCRIPTIONS,
    "completed": st.booleans(),
    "due_date": st.none() | st.dates(date(1900, 1, 1)).map(str),
    "priority": st.none() | st.integers(0, 5),
}
DEFAULTS = {"description": None, "completed": False, "due_date": None, "priority": None}
FIELDS = st.fixed_dictionaries({"title": TITLES}, optional=OPTIONAL)
ORDERS = st.sampled_from(["newest", "oldest", "due"])
TASKS = st.lists(FIELDS, min_size=1, max_size=5)
CHANGES = st.fixed_dictionaries({}, optional={"title": TITLES, **OPTIONAL})
VERSIONS = st.none() | st.just("*") | st.integers(0, 2)
"""What If-Match asks for; None: no header; a number: the version so many changes ago of this id, deleted since or not."""


class Person:
    """What one of the two has."""

    def __init__(self, user: User) -> None:
        self.user = user
        self.rows: dict[str, Row] = {}
        self.versions: dict[str, list[int]] = {}

    def keep(self, row: Row) -> None:
        self.rows[row["id"]] = row
        self.versions.setdefault(row["id"], []).append(row["version"])

    def if_match(self, id: str, wanted: str | int | None) -> tuple[dict[str, str], bool]:
        """The header, and whether it lets the row be changed, if it is there."""
        if not isinstance(wanted, int):
            return ({} if wanted is None else {"If-Match": wanted}), True
        had = self.versions.get(id, [])
        version = had[-1 - wanted] if wanted < len(had) else 1
        return {"If-Match": f'"{version}"'}, id in self.rows and version == self.rows[id]["version"]

    def newest_first(self) -> list[Row]:
        return sorted(self.rows.values(), key=lambda row: UUID(row["id"]), reverse=True)


class TwoUsers(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.api = api
        self.people = {"ada": Person(api.user()), "bob": Person(api.user())}

    @initialize(target=ids, ada=TASKS, bob=TASKS)
    def begin(self, ada: list[Row], bob: list[Row]) -> MultipleResults[str]:
        return multiple(
            *(str(self.made(name, fields)["id"]) for name, tasks in (("ada", ada), ("bob", bob)) for fields in tasks)
        )

    @rule(target=ids, age=AGES)
    def think_of_an_id(self, age: int) -> str:
        return str(new_uuid7(time.time() - age))

    @rule(target=ids, name=NAMES, tasks=TASKS)
    def create(self, name: str, tasks: list[Row]) -> MultipleResults[str]:
        return multiple(*(str(self.made(name, fields)["id"]) for fields in tasks))

    @rule(name=NAMES, id=ids, fields=FIELDS)
    def create_with_an_id(self, name: str, id: str, fields: Row) -> None:
        """It may be one's own, that of the other, or nobody's; made before, deleted before, or new."""
        mine = self.people[name].rows.get(id)
        if mine is None:
            assert self.made(name, fields | {"id": id})["id"] == id
        else:
            answer = self.people[name].user.post("/v1/tasks", fields | {"id": id})
            made_of_this = mine | DEFAULTS | fields == mine
            if mine["updated_at"] == mine["created_at"] and not made_of_this:
                assert_problem(answer, 409, "id_taken", "id")
            else:
                assert (answer.status_code, answer.json()) == (200, mine)

    def made(self, name: str, fields: Row) -> Row:
        answer = self.people[name].user.post("/v1/tasks", fields)
        assert answer.status_code == 201, answer.text
        row: Row = answer.json()
        expected = DEFAULTS | fields | {"user_id": self.people[name].user.id, "updated_at": row["created_at"]}
        expected["completed_at"] = row["created_at"] if expected["completed"] else None
        assert row == row | expected
        assert row["version"] > max(self.people[name].versions.get(row["id"], [0]))
        self.people[name].keep(row)
        return row

    @rule(name=NAMES, id=ids)
    def read(self, name: str, id: str) -> None:
        answer = self.people[name].user.get(f"/v1/tasks/{id}")
        mine = self.people[name].rows.get(id)
        if mine is None:
            self.check_denied(name, id, answer)
        else:
            assert (answer.status_code, answer.json(), answer.headers["etag"]) == (200, mine, etag(mine))

    @rule(name=NAMES, id=ids, changes=CHANGES, version=VERSIONS)
    def patch(self, name: str, id: str, changes: Row, version: str | int | None) -> None:
        headers, fits = self.people[name].if_match(id, version)
        answer = self.people[name].user.patch(f"/v1/tasks/{id}", changes, headers=headers)
        mine = self.people[name].rows.get(id)
        if mine is None:
            self.check_denied(name, id, answer)
        elif not fits:
            assert_problem(answer, 412, "version_mismatch")
        elif mine == mine | changes:
            assert (answer.status_code, answer.json()) == (200, mine)
        else:
            row: Row = answer.json()
            assert answer.status_code == 200, answer.text
            assert row == mine | changes | set_by_change(mine, row) | {"completed_at": row["completed_at"]}
            if row["completed"] and not mine["completed"]:
                assert mine["updated_at"] < row["completed_at"] <= row["updated_at"]
            else:
                assert row["completed_at"] == (mine["completed_at"] if row["completed"] else None)
            self.people[name].keep(row)

    @rule(name=NAMES, id=ids, version=VERSIONS)
    def delete(self, name: str, id: str, version: str | int | None) -> None:
        headers, fits = self.people[name].if_match(id, version)
        answer = self.people[name].user.delete(f"/v1/tasks/{id}", headers=headers)
        mine = self.people[name].rows.get(id)
        if mine is None:
            self.check_denied(name, id, answer)
        elif not fits:
            assert_problem(answer, 412, "version_mismatch")
        else:
            assert answer.status_code == 204, answer.text
            del self.people[name].rows[id]

    def check_denied(self, name: str, id: str, answer: httpx.Response) -> None:
        """A row of the other is forbidden, whatever was asked; any other does not exist."""
        other = self.people["bob" if name == "ada" else "ada"]
        if id in other.rows:
            assert_problem(answer, 403, "forbidden")
        else:
            assert_problem(answer, 404, "not_found")

    @rule(name=NAMES, completed=st.none() | st.booleans(), order=ORDERS, limit=st.integers(1, 4))
    def page_through(self, *, name: str, completed: bool | None, order: str, limit: int) -> None:
        person = self.people[name]
        if order == "due":
            completed = False
        expected = [row for row in person.newest_first() if completed in {None, row["completed"]}]
        if order != "newest":
            expected.reverse()
        if order == "due":
            expected.sort(key=lambda row: row["due_date"] or "without one last")
        query: Row = {"limit": limit, "order": order}
        if completed is not None:
            query["completed"] = str(completed).lower()
        seen: list[Row] = []
        while True:
            page = person.user.get("/v1/tasks", params=query).json()
            seen += page["items"]
            if page["next_cursor"] is None:
                break
            assert len(page["items"]) == limit
            query["cursor"] = page["next_cursor"]
        assert seen == expected

    @rule(name=NAMES)
    def log_out_and_in(self, name: str) -> None:
        person = self.people[name]
        assert person.user.post("/v1/auth/logout").status_code == 204
        assert_problem(person.user.get("/v1/tasks"), 401, "unauthenticated")
        answer = self.api.post("/v1/auth/login", {"email": person.user.email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        person.user = User(self.api, answer.json())

    @rule(name=NAMES)
    def leave_and_come_back(self, name: str) -> None:
        """The account goes with everything in it; whoever comes with the same address later finds nothing."""
        if len(self.people[name].rows) < 5:
            # Not too often: a life with nothing in it shows nothing.
            return
        user = self.people[name].user
        assert user.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
        assert_problem(user.get("/v1/tasks"), 401, "unauthenticated")
        self.people[name] = Person(self.api.user(email=user.email))
        assert self.people[name].user.id != user.id

    @invariant()
    def each_has_what_is_theirs(self) -> None:
        for person in self.people.values():
            page = person.user.get("/v1/tasks?limit=200").json()
            assert page == {"items": person.newest_first(), "next_cursor": None}


def test_two_users_never_see_each_other(api: Api) -> None:
    run_state_machine_as_test(
        cast("Any", lambda: TwoUsers(api)),
        settings=settings(
            max_examples=10,
            stateful_step_count=50,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )

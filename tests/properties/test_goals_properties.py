"""Goals: whatever is done in whatever order, they are what a model in plain Python says; percentages stay percentages."""

import os
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from client import Api, User, assert_problem, set_by_change
from dateutil.rrule import rrulestr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.goals.recurrence import next_occurrence

Row = dict[str, Any]

# Of these every percentage is exact with two decimals.
STARTS = st.sampled_from([None, 0, 12])
TARGETS = st.none() | st.sampled_from([4, 8])
VALUES = st.sampled_from([-4, 0, 1, 2.5, 7.5, 8, 100])
STATUSES = st.sampled_from(["active", "completed", "cancelled", "paused"])
TYPES = st.sampled_from(["daily", "weekly", "monthly", "yearly", "life"])
DAYS = st.integers(1, 28).map("2026-01-{:02}".format)
FIELDS = st.fixed_dictionaries(
    {"title": st.sampled_from(["T", "🎉"]), "goal_type": TYPES},
    optional={"start_value": STARTS, "target_value": TARGETS, "status": STATUSES, "start_date": st.none() | DAYS},
)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.just("U"), "start_value": STARTS, "target_value": TARGETS, "status": STATUSES, "goal_type": TYPES
    },
)  # fmt: skip


class Model:
    """What the goals of one user are."""

    def __init__(self) -> None:
        self.goals: dict[str, Row] = {}
        self.progress: dict[str, list[tuple[str, UUID, float]]] = {}

    def children(self, id: str) -> list[str]:
        return sorted((each for each, row in self.goals.items() if row["parent_id"] == id), key=UUID)

    def below(self, id: str) -> set[str]:
        """A goal and everything below it."""
        return {id}.union(*(self.below(child) for child in self.children(id)))

    def read(self, id: str) -> Row:
        row = self.goals[id]
        entries = self.progress.get(id)
        value = max(entries)[2] if entries else None
        percentage: float = 100 if row["status"] == "completed" else 0
        if not percentage and row["target_value"] is not None and value is not None:
            start = row["start_value"] or 0
            percentage = min(100, max(0, 100 * (value - start) / (row["target_value"] - start)))
        return row | {"current_value": value, "percentage": percentage}

    def tree(self, id: str) -> Row:
        children = [self.tree(child) for child in self.children(id)]
        parts = [child["rolled_up_percentage"] for child in children if counts(child["goal"])]
        goal = self.read(id)
        rolled_up = sum(parts) / len(parts) if parts and goal["status"] != "completed" else goal["percentage"]
        return {"goal": goal, "rolled_up_percentage": rolled_up, "children_left_out": 0, "children": children}


def counts(goal: Row) -> bool:
    """Whether a goal counts in the mean of its parent: not when it was given up, nor as an occurrence that is still open."""
    is_open_occurrence = goal["previous_id"] is not None and goal["status"] != "completed"
    return goal["status"] != "cancelled" and not is_open_occurrence


class Goals(RuleBasedStateMachine):
    ids = Bundle("ids")

    def __init__(self, api: Api) -> None:
        super().__init__()
        self.user: User = api.user()
        self.model = Model()

    @initialize(target=ids, fields=FIELDS)
    def begin(self, fields: Row) -> str:
        return self.make(fields)

    def make(self, fields: Row) -> str:
        row = self.user.made("/v1/goals", fields)
        assert row == row | fields
        assert (row["completed_at"] is None) == (row["status"] != "completed")
        self.model.goals[row["id"]] = row
        assert row == self.model.read(row["id"])
        return cast("str", row["id"])

    @rule(target=ids, parent=ids, fields=FIELDS)
    def create_below(self, parent: str, fields: Row) -> str:
        if parent in self.model.goals:
            return self.make(fields | {"parent_id": parent})
        answer = self.user.post("/v1/goals", fields | {"parent_id": parent})
        assert_problem(answer, 404, "not_found", "parent_id")
        return parent

    @rule(id=ids, changes=CHANGES, parent=ids, moves=st.sampled_from(["stays", "moves", "to the top"]))
    def patch(self, id: str, changes: Row, parent: str, moves: str) -> None:
        if moves != "stays":
            changes = changes | {"parent_id": parent if moves == "moves" else None}
        before = self.model.goals.get(id)
        answer = self.user.patch(f"/v1/goals/{id}", changes)
        if before is None:
            assert_problem(answer, 404, "not_found")
        elif moves == "moves" and parent in self.model.below(id):
            assert_problem(answer, 422, "goals_cycle", "parent_id")
        elif moves == "moves" and parent not in self.model.goals:
            assert_problem(answer, 404, "not_found", "parent_id")
        else:
            row: Row = answer.json()
            assert answer.status_code == 200, answer.text
            set_by_server = {"completed_at": row["completed_at"]}
            assert (row["completed_at"] is None) == (row["status"] != "completed")
            if before["status"] == row["status"]:
                assert row["completed_at"] == before["completed_at"]
            if before != before | changes:
                set_by_server |= set_by_change(before, row)
            self.model.goals[id] = before | changes | set_by_server
            assert row == self.model.read(id)

    @rule(target=ids, id=ids)
    def complete_one_that_recurs(self, id: str) -> str:
        """Its next occurrence comes, but once."""
        if id not in self.model.goals:
            return id
        path = f"/v1/goals/{id}"
        recurring = {"is_recurring": True, "recurrence_pattern": "FREQ=WEEKLY", "start_date": "2026-01-01", "status": "active"}
        assert self.user.patch(path, recurring).status_code == 200
        done = self.user.patch(path, {"status": "completed"}).json()
        once = {"is_recurring": False, "recurrence_pattern": None}
        self.model.goals[id] = self.user.patch(path, once).json()
        assert self.model.goals[id]["completed_at"] == done["completed_at"]
        following = next((each for each in self.model.goals.values() if each["previous_id"] == id), None)
        if following is None:
            following = self.user.get("/v1/goals?limit=1").json()["items"][0]
            assert following["id"] not in self.model.goals
            kept = ("title", "goal_type", "start_value", "target_value", "parent_id", "is_recurring", "recurrence_pattern")
            expected = {field: done[field] for field in kept}
            assert following == following | expected | {"previous_id": id, "start_date": "2026-01-08", "status": "active"}
            self.model.goals[following["id"]] = self.user.patch(f"/v1/goals/{following['id']}", once).json()
        return cast("str", following["id"])

    @rule(id=ids, value=VALUES, day=DAYS)
    def note_progress(self, id: str, value: float, day: str) -> None:
        answer = self.user.post(f"/v1/goals/{id}/progress", {"value": value, "date": day})
        if id not in self.model.goals:
            assert_problem(answer, 404, "not_found")
        else:
            assert answer.status_code == 201, answer.text
            self.model.progress.setdefault(id, []).append((day, UUID(answer.json()["id"]), value))
            self.assert_same_progress(id)

    @rule(
        id=ids, place=st.integers(0, 9), changes=st.none() | st.fixed_dictionaries({}, optional={"value": VALUES, "date": DAYS})
    )
    def change_or_delete_progress(self, id: str, place: int, changes: Row | None) -> None:
        entries = self.model.progress.get(id, [])
        if id not in self.model.goals or not entries:
            return
        day, entry_id, value = entries.pop(place % len(entries))
        path = f"/v1/goals/{id}/progress/{entry_id}"
        if changes is None:
            assert self.user.delete(path).status_code == 204
        else:
            assert self.user.patch(path, changes).status_code == 200
            entries.append((changes.get("date", day), entry_id, changes.get("value", value)))
        self.assert_same_progress(id)

    def assert_same_progress(self, id: str) -> None:
        page = self.user.get(f"/v1/goals/{id}/progress?limit=200").json()["items"]
        expected = sorted(self.model.progress[id], reverse=True)
        assert [(each["date"], UUID(each["id"]), each["value"]) for each in page] == expected

    @rule(id=ids)
    def delete(self, id: str) -> None:
        answer = self.user.delete(f"/v1/goals/{id}")
        if id not in self.model.goals:
            assert_problem(answer, 404, "not_found")
        else:
            assert answer.status_code == 204
            for gone in self.model.below(id):
                del self.model.goals[gone]

    @rule(id=ids, status=st.none() | STATUSES, goal_type=st.none() | TYPES, by_parent=st.sampled_from(["by parent", "all"]))
    def list_some(self, id: str, status: str | None, goal_type: str | None, by_parent: str) -> None:
        filters = {"status": status, "goal_type": goal_type, "parent_id": id if by_parent == "by parent" else None}
        chosen = {name: value for name, value in filters.items() if value is not None}
        page = self.user.get("/v1/goals", params={"limit": "200", "order": "oldest", **chosen}).json()
        expected = sorted((each for each, row in self.model.goals.items() if row == row | chosen), key=UUID)
        assert page["items"] == [self.model.read(each) for each in expected]

    @rule(id=ids)
    def read_tree(self, id: str) -> None:
        answer = self.user.get(f"/v1/goals/{id}/tree")
        if id not in self.model.goals:
            assert_problem(answer, 404, "not_found")
        else:
            assert_same_tree(answer.json(), self.model.tree(id))

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        page = self.user.get("/v1/goals?limit=200").json()["items"]
        assert page == [self.model.read(each) for each in sorted(self.model.goals, key=UUID, reverse=True)]


def assert_same_tree(read: Row, expected: Row) -> None:
    """Compare trees: means of three are rounded in one and not in the other."""
    assert read["goal"] == expected["goal"]
    assert read["rolled_up_percentage"] == pytest.approx(expected["rolled_up_percentage"], abs=0.006)
    for child, expected_child in zip(read["children"], expected["children"], strict=True):
        assert_same_tree(child, expected_child)


def test_a_random_script_of_calls_and_its_model_agree(api: Api) -> None:
    run_state_machine_as_test(
        cast("Any", lambda: Goals(api)),
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture(scope="module")
def somebody(api: Api) -> User:
    return api.user()


amounts = st.floats(-1e9, 1e9, allow_nan=False)


@settings(max_examples=40)
@given(target=st.none() | st.floats(0, 1e9, exclude_min=True), values=st.lists(amounts, max_size=2), status=STATUSES)
def test_percentages_stay_between_0_and_100(somebody: User, target: float | None, values: list[float], status: str) -> None:
    goal = {"title": "T", "goal_type": "daily", "target_value": target, "status": status}
    top = somebody.made("/v1/goals", goal)
    for value in values:
        below = somebody.made("/v1/goals", goal | {"parent_id": top["id"]})
        somebody.made(f"/v1/goals/{below['id']}/progress", {"value": value})
        somebody.made(f"/v1/goals/{top['id']}/progress", {"value": value})
    tree = somebody.get(f"/v1/goals/{top['id']}/tree").json()
    for each in (tree, *tree["children"]):
        assert 0 <= each["goal"]["percentage"] <= 100
        assert 0 <= each["rolled_up_percentage"] <= 100
    assert tree["goal"]["current_value"] == (values[-1] if values else None)


WEEKDAYS = st.lists(st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]), min_size=1, max_size=3, unique=True).map(
    ",".join
)
PATTERNS = st.one_of(
    st.builds("FREQ={};INTERVAL={}".format, st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]), st.integers(1, 40)),
    st.builds("FREQ=WEEKLY;INTERVAL={};BYDAY={}".format, st.integers(1, 9), WEEKDAYS),
    st.builds("FREQ=MONTHLY;BYDAY={}{}".format, st.sampled_from([1, 2, 4, -1, -2]), st.sampled_from(["MO", "SU"])),
    st.builds("FREQ=MONTHLY;BYMONTHDAY={}".format, st.integers(1, 31) | st.integers(-31, -1)),
    st.builds("FREQ=YEARLY;BYWEEKNO={};BYDAY={}".format, st.integers(1, 52), WEEKDAYS),
    st.builds("FREQ=YEARLY;BYYEARDAY={}".format, st.integers(1, 366) | st.integers(-366, -1)),
    st.just("FREQ=YEARLY"),
)


@given(pattern=PATTERNS, start=st.dates(date(1901, 1, 1), date(2089, 12, 31)), days=st.none() | st.integers(0, 400))
def test_the_next_occurrence_begins_when_python_dateutil_says(pattern: str, start: date, days: int | None) -> None:
    """The question is put in other years, where the calendar is the same; the answer must not be another one."""
    begin = datetime.combine(start, datetime.min.time())
    expected = rrulestr(pattern, dtstart=begin).after(begin)
    end = None if days is None else start + timedelta(days=days)
    occurrence = next_occurrence(pattern, start, end)
    assert occurrence is not None
    assert expected is not None
    assert occurrence.start_date == expected.date()
    assert (occurrence.end_date is None) == (end is None)
    if occurrence.end_date is not None and end is not None:
        assert occurrence.end_date - occurrence.start_date == end - start

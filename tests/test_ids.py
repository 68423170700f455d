"""Ids that the server makes: by the app for rows that are created over HTTP, by the database for all others."""

import importlib.util
from types import ModuleType
from uuid import RFC_4122

import pytest
from client import Execute, User

from app.database.ids import new_id


def as_in_a_new_process() -> ModuleType:
    """The module as another process would have it: what it makes here changes no id of the app."""
    spec = importlib.util.find_spec("app.database.ids")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ids_made_here_sort_by_time_and_among_those_of_the_database(execute: Execute) -> None:
    ids = []
    for _ in range(20):
        ids += [new_id(), execute("select new_id() as id")[0]["id"]]
    assert [str(each) for each in ids] == sorted(str(each) for each in ids)
    assert {(each.version, each.variant) for each in ids} == {(7, RFC_4122)}


def test_ids_sort_in_the_order_in_which_they_are_made_also_when_the_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    ids = as_in_a_new_process()
    before = ids.new_id()
    monkeypatch.setattr(ids, "time_ns", lambda: 0)
    later = [ids.new_id() for _ in range(5000)]
    assert [before, *later] == sorted({before, *later})


def test_the_time_in_an_id_is_that_of_the_databases_and_ends_where_its_own_does(
    execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seconds in (1_800_000_000, 1_800_000_000.123457, 1_800_000_000.999999, 253_402_214_400, 300_000_000_000):
        ids = as_in_a_new_process()
        monkeypatch.setattr(ids, "time_ns", lambda at=seconds: round(at * 1_000_000) * 1000)
        theirs = execute("select new_id(to_timestamp($1::float8)) as id", float(seconds))[0]["id"]
        assert ids.new_id().int >> 64 == theirs.int >> 64


def test_rows_made_one_after_the_other_are_listed_in_that_order(ada: User) -> None:
    made = [ada.task(title=f"T{number}")["id"] for number in range(30)]
    assert [each["id"] for each in ada.get("/v1/tasks?order=oldest&limit=200").json()["items"]] == made

"""Properties of foods and workouts: what is sent reads back, and adds up to what plain Python makes of it."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

import pytest
from client import User
from hypothesis import given, settings
from hypothesis import strategies as st

POUND, MILE = Fraction("0.45359237"), Fraction("1609.344")
KILOGRAMS = {"kg": Fraction(1), "lbs": POUND}
METERS = {"meters": Fraction(1), "km": Fraction(1000), "miles": MILE}

FIRST = date(2026, 1, 28)
NUTRIENTS = ("calories", "protein_g", "carbs_g", "fats_g", "fiber_g", "sugar_g", "sodium_mg")

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
optional_numbers = st.none() | st.floats(0, 100_000, allow_subnormal=False) | st.integers(0, 2000).map(lambda n: n / 10)
days = st.integers(0, 20).map(lambda n: str(FIRST + timedelta(days=n)))


def with_units(exercise: dict[str, Any]) -> dict[str, Any]:
    """A unit may stand alone; a value may not."""
    for value, unit, default in (("weight", "weight_unit", "lbs"), ("distance", "distance_unit", "miles")):
        if exercise.get(value) is not None and exercise.get(unit) is None:
            exercise[unit] = default
    return exercise


exercises = st.fixed_dictionaries(
    {"name": texts.map("n{}".format)},
    optional={
        "type": st.none() | texts.map("t{}".format),
        "sets": st.none() | st.integers(0, 10),
        "reps": st.none() | st.integers(0, 30),
        "weight": optional_numbers,
        "weight_unit": st.sampled_from([None, *KILOGRAMS]),
        "distance": optional_numbers,
        "distance_unit": st.sampled_from([None, *METERS]),
        "duration_seconds": optional_numbers,
        "rest_seconds": optional_numbers,
        "notes": st.none() | texts,
    },
).map(with_units)
workouts = st.fixed_dictionaries(
    {"date": days, "type": st.sampled_from(["run", "strength"]), "exercises": st.lists(exercises, max_size=6)},
    optional={
        "time": st.none() | st.times().map(str),
        "duration_minutes": st.none() | st.floats(0.5, 300),
        "calories_burned": optional_numbers,
        "intensity": st.sampled_from([None, "low", "medium", "high"]),
    },
)
foods = st.fixed_dictionaries(
    {"date": days, "meal_type": st.just("lunch"), "name": st.just("Soup")}, optional=dict.fromkeys(NUTRIENTS, optional_numbers)
)
ranges = st.tuples(st.integers(-2, 22), st.integers(0, 25)).map(
    lambda pair: (FIRST + timedelta(days=pair[0]), FIRST + timedelta(days=sum(pair)))
)


@settings(max_examples=30)
@given(workout=workouts, changed=st.lists(exercises, max_size=6))
def test_a_workout_reads_back_intact_and_in_order_alone_and_in_a_list(
    ada: User, workout: dict[str, Any], changed: list[dict[str, Any]]
) -> None:
    made = ada.made("/v1/workouts", workout)
    path = f"/v1/workouts/{made['id']}"
    for expected, answer in (
        (workout["exercises"], ada.get(path)),
        (changed, ada.patch(path, {"exercises": changed})),
        (changed, ada.get(path)),
    ):
        assert answer.status_code == 200, answer.text
        row = answer.json()
        assert row == row | {key: value for key, value in workout.items() if key not in {"exercises", "time"}}
        assert [exercise["position"] for exercise in row["exercises"]] == list(range(1, len(expected) + 1))
        for sent, read in zip(expected, row["exercises"], strict=True):
            assert read == read | sent
            assert read["weight_kg"] == converted(sent.get("weight"), sent.get("weight_unit"), KILOGRAMS)
            assert read["distance_m"] == converted(sent.get("distance"), sent.get("distance_unit"), METERS)
            assert {read[key] for key in read.keys() - sent.keys() - {"position", "weight_kg", "distance_m"}} <= {None}
    page = ada.get(f"/v1/workouts?from={workout['date']}&to={workout['date']}")
    assert page.json()["items"] == [answer.json()]
    assert ada.delete(path).status_code == 204


def converted(value: float | None, unit: str | None, factors: dict[str, Fraction]) -> float | None:
    """What a value is in the unit that compares, exactly, and then as the nearest float."""
    return None if value is None or unit is None else float(Fraction(repr(float(value))) * factors[unit])


@settings(max_examples=50)
@given(pounds=st.floats(0, 1_000_000, allow_subnormal=False))
def test_pounds_that_became_kilograms_become_the_same_pounds(ada: User, pounds: float) -> None:
    squat = {"name": "Squat", "weight": pounds, "weight_unit": "lbs"}
    [exercise] = ada.made("/v1/workouts", {"date": "2020-01-01", "type": "strength", "exercises": [squat]})["exercises"]
    assert (exercise["weight"], exercise["weight_unit"]) == (pounds, "lbs")
    assert float(Fraction(repr(exercise["weight_kg"])) / POUND) == pytest.approx(pounds, rel=1e-15)


def first_day(item: dict[str, Any], by: str) -> str:
    day = date.fromisoformat(item["date"])
    return str(day - timedelta(days=day.weekday()) if by == "week" else day)


def total(values: Iterable[Fraction | None]) -> float | None:
    """The sum of what is known; None: nothing is."""
    known = [value for value in values if value is not None]
    return float(sum(known, Fraction())) if known else None


def exact(value: float | None) -> Fraction | None:
    return None if value is None else Fraction(repr(float(value)))


def grouped(rows: list[dict[str, Any]], within: tuple[date, date], by: str) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: str(row["date"])):
        if within[0] <= date.fromisoformat(row["date"]) <= within[1]:
            groups[first_day(row, by)].append(row)
    return groups


@settings(max_examples=15)
@given(rows=st.lists(foods, max_size=10), within=ranges, by=st.sampled_from(["day", "week"]))
def test_foods_add_up_to_what_plain_python_makes_of_them(
    ada: User, rows: list[dict[str, Any]], within: tuple[date, date], by: str
) -> None:
    made = [ada.made("/v1/foods", row) for row in rows]
    answer = ada.get("/v1/foods/summary", params={"from": str(within[0]), "to": str(within[1]), "by": by})
    assert answer.json()["items"] == [
        {"date": day, "entries": len(group)} | {name: total(exact(row.get(name)) for row in group) for name in NUTRIENTS}
        for day, group in grouped(rows, within, by).items()
    ]
    for row in made:
        ada.delete(f"/v1/foods/{row['id']}")


@settings(max_examples=15)
@given(rows=st.lists(workouts, max_size=8), within=ranges, by=st.sampled_from(["day", "week"]))
def test_workouts_add_up_to_what_plain_python_makes_of_them(
    ada: User, rows: list[dict[str, Any]], within: tuple[date, date], by: str
) -> None:
    made = [ada.made("/v1/workouts", row) for row in rows]
    answer = ada.get("/v1/workouts/summary", params={"from": str(within[0]), "to": str(within[1]), "by": by})
    assert answer.json()["items"] == [totals(day, group) for day, group in grouped(rows, within, by).items()]
    for row in made:
        ada.delete(f"/v1/workouts/{row['id']}")


def totals(day: str, group: list[dict[str, Any]]) -> dict[str, Any]:
    done = [exercise for row in group for exercise in row["exercises"]]
    return {
        "date": day,
        "count": len(group),
        "minutes": total(exact(row.get("duration_minutes")) for row in group),
        "calories_burned": total(exact(row.get("calories_burned")) for row in group),
        "distance_m": total(in_unit(each, "distance", METERS) for each in done),
        "volume_kg": total(volume(each) for each in done),
    } | {
        f"{intensity}_intensity": [row.get("intensity") for row in group].count(intensity)
        for intensity in ("low", "medium", "high")
    }


def in_unit(exercise: dict[str, Any], name: str, factors: dict[str, Fraction]) -> Fraction | None:
    value = exact(exercise.get(name))
    return None if value is None else value * factors[exercise[f"{name}_unit"]]


def volume(exercise: dict[str, Any]) -> Fraction | None:
    weight, sets, reps = in_unit(exercise, "weight", KILOGRAMS), exercise.get("sets"), exercise.get("reps")
    return None if weight is None or sets is None or reps is None else weight * sets * reps

"""Workouts: the contract of /v1/workouts, of their exercises, and of what they sum up to."""

import asyncio
from typing import Any

import pytest
from client import Api, User, assert_problem, etag, set_by_change
from factories import new_uuid7, tag

RUN: dict[str, Any] = {"date": "2026-03-02", "type": "run"}
SQUAT: dict[str, Any] = {"name": "Squat", "sets": 3, "reps": 10, "weight": 100, "weight_unit": "lbs"}
MILE: dict[str, Any] = {"name": "Mile", "distance": 1, "distance_unit": "miles", "duration_seconds": 420.5}
WHOLE = RUN | {
    "time": "06:15:00", "name": "Legs", "duration_minutes": 45.5, "calories_burned": 380, "intensity": "high",
    "location": "Park", "mood_before": 4, "mood_after": 8, "feeling_before": "tired", "feeling_after": "x" * 50,
    "notes": "Went well",
}  # fmt: skip
FIELDS = [
    "id", "date", "time", "type", "name", "duration_minutes", "calories_burned", "intensity", "location", "mood_before",
    "mood_after", "feeling_before", "feeling_after", "notes", "created_at", "updated_at", "version", "exercises",
]  # fmt: skip
EXERCISE_FIELDS = [
    "position", "name", "type", "sets", "reps", "weight", "weight_unit", "weight_kg", "distance", "distance_unit", "distance_m",
    "duration_seconds", "rest_seconds", "notes",
]  # fmt: skip


@pytest.fixture(scope="module")
def path(ada: User) -> str:
    return f"/v1/workouts/{train(ada)['id']}"


def train(user: User, *exercises: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return user.made("/v1/workouts", RUN | fields | {"exercises": exercises})


def names(workout: dict[str, Any]) -> list[str]:
    """The exercises' names, after a look at their positions."""
    exercises = workout["exercises"]
    assert [exercise["position"] for exercise in exercises] == list(range(1, len(exercises) + 1))
    return [exercise["name"] for exercise in exercises]


# One workout


def test_a_workout_reads_back_as_it_was_sent_with_its_exercises_in_order(ada: User) -> None:
    answer = ada.post("/v1/workouts", WHOLE | {"exercises": [SQUAT, MILE, SQUAT]})
    assert answer.status_code == 201, answer.text
    workout = answer.json()
    assert list(workout) == FIELDS
    assert workout == workout | WHOLE
    assert [list(exercise) for exercise in workout["exercises"]] == [EXERCISE_FIELDS] * 3
    blank = dict.fromkeys(EXERCISE_FIELDS)
    assert workout["exercises"] == [
        blank | SQUAT | {"position": 1, "weight_kg": 45.359237},
        blank | MILE | {"position": 2, "distance_m": 1609.344},
        blank | SQUAT | {"position": 3, "weight_kg": 45.359237},
    ]
    assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1/workouts/{workout['id']}", etag(workout))
    read = ada.get(answer.headers["location"])
    assert (read.status_code, read.text, read.headers["etag"]) == (200, answer.text, etag(workout))


def test_a_workout_needs_no_exercises(ada: User) -> None:
    workout = ada.made("/v1/workouts", RUN)
    assert workout["exercises"] == []
    assert {workout[field] for field in FIELDS[2:14]} == {"run", None}


def test_the_etag_of_a_workout_stands_for_its_exercises_too(ada: User) -> None:
    path = f"/v1/workouts/{train(ada)['id']}"
    tag = ada.get(path).headers["etag"]
    assert ada.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert ada.patch(path, {"exercises": [{"name": "Squat"}]}).status_code == 200
    assert ada.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_equal_creates_at_once_make_one_workout_and_all_see_its_exercises(api: Api, ada: User) -> None:
    new = RUN | {"id": str(new_uuid7()), "exercises": [SQUAT, MILE]}
    answers = api.together(*(ada.send("POST", "/v1/workouts", json=new) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {answer.text for answer in answers} == {ada.get(f"/v1/workouts/{new['id']}").text}
    changed = ada.patch(f"/v1/workouts/{new['id']}", {"exercises": [MILE]})
    again = ada.post("/v1/workouts", new)
    assert (again.status_code, again.text, again.headers["etag"]) == (200, changed.text, changed.headers["etag"])
    assert names(again.json()) == ["Mile"]


def test_two_users_may_choose_the_same_id_and_keep_their_own_exercises(ada: User, bob: User) -> None:
    chosen = str(new_uuid7())
    train(ada, SQUAT, SQUAT, id=chosen)
    train(bob, MILE, id=chosen)
    path = f"/v1/workouts/{chosen}"
    assert names(bob.patch(path, {"exercises": [MILE, MILE, MILE]}).json()) == ["Mile"] * 3
    assert names(ada.get(path).json()) == ["Squat"] * 2
    assert bob.delete(path).status_code == 204
    assert names(ada.get(path).json()) == ["Squat"] * 2


# Changes


def test_a_patch_without_exercises_leaves_them(ada: User) -> None:
    workout = train(ada, SQUAT, MILE, **WHOLE)
    path = f"/v1/workouts/{workout['id']}"
    for same in ({}, {"type": "run", "duration_minutes": 45.5}):
        assert ada.patch(path, same).json() == workout
    fields = {"mood_after": None, "intensity": "low", "time": "06:20:00", "feeling_before": None, "feeling_after": "proud"}
    changed = ada.patch(path, fields).json()
    assert changed == workout | fields | set_by_change(workout, changed)


def test_a_patch_with_exercises_replaces_them_all_and_is_a_change_of_the_workout(ada: User) -> None:
    workout = train(ada, SQUAT, MILE, SQUAT, **WHOLE)
    path = f"/v1/workouts/{workout['id']}"
    seen = workout
    for exercises in ([MILE], [MILE, SQUAT], [SQUAT, MILE], [SQUAT | {"sets": 4}, MILE], []):
        answer = ada.patch(path, {"exercises": exercises})
        changed = answer.json()
        assert (answer.status_code, answer.headers["etag"]) == (200, etag(changed))
        assert names(changed) == [exercise["name"] for exercise in exercises]
        assert ada.get(path).text == answer.text
        assert changed == workout | {"exercises": changed["exercises"]} | set_by_change(seen, changed)
        seen = changed


def test_a_change_of_both_is_one_change(ada: User) -> None:
    workout = train(ada, SQUAT)
    path = f"/v1/workouts/{workout['id']}"
    changed = ada.patch(path, {"name": "Legs", "exercises": [MILE]}).json()
    assert names(changed) == ["Mile"]
    expected = {"name": "Legs", "exercises": changed["exercises"]} | set_by_change(workout, changed)
    assert ada.get(path).json() == changed == workout | expected


def test_the_same_exercises_again_change_nothing(ada: User) -> None:
    for exercises in ([], [SQUAT, MILE]):
        workout = train(ada, *exercises)
        path = f"/v1/workouts/{workout['id']}"
        same = [exercise | {"type": None, "distance": exercise.get("distance")} for exercise in exercises]
        assert ada.patch(path, {"exercises": same}).json() == workout
        assert ada.put(path, RUN | {"exercises": same}).json() == workout


def test_a_put_replaces_the_whole_and_what_it_omits_gets_its_default(ada: User) -> None:
    workout = train(ada, SQUAT, MILE, **WHOLE)
    path = f"/v1/workouts/{workout['id']}"
    answer = ada.put(path, {"date": "2026-03-03", "type": "swim"})
    assert (answer.status_code, answer.headers["etag"]) == (200, etag(answer.json()))
    bare = dict.fromkeys(FIELDS) | {"date": "2026-03-03", "type": "swim", "exercises": []}
    kept = {"id": workout["id"], "created_at": workout["created_at"]}
    assert answer.json() == bare | kept | set_by_change(workout, answer.json())
    assert names(ada.put(path, RUN | {"exercises": [MILE]}).json()) == ["Mile"]


def test_a_put_makes_nothing_and_needs_what_a_create_needs(ada: User) -> None:
    path = f"/v1/workouts/{new_uuid7()}"
    assert_problem(ada.put(path, RUN), 404, "not_found")
    assert_problem(ada.put(path, RUN, headers={"If-Match": "*"}), 404, "not_found")
    assert_problem(ada.put(path, {"date": "2026-03-02"}), 422, "invalid", "type")
    assert_problem(ada.put(path, RUN | {"id": str(new_uuid7())}), 404, "not_found")


@pytest.mark.parametrize("method", ["PATCH", "PUT", "DELETE"])
def test_if_match_stops_a_write_on_a_workout_whose_exercises_have_changed(ada: User, method: str) -> None:
    workout = train(ada, SQUAT)
    path = f"/v1/workouts/{workout['id']}"
    body: dict[str, Any] = {} if method == "DELETE" else {"json": RUN | {"exercises": []}}
    changed = ada.patch(path, {"exercises": [MILE]})
    tag = changed.headers["etag"]
    for header in (etag(workout), etag(changed.json(), 1), f"W/{tag}"):
        assert_problem(ada.request(method, path, headers={"If-Match": header}, **body), 412, "version_mismatch")
    assert ada.get(path).text == changed.text
    assert ada.request(method, path, headers={"If-Match": tag}, **body).status_code in {200, 204}


def test_a_deleted_workout_is_gone_and_made_anew_without_its_old_exercises(ada: User) -> None:
    workout = train(ada, SQUAT, SQUAT)
    path = f"/v1/workouts/{workout['id']}"
    assert ada.delete(path).status_code == 204
    for answer in (ada.delete(path), ada.get(path), ada.patch(path, {"exercises": [MILE]}), ada.put(path, RUN)):
        assert_problem(answer, 404, "not_found")
    assert names(train(ada, MILE, id=workout["id"])) == ["Mile"]


def test_a_foreign_workout_does_not_exist_and_stays_as_it_is(ada: User, bob: User) -> None:
    workout = train(ada, SQUAT)
    path = f"/v1/workouts/{workout['id']}"
    stale = {"If-Match": '"7"'}
    for answer in (
        bob.get(path),
        bob.patch(path, {"exercises": []}),
        bob.put(path, RUN, headers=stale),
        bob.delete(path, headers=stale),
        bob.delete(path),
    ):
        assert_problem(answer, 404, "not_found")
    assert ada.get(path).json() == workout
    assert workout["id"] not in bob.get("/v1/workouts?limit=200").text


# At the same time


def test_lists_of_exercises_sent_at_once_never_mix_and_each_answer_shows_its_own(api: Api, ada: User) -> None:
    workout = train(ada, SQUAT, SQUAT, SQUAT)
    path = f"/v1/workouts/{workout['id']}"
    sent = [[{"name": f"{writer}"}] * (1 + writer * 7 % 9) for writer in range(20)]
    puts = [ada.send("PUT", path, json=RUN | {"exercises": each}) for each in sent[:10]]
    patches = [ada.send("PATCH", path, json={"exercises": each}) for each in sent[10:]]
    answers = api.together(*puts, *patches)
    assert [answer.status_code for answer in answers] == [200] * 20
    assert [names(answer.json()) for answer in answers] == [[exercise["name"] for exercise in each] for each in sent]
    assert len({workout["version"], *(answer.json()["version"] for answer in answers)}) == 21
    last = max(answers, key=lambda answer: int(answer.json()["version"]))
    assert ada.get(path).text == last.text


def test_a_change_beside_new_exercises_shows_those_of_its_own_version(api: Api, ada: User) -> None:
    path = f"/v1/workouts/{train(ada)['id']}"
    bodies: list[dict[str, Any]] = [
        {"name": f"{n}"} if n % 2 else {"exercises": [{"name": f"{n}"}] * (n + 1)} for n in range(20)
    ]
    answers = api.together(*(ada.send("PATCH", path, json=body) for body in bodies))
    by_version = {answer.json()["version"]: (body, names(answer.json())) for body, answer in zip(bodies, answers, strict=True)}
    shown: list[str] = []
    assert len(by_version) == 20
    for version in sorted(by_version):
        body, exercises = by_version[version]
        if "exercises" in body:
            shown = [exercise["name"] for exercise in body["exercises"]]
        assert exercises == shown


def test_of_conditional_writes_of_exercises_at_once_one_wins(api: Api, ada: User) -> None:
    workout = train(ada)
    path, condition = f"/v1/workouts/{workout['id']}", {"If-Match": etag(workout)}
    answers = api.together(
        *(ada.send("PATCH", path, json={"exercises": [{"name": f"{n}"}]}, headers=condition) for n in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 9
    [winner] = [answer for answer in answers if answer.status_code == 200]
    assert ada.get(path).text == winner.text


# Bad input


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        ({"date": "1899-12-31"}, "date"),
        ({"type": ""}, "type"),
        ({"type": "\u2003"}, "type"),
        ({"type": "x" * 51}, "type"),
        ({"name": "x" * 256}, "name"),
        ({"duration_minutes": 0}, "duration_minutes"),
        ({"duration_minutes": "45"}, "duration_minutes"),
        ({"calories_burned": -1}, "calories_burned"),
        ({"intensity": "extreme"}, "intensity"),
        ({"mood_before": 0}, "mood_before"),
        ({"mood_after": 10.5}, "mood_after"),
        ({"feeling_before": ""}, "feeling_before"),
        ({"feeling_after": "x" * 51}, "feeling_after"),
        ({"feeling_after": 7}, "feeling_after"),
        ({"time": "7:30"}, "time"),
        ({"exercises": None}, "exercises"),
        ({"exercises": {}}, "exercises"),
        ({"exercises": [SQUAT] * 201}, "exercises"),
        ({"exercises": [SQUAT, {}]}, "exercises[1].name"),
        ({"exercises": [{"name": " "}]}, "exercises[0].name"),
        ({"exercises": [SQUAT | {"position": 7}]}, "exercises[0].position"),
        ({"exercises": [SQUAT | {"weight_kg": 45}]}, "exercises[0].weight_kg"),
        ({"exercises": [SQUAT | {"sets": 2.5}]}, "exercises[0].sets"),
        ({"exercises": [SQUAT | {"reps": -1}]}, "exercises[0].reps"),
        ({"exercises": [SQUAT | {"weight": "100"}]}, "exercises[0].weight"),
        ({"exercises": [SQUAT | {"weight_unit": "lb"}]}, "exercises[0].weight_unit"),
        ({"exercises": [SQUAT, {"name": "Press", "weight": 0}]}, "exercises[1].weight_unit"),
        ({"exercises": [SQUAT | {"weight_unit": None}]}, "exercises[0].weight_unit"),
        ({"exercises": [{"name": "Run", "distance": 5}]}, "exercises[0].distance_unit"),
        ({"exercises": [MILE | {"distance_unit": "m"}]}, "exercises[0].distance_unit"),
        ({"exercises": [MILE | {"duration_seconds": 10_000_001}]}, "exercises[0].duration_seconds"),
        ({"exercises": [MILE | {"notes": "a\0"}]}, "exercises[0].notes"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_named(ada: User, path: str, broken: dict[str, Any], field: str) -> None:
    assert_problem(ada.post("/v1/workouts", RUN | broken), 422, "invalid", field)
    for answer in (ada.put(path, RUN | broken), ada.patch(path, broken)):
        assert_problem(answer, 422, "read_only" if field.endswith((".position", "_kg")) else "invalid", field)


def test_what_is_refused_leaves_nothing_of_it(ada: User) -> None:
    workout = train(ada, SQUAT)
    path = f"/v1/workouts/{workout['id']}"
    assert_problem(ada.patch(path, {"name": "Legs", "exercises": [MILE, MILE | {"distance_unit": None}]}), 422, "invalid")
    # Refused by the database alone, after the exercises were written.
    assert_problem(ada.patch(path, {"date": "1899-12-31", "exercises": [MILE]}), 422, "invalid", "date")
    assert ada.get(path).json() == workout


def test_two_hundred_exercises_are_taken_and_a_unit_without_a_value_too(ada: User) -> None:
    workout = train(ada, *([SQUAT] * 199), {"name": "Rest", "weight_unit": "kg", "distance_unit": "km"})
    last = workout["exercises"][199]
    assert (last["position"], last["weight_unit"], last["weight_kg"], last["distance_m"]) == (200, "kg", None, None)


# Lists


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_workout_once_by_date_with_its_own_exercises(api: Api, order: str) -> None:
    user = api.user()
    made = [train(user, *[{"name": f"{day}{n}"} for n in range(day)], date=f"2026-03-0{day}") for day in (3, 1, 2, 2, 1)]
    expected = sorted(made, key=lambda workout: (workout["date"], workout["id"]))
    seen = user.walk(f"/v1/workouts?limit=2&order={order}")
    assert seen == (expected if order == "oldest" else expected[::-1])
    some = user.get(f"/v1/workouts?from=2026-03-02&to=2026-03-02&order={order}").json()["items"]
    assert some == [workout for workout in seen if workout["date"] == "2026-03-02"]


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_the_filter_by_type_keeps_workouts_of_this_type(api: Api, order: str) -> None:
    user = api.user()
    swim, _ = train(user, type="swim"), train(user)
    assert user.get(f"/v1/workouts?type=swim&order={order}").json()["items"] == [swim]
    assert user.get(f"/v1/workouts?type=Swim&order={order}").json()["items"] == []
    assert_problem(user.get(f"/v1/workouts?type={'x' * 51}"), 422, "invalid", "type")


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_the_filter_by_tag_keeps_what_carries_it(api: Api, runner: asyncio.Runner, database: str, order: str) -> None:
    user = api.user()
    tagged, _ = train(user, SQUAT), train(user)
    runner.run(tag(database, user.id, "workouts", tagged["id"]))
    assert user.get(f"/v1/workouts?tag=keto&order={order}").json()["items"] == [tagged]
    assert user.get(f"/v1/workouts?tag=vegan&order={order}").json()["items"] == []


def test_a_workout_in_a_list_is_written_as_the_workout_alone_is(api: Api) -> None:
    user = api.user()
    train(user, SQUAT, MILE, SQUAT | {"weight": 62.5, "weight_unit": "kg", "notes": 'Quote " \\ 🎉'}, **WHOLE)
    train(user, time="00:00:00.5")
    page = user.get("/v1/workouts")
    singles = [user.get(f"/v1/workouts/{workout['id']}").text for workout in page.json()["items"]]
    assert page.text == '{"items":[' + ",".join(singles) + '],"next_cursor":null}'


# Summaries


def test_a_day_sums_up_in_one_unit_and_counts_a_workout_once_whatever_its_exercises(api: Api) -> None:
    user = api.user()
    train(user, SQUAT, SQUAT, MILE, {"name": "Run", "distance": 0.5, "distance_unit": "km"}, **WHOLE)
    train(user, SQUAT | {"weight": 20, "weight_unit": "kg"}, {"name": "Plank", "sets": 3}, duration_minutes=10, intensity="low")
    train(user, date="2026-03-09")
    day = {
        "date": "2026-03-02", "count": 2, "minutes": 55.5, "calories_burned": 380, "distance_m": 2109.344,
        "volume_kg": 3321.55422, "low_intensity": 1, "medium_intensity": 0, "high_intensity": 1,
    }  # fmt: skip
    nothing = {"minutes": None, "calories_burned": None, "distance_m": None, "volume_kg": None} | {
        f"{intensity}_intensity": 0 for intensity in ("low", "medium", "high")
    }
    other = {"date": "2026-03-09", "count": 1} | nothing
    answer = user.get("/v1/workouts/summary?from=2026-03-01&to=2026-03-31").json()
    assert answer == {"items": [day, other]}
    assert user.get("/v1/workouts/summary?from=2026-03-03&to=2026-04-01&by=week").json() == {"items": [other]}
    assert user.get("/v1/workouts/summary?from=2026-02-23&to=2026-03-02&by=week").json() == {"items": [day]}

"""`holdfast import manifest`: every cell of the life manifest is here, or in the report; its users go on with it."""

import hashlib
from pathlib import Path

import pytest
from client import Started
from imported import became
from manifest_moves import TARGETS, Move, begun
from sources import manifest
from sources.planting import Row, Written

move = pytest.fixture(begun)

RENAMED = {
    "goals": {"parent_goal_id": "parent_id"},
    "goal_progress": {"progress_date": "date"},
    "habit_entries": {"entry_date": "date", "mood": "feeling"},
    "foods": {"meal_date": "date", "food_name": "name"},
    "workouts": {"workout_date": "date", "mood_before": "feeling_before", "mood_after": "feeling_after"},
    "workout_exercises": {"exercise_name": "name", "order_index": "position"},
    "daily_reviews": {"review_date": "date"},
    "media": {"related_to_type": "taggable_type", "related_to_id": "taggable_id"},
}
"""What a column is called here."""

ELSEWHERE = {"goals": {"current_value"}, "media": {"file_path"}, "workout_exercises": {"updated_at"}}
"""Columns that are no column here: the newest entry of a goal's progress, the bytes of a file, a line of the report."""

REFERENCES = {
    "user_id": "users",
    "parent_goal_id": "goals",
    "goal_id": "goals",
    "habit_id": "habits",
    "workout_id": "workouts",
}

KINDS = {
    "goal": "goals",
    "habit": "habits",
    "food": "foods",
    "workout": "workouts",
    "daily_review": "daily-reviews",
    "blog_entry": "blog-entries",
}


def _key(table: str, row: Row, root: Path) -> str:
    """By what a row of the source is found again."""
    if table == "workout_exercises":
        return f"{row['workout_id']}/{row['order_index']}"
    if table == "media":
        return f"{row['id']}/{hashlib.sha256((root / row['file_path']).read_bytes()).hexdigest()[:16]}"
    return str(row["id"])


def test_every_cell_is_here_as_the_source_has_it(move: Move) -> None:
    written = move.write(users=3, rows=6, entries=3)
    done = move.imported()
    tables = {table: rows for table, rows in written.truth.items() if table not in ("passwords", "tags", "taggables")}
    here = move.all_here()
    for table, rows in tables.items():
        assert len(here[table]) == len(rows)
        for row in rows.values():
            found = here[table][_key(table, row, move.root)]
            for column, value in row.items():
                if column == "id" or column in ELSEWHERE.get(table, ()):
                    continue
                expected = value
                if column in REFERENCES and value is not None:
                    expected = here[REFERENCES[column]][str(value)]["id"]
                elif column == "related_to_type" and value is not None:
                    expected = KINDS[value]
                elif column == "related_to_id" and value is not None:
                    expected = here[KINDS[row["related_to_type"]].replace("-", "_")][str(value)]["id"]
                assert found[RENAMED.get(table, {}).get(column, column)] == expected, (table, column)
    for goal in written.truth["goals"].values():
        steps = [row for row in here["goal_progress"].values() if row["goal_id"] == here["goals"][str(goal["id"])]["id"]]
        assert max(steps, key=lambda row: row["date"])["value"] == goal["current_value"]
    # Nothing was taken that is neither above nor here.
    lines = move.report(done["id"])
    assert [(line["kind"], line["rule"], line["place"]) for line in lines] == [
        ("left_out", "no_place", "workout_exercises.updated_at")
    ]
    assert lines[0]["content"]["rows"] == len(written.truth["workout_exercises"])
    assert set(became(done, "imported")) == set(TARGETS)
    assert_each_owner_has_their_own_tags(written, here)
    move.verified(done["id"])


def assert_each_owner_has_their_own_tags(written: Written, here: dict[str, dict[str, Row]]) -> None:
    """Each owner who uses a tag has one of their own."""
    tags, users = here["tags"], {key: row["id"] for key, row in here["users"].items()}
    assert len(here["taggings"]) == len(written.truth["taggables"]) > 0
    for row in written.truth["taggables"].values():
        tagging, kind = here["taggings"][str(row["id"])], KINDS[row["taggable_type"]]
        target = here[kind.replace("-", "_")][str(row["taggable_id"])]
        assert (tagging["taggable_type"], tagging["taggable_id"]) == (kind, target["id"])
        assert tagging["created_at"] == row["created_at"]
        owner = next(key for key, user in users.items() if user == target["user_id"])
        said, found = written.truth["tags"][str(row["tag_id"])], tags[f"{row['tag_id']}/{owner}"]
        assert (found["id"], found["user_id"]) == (tagging["tag_id"], target["user_id"])
        for column in said.keys() - {"id"}:
            assert found[column] == said[column]
    assert len(tags) == len({(row["tag_id"], row["user_id"]) for row in here["taggings"].values()})


def test_its_users_log_in_and_find_everything(move: Move, started: Started) -> None:
    written = move.write(users=2, rows=3, entries=2)
    move.imported()
    api = started(database_url=move.url, data=move.data)
    assert written.truth["users"]
    for key, user in written.truth["users"].items():
        password = written.truth["passwords"][key]["password"]
        answer = api.post("/v1/auth/login", {"email": user["email"].lower(), "password": password})
        if not user["is_active"]:
            assert answer.status_code != 200
            continue
        assert answer.status_code == 200, answer.text
        token = answer.json()["token"]
        for path in ("goals", "habits", "foods", "workouts", "daily-reviews", "blog-entries", "tags", "progress-snapshots"):
            answer = api.get(f"/v1/{path}?limit=100", token=token)
            mine = [row for row in written.truth.get(path.replace("-", "_"), {}).values() if row.get("user_id") == user["id"]]
            if path == "tags":
                assert answer.json()["items"]
            else:
                assert len(answer.json()["items"]) == len(mine) == 3, path
        media = [row for row in written.truth["media"].values() if row["user_id"] == user["id"]]
        files = {row["file_name"]: move.root / row["file_path"] for row in media}
        found = api.get("/v1/media?limit=100", token=token).json()["items"]
        assert {row["file_name"] for row in found} == files.keys()
        for row in found:
            content = api.get(f"/v1/media/{row['id']}/content", token=token)
            assert content.content == files[row["file_name"]].read_bytes()
            assert row["sha256"] == hashlib.sha256(content.content).hexdigest()


OF_TWO_ROWS = {
    "entries_of_one_day": "habit_entries_pkey",
    "parents_in_a_circle": "goals_parent_circle",
    "reviews_of_one_day": "daily_reviews_date_unique",
    "slugs_equal": "blog_entries_slug_unique",
    "tagged_twice": "taggings_once",
    "tags_in_other_case": "tags_slug_unique",
    "username_in_other_case": "users_username_unique",
}
"""Kinds that take two rows, by the rule: the line may be about the other one."""


@pytest.mark.parametrize("form", ["first", "later"])
def test_every_kind_of_dirt_has_its_fate(move: Move, form: str) -> None:
    # Of two accounts with one address only one has a name.
    kinds = {*manifest.KINDS.of(form)} - {"email_in_other_case"}
    written = move.write(users=2, rows=2, entries=2, later=form == "later", dirt=kinds)
    done = move.imported()
    lines = move.report(done["id"])
    here = move.all_here()
    for planted in written.planted:
        entity = "taggings" if planted.entity == "taggables" else planted.entity
        about = [line for line in lines if line["place"] == planted.key and line["entity"] == entity]
        if planted.kind in OF_TWO_ROWS:
            assert any(OF_TWO_ROWS[planted.kind] in line["rule"] for line in lines), planted
            continue
        if planted.fate == "kept":
            assert about == [], planted
        else:
            assert about, planted
            assert all(line["content"] for line in about), planted
        is_here = any(key.split("/")[0] == planted.key for key in here.get(entity, ()))
        if planted.fate == "rejected":
            assert not is_here, planted
            assert {line["kind"] for line in about} == {"rejected"}, planted
        elif {line["kind"] for line in about} <= {"changed"} and entity != "workout_exercises":
            assert is_here, planted
    if form == "later":
        assert_dirt_is_as_it_should_be(written, here)
    move.verified(done["id"])


def assert_dirt_is_as_it_should_be(written: Written, here: dict[str, dict[str, Row]]) -> None:
    """What was changed on the way is what it should have become."""
    keys = {planted.kind: planted.key for planted in written.planted}

    def found(kind: str, table: str) -> Row:
        return here[table][keys[kind]]

    for kind in ("timezone_unknown", "timezone_null"):
        assert found(kind, "users")["timezone"] == "UTC"
    long = found("username_long_with_blanks", "users")
    assert (long["username"], len(long["name"])) == (None, 100)
    assert found("unknown_hash", "users")["password_hash"] is None
    for kind in ("target_zero", "target_negative", "target_nan"):
        assert found(kind, "goals")["target_value"] is None
    ended = found("end_before_start", "goals")
    assert (str(ended["start_date"]), ended["end_date"]) == ("2024-05-01", None)
    assert found("goal_type_life", "goals")["goal_type"] == "life"
    assert found("status_in_progress", "goals")["status"] == "active"
    completed = found("completed_without_time", "goals")
    assert completed["completed_at"] == completed["updated_at"]
    assert found("parent_of_other", "goals")["parent_id"] is None
    for kind, value in (("current_value_alone", 12.5), ("current_value_differs", 7)):
        goal, entry = found(kind, "goals"), here["goal_progress"][f"{keys[kind]}/current_value"]
        assert (entry["goal_id"], entry["value"], entry["date"]) == (goal["id"], value, goal["updated_at"].date())
    circle = [row for row in here["goals"].values() if row["id"] == found("parents_in_a_circle", "goals")["parent_id"]]
    assert [row["parent_id"] for row in circle] in ([None], [])
    assert found("target_days_missing", "habits")["target_days"] == 1
    assert found("color_by_name", "habits")["color"] is None
    assert found("calories_negative", "foods")["calories"] is None
    mood = found("mood_number_as_word", "workouts")
    assert (mood["mood_before"], mood["feeling_before"]) == (7, None)
    workout = here["workout_exercises"]
    equal = [
        row for row in workout.values() if sum(row["workout_id"] == other["workout_id"] for other in workout.values()) == 3
    ]
    assert sorted(row["position"] for row in equal) == [1, 2, 3]
    assert found("slug_null", "blog_entries")["slug"]
    assert found("slug_with_blanks", "blog_entries")["slug"] == "my-day-100"
    slugs = [row["slug"] for row in here["blog_entries"].values() if row["slug"].startswith("my-day")]
    assert "my-day" in slugs
    published = found("published_without_time", "blog_entries")
    assert published["published_at"] == published["created_at"]
    assert found("views_negative", "blog_entries")["view_count"] == 0
    media = {key.split("/")[0]: row for key, row in here["media"].items()}
    assert media[keys["file_larger"]]["size_bytes"] == len(b"hello, and more than the row says")
    for kind in ("file_of_nothing", "file_of_others_row", "file_of_unknown_type"):
        assert media[keys[kind]]["taggable_id"] is None


def test_what_nobody_has_heard_of_is_reported(move: Move) -> None:
    move.write(users=1, rows=2, entries=1)
    move.change("alter table goals add column weather text default 'rain'")
    move.change("create table pets (id integer)")
    done = move.imported()
    lines = {line["place"]: line for line in move.report(done["id"]) if line["kind"] == "left_out"}
    assert lines.keys() == {"goals.weather", "pets", "workout_exercises.updated_at"}
    assert lines["goals.weather"]["content"] == {"rows": 2, "values": {"rain": 2}}


def test_two_accounts_of_one_address_are_one(move: Move) -> None:
    written = move.write(users=2, rows=1, entries=1, dirt={"email_in_other_case"})
    done = move.imported()
    assert done["counts"]["users"] == {"read": 3, "imported": 2, "merged": 1}
    goals = move.here("goals")
    assert len(goals) == 3
    assert len({row["user_id"] for row in goals.values()}) == 2
    merged = [line["place"] for line in move.report(done["id"]) if line["kind"] == "merged"]
    assert len(merged) == 1
    assert merged[0] in {written.planted[0].key, *written.truth["users"]}
    move.verified(done["id"])


def test_what_is_no_manifest_is_said(move: Move, tmp_path: Path) -> None:
    assert move.refused(move.there) == "holdfast: This is no database of the life manifest: it has no table users.\n"
    move.write(users=1, rows=0)
    file = tmp_path / "file"
    file.write_text("")
    assert move.refused(move.there, "--media-root", str(file)) == f"holdfast: --media-root: {file} is not a folder.\n"
    move.change("alter table goals drop column goal_type")
    assert "it has no goals.goal_type" in move.refused(move.there)


def test_the_command_shows_a_table(move: Move) -> None:
    move.write(users=1, rows=1, entries=1)
    done = move.command("import", "manifest", move.there, "--media-root", str(move.root))
    assert done.returncode == 0, done.stderr
    assert "the version with fourteen tables, a PostgreSQL database" in done.stderr
    assert "media" in done.stdout
    assert move.objects() == 7

"""The generators of apps that lived in PostgreSQL: what they write is what was asked for, read without them."""

import subprocess
import sys
from pathlib import Path

import bcrypt
import pytest
from sources import council, manifest, tasks
from sources.passwords import better_auth_hash
from sources.read_back import assert_planted, assert_truth_is_there, columns, documents, fetch

# Tasks


@pytest.mark.parametrize("better_auth", [False, True])
@pytest.mark.parametrize("uuids", [False, True])
def test_the_task_lists_database_holds_the_truth(empty_database: str, *, uuids: bool, better_auth: bool) -> None:
    written = tasks.write(empty_database, users=3, tasks=4, uuids=uuids, better_auth=better_auth)
    users = {"id", "email", "name", "created_at", "updated_at"}
    expected = {"users": users, "tasks": {"id", "user_id", "title", "description", "completed", "created_at", "updated_at"}}
    if better_auth:
        expected["accounts"] = {"id", "user_id", "account_id", "provider_id", "password", "created_at", "updated_at"}
    else:
        users.add("password_hash")
    assert columns(empty_database) == expected
    assert (len(written.truth["users"]), len(written.truth["tasks"])) == (3, 12)
    assert_truth_is_there(empty_database, written, {})
    types = fetch(
        empty_database,
        "select pg_typeof(u.id)::text as id, pg_typeof(t.id)::text as task, pg_typeof(t.created_at)::text as at"
        " from users u join tasks t on t.user_id = u.id limit 1",
    )[0]
    zone = "timestamp with time zone" if uuids else "timestamp without time zone"
    assert types == {"id": "uuid" if uuids else "character varying", "task": "integer", "at": zone}


def test_the_task_lists_hashes_are_those_of_the_passwords(empty_database: str) -> None:
    written = tasks.write(empty_database, users=8, tasks=1)
    for user, password in written.truth["passwords"].items():
        row = written.truth["users"][user]
        assert bcrypt.checkpw(password["password"].encode()[:72], row["password_hash"].replace("$2y$", "$2b$").encode())
    assert {row["password_hash"][:4] for row in written.truth["users"].values()} == {"$2a$", "$2b$", "$2y$"}


def test_better_auths_accounts_hold_hashes_and_other_ways_in(empty_database: str) -> None:
    written = tasks.write(empty_database, users=3, better_auth=True)
    for account in written.truth["accounts"].values():
        password = written.truth["passwords"][str(account["user_id"])]["password"]
        credential = account["provider_id"] == "credential"
        assert account["password"] == (better_auth_hash(password) if credential else None)
    assert {account["provider_id"] for account in written.truth["accounts"].values()} == {"credential", "google", "github"}


def test_the_app_that_goes_on_gets_the_next_number(empty_database: str) -> None:
    tasks.write(empty_database, users=1, tasks=3)
    sql = "insert into tasks (user_id, title, completed, created_at, updated_at) select id, 'Next', false, now(), now()"
    assert fetch(empty_database, f"{sql} from users returning id") == [{"id": 4}]


TASKS = {
    "email_in_other_case": "(select count(*) = 2 from users where lower(email) = lower(t.email))",
    "email_missing": "email is null",
    "email_no_address": "email = 'nobody'",
    "long_name": "char_length(name) > 100",
    "orphaned_task": "not exists (select from users where id = t.user_id)",
    "blank_title": "title <> '' and title !~ '[^[:space:]]'",
    "empty_title": "title = ''",
    "long_title": "char_length(title) > 200",
    "long_description": "char_length(description) > 1000",
    "null_completed": "completed is null",
    "null_times": "created_at is null and updated_at is null",
    "empty_description": "description = ''",
}
TASKS_OWN = {"unknown_hash": "password_hash like 'md5$%'", "hash_missing": "password_hash is null"}
TASKS_BETTER_AUTH = {
    "account_of_nobody": "not exists (select from users where id = t.user_id)",
    "unknown_provider": "provider_id = 'My Space'",
    "unknown_hash_in_account": "password like 'sha1:%'",
    "user_without_account": "not exists (select from accounts where user_id = t.id)",
}


@pytest.mark.parametrize("uuids", [False, True])
@pytest.mark.parametrize(("form", "own"), [("own", TASKS_OWN), ("better_auth", TASKS_BETTER_AUTH)])
def test_every_kind_of_dirt_is_in_the_task_list(empty_database: str, form: str, own: dict[str, str], *, uuids: bool) -> None:
    better_auth = form == "better_auth"
    written = tasks.write(empty_database, uuids=uuids, better_auth=better_auth, dirt={*tasks.KINDS.of(form)})
    assert_planted(empty_database, written, TASKS | own, {})


# Manifest


def test_the_manifests_database_holds_the_truth(empty_database: str, tmp_path: Path) -> None:
    written = manifest.write(empty_database, media_root=str(tmp_path), users=2, rows=6, entries=3)
    assert_truth_is_there(empty_database, written, {})
    counts = {table: len(rows) for table, rows in written.truth.items()}
    assert counts == {
        "users": 2, "passwords": 2, "tags": 5, "taggables": 36, "media": 14,
        **dict.fromkeys(("goals", "habits", "foods", "workouts", "daily_reviews", "blog_entries", "progress_snapshots"), 12),
        **dict.fromkeys(("goal_progress", "habit_entries", "workout_exercises"), 36),
    }  # fmt: skip
    assert len(counts) - 1 == 14
    for media in written.truth["media"].values():
        assert (tmp_path / media["file_path"]).stat().st_size == media["size_bytes"]


def test_the_manifests_columns_are_named_as_the_app_named_them(empty_database: str, tmp_path: Path) -> None:
    manifest.write(empty_database, media_root=str(tmp_path), users=1, rows=1, entries=1)
    found = columns(empty_database)
    named = {
        "goals": {"parent_goal_id", "current_value", "goal_type"},
        "goal_progress": {"progress_date"},
        "habit_entries": {"entry_date", "mood"},
        "foods": {"meal_date", "food_name"},
        "workouts": {"workout_date", "mood_before", "mood_after"},
        "workout_exercises": {"exercise_name", "order_index"},
        "daily_reviews": {"review_date"},
        "blog_entries": {"slug", "is_public", "view_count"},
        "taggables": {"tag_id", "taggable_type", "taggable_id"},
        "media": {"file_path", "related_to_type", "related_to_id"},
    }
    assert {table: names & found[table] for table, names in named.items()} == named
    assert "user_id" not in found["tags"]
    assert len(found) == 14


def test_every_column_of_the_manifest_varies(empty_database: str, tmp_path: Path) -> None:
    written = manifest.write(empty_database, media_root=str(tmp_path), users=25, rows=6, entries=2)
    for table, rows in written.truth.items():
        for column in next(iter(rows.values())):
            assert len({row[column] for row in rows.values()}) > 1, (table, column)


MANIFEST = {
    "timezone_unknown": "timezone not in (select name from pg_timezone_names)",
    "timezone_null": "timezone is null",
    "username_long_with_blanks": "char_length(username) = 100 and username ~ ' '",
    "username_short": "char_length(username) < 3",
    "email_missing": "email is null",
    "unknown_hash": "password_hash like '{SSHA}%'",
    "avatar_url_empty": "avatar_url = ''",
    "email_in_other_case": "(select count(*) = 2 from users where lower(email) = lower(t.email))",
    "username_in_other_case": "(select count(*) = 2 from users where lower(username) = lower(t.username))",
    "target_zero": "target_value = 0",
    "target_negative": "target_value < 0",
    "target_nan": "target_value = 'NaN'",
    "end_before_start": "end_date < start_date",
    "status_unknown": "status = 'someday'",
    "current_value_alone": "current_value = 12.5 and not exists (select from goal_progress where goal_id = t.id)",
    "current_value_differs": "current_value <> (select value from goal_progress where goal_id = t.id)",
    "completed_without_time": "status = 'completed' and completed_at is null",
    "priority_beyond": "priority > 5",
    "recurring_without_pattern": "is_recurring and recurrence_pattern is null",
    "blank_title": "title !~ '[^[:space:]]'",
    "long_title": "char_length(title) > 255",
    "parent_of_other": "user_id <> (select user_id from goals where id = t.parent_goal_id)",
    "parents_in_a_circle": "id = (select parent_goal_id from goals where id = t.parent_goal_id)",
    "target_days_missing": "frequency = 'weekly' and target_days is null",
    "color_by_name": "color = 'tomato'",
    "calories_negative": "calories < 0",
    "meal_unknown": "meal_type = 'brunch'",
    "mood_number_as_word": "mood_before = '7'",
    "mood_too_long": "char_length(mood_after) > 50",
    "duration_zero": "duration_minutes = 0",
    "mood_beyond": "mood > 10",
    "snapshot_not_first": "period = 'monthly' and extract(day from date) > 1",
    "entry_value_negative": "value < 0",
    "entries_of_one_day": "(select count(*) = 2 from habit_entries where habit_id = t.habit_id and entry_date = t.entry_date)",
    "equal_order_index": (
        "(select count(*) = 3 from workout_exercises where workout_id = t.workout_id and order_index = t.order_index)"
    ),
    "weight_without_unit": "weight is not null and weight_unit is null",
    "reviews_of_one_day": "(select count(*) = 2 from daily_reviews where user_id = t.user_id and review_date = t.review_date)",
    "slug_null": "slug is null",
    "slug_with_blanks": "slug ~ ' '",
    "published_without_time": "status = 'published' and published_at is null",
    "views_negative": "view_count < 0",
    "content_empty": "content = ''",
    "slugs_equal": "(select count(*) = 2 from blog_entries where slug = t.slug)",
    "tag_unused": "not exists (select from taggables where tag_id = t.id)",
    "tag_of_two_owners": (
        "(select count(distinct user_id) = 2 from goals join taggables g on goals.id = taggable_id where tag_id = t.tag_id)"
    ),
    "tagged_twice": "(select count(*) = 2 from taggables where tag_id = t.tag_id and taggable_id = t.taggable_id)",
    "tags_in_other_case": (
        "(select count(*) = 2 from tags where lower(name) = (select lower(name) from tags where id = t.tag_id))"
    ),
    "tag_on_nothing": "taggable_type = 'goal' and taggable_id not in (select id from goals)",
    "tag_on_other_table": "taggable_type = 'habit' and taggable_id in (select id from goals)",
    "tag_on_unknown_type": "taggable_type = 'recipe'",
    "tag_on_plural_type": "taggable_type = 'Goals' and taggable_id in (select id from goals)",
    "file_missing": "true",
    "file_larger": "true",
    "file_empty": "size_bytes = 0",
    "file_path_climbs": "file_path ~ '\\.\\./\\.\\.'",
    "file_path_absolute": "file_path like '/%'",
    "file_link_leaves": "true",
    "file_is_folder": "true",
    "file_of_nothing": "related_to_id not in (select id from goals)",
    "file_of_others_row": "user_id <> (select user_id from goals where id = t.related_to_id)",
    "file_of_unknown_type": "related_to_type = 'recipe'",
}

MANIFEST_LATER = {
    "goal_type_life": "goal_type = 'life_goal'",
    "status_in_progress": "status = 'in_progress'",
    "milestone": "goal_id in (select id from goals)",
    "notification": "user_id in (select id from users)",
}


@pytest.mark.parametrize(("later", "added"), [(False, {}), (True, MANIFEST_LATER)])
def test_every_kind_of_dirt_is_in_the_manifest(
    empty_database: str, tmp_path: Path, added: dict[str, str], *, later: bool
) -> None:
    root = tmp_path / "media"
    kinds = {*manifest.KINDS.of("later" if later else "first")}
    written = manifest.write(empty_database, media_root=str(root), later=later, dirt=kinds)
    written.truth |= {"milestones": {}, "notifications": {}}
    assert_planted(empty_database, written, MANIFEST | added, {})
    keys = {planted.kind: planted.key for planted in written.planted}
    paths = {str(row["id"]): root / row["file_path"] for row in fetch(empty_database, "select id, file_path from media")}
    assert not paths[keys["file_missing"]].exists()
    assert paths[keys["file_larger"]].stat().st_size > 5
    assert paths[keys["file_empty"]].stat().st_size == 0
    assert paths[keys["file_is_folder"]].is_dir()
    for kind in ("file_path_climbs", "file_link_leaves", "file_path_absolute"):
        assert paths[keys[kind]].is_file()
        assert not paths[keys[kind]].resolve().is_relative_to(root)


# All


def test_the_same_seed_gives_the_same_source(tmp_path: Path) -> None:
    first, same, other = (council.write_folder(tmp_path / str(n), seed=seed) for n, seed in enumerate((7, 7, 8)))
    assert first == same
    assert first.truth.keys() == other.truth.keys()
    assert not first.truth["conversations"].keys() & other.truth["conversations"].keys()
    assert documents(tmp_path / "0") == documents(tmp_path / "1")


def test_a_kind_of_dirt_that_a_form_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot hold duplicate_id, nonsense"):
        council.write_folder(tmp_path, layout="flat", dirt={"duplicate_id", "nonsense", "infinity"})


def test_a_person_can_make_a_source_by_hand(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sources.council", str(tmp_path / "data"), "--users", "2", "--conversations", "3"]
    done = subprocess.run(
        [*command, "--dirt", "infinity,empty_file"], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    )
    assert "{'conversations': 6, 'usage': 2}" in done.stdout
    assert "empty_file: rejected: conversations" in done.stdout
    assert len([*(tmp_path / "data").glob("*/*.json")]) == 8

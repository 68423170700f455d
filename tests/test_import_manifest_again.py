"""`holdfast import manifest` again and again, and `rollback`: what has changed in the source, and only that; files, too."""

from pathlib import Path
from typing import Any

import pytest
from imported import became
from manifest_moves import TARGETS, Move, begun
from sources import manifest

move = pytest.fixture(begun)

GOAL = "id, created_at, updated_at, user_id, title, goal_type, status, priority, is_recurring, parent_goal_id"


def _one(rows: dict[str, Any]) -> str:
    """The key of some row of the truth."""
    return next(iter(rows))


def test_an_import_again_changes_nothing(move: Move) -> None:
    move.write(users=2, rows=2, entries=2, dirt={*manifest.KINDS.of("first")})
    first = move.imported()
    before, objects = move.all_here(), move.objects()
    again = move.imported()
    assert became(again, "unchanged") == became(first, "imported")
    assert became(again, "rejected") == became(first, "rejected")
    assert became(again, "imported") == became(again, "updated") == {}
    assert move.all_here() == before
    assert move.objects() == objects > 0
    move.verified(again["id"])


def test_what_changed_in_the_source_is_changed_here_and_nothing_else(move: Move) -> None:
    truth = move.write(users=2, rows=3, entries=3).truth
    first = move.imported()
    before = move.all_here()
    later, changes = "updated_at = updated_at + interval '1 day'", []
    for table, change in {
        "users": "bio = 'New'",
        "goals": "title = 'New'",
        "goal_progress": "note = 'New'",
        "habits": "name = 'New'",
        "habit_entries": "completed = not completed",
        "foods": "food_name = 'New'",
        "workouts": "mood_after = 'New'",
        "daily_reviews": "gratitude = 'New'",
        "blog_entries": "slug = 'new-slug', title = 'New'",
        "progress_snapshots": "notes = 'New'",
        "media": "alt_text = 'New'",
    }.items():
        changes.append(f"update {table} set {later}, {change} where id = '{_one(truth[table])}'")
    move.change(*changes)
    move.differing(first["id"])
    again = move.imported()
    assert became(again, "updated") == dict.fromkeys(became(again, "updated"), 1)
    assert set(TARGETS) - became(again, "updated").keys() == {"tags", "taggings", "workout_exercises"}
    assert became(again, "imported") == {}
    here = move.all_here()
    for table in TARGETS:
        differing = [key for key, row in here[table].items() if row != before[table][key]]
        expected = [_one(truth[table])] if table in became(again, "updated") else []
        assert [key.split("/")[0] for key in differing] == expected, table
    assert here["blog_entries"][_one(truth["blog_entries"])]["slug"] == "new-slug"
    move.verified(again["id"])
    # The later one goes first, and leaves what the first had made.
    assert again["id"] in move.given_up("rollback", first["id"])
    move.rolled_back(again["id"])
    for table in TARGETS:
        restored = move.here(table)
        for key, row in before[table].items():
            assert {**restored[key], "version": 0} == {**row, "version": 0}, table
    move.rolled_back(first["id"])


def test_an_exercise_can_be_put_before_others(move: Move) -> None:
    truth = move.write(users=1, rows=1, entries=3).truth
    move.imported()
    workout = _one(truth["workouts"])
    move.change(
        "insert into workout_exercises (id, created_at, updated_at, workout_id, order_index, exercise_name)"
        f" select gen_random_uuid(), created_at, updated_at, id, 0, 'Before all' from workouts where id = '{workout}'"
    )
    done = move.imported()
    assert done["counts"]["workout_exercises"] == {"read": 4, "imported": 1, "updated": 3}
    here = sorted(move.here("workout_exercises").values(), key=lambda row: row["position"])
    said = sorted(truth["workout_exercises"].values(), key=lambda row: row["order_index"])
    assert [row["position"] for row in here] == [1, 2, 3, 4]
    assert [row["name"] for row in here] == ["Before all", *(row["exercise_name"] for row in said)]


def test_a_slug_that_its_user_has_here_is_made_another(move: Move) -> None:
    truth = move.write(users=1, rows=2, entries=1).truth
    first, second = truth["blog_entries"]
    move.imported()
    move.rows("update blog_entries set slug = 'mine' where slug = $1", truth["blog_entries"][first]["slug"])
    move.change(f"update blog_entries set slug = 'mine' where id = '{second}'")
    done = move.imported()
    assert move.here("blog_entries")[second]["slug"] == f"mine-{second[:8]}"
    assert [line["place"] for line in move.report(done["id"]) if line["rule"] == "blog_entries_slug_unique"] == [second]


def test_a_change_that_would_make_two_alike_is_kept_out_alone(move: Move) -> None:
    truth = move.write(users=1, rows=3, entries=1).truth
    first, second, third = truth["daily_reviews"]
    move.imported()
    move.rows("update daily_reviews set date = '2001-01-01' where date = $1", truth["daily_reviews"][first]["review_date"])
    move.change(f"update daily_reviews set review_date = '2001-01-01' where id = '{second}'")
    move.change(f"update daily_reviews set gratitude = 'New' where id = '{third}'")
    done = move.imported()
    assert done["counts"]["daily_reviews"] == {"read": 3, "unchanged": 1, "updated": 1, "kept": 1}
    assert move.here("daily_reviews")[third]["gratitude"] == "New"
    lines = [line for line in move.report(done["id"]) if line["kind"] == "kept"]
    assert [(line["place"], line["rule"]) for line in lines] == [(second, "daily_reviews_date_unique")]


def test_what_belongs_to_a_row_that_its_user_deleted_here_does_not_end_the_import(move: Move) -> None:
    truth = move.write(users=1, rows=1, entries=1).truth
    move.imported()
    goal, tag = _one(truth["goals"]), _one(truth["tags"])
    move.rows("delete from goals")
    move.change(
        f"insert into goals ({GOAL})"
        " select gen_random_uuid(), created_at, updated_at, user_id, 'Below', goal_type, 'active', 0, false, id from goals"
    )
    move.change(
        "insert into taggables (id, created_at, tag_id, taggable_type, taggable_id)"
        f" values (gen_random_uuid(), now(), '{tag}', 'goal', '{goal}')"
    )
    done = move.imported()
    assert done["counts"]["goals"] == {"read": 2, "imported": 1, "unchanged": 1}
    assert [row["parent_id"] for row in move.here("goals").values()] == [None]
    rules = {(line["entity"], line["rule"]) for line in move.report(done["id"])}
    assert {("goals", "left_empty: parent_id"), ("taggings", "taggings_target_exists")} <= rules


def test_circles_and_long_chains_of_goals_are_cut(move: Move) -> None:
    move.write(users=1, rows=1, entries=0)
    insert = (
        f"insert into goals ({GOAL})"
        " select md5('{name}' || n)::uuid, now(), now(), u.id, '{name} ' || n, 'daily', 'active', 0, false, {parent}"
        " from users u, generate_series(1, {count}) n"
    )
    chain = insert.format(name="chain", count=250, parent="case when n > 1 then md5('chain' || n - 1)::uuid end")
    circle = insert.format(name="circle", count=7, parent="md5('circle' || n % 7 + 1)::uuid")
    beside = insert.format(name="beside", count=3, parent="md5('circle' || n)::uuid")
    own = insert.format(name="own", count=1, parent="md5('own' || n)::uuid")
    move.change(chain, circle, beside, own)
    done = move.imported()
    assert done["counts"]["goals"] == {"read": 262, "imported": 262}
    here = move.here("goals")
    roots = [row["title"] for row in here.values() if row["parent_id"] is None]
    assert {"chain 1", "chain 101", "chain 201", "own 1"} <= {*roots}
    assert len([title for title in roots if title.startswith("circle")]) == 1
    assert len(roots) == 6
    rules = [line["rule"] for line in move.report(done["id"]) if line["entity"] == "goals"]
    assert sorted(rules) == ["goals_depth", "goals_depth", "goals_parent_circle", "goals_parent_circle"]
    move.verified(done["id"])
    assert move.imported()["counts"]["goals"] == {"read": 262, "unchanged": 262}


def test_a_dry_run_and_a_rollback_leave_every_table_as_it_was(move: Move) -> None:
    truth = move.write(users=2, rows=2, entries=2, dirt={*manifest.KINDS.of("first")}).truth
    before = move.counts()
    dry = move.imported("--dry-run")
    assert move.counts() == before
    assert move.rows("select from imports") == move.rows("select from media_deletions") == []
    assert move.objects() == 0
    done = move.imported()
    assert done["counts"] == dry["counts"]
    assert move.counts() != before
    move.rolled_back(done["id"])
    assert move.counts() == before
    move.said("maintain")
    assert move.objects() == 0
    again = move.imported()
    assert again["counts"] == done["counts"]
    # What a user has changed since stays, and what it belongs to.
    goal = move.here("goals")[_one(truth["goals"])]
    move.rows("update goals set title = 'Mine' where id = $1", goal["id"])
    move.rolled_back(again["id"])
    left = {table: count for table, count in move.counts().items() if count > before[table]}
    assert left.pop("import_items") == left["users"] + left["goals"]
    assert left["goals"] == 1
    assert left.keys() <= {"users", "goals"}


# Files


def test_a_run_that_fails_leaves_no_object_for_long(move: Move) -> None:
    move.write(users=1, rows=1, entries=1, dirt={"blank_title"})
    assert "goals_title_not_blank" in move.refused(move.there, "--on-error", "stop")
    assert move.objects() == 7
    move.said("maintain")
    assert move.objects() == 0


def test_maintenance_leaves_the_objects_that_have_rows_and_verify_reads_them(move: Move) -> None:
    move.write(users=1, rows=1, entries=1)
    done = move.imported()
    assert move.rows("select from media_deletions") == []
    move.said("maintain")
    assert move.objects() == 7
    move.verified(done["id"])
    objects = [path for path in (move.data / "media").rglob("*") if path.is_file()]
    objects[0].write_bytes(bytes(len(objects[0].read_bytes())))
    objects[1].unlink()
    assert move.differing(done["id"]).count("an object that is not there, or not the same") == 2


def test_a_file_that_changed_in_the_source_comes_as_another_one(move: Move) -> None:
    truth = move.write(users=1, rows=1, entries=1).truth
    first = move.imported()
    row = truth["media"][_one(truth["media"])]
    (move.root / row["file_path"]).write_bytes(b"other bytes")
    move.differing(first["id"])
    again = move.imported()
    assert again["counts"]["media"] == {"read": 7, "imported": 1, "unchanged": 6}
    assert len(move.here("media")) == move.objects() == 8
    move.verified(again["id"])


def test_without_the_folder_files_are_rejected_and_everything_else_comes(move: Move) -> None:
    truth = move.write(users=1, rows=1, entries=1).truth
    done = move.said("import", "manifest", move.there)
    assert done["counts"]["media"] == {"read": 7, "rejected": 7}
    lines = [line for line in move.report(done["id"]) if line["entity"] == "media"]
    assert {line["rule"] for line in lines} == {"media_root_needed"}
    assert {line["place"] for line in lines} == truth["media"].keys()
    assert move.imported()["counts"]["media"] == {"read": 7, "imported": 7}


def test_a_folder_on_the_way_that_is_a_link_is_not_followed(move: Move, tmp_path: Path) -> None:
    truth = move.write(users=1, rows=1, entries=1).truth
    folder = move.root / _one(truth["users"])
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    done = move.imported()
    assert done["counts"]["media"] == {"read": 7, "rejected": 7}
    assert {line["rule"] for line in move.report(done["id"]) if line["entity"] == "media"} == {"file_is_link"}

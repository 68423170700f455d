"""`holdfast import holdfast`: what was exported comes back as it was, and what is no export does not come at all."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from exported import Server, content, rewritten


@pytest.fixture(scope="module")
def origin(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server with two accounts."""
    server = Server(shared_database, tmp_path_factory.mktemp("origin"))
    server.fill()
    # The last day and the first time that Python knows: its driver would make infinities of them.
    ends = "due_date = '9999-12-31', created_at = '0001-01-01 00:00Z', updated_at = '9999-12-31 23:59:59.999999Z'"
    server.sql(f"update tasks set {ends} where (user_id, id) = (select user_id, id from tasks limit 1)")
    return server


@pytest.fixture(scope="module")
def archive(origin: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an operator has exported of it."""
    path = tmp_path_factory.mktemp("exports") / "all.zip"
    origin.exported(path)
    return path


@pytest.fixture
def there(own_database: str, tmp_path: Path) -> Server:
    """Another server, which is empty."""
    return Server(own_database, tmp_path / "there")


def manifest(archive: Path) -> dict[str, Any]:
    return dict(json.loads(content(archive)["manifest.json"]))


def nothing_came(server: Server) -> bool:
    return server.sql("select count(*) from users union all select count(*) from import_items") == [0, 0]


def became(outcome: dict[str, Any], *names: str) -> int:
    """How many rows became one of these."""
    return sum(count.get(name, 0) for count in outcome["counts"].values() for name in names)


def rows(archive: Path) -> int:
    return sum(table["rows"] for table in manifest(archive)["tables"].values())


def test_what_was_exported_and_imported_elsewhere_is_exported_with_the_same_hash(
    archive: Path, there: Server, tmp_path: Path
) -> None:
    outcome = there.imported(archive)
    assert became(outcome, "imported") == rows(archive)
    assert all(table["rows"] for table in manifest(archive)["tables"].values()), "a table that nothing was tried with"
    again = there.exported(tmp_path / "again.zip")
    assert again["tables"] == manifest(archive)["tables"]
    assert again["sha256"] == manifest(archive)["sha256"]
    assert again["media"]["files"] == 24
    verified = there.command("verify", outcome["id"])
    assert verified.returncode == 0, verified.stdout
    assert there.command("rollback", outcome["id"]).returncode == 0
    assert nothing_came(there)


def test_one_account_moves_alone(origin: Server, there: Server, tmp_path: Path) -> None:
    first = origin.exported(tmp_path / "one.zip", "--user", "HERON@example.com")
    there.imported(tmp_path / "one.zip")
    assert there.sql("select email from users") == ["heron@example.com"]
    assert there.exported(tmp_path / "again.zip", "--user", "heron@example.com")["sha256"] == first["sha256"]


def test_an_archive_that_is_imported_again_changes_nothing(archive: Path, there: Server) -> None:
    there.imported(archive)
    again = there.imported(archive)
    assert became(again, "unchanged") == rows(archive)
    assert became(again, "imported", "updated", "rejected", "kept") == 0


def test_rows_that_are_here_are_not_doubled_and_those_that_are_not_come(archive: Path, there: Server) -> None:
    """The export comes back to its own server, where something was deleted since."""
    there.imported(archive)
    # As if they had never been imported.
    there.sql("delete from import_items")
    there.sql("delete from tasks where user_id = (select min(id::text)::uuid from users)")
    there.sql("update habits set name = 'Renamed since'")
    before = there.sql("select count(*) from habits union all select count(*) from messages")
    outcome = there.imported(archive)
    assert outcome["counts"]["tasks"] == {"read": 24, "imported": 12, "unchanged": 12}
    assert outcome["counts"]["users"] == {"read": 2, "merged": 2}
    assert became(outcome, "rejected", "updated", "kept") == 0
    assert there.sql("select count(*) from habits union all select count(*) from messages") == before
    assert set(there.sql("select name from habits")) == {"Renamed since"}
    assert there.command("verify", outcome["id"]).returncode == 0
    # What was here before stays.
    assert there.command("rollback", outcome["id"]).returncode == 0
    assert there.sql("select count(*) from tasks") == [12]
    assert there.sql("select count(*) from habits union all select count(*) from messages") == before


def test_a_newer_export_brings_what_has_changed_since(
    origin: Server, archive: Path, there: Server, own_database: str, tmp_path: Path
) -> None:
    there.imported(archive)
    lines = content(archive)["tables/tasks.ndjson"].splitlines(keepends=True)
    changed = [lines[0].replace(b'"title":"The heron"', b'"title":"A heron"'), *lines[1:]]
    newer = resealed(archive, tmp_path / "newer.zip", {"tables/tasks.ndjson": b"".join(changed)})
    outcome = there.imported(newer)
    assert became(outcome, "updated") == 1
    assert there.sql("select count(*) from tasks where title = 'A heron'") == [1]


def test_a_ledger_and_a_conversation_that_went_on_here_get_nothing_in_between(
    archive: Path, there: Server, tmp_path: Path
) -> None:
    there.imported(archive)
    there.sql("update credit_accounts set available = available - 1, last_seq = last_seq + 1")
    there.sql(
        "insert into credit_transactions (user_id, seq, type, amount, balance_after) "
        "select user_id, last_seq, 'deduct', -1, available from credit_accounts"
    )
    there.sql("update conversations set title = 'Mine', last_seq = 3")
    found = content(archive)
    message, transaction = (found[f"tables/{name}.ndjson"].splitlines()[-1] for name in ("messages", "credit_transactions"))
    later = {
        "tables/messages.ndjson": message.replace(b'"seq":2', b'"seq":3') + b"\n",
        "tables/credit_transactions.ndjson": transaction.replace(b'"seq":12', b'"seq":13') + b"\n",
    }
    newer = resealed(archive, tmp_path / "newer.zip", {name: found[name] + line for name, line in later.items()})
    outcome = there.imported(newer)
    rules = {line["rule"] for line in outcome["report"] if line["kind"] == "rejected"}
    assert rules == {"account_changed_here", "conversation_changed_here"}
    assert there.command("verify-ledger").returncode == 0
    assert there.sql("select count(*) from messages where seq = 3") == [0]


def test_transactions_that_are_folded_here_are_not_missed(archive: Path, there: Server) -> None:
    there.imported(archive)
    # As `holdfast maintain` does with old ones.
    there.sql("delete from credit_transactions where seq < 12")
    there.sql("update credit_transactions set type = 'checkpoint', amount = balance_after")
    outcome = there.imported(archive)
    assert outcome["counts"]["credit_transactions"] == {"read": 24, "merged": 24}
    assert there.command("verify-ledger").returncode == 0
    assert there.command("verify", outcome["id"]).returncode == 0


def test_an_account_with_the_same_address_gets_nothing_unless_told(archive: Path, there: Server) -> None:
    there.sql("insert into users (email, password_hash) values ('heron@example.com', 'x')")
    outcome = there.imported(archive)
    assert outcome["counts"]["users"] == {"read": 2, "imported": 1, "rejected": 1}
    assert there.sql("select count(*) from tasks") == [12]
    there.imported(archive, "--into-existing")
    assert there.sql("select count(*) from tasks") == [24]
    assert there.sql("select count(*) from users") == [2]


def test_the_rows_of_one_account_go_to_the_account_that_is_named(origin: Server, there: Server, tmp_path: Path) -> None:
    path = tmp_path / "one.zip"
    origin.exported(path, "--user", "heron@example.com")
    there.sql("insert into users (email, password_hash) values ('new@example.com', 'x')")
    outcome = there.imported(path, "--user", "new@example.com")
    assert became(outcome, "imported") == sum(
        table["rows"] for entity, table in manifest(path)["tables"].items() if entity not in ("users", "identities")
    )
    assert there.sql("select distinct u.email from tasks t join users u on u.id = t.user_id") == ["new@example.com"]
    assert there.sql("select password_hash from users") == ["x"]
    assert {line["entity"] for line in outcome["report"]} == {"users", "identities"}


def test_several_accounts_do_not_fit_into_one(archive: Path, there: Server) -> None:
    there.sql("insert into users (email, password_hash) values ('new@example.com', 'x')")
    assert "other than one account" in there.refused("import", "holdfast", str(archive), "--user", "new@example.com")


def test_a_dry_run_keeps_neither_rows_nor_files(archive: Path, there: Server) -> None:
    outcome = there.imported(archive, "--dry-run")
    assert became(outcome, "imported") == rows(archive)
    assert nothing_came(there)
    assert not [*there.data.glob("media/**/*")]


def resealed(archive: Path, to: Path, entries: dict[str, bytes | None]) -> Path:
    """A copy with other contents, whose manifest says so: what only somebody who means it can make."""
    found = {name: text for name, text in {**content(archive), **entries}.items() if text is not None}
    told = json.loads(found.pop("manifest.json"))
    hashes = {name: hashlib.sha256(text).hexdigest() for name, text in found.items()}
    told["tables"] = {
        name.removeprefix("tables/").removesuffix(".ndjson"): {
            "rows": text.count(b"\n"),
            "bytes": len(text),
            "sha256": hashes[name],
        }
        for name, text in found.items()
        if name.startswith("tables/")
    }
    files = [text for name, text in found.items() if name.startswith("media/")]
    told["media"] = {"files": len(files), "bytes": sum(map(len, files))}
    told["sha256"] = hashlib.sha256("".join(f"{name} {hashes[name]}\n" for name in sorted(hashes)).encode()).hexdigest()
    return rewritten(archive, to, {**entries, "manifest.json": json.dumps(told).encode()})


def test_rows_that_are_none_are_reported_and_the_others_come(archive: Path, there: Server, tmp_path: Path) -> None:
    lines = content(archive)["tables/tasks.ndjson"].splitlines(keepends=True)
    broken = [
        b"no JSON\n",
        lines[1].replace(b'"completed":', b'"completed":"perhaps","was":'),
        lines[2].replace(b'"The ', b'"\\u0000The '),
        lines[3].replace(b'"priority":3', b'"priority":30'),
        lines[4].replace(b'"created_at":"2', b'"created_at":"x'),
        lines[5].replace(b'"priority":3', b'"priority":99999999999'),
    ]
    path = resealed(archive, tmp_path / "broken.zip", {"tables/tasks.ndjson": b"".join([lines[0], *broken, *lines[6:]])})
    report = tmp_path / "report.jsonl"
    outcome = there.imported(path, "--report", str(report))
    assert outcome["counts"]["tasks"] == {"read": 25, "imported": 19, "rejected": 6}
    rules = {line["rule"] for line in map(json.loads, report.read_text().splitlines()) if line["entity"] == "tasks"}
    assert rules == {
        "row_form",
        "completed_form",
        "text_characters",
        "tasks_priority_range",
        "created_at_form",
        "priority_form",
    }


def test_what_has_no_place_is_reported(archive: Path, there: Server, tmp_path: Path) -> None:
    lines = content(archive)["tables/tags.ndjson"].replace(b'{"user_id"', b'{"shape":"round","user_id"')
    path = resealed(archive, tmp_path / "other.zip", {"tables/tags.ndjson": lines, "tables/plants.ndjson": b"{}\n"})
    outcome = there.imported(path)
    assert {(line["entity"], line["example"]) for line in outcome["report"]} == {("tags", "tags.shape"), ("plants", "plants")}
    assert became(outcome, "imported") == rows(archive)


def test_a_file_that_is_missing_leaves_its_row_out(archive: Path, there: Server, tmp_path: Path) -> None:
    name = next(name for name in content(archive) if name.startswith("media/"))
    outcome = there.imported(resealed(archive, tmp_path / "less.zip", {name: None}))
    assert outcome["counts"]["media"] == {"read": 24, "imported": 23, "rejected": 1}
    assert [line["rule"] for line in outcome["report"]] == ["media_missing"]


def test_what_a_user_changed_in_their_own_export_lets_them_into_no_account(
    origin: Server, there: Server, tmp_path: Path
) -> None:
    path = tmp_path / "one.zip"
    origin.exported(path, "--user", "heron@example.com")
    told = manifest(path) | {"kind": "user"}
    users = content(path)["tables/users.ndjson"].replace(b'"role":"user"', b'"role":"admin"')
    forged = rewritten(path, tmp_path / "as-own.zip", {"manifest.json": json.dumps(told).encode()})
    forged = resealed(forged, tmp_path / "forged.zip", {"tables/users.ndjson": users})
    there.imported(forged)
    assert there.sql("select role || coalesce(password_hash, '-') from users") == ["user-"]
    # Into an account that was here, no sign-in comes along.
    there.sql("delete from import_items")
    there.sql("delete from identities")
    outcome = there.imported(forged)
    assert [line["rule"] for line in outcome["report"] if line["kind"] == "rejected"] == ["account_is_here"]
    assert there.sql("select count(*) from identities") == [0]


def test_a_truncated_archive_is_refused(archive: Path, there: Server, tmp_path: Path) -> None:
    whole, path = archive.read_bytes(), tmp_path / "cut.zip"
    for length in (0, 10, len(whole) // 3, len(whole) - 2000, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert "Nothing was imported" in there.refused("import", "holdfast", str(path))
    assert nothing_came(there)


def test_an_archive_with_a_changed_byte_is_refused(archive: Path, there: Server, tmp_path: Path) -> None:
    whole, path = archive.read_bytes(), tmp_path / "changed.zip"
    with zipfile.ZipFile(archive) as file:
        # Within what is packed of each table, of a file, and of the manifest.
        starts = {entry.filename: (entry.header_offset, entry.compress_size) for entry in file.infolist()}
    chosen = [
        "tables/tasks.ndjson",
        "tables/messages.ndjson",
        "manifest.json",
        next(n for n in starts if n.startswith("media")),
    ]
    for name in chosen:
        place = starts[name][0] + 30 + len(name) + 20 + starts[name][1] // 2
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert "Nothing was imported" in there.refused("import", "holdfast", str(path)), name
    assert nothing_came(there)


def test_a_changed_row_under_a_right_checksum_of_the_zip_is_refused(archive: Path, there: Server, tmp_path: Path) -> None:
    found = content(archive)
    changes: dict[str, dict[str, bytes | None]] = {
        "tables/tasks.ndjson is not": {"tables/tasks.ndjson": found["tables/tasks.ndjson"].replace(b"heron", b"herons")},
        "a file in it is not": {
            next(n for n in found if n.startswith("media/")): b"x"
            * len(next(t for n, t in found.items() if n.startswith("media/")))
        },
        "the list of its entries": {"tables/foods.ndjson": None},
        "tables/plants.ndjson is not": {"tables/plants.ndjson": b"{}\n"},
        "manifest.json is not": {"manifest.json": b'{"format": "holdfast-export", "version": 1}'},
        "no manifest": {"manifest.json": None},
        "not an export of Holdfast": {"manifest.json": b'{"format": "another", "version": 1}'},
        "has an entry that no export has": {"../../etc/passwd": b""},
        "an entry that no export": {"tables/../../x.ndjson": b""},
    }
    for said, entries in changes.items():
        assert said in there.refused("import", "holdfast", str(rewritten(archive, tmp_path / "changed.zip", entries))), said
    assert nothing_came(there)


def test_an_archive_of_a_newer_form_is_refused(archive: Path, there: Server, tmp_path: Path) -> None:
    told = json.dumps(manifest(archive) | {"version": 2, "more": True}).encode()
    newer = rewritten(archive, tmp_path / "newer.zip", {"manifest.json": told})
    assert "is of a newer form, version 2" in there.refused("import", "holdfast", str(newer))


def test_a_zip_bomb_is_refused_before_it_unfolds(archive: Path, there: Server, tmp_path: Path) -> None:
    bomb = resealed(archive, tmp_path / "bomb.zip", {"tables/foods.ndjson": b" " * 20_000_000 + b"\n"})
    assert "is a zip bomb" in there.refused("import", "holdfast", str(bomb))
    two = tmp_path / "two.zip"
    with zipfile.ZipFile(two, "w") as file:
        file.writestr("manifest.json", "{}")
        with pytest.warns(UserWarning, match="Duplicate"):
            file.writestr("manifest.json", "{}")
    assert "two entries of one name" in there.refused("import", "holdfast", str(two))


def test_what_users_write_makes_no_bomb(there: Server, tmp_path: Path) -> None:
    there.sql(
        "insert into query_cache (query_hash, result, expires_at) "
        """values ('a', ('"' || repeat('a', 8000000) || '"')::json, '2030-01-01')"""
    )
    there.exported(tmp_path / "all.zip")
    there.sql("delete from query_cache")
    assert there.imported(tmp_path / "all.zip")["counts"] == {"query_cache": {"read": 1, "imported": 1}}


def test_what_is_no_archive_is_refused_in_a_sentence(there: Server, tmp_path: Path) -> None:
    text = tmp_path / "text.zip"
    text.write_text("hello")
    assert "is not a whole export" in there.refused("import", "holdfast", str(text))
    assert "No such file" in there.refused("import", "holdfast", str(tmp_path / "none.zip"))
    assert "Is a directory" in there.refused("import", "holdfast", str(tmp_path))
    assert "is a file" in there.refused("import", "holdfast", "postgresql://127.0.0.1/holdfast")

"""The shopping assistant's credits, consents and kept answers, from its dump and from its tables."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from client import Execute, Started
from imported import Imports, all_same, became
from sources import assistant
from sources.assistant_dirt import DATABASE, JSON
from sources.planting import Row

from app.importing.sources import json_stream

LEDGER = (
    "select i.subject, t.seq, t.type, t.amount, t.balance_after, t.description, t.created_at "
    "from credit_transactions t join identities i using (user_id) order by i.subject, t.seq"
)


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "assistant")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def assert_ledger_is_whole(imports: Imports) -> None:
    done = imports.command("verify-ledger")
    assert done.returncode == 0, done.stdout + done.stderr


def add(path: Path, user: str, *entries: tuple[str, int], available: int, month: str = "2026-06") -> None:
    """Let the old app write transactions of a user."""
    dump = json.loads(path.read_text())
    for place, (kind, amount) in enumerate(entries):
        at = f"{month}-0{place + 1}T00:00:00"
        dump["transactions"].append({"user_id": user, "transaction_type": kind, "amount": amount, "timestamp": at})
    dump["user_credits"][user]["available_credits"] = available
    path.write_text(json.dumps(dump, indent=2))


def test_every_field_of_a_dump_is_here_and_stays_as_it_is_when_it_comes_again(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    truth = assistant.write(path, users=12, transactions=7).truth
    before = imports.counts()
    done = imports.run(path)
    assert done["counts"]["credit_transactions"] == {"read": 84, "imported": 84}
    accounts = imports.rows(
        "select i.*, u.is_guest, a.* from credit_accounts a join users u on u.id = user_id join identities i using (user_id)"
    )
    assert len(accounts) == 12
    for row in accounts:
        given = truth["user_credits"][row["subject"]]
        assert row["provider"] == ("legacy" if given["is_guest"] else "auth0")
        assert [row["is_guest"], row["available"], row["max_credits"], row["last_reset_at"], row["reset_hours"]] == [
            *(given[name] for name in ("is_guest", "available_credits", "max_credits")),
            *(moment(given["last_reset_timestamp"]), None if given["is_guest"] else 24),
        ]
    names = ("user_id", "transaction_type", "amount", "description", "timestamp")
    there = Counter(
        tuple(moment(row[name]) if name == "timestamp" else row[name] for name in names)
        for row in truth["transactions"].values()
    )
    columns = ("subject", "type", "amount", "description", "created_at")
    assert Counter(tuple(row[name] for name in columns) for row in imports.rows(LEDGER)) == there
    consents = {
        row["subject"]: row
        for row in imports.rows("select i.subject, c.* from consent_events c join identities i using (user_id)")
    }
    assert consents.keys() == truth["consents"].keys()
    for subject, row in consents.items():
        given = truth["consents"][subject]
        assert [row["terms_accepted"], row["marketing_consent"], row["created_at"]] == [
            *(given[name] for name in ("terms_accepted", "marketing_consent")),
            moment(given["updated_at"]),
        ]
    for row in imports.rows("select * from query_cache"):
        given = truth["query_cache"].pop(row["query_hash"])
        assert row["result"] == given["result"]
        assert [row["cached_at"], row["expires_at"]] == [moment(given["cached_at"]), moment(given["expires_at"])]
    assert truth["query_cache"] == {}
    # When they first agreed has no place, and is told.
    told = {line["place"]: line["content"] for line in imports.report(done["id"])}
    assert told.keys() == {"consents.created_at"}
    assert told["consents.created_at"]["values"].keys() <= {str(each["created_at"]) for each in truth["consents"].values()}
    assert_ledger_is_whole(imports)
    assert imports.verified(done["id"]) == all_same(done)
    again = imports.run(path)
    assert became(again, "unchanged") == became(done, "imported")
    assert not became(again, "imported")
    for each in (again, done):
        imports.rolled_back(each["id"])
    assert imports.counts() == before
    assert became(imports.run(path), "imported") == became(done, "imported")
    assert_ledger_is_whole(imports)


def test_transactions_that_were_written_since_come_at_the_end_of_the_ledger(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    truth = assistant.write(path, users=3).truth
    done = imports.run(path)
    ledger, counts = imports.rows(LEDGER), imports.counts()
    user, account = next(iter(truth["user_credits"].items()))
    add(path, user, ("allocate", 5), ("allocate", 5), ("deduct", -1), available=account["available_credits"] + 9)
    again = imports.run(path)
    assert became(again, "imported") == {"credit_transactions": 3}
    assert became(again, "updated") == {"credit_accounts": 1}
    assert_ledger_is_whole(imports)
    own = [row for row in imports.rows(LEDGER) if row["subject"] == user]
    assert [row["amount"] for row in own[-3:]] == [5, 5, -1]
    assert [row["seq"] for row in own] == list(range(1, len(own) + 1))
    assert all(outcomes.keys() == {"same"} for outcomes in imports.verified(again["id"]).values())
    # What the app spent without writing it down is balanced, and reported.
    add(path, user, available=account["available_credits"])
    third = imports.run(path)
    assert became(third, "imported") == {"credit_transactions": 1}
    assert [line["rule"] for line in imports.report(third["id"]) if line["entity"] == "credit_transactions"] == [
        "ledger_balanced"
    ]
    assert_ledger_is_whole(imports)
    for each in (third, again):
        imports.rolled_back(each["id"])
        assert_ledger_is_whole(imports)
    assert imports.rows(LEDGER) == ledger
    assert imports.counts() == counts
    imports.rolled_back(done["id"])
    assert imports.rows(LEDGER) == []


def test_an_account_that_was_used_here_gets_nothing_more_and_keeps_its_ledger(
    imports: Imports, tmp_path: Path, started: Started
) -> None:
    path = tmp_path / "dump.json"
    truth = assistant.write(path, users=6).truth
    done = imports.run(path)
    service = started(database_url=imports.url).user()
    imports.rows("update users set role = 'service' where id = $1::text::uuid", service.id)
    user, account = next((name, row) for name, row in truth["user_credits"].items() if not row["is_guest"])
    on_behalf = {"X-On-Behalf-Of": f"auth0:{user}"}
    answer = service.get("/v1/credits", headers=on_behalf)
    assert answer.status_code == 200, answer.text
    assert answer.json()["max_credits"] == account["max_credits"]
    assert service.post("/v1/credits/deductions", {"amount": 1}, headers=on_behalf).status_code in (200, 201)
    before = [row for row in imports.rows(LEDGER) if row["subject"] == user]
    add(path, user, ("allocate", 7), available=account["available_credits"] + 7)
    again = imports.run(path)
    assert not became(again, "imported")
    assert {line["rule"] for line in imports.report(again["id"])} >= {"account_changed_here", "changed_here"}
    assert [row for row in imports.rows(LEDGER) if row["subject"] == user] == before
    assert_ledger_is_whole(imports)
    imports.rolled_back(again["id"])
    kept = imports.rolled_back(done["id"])
    assert kept["credit_accounts"]["kept"] == 1
    assert len(imports.rows("select from credit_transactions")) == len(before)
    assert_ledger_is_whole(imports)


def folded(imports: Imports) -> int:
    """Let maintenance fold what is old, as `serve` does within minutes: how many transactions it folds."""
    count: int = imports.said("maintain")["folded_transactions"]
    return count


def test_a_ledger_that_was_folded_here_is_verified_left_alone_and_taken_back(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    assistant.write(path, users=3, transactions=5)
    before = imports.counts()
    done = imports.run(path)
    assert folded(imports) == 15
    ledger = imports.rows(LEDGER)
    assert [row["type"] for row in ledger] == ["checkpoint"] * 3
    assert imports.verified(done["id"])["credit_transactions"] == {"folded": 15}
    again = imports.run(path)
    assert again["counts"]["credit_transactions"] == {"read": 15, "merged": 15}
    told = [line for line in imports.report(again["id"]) if line["entity"] == "credit_transactions"]
    assert [(line["kind"], line["rule"], line["content"]) for line in told] == [("merged", "folded", {"transactions": 5})] * 3
    assert imports.rows(LEDGER) == ledger
    for each in (again, done):
        imports.rolled_back(each["id"])
        assert_ledger_is_whole(imports)
    assert imports.counts() == before
    assert imports.run(path)["counts"] == done["counts"]
    assert_ledger_is_whole(imports)


def test_a_checkpoint_over_two_imports_is_parted_when_the_later_one_is_taken_back(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    truth = assistant.write(path, users=2).truth
    before = imports.counts()
    done = imports.run(path)
    user, account = next(iter(truth["user_credits"].items()))
    add(path, user, ("allocate", 5), ("deduct", -1), available=account["available_credits"] + 4, month="2025-06")
    again = imports.run(path)
    assert folded(imports) == 10
    assert imports.verified(again["id"])["credit_transactions"] == {"folded": 10}
    imports.rolled_back(again["id"])
    assert_ledger_is_whole(imports)
    [row] = [row for row in imports.rows(LEDGER) if row["subject"] == user]
    assert (row["type"], row["seq"], row["balance_after"]) == ("checkpoint", 4, account["available_credits"])
    # What it brought comes again.
    third = imports.run(path)
    assert third["counts"]["credit_transactions"] == {"read": 10, "imported": 2, "merged": 8}
    assert_ledger_is_whole(imports)
    for each in (third, done):
        imports.rolled_back(each["id"])
        assert_ledger_is_whole(imports)
    assert imports.counts() == before


@pytest.mark.parametrize(("is_folded", "is_forced"), [(False, True), (True, False), (True, True)])
def test_what_was_spent_here_keeps_its_ledger_or_goes_with_it_by_force(
    imports: Imports, tmp_path: Path, started: Started, *, is_folded: bool, is_forced: bool
) -> None:
    path = tmp_path / "dump.json"
    truth = assistant.write(path, users=2).truth
    imports.run(path)
    user, account = next((name, row) for name, row in truth["user_credits"].items() if not row["is_guest"])
    add(path, user, ("allocate", 5), available=account["available_credits"] + 5, month="2025-06")
    again = imports.run(path)
    assert not is_folded or folded(imports) == 9
    service = started(database_url=imports.url).user()
    imports.rows("update users set role = 'service' where id = $1::text::uuid", service.id)
    on_behalf = {"X-On-Behalf-Of": f"auth0:{user}"}
    assert service.post("/v1/credits/deductions", {"amount": 1}, headers=on_behalf).status_code in (200, 201)
    imports.rolled_back(again["id"], *["--force"] * is_forced)
    assert_ledger_is_whole(imports)
    own = [row for row in imports.rows(LEDGER) if row["subject"] == user]
    # Without it, they keep what was spent and what it was spent from.
    left = account["available_credits"] if is_forced else account["available_credits"] + 4
    assert (own[-1]["balance_after"], own[-1]["seq"]) == (left, 4 if is_forced else 6)


@pytest.mark.parametrize("form", [JSON, DATABASE])
def test_dirt_has_its_fate_and_every_ledger_adds_up(form: str, imports: Imports, tmp_path: Path, empty_database: str) -> None:
    location = tmp_path / "dump.json" if form == JSON else empty_database
    written = assistant.write(location, users=4, dirt=set(assistant.KINDS.of(form)))
    before = imports.counts()
    done = imports.run(location)
    lines = imports.report(done["id"])
    for planted in written.planted:
        place = planted.place if form == JSON else f"{planted.entity}.{planted.key}"
        found = [
            line for line in lines if line["place"] == place or line["place"].startswith((f"{planted.key}/", f"{planted.key}."))
        ]
        if planted.kind.endswith("unknown_keys"):
            found = [line for line in lines if line["kind"] == "left_out" and line["place"].startswith(f"{planted.entity}.")]
        assert bool(found) or planted.fate == "kept", planted
    assert_ledger_is_whole(imports)
    by_user = {
        row["subject"]: row["available"]
        for row in imports.rows("select subject, available from credit_accounts join identities using (user_id)")
    }
    keys = {planted.kind: planted.key for planted in written.planted}
    assert by_user[keys["not_adding_up"]] == 1234
    assert by_user[keys["negative_credits"]] == 0
    assert len(by_user) == imports.counts()["users"] - 1
    rules = {line["rule"] for line in lines if line["kind"] == "rejected"}
    assert rules >= {
        *("credit_transactions_amount_not_zero", "credit_transactions_type_known", "credit_transactions_description_length"),
        *(
            "credit_transactions_account_exists",
            "query_cache_expired",
            "query_cache_expires_later",
            "query_cache_query_hash_form",
        ),
    }
    if form == JSON:
        results = {row["query_hash"]: row["result"] for row in imports.rows("select query_hash, result from query_cache")}
        assert results[keys["cache_infinity"]] == {"products": [{"name": "Shoes", "distance": None, "score": None}]}
        assert results[keys["cache_nul_character"]] == {"products": ["nul \ufffd here"]}
    verified = imports.verified(done["id"])
    assert {outcome for outcomes in verified.values() for outcome in outcomes} == {"same", "rejected"}
    again = imports.run(location)
    assert not became(again, "imported")
    assert not became(again, "updated")
    for each in (again, done):
        imports.rolled_back(each["id"])
    assert imports.counts() == before


def test_equal_transactions_are_as_many_here(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    written = assistant.write(path, users=1, dirt={"equal_transactions", "deduction_without_sign"})
    imports.run(path)
    rows = imports.rows(LEDGER)
    entries: list[Row] = json.loads(path.read_text())["transactions"]
    assert len(rows) == len(entries) > len(written.truth["transactions"])
    assert sum(row["description"] == "Bonus" and row["amount"] == 1 for row in rows) == 2
    assert [row["amount"] for row in rows if row["type"] == "deduct" and row["description"] == "Bonus"] == [-1]


def test_a_consent_that_was_changed_since_is_another_event(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    assistant.write(path, users=3)
    imports.run(path)
    before = imports.rows("select * from consent_events order by id")
    dump = json.loads(path.read_text())
    consent = next(iter(dump["consents"].values()))
    consent |= {"terms_accepted": not consent["terms_accepted"], "updated_at": "2026-06-01T00:00:00"}
    path.write_text(json.dumps(dump, indent=2))
    again = imports.run(path)
    assert became(again, "imported") == {"consent_events": 1}
    assert not became(again, "updated")
    assert [row for row in imports.rows("select * from consent_events order by id") if row in before] == before


def test_a_dry_run_leaves_nothing_and_says_the_same(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    assistant.write(path)
    before = imports.counts()
    dry = imports.run(path, "--dry-run")
    assert imports.counts() == before
    assert imports.run(path)["counts"] == dry["counts"]


def test_a_dump_is_read_through_a_window_of_any_size(imports: Imports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, more = tmp_path / "dump.json", tmp_path / "all.json"
    assistant.write(path, users=2, transactions=3, cached=1)
    more.write_text(json.dumps(json.loads(path.read_text()) | {"number": 1234567, "empty": {}, "none": []}))
    whole = list(json_stream.elements(more))
    assert ("number", "number", 1234567) in [each[:3] for each in whole]
    for block in (64, 7, 1):
        monkeypatch.setattr(json_stream, "BLOCK", block)
        assert list(json_stream.elements(more)) == whole
    assert became(imports.run(path), "imported")["credit_transactions"] == 6


def test_files_that_are_no_dump_are_a_sentence(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    assistant.write(path)
    text = path.read_text()
    for bad, sentence in (
        (text[: len(text) // 2], "is not whole"),
        (text + "{}", "is not whole"),
        ("", "is not whole"),
        ("[1]", "is not whole"),
        ('{"carts": {}}', "is no dump"),
        ('{"user_credits": ' + "[" * 100_000, "is not whole"),
    ):
        path.write_text(bad)
        assert sentence in imports.refused(path)
    path.write_bytes(text.replace("auth0", "\xff").encode("latin-1", "replace"))
    assert "is not UTF-8" in imports.refused(path)
    assert "does not exist" in imports.refused(tmp_path / "nothing.json")
    assert imports.rows("select from imports") == []


def test_the_dump_is_copied_first(imports: Imports, tmp_path: Path) -> None:
    path = tmp_path / "dump.json"
    assistant.write(path)
    imports.run(path, "--backup", str(tmp_path / "kept"))
    assert (tmp_path / "kept" / "dump.json").read_bytes() == path.read_bytes()

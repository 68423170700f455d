"""The council chat's conversations and usage, from its folder and from its tables, into a database of their own."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from client import Execute, Started
from imported import Imports, all_same, became, changed_file
from sources import council
from sources.council_dirt import DATABASE, FLAT, USERS
from sources.council_documents import conversation, firebase_id
from sources.planting import Written
from sources.varied import Varied

from app.importing.sources import council_folder

MESSAGES = (
    "select c.id::text, c.title, c.extra, c.created_at, c.last_seq, c.last_activity_at, i.subject as owner, "
    "coalesce((select json_agg(json_build_object('seq', m.seq, 'role', m.role, 'content', m.content, 'stage1', m.stage1, "
    "'stage2', m.stage2, 'stage3', m.stage3, 'metadata', m.metadata, 'extra', m.extra) order by m.seq) "
    "from messages m where m.user_id = c.user_id and m.conversation_id = c.id), '[]') as messages "
    "from conversations c join identities i on i.user_id = c.user_id and i.provider = 'firebase' order by c.id"
)


@pytest.fixture
def imports(own_database: str, own_execute: Execute) -> Imports:
    return Imports(own_database, own_execute, "council")


def file_of(folder: Path, written: Written, place: int = 0) -> Path:
    name, document = list(written.truth["conversations"].items())[place]
    return folder.joinpath(document["owner"], f"{name}.json")


def expected(document: dict[str, Any]) -> dict[str, Any]:
    """What a document is here, field by field: none of its own is left over."""
    left = dict(document)
    fields = ("role", "content", "stage1", "stage2", "stage3", "metadata")
    messages = [
        {
            "seq": seq,
            **{name: message.get(name) for name in fields},
            "extra": {name: value for name, value in message.items() if name not in fields} or None,
        }
        for seq, message in enumerate(left.pop("messages"), 1)
    ]
    owner, made_at = left.pop("owner"), datetime.fromisoformat(left.pop("created_at").removesuffix("Z")).replace(tzinfo=UTC)
    if left.get("user_id") == owner:
        del left["user_id"]
    row = {"id": left.pop("id"), "title": left.pop("title"), "owner": owner, "created_at": made_at, "messages": messages}
    return row | {"extra": left or None, "last_seq": len(messages)}


def assert_arrived(imports: Imports, documents: dict[str, dict[str, Any]]) -> None:
    found = {row["id"]: row for row in imports.rows(MESSAGES)}
    assert found.keys() >= documents.keys()
    for name, document in documents.items():
        row = found[name]
        assert row.pop("last_activity_at") >= row["created_at"]
        assert row == expected(document)


def test_every_field_of_every_file_is_here_and_stays_as_it_is_when_it_comes_again(imports: Imports, tmp_path: Path) -> None:
    written = council.write_folder(tmp_path / "data", users=3, conversations=3)
    before = imports.counts()
    done = imports.run(tmp_path)
    assert became(done, "imported") == {"users": 3, "identities": 3, "conversations": 9, "messages": 54, "usage": 3}
    assert done["report"] == []
    assert_arrived(imports, written.truth["conversations"])
    for row in imports.rows("select i.subject, u.* from usage u join identities i using (user_id)"):
        given = written.truth["usage"][row["subject"]]
        for name in ("tier", "daily_limit", "monthly_limit", "total_queries", "subscription_id", "subscription_status"):
            assert row[name] == given.get(name)
        assert row["daily_used"] == next(given[name] for name in given if name.startswith("daily_") and name != "daily_limit")
        assert row["monthly_used"] == next(
            given[name] for name in given if name.startswith("monthly_") and name != "monthly_limit"
        )
        resets = [str(given[name])[:10] for name in given if "reset" in name]
        assert resets == [str(row["last_reset_daily"]), str(row["last_reset_monthly"])]
    assert imports.verified(done["id"]) == all_same(done)
    again = imports.run(tmp_path)
    assert became(again, "unchanged") == became(done, "imported")
    assert not became(again, "imported")
    assert not became(again, "updated")
    imports.rolled_back(again["id"])
    imports.rolled_back(done["id"])
    assert imports.counts() == before
    assert became(imports.run(tmp_path), "imported") == became(done, "imported")


def test_who_stays_after_a_rollback_can_still_sign_in_and_a_link_in_a_mail_is_no_reason_to_stay(
    imports: Imports, tmp_path: Path
) -> None:
    council.write_folder(tmp_path / "data", users=4, conversations=1)
    done = imports.run(tmp_path)
    wrote, linked, mailed, _ = imports.rows("select user_id as id, subject from identities order by subject")
    imports.rows("insert into tasks (user_id, title) values ($1, 'Written here')", wrote["id"])
    imports.rows("insert into identities (user_id, provider, subject) values ($1, 'google', 'mine')", linked["id"])
    imports.rows(
        "insert into mail_tokens (token_hash, user_id, purpose, email, expires_at) "
        "values (sha256('x'), $1, 'verification', 'a@example.com', now() + '1 hour')",
        mailed["id"],
    )
    counts = imports.rolled_back(done["id"])
    assert counts["identities"] == {"removed": 2, "restored": 0, "kept": 2}
    assert counts["users"] == {"removed": 2, "restored": 0, "kept": 2}
    ways_in = imports.rows("select subject from identities order by subject")
    assert [row["subject"] for row in ways_in] == sorted([wrote["subject"], linked["subject"], "mine"])
    # They are known when they come again, and by force they go.
    again = imports.run(tmp_path)
    assert became(again, "imported")["users"] == 2
    imports.rolled_back(again["id"])
    imports.rolled_back(done["id"], "--force")
    assert [row["n"] for row in imports.rows("select count(*) as n from users")] == [0]


def test_what_the_old_app_wrote_since_comes_with_the_next_import_and_goes_with_its_rollback(
    imports: Imports, tmp_path: Path
) -> None:
    written = council.write_folder(tmp_path, users=2, conversations=3)
    done = imports.run(tmp_path)
    documents, counts = imports.rows(MESSAGES), imports.counts()
    grown, renamed = file_of(tmp_path, written), file_of(tmp_path, written, 1)
    changed_file(grown, messages=[*json.loads(grown.read_text())["messages"], {"role": "user", "content": "One more"}])
    changed_file(renamed, title="Another")
    again = imports.run(tmp_path)
    assert became(again, "updated") == {"conversations": 2}
    assert became(again, "imported") == {"messages": 1}
    row = imports.rows(f"select * from ({MESSAGES}) c where id = $1", grown.stem)[0]
    assert [message["seq"] for message in row["messages"]] == list(range(1, row["last_seq"] + 1))
    assert row["messages"][-1]["content"] == "One more"
    assert all(outcomes.keys() == {"same"} for outcomes in imports.verified(again["id"]).values())
    imports.rolled_back(again["id"])
    assert imports.rows(MESSAGES) == documents
    assert imports.counts() == counts | {"import_changes": 0}
    imports.differing(done["id"])


def test_a_conversation_that_went_on_here_gets_no_more_messages_and_keeps_those_that_it_has(
    imports: Imports, tmp_path: Path, started: Started
) -> None:
    written = council.write_folder(tmp_path, users=1, conversations=2)
    done = imports.run(tmp_path)
    path = file_of(tmp_path, written)
    service = started(database_url=imports.url).user()
    imports.rows("update users set role = 'service' where id = $1", UUID(service.id))
    on_behalf = {"X-On-Behalf-Of": f"firebase:{path.parent.name}"}
    url = f"/v1/conversations/{path.stem}"
    assert service.post(f"{url}/messages", {"role": "assistant", "content": "Here"}, headers=on_behalf).status_code == 201
    changed_file(path, messages=[*json.loads(path.read_text())["messages"], {"role": "user", "content": "There"}])
    again = imports.run(tmp_path)
    assert not became(again, "imported")
    assert {line["rule"] for line in imports.report(again["id"])} == {"conversation_changed_here", "changed_here"}
    imports.rolled_back(again["id"])
    imports.rolled_back(done["id"])
    # What is left is the conversation that went on here, whole.
    seqs = [row["seq"] for row in imports.rows("select seq from messages order by seq")]
    assert seqs == list(range(1, 8))
    # Its owner's identity was the import's, and went with it.
    [owner] = imports.rows("select distinct user_id from messages")
    answer = service.get(url, headers={"X-On-Behalf-Of": str(owner["user_id"])})
    assert answer.status_code == 200, answer.text
    assert [message["content"] for message in answer.json()["messages"]][-1] == "Here"


@pytest.mark.parametrize("layout", [USERS, FLAT])
def test_dirt_in_the_files_has_its_fate(layout: str, imports: Imports, tmp_path: Path) -> None:
    kinds = set(council.KINDS.of(layout))
    written = council.write_folder(tmp_path, layout=layout, users=2, conversations=2, dirt=kinds)
    imports.rows("insert into users (email, password_hash) values ('one@example.com', 'x')")
    words = ("--user", "one@example.com") if layout == FLAT else ()
    done = imports.run(tmp_path, *words)
    lines = imports.report(done["id"])
    for planted in written.planted:
        found = [line for line in lines if line["place"].startswith((planted.place, f"usage.{planted.key}"))]
        if planted.kind == "usage_unknown_keys":
            found = [line for line in lines if line["place"] == "usage.referral_bonus"]
        assert bool(found) == (planted.fate != "kept"), (planted, found)
        assert ("rejected" in {line["kind"] for line in found if line["entity"] in ("conversations", "usage")}) == (
            planted.fate == "rejected"
        ), (planted, found)
    # Each file is here or reported as one that is not.
    files = [path for path in tmp_path.glob("*/*.json") if path.name != "usage.json"]
    assert done["counts"]["conversations"]["read"] == len(files)
    # Numbers have no gap, whatever was left out.
    assert (
        imports.rows(
            "select from conversations c cross join lateral (select count(*) as messages, coalesce(max(seq), 0) as newest "
            "from messages m where m.user_id = c.user_id and m.conversation_id = c.id) m "
            "where (last_seq, last_seq) <> (messages, newest)"
        )
        == []
    )
    rejected = imports.verified(done["id"])
    assert {outcome for outcomes in rejected.values() for outcome in outcomes} == {"same", "rejected"}
    again = imports.run(tmp_path, *words)
    assert not became(again, "imported")
    assert not became(again, "updated")
    assert_dirt_is_as_it_should_be(imports, written)


def assert_dirt_is_as_it_should_be(imports: Imports, written: Written) -> None:
    keys = {planted.kind: planted.key for planted in written.planted}

    def row(kind: str, columns: str = "c.*") -> dict[str, Any]:
        return imports.rows(f"select {columns} from conversations c where id = $1", UUID(keys[kind]))[0]

    def message(kind: str, seq: int) -> dict[str, Any]:
        return imports.rows("select * from messages where conversation_id = $1 and seq = $2", UUID(keys[kind]), seq)[0]

    assert len(row("no_title")["title"].split()) <= 8
    assert message("no_title", 1)["content"].split()[:8] == row("no_title")["title"].split()
    assert row("no_messages")["last_seq"] == 0
    assert message("infinity", 2)["metadata"]["aggregate_rankings"][0]["average_rank"] is None
    assert message("not_a_number", 2)["metadata"]["aggregate_rankings"][0]["average_rank"] is None
    assert row("nul_character")["title"] == "nul \ufffd here"
    assert message("unpaired_surrogate", 2)["stage1"][0]["response"] == "half of a face \ufffd"
    assert row("unknown_keys", "extra::text as extra")["extra"].count('"at"') == 1
    assert "1000000000000000000000000000000" in row("unknown_keys", "extra::text as extra")["extra"]
    assert [message("unknown_keys", seq)["extra"] for seq in (1, 2)] == [{"latency_ms": 0}, {"latency_ms": 1}]
    assert [
        each["extra"]["id"]
        for each in imports.rows("select extra from conversations where extra::text like '%conversation-1%'")
    ] == ["conversation-1"]


def test_one_id_in_two_folders_of_users_is_two_conversations_and_in_one_folder_a_reject(
    imports: Imports, tmp_path: Path
) -> None:
    varied = Varied(7)
    owners = sorted(firebase_id(varied) for _ in range(2))
    document = conversation(varied, None)
    for owner in owners:
        (tmp_path / owner).mkdir()
        (tmp_path / owner / f"{document['id']}.json").write_text(json.dumps(document))
    (tmp_path / owners[0] / "copy.json").write_text(json.dumps(document))
    done = imports.run(tmp_path)
    assert became(done, "imported")["conversations"] == 2
    assert [(line["kind"], line["place"], line["rule"]) for line in imports.report(done["id"])] == [
        ("rejected", f"{owners[0]}/copy.json", "conversations_pkey")
    ]
    imports.verified(done["id"])


def test_a_folder_is_read_in_parts_and_a_dry_run_of_them_leaves_nothing(
    imports: Imports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(council_folder, "PART_FILES", 2)
    written = council.write_folder(tmp_path, users=2, conversations=5, messages=4)
    before = imports.counts()
    dry = imports.run(tmp_path, "--dry-run")
    assert imports.counts() == before
    done = imports.run(tmp_path)
    assert dry["counts"] == done["counts"]
    assert became(done, "imported") == {"users": 2, "identities": 2, "conversations": 10, "messages": 40, "usage": 2}
    assert_arrived(imports, written.truth["conversations"])
    assert imports.verified(done["id"]) == all_same(done)
    assert became(imports.run(tmp_path), "unchanged") == became(done, "imported")


def test_the_tables_bring_the_same(imports: Imports, empty_database: str) -> None:
    written = council.write_database(empty_database, users=2, conversations=3, dirt=set(council.KINDS.of(DATABASE)))
    before = imports.counts()
    done = imports.run(empty_database)
    for name, given in written.truth["conversations"].items():
        row = imports.rows(f"select * from ({MESSAGES}) c where id = $1", name)[0]
        assert [row[column] for column in ("title", "created_at", "owner")] == [
            given["title"],
            given["created_at"],
            given["user_id"],
        ]
        messages = [each for each in written.truth["messages"].values() if str(each["conversation_id"]) == name]
        messages.sort(key=lambda each: each["created_at"])
        fields = ("role", "content", "stage1", "stage2", "stage3", "metadata")
        assert [[each[field] for field in fields] for each in row["messages"]] == [
            [each[field] for field in fields] for each in messages
        ]
    lines = imports.report(done["id"])
    rules = {line["rule"] for line in lines}
    assert {"title_blank", "created_at_equal", "messages_content_needed", "messages_role_known", "usage_tier_known"} <= rules
    assert {outcome for outcomes in imports.verified(done["id"]).values() for outcome in outcomes} == {"same", "rejected"}
    assert not became(imports.run(empty_database), "imported")
    for each in imports.rows("select id from imports order by id desc"):
        imports.rolled_back(str(each["id"]))
    assert imports.counts() == before


def test_a_single_users_conversations_need_their_account(imports: Imports, tmp_path: Path) -> None:
    council.write_folder(tmp_path, layout=FLAT, conversations=3, messages=2)
    assert "--user EMAIL" in imports.refused(tmp_path)
    assert "There is no account" in imports.refused(tmp_path, "--user", "one@example.com")
    imports.rows("insert into users (email, password_hash) values ('one@example.com', 'x')")
    done = imports.run(tmp_path, "--user", "one@example.com")
    assert became(done, "imported") == {"conversations": 3, "messages": 6}
    imports.verified(done["id"])
    assert became(imports.run(tmp_path / "conversations", "--user", "one@example.com"), "unchanged") == became(done, "imported")

"""The generators of other apps' data: what they write is what was asked for, read without them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sources import assistant, council
from sources.planting import Planted, Row
from sources.read_back import assert_planted, assert_truth_is_there, columns, documents

# Council


def test_a_council_folder_holds_a_file_for_each_conversation_and_each_users_usage(tmp_path: Path) -> None:
    written = council.write_folder(tmp_path, users=3, conversations=5, messages=4)
    assert len(written.truth["conversations"]) == 15
    for name, document in written.truth["conversations"].items():
        owner = document.pop("owner")
        assert json.loads((tmp_path / owner / f"{name}.json").read_text()) == document
        assert [message["role"] for message in document["messages"]] == ["user", "assistant"] * 2
    files = {path.parent.name: json.loads(path.read_text()) for path in tmp_path.glob("usage/*/usage.json")}
    assert files == written.truth["usage"]
    assert {key for usage in files.values() for key in usage if key.startswith("daily_")} == {
        "daily_used", "daily_count", "daily_queries_used", "daily_limit",
    }  # fmt: skip
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 18


def test_council_conversations_differ_as_real_ones_do(tmp_path: Path) -> None:
    made = council.write_folder(tmp_path, users=4, conversations=20).truth["conversations"].values()
    assert {document["created_at"].endswith("Z") for document in made} == {True, False}
    assert {"user_id" in document for document in made} == {True, False}
    answers = [message for document in made for message in document["messages"] if message["role"] == "assistant"]
    assert {"metadata" in answer for answer in answers} == {True, False}
    assert {key for answer in answers for key in answer["stage3"]} == {"model", "response", "final_answer"}
    assert {key for answer in answers for each in answer["stage2"] for key in each} == {"model", "ranking", "parsed_ranking"}


def test_a_flat_council_folder_has_no_owners_and_may_have_no_titles(tmp_path: Path) -> None:
    written = council.write_folder(tmp_path, layout="flat", conversations=7, titled=False)
    found = documents(tmp_path, "conversations")
    assert found.keys() == written.truth["conversations"].keys()
    assert len(found) == 7
    assert not any({"title", "user_id"} & document.keys() for document in found.values())
    assert {path.parent.name for path in tmp_path.rglob("*.json")} == {"conversations"}


def test_messages_of_a_council_folder_have_about_the_size_that_was_asked_for(tmp_path: Path) -> None:
    council.write_folder(tmp_path, users=1, conversations=50, messages=20, size=1500, truth=False)
    sizes = [path.stat().st_size for path in tmp_path.glob("[!u]*/*.json")]
    assert 0.7 < sum(sizes) / len(sizes) / (20 * 1500) < 1.3


def test_one_row_can_be_asked_for(tmp_path: Path) -> None:
    written = council.write_folder(tmp_path, users=1, conversations=1, messages=1)
    assert [len(document["messages"]) for document in documents(tmp_path).values()] == [1]
    assert len(written.truth["conversations"]) == 1


COUNCIL_DOCUMENTS: dict[str, Callable[[Row], bool]] = {
    "no_title": lambda d: "title" not in d,
    "blank_title": lambda d: not d["title"].strip(),
    "long_title": lambda d: len(d["title"]) > 500,
    "unanswered": lambda d: d["messages"][-1]["role"] == "user",
    "no_messages": lambda d: d["messages"] == [],
    "final_answer": lambda d: d["messages"][1]["stage3"]["final_answer"] == "42",
    "stage3_missing": lambda d: "stage3" not in d["messages"][1],
    "unknown_role": lambda d: d["messages"][-1]["role"] == "system",
    "no_content": lambda d: "content" not in d["messages"][0],
    "message_no_object": lambda d: d["messages"][-1] == "hello",
    "unknown_keys": lambda d: "pinned" in d and all("latency_ms" in message for message in d["messages"]),
    "id_no_uuid": lambda d: d["id"] == "conversation-1",
    "id_missing": lambda d: "id" not in d,
    "created_at_missing": lambda d: "created_at" not in d,
    "created_at_no_date": lambda d: d["created_at"] == "yesterday",
    "messages_no_list": lambda d: isinstance(d["messages"], dict),
    "usage_alone": lambda d: d["tier"] in {"free", "pro", "enterprise"},
    "usage_negative": lambda d: d["daily_used"] < 0 and d["total_queries"] < 0,
    "usage_tier_unknown": lambda d: d["tier"] == "platinum",
    "usage_reset_no_date": lambda d: d["last_reset_daily"] == "never",
    "usage_unknown_keys": lambda d: "referral_bonus" in d,
}

COUNCIL_TEXTS: dict[str, Callable[[bytes, Path], bool]] = {
    "infinity": lambda text, _: b'"average_rank": Infinity' in text,
    "not_a_number": lambda text, _: b'"average_rank": NaN' in text,
    "nul_character": lambda text, _: text.count(rb"\u0000") >= 3,
    "unpaired_surrogate": lambda text, _: text.count(rb'\ud83d"') == 2,
    "truncated_file": lambda text, _: text.startswith(b"{") and not is_json(text),
    "usage_truncated": lambda text, _: text.startswith(b"{") and not is_json(text),
    "empty_file": lambda text, _: text == b"",
    "no_json": lambda text, _: text.startswith(b"<!doctype"),
    "not_utf8": lambda text, _: b"caf\xe9" in text,
    "no_object": lambda text, _: isinstance(json.loads(text), list),
    "file_name_differs": lambda text, path: json.loads(text)["id"] != path.stem,
    "user_id_differs": lambda text, path: json.loads(text)["user_id"] != path.parent.name,
    "duplicate_id": lambda _, path: len([*path.parent.parent.glob(f"*/{path.name}")]) == 2,
    "foreign_file": lambda _, path: path.suffix == ".txt",
}


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("layout", ["users", "flat"])
def test_every_kind_of_dirt_is_in_a_council_folder(layout: str, tmp_path: Path) -> None:
    kinds = council.KINDS.of(layout)
    written = council.write_folder(tmp_path, layout=layout, dirt={*kinds})
    assert [planted.kind for planted in written.planted] == kinds
    for planted in written.planted:
        path = tmp_path / planted.place
        text = path.read_bytes()
        if planted.kind in COUNCIL_TEXTS:
            assert COUNCIL_TEXTS[planted.kind](text, path), planted
        else:
            assert COUNCIL_DOCUMENTS[planted.kind](json.loads(text)), planted
    for name, document in written.truth["conversations"].items():
        path = tmp_path / (document.pop("owner") or "conversations") / f"{name}.json"
        assert json.loads(path.read_text()) == document


def test_the_council_database_holds_the_truth(empty_database: str) -> None:
    written = council.write_database(empty_database, users=2, conversations=3, messages=4)
    assert columns(empty_database) == {
        "conversations": {"id", "user_id", "title", "created_at", "updated_at"},
        "messages": {"id", "conversation_id", "role", "content", "stage1", "stage2", "stage3", "metadata", "created_at"},
        "usage": {
            "user_id", "tier", "daily_used", "daily_limit", "monthly_used", "monthly_limit", "total_queries",
            "last_reset_daily", "last_reset_monthly", "subscription_id", "subscription_status",
        },
    }  # fmt: skip
    assert {table: len(rows) for table, rows in written.truth.items()} == {"conversations": 6, "messages": 24, "usage": 2}
    assert_truth_is_there(empty_database, written, {"usage": "user_id"})


MESSAGES = "from messages where conversation_id = t.id"

COUNCIL_CONDITIONS = {
    "no_title": "title is null",
    "blank_title": "title ~ '^[[:space:]]+$'",
    "unanswered": f"(select role {MESSAGES} order by created_at desc limit 1) = 'user'",
    "no_messages": f"not exists (select {MESSAGES})",
    "final_answer": f"exists (select {MESSAGES} and stage3 ->> 'final_answer' = '42')",
    "stage3_missing": f"exists (select {MESSAGES} and role = 'assistant' and stage3 is null)",
    "unknown_role": f"exists (select {MESSAGES} and role = 'system')",
    "no_content": f"exists (select {MESSAGES} and role = 'user' and content is null)",
    "equal_message_times": f"(select count(distinct created_at) = 1 and count(*) > 1 {MESSAGES})",
    "usage_alone": "not exists (select from conversations where user_id = t.user_id)",
    "usage_negative": "daily_used < 0 and total_queries < 0",
    "usage_tier_unknown": "tier = 'platinum'",
}


def test_every_kind_of_dirt_is_in_the_council_database(empty_database: str) -> None:
    written = council.write_database(empty_database, dirt={*council.KINDS.of("database")})
    assert_planted(empty_database, written, COUNCIL_CONDITIONS, {"usage": "user_id"})


# Assistant


def test_the_assistants_dump_holds_the_truth_and_its_transactions_add_up(tmp_path: Path) -> None:
    written = assistant.write(tmp_path / "dump.json", users=20, transactions=30, cached=4)
    dump = json.loads((tmp_path / "dump.json").read_text())
    assert dump.keys() == {"user_credits", "transactions", "consents", "query_cache"}
    transactions = dump.pop("transactions")
    assert transactions == [*written.truth.pop("transactions").values()]
    assert dump == written.truth
    assert (len(transactions), len(dump["query_cache"])) == (600, 4)
    assert {key for row in transactions for key in row} == {"user_id", "transaction_type", "amount", "timestamp", "description"}
    assert {row["transaction_type"] for row in transactions} == {"allocate", "deduct", "reset"}
    assert {user.split("|")[0].split("_")[0] for user in dump["user_credits"]} == {"auth0", "guest"}
    for user, credits_ in dump["user_credits"].items():
        assert credits_.keys() == {"user_id", "is_guest", "available_credits", "max_credits", "last_reset_timestamp"}
        assert credits_["available_credits"] == sum(row["amount"] for row in transactions if row["user_id"] == user)


def _entry(dump: Row, planted: Planted) -> Any:
    part = dump[planted.entity]
    return part[int(planted.key)] if isinstance(part, list) else part.get(planted.key, part)


ASSISTANT: dict[str, Callable[[Row, Row], bool]] = {
    "not_adding_up": lambda e, _: e["available_credits"] == 1234,
    "without_transactions": lambda e, d: all(row["user_id"] != e["user_id"] for row in d["transactions"]),
    "negative_credits": lambda e, _: e["available_credits"] < 0,
    "no_maximum": lambda e, _: e["max_credits"] == 0,
    "user_id_differs": lambda e, _: e["user_id"] == "auth0|somebody-else",
    "fractional_credits": lambda e, _: e["available_credits"] == 2.5,
    "reset_no_date": lambda e, _: e["last_reset_timestamp"] == "never",
    "credits_unknown_keys": lambda e, _: "referred_by" in e,
    "equal_transactions": lambda e, d: d["transactions"].count(e) == 2,
    "deduction_without_sign": lambda e, _: e["transaction_type"] == "deduct" and e["amount"] > 0,
    "zero_amount": lambda e, _: e["amount"] == 0,
    "deducted_below_zero": lambda e, _: e["amount"] == -100_000,
    "unknown_type": lambda e, _: e["transaction_type"] == "gift",
    "long_description": lambda e, _: len(e["description"]) > 500,
    "transaction_of_nobody": lambda e, d: e["user_id"] not in d["user_credits"],
    "transaction_no_date": lambda e, _: e["timestamp"] == "last week",
    "transaction_unknown_keys": lambda e, _: "order_id" in e,
    "transaction_fields_missing": lambda e, _: "amount" not in e,
    "nul_character": lambda e, _: "\0" in e["description"],
    "unpaired_surrogate": lambda e, _: e["description"].endswith("\ud83d"),
    "consent_of_nobody": lambda e, d: e["user_id"] not in d["user_credits"],
    "consent_null": lambda e, _: e["terms_accepted"] is None,
    "consent_unknown_keys": lambda e, _: "ip" in e,
    "cache_expired": lambda e, _: e["cached_at"] < e["expires_at"] < "2021",
    "cache_expires_before": lambda e, _: e["expires_at"] < e["cached_at"],
    "cache_hash_form": lambda e, _: " " in e["query_hash"],
    "cache_infinity": lambda e, _: e["result"]["products"][0]["distance"] == float("inf"),
    "cache_nul_character": lambda e, _: "\0" in e["result"]["products"][0],
    "unknown_part": lambda e, _: "auth0|ada" in e,
}


def test_every_kind_of_dirt_is_in_the_assistants_dump(tmp_path: Path) -> None:
    written = assistant.write(tmp_path / "dump.json", dirt={*assistant.KINDS})
    text = (tmp_path / "dump.json").read_text()
    dump = json.loads(text)
    assert {planted.kind for planted in written.planted} == ASSISTANT.keys()
    for planted in written.planted:
        assert ASSISTANT[planted.kind](_entry(dump, planted), dump), planted
    assert '"distance": Infinity' in text
    assert all(dump["user_credits"][user] == row for user, row in written.truth["user_credits"].items())


ASSISTANT_CONDITIONS = {
    "not_adding_up": "available_credits = 1234",
    "without_transactions": "not exists (select from transactions where user_id = t.user_id)",
    "negative_credits": "available_credits < 0",
    "no_maximum": "max_credits = 0",
    "equal_transactions": "(select count(*) = 2 from transactions where user_id = t.user_id and timestamp = t.timestamp)",
    "deduction_without_sign": "transaction_type = 'deduct' and amount > 0",
    "zero_amount": "amount = 0",
    "deducted_below_zero": "amount = -100000",
    "unknown_type": "transaction_type = 'gift'",
    "long_description": "char_length(description) > 500",
    "transaction_of_nobody": "user_id not in (select user_id from user_credits)",
    "consent_of_nobody": "user_id not in (select user_id from user_credits)",
    "cache_expired": "expires_at < now() and expires_at > cached_at",
    "cache_expires_before": "expires_at < cached_at",
    "cache_hash_form": "query_hash ~ ' '",
}

ASSISTANT_KEYS = {"user_credits": "user_id", "consents": "user_id", "query_cache": "query_hash"}


def test_the_assistants_database_holds_the_truth(empty_database: str) -> None:
    written = assistant.write(empty_database, users=4, transactions=5)
    assert_truth_is_there(empty_database, written, ASSISTANT_KEYS)
    assert len(written.truth["transactions"]) == 20


def test_every_kind_of_dirt_is_in_the_assistants_database(empty_database: str) -> None:
    written = assistant.write(empty_database, dirt={*assistant.KINDS.of("database")})
    assert_planted(empty_database, written, ASSISTANT_CONDITIONS, ASSISTANT_KEYS)

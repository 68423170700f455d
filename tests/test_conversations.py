"""Conversations: the whole contract of /v1/conversations, and what happens when everybody speaks at once."""

import asyncio
import json
import re
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from client import Api, Execute, User, assert_problem, etag, set_by_change
from factories import new_uuid7
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from locks import waited_for

from app.conversations import reading, repository, rules
from app.database.executor import on_connection
from app.database.queries import Query
from app.http.pagination import Order
from app.usage import repository as usage_repository
from app.usage.schemas import LIMITS

FIELDS = ["id", "title", "is_archived", "message_count", "last_activity_at", "created_at", "updated_at", "version"]
MESSAGE_FIELDS = ["seq", "role", "content", "stage1", "stage2", "stage3", "metadata", "created_at"]
STAGES = {
    "stage1": [{"model": "a", "response": "A light one."}, {"model": "b", "response": "None."}],
    "stage2": [{"model": "a", "ranking": "B, A", "parsed_ranking": ["b", "a"]}],
    "stage3": {"model": "c", "response": "A light one, with low gears."},
    "metadata": {"label_to_model": {"A": "a"}, "costs": [0.25, None, True]},
}
BATCH = "/v1/conversations/batch"


@pytest.fixture(scope="module")
def ada(api: Api, runner: asyncio.Runner, database: str) -> User:
    """Somebody without limits."""
    user = api.user()
    runner.run(
        on_connection(database, lambda on: usage_repository.set_tier(on, UUID(user.id), "enterprise", LIMITS["enterprise"]))
    )
    return user


def talk(user: User, **fields: Any) -> str:
    """Make a conversation; returns its path."""
    return f"/v1/conversations/{user.made('/v1/conversations', fields)['id']}"


def say(user: User, path: str, content: str | None = "Which bike?", **fields: Any) -> dict[str, Any]:
    return user.made(f"{path}/messages", {"role": "user", "content": content} | fields)


def answer(user: User, path: str, **fields: Any) -> dict[str, Any]:
    return user.made(f"{path}/messages", {"role": "assistant"} | (fields or STAGES))


def used(user: User) -> int:
    count: int = user.get("/v1/usage").json()["daily_used"]
    return count


# A conversation


def test_a_created_conversation_reads_back_with_its_messages(ada: User) -> None:
    made = ada.post("/v1/conversations", {"title": " Überraschung 🎉 "})
    assert made.status_code == 201
    row = made.json()
    assert list(row) == FIELDS
    assert (row["title"], row["is_archived"], row["message_count"]) == (" Überraschung 🎉 ", False, 0)
    assert (made.headers["location"], made.headers["etag"]) == (f"/v1/conversations/{row['id']}", etag(row))
    read = ada.get(made.headers["location"])
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, row | {"messages": []}, etag(row))
    assert ada.made("/v1/conversations", {})["title"] == "New Conversation"


def test_a_conversation_takes_any_uuid_and_a_replay_makes_nothing_new(api: Api, ada: User, bob: User) -> None:
    for chosen in (uuid4(), UUID(int=0), UUID("ffffffff-ffff-ffff-ffff-ffffffffffff"), new_uuid7()):
        body = {"id": str(chosen), "title": "Once"}
        answers = api.together(*(ada.send("POST", "/v1/conversations", json=body) for _ in range(5)))
        assert sorted(each.status_code for each in answers) == [200] * 4 + [201]
        assert {each.json()["id"] for each in answers} == {str(chosen)}
    # Another user's equal id is simply another row.
    assert bob.post("/v1/conversations", {"id": str(chosen), "title": "Bob's"}).status_code == 201
    assert ada.get(f"/v1/conversations/{chosen}").json()["title"] == "Once"


def test_a_patch_renames_and_archives_and_leaves_the_activity(ada: User) -> None:
    path = talk(ada)
    say(ada, path)
    row = ada.get(path).json()
    row.pop("messages")
    changed = ada.patch(path, {"title": "Bikes", "is_archived": True})
    assert (changed.status_code, changed.headers["etag"]) == (200, etag(changed.json()))
    assert changed.json() == row | {"title": "Bikes", "is_archived": True} | set_by_change(row, changed.json())
    assert ada.patch(path, {}).json() == changed.json()
    assert_problem(ada.patch(path, {"title": " "}), 422, "invalid", "title")
    assert_problem(ada.patch(path, {"title": None}), 422, "invalid", "title")
    assert_problem(ada.patch(path, {"last_seq": 7}), 422, "invalid", "last_seq")


def test_if_match_holds_for_every_change_and_a_message_moves_the_row_on(ada: User) -> None:
    path = talk(ada)
    stale = {"If-Match": ada.get(path).headers["etag"]}
    say(ada, path)
    tag = ada.get(path).headers["etag"]
    for refused in (
        ada.patch(path, {"title": "T"}, headers=stale),
        ada.put(path, {"messages": []}, headers=stale),
        ada.delete(path, headers=stale),
        ada.put(f"/v1/conversations/{uuid4()}", {"messages": []}, headers=stale),
    ):
        assert_problem(refused, 412, "version_mismatch")
    assert ada.get(path).json()["message_count"] == 1
    saved = ada.put(path, {"messages": []}, headers={"If-Match": tag})
    assert saved.status_code == 200
    assert_problem(ada.delete(path, headers={"If-Match": tag}), 412, "version_mismatch")
    assert ada.delete(path, headers={"If-Match": saved.headers["etag"]}).status_code == 204
    assert_problem(ada.delete(path), 404, "not_found")


def test_a_foreign_conversation_does_not_exist_and_costs_nothing(ada: User, bob: User) -> None:
    path = talk(ada)
    say(ada, path)
    before = ada.get(path).text
    for foreign in (path, f"/v1/conversations/{uuid4()}"):
        for refused in (
            bob.get(foreign),
            bob.patch(foreign, {"title": "Mine"}, headers={"If-Match": '"7"'}),
            bob.delete(foreign),
            bob.get(f"{foreign}/messages"),
            bob.get(f"{foreign}/export"),
            bob.get(f"{foreign}/export?format=markdown"),
            bob.post(f"{foreign}/messages", {"role": "user", "content": "Hello"}),
            bob.post(f"{foreign}/messages", {"role": "user", "content": "Which bike?", "seq": 1}),
            bob.post(f"{foreign}/messages", {"role": "assistant", "content": "Hello"}),
        ):
            assert_problem(refused, 404, "not_found")
    assert bob.post(BATCH, {"delete": [path.rpartition("/")[2]]}).json()["missing"] == [path.rpartition("/")[2]]
    assert used(bob) == 0
    assert ada.get(path).text == before
    assert bob.get("/v1/conversations?q=bike").json()["items"] == []


# Messages


def test_messages_read_back_as_they_were_sent(ada: User) -> None:
    path = talk(ada, title="Bikes")
    before = ada.get(path).json()
    first, second = say(ada, path, "Which bike?\n\tAnd <why>? 🎉"), answer(ada, path)
    assert list(first) == MESSAGE_FIELDS
    assert (first["seq"], first["role"], first["stage3"]) == (1, "user", None)
    assert {name: second[name] for name in STAGES} == STAGES
    assert (second["seq"], second["content"]) == (2, None)
    read = ada.get(path).json()
    assert read["messages"] == [first, second]
    assert read == before | set_by_change(before, read) | {
        "message_count": 2, "last_activity_at": second["created_at"], "messages": [first, second]
    }  # fmt: skip
    assert ada.get(f"{path}/messages").json() == {"items": [first, second], "next_cursor": None}
    assert ada.get(f"{path}/messages?order=newest").json()["items"] == [second, first]


def test_a_message_is_written_the_same_wherever_it_is_read(ada: User) -> None:
    path = talk(ada)
    text = ada.post(f"{path}/messages", {"role": "assistant", "content": 'Quote " \u2028'} | STAGES).text
    again = ada.post(f"{path}/messages", {"role": "assistant", "content": 'Quote " \u2028', "seq": 1} | STAGES)
    assert (again.status_code, again.text) == (200, text)
    assert ada.get(f"{path}/messages").text == f'{{"items":[{text}],"next_cursor":null}}'
    assert ada.get(path).text.endswith(f',"messages":[{text}]}}')


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "user"}, "content"),
        ({"role": "user", "content": None, "stage3": {"response": "x"}}, "content"),
        ({"role": "user", "content": " \n"}, "content"),
        ({"role": "assistant"}, "content"),
        ({"role": "assistant", "stage1": [], "stage3": None}, "content"),
        ({"role": "system", "content": "x"}, "role"),
        ({"role": "user", "content": 7}, "content"),
        ({"role": "user", "content": "x", "seq": 0}, "seq"),
        ({"role": "user", "content": "x", "created_at": "2026-01-01T00:00:00Z"}, "created_at"),
        ({"role": "user", "content": "a\0b"}, "content"),
        ({"role": "assistant", "stage3": {"a": ["x\0"]}}, "stage3"),
        ({"role": "assistant", "stage3": {"\0": 1}}, "stage3"),
    ],
)
def test_a_message_that_breaks_a_rule_is_refused_and_costs_nothing(ada: User, body: Any, field: str) -> None:
    path, before = talk(ada), used(ada)
    assert_problem(ada.post(f"{path}/messages", body), 422, "invalid", field)
    # The server sets these: what was read can be sent back.
    code = "read_only" if field in {"seq", "created_at"} else "invalid"
    assert_problem(ada.put(path, {"messages": [body]}), 422, code, f"messages[0].{field}")
    assert used(ada) == before
    assert ada.get(path).json()["message_count"] == 0


def sent_as(user: User, path: str, stage: bytes) -> httpx.Response:
    content = b'{"role": "assistant", "content": "x", "stage3": ' + stage + b"}"
    return user.request("POST", f"{path}/messages", content=content, headers={"Content-Type": "application/json"})


KEPT = {
    "long-number": b"1" * 5000, "minus-zero": b"-0", "zeros": b"-0.00", "small": b"1e-16000", "large": b"1E+400",
    "exponent": b"1.5E+10", "digits": b"123456789012345678901234567890.123456789", "repeated-keys": b'{"b": 1, "a": 2, "b": 3}',
    "spaces": b'[ 1 ,\n\t{ "a" : 2 } ]', "escapes": b'"\\ud83c\\udf89\\/\\u0041\\n"', "letters": '"é🎉"'.encode(),
    "100-deep": b"[" * 100 + b"]" * 100, "escaped-backslash": b'"\\\\u0000\\\\"', "false": b"false", "empty": b"[]",
    "no-name": b'{"": {"": []}}', "brackets-in-text": b'"\\"[[[{{{' + b"[" * 200 + b'"',
    "commas-in-text": b'"' + b"," * 200_000 + b'"',
    "values": b"[" + b"1e300," * 99_000 + b"0]",
}  # fmt: skip


@pytest.mark.parametrize("name", KEPT)
def test_json_is_kept_to_the_byte(ada: User, name: str) -> None:
    path, stage = talk(ada), KEPT[name]
    answered = sent_as(ada, path, stage)
    assert answered.status_code == 201, answered.text
    for answer_ in (answered, ada.get(path), ada.get(f"{path}/messages"), ada.get(f"{path}/export")):
        assert b'"stage3":' + stage + b',"metadata":null' in answer_.content
    whole = b'{"messages": [{"role": "assistant", "content": "x", "stage3": ' + stage + b"}]}"
    before = ada.get(path).headers["etag"]
    saved = ada.request("PUT", path, content=whole, headers={"Content-Type": "application/json"})
    assert (saved.status_code, saved.headers["etag"]) == (200, before)


@pytest.mark.parametrize(
    ("stage", "status", "code"),
    [
        (b"[" * 101 + b"]" * 101, 422, "body_too_complex"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, 422, "body_too_complex"),
        (b"[" * 10_000 + b"]" * 10_000, 422, "body_too_complex"),
        (b"[" + b"0," * 100_000 + b"0]", 422, "body_too_complex"),
        (b'"\\ud800"', 400, "malformed_json"),
        (b'"\\udc00\\ud800"', 400, "malformed_json"),
        (b'"\xff"', 400, "malformed_json"),
        (b'{"a": nul}', 400, "malformed_json"),
        (b"01", 400, "malformed_json"),
        (b'[1e400, "\\u0000"]', 422, "invalid"),
        (b'"\\\\\\u0000"', 422, "invalid"),
    ],
)
def test_what_cannot_be_kept_is_refused(ada: User, stage: bytes, status: int, code: str) -> None:
    path = talk(ada)
    assert_problem(sent_as(ada, path, stage), status, code)
    assert ada.get(path).json()["message_count"] == 0


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


def exact(text: str) -> Any:
    """JSON with every number as it is written: 1e16 is the whole number that it says."""
    return json.loads(text, parse_float=Decimal, parse_int=Decimal)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(stages=st.fixed_dictionaries({"stage1": anything, "stage2": anything, "stage3": anything, "metadata": anything}))
def test_any_json_reads_back_equal(ada: User, stages: dict[str, Any]) -> None:
    path = f"/v1/conversations/{UUID(int=7)}"
    message = {"role": "assistant", "content": "x"} | stages
    assert ada.put(path, {"messages": [message]}).status_code in {200, 201}
    [found] = exact(ada.get(path).text)["messages"]
    assert found == {"seq": 1, "created_at": found["created_at"]} | exact(json.dumps(message))
    again = ada.post(f"{path}/messages", message | {"seq": 1})
    assert (again.status_code, exact(again.text)) == (200, found)


def test_a_message_sent_again_with_its_seq_is_there_once_and_paid_once(api: Api) -> None:
    user = api.user()
    path = talk(user)
    body = {"role": "user", "content": "Which bike?", "seq": 1, "metadata": {"a": 1, "b": 2.0}}
    first = user.post(f"{path}/messages", body)
    again = user.post(f"{path}/messages", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.text == first.text
    assert used(user) == 1
    for other in (
        body | {"content": "Which car?"},
        # The same values, but not the same text.
        body | {"metadata": {"b": 2.0, "a": 1}},
        body | {"metadata": None},
        body | {"role": "assistant"},
        body | {"seq": 3},
        {"role": "assistant", "content": "x", "seq": 3},
    ):
        assert_problem(user.post(f"{path}/messages", other), 409, "seq_conflict")
    assert answer(user, path, content="A light one.", seq=2)["seq"] == 2
    assert (used(user), user.get(path).json()["message_count"]) == (1, 2)


def test_messages_are_paged_by_seq_in_both_orders_from_any_place(ada: User) -> None:
    path = talk(ada)
    ada.put(path, {"messages": [{"role": "user", "content": f"M{n}"} for n in range(1, 8)]})
    for query, expected in (
        ("order=oldest", [1, 2, 3, 4, 5, 6, 7]),
        ("order=newest", [7, 6, 5, 4, 3, 2, 1]),
        ("from=3", [3, 4, 5, 6, 7]),
        ("from=5&order=newest", [5, 4, 3, 2, 1]),
        ("from=7", [7]),
        ("from=8", []),
        ("from=1&order=newest", [1]),
    ):
        assert [message["seq"] for message in ada.walk(f"{path}/messages?limit=3&{query}")] == expected, query
    cursor = ada.get(f"{path}/messages?limit=3").json()["next_cursor"]
    assert_problem(ada.get(f"{path}/messages?order=newest&cursor={cursor}"), 422, "invalid_cursor")
    assert_problem(ada.get(f"/v1/conversations?cursor={cursor}"), 422, "invalid_cursor")
    assert_problem(ada.get(f"{path}/messages?from=0"), 422, "invalid", "from")


# Titles


def title(user: User, path: str) -> str:
    text: str = user.get(path).json()["title"]
    return text


def test_a_conversation_without_a_title_gets_the_first_eight_words_of_its_user(ada: User) -> None:
    path = talk(ada)
    answer(ada, path)
    assert title(ada, path) == "New Conversation"
    say(ada, path, " Which bike\n\nfor a  hilly town\tdo you recommend to me?")
    assert title(ada, path) == "Which bike for a hilly town do you"
    for renamed in ("Bikes", "New Conversation"):
        ada.patch(path, {"title": renamed})
        say(ada, path, "And which car?")
        assert title(ada, path) == renamed
    named = talk(ada, title="Bikes")
    say(ada, named)
    assert title(ada, named) == "Bikes"


def test_a_saved_conversation_without_a_title_gets_the_first_words_too_and_keeps_one_that_is_sent(ada: User) -> None:
    path = f"/v1/conversations/{uuid4()}"
    said = [{"role": "assistant", "content": "Hello"}, *({"role": "user", "content": text} for text in ("Which?", "Why?"))]
    for body, expected in (
        ({"messages": said}, "Which?"),
        ({"messages": said, "title": "New Conversation"}, "New Conversation"),
        ({"messages": said[:1]}, "New Conversation"),
        ({"messages": said[:1], "title": "Bikes"}, "Bikes"),
    ):
        saved = ada.put(path, body).json()
        assert (saved["title"], title(ada, path)) == (expected, expected)
    assert_problem(ada.put(path, {"messages": said, "title": None}), 422, "invalid", "title")


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=90)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(words, min_size=1, max_size=10).map(" ".join).filter(lambda text: text.replace("\ufeff", "").strip()))
@example("\ufeff \ufeff \ufeff \ufeff \ufeff \ufeff \ufeff \ufeff Which bike?")
@example(f"{'🚲' * 499} bike")
@example(f"{'🚲' * 600} bike")
def test_whatever_a_user_says_first_gives_a_title(ada: User, text: str) -> None:
    path = f"/v1/conversations/{UUID(int=8)}"
    expected = " ".join(re.findall(r"[^\s\ufeff]+", text)[:8])[:500].strip()
    saved = ada.put(path, {"messages": [{"role": "user", "content": text}]})
    assert (saved.status_code in {200, 201}, saved.json()["title"]) == (True, expected)
    ada.put(path, {"messages": []})
    say(ada, path, text)
    assert title(ada, path) == expected


def test_of_ten_first_messages_at_once_the_first_gives_the_title(api: Api, ada: User) -> None:
    path = talk(ada)
    api.together(*(ada.send("POST", f"{path}/messages", json={"role": "user", "content": f"M{n}"}) for n in range(10)))
    read = ada.get(path).json()
    assert read["title"] == read["messages"][0]["content"]


# Saved as a whole


def test_a_whole_conversation_is_made_and_replaced(ada: User) -> None:
    path = f"/v1/conversations/{uuid4()}"
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Which bike?"}, {"role": "assistant"} | STAGES]
    made = ada.put(path, {"title": "Bikes", "messages": messages})
    assert (made.status_code, made.headers["etag"], list(made.json())) == (201, etag(made.json()), FIELDS)
    read = ada.get(path).json()
    assert [message["seq"] for message in read["messages"]] == [1, 2]
    assert [{name: each[name] for name in STAGES} for each in read["messages"]][1] == STAGES
    assert {name: read[name] for name in FIELDS} == made.json()
    longer = [messages[0], {"role": "assistant", "content": "None."}, {"role": "user", "content": "Why?"}]
    replaced = ada.put(path, {"is_archived": True, "messages": longer})
    assert (replaced.status_code, replaced.headers["etag"]) == (200, etag(replaced.json()))
    set_by_change(made.json(), replaced.json())
    assert (replaced.json()["title"], replaced.json()["is_archived"]) == ("Which bike?", True)
    found = ada.get(path).json()["messages"]
    assert [(message["seq"], message["content"]) for message in found] == [(1, "Which bike?"), (2, "None."), (3, "Why?")]
    # What stayed as it was keeps its time, and a save that changes nothing is none.
    assert found[0] == read["messages"][0]
    assert found[1]["created_at"] > read["messages"][1]["created_at"]
    assert ada.put(path, {"is_archived": True, "messages": longer}).json() == replaced.json()
    staged = [longer[0] | {"metadata": {"a": 1}}, longer[1] | {"stage3": {"response": "A light one."}}, longer[2]]
    assert ada.put(path, {"messages": staged}).json()["version"] > replaced.json()["version"]
    again = ada.get(path).json()["messages"]
    assert [message["created_at"] for message in again] == [message["created_at"] for message in found]
    assert (again[0]["metadata"], again[1]["stage3"]) == (staged[0]["metadata"], staged[1]["stage3"])
    assert say(ada, path)["seq"] == 4
    assert ada.put(path, {"messages": []}).json()["message_count"] == 0
    assert say(ada, path)["seq"] == 1


def test_a_save_takes_the_new_user_messages_from_the_quota_or_changes_nothing(api: Api) -> None:
    user = api.user()
    path = f"/v1/conversations/{uuid4()}"
    messages = [{"role": role, "content": f"M{n}"} for n in range(4) for role in ("user", "assistant")]
    assert user.put(path, {"messages": messages}).status_code == 201
    assert used(user) == 4
    moved = [{"role": "assistant", "content": "Hello"}, *messages, messages[0]]
    assert user.put(path, {"messages": moved}).status_code == 200
    assert used(user) == 5
    before = user.get(path).text
    many = [*moved, *({"role": "user", "content": f"N{n}"} for n in range(6))]
    refused = user.put(path, {"title": "Other", "messages": many})
    assert_problem(refused, 429, "quota_exhausted")
    assert (refused.json()["limit"], refused.json()["used"], refused.json()["maximum"]) == ("daily", 5, 10)
    new = f"/v1/conversations/{uuid4()}"
    assert_problem(user.put(new, {"messages": many}), 429, "quota_exhausted")
    assert_problem(user.get(new), 404, "not_found")
    assert (user.get(path).text, used(user)) == (before, 5)
    assert user.put(path, {"messages": many[:-1]}).status_code == 200
    assert used(user) == 10


def test_a_save_writes_and_locks_only_the_messages_that_differ(ada: User, execute: Execute) -> None:
    path = f"/v1/conversations/{uuid4()}"
    messages = [{"role": "assistant", "content": f"M{n}", "metadata": {"n": n}} for n in range(5)]
    ada.put(path, {"messages": messages})
    # A row that was locked has the transaction in its xmax, one that was written is another version of it.
    stored = "select seq, ctid::text as place, xmax::text from messages where conversation_id::text = $1 order by seq"
    before = execute(stored, path.rpartition("/")[2])
    ada.put(path, {"messages": [*messages[:3], messages[3] | {"metadata": {}}, messages[4], messages[0]]})
    after = execute(stored, path.rpartition("/")[2])
    assert [row["seq"] for row in after if row not in before] == [4, 6]


def test_a_save_may_have_8_mib_and_20_000_messages(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/conversations/{uuid4()}"
    long = {"role": "assistant", "content": "word " * 800_000, "stage1": ["x" * 4_000_000]}
    assert ada.put(path, {"messages": [long]}).status_code == 201
    assert ada.get(path).json()["messages"][0]["content"] == long["content"]
    assert_problem(ada.put(path, {"messages": [long, {"role": "user", "content": "x" * 400_000}]}), 413, "body_too_large")
    monkeypatch.setattr(rules, "MAX_MESSAGES", 2)
    assert_problem(ada.put(path, {"messages": [{"role": "user", "content": "x"}] * 3}), 422, "invalid", "messages")


def test_words_that_no_index_could_hold_are_stored_all_the_same(ada: User) -> None:
    word = "".join(chr(0x20000 + n) for n in range(20))
    text = " ".join(f"{word[n % 20 :]}{chr(0x21000 + n)}-{word[n % 19 :]}{chr(0x25000 + n)}" for n in range(9000))
    path = talk(ada)
    assert say(ada, path, text)["content"] == text


# The list


def listed(user: User, query: str = "") -> list[str]:
    """The titles of a list, page by page."""
    return [each["title"] for each in user.walk(f"/v1/conversations?{query}")]


def test_the_list_goes_by_newest_activity_and_shows_how_the_last_message_begins(api: Api, execute: Execute) -> None:
    user = api.user()
    paths = [talk(user, id=str(uuid4()), title=f"T{n}") for n in range(5)]
    say(user, paths[1], "x" * 300)
    answer(user, paths[3])
    items = user.get("/v1/conversations").json()["items"]
    assert [item["title"] for item in items] == ["T3", "T1", "T4", "T2", "T0"]
    assert list(items[0]) == [*FIELDS, "last_message", "snippet"]
    assert items[0]["last_message"] == {"role": "assistant", "content": "A light one, with low gears."}
    assert items[1]["last_message"] == {"role": "user", "content": "x" * 200}
    assert (items[2]["last_message"], items[2]["message_count"], items[1]["message_count"]) == (None, 0, 1)
    row = user.get(paths[1]).json()
    assert {name: items[1][name] for name in FIELDS} == {name: row[name] for name in FIELDS}
    # To the microsecond, and by id where the time is the same.
    execute("update conversations set last_activity_at = '2026-01-01 00:00:00.000001+00' where user_id = $1", UUID(user.id))
    execute(
        "update conversations set last_activity_at = '2026-01-01 00:00:00.000002+00' where user_id = $1 and title = 'T2'",
        UUID(user.id),
    )
    rest = sorted((n for n in range(5) if n != 2), key=lambda n: UUID(paths[n].rpartition("/")[2]), reverse=True)
    for limit in (1, 2, 5):
        assert listed(user, f"limit={limit}") == ["T2", *(f"T{n}" for n in rest)]


def test_the_list_goes_by_creation_where_it_is_asked_for_with_a_cursor_of_its_own(api: Api, execute: Execute) -> None:
    user = api.user()
    paths = [talk(user, id=str(uuid4()), title=f"T{n}") for n in range(5)]
    for path in (paths[3], paths[1]):
        say(user, path)
    assert listed(user, "order=created&limit=2") == ["T4", "T3", "T2", "T1", "T0"]
    assert listed(user, "order=activity&limit=2") == listed(user) == ["T1", "T3", "T4", "T2", "T0"]
    assert listed(user, "order=created&q=bike&limit=1") == ["T3", "T1"]
    assert listed(user, "order=activity&q=bike&limit=1") == ["T1", "T3"]
    # To the microsecond, and by id where the time is the same.
    execute("update conversations set created_at = '2026-01-01 00:00:00.000001+00' where user_id = $1", UUID(user.id))
    execute(
        "update conversations set created_at = '2026-01-01 00:00:00.000002+00' where user_id = $1 and title = 'T2'",
        UUID(user.id),
    )
    rest = sorted((n for n in range(5) if n != 2), key=lambda n: UUID(paths[n].rpartition("/")[2]), reverse=True)
    for limit in (1, 2, 5):
        assert listed(user, f"order=created&limit={limit}") == ["T2", *(f"T{n}" for n in rest)]
    user.patch(paths[0], {"is_archived": True})
    assert listed(user, "order=created&is_archived=true") == ["T0"]
    assert listed(user, "order=created&tag=cars") == []
    for order, other in (("created", "activity"), ("activity", "created")):
        cursor = user.get(f"/v1/conversations?order={order}&limit=1").json()["next_cursor"]
        assert_problem(user.get(f"/v1/conversations?order={other}&cursor={cursor}"), 422, "invalid_cursor")
    assert_problem(user.get("/v1/conversations?order=newest"), 422, "invalid", "order")


def test_the_list_is_filtered_by_archive_and_tag(api: Api, execute: Execute) -> None:
    user = api.user()
    paths = [talk(user, title=f"T{n}") for n in range(3)]
    user.patch(paths[1], {"is_archived": True})
    execute(
        """
        with tag as (insert into tags (user_id, name, slug) values ($1, 'Bikes', 'bikes') returning id)
        insert into taggings (user_id, tag_id, taggable_type, taggable_id) select $1, id, 'conversations', $2 from tag""",
        UUID(user.id),
        UUID(paths[2].rpartition("/")[2]),
    )
    say(user, paths[2])
    assert listed(user, "is_archived=true") == ["T1"]
    assert listed(user, "is_archived=false") == ["T2", "T0"]
    for query in ("tag=bikes", "q=bike&tag=bikes", "q=bike&is_archived=false"):
        assert listed(user, query) == ["T2"]
    assert listed(user, "tag=cars") == listed(user, "q=bike&is_archived=true") == []


@pytest.mark.parametrize("cursor", ["x", "YQ", "YQAA", "bv" + "_" * 32, "YX" + "A" * 32])
def test_a_cursor_of_another_make_is_refused(ada: User, cursor: str) -> None:
    assert_problem(ada.get(f"/v1/conversations?cursor={cursor}"), 422, "invalid_cursor")


def test_a_search_finds_words_of_contents_and_final_answers_and_marks_them(api: Api) -> None:
    user = api.user()
    bikes, cars, other = (talk(user, title=title) for title in ("bikes", "cars", "other"))
    say(user, bikes, 'Which <b>bike</b> & "why"? ' + "filler " * 300)
    answer(user, bikes)
    say(user, cars, "padding " * 3000 + "Which car, with low GEARS?")
    say(user, other, "Something else")
    assert listed(user, "q=bike") == ["bikes"]
    assert listed(user, "q=gears") == ["cars", "bikes"]
    assert listed(user, "q=gears&limit=1") == ["cars", "bikes"]
    assert listed(user, "q=gears -car") == ["bikes"]
    assert listed(user, 'q="low gears"') == ["cars", "bikes"]
    assert listed(user, "q=bike or something") == ["other", "bikes"]
    [first, second] = user.get("/v1/conversations?q=gears").json()["items"]
    assert "low <mark>GEARS</mark>?" in first["snippet"]
    assert len(first["snippet"]) < 500
    assert second["snippet"].startswith("<mark>gears</mark>.\na\nA light one.\nb\nNone.")
    [hit] = user.get("/v1/conversations?q=bike why").json()["items"]
    assert "<mark>bike</mark>&lt;/b&gt; &amp; &quot;<mark>why</mark>&quot;?" in hit["snippet"]
    for nothing in ("nosuchword", "!!!", "-", user.id, "%27; drop table messages; --"):
        assert listed(user, f"q={nothing}") == []
    assert_problem(user.get("/v1/conversations?q="), 422, "invalid", "q")


def test_a_search_finds_titles_and_the_texts_of_all_stages_by_their_beginnings(api: Api) -> None:
    user = api.user()
    titled, talked, stranger = talk(user, title="Watering plants"), talk(user, title="Other"), talk(user, title="None")
    say(user, talked)
    answer(
        user,
        talked,
        stage1=[{"model": "alpha", "response": 'A caf\u00e9 "racer"\nfast'}, "Bare words"],
        stage2=[{"model": "beta", "ranking": ["gammas", {"deeper": "delta"}], "rank": 12345, "none": None}],
        stage3={"model": "epsilon", "response": "Tandem"},
        metadata={"hidden": "nowhere"},
    )
    say(user, stranger, "Something else")
    for q in ("café", "caf", "racer", "fast", "bare wor", "alpha", "beta", "gamma", "delta", "epsilon", "tand", '"racer fast"'):
        assert listed(user, f"q={q}") == ["Other"], q
    for q in ("watering", "plan", '"watering plants"', "water plan -bike"):
        assert listed(user, f"q={q}") == ["Watering plants"], q
    assert listed(user, "q=plants or tandem") == ["Other", "Watering plants"]
    assert listed(user, "q=plants or tandem&order=created") == ["Other", "Watering plants"]
    # Not the names of fields, numbers or metadata; and all of a search stands in one place.
    for q in ("response", "model", "12345", "nowhere", "hidden", "plants tandem", "wate plan -plants"):
        assert listed(user, f"q={q}") == [], q
    [hit] = user.get("/v1/conversations?q=plan").json()["items"]
    assert (hit["snippet"], hit["message_count"]) == ("Watering <mark>plants</mark>", 0)
    [hit] = user.get("/v1/conversations?q=racer").json()["items"]
    assert hit["snippet"].startswith("<mark>racer</mark>&quot;\nfast\nBare words\nbeta")
    user.patch(titled, {"title": "Bicycles"})
    assert (listed(user, "q=plan"), listed(user, "q=bicyc")) == ([], ["Bicycles"])
    user.put(titled, {"title": "Saved whole", "messages": []})
    assert (listed(user, "q=bicyc"), listed(user, "q=whole")) == ([], ["Saved whole"])
    user.delete(titled)
    assert listed(user, "q=whole") == []


def test_a_title_that_the_first_message_gives_is_found(api: Api) -> None:
    user = api.user()
    path = talk(user)
    say(user, path, "Zanzibar by bicycle")
    user.put(path, {"title": user.get(path).json()["title"], "messages": []})
    assert listed(user, "q=zanz") == ["Zanzibar by bicycle"]


@pytest.mark.parametrize(
    "stage",
    ["text", [], {}, [[]], 1, True, ["a", 1, None, [["b"]], {"c": {"d": "e"}}], {"a": {"b": {"c": "d"}}}, "\U0001f389" * 1000],
)
def test_whatever_a_stage_is_it_is_stored_and_searched(ada: User, stage: Any) -> None:
    path = talk(ada)
    answer(ada, path, stage1=stage, stage2=stage, stage3={"response": "Zeppelin", "more": stage})
    assert path.rpartition("/")[2] in [item["id"] for item in ada.get("/v1/conversations?q=zeppel").json()["items"]]


def test_a_search_for_a_common_word_gives_the_same_list_as_for_a_rare_one(api: Api, execute: Execute) -> None:
    user = api.user()
    user_id = UUID(user.id)
    execute(
        """
        insert into conversations (user_id, id, title, last_seq, last_activity_at, created_at)
        select $1, gen_random_uuid(), 'T' || n, 50, '2026-01-01'::timestamptz + n * interval '1 second',
            '2026-01-01'::timestamptz - n * interval '1 second'
        from generate_series(1, 60) n""",
        user_id,
    )
    execute(
        """
        insert into messages (user_id, conversation_id, seq, role, content)
        select c.user_id, c.id, s, 'user', case when c.title like '%7' then 'often' else 'never' end || ' said' || s
        from conversations c, generate_series(1, 50) s where c.user_id = $1""",
        user_id,
    )
    assert execute("select count(*) from messages where user_id = $1", user_id) == [{"count": 3000}]
    every = [f"T{n}" for n in range(60, 0, -1)]
    assert listed(user, "q=never or often&limit=20") == every
    assert listed(user, "q=often&limit=4") == ["T57", "T47", "T37", "T27", "T17", "T7"]
    assert listed(user, "order=created&q=often&limit=4") == ["T7", "T17", "T27", "T37", "T47", "T57"]
    assert listed(user, "q=never&limit=50") == [title for title in every if not title.endswith("7")]
    [first, *_] = user.get("/v1/conversations?q=never").json()["items"]
    assert first["snippet"] == "<mark>never</mark> said50"
    # A common beginning, one of which only titles have a word, and a phrase of common words that nobody said.
    assert listed(user, "q=nev said&limit=50") == [title for title in every if not title.endswith("7")]
    assert listed(user, "q=T5 or often&limit=9") == ["T57", "T47", "T37", "T27", "T17", "T7", "T5"]
    assert listed(user, 'q="said1 often"') == []


# Many at once


def test_a_batch_does_all_that_it_can_and_says_what_was_missing(ada: User) -> None:
    ids = [talk(ada, title=f"B{n}").rpartition("/")[2] for n in range(4)]
    gone = str(uuid4())
    done = ada.post(BATCH, {"archive": [ids[1], ids[0], ids[1]], "unarchive": [ids[2]], "delete": [ids[3], gone]})
    assert (done.status_code, done.json()) == (
        200, {"archived": [ids[1], ids[0]], "unarchived": [ids[2]], "deleted": [ids[3]], "missing": [gone]}
    )  # fmt: skip
    assert [ada.get(f"/v1/conversations/{each}").json().get("is_archived") for each in ids] == [True, True, False, None]
    assert ada.post(BATCH, {}).json() == {"archived": [], "unarchived": [], "deleted": [], "missing": []}
    for body in ({"archive": ids[:1], "delete": ids[:1]}, {"archive": ids[:1], "unarchive": ids[:1]}):
        assert_problem(ada.post(BATCH, body), 422, "invalid")
    assert_problem(ada.post(BATCH, {"delete": [str(uuid4())] * 501}), 422, "invalid", "delete")
    assert ada.get(f"/v1/conversations/{ids[0]}").status_code == 200


# Long ones


def test_a_long_conversation_is_read_and_exported_whole_part_by_part(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/conversations/{uuid4()}"
    messages = [{"role": role, "content": f"M{n} 🎉"} for n in range(600) for role in ("user", "assistant")]
    assert ada.put(path, {"title": "Long\ntalk", "messages": messages}).status_code == 201
    read = ada.get(path)
    assert [message["content"] for message in read.json()["messages"]] == [message["content"] for message in messages]
    assert [message["seq"] for message in read.json()["messages"]] == [*range(1, 1201)]
    exported = ada.get(f"{path}/export")
    name = f"conversation-{path.rpartition('/')[2]}"
    assert exported.text == read.text
    assert exported.headers["content-disposition"] == f'attachment; filename="{name}.json"'
    said = ada.get(f"{path}/export?format=markdown")
    assert said.headers["content-type"] == "text/markdown; charset=utf-8"
    assert said.headers["content-disposition"] == f'attachment; filename="{name}.md"'
    assert undated(said.text).startswith("# Long talk\n\n## User\n\nM0 🎉\n\n## Assistant\n\nM0 🎉\n")
    assert said.text.count("\n## ") == 1200
    # However small the parts are, the whole is the same.
    monkeypatch.setattr(reading, "PART", 7)
    monkeypatch.setattr(reading, "PART_BYTES", 40)
    assert ada.get(path).text == read.text
    for order in ("oldest", "newest"):
        page = ada.get(f"{path}/messages?order={order}&limit=20&from=600").json()["items"]
        step = 1 if order == "oldest" else -1
        assert [message["seq"] for message in page] == [*range(600, 600 + 20 * step, step)]
    assert_problem(ada.get(f"{path}/export?format=pdf"), 422, "invalid", "format")
    assert ada.request("HEAD", path).headers["etag"] == read.headers["etag"]


DATED = re.compile(r"\n\*(\d{4}-\d\d-\d\d \d\d:\d\d) UTC\*\n")


def undated(text: str) -> str:
    return DATED.sub("", text)


def markdown(user: User, path: str) -> str:
    answer = user.get(f"{path}/export?format=markdown")
    assert answer.status_code == 200, answer.text
    return undated(answer.text)


def test_markdown_says_when_a_conversation_began_and_when_each_message_came(ada: User, execute: Execute) -> None:
    path = talk(ada, title="Bikes")
    say(ada, path)
    answer(ada, path)
    name = path.rpartition("/")[2]
    execute("update messages set created_at = '2026-01-02 03:04:59+00' where conversation_id = $1 and seq = 1", name)
    execute("update messages set created_at = '2026-01-02 03:05:00+00' where conversation_id = $1 and seq = 2", name)
    execute("update conversations set created_at = '2025-12-31 23:59:00+00' where id = $1", name)
    text = ada.get(f"{path}/export?format=markdown").text
    assert DATED.findall(text) == ["2025-12-31 23:59", "2026-01-02 03:04", "2026-01-02 03:05"]
    assert text.startswith("# Bikes\n\n*2025-12-31 23:59 UTC*\n\n## User\n\n*2026-01-02 03:04 UTC*\n\nWhich")


def test_markdown_shows_contents_and_every_stage_by_model(ada: User) -> None:
    path = talk(ada, title="Bikes")
    say(ada, path)
    answer(ada, path, **STAGES)
    answer(ada, path, content="In short: a light one.", stage2=[{"model": "a", "ranking": ["b", "a"]}], stage3=None)
    assert markdown(ada, path) == BIKES


BIKES = """# Bikes

## User

Which bike?

## Assistant

### Stage 1: answers

#### a

A light one.

#### b

None.

### Stage 2: rankings

#### a

B, A

```json
{"parsed_ranking":["b","a"]}
```

### Stage 3: final answer

#### c

A light one, with low gears.

## Assistant

In short: a light one.

### Stage 2: rankings

#### a

1. b
2. a
"""


@pytest.mark.parametrize(
    ("stage3", "shown"),
    [
        ("Just a text", "Just a text"),
        ({"response": "A light one."}, "A light one."),
        ({"model": " c\n# d"}, "#### c # d"),
        ({"model": ["c"], "why": 1.5}, '1. c\n\n```json\n{"why":1.5}\n```'),
        ({"model": 7, "response": {}}, '```json\n{"model":7,"response":{}}\n```'),
        ([["A"]], '```json\n[["A"]]\n```'),
        (7, "```json\n7\n```"),
        ({"model": "c", "response": []}, '#### c\n\n```json\n{"response":[]}\n```'),
        ([{"model": "c"}] * 101, "```json\n[" + ",".join(['{"model":"c"}'] * 101) + "]\n```"),
        ([], ""),
    ],
)
def test_markdown_shows_a_stage_whatever_its_form(ada: User, stage3: Any, shown: str) -> None:
    path = talk(ada, title="Bikes")
    answer(ada, path, stage3=stage3)
    expected = f"# Bikes\n\n## Assistant\n\n### Stage 3: final answer\n\n{shown}\n"
    assert markdown(ada, path) == expected.replace("answer\n\n\n", "answer\n")


def test_nothing_that_was_said_opens_what_goes_on_to_the_end_of_the_markdown(ada: User) -> None:
    path = talk(ada, title="`Bikes`\n```")
    said = ["```python\nprint()", "~~~\nprint()", "A\r```\r\n", "<!-- never closed", "    ````\nx"]
    for text in said:
        say(ada, path, text)
        answer(
            ada, path, stage1=[{"model": "```", "response": text}], stage2={"model": "a", "notes": [text, "`" * 7]}, stage3=text
        )
    open_fence, headings = "", []
    for line in markdown(ada, path).splitlines():
        if not open_fence and line.startswith("```"):
            open_fence = line.removesuffix("json")
            assert set(open_fence) == {"`"}
        elif open_fence:
            # A fence ends with one that is as long; in it there is no heading.
            assert open_fence not in line or line == open_fence
            open_fence = "" if line == open_fence else open_fence
        else:
            assert not line.startswith(("~~~", "<", "    "))
            headings += [line] * line.startswith("#")
    assert open_fence == ""
    stages = ["### Stage 1: answers", "#### ```", "### Stage 2: rankings", "#### a", "### Stage 3: final answer"]
    assert headings == ["# `Bikes` ```", *(["## User", "## Assistant", *stages] * len(said))]


def test_a_save_while_a_conversation_is_read_cuts_the_answer_off_and_an_append_does_not(
    api: Api, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PART", 2)
    path = talk(ada)
    conversation, user_id = UUID(path.rpartition("/")[2]), UUID(ada.id)
    messages = [{"role": "assistant", "content": f"M{n}"} for n in range(6)]
    ada.put(path, {"messages": messages})

    async def read(meanwhile: dict[str, Any], method: str, to: str) -> list[bytes]:
        begun = await reading.begin(api.database, user_id, conversation)
        seen: list[bytes] = []
        async for items in reading.parts(api.database, begun):
            if not seen:
                assert (await ada.send(method, to, json=meanwhile)).status_code < 300
            seen.append(items)
        return seen

    assert len(api.runner.run(read({"role": "assistant", "content": "New"}, "POST", f"{path}/messages"))) == 3
    assert len(api.runner.run(read({"title": "Renamed"}, "PATCH", path))) == 4
    for change in ({"messages": messages[::-1]}, {"messages": messages[:3]}):
        with pytest.raises(reading.SavedMeanwhileError):
            api.runner.run(read(change, "PUT", path))


# At once


def ask_at_once(api: Api, user: User, paths: list[str], count: int, **fields: Any) -> list[httpx.Response]:
    body = {"role": "user", "content": "Which bike?"} | fields
    return api.together(*(user.send("POST", f"{paths[n % len(paths)]}/messages", json=body) for n in range(count)))


@pytest.mark.parametrize("conversations", [1, 20])
def test_of_a_hundred_user_messages_at_once_the_quota_of_ten_is_stored(api: Api, execute: Execute, conversations: int) -> None:
    user = api.user()
    paths = [talk(user) for _ in range(conversations)]
    answers = ask_at_once(api, user, paths, 100)
    assert sorted(each.status_code for each in answers) == [201] * 10 + [429] * 90
    row = user.get("/v1/usage").json()
    assert (row["daily_used"], row["monthly_used"], row["total_queries"]) == (10, 10, 10)
    stored = execute(
        """
        select c.last_seq, array_agg(m.seq order by m.seq) as seqs
        from conversations c join messages m on m.user_id = c.user_id and m.conversation_id = c.id
        where c.user_id = $1 group by c.id, c.last_seq""",
        UUID(user.id),
    )
    assert all(each["seqs"] == [*range(1, each["last_seq"] + 1)] for each in stored)
    assert sum(each["last_seq"] for each in stored) == 10


def test_fifty_equal_messages_with_a_seq_at_once_have_one_effect(api: Api) -> None:
    user = api.user()
    path = talk(user)
    answers = ask_at_once(api, user, [path], 50, seq=1)
    assert sorted(each.status_code for each in answers) == [200] * 49 + [201]
    assert len({each.text for each in answers}) == 1
    assert (used(user), user.get(path).json()["message_count"]) == (1, 1)


def test_fifty_appends_at_once_leave_no_gap(api: Api, ada: User) -> None:
    path = talk(ada)
    before = ada.get(path).json()
    bodies = [{"role": role, "content": f"{role} {n}"} for n in range(25) for role in ("user", "assistant")]
    answers = api.together(*(ada.send("POST", f"{path}/messages", json=body) for body in bodies))
    assert sorted(each.json()["seq"] for each in answers) == [*range(1, 51)]
    read = ada.get(path).json()
    assert [message["seq"] for message in read["messages"]] == [*range(1, 51)]
    assert read["message_count"] == 50
    set_by_change(before, read)


def test_saves_and_appends_at_once_never_leave_half_of_a_save(api: Api, ada: User) -> None:
    path = f"/v1/conversations/{uuid4()}"
    wholes = [[{"role": "assistant", "content": f"save {n}"} for _ in range(3 + n)] for n in range(5)]
    sends = [ada.send("PUT", path, json={"messages": whole}) for whole in wholes]
    sends += [
        ada.send("POST", f"{path}/messages", json={"role": role, "content": "append"})
        for _ in range(10)
        for role in ("user", "assistant")
    ]
    answers = api.together(*sends)
    assert sorted(each.status_code for each in answers[:5]) == [200] * 4 + [201]
    assert {each.status_code for each in answers[5:]} <= {201, 404}
    read = ada.get(path).json()
    contents = [message["content"] for message in read["messages"]]
    last = next(n for n in range(5) if contents[0] == f"save {n}")
    assert contents[: 3 + last] == [f"save {last}"] * (3 + last)
    assert set(contents[3 + last :]) <= {"append"}
    assert [message["seq"] for message in read["messages"]] == [*range(1, read["message_count"] + 1)]


def times(user: User, path: str) -> list[str]:
    return [message["created_at"] for message in user.get(path).json()["messages"]]


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_a_message_that_waited_for_another_one_is_not_older_than_it(api: Api, ada: User, database: str, role: str) -> None:
    path = talk(ada)
    conversation = path.rpartition("/")[2]

    async def append_while_another_waits() -> httpx.Response:
        first = await asyncpg.connect(database)
        async with first.transaction():
            await first.execute(
                "select 1 from conversations where user_id = $1::uuid and id = $2::uuid for update", ada.id, conversation
            )
            second = asyncio.create_task(ada.send("POST", f"{path}/messages", json={"role": role, "content": "Second"}))
            await waited_for(first)
            await first.execute(
                """
                with advanced as (
                    update conversations set last_seq = 1, last_activity_at = now() + interval '1 second'
                    where user_id = $1::uuid and id = $2::uuid
                    returning user_id, id, last_activity_at)
                insert into messages (user_id, conversation_id, seq, role, content, created_at)
                select user_id, id, 1, 'user', 'First', last_activity_at from advanced""",
                ada.id,
                conversation,
            )
        await first.close()
        return await second

    answer = api.runner.run(append_while_another_waits())
    assert (answer.status_code, answer.json()["seq"]) == (201, 2)
    assert times(ada, path) == sorted(times(ada, path))
    assert ada.get(path).json()["last_activity_at"] == times(ada, path)[-1]


def test_a_message_is_not_older_than_the_last_one_when_the_clock_was_set_back(ada: User, execute: Execute) -> None:
    path = talk(ada)
    say(ada, path, "First")
    ahead = "now() + interval '1 hour'"
    execute(f"update messages set created_at = {ahead} where conversation_id::text = $1", path.rpartition("/")[2])
    execute(f"update conversations set last_activity_at = {ahead} where id::text = $1", path.rpartition("/")[2])
    say(ada, path, "Second")
    answer(ada, path)
    before = times(ada, path)
    assert before == sorted(before)
    ada.put(path, {"messages": [{"role": "user", "content": text} for text in ("First", "Second", "Other")]})
    assert times(ada, path)[:2] == before[:2]
    assert times(ada, path) == sorted(times(ada, path))
    assert ada.get(path).json()["last_activity_at"] >= times(ada, path)[-1]


def test_a_save_keeps_the_times_of_messages_that_stay_and_all_of_them_in_order(ada: User) -> None:
    path = talk(ada)
    say(ada, path, "A")
    answer(ada, path)
    say(ada, path, "C")
    answer(ada, path)
    before = ada.get(path).json()["messages"]
    sent = [{name: each[name] for name in ("role", "content", *STAGES)} for each in before]
    sent[1]["stage1"] = [{"model": "a", "response": "Rethought"}]
    sent[2]["content"] = "Said otherwise"
    sent[3]["stage3"] = "Rethought"
    ada.put(path, {"messages": [*sent, {"role": "user", "content": "New"}]})
    after = times(ada, path)
    assert after == sorted(after)
    assert [after[0], after[1], after[3]] == [before[0]["created_at"], before[1]["created_at"], before[3]["created_at"]]
    assert after[2] == before[3]["created_at"]
    assert after[4] > before[3]["created_at"]
    # Those that stood elsewhere before are new.
    ada.put(path, {"messages": [{"role": "user", "content": "In front"}, *sent]})
    assert times(ada, path) == sorted(times(ada, path))


def test_a_message_takes_one_trip_to_the_database_and_two_when_it_is_refused(
    api: Api, bob: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = talk(bob)
    sent: list[str] = []
    run = api.database.run

    async def noted(query: Query, values: list[Any]) -> Any:
        sent.append(query.name)
        return await run(query, values)

    monkeypatch.setattr(api.database, "run", noted)
    for body, status, trips in (
        ({"role": "user", "content": "Hello", "seq": 1}, 201, ["append_user_message"]),
        ({"role": "user", "content": "Hello", "seq": 1}, 200, ["append_user_message", "find_message"]),
        ({"role": "assistant", "content": "Hello"}, 201, ["append"]),
        ({"role": "assistant", "content": "Hello", "seq": 9}, 409, ["append", "find_message"]),
    ):
        sent.clear()
        assert bob.post(f"{path}/messages", body).status_code == status
        assert sent == [f"conversations.{name}" for name in trips]


def test_the_database_itself_refuses_a_message_without_text(runner: asyncio.Runner, database: str, ada: User) -> None:
    path = talk(ada)
    insert = "insert into messages (user_id, conversation_id, seq, role, stage3) values ($1, $2, 1, $3, $4)"

    async def store(role: str, stage3: str | None) -> None:
        connection = await asyncpg.connect(database)
        try:
            await connection.execute(insert, UUID(ada.id), UUID(path.rpartition("/")[2]), role, stage3)
        finally:
            await connection.close()

    for role, stage3 in (("user", "{}"), ("assistant", None)):
        with pytest.raises(asyncpg.CheckViolationError, match="messages_content_needed"):
            runner.run(store(role, stage3))


def test_no_conversation_is_read_of_somebody_elses_by_the_repository(api: Api, ada: User, bob: User) -> None:
    path = talk(ada)
    say(ada, path)
    conversation = UUID(path.rpartition("/")[2])
    orders: tuple[Order, ...] = ("oldest", "newest")
    for order in orders:
        read = repository.read(api.database, UUID(bob.id), conversation, order, after=0, limit=9, bytes=9)
        assert api.runner.run(read) is None

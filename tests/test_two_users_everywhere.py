"""Two users do whatever they like with every resource there is: neither ever sees, changes, counts or finds a row of the other.

They use the same ids and the same dates, so that a query that forgets whose row it is meets both. After each step the tables
hold the same of the one who did nothing as before, byte by byte. tests/test_two_users.py looks closer at tasks alone.
"""

import asyncio
import json
import os
import re
from collections.abc import Iterator
from itertools import count
from typing import Any, NamedTuple, cast
from uuid import uuid4

import asyncpg
import httpx
import pytest
from client import PASSWORD, Api, User, assert_problem
from factories import new_uuid7
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from served import ROUTES

from app.http.routes import Route
from app.tags.targets import KINDS

Row = dict[str, Any]
Asked = tuple[str, str, Row | None]
"""Method, what follows the row's path, body."""

DAYS = [f"2026-01-0{day}" for day in range(1, 5)]


class Resource(NamedTuple):
    """A list below /v1 and its rows. WORD stands for the word of the one who writes, KEY for what names the row."""

    body: Row
    change: Row | None = None
    """Of a PATCH; None: there is none."""
    inside: tuple[Asked, ...] = ()
    """What can be asked below a row, or with PUT of it."""
    made_by: str = "POST"
    is_read: bool = True
    """Whether there is a GET of one row."""

    def intrusions(self) -> Iterator[Asked]:
        """Everything that can be asked about a row that is there."""
        if self.is_read:
            yield "GET", "", None
        if self.change is not None:
            yield "PATCH", "", self.change
        yield from self.inside
        yield "DELETE", "", None


ENTRY = f"/entries/{DAYS[0]}"
MESSAGE = {"role": "user", "content": "WORD"}
WORKOUT = {"date": DAYS[0], "type": "WORD", "exercises": [{"name": "WORD"}]}

RESOURCES = {
    "tasks": Resource({"title": "WORD", "description": "WORD"}, {"description": "WORD changed"}),
    "habits": Resource(
        {"name": "WORD"},
        {"description": "WORD"},
        (
            ("GET", "/stats", None),
            ("GET", "/entries", None),
            ("PUT", ENTRY, {}),
            ("GET", ENTRY, None),
            ("PATCH", ENTRY, {"note": "WORD"}),
            ("DELETE", ENTRY, None),
            ("GET", f"{ENTRY}/comments", None),
            ("POST", f"{ENTRY}/comments", {"text": "WORD"}),
        ),
    ),
    "goals": Resource(
        {"title": "WORD", "goal_type": "yearly"},
        {"description": "WORD"},
        (("GET", "/tree", None), ("GET", "/progress", None), ("POST", "/progress", {"value": 1})),
    ),
    "foods": Resource({"date": DAYS[0], "meal_type": "lunch", "name": "WORD"}, {"notes": "WORD"}),
    "workouts": Resource(WORKOUT, {"exercises": [{"name": "WORD changed"}]}, (("PUT", "", WORKOUT),)),
    "daily-reviews": Resource({"highlights": "WORD"}, {"lessons": "WORD"}, made_by="PUT"),
    "blog-entries": Resource({"title": "WORD", "content": "WORD"}, {"excerpt": "WORD"}),
    "conversations": Resource(
        {"title": "WORD"},
        {"title": "WORD changed"},
        (
            ("GET", "/messages", None),
            ("POST", "/messages", MESSAGE),
            ("POST", "/messages", {"role": "assistant", "content": "WORD", "seq": 1}),
            ("GET", "/export", None),
            ("GET", "/export?format=markdown", None),
        ),
    ),
    "tags": Resource({"name": "KEY", "category": "WORD"}, {"color": "#112233"}, (("GET", "/taggings", None),)),
    "media": Resource(
        {},
        {"alt_text": "WORD"},
        (("GET", "/content", None), ("POST", "/links", {"expires_in": 60}), ("DELETE", "/links", None)),
        made_by="file",
    ),
    "progress-snapshots": Resource({"notes": "WORD", "weight": 70, "weight_unit": "kg"}, made_by="PUT"),
    "me/tokens": Resource({"name": "WORD", "scopes": ["read"]}, made_by="server", is_read=False),
}
SUBS = {"habits": ("entries", "note"), "goals": ("progress", "note"), "conversations": ("messages", "content")}
"""The rows below a row: the list's path, and the field with the word."""

BATCHED = [kind for kind, resource in RESOURCES.items() if resource.change is not None and kind != "conversations"]
"""What a batch can change."""

SEARCHED = ["tasks", "goals", "habits", "daily-reviews", "blog-entries"]

NAMES = st.sampled_from(["ada", "bob"])
PLACES = st.integers(0, 7)
TARGETS = st.sampled_from([*KINDS])

_numbers = count(1)


def filled(template: Row, word: str, key: str = "") -> Row:
    return cast("Row", json.loads(json.dumps(template).replace("WORD", word).replace("KEY", key)))


def holds(found: Any, expected: Any) -> bool:
    """Whether everything that is expected is there; what the server adds may be there too."""
    if isinstance(expected, dict):
        return all(holds(found[name], value) for name, value in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(holds, found, expected))
    return bool(found == expected)


def key_of(kind: str, row: Row) -> str:
    """What names a row in its path."""
    if kind == "daily-reviews":
        return str(row["date"])
    return f"{row['period']}/{row['date']}" if kind == "progress-snapshots" else str(row["id"])


class Tables:
    """What the database holds of a user, on a connection beside the pool's."""

    def __init__(self, runner: asyncio.Runner, connection: Any) -> None:
        self.run = runner.run
        self.connection = connection
        columns = "information_schema.columns c join information_schema.tables t using (table_schema, table_name)"
        owned = f"select table_name from {columns} where column_name = 'user_id' and table_type = 'BASE TABLE'"
        self.owned: list[str] = [name for (name,) in self.run(connection.fetch(f"{owned} and table_schema = 'public'"))]
        # Of who leaves a cluster objects of the store are put down in deleted_objects, until maintenance deletes them.
        kept = [name for name in self.owned if name != "deleted_objects"]
        of_each = [f"select '{name}' as name, to_jsonb(o)::text as row from {name} o where user_id = $1" for name in kept]
        of_each.append("select 'users', to_jsonb(u)::text from users u where id = $1")
        self.rows = " union all ".join(of_each)

    def of(self, user_id: str) -> list[tuple[str, str]]:
        """Every row that belongs to a user, with its table."""
        return sorted((name, row) for name, row in self.run(self.connection.fetch(self.rows, user_id)))


@pytest.fixture(scope="module")
def tables(runner: asyncio.Runner, database: str) -> Iterator[Tables]:
    connection = runner.run(asyncpg.connect(database))
    yield Tables(runner, connection)
    runner.run(connection.close())


class Person:
    """What one of the two has, as far as they wrote it themselves."""

    def __init__(self, name: str, user: User) -> None:
        self.user = user
        self.word = f"{name}{next(_numbers)}word"
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in RESOURCES}
        self.subs: dict[tuple[str, str], dict[str, str]] = {}
        """Kind and key of a row -> the texts below it."""
        self.links: set[tuple[str, str, str]] = set()
        """Tag, kind and id of what carries it."""
        self.spent: dict[str, int] = {}
        """Key of a deduction -> credits."""
        self.asked = 0
        self.consents: list[str] = []
        self.sessions = {str(each["id"]) for each in user.get("/v1/me/sessions").json()["items"]}
        self.held: list[tuple[str, str]] = []

    def has(self, kind: str, id: str) -> bool:
        return any(row["id"] == id for row in self.rows[kind].values())

    def texts(self, kind: str, key: str) -> dict[str, str]:
        return self.subs.setdefault((kind, key), {})

    def forget(self, kind: str, key: str) -> None:
        """A row is gone, and with it all that hung on it."""
        gone = self.rows[kind].pop(key)["id"]
        self.subs.pop((kind, key), None)
        self.links = {link for link in self.links if link[1:] != (kind, gone) and (kind != "tags" or link[0] != gone)}
        for goal, row in [*self.rows["goals"].items()]:
            if kind == "goals" and row.get("parent_id") == gone and goal in self.rows["goals"]:
                self.forget("goals", goal)
        for file, row in [*self.rows["media"].items()]:
            if (row["taggable_type"], row["taggable_id"]) == (kind, gone):
                self.forget("media", file)


class TwoUsersEverywhere(RuleBasedStateMachine):
    def __init__(self, api: Api, tables: Tables) -> None:
        super().__init__()
        self.api = api
        self.tables = tables
        self.people = {name: Person(name, api.user()) for name in ("ada", "bob")}
        self.gone: list[str] = []
        self.actor = "ada"
        self.touched: set[str] = set()
        ids = [str(new_uuid7()) for _ in range(4)]
        # The same ids for rows of all kinds: only whose and what it is tells them apart.
        self.keys: dict[str, list[str]] = {kind: [*ids] for kind in RESOURCES}
        self.keys["conversations"][3] = str(uuid4())
        self.keys["daily-reviews"] = DAYS
        self.keys["progress-snapshots"] = [f"daily/{day}" for day in DAYS]

    def key(self, kind: str, n: int) -> str:
        keys = self.keys[kind]
        return keys[-1 - n % len(keys)] if n > 3 else keys[n]

    def id(self, kind: str, n: int) -> str:
        """The id of a row of either, or of none."""
        key = self.key(kind, n)
        holders = [each for each in self.people.values() if key in each.rows[kind]]
        return str(holders[n % len(holders)].rows[kind][key]["id"]) if holders else str(uuid4())

    def other(self, name: str) -> Person:
        return self.people["bob" if name == "ada" else "ada"]

    def ask(self, name: str, method: str, path: str, body: Row | None = None, **options: Any) -> httpx.Response:
        """Ask as one of the two; the answer tells nothing of anybody else."""
        if method != "GET":
            self.actor = name
        answer = self.people[name].user.request(method, path, json=body, **options)
        other = self.other(name)
        for secret in (other.word, other.user.id, other.user.email, *self.gone):
            assert secret not in answer.text, (method, path, answer.text)
            assert secret not in str(answer.headers)
        return answer

    def done(self, name: str, method: str, path: str, body: Row | None = None, status: int = 200, **options: Any) -> Any:
        answer = self.ask(name, method, path, body, **options)
        assert answer.status_code == status, (method, path, answer.text)
        return answer.json() if status != 204 else None

    def refused(self, name: str, kind: str, key: str, asked: Asked) -> None:
        """Whatever is asked about a row of the other: it is not there. A task is forbidden."""
        method, below, body = asked
        word = self.people[name].word
        answer = self.ask(name, method, f"/v1/{kind}/{key}{below}", None if body is None else filled(body, word))
        if kind == "tasks" and key in self.other(name).rows[kind]:
            assert_problem(answer, 403, "forbidden")
        else:
            assert_problem(answer, 404, "not_found")

    @initialize()
    def begin(self) -> None:
        """Of each kind both have one with the same name in its path, and one of their own."""
        for kind in RESOURCES:
            for name, n in (("ada", 0), ("bob", 0), ("ada", 1), ("bob", 2)):
                self.put_or_make(name, kind, n)
        for person in self.people.values():
            person.held = self.tables.of(person.user.id)

    @rule(name=NAMES, kind=st.sampled_from([*RESOURCES]), n=PLACES)
    def make(self, name: str, kind: str, n: int) -> None:
        mine = self.people[name].rows[kind].get(self.key(kind, n), {})
        # A goal that is a part of another one is made again as such a part.
        self.put_or_make(name, kind, n, **{field: mine[field] for field in ("parent_id",) if mine.get(field)})

    def put_or_make(self, name: str, kind: str, n: int, **fields: str) -> None:
        """Make a row, or replace it, or send the same create again: as the key and the kind will have it."""
        person, resource, key = self.people[name], RESOURCES[kind], self.key(kind, n)
        mine = person.rows[kind].get(key)
        body = filled(resource.body, person.word, key) | fields
        self.touched.add(kind)
        if resource.made_by == "PUT":
            row = self.done(name, "PUT", f"/v1/{kind}/{key}", body, 201 if mine is None else 200)
            if kind == "progress-snapshots":
                body["workouts_count"] = len(person.rows["workouts"]) if key.endswith(DAYS[0]) else 0
        elif resource.made_by == "POST":
            row = self.done(name, "POST", f"/v1/{kind}", body | {"id": key}, 201 if mine is None else 200)
            body = mine or body
        elif resource.made_by == "file":
            body = {"taggable_type": None, "taggable_id": None} | fields
            file = {"file": (f"{person.word}.txt", person.word.encode())}
            row = self.done(name, "POST", f"/v1/{kind}", status=201, files=file, data=fields)
        else:
            row = self.done(name, "POST", f"/v1/{kind}", body, 201)
        assert holds(row, body), (row, body)
        if resource.made_by in {"file", "server"}:
            key = row["id"]
            self.keys[kind].append(key)
        person.rows[kind][key] = body | {"id": row["id"]}

    @rule(name=NAMES, kind=st.sampled_from([*RESOURCES]), n=PLACES)
    def change(self, name: str, kind: str, n: int) -> None:
        person, change, key = self.people[name], RESOURCES[kind].change, self.key(kind, n)
        if change is not None and key in person.rows[kind]:
            changes = filled(change, person.word)
            assert holds(self.done(name, "PATCH", f"/v1/{kind}/{key}", changes), changes)
            person.rows[kind][key] |= changes
            self.touched.add(kind)

    @rule(name=NAMES, kind=st.sampled_from(BATCHED), n=PLACES)
    def change_two_in_a_batch(self, name: str, kind: str, n: int) -> None:
        """A task of one's own, and a row that may be the other's: both, or neither."""
        person, key = self.people[name], self.key(kind, n)
        if not person.rows["tasks"]:
            return
        task, changes = next(iter(person.rows["tasks"])), filled(RESOURCES[kind].change or {}, f"{person.word} batch")
        of_task, word = {"description": f"{person.word} {next(_numbers)}"}, person.word
        operations = [
            {"method": "PATCH", "path": f"/v1/tasks/{task}", "body": of_task},
            {"method": "PATCH", "path": f"/v1/{kind}/{key}", "body": changes},
            {"method": "GET", "path": f"/v1/{kind}?limit=200"},
            {"method": "GET", "path": f"/v1/search?q={word}"},
        ]
        answer = self.ask(name, "POST", "/v1/batch", {"operations": operations})
        self.touched |= {"tasks", kind}
        if key in person.rows[kind]:
            assert answer.status_code == 200, answer.text
            person.rows["tasks"][task] |= of_task
            person.rows[kind][key] |= changes
            listed = answer.json()["results"][2]["body"]["items"]
            assert {key_of(kind, row) for row in listed} == person.rows[kind].keys()
        else:
            assert answer.json()["operation"] == 1
            is_foreign_task = kind == "tasks" and key in self.other(name).rows[kind]
            assert answer.status_code == (403 if is_foreign_task else 404), answer.text

    @rule(name=NAMES, kind=st.sampled_from([*RESOURCES]), n=PLACES)
    def delete(self, name: str, kind: str, n: int) -> None:
        person, key = self.people[name], self.key(kind, n)
        if key in person.rows[kind]:
            self.done(name, "DELETE", f"/v1/{kind}/{key}", status=204)
            person.forget(kind, key)
            self.touched |= {kind, "tags", "media"}

    @rule(name=NAMES, kind=st.sampled_from([*RESOURCES]), n=PLACES)
    def intrude(self, name: str, kind: str, n: int) -> None:
        key = self.key(kind, n)
        if key not in self.people[name].rows[kind]:
            for asked in RESOURCES[kind].intrusions():
                self.refused(name, kind, key, asked)
            self.touched.add(kind)

    # What is below a row

    @rule(name=NAMES, kind=st.sampled_from([*SUBS]), n=PLACES, day=st.sampled_from(DAYS), is_question=st.booleans())
    def write_below(self, *, name: str, kind: str, n: int, day: str, is_question: bool) -> None:
        person, key = self.people[name], self.key(kind, n)
        if key not in person.rows[kind]:
            return
        texts = person.texts(kind, key)
        text, path = f"{person.word} {next(_numbers)}", f"/v1/{kind}/{key}/{SUBS[kind][0]}"
        if kind == "habits":
            self.done(name, "PUT", f"{path}/{day}", {"note": text}, 200 if day in texts else 201)
            texts[day] = text
        elif kind == "goals":
            texts[self.done(name, "POST", path, {"value": 1, "date": day, "note": text}, 201)["id"]] = text
        elif is_question and person.asked == 10:
            assert_problem(self.ask(name, "POST", path, {"role": "user", "content": text}), 429, "quota_exhausted")
        else:
            role = "user" if is_question else "assistant"
            sent = self.done(name, "POST", path, {"role": role, "content": text, "seq": len(texts) + 1}, 201)
            texts[str(sent["seq"])] = text
            person.asked += is_question
        self.touched.add(kind)
        self.check_below(kind, key)

    @rule(name=NAMES, n=PLACES, lines=st.integers(0, 2))
    def save_conversation(self, name: str, n: int, lines: int) -> None:
        """PUT makes one's own, where the other has one of this id."""
        person, key = self.people[name], self.key("conversations", n)
        texts = [f"{person.word} {next(_numbers)}" for _ in range(lines)]
        messages = [{"role": "assistant", "content": text} for text in texts]
        status = 200 if key in person.rows["conversations"] else 201
        self.done(name, "PUT", f"/v1/conversations/{key}", {"title": person.word, "messages": messages}, status)
        person.rows["conversations"][key] = {"id": key, "title": person.word, "is_archived": False}
        person.subs["conversations", key] = {str(seq): text for seq, text in enumerate(texts, 1)}
        self.touched.add("conversations")
        self.check_below("conversations", key)

    @rule(name=NAMES)
    def archive_all(self, name: str) -> None:
        rows, keys = self.people[name].rows["conversations"], self.keys["conversations"]
        found = self.done(name, "POST", "/v1/conversations/batch", {"archive": keys})
        assert set(found["archived"]) == rows.keys()
        assert set(found["missing"]) == {*keys} - rows.keys()
        for row in rows.values():
            row["is_archived"] = True
        self.touched.add("conversations")

    def check_below(self, kind: str, key: str) -> None:
        below, field = SUBS[kind]
        for name, person in self.people.items():
            if key in person.rows[kind]:
                found = self.done(name, "GET", f"/v1/{kind}/{key}/{below}?limit=200")["items"]
                assert sorted(row[field] for row in found) == sorted(person.texts(kind, key).values())

    # What ties rows together

    @rule(name=NAMES, kind=TARGETS, n=PLACES, tag=PLACES, off=st.booleans())
    def put_a_tag_on_or_off(self, *, name: str, kind: str, n: int, tag: int, off: bool) -> None:
        person, tag_id, target_id = self.people[name], self.key("tags", tag), self.id(kind, n)
        link = (tag_id, kind, target_id)
        path = f"/v1/tags/{tag_id}/{kind}/{target_id}"
        if link in person.links if off else tag_id in person.rows["tags"] and person.has(kind, target_id):
            self.done(name, "DELETE" if off else "PUT", path, status=204)
            person.links ^= {link} if off or link not in person.links else set()
        else:
            assert_problem(self.ask(name, "DELETE" if off else "PUT", path), 404, "not_found")
        self.touched |= {"tags", kind}
        # Both have a tag with this slug, maybe.
        for each, owner in self.people.items():
            tagged = self.done(each, "GET", f"/v1/{kind}?limit=200&tag={tag_id}")["items"]
            assert {row["id"] for row in tagged} == {target for of, to, target in owner.links if (of, to) == (tag_id, kind)}
            if tag_id in owner.rows["tags"]:
                found = self.done(each, "GET", f"/v1/tags/{tag_id}/taggings?limit=200")["items"]
                assert {(tag_id, row["taggable_type"], row["taggable_id"]) for row in found} == {
                    link for link in owner.links if link[0] == tag_id
                }

    @rule(name=NAMES, kind=TARGETS, n=PLACES)
    def attach_a_file(self, name: str, kind: str, n: int) -> None:
        """A new one, and one that is there."""
        person, target_id = self.people[name], self.id(kind, n)
        target = {"taggable_type": kind, "taggable_id": target_id}
        if person.has(kind, target_id):
            self.put_or_make(name, "media", 0, **target)
        else:
            file_ = {"file": ("a.txt", b"a")}
            assert_problem(self.ask(name, "POST", "/v1/media", files=file_, data=target), 404, "not_found")
            for mine in [*person.rows["media"]][:1]:
                assert_problem(self.ask(name, "PATCH", f"/v1/media/{mine}", target), 404, "not_found")
        self.touched.add("media")
        found = self.done(name, "GET", f"/v1/media?limit=200&taggable_type={kind}&taggable_id={target_id}")["items"]
        mine_there = {key for key, row in person.rows["media"].items() if holds(row, target)}
        assert {row["id"] for row in found} == mine_there

    @rule(name=NAMES, n=PLACES, parent=PLACES)
    def make_a_part_of_a_goal(self, name: str, n: int, parent: int) -> None:
        person, key, above = self.people[name], self.key("goals", n), self.key("goals", parent)
        self.touched.add("goals")
        if above in person.rows["goals"]:
            if key not in person.rows["goals"]:
                self.put_or_make(name, "goals", n, parent_id=above)
        elif key in person.rows["goals"]:
            assert_problem(self.ask(name, "PATCH", f"/v1/goals/{key}", {"parent_id": above}), 404, "not_found")
        elif key != above:
            body = filled(RESOURCES["goals"].body, person.word) | {"id": key, "parent_id": above}
            assert_problem(self.ask(name, "POST", "/v1/goals", body), 404, "not_found")
        for each, owner in self.people.items():
            parts = {goal for goal, row in owner.rows["goals"].items() if row.get("parent_id") == above}
            found = self.done(each, "GET", f"/v1/goals?limit=200&parent_id={above}")["items"]
            assert {row["id"] for row in found} == parts
            if above in owner.rows["goals"]:
                tree = self.done(each, "GET", f"/v1/goals/{above}/tree")
                assert {child["goal"]["id"] for child in tree["children"]} == parts

    # What there is one of, or no row at all

    @rule(name=NAMES, amount=st.integers(1, 20), key=st.sampled_from(["a", "b", "c", "d"]))
    def spend(self, name: str, amount: int, key: str) -> None:
        """Both use the same keys."""
        person = self.people[name]
        left = 50 - sum(person.spent.values())
        body = {"amount": amount, "description": person.word, "idempotency_key": key}
        answer = self.ask(name, "POST", "/v1/credits/deductions", body)
        if key in person.spent and person.spent[key] != amount:
            assert_problem(answer, 409, "idempotency_conflict")
        elif key not in person.spent and amount > left:
            assert_problem(answer, 402, "insufficient_credits")
        else:
            assert answer.status_code == (200 if key in person.spent else 201), answer.text
            person.spent[key] = amount

    @rule(name=NAMES, n=st.integers(1, 2))
    def agree(self, name: str, n: int) -> None:
        person = self.people[name]
        said = f"{person.word} {n}"
        body = {"terms_accepted": True, "terms_version": said}
        self.done(name, "PUT", "/v1/consents", body, 200 if person.consents else 201)
        if person.consents[:1] != [said]:
            person.consents.insert(0, said)

    @rule(name=NAMES)
    def sign_in_elsewhere(self, name: str) -> None:
        person = self.people[name]
        login = {"email": person.user.email, "password": PASSWORD}
        assert self.api.post("/v1/auth/login", login).status_code == 200
        self.actor = name
        ids = {row["id"] for row in self.done(name, "GET", "/v1/me/sessions?limit=200")["items"]}
        assert ids > person.sessions
        assert len(ids) == len(person.sessions) + 1
        person.sessions = ids

    @rule(name=NAMES, data=st.data())
    def end_a_session(self, name: str, data: st.DataObject) -> None:
        person, listed = self.people[name], self.done(name, "GET", "/v1/me/sessions?limit=200")["items"]
        current = {row["id"] for row in listed if row["is_current"]}
        everyone = set.union(*(each.sessions for each in self.people.values())) - current
        session = data.draw(st.sampled_from(sorted(everyone)))
        if session in person.sessions:
            self.done(name, "DELETE", f"/v1/me/sessions/{session}", status=204)
            person.sessions.remove(session)
        else:
            assert_problem(self.ask(name, "DELETE", f"/v1/me/sessions/{session}"), 404, "not_found")

    @rule(name=NAMES)
    def look_around(self, name: str) -> None:
        """Everything that is made of many rows is made of one's own."""
        person, other = self.people[name], self.other(name)
        # The first look at credits opens an account.
        self.actor = name
        found = self.done(name, "GET", f"/v1/search?q={person.word}&limit=50")["items"]
        mine = {(kind, row["id"]) for kind in SEARCHED for row in person.rows[kind].values()}
        told = [
            row["id"]
            for row in person.rows["conversations"].values()
            if person.word in row["title"] or person.texts("conversations", row["id"])
        ]
        assert {(hit["kind"], hit["id"]) for hit in found} == mine | {("conversations", each) for each in told}
        for kind, expected in (("blog-entries", [*person.rows["blog-entries"]]), ("conversations", told)):
            found = self.done(name, "GET", f"/v1/{kind}?q={person.word}")["items"]
            assert {row["id"] for row in found} == {*expected}
            assert self.done(name, "GET", f"/v1/{kind}?q={other.word}")["items"] == []
        for query, expected in (("", [*person.rows["conversations"]]), (f"&q={person.word}", told), (f"&q={other.word}", [])):
            found = self.done(name, "GET", f"/v1/conversations?order=created{query}")["items"]
            assert {row["id"] for row in found} == {*expected}
        assert self.done(name, "GET", f"/v1/search?q={other.word}")["items"] == []
        due = self.done(name, "GET", "/v1/habits/today")["items"]
        assert {row["id"] for row in due} == person.rows["habits"].keys()
        shown = self.done(name, "GET", f"/v1/habits/overview?from={DAYS[0]}&to={DAYS[3]}")["items"]
        assert {row["id"] for row in shown} == person.rows["habits"].keys()
        assert {entry["habit_id"] for row in shown for entry in row["entries"]} <= person.rows["habits"].keys()
        for kind, counted in (("foods", "entries"), ("workouts", "count")):
            days = self.done(name, "GET", f"/v1/{kind}/summary?from={DAYS[0]}&to={DAYS[3]}")["items"]
            assert sum(day[counted] for day in days) == len(person.rows[kind])
            whole_days = [self.done(name, "GET", f"/v1/{kind}/days/{day}?with=tags") for day in DAYS]
            assert sum(day["totals"][counted] for day in whole_days) == len(person.rows[kind])
            assert {row["id"] for day in whole_days for row in day["items"]} == person.rows[kind].keys()
        self.check_the_rest(name)

    def check_the_rest(self, name: str) -> None:
        person = self.people[name]
        assert self.done(name, "GET", "/v1/credits")["available"] == 50 - sum(person.spent.values())
        taken = [row["amount"] for row in self.done(name, "GET", "/v1/credits/transactions")["items"]]
        assert taken == [*(-amount for amount in reversed(person.spent.values())), 50]
        assert self.done(name, "GET", "/v1/usage")["daily_used"] == person.asked
        assert self.done(name, "GET", "/v1/consents")["terms_version"] == next(iter(person.consents), None)
        said = self.done(name, "GET", "/v1/consents/history?limit=200")["items"]
        assert [row["terms_version"] for row in said] == person.consents
        sessions = self.done(name, "GET", "/v1/me/sessions?limit=200")["items"]
        assert {row["id"] for row in sessions} == person.sessions
        assert self.done(name, "GET", "/v1/me")["email"] == person.user.email
        assert self.done(name, "GET", "/v1/me/identities")["items"] == []

    # Comings and goings

    @rule(name=NAMES)
    def leave_and_come_back(self, name: str) -> None:
        """The other keeps everything; whoever comes with the same address finds nothing."""
        person = self.people[name]
        if sum(map(len, person.rows.values())) < 20:
            # Not too often: a life with little in it shows little.
            return
        self.done(name, "DELETE", "/v1/me", {"password": PASSWORD}, 204)
        assert self.tables.of(person.user.id) == []
        self.gone += [person.word, person.user.id]
        self.people[name] = Person(name, self.api.user(email=person.user.email))
        self.touched |= RESOURCES.keys()

    @invariant()
    def each_has_what_is_theirs(self) -> None:
        for name, person in self.people.items():
            held = self.tables.of(person.user.id)
            assert name == self.actor or held == person.held
            person.held = held
            for kind in self.touched:
                self.check_list(name, kind)
        self.touched.clear()

    def check_list(self, name: str, kind: str) -> None:
        person = self.people[name]
        found = {key_of(kind, row): row for row in self.done(name, "GET", f"/v1/{kind}?limit=200")["items"]}
        assert found.keys() == person.rows[kind].keys()
        for key, row in person.rows[kind].items():
            # The list of blog entries leaves the content out.
            shown = {field: value for field, value in row.items() if kind != "blog-entries" or field != "content"}
            assert holds(found[key], shown | self.counted(person, kind, key)), (found[key], row)

    def counted(self, person: Person, kind: str, key: str) -> Row:
        if kind == "tags":
            return {"usage_count": sum(link[0] == key for link in person.links)}
        return {"message_count": len(person.texts(kind, key))} if kind == "conversations" else {}

    def teardown(self) -> None:
        for name, person in self.people.items():
            for kind, rows in person.rows.items():
                self.check_list(name, kind)
                for key, row in rows.items():
                    if RESOURCES[kind].is_read:
                        assert holds(self.done(name, "GET", f"/v1/{kind}/{key}"), row)
                    if kind in SUBS:
                        self.check_below(kind, key)
                    elif kind == "media":
                        assert self.ask(name, "GET", f"/v1/media/{key}/content").text == person.word
            self.look_around(name)


def test_two_users_never_meet(api: Api, tables: Tables) -> None:
    run_state_machine_as_test(
        cast("Any", lambda: TwoUsersEverywhere(api, tables)),
        settings=settings(
            max_examples=6,
            phases=[Phase.generate, Phase.shrink],
            stateful_step_count=30,
            deadline=None,
            derandomize="CI" in os.environ,
            suppress_health_check=list(HealthCheck),
        ),
    )


# Every route, and every table

FOR_ADMINS = (403, "role_required")
OTHERWISE: dict[str, tuple[int, str]] = {
    **{route.name: FOR_ADMINS for route in ROUTES if route.path.startswith("/v1/admin/")},
    **{route.name: (403, "forbidden") for route in ROUTES if route.path.startswith("/v1/tasks/")},
    # What is found is for everybody; what is kept is up to services.
    "GET /v1/query-cache/{query_hash}": (200, ""),
    "PUT /v1/query-cache/{query_hash}": FOR_ADMINS,
    "DELETE /v1/query-cache/{query_hash}": FOR_ADMINS,
    # Days that both have: bob's are empty.
    "GET /v1/foods/days/{date}": (200, ""),
    "GET /v1/workouts/days/{date}": (200, ""),
    # Days and ids that both may use: bob makes his own.
    "PUT /v1/conversations/{id}": (201, ""),
    "PUT /v1/daily-reviews/{date}": (201, ""),
    "PUT /v1/progress-snapshots/{period}/{date}": (201, ""),
}
"""What bob gets who asks with what names ada's rows, where it is not a 404."""

BODIES: dict[str, Row] = {
    **{f"PATCH /v1/{kind}/{{id}}": each.change for kind, each in RESOURCES.items() if each.change is not None},
    "PATCH /v1/admin/users/{id}": {"is_verified": True},
    "PATCH /v1/daily-reviews/by-id/{id}": {"mood": 7},
    "PATCH /v1/daily-reviews/{date}": {"mood": 7},
    "PATCH /v1/goals/{id}/progress/{entry_id}": {"value": 2},
    "POST /v1/admin/users/{id}/credits/grants": {"amount": 1},
    "POST /v1/admin/users/{id}/credits/reset": {},
    "POST /v1/conversations/{id}/messages": MESSAGE,
    "POST /v1/daily-reviews/{date}/blog-entry": {},
    "POST /v1/foods/{id}/copies": {"date": DAYS[0]},
    "POST /v1/goals/{id}/progress": {"value": 1},
    "POST /v1/media/{id}/links": {"expires_in": 60},
    "PATCH /v1/me/sessions/{id}": {"device_name": "adasword"},
    "PUT /v1/admin/users/{id}/identities": {"provider": "google", "subject": "adasword"},
    "PUT /v1/admin/users/{id}/password": {"password": PASSWORD},
    "PUT /v1/admin/users/{id}/usage": {"tier": "pro"},
    "PUT /v1/conversations/{id}": {"messages": [MESSAGE]},
    "PUT /v1/daily-reviews/{date}": {"mood": 7},
    "PATCH /v1/habits/{id}/entries/{date}": {"mood": 7},
    "POST /v1/habits/{id}/entries/{date}/comments": {"text": "adasword"},
    "PUT /v1/habits/{id}/entries": {"entries": [{"date": DAYS[0]}]},
    "PUT /v1/habits/{id}/entries/{date}": {},
    "PUT /v1/progress-snapshots/{period}/{date}": {},
    "PUT /v1/query-cache/{query_hash}": {"result": [], "ttl_seconds": 60},
    "PUT /v1/tags/{id}/{kind}/{target_id}": {},
    "PUT /v1/workouts/{id}": WORKOUT,
}

NAMED = [
    route
    for route in ROUTES
    # A provider is nobody's.
    if route.path.startswith("/v1/") and "{" in route.path.replace("{provider}", "") and route.options.auth != "public"
]


class Settled(NamedTuple):
    """Somebody who has one of everything."""

    user: User
    names: dict[str, dict[str, str]]
    """Kind -> what its paths call the row."""


def settled(api: Api, tables: Tables) -> Settled:
    user = api.user()
    names = {"admin/users": {"id": user.id}, "query-cache": {"query_hash": uuid4().hex}}
    for kind, resource in RESOURCES.items():
        body = filled(resource.body, "adasword", str(uuid4()))
        if resource.made_by == "PUT":
            path = {"date": DAYS[0], "period": "daily"}
            row = user.put(f"/v1/{kind}/{key_of(kind, path)}", body).json()
        elif resource.made_by == "file":
            path, row = {}, user.request("POST", "/v1/media", files={"file": ("a.txt", b"adasword")}).json()
        else:
            path, row = {"date": DAYS[0]}, user.made(f"/v1/{kind}", body)
        names[kind] = path | {"id": row["id"]} | ({"slug": row["slug"]} if kind == "blog-entries" else {})
    names["tags"] |= {"kind": "tasks", "target_id": names["tasks"]["id"]}
    comments = f"/v1/habits/{names['habits']['id']}/entries/{DAYS[0]}/comments"
    names["habits"]["comment_id"] = user.made(comments, {"text": "adasword"})["id"]
    names["me/sessions"] = {"id": user.get("/v1/me/sessions").json()["items"][0]["id"]}
    done = [
        user.put(f"/v1/tags/{names['tags']['id']}/tasks/{names['tasks']['id']}"),
        user.put(f"/v1/habits/{names['habits']['id']}/entries/{DAYS[0]}", {}),
        user.post(f"/v1/goals/{names['goals']['id']}/progress", {"value": 1}),
        user.post(f"/v1/conversations/{names['conversations']['id']}/messages", MESSAGE),
        user.post(f"/v1/media/{names['media']['id']}/links", {"expires_in": 60}),
        user.post("/v1/credits/deductions", {"amount": 1}),
        user.put("/v1/consents", {"terms_accepted": True}),
    ]
    names["goals"]["entry_id"] = done[2].json()["id"]
    assert {answer.status_code for answer in done} <= {201, 204}, [answer.text for answer in done]
    begun = {"redirect": "https://app.example/signed-in", "code_challenge": "A" * 43}
    assert user.post("/v1/auth/github/start", begun).status_code == 200
    identity = "insert into identities (user_id, provider, subject) values ($1::text::uuid, 'legacy', $1) returning id"
    cached = "insert into query_cache (query_hash, result, expires_at) values ($1, '[]', now() + interval '1 day')"
    measured = "insert into storage_use (user_id, stored_bytes) values ($1::text::uuid, 0)"
    names["me/identities"] = {"id": str(tables.run(tables.connection.fetchval(identity, user.id)))}
    tables.run(tables.connection.execute(measured, user.id))
    mailed = "insert into outgoing_mails (user_id, kind, address) values ($1, 'new_device', 'adasword@example.com')"
    token = """
        insert into mail_tokens (user_id, purpose, token_hash, email, expires_at)
        values ($1::text::uuid, 'verification', sha256($1::text::bytea), 'adasword@example.com', now() + interval '1 day')"""
    tables.run(tables.connection.execute(mailed, user.id))
    tables.run(tables.connection.execute(token, user.id))
    small = """
        insert into media_thumbnails (user_id, media_id, width, outcome)
        select user_id, id, 320, 'failed' from media where id = $1"""
    tables.run(tables.connection.execute(small, names["media"]["id"]))
    tables.run(tables.connection.execute(cached, names["query-cache"]["query_hash"]))
    return Settled(user, names)


@pytest.fixture(scope="module")
def ada(api: Api, tables: Tables) -> Settled:
    return settled(api, tables)


@pytest.mark.parametrize("route", NAMED, ids=[route.name for route in NAMED])
def test_what_names_a_row_of_somebody_else_leads_nowhere(api: Api, tables: Tables, ada: Settled, route: Route) -> None:
    kinds = [kind for kind in ada.names if route.path.startswith(f"/v1/{kind}/")]
    assert kinds, f"{route.name} is new: add it to RESOURCES, or to settled() where no user owns such rows"
    names = ada.names[kinds[0]]
    missing = {*re.findall(r"{(\w+)}", route.path)} - names.keys()
    assert not missing, f"{route.name} is new: let settled() say what {missing} is"
    path, body = route.path.format(**names), BODIES.get(route.name)
    assert body is not None or route.method in {"GET", "DELETE"}, f"{route.name} is new: give it a valid body in BODIES"
    before = tables.of(ada.user.id)
    # Somebody new each time: once they have put a row of their own at an address that both may use, it is no 404.
    answer = api.user().request(route.method, path, json=filled(body, "bobsword") if body else body)
    status, code = OTHERWISE.get(route.name, (404, "not_found"))
    if code:
        assert_problem(answer, status, code)
    else:
        assert answer.status_code == status, answer.text
    assert "adasword" not in answer.text
    assert tables.of(ada.user.id) == before
    if route.method == "GET" and status != 403:
        assert ada.user.get(path).status_code == 200


def test_who_leaves_leaves_no_row_in_any_table(api: Api, tables: Tables, ada: Settled) -> None:
    leaving = settled(api, tables).user
    held = {name for name, _ in tables.of(leaving.id)}
    # Those of imports are tried where something is imported.
    of_imports = {"import_items", "import_changes", "import_reports", "deleted_objects"}
    assert held == {*tables.owned, "users"} - of_imports, (
        "a table with user_id is new: add its resource to RESOURCES, or to settled()"
    )
    before = tables.of(ada.user.id)
    assert leaving.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    assert tables.of(leaving.id) == []
    assert tables.of(ada.user.id) == before

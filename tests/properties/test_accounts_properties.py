"""Properties of accounts, over HTTP and on a real database: whatever is sent."""

import asyncio
import string
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import asyncpg
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.low_level import Type
from client import PASSWORD, Api, User
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from app.auth.passwords import is_common

_numbers = count(1)

hostile_texts = st.lists(
    st.one_of(
        st.sampled_from([
            "' or '1'='1", "'; drop table users; --", "1; delete from tasks; --", "' union select password_hash from users --",
            "'||(select email from users limit 1)||'", "\\", "\\'", "'", '"', "$1", "$$", "$body$", ":user_id", "::uuid", "{0}",
            "%s", "%(id)s", "${x}", "--", "/*", "*/", ";", "\r\n", "E'\\x27'", "U&'\\0027'", "pg_sleep(9)", "null", "true", "7",
            "[]", '{"version": 9, "user_id": null}', "\\u0000", "%00", "_", "%", "`", "<script>", "\ufeff", "\u202e", "\u2028",
            "\x01", "\x7f", "\uffff", "🎉", "e\u0301", "ß", "\u0130", "\u0131", "\U0010ffff", "../..", "NaN", "now()",
        ]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12),
    ),
    max_size=6,
).map("".join)  # fmt: skip
"""Anything that JSON and PostgreSQL can carry, and often what would hurt if it were ever taken for more than a text."""

# Four letters are invisible, and refused as control characters are.
words = st.text(
    st.characters(categories=["L", "N", "P", "S"], codec="utf-8", exclude_characters="@\u115f\u1160\u3164\uffa0"),
    min_size=1,
    max_size=40,
)
emails = st.builds(lambda local, domain: f"{next(_numbers)}.{local}@{domain}.example", words, words)
"""Each one is new."""
usernames = st.builds(
    lambda rest: f"user{next(_numbers)}{rest}", st.text(string.ascii_letters + string.digits + "_.-", max_size=30)
)
passwords = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8, max_size=128).filter(
    lambda password: not is_common(password) and len(set("".join(normalize("NFC", password).casefold().split()))) > 1
)
timezones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu", "America/Argentina/Buenos_Aires", "Pacific/Apia"])
registrations = st.fixed_dictionaries(
    {"email": emails, "password": passwords},
    optional={
        "name": st.none() | hostile_texts.map(lambda text: text[:100]),
        "username": st.none() | usernames,
        "timezone": timezones,
    },
)

Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def rows(runner: asyncio.Runner, database: str) -> Iterator[Rows]:
    """Ask the database, on a connection beside the pool's."""
    connection = runner.run(asyncpg.connect(database))

    def ask(sql: str, *arguments: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in runner.run(connection.fetch(sql, *arguments))]

    yield ask
    runner.run(connection.close())


def register(api: Api, registration: dict[str, Any]) -> User:
    answer = api.post("/v1/auth/register", registration)
    assert answer.status_code == 201, answer.text
    return User(api, answer.json())


@given(registration=registrations)
def test_a_registered_user_reads_back_the_same(api: Api, rows: Rows, registration: dict[str, Any]) -> None:
    """What was sent is what comes back, from the answer, from the account and from the table.

    Feature: database-persistence-fix, Property 1: a registered user reads back the same
    """
    user = register(api, registration)
    sent = {"name": None, "username": None, "timezone": "UTC"} | registration
    del sent["password"]
    assert {field: user.me[field] for field in sent} == sent
    answer = user.get("/v1/me")
    assert (answer.status_code, answer.json()) == (200, user.me)
    [row] = rows("select email, username, name, timezone from users where id = $1::text::uuid", user.id)
    assert row == sent


@given(registration=registrations, wrong=st.text(max_size=140), swap=st.booleans())
def test_a_registered_user_logs_in_and_is_retrieved(api: Api, registration: dict[str, Any], wrong: str, *, swap: bool) -> None:
    """By e-mail and by user name, in any letter case, with this password and no other.

    Feature: database-persistence-fix, Property 2: a registered user logs in and is retrieved
    """
    user = register(api, registration)
    names = [{"email": registration["email"]}]
    if registration.get("username"):
        names.append({"username": registration["username"].swapcase() if swap else registration["username"]})
    for name in names:
        answer = api.post("/v1/auth/login", name | {"password": registration["password"]})
        assert answer.status_code == 200, answer.text
        signed_in = answer.json()
        assert signed_in["token"] != user.token
        me = api.get("/v1/me", token=signed_in["token"]).json()
        assert me == signed_in["user"]
        assert me | {"last_login_at": None} == user.me | {"last_login_at": None}
    assume("\0" not in wrong and wrong != registration["password"])
    assert api.post("/v1/auth/login", names[0] | {"password": wrong}).status_code == 401


@given(password=passwords)
@example(password="$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$aGFzaGhhc2hoYXNo")
@example(password="xy" * 64)
def test_a_stored_hash_never_equals_the_password(api: Api, rows: Rows, password: str) -> None:
    """Argon2id with a salt of its own, from which nobody reads the password; nothing else of it is stored.

    Feature: database-persistence-fix, Property 8: a stored hash never equals the password and uses a secure algorithm
    """
    users = [register(api, {"email": f"{next(_numbers)}@hash.example", "password": password}) for _ in range(2)]
    # Its texts only: a password may well be a part of a time.
    stored = rows(
        """select password_hash,
            concat_ws(' ', username, name, first_name, last_name, bio, avatar_url, timezone, role, split_part(email, '@', 1))
                as everything
        from users where id::text = any($1)""",
        [u.id for u in users],
    )
    first, second = (row["password_hash"] for row in stored)
    assert first != second
    for row in stored:
        hashed = row["password_hash"]
        assert hashed != password
        assert password not in hashed
        assert password not in row["everything"]
        parameters = extract_parameters(hashed)
        assert (parameters.type, parameters.version) == (Type.ID, 19)
        assert (parameters.salt_len, parameters.hash_len) == (16, 32)
        assert PasswordHasher().verify(hashed, password)


@pytest.fixture(scope="module")
def people(api: Api) -> tuple[User, User]:
    """Ada, who sends anything; and a bystander, whose rows nobody else's input may ever touch or show."""
    bystander = api.user(name="Bystander", username=f"bystander.{next(_numbers)}")
    for n in range(3):
        bystander.task(title=f"The bystander's task {n}", description="Private")
    return api.user(), bystander


@given(text=hostile_texts, other=hostile_texts)
@example(text="'; drop table users; --", other="' or '1'='1")
@example(text="\\", other="\\'")
@example(text="\\u0000", other="$1")
def test_no_input_changes_the_meaning_of_a_query(
    api: Api, rows: Rows, people: tuple[User, User], text: str, other: str
) -> None:
    """In every field, name, cursor, id and header: read back as it was sent, or refused; and nobody else is touched.

    Feature: database-persistence-fix, Property 9: no input changes the meaning of a query
    """
    ada, bystander = people
    # Whoever writes to a row leaves his number in it. The rows themselves may be those of a thousand other tests.
    others = (
        "select (select concat(count(*), ' ', sum(xmin::text::bigint)) from users where id <> $1::text::uuid) as users,"
        " (select concat(count(*), ' ', sum(xmin::text::bigint)) from tasks where user_id <> $1::text::uuid) as tasks,"
        " (select count(*) from sessions where user_id <> $1::text::uuid) as sessions,"
        " (select count(*) from pg_class where relnamespace = 'public'::regnamespace) as relations"
    )
    before = rows(others, ada.id)
    answers = [
        *profile(ada, text, other),
        *task(ada, text, other),
        *names_of_nobody(api, text, other),
        *addresses(ada, text, other),
    ]
    for answer in answers:
        assert answer.status_code < 500, answer.text
        assert bystander.id not in answer.text
        assert bystander.email not in answer.text
    assert rows(others, ada.id) == before


def profile(ada: User, text: str, other: str) -> list[Any]:
    """Every text of one's account."""
    fields = {
        "name": text[:100], "first_name": other[:100], "last_name": text[-100:], "bio": (text + other)[:2000],
        "avatar_url": other[:500],
    }  # fmt: skip
    changed = ada.patch("/v1/me", fields)
    assert changed.status_code == 200, changed.text
    read = ada.get("/v1/me")
    assert {field: read.json()[field] for field in fields} == fields
    token = ada.post("/v1/me/tokens", {"name": "T" + text[:99], "scopes": ["read"]})
    assert token.json()["name"] == "T" + text[:99]
    assert ada.delete(f"/v1/me/tokens/{token.json()['id']}").status_code == 204
    return [changed, read, token]


def task(ada: User, text: str, other: str) -> list[Any]:
    """Every text of a task, made, changed, read and listed."""
    fields = {"title": "T" + text[:199], "description": other[:1000]}
    made = ada.post("/v1/tasks", fields)
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    assert {field: made.json()[field] for field in fields} == fields
    changes = {"title": other[-199:] + "T", "description": text[:1000]}
    changed = ada.patch(path, changes, headers={"If-Match": made.headers["etag"]})
    listed = ada.get("/v1/tasks?limit=1")
    for found in (changed.json(), ada.get(path).json(), listed.json()["items"][0]):
        assert {field: found[field] for field in changes} == changes
    header = text.encode().replace(b"\r", b"").replace(b"\n", b"")
    conditional = ada.patch(path, {}, headers={"If-Match": header})
    assert conditional.status_code in {200, 412}
    assert ada.get(path, headers={"If-None-Match": header}).status_code in {200, 304}
    assert ada.delete(path).status_code == 204
    return [made, changed, listed, conditional]


def names_of_nobody(api: Api, text: str, other: str) -> list[Any]:
    """Names and tokens that let nobody in."""
    answers = []
    for field in ("email", "username"):
        for password in (PASSWORD, other[:1000]):
            answer = api.post("/v1/auth/login", {field: text[:320], "password": password})
            assert answer.status_code == 401, answer.text
            answers.append(answer)
    # Too short a password: whatever else is right, nobody is made.
    refused = ({"email": text}, {"email": "a@b.example", "username": text}, {"email": "a@b.example", "timezone": text})
    answers += [api.post("/v1/auth/register", {"password": "short"} | fields) for fields in refused]
    header = b"Bearer hf_" + other.encode().replace(b"\r", b"").replace(b"\n", b"")
    answers.append(api.get("/v1/me", headers={"Authorization": header}))
    assert {answer.status_code for answer in answers} <= {401, 422}
    return answers


def addresses(ada: User, text: str, other: str) -> list[Any]:
    """Ids in paths, and the parameters of lists."""
    answers = [
        ada.get(f"/v1/tasks/x{quote(text, safe='')}"),
        ada.delete(f"/v1/tasks/x{quote(other, safe='')}"),
        ada.get(f"/problems/x{quote(text, safe='')}"),
        ada.get(f"/v1/tasks?cursor={quote(text)}"),
        ada.get(f"/v1/tasks?order={quote(other)}"),
        ada.get(f"/v1/tasks?completed=x{quote(text)}"),
        ada.get(f"/v1/tasks?x{quote(other)}=1"),
        ada.post("/v1/tasks", {"title": "T", "id": text}),
    ]
    assert {answer.status_code for answer in answers} <= {404, 405, 422}
    limited = ada.get(f"/v1/tasks?limit={quote(text)}")
    assert limited.status_code in {200, 422}
    return [*answers, limited]


@settings(max_examples=15)
@given(text=hostile_texts, other=hostile_texts)
@example(text="'; drop table users; --", other="' or '1'='1")
@example(text="\\", other="\\u0000")
def test_no_text_of_any_resource_changes_the_meaning_of_a_query(
    api: Api, rows: Rows, people: tuple[User, User], text: str, other: str
) -> None:
    """As property 9 of one resource, in the texts of each, and in what is searched for: fewer examples, of many requests.

    What was sent is read back, and nobody else is touched.
    """
    ada, bystander = people
    others = "select t::text from tasks t where user_id = $1::text::uuid order by id"
    before = rows(others, bystander.id)
    title, day = f"T{text[:99]}", "2026-01-01"
    sent: dict[str, dict[str, Any]] = {
        "habits": {"name": title, "description": other, "unit": "u" + text[:49], "category": title, "icon": title},
        "goals": {
            "title": title,
            "goal_type": "daily",
            "description": other,
            "category": title,
            "target_unit": "u" + text[:49],
        },
        "foods": {"date": day, "meal_type": "lunch", "name": title, "portion": other[:100], "notes": text},
        "workouts": {"date": day, "type": "T" + text[:49], "location": other[:255], "exercises": [{"name": title}]},
        "blog-entries": {"title": title, "content": f"C{other}", "excerpt": text},
        "conversations": {"title": title},
        "tags": {"name": title, "category": f"C{other[:99]}"},
    }
    made = {kind: ada.made(f"/v1/{kind}", fields) for kind, fields in sent.items()}
    sent["daily-reviews"] = {"highlights": text, "lessons": other}
    ada.put(f"/v1/daily-reviews/{day}", sent["daily-reviews"])
    made["daily-reviews"] = {"id": day}
    for kind, fields in sent.items():
        path = f"/v1/{kind}/{made[kind]['id']}"
        for found in (ada.get(path).json(), ada.get(f"/v1/{kind}?limit=1").json()["items"][0]):
            # The list of blog entries leaves the content out.
            shown = {name: text for name, text in fields.items() if name != "content" or name in found}
            if kind == "workouts":
                # Exercises come with more than was sent.
                shown = fields | {"exercises": [found["exercises"][0] | fields["exercises"][0]]}
            assert found == found | shown
    habit, talk = f"/v1/habits/{made['habits']['id']}", f"/v1/conversations/{made['conversations']['id']}"
    assert ada.put(f"{habit}/entries/{day}", {"note": text}).json()["note"] == text
    said = {"role": "assistant", "content": f"A{text}", "stage3": {"response": other}}
    assert ada.made(f"{talk}/messages", said)["stage3"] == said["stage3"]
    assert ada.get(talk).json()["messages"][0]["content"] == said["content"]
    for path in ("search", "blog-entries", "conversations"):
        answer = ada.get(f"/v1/{path}?q={quote('T ' + text[:198])}")
        assert answer.status_code == 200, answer.text
        assert "bystander" not in answer.text
    for path in ("tasks", "goals", "conversations"):
        assert ada.get(f"/v1/{path}?tag=x{quote(text[:99])}").json()["items"] == []
    for kind, row in made.items():
        assert ada.delete(f"/v1/{kind}/{row['id']}").status_code == 204
    assert rows(others, bystander.id) == before

"""What a create, a put or a patch wrote is read back, field by field, and no column is left that none of them fills.

Bodies are the examples of the document and what MORE adds: a new field takes part by itself. A route with an id in its path
needs an entry in ROWS of test_contract.py.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from client import PASSWORD, Api, Execute, User, new_email
from seeds import SEEDS
from served import PATHS, ROUTES
from test_contract import made, row_of, sample

from app.accounts.commands import set_role
from app.database.ids import new_id
from app.http.routes import Route

Json = dict[str, Any]

READS = {route.path: route for route in ROUTES if route.method == "GET" and not route.is_list and route.answer}

NOT_READ = {
    "POST /v1/batch": "its operations are what is written, which test_batch.py compares with requests",
    "POST /v1/admin/users/{id}/credits/grants": "read in the ledger, of which test_credits.py has a model",
    "POST /v1/auth/exchange": "writes a session; its device_name is read by test_sign_in.py",
    "POST /v1/auth/id-token": "as the exchange",
    "POST /v1/auth/login": "writes a session, and nothing that was sent",
    "POST /v1/auth/password-reset": "the address goes into a mail, which test_confirmations.py receives",
    "POST /v1/auth/password-reset/confirm": "a password is never read",
    "POST /v1/auth/verification/confirm": "its token is spent; what it confirms is read at /v1/me by test_confirmations.py",
    "POST /v1/auth/register": "read at /v1/me by test_accounts_properties.py, but for the password",
    "POST /v1/auth/{provider}/start": "answers an address, which test_sign_in.py follows",
    "POST /v1/conversations/batch": "has no fields of a row",
    "POST /v1/conversations/{id}/messages": "read in the conversation's list by test_conversations.py",
    "POST /v1/credits/deductions": "read in the ledger, of which test_credits.py has a model",
    "POST /v1/credits/refunds": "read in the ledger, of which test_credits.py has a model",
    "POST /v1/foods/{id}/copies": "its one field is a day, read by test_nutrition.py",
    "PATCH /v1/me/sessions/{id}": "read in the list of sessions by test_sessions.py",
    "POST /v1/me/tokens": "read in the list of tokens by test_sessions_and_tokens.py",
    "POST /v1/media/{id}/links": "answers an address, which test_media_links.py follows",
    "PUT /v1/admin/users/{id}/identities": "read at /v1/me/identities by test_roles.py",
    "PUT /v1/admin/users/{id}/password": "a password is never read",
    "PUT /v1/habits/{id}/entries": "read in the list of entries by test_habit_entries.py",
    "PUT /v1/me/password": "a password is never read",
}
"""Routes with a body that no address of its own gives back, and where it is read instead."""

NOT_GIVEN_BACK = {
    "PATCH /v1/me": {"current_password"},
    "PUT /v1/query-cache/{query_hash}": {"ttl_seconds"},
}

MORE: dict[str, tuple[Json, ...]] = {
    "/v1/daily-reviews": ({"mood": 2},),
    "/v1/foods": ({"meal_type": "snack"},),
    "/v1/goals": (
        {"is_recurring": True, "recurrence_pattern": "FREQ=WEEKLY"},
        {"parent_id": "/v1/goals", "status": "completed"},
    ),
    "/v1/habits": (
        {"frequency": "weekdays", "weekdays": [1, 3], "target_days": None},
        {"frequency": "interval", "interval_days": 3, "target_days": None},
        {"related_habit_id": "/v1/habits", "position": 7, "name": "Walk"},
    ),
    "/v1/habits/{id}/entries/{date}": ({"completed": False, "completed_at": None, "skipped": True},),
    "/v1/me": ({"email": "new", "current_password": PASSWORD},),
    "/v1/media": ({"taggable_type": "tasks", "taggable_id": "/v1/tasks"},),
    "/v1/workouts": (
        {"exercises": [{"name": "Run", "type": "cardio", "distance": 3.1, "distance_unit": "miles", "duration_seconds": 1500}]},
        {"exercises": [{"name": "Squat", "rest_seconds": 90, "notes": "Slowly"}]},
    ),
}
"""What takes the place of the examples in further bodies: what is in a row from the start, and what excludes each other.

What is true or false is sent as the other, too, without being said here.

An address in the place of an id stands for a row that is made there; "new" for an e-mail that nobody has.
"""

SMALLEST = {
    "/v1/goals": {"title": "Read", "goal_type": "yearly"},
    "/v1/habits": {"name": "Stretch"},
    "/v1/tasks": {"title": "Water the plants"},
}

AT_ODDS = {"/v1/me": {"email", "current_password"}, "/v1/media": {"taggable_type", "taggable_id"}}
"""Examples that a request cannot send as they are: no such row is there, this is not the password."""


@pytest.fixture
def make_admin(api: Api) -> Callable[[], User]:
    """Makes somebody to whom every route is open."""

    def make() -> User:
        user = api.user()
        assert api.runner.run(set_role(api.database, UUID(user.id), "admin"))
        return user

    return make


def readable(route: Route) -> str | None:
    """The template of the address that gives back what a route wrote."""
    # What is made below an address; several rows that are put at once have no address of theirs.
    below = [path for path in READS if route.method == "POST" and re.fullmatch(re.escape(route.path) + r"/{\w+}", path)]
    return route.path if route.path in READS else next(iter(below), None)


WRITING = [route for route in ROUTES if route.method in {"POST", "PUT", "PATCH"} and route.data is not None]


def bodies(route: Route, user: User) -> Iterator[Json]:
    content = PATHS[route.path][route.method.lower()]["requestBody"]["content"]["application/json"]
    kind = next((kind for kind in sorted(MORE, reverse=True) if route.path.startswith(kind)), "")
    example = {name: value for name, value in sample(content["schema"]).items() if value is not None}
    example = {name: value for name, value in example.items() if name not in AT_ODDS.get(kind, ())}
    fields = {field.encode_name for field in msgspec.structs.fields(route.data)}
    said = {name for more in MORE.get(kind, ()) for name in more}
    turned = {name: not value for name, value in example.items() if isinstance(value, bool) and name not in said}
    for more in ({}, *([turned] if turned else []), *MORE.get(kind, ())):
        body = example | {name: value for name, value in more.items() if name in fields}
        for name, value in body.items():
            if str(value) in SMALLEST:
                body[name] = made(user.post(value, SMALLEST[value]))
            elif name in {"slug", "username"}:
                body[name] = uuid4().hex
            elif value == "new":
                body[name] = new_email()
        if "id" in fields:
            body["id"] = str(new_id())
        yield body


def write(route: Route, user: User, body: Json) -> tuple[Json, Json]:
    """Make a row that a route's path names, send the body; returns what was read before, nothing of a create, and after."""
    names = row_of(route.path)(user) if route.parameters else {}
    path = route.path.format(**names) if isinstance(names, dict) else re.sub(r"{\w+}", names, route.path)
    address = readable(route)
    before = user.get(path).json() if address == route.path else {}
    answer = user.request(route.method, path, json=body)
    assert answer.status_code in {200, 201}, (body, answer.text)
    read = user.get(path if address == route.path else f"{path}/{made(answer)}")
    assert read.status_code == 200, read.text
    return before, read.json()


def is_same(sent: Any, read: Any) -> bool:
    """Whether a value is the one that was sent; an object may have got more, and a time another form."""
    if isinstance(sent, dict) and isinstance(read, dict):
        return all(name in read and is_same(value, read[name]) for name, value in sent.items())
    if isinstance(sent, list) and isinstance(read, list):
        return len(sent) == len(read) and all(map(is_same, sent, read))
    if sent == read:
        return True
    try:
        return datetime.fromisoformat(sent) == datetime.fromisoformat(read)
    except (TypeError, ValueError):
        return False


def test_every_route_that_writes_can_be_read_or_says_where_it_is() -> None:
    assert {route.name for route in WRITING if readable(route) is None} == NOT_READ.keys()


@pytest.mark.parametrize("route", [pytest.param(each, id=each.name) for each in WRITING if readable(each)])
def test_every_field_that_was_written_is_read_back(make_admin: Callable[[], User], route: Route) -> None:
    user, changed = make_admin(), set()
    for body in bodies(route, user):
        before, after = write(route, user, body)
        sent = body.keys() - NOT_GIVEN_BACK.get(route.name, set())
        wrong = {name: (body[name], after.get(name)) for name in sent if not is_same(body[name], after.get(name))}
        assert not wrong
        changed |= {name for name in sent if before.get(name) != after[name]}
    fields = {field.encode_name for field in msgspec.structs.fields(route.data)}
    # Of a value that stood there before, nobody can say that it was written.
    unchanged = fields - NOT_GIVEN_BACK.get(route.name, set()) - changed
    assert not unchanged, f"{', '.join(sorted(unchanged))} stood there before: let MORE send another value"


ELSEWHERE = {
    "test_conversations.py": {
        "conversations.extra", "messages.stage1", "messages.stage2", "messages.metadata", "messages.extra",
    },
    "test_confirmations.py": {"mail_tokens.*"},
    "test_credits.py": {"credit_accounts.*", "credit_transactions.*"},
    "test_goals.py": {"goals.previous_id"},
    "test_import_command.py": {"import_items.*", "import_changes.*", "import_reports.*"},
    "test_mail.py": {"outgoing_mails.*"},
    "test_media.py": {
        "deleted_objects.*",
        "media.width", "media.height", "media.habit_id", "media.goal_id", "media.food_id", "media.workout_id",
        "media.daily_review_id", "media.blog_entry_id", "media.conversation_id",
    },
    "test_media_links.py": {"media_links.*"},
    "test_sign_in.py": {"pending_sign_ins.*"},
    "test_progress.py": {
        "progress_snapshots.habit_completion_rate", "progress_snapshots.calories_avg", "progress_snapshots.mood_avg",
        "progress_snapshots.energy_avg", "progress_snapshots.sleep_avg",
    },
    "test_roles.py": {"identities.*"},
    "test_sessions.py": {"sessions.device_name", "sessions.last_ip", "sessions.last_user_agent"},
    "test_sessions_and_tokens.py": {"api_tokens.*"},
    "test_storage_quota.py": {"storage_use.*"},
    "test_tags.py": {"taggings.*"},
    "test_thumbnails.py": {"media_thumbnails.*"},
    # What an admin says of somebody else.
    "test_usage.py": {"usage.subscription_id", "usage.subscription_status"},
}  # fmt: skip
"""Columns, or whole tables (`.*`), that no body fills: what the server computes, what has requests of another kind. By test."""


def test_every_column_is_filled_by_a_body_or_has_tests_elsewhere(make_admin: Callable[[], User], execute: Execute) -> None:
    users = []
    for route in WRITING:
        if readable(route):
            users.append(user := make_admin())
            for body in bodies(route, user):
                write(route, user, body)
    ids = [UUID(user.id) for user in users]
    elsewhere = set().union(*ELSEWHERE.values())
    empty = set()
    for table in SEEDS:
        rows = execute(f"select to_jsonb(t)::text as row from {table} t where user_id = any($1::uuid[])", ids)
        filled = {name for row in rows for name, value in json.loads(row["row"]).items() if value is not None}
        columns = execute("select attname from pg_attribute where attrelid = $1::text::regclass and attnum > 0", table)
        missing = {column["attname"] for column in columns if not column["attname"].startswith("........pg")} - filled
        empty |= {f"{table}.{name}" for name in missing} if filled else {f"{table}.*"}
    assert empty <= elsewhere, f"{', '.join(sorted(empty - elsewhere))}: filled by no body; say in ELSEWHERE who tests it"
    assert empty == elsewhere
    assert {each.name for each in Path(__file__).parent.iterdir()} >= ELSEWHERE.keys()

"""What goes on for users whose worker is there while another one is away: every statement, and every route."""

import asyncio
import re
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import clustered
import httpx
import pytest
from client import PASSWORD, Api, User, assert_problem
from factories import new_uuid7
from served import ROUTES
from statements import STATEMENTS, Statement
from test_contract import ROWS, Maker
from test_distribution_faults import Away, api, away, neighbours
from test_sql import NOT_ON_A_CLUSTER, made_up

from app.accounts.commands import set_role
from app.auth.tokens import new_token
from app.database.connection import Connection as AppConnection
from app.database.errors import is_lost
from app.database.opening import PLANNING, begin
from app.http.routes import Route

__all__ = ["api", "away", "neighbours"]

pytestmark = clustered.cluster


@pytest.fixture
def named(api: Api, neighbours: dict[int, User]) -> None:
    """Gives the users, while everything is there, what is written on all servers: a name, and the right to every route."""
    for number, user in enumerate(neighbours.values()):
        assert user.patch("/v1/me", {"username": f"user{number}"}).status_code == 200
        assert api.runner.run(set_role(api.database, UUID(user.id), "admin"))


@pytest.fixture
def there(named: None, neighbours: dict[int, User], away: Away) -> User:
    """A user whose worker is there."""
    return next(user for node, user in neighbours.items() if node != away.node)


@pytest.fixture
def stranded(named: None, neighbours: dict[int, User], away: Away) -> User:
    """A user whose worker is away."""
    return neighbours[away.node]


# Statements

ASK_ALL = {
    "accounts.end_sessions": "it locks the user's row, which is on every server: a login in flight would go on",
    "admin.counts": "a command asks it",
    "blog_entries.add_views_distributed": "views of several users; they are kept, and written later",
}
"""Statements of a tenant that are sent to every worker, and why. What writes a user's row is not among them."""

WRITES_A_USER = re.compile(r"\b(insert into|update|delete from) users\b")


def test_a_statement_about_a_user_is_sent_to_no_other_worker(runner: asyncio.Runner, own_database: str, there: User) -> None:
    refused = runner.run(_refused(own_database, UUID(there.id)))
    assert {each.query.name for each in refused if not WRITES_A_USER.search(each.body)} == ASK_ALL.keys()
    assert {each.query.name for each in refused} >= {"accounts.patch_me", "accounts.change_password"}


async def _refused(url: str, user_id: UUID) -> list[Statement]:
    """The statements of a tenant that cannot be sent with made-up values while a worker is away on which the user is not."""
    connection = await asyncpg.connect(url, connection_class=AppConnection, server_settings=PLANNING | {"timezone": "UTC"})
    try:
        await begin(connection)
        found = []
        for statement in STATEMENTS:
            query = statement.query
            is_sent = statement.single is None and query.distributed is None and query.name not in NOT_ON_A_CLUSTER
            if is_sent and statement.reason("tenant: none") is None:
                kinds = zip((await connection.prepare(query.sql)).get_parameters(), query.order, strict=True)
                values = [made_up(kind.name, name, user_id) for kind, name in kinds]
                transaction = connection.transaction()
                await transaction.start()
                try:
                    await connection.fetch(query.sql, *values, timeout=20)
                except asyncpg.PostgresError as error:
                    if is_lost(error):
                        found.append(statement)
                await transaction.rollback()
        return found
    finally:
        await connection.close(timeout=5)


# Routes

REFUNDED = 2
"""The number of a deduction: the first transaction of an account is what it began with."""

BODIES: dict[str, Any] = {
    "DELETE /v1/me": {"password": PASSWORD},
    "PATCH /v1/admin/users/{id}": {},
    "POST /v1/admin/users/{id}/credits/grants": {"amount": 1, "idempotency_key": "grant"},
    "PUT /v1/admin/users/{id}/identities": {"provider": "legacy", "subject": "4711"},
    "PUT /v1/admin/users/{id}/password": {"password": "another long sentence"},
    "PUT /v1/admin/users/{id}/usage": {"tier": "free"},
    "POST /v1/auth/login": {"email": "EMAIL", "password": PASSWORD},
    "POST /v1/auth/password-reset": {"email": "EMAIL"},
    "POST /v1/auth/register": {"email": "new@example.com", "password": PASSWORD},
    "POST /v1/batch": {"operations": [{"method": "POST", "path": "/v1/tasks", "body": {"title": "T"}}]},
    "POST /v1/blog-entries": {"title": "T", "content": "C"},
    "PATCH /v1/blog-entries/{id}": {"title": "Changed"},
    "PUT /v1/consents": {"terms_accepted": True, "marketing_consent": True},
    "PATCH /v1/consents": {"marketing_consent": False},
    "POST /v1/conversations": {"title": "T"},
    "POST /v1/conversations/batch": {"archive": [str(new_uuid7())]},
    "PATCH /v1/conversations/{id}": {"title": "Changed"},
    "PUT /v1/conversations/{id}": {"messages": [{"role": "user", "content": "Hello"}]},
    "POST /v1/conversations/{id}/messages": {"role": "user", "content": "Hello"},
    "POST /v1/credits/deductions": {"amount": 1, "idempotency_key": "deduction"},
    "POST /v1/credits/refunds": {"transaction_seq": REFUNDED},
    "PUT /v1/daily-reviews/{date}": {"mood": 7},
    "PATCH /v1/daily-reviews/{date}": {"mood": 6},
    "PATCH /v1/daily-reviews/by-id/{id}": {"mood": 6},
    "POST /v1/daily-reviews/{date}/blog-entry": {},
    "POST /v1/foods": {"date": "2026-01-01", "meal_type": "lunch", "name": "Soup"},
    "PATCH /v1/foods/{id}": {"name": "Stew"},
    "POST /v1/foods/{id}/copies": {"date": "2026-01-02"},
    "POST /v1/goals": {"title": "G", "goal_type": "daily"},
    "PATCH /v1/goals/{id}": {"title": "Changed"},
    "POST /v1/goals/{id}/progress": {"value": 1},
    "PATCH /v1/goals/{id}/progress/{entry_id}": {"value": 2},
    "POST /v1/habits": {"name": "Stretch"},
    "PATCH /v1/habits/{id}": {"name": "Bend"},
    "PUT /v1/habits/{id}/entries": {"entries": [{"date": "2026-01-02", "completed": True}]},
    "PUT /v1/habits/{id}/entries/{date}": {"completed": True},
    "PATCH /v1/habits/{id}/entries/{date}": {"note": "N"},
    "POST /v1/habits/{id}/entries/{date}/comments": {"text": "T"},
    "PATCH /v1/me": {"name": "Ada"},
    "PUT /v1/me/password": {"current": PASSWORD, "new": "another long sentence"},
    "PATCH /v1/me/sessions/{id}": {"device_name": "D"},
    "POST /v1/me/tokens": {"name": "T", "scopes": ["read"]},
    "PATCH /v1/media/{id}": {"alt_text": "A"},
    "POST /v1/media/{id}/links": {"expires_in": 60},
    "PUT /v1/progress-snapshots/{period}/{date}": {"notes": "N"},
    "PUT /v1/query-cache/{query_hash}": {"result": [], "ttl_seconds": 60},
    "POST /v1/tags": {"name": "T"},
    "PATCH /v1/tags/{id}": {"name": "Changed"},
    "POST /v1/tasks": {"title": "T"},
    "PATCH /v1/tasks/{id}": {"title": "Changed"},
    "POST /v1/workouts": {"date": "2026-01-01", "type": "run", "exercises": [{"name": "Run"}]},
    "PATCH /v1/workouts/{id}": {"exercises": [{"name": "Walk"}]},
    "PUT /v1/workouts/{id}": {"date": "2026-01-01", "type": "run", "exercises": []},
}


QUERIES = {"GET /v1/search": {"q": "T"}}

USERS = "a user's row is on every server"
WAIT = {
    "DELETE /v1/admin/users/{id}/sessions": USERS,
    "DELETE /v1/me": USERS,
    "DELETE /v1/me/sessions": USERS,
    "GET /v1/admin/consents": "those of all users",
    "GET /v1/public/media/{token}": "it is not known whose it is",
    "PATCH /v1/admin/users/{id}": USERS,
    "PATCH /v1/me": USERS,
    "POST /v1/auth/guest": USERS,
    "POST /v1/auth/register": USERS,
    "PUT /v1/admin/users/{id}/password": USERS,
    "PUT /v1/me/password": USERS,
}
"""Routes that nobody gets an answer from, and why."""

UNTRIED = {
    "GET /v1/auth/{provider}/callback": "a provider signs in: it writes the user's row",
    "GET /v1/auth/{provider}/start": "as its callback",
    "POST /v1/auth/exchange": "as its callback",
    "POST /v1/auth/id-token": "as its callback",
    "POST /v1/auth/password-reset/confirm": "it writes the user's row",
    "POST /v1/auth/verification/confirm": "it writes the user's row",
    "POST /v1/auth/{provider}/start": "as its callback",
}

COORDINATOR = {
    "DELETE /v1/me/identities/{id}",
    "DELETE /v1/me/sessions/{id}",
    "DELETE /v1/me/tokens/{id}",
    "DELETE /v1/query-cache",
    "DELETE /v1/query-cache/{query_hash}",
    "GET /v1/admin/audit-events",
    "GET /v1/admin/users",
    "GET /v1/admin/users/{id}",
    "GET /v1/me",
    "GET /v1/me/identities",
    "GET /v1/me/sessions",
    "GET /v1/me/tokens",
    "GET /v1/query-cache/{query_hash}",
    "PATCH /v1/me/sessions/{id}",
    "POST /v1/auth/login",
    "POST /v1/auth/logout",
    "POST /v1/auth/password-reset",
    "POST /v1/auth/verification",
    "POST /v1/me/tokens",
    "POST /v1/query-cache/cleanup",
    "PUT /v1/admin/users/{id}/identities",
    "PUT /v1/query-cache/{query_hash}",
}
"""Routes that go on for the users of the worker that is away."""

TRIED = [route for route in ROUTES if route.path.startswith("/v1/") and route.name not in UNTRIED]


def own_account(user: User) -> dict[str, str]:
    return {"id": user.id}


def public_entry(user: User) -> dict[str, str]:
    entry = user.made("/v1/blog-entries", {"title": "T", "content": "C", "status": "published", "is_public": True})
    return {"username": user.get("/v1/me").json()["username"], "slug": entry["slug"]}


def names_of(path: str, user: User) -> dict[str, str]:
    """What names a row in a path: the user makes it."""
    make: Maker = ROWS[path]
    if "/admin/" in path or "{username}" in path:
        # Without a change of somebody's account.
        make = own_account if "/admin/" in path else public_entry
    made = make(user)
    return made if isinstance(made, dict) else dict.fromkeys(re.findall(r"{(\w+)}", path), made)


MISSING = dict.fromkeys(("id", "target_id", "entry_id", "comment_id", "slug"), str(uuid4())) | {
    "token": new_token()[0].removeprefix("hf_"),
    "date": "2026-01-01",
    "period": "daily",
    "kind": "tasks",
    "query_hash": "abc",
}
"""What names a row that is not there."""


def asked(user: User, route: Route, names: dict[str, str]) -> httpx.Response:
    """Ask a route as a user."""
    body = {key: user.email if value == "EMAIL" else value for key, value in BODIES.get(route.name, {}).items()}
    options: dict[str, Any] = {"json": body} if route.data is not None else {}
    if route.name == "POST /v1/media":
        options = {"files": {"file": ("a.txt", b"text")}}
    token = None if route.name in {"POST /v1/auth/guest", "POST /v1/auth/register"} else user.token
    if route.name == "POST /v1/auth/logout":
        token = user.api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).json()["token"]
    return user.api.request(route.method, route.path.format(**names), token=token, params=QUERIES.get(route.name), **options)


def test_every_route_goes_on_for_the_users_of_the_other_workers(api: Api, there: User) -> None:
    deducted = asked(there, next(route for route in TRIED if route.name == "POST /v1/credits/deductions"), {})
    assert deducted.json()["transaction"]["seq"] == REFUNDED
    failed = {}
    for route in TRIED:
        answer = asked(there, route, names_of(route.path, there) if "{" in route.path else {})
        assert answer.elapsed.total_seconds() < api.settings.query_timeout
        if answer.status_code >= 400:
            failed[route.name] = answer
    assert failed.keys() == WAIT.keys()
    for answer in failed.values():
        assert_problem(answer, 503, "database_unavailable")
        assert answer.headers["Retry-After"] == "1"
    assert api.database.pool.breaker_state == "closed"


def test_every_route_says_to_the_users_of_a_worker_that_is_away_when_to_come_again(api: Api, stranded: User) -> None:
    answered = set()
    for route in TRIED:
        names = MISSING | {"username": stranded.get("/v1/me").json()["username"]}
        answer = asked(stranded, route, names | own_account(stranded) if "/admin/" in route.path else names)
        assert answer.elapsed.total_seconds() < api.settings.query_timeout
        if answer.status_code == 503:
            assert_problem(answer, 503, "database_unavailable")
            assert answer.headers["Retry-After"] == "1"
        else:
            answered.add(route.name)
    assert answered == COORDINATOR
    assert api.database.pool.breaker_state == "closed"


def test_a_task_of_a_user_is_told_from_none_and_a_foreign_one_may_be_none(api: Api, there: User, stranded: User) -> None:
    """Only all workers together know whose an id is: while one of them is away, what is not the caller's does not exist."""
    task = there.task()
    stale = {"If-Match": '"1"'}
    assert_problem(there.patch(f"/v1/tasks/{task['id']}", {"title": "T"}, headers=stale), 412, "version_mismatch")
    assert_problem(there.patch(f"/v1/tasks/{new_uuid7()}", {"title": "T"}), 404, "not_found")
    assert_problem(there.get(f"/v1/tasks/{new_uuid7()}"), 404, "not_found")
    assert_problem(stranded.get(f"/v1/tasks/{task['id']}"), 503, "database_unavailable")

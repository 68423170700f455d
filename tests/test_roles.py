"""Admins and services: what they alone may, for whom services act, and the trail that both leave."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from client import PASSWORD, Api, Execute, User, assert_problem, etag, new_email, set_by_change, soon, soon_refused
from factories import new_uuid7

from app.auth.passwords import Passwords
from app.credits.repository import broken_accounts
from app.settings import Settings

Row = dict[str, Any]


class Sql:
    """Statements past the API."""

    def __init__(self, runner: asyncio.Runner, url: str) -> None:
        self.runner = runner
        self.connection = runner.run(asyncpg.connect(url))

    def __call__(self, text: str, *values: Any) -> list[Any]:
        return self.runner.run(self.connection.fetch(text, *values))


@pytest.fixture(scope="module")
def sql(runner: asyncio.Runner, database: str) -> Iterator[Sql]:
    sql = Sql(runner, database)
    yield sql
    runner.run(sql.connection.close())


def with_role(api: Api, sql: Sql, role: str) -> User:
    user = api.user()
    sql("update users set role = $2 where id = $1", user.id, role)
    return user


@pytest.fixture(scope="module")
def admin(api: Api, sql: Sql) -> User:
    return with_role(api, sql, "admin")


@pytest.fixture(scope="module")
def service(api: Api, sql: Sql) -> User:
    return with_role(api, sql, "service")


def trail(sql: Sql, actor: User) -> list[tuple[str, str | None, str]]:
    rows = sql("select action, acting_for, target from audit_events where actor_id = $1 order by id", actor.id)
    return [(row["action"], str(row["acting_for"]) if row["acting_for"] else None, row["target"]) for row in rows]


def behalf(of: str) -> dict[str, str]:
    return {"X-On-Behalf-Of": of}


# Admins

ADMIN_ROUTES = [
    ("GET", "/v1/admin/users", None),
    ("GET", "/v1/admin/users/{id}", None),
    ("PATCH", "/v1/admin/users/{id}", {"is_active": False}),
    ("PUT", "/v1/admin/users/{id}/password", {"password": "quite another password"}),
    ("DELETE", "/v1/admin/users/{id}/sessions", None),
    ("GET", "/v1/admin/users/{id}/credits", None),
    ("POST", "/v1/admin/users/{id}/credits/grants", {"amount": 5}),
    ("POST", "/v1/admin/users/{id}/credits/reset", None),
    ("GET", "/v1/admin/users/{id}/usage", None),
    ("PUT", "/v1/admin/users/{id}/usage", {"tier": "enterprise"}),
    ("GET", "/v1/admin/consents", None),
    ("GET", "/v1/admin/audit-events", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADMIN_ROUTES, ids=[f"{each[0]} {each[1]}" for each in ADMIN_ROUTES])
def test_a_route_for_admins_is_for_nobody_else(api: Api, service: User, method: str, path: str, body: Row | None) -> None:
    victim = api.user()
    path = path.format(id=victim.id)
    for caller in (api.user(), service, victim):
        assert_problem(caller.request(method, path, json=body), 403, "role_required")
    assert victim.get("/v1/me").json()["is_active"] is True
    assert victim.get("/v1/credits").json()["available"] == 50


def test_an_admin_finds_accounts_by_a_part_of_their_names(api: Api, admin: User) -> None:
    user = api.user(name="Grace Hopper", username=f"grace.{uuid4().hex[:8]}")
    found = admin.get("/v1/admin/users", params={"q": "GRACE.", "limit": 200}).json()["items"]
    assert [each["id"] for each in found] == [user.id]
    assert found[0] == admin.get(f"/v1/admin/users/{user.id}").json() == user.get("/v1/me").json()
    assert admin.get("/v1/admin/users", params={"q": f"%{user.id}"}).json()["items"] == []
    assert "argon2" not in admin.get("/v1/admin/users?limit=200").text
    first = admin.get("/v1/admin/users?limit=1").json()
    assert first["next_cursor"] is not None
    assert_problem(admin.get("/v1/admin/users?q="), 422, "invalid", "q")
    assert_problem(admin.get(f"/v1/admin/users/{new_uuid7()}"), 404, "not_found")


def test_an_address_is_verified_since_an_admin_said_so_and_until_it_changes(api: Api, admin: User, execute: Execute) -> None:
    user = api.user()
    path = f"/v1/admin/users/{user.id}"

    def verified_at() -> Any:
        [row] = execute("select email_verified_at from users where id = $1::text::uuid", user.id)
        return row["email_verified_at"]

    assert verified_at() is None
    assert admin.patch(path, {"is_verified": True}).json()["is_verified"] is True
    first = verified_at()
    assert admin.patch(path, {"is_verified": True, "role": "service"}).json()["is_verified"] is True
    user.patch("/v1/me", {"email": user.email.upper(), "current_password": PASSWORD})
    assert verified_at() == first
    assert admin.patch(path, {"is_verified": False}).json()["is_verified"] is False
    assert verified_at() is None
    admin.patch(path, {"is_verified": True})
    assert verified_at() > first
    assert user.patch("/v1/me", {"email": new_email(), "current_password": PASSWORD}).json()["is_verified"] is False
    assert verified_at() is None


def test_an_admin_gives_a_role_and_shuts_an_account_and_it_holds_at_once(api: Api, admin: User) -> None:
    user = api.user()
    path = f"/v1/admin/users/{user.id}"
    assert admin.patch(path, {"role": "service", "is_verified": True}).json()["role"] == "service"
    assert user.get("/v1/me").json()["is_verified"] is True
    assert user.get("/v1/tasks", headers=behalf(admin.id)).status_code == 200
    before = admin.get(path).json()
    assert_problem(admin.patch(path, {"role": "user"}, headers={"If-Match": etag(user.me)}), 412, "version_mismatch")
    shut = admin.patch(path, {"is_active": False}, headers={"If-Match": etag(before)})
    assert shut.status_code == 200
    set_by_change(before, shut.json())
    soon_refused(lambda: user.get("/v1/me"))
    assert_problem(api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}), 403, "account_disabled")
    assert admin.patch(path, {}).json() == shut.json()
    for body in ({"role": "king"}, {"is_active": None}):
        assert_problem(admin.patch(path, body), 422, "invalid")
    assert_problem(admin.patch(path, {"email": "a@b.c"}), 422, "read_only", "email")
    assert_problem(admin.patch(f"/v1/admin/users/{new_uuid7()}", {}), 404, "not_found")


def test_an_admin_gives_a_password_and_every_session_ends(api: Api, admin: User) -> None:
    user = api.user()
    path = f"/v1/admin/users/{user.id}/password"
    assert_problem(admin.put(path, {"password": "password1"}), 422, "invalid", "password")
    assert_problem(admin.put(path, {"password": "short"}), 422, "invalid", "password")
    assert admin.put(path, {"password": "quite another password"}).status_code == 204
    soon_refused(lambda: user.get("/v1/me"))
    login = {"email": user.email, "password": "quite another password"}
    assert api.post("/v1/auth/login", login).status_code == 200
    assert_problem(
        admin.put(f"/v1/admin/users/{new_uuid7()}/password", {"password": "quite another password"}), 404, "not_found"
    )


def test_an_admin_grants_credits_once_per_key(api: Api, admin: User) -> None:
    user = api.user()
    path = f"/v1/admin/users/{user.id}/credits/grants"
    first = admin.post(path, {"amount": 5, "description": "Sorry", "idempotency_key": "g1"})
    assert first.status_code == 201
    assert first.json()["available"] == 55
    again = admin.post(path, {"amount": 5, "description": "Sorry", "idempotency_key": "g1"})
    assert (again.status_code, again.json()) == (200, first.json())
    assert_problem(admin.post(path, {"amount": 6, "idempotency_key": "g1"}), 409, "idempotency_conflict")
    for amount in (0, -5, 1.5, 1_000_001):
        assert_problem(admin.post(path, {"amount": amount}), 422, "invalid", "amount")
    assert user.get("/v1/credits").json()["available"] == 55
    assert_problem(admin.post(f"/v1/admin/users/{new_uuid7()}/credits/grants", {"amount": 5}), 404, "not_found")


def test_an_admin_reads_an_account_and_fills_it_up_before_it_is_due(api: Api, admin: User, sql: Sql) -> None:
    user, guest = api.user(), User(api, api.post("/v1/auth/guest").json())
    path = f"/v1/admin/users/{user.id}/credits"
    assert admin.get(path).json() == user.get("/v1/credits").json()
    sql("update credit_accounts set last_reset_at = now() - interval '1 hour' where user_id = $1", user.id)
    before = user.get("/v1/credits").json()
    for amount, then in ((20, 50), (0, 50), (-9, 59)):
        if amount > 0:
            user.post("/v1/credits/deductions", {"amount": amount})
        elif amount < 0:
            admin.post(f"{path}/grants", {"amount": -amount})
        reset = admin.post(f"{path}/reset")
        assert (reset.status_code, reset.json()) == (200, user.get("/v1/credits").json())
        assert (reset.json()["available"], reset.json()["resets_at"] > before["resets_at"]) == (then, True)
    types = [each["type"] for each in user.get("/v1/credits/transactions").json()["items"]]
    assert types == ["grant", "reset", "deduct", "allocate"]
    path = f"/v1/admin/users/{guest.id}/credits"
    guest.post("/v1/credits/deductions", {"amount": 4})
    filled_up = {"available": 10, "max_credits": 10, "is_guest": True, "resets_at": None}
    assert admin.post(f"{path}/reset").json() == filled_up == admin.get(path).json()
    assert api.runner.run(broken_accounts(api.database)) == []
    for method, rest in (("GET", ""), ("POST", "/reset")):
        assert_problem(admin.request(method, f"/v1/admin/users/{new_uuid7()}/credits{rest}"), 404, "not_found")


def test_an_admin_gives_a_tier_with_its_limits_or_others(api: Api, admin: User) -> None:
    user = api.user()
    path = f"/v1/admin/users/{user.id}/usage"
    for body, tier, daily, monthly in (
        ({"tier": "pro"}, "pro", 100, 3000),
        ({"tier": "enterprise"}, "enterprise", None, None),
        ({"tier": "free", "limits": {"daily": 20}}, "free", 20, 100),
        ({"tier": "free", "limits": {"daily": None, "monthly": 0}}, "free", None, 0),
    ):
        usage = admin.put(path, body).json()
        assert (usage["tier"], usage["daily_limit"], usage["monthly_limit"]) == (tier, daily, monthly)
        assert usage == usage | user.get("/v1/usage").json()
        assert admin.get(path).json() == usage
        assert usage["limits"] == {"daily": daily, "monthly": monthly}
    for wrong in (
        {},
        {"tier": "gold"},
        {"tier": "pro", "limits": {"daily": -1}},
        {"tier": "pro", "limits": {"monthly": 2**31}},
        {"tier": "pro", "limits": None},
    ):
        assert_problem(admin.put(path, wrong), 422, "invalid")
    nobody = f"/v1/admin/users/{new_uuid7()}/usage"
    assert_problem(admin.put(nobody, {"tier": "pro"}), 404, "not_found")
    assert_problem(admin.get(nobody), 404, "not_found")


def test_a_subscription_is_kept_and_read_by_its_owner_and_can_be_sent_back(api: Api, admin: User) -> None:
    user = api.user()
    path = f"/v1/admin/users/{user.id}/usage"
    paid = {"tier": "pro", "limits": {"daily": 7}, "subscription": {"id": "sub_1", "status": "active"}}
    usage = admin.put(path, paid).json()
    assert usage["subscription"] == {"id": "sub_1", "status": "active"}
    mine = user.get("/v1/usage").json()
    assert (mine["subscription_id"], mine["subscription_status"]) == ("sub_1", "active")
    assert admin.put(path, usage).json() == usage
    assert_problem(admin.put(path, usage | {"subscription_id": "sub_2"}), 422, "read_only", "subscription_id")
    ended = admin.put(path, {"tier": "free", "subscription": {"status": "canceled"}}).json()
    assert ended["subscription"] == {"id": None, "status": "canceled"}
    assert admin.put(path, {"tier": "free"}).json()["subscription"] is None
    for field, value in (("id", "x" * 101), ("status", " "), ("status", 7), ("plan", "gold")):
        answer = admin.put(path, {"tier": "pro", "subscription": {field: value}})
        assert_problem(answer, 422, "invalid", f"subscription.{field}")
    assert user.get("/v1/usage").json()["tier"] == "free"


def test_an_admin_reads_what_everybody_agrees_to_now(api: Api, admin: User) -> None:
    user, silent = api.user(), api.user()
    user.put("/v1/consents", {"terms_accepted": False})
    user.put("/v1/consents", {"terms_accepted": True, "source": "web"})
    consents = admin.get("/v1/admin/consents?limit=1").json()["items"]
    assert [(each["id"], each["terms_accepted"], each["source"]) for each in consents] == [(user.id, True, "web")]
    assert silent.id not in admin.get("/v1/admin/consents?limit=200").text


def test_every_request_of_an_admin_is_in_the_trail(api: Api, sql: Sql) -> None:
    admin = with_role(api, sql, "admin")
    user = api.user()
    path = f"/v1/admin/users/{user.id}"
    admin.get(path)
    admin.patch(path, {"is_verified": True}, headers={"X-Request-Id": "trace-me"})
    admin.get("/v1/tasks")
    assert trail(sql, admin) == [("GET /v1/admin/users/{id}", None, path), ("PATCH /v1/admin/users/{id}", None, path)]
    details = sql("select detail->>'request_id' as id from audit_events where actor_id = $1 order by id", admin.id)
    assert details[1]["id"] == "trace-me"


# Services


def test_a_service_acts_for_a_user_by_id_and_leaves_a_trail(api: Api, sql: Sql) -> None:
    service, user = with_role(api, sql, "service"), api.user()
    made = service.post("/v1/tasks", {"title": "From the backend"}, headers=behalf(user.id))
    assert made.status_code == 201
    path = f"/v1/tasks/{made.json()['id']}"
    assert user.get(path).json() == made.json()
    assert service.get(path, headers=behalf(user.id)).json() == made.json()
    assert_problem(service.get(path), 403, "forbidden")
    assert service.post("/v1/credits/deductions", {"amount": 3}, headers=behalf(user.id)).json()["available"] == 47
    assert user.get("/v1/credits").json()["available"] == 47
    assert service.get("/v1/credits").json()["available"] == 50
    assert trail(sql, service) == [
        ("POST /v1/tasks", user.id, "/v1/tasks"),
        ("POST /v1/credits/deductions", user.id, "/v1/credits/deductions"),
    ]


def test_a_user_named_by_an_identity_is_made_on_first_sight_and_found_ever_after(api: Api, service: User) -> None:
    subject = f"google:{uuid4()}:with:colons"
    me = service.get("/v1/me", headers=behalf(subject)).json()
    assert (me["is_external"], me["email"], me["role"]) == (True, None, "user")
    assert service.get("/v1/me", headers=behalf(subject)).json() == me
    assert service.get("/v1/me", headers=behalf(me["id"])).json() == me
    assert service.get("/v1/credits", headers=behalf(subject)).json()["available"] == 50
    [identity] = service.get("/v1/tasks", headers=behalf(subject)).json()["items"] or [None]
    assert identity is None


def test_a_guest_of_a_service_has_what_guests_have_and_stays_one(api: Api, sql: Sql) -> None:
    service, subject = with_role(api, sql, "service"), f"legacy:guest_{uuid4()}"
    as_guest = behalf(subject) | {"X-On-Behalf-Of-Guest": "true"}
    me = service.get("/v1/me", headers=as_guest).json()
    assert (me["is_guest"], me["is_external"], me["email"]) == (True, False, None)
    for headers in (as_guest, behalf(subject), behalf(me["id"]), behalf(subject) | {"X-On-Behalf-Of-Guest": "false"}):
        assert service.get("/v1/me", headers=headers).json() == me
    once = {"available": 10, "max_credits": 10, "is_guest": True, "resets_at": None}
    assert service.get("/v1/credits", headers=behalf(subject)).json() == once
    assert trail(sql, service) == [("create guest", me["id"], "/v1/me")]
    known = api.user()
    headers = behalf(known.id) | {"X-On-Behalf-Of-Guest": "true"}
    assert service.get("/v1/me", headers=headers).json()["is_guest"] is False
    for value in ("1", "yes", "True"):
        answer = service.get("/v1/me", headers=behalf(subject) | {"X-On-Behalf-Of-Guest": value})
        assert_problem(answer, 422, "invalid", "X-On-Behalf-Of-Guest")


def test_a_user_has_several_identities_and_is_found_by_each(api: Api, service: User, admin: User) -> None:
    user, subject = api.user(), f"{uuid4()}"
    path = f"/v1/admin/users/{user.id}/identities"
    for caller, provider in ((service, "google"), (admin, "firebase")):
        made = caller.put(path, {"provider": provider, "subject": subject})
        assert made.status_code == 201
        assert service.get("/v1/me", headers=behalf(f"{provider}:{subject}")).json()["id"] == user.id
        again = caller.put(path, {"provider": provider, "subject": subject})
        assert (again.status_code, again.json()) == (200, made.json())
    mine = user.get("/v1/me/identities").json()["items"]
    assert [(each["provider"], each["subject"]) for each in mine] == [("firebase", subject), ("google", subject)]
    other = api.user()
    elsewhere = f"/v1/admin/users/{other.id}/identities"
    assert_problem(service.put(elsewhere, {"provider": "google", "subject": subject}), 409, "conflict", "subject")
    for caller in (user, other):
        assert_problem(caller.put(path, {"provider": "github", "subject": subject}), 403, "role_required")
    assert_problem(api.put(path, {"provider": "github", "subject": subject}), 401, "unauthenticated")
    assert_problem(
        service.put(f"/v1/admin/users/{new_uuid7()}/identities", {"provider": "github", "subject": "1"}), 404, "not_found"
    )
    for field, value in (
        ("provider", "facebook"),
        ("subject", ""),
        ("subject", "x" * 256),
        ("subject", "a\0"),
        ("email", "a@b"),
    ):
        body = {"provider": "github", "subject": "1"} | {field: value}
        assert_problem(service.put(path, body), 422, "invalid", field)


def test_a_guest_who_gets_an_identity_becomes_a_user_and_keeps_everything(api: Api, service: User) -> None:
    guest, other = (User(api, api.post("/v1/auth/guest").json()) for _ in range(2))
    task, google = guest.task(), {"provider": "google", "subject": f"{uuid4()}"}
    guest.post("/v1/credits/deductions", {"amount": 4})
    path = f"/v1/admin/users/{guest.id}/identities"
    # Guests have names in their app, too.
    assert service.put(path, {"provider": "legacy", "subject": f"guest_{uuid4()}"}).status_code == 201
    assert guest.get("/v1/me").json()["is_guest"] is True
    answers = api.together(*(service.send("PUT", path, json=google) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    me = service.get("/v1/me", headers=behalf(f"google:{google['subject']}")).json()
    assert (me["id"], me["is_guest"], me["is_external"]) == (guest.id, False, True)
    assert guest.get(f"/v1/tasks/{task['id']}").json() == task
    account = guest.get("/v1/credits").json()
    assert (account["available"], account["is_guest"], account["resets_at"] is None) == (50, False, False)
    types = [each["type"] for each in guest.get("/v1/credits/transactions").json()["items"]]
    assert types == ["allocate", "deduct", "allocate"]
    # One that is somebody else's changes nothing.
    elsewhere = f"/v1/admin/users/{other.id}/identities"
    assert_problem(service.put(elsewhere, google), 409, "conflict", "subject")
    assert other.get("/v1/me").json()["is_guest"] is True
    assert other.get("/v1/credits").json()["available"] == 10
    assert api.runner.run(broken_accounts(api.database)) == []


def test_a_guest_who_was_made_by_an_identity_becomes_a_user_when_it_is_linked(service: User) -> None:
    subject = f"{uuid4()}"
    headers = behalf(f"google:{subject}")
    guest = service.get("/v1/me", headers=headers | {"X-On-Behalf-Of-Guest": "true"}).json()
    linked = service.put(f"/v1/admin/users/{guest['id']}/identities", {"provider": "google", "subject": subject})
    assert (guest["is_guest"], linked.status_code) == (True, 200)
    assert service.get("/v1/me", headers=headers).json()["is_guest"] is False


def test_a_service_links_no_identity_to_an_admin_or_a_service(service: User, admin: User) -> None:
    for privileged in (admin, service):
        path, body = f"/v1/admin/users/{privileged.id}/identities", {"provider": "github", "subject": str(uuid4())}
        assert_problem(service.put(path, body), 403, "role_required")
        assert admin.put(path, body).status_code == 201
        assert_problem(service.put(path, body), 403, "role_required")


def test_of_50_first_sights_at_once_one_makes_the_user(api: Api, sql: Sql, service: User) -> None:
    subject = f"github:{uuid4()}"
    before = sql("select count(*) as n from users")[0]["n"]
    answers = api.together(*(service.send("GET", "/v1/me", headers=behalf(subject)) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sql("select count(*) as n from users")[0]["n"] == before + 1


def test_nobody_but_a_service_or_an_admin_acts_for_somebody_else(api: Api, ada: User, bob: User) -> None:
    for named in (bob.id, ada.id, "google:1"):
        assert_problem(ada.get("/v1/tasks", headers=behalf(named)), 403, "role_required")
    assert api.get("/v1/tasks", headers=behalf(bob.id)).status_code == 401


@pytest.mark.parametrize(
    "named", ["", "nobody", "facebook:1", "google:", ":1", f"google:{'x' * 256}", "7", "google:a\udc00", "\u00e9"]
)
def test_a_name_of_another_form_is_refused(service: User, named: str) -> None:
    raw = named.encode("utf-8", "surrogateescape" if "\udc00" not in named else "surrogatepass")
    answer = service.request("GET", "/v1/tasks", headers={b"X-On-Behalf-Of": raw})
    assert_problem(answer, 422, "invalid", "X-On-Behalf-Of")


def test_an_unknown_a_deleted_and_a_disabled_user_are_not_acted_for(api: Api, sql: Sql, service: User) -> None:
    assert_problem(service.get("/v1/tasks", headers=behalf(str(uuid4()))), 404, "not_found")
    user = api.user()
    assert service.get("/v1/tasks", headers=behalf(user.id)).status_code == 200
    assert user.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    assert_problem(service.get("/v1/tasks", headers=behalf(user.id)), 404, "not_found")
    disabled = api.user()
    assert service.get("/v1/tasks", headers=behalf(disabled.id)).status_code == 200
    sql("update users set is_active = false where id = $1", disabled.id)
    refused = soon(lambda: service.get("/v1/tasks", headers=behalf(disabled.id)), 403)
    assert_problem(refused, 403, "account_disabled")


def test_who_acts_for_another_gets_no_role_no_session_and_no_token_of_theirs(service: User, admin: User) -> None:
    for caller in (service, admin):
        assert_problem(caller.get("/v1/admin/users", headers=behalf(admin.id)), 403, "role_required")
        for method, path in (("GET", "/v1/me/tokens"), ("GET", "/v1/me/sessions"), ("POST", "/v1/auth/logout")):
            assert_problem(caller.request(method, path, headers=behalf(admin.id)), 403, "session_required")


def test_an_admin_acts_for_a_user_and_each_act_and_each_look_is_on_record(api: Api, sql: Sql, admin: User) -> None:
    user = api.user()
    made = admin.post("/v1/tasks", {"title": "Done for you"}, headers=behalf(user.id))
    assert made.status_code == 201
    assert user.get("/v1/tasks").json()["items"] == [made.json()]
    path = f"/v1/tasks/{made.json()['id']}"
    assert admin.get(path, headers=behalf(user.id)).json() == made.json()
    assert_problem(admin.get(path), 403, "forbidden")
    assert_problem(admin.patch("/v1/me", {"username": "taken.over"}, headers=behalf(user.id)), 403, "session_required")
    trail = sql("select actor_id::text, action, target from audit_events where acting_for = $1 order by id", user.id)
    acts = [("POST /v1/tasks", "/v1/tasks"), ("GET /v1/tasks/{id}", path), ("PATCH /v1/me", "/v1/me")]
    assert [tuple(row.values()) for row in trail] == [(admin.id, *act) for act in acts]


def test_a_services_token_ended_or_demoted_acts_for_nobody(api: Api, sql: Sql) -> None:
    service, user = with_role(api, sql, "service"), api.user()
    token = service.post("/v1/me/tokens", {"name": "backend", "scopes": ["tasks:write", "tasks:read"]}).json()
    backend = User(api, {"token": token["token"], "user": service.me})
    assert backend.post("/v1/tasks", {"title": "T"}, headers=behalf(user.id)).status_code == 201
    assert_problem(backend.get("/v1/credits", headers=behalf(user.id)), 403, "insufficient_scope")
    sql("update users set role = 'user' where id = $1", service.id)
    answer = soon(lambda: backend.get("/v1/tasks", headers=behalf(user.id)), 403)
    assert_problem(answer, 403, "role_required")
    assert service.delete(f"/v1/me/tokens/{token['id']}").status_code == 204
    assert_problem(backend.get("/v1/tasks", headers=behalf(user.id)), 401, "unauthenticated")


def test_the_first_sight_of_a_user_leaves_a_trail_even_when_the_service_only_reads(api: Api, sql: Sql) -> None:
    service, subject = with_role(api, sql, "service"), f"google:{uuid4()}"
    headers = behalf(subject) | {"X-Request-Id": "first-sight"}
    me = service.get("/v1/me", headers=headers).json()
    assert service.get("/v1/me", headers=behalf(subject)).status_code == 200
    assert trail(sql, service) == [("create external user", me["id"], "/v1/me")]
    [row] = sql("select detail from audit_events where actor_id = $1", service.id)
    assert "first-sight" in row["detail"]
    assert service.post("/v1/tasks", {"title": "T"}, headers=behalf(f"google:{uuid4()}")).status_code == 201
    _, (made, made_id, _), (posted, acting_for, _) = trail(sql, service)
    assert (made, posted, made_id) == ("create external user", "POST /v1/tasks", acting_for)


def test_a_service_changes_neither_the_email_nor_the_username_of_whom_it_acts_for(api: Api, service: User) -> None:
    user = api.user()
    for body in ({"email": "taken-over@example.com", "current_password": PASSWORD}, {"username": "taken.over.too"}):
        assert_problem(service.patch("/v1/me", body, headers=behalf(user.id)), 403, "session_required")
    assert service.patch("/v1/me", {"name": "Ada"}, headers=behalf(user.id)).json()["name"] == "Ada"
    assert user.get("/v1/me").json()["email"] == user.email


def test_a_user_refunds_nothing_and_a_service_refunds_for_a_user(api: Api, service: User, admin: User) -> None:
    user = api.user()
    assert user.post("/v1/credits/deductions", {"amount": 7}).status_code == 201
    assert_problem(user.post("/v1/credits/refunds", {"transaction_seq": 2}), 403, "role_required")
    assert user.get("/v1/credits").json()["available"] == 43
    refunded = service.post("/v1/credits/refunds", {"transaction_seq": 2}, headers=behalf(user.id))
    assert (refunded.status_code, refunded.json()["available"]) == (201, 50)
    assert_problem(admin.post("/v1/credits/refunds", {"transaction_seq": 2}), 404, "not_found")


def test_an_admins_reset_of_a_password_ends_every_session_and_every_token(api: Api, admin: User) -> None:
    user = api.user()
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    reset = admin.put(f"/v1/admin/users/{user.id}/password", {"password": "quite another password"})
    assert reset.status_code == 204
    soon_refused(lambda: user.get("/v1/me"))
    soon_refused(lambda: api.get("/v1/tasks", token=token))


@pytest.fixture
def other(runner: asyncio.Runner, own_database: str, settings: Settings, passwords: Passwords) -> Iterator[tuple[Api, Sql]]:
    """A server that has only the admins which the test makes."""
    with Api.started(runner, msgspec.structs.replace(settings, database_url=own_database), passwords) as api:
        sql = Sql(runner, own_database)
        yield api, sql
        runner.run(sql.connection.close())


def test_the_last_active_admin_stays_one(other: tuple[Api, Sql]) -> None:
    api, sql = other
    admin, disabled = with_role(api, sql, "admin"), with_role(api, sql, "admin")
    path = f"/v1/admin/users/{admin.id}"
    assert admin.patch(f"/v1/admin/users/{disabled.id}", {"is_active": False}).status_code == 200
    for body in ({"role": "user"}, {"role": "service"}, {"is_active": False}, {"role": "user", "is_active": False}):
        assert_problem(admin.patch(path, body), 409, "last_admin")
    assert admin.patch(path, {"role": "admin", "is_active": True, "is_verified": True}).status_code == 200
    assert admin.patch(f"/v1/admin/users/{disabled.id}", {"is_active": True}).status_code == 200
    assert admin.patch(path, {"role": "user"}).status_code == 200


def test_who_is_disabled_is_signed_out_and_signs_in_anew_when_enabled(api: Api, admin: User) -> None:
    user, other = api.user(), api.user()
    token = user.made("/v1/me/tokens", {"name": "Script", "scopes": ["read"]})["token"]
    path = f"/v1/admin/users/{user.id}"
    assert admin.patch(path, {"is_verified": True}).status_code == 200
    assert user.get("/v1/me").status_code == 200
    assert admin.patch(path, {"is_active": False}).json()["is_active"] is False
    soon_refused(lambda: user.get("/v1/me"))
    soon_refused(lambda: api.get("/v1/tasks", token=token))
    assert admin.patch(path, {"is_active": True}).json()["is_active"] is True
    assert_problem(user.get("/v1/me"), 401, "unauthenticated")
    assert api.get("/v1/tasks", token=token).status_code == 200
    assert api.post("/v1/auth/login", {"email": user.email, "password": PASSWORD}).status_code == 200
    assert other.get("/v1/me").status_code == 200


def test_a_guest_has_no_role_and_is_not_the_admin_that_stays(other: tuple[Api, Sql]) -> None:
    api, sql = other
    admin, guest = with_role(api, sql, "admin"), User(api, api.post("/v1/auth/guest").json())
    path = f"/v1/admin/users/{guest.id}"
    for body in ({"role": "admin"}, {"role": "service", "is_active": False}):
        assert_problem(admin.patch(path, body), 422, "invalid", "role")
    assert admin.get(path).json() == guest.me
    assert admin.patch(path, {"role": "user", "is_verified": True}).status_code == 200
    assert_problem(admin.patch(f"/v1/admin/users/{admin.id}", {"role": "user"}), 409, "last_admin")
    assert guest.post("/v1/auth/register", {"email": new_email(), "password": PASSWORD}).status_code == 201
    assert admin.patch(path, {"role": "admin"}).status_code == 200


def test_the_last_active_admin_cannot_delete_the_own_account(other: tuple[Api, Sql]) -> None:
    api, sql = other
    admin, disabled = with_role(api, sql, "admin"), with_role(api, sql, "admin")
    sql("update users set is_active = false where id = $1", disabled.id)
    assert_problem(admin.request("DELETE", "/v1/me", json={"password": PASSWORD}), 409, "last_admin")
    assert admin.get("/v1/me").status_code == 200
    assert_problem(admin.request("DELETE", "/v1/me", json={"password": "wrong password"}), 403, "wrong_password")
    second = with_role(api, sql, "admin")
    assert admin.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204
    assert_problem(second.request("DELETE", "/v1/me", json={"password": PASSWORD}), 409, "last_admin")
    user = api.user()
    assert user.request("DELETE", "/v1/me", json={"password": PASSWORD}).status_code == 204


def test_of_admins_who_delete_themselves_at_once_one_stays(other: tuple[Api, Sql]) -> None:
    api, sql = other
    for _ in range(10):
        admins = [with_role(api, sql, "admin") for _ in range(2)]
        sql("update users set role = 'user' where role = 'admin' and id <> all($1::uuid[])", [each.id for each in admins])
        answers = api.together(*(each.send("DELETE", "/v1/me", json={"password": PASSWORD}) for each in admins))
        assert sorted(answer.status_code for answer in answers) == [204, 409]
        assert sql("select count(*) as n from users where role = 'admin' and is_active")[0]["n"] == 1


def test_of_admins_who_demote_each_other_at_once_one_stays(other: tuple[Api, Sql]) -> None:
    api, sql = other
    for number in range(15):
        admins = [with_role(api, sql, "admin") for _ in range(2)]
        sql("update users set role = 'user' where role = 'admin' and id <> all($1::uuid[])", [each.id for each in admins])
        body = {"role": "user"} if number % 2 else {"is_active": False}
        pairs = (admins, admins[::-1])
        answers = api.together(*(one.send("PATCH", f"/v1/admin/users/{two.id}", json=body) for one, two in pairs))
        assert sorted(answer.status_code for answer in answers) in ([200, 401], [200, 403], [200, 409])
        [left] = sql("select count(*) as n from users where role = 'admin' and is_active")
        assert left["n"] == 1

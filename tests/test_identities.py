"""Who vouches for a user: providers of any name, unlinking, and what an account without a password asks for."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec
import pytest
from client import PASSWORD, Api, Execute, User, assert_problem, new_email

from app.auth.passwords import Passwords
from app.settings import Provider, Settings

NEW = "another horse battery"


def provider(name: str) -> Provider:
    return Provider(name=name, kind="oidc", issuer=f"https://{name}.example", client_id="holdfast")


@pytest.fixture(scope="module")
def signing(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    """A server that signs in with two providers, one of them of the operator's own name."""
    changed = msgspec.structs.replace(settings, providers=(provider("google"), provider("acme2")))
    with Api.started(runner, changed, passwords) as api:
        yield api


@pytest.fixture(scope="module")
def there(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    """Another worker, of before these settings."""
    with Api.started(runner, settings, passwords) as api:
        yield api


@pytest.fixture(scope="module")
def service(signing: Api, execute: Execute) -> User:
    user = signing.user()
    execute("update users set role = 'service' where id = $1::text::uuid", user.id)
    signing.token_cache.forget()
    return user


@pytest.fixture
def link(execute: Execute) -> Any:
    """Gives a user an identity; returns its id."""

    def link(user: User, name: str) -> str:
        sql = "insert into identities (user_id, provider, subject) values ($1::text::uuid, $2, $3) returning id"
        return str(execute(sql, user.id, name, str(uuid4()))[0]["id"])

    return link


def without_password(api: Api, execute: Execute) -> User:
    """Somebody who came by a provider."""
    user = api.user()
    execute("update users set password_hash = null, is_external = true where id = $1::text::uuid", user.id)
    return user


def providers_of(user: User) -> list[str]:
    return sorted(each["provider"] for each in user.get("/v1/me/identities").json()["items"])


def grow_old(execute: Execute, user: User, minutes: int = 16) -> None:
    execute(
        "update sessions set created_at = now() - $2::interval where token_hash = $1",
        sha256(user.token.encode()).digest(),
        timedelta(minutes=minutes),
    )


# Providers


def test_a_service_names_and_links_users_of_the_servers_own_providers(signing: Api, there: Api, service: User) -> None:
    subject = str(uuid4())
    headers = {"X-On-Behalf-Of": f"acme2:{subject}"}
    me = service.get("/v1/me", headers=headers).json()
    assert service.get("/v1/me", headers=headers).json()["id"] == me["id"]
    path = f"/v1/admin/users/{signing.user().id}/identities"
    linked = service.put(path, {"provider": "acme2", "subject": str(uuid4())})
    assert (linked.status_code, linked.json()["provider"]) == (201, "acme2")
    # Where it is no provider, nobody vouches for it.
    assert_problem(service.at(there).get("/v1/me", headers=headers), 422, "invalid", "X-On-Behalf-Of")
    body = {"provider": "acme2", "subject": subject}
    assert_problem(service.at(there).put(path, body), 422, "invalid", "provider")


@pytest.mark.parametrize("name", ["acme3", "Acme2", "acme2 ", "", "2acme", "a-b", "a" * 31, "acme2\n", None, 7])
def test_who_is_no_provider_vouches_for_nobody(signing: Api, service: User, name: Any) -> None:
    body = {"provider": name, "subject": "1"}
    assert_problem(service.put(f"/v1/admin/users/{signing.user().id}/identities", body), 422, "invalid", "provider")
    if isinstance(name, str) and name != "acme2 " and name.isprintable():
        headers = {"X-On-Behalf-Of": f"{name}:1"}
        assert_problem(service.get("/v1/me", headers=headers), 422, "invalid", "X-On-Behalf-Of")


def test_the_table_takes_names_of_one_form_and_keeps_those_that_are_not_in_the_settings(
    signing: Api, execute: Execute, link: Any
) -> None:
    user = signing.user()
    for name in ("Acme", "a-b", "", "a" * 31, "1a", "acme\n"):
        with pytest.raises(asyncpg.CheckViolationError, match="identities_provider_form"):
            link(user, name)
    for name in ("a" * 30, "gone1"):
        link(user, name)
    assert providers_of(user) == ["a" * 30, "gone1"]


# Unlinking


def test_an_identity_is_unlinked_by_its_owner_alone(signing: Api, there: Api, service: User, link: Any) -> None:
    ada, bob = signing.user(), signing.user()
    identity = link(ada, "google")
    path = f"/v1/me/identities/{identity}"
    assert_problem(bob.delete(path), 404, "not_found")
    assert_problem(signing.delete(path), 401, "unauthenticated")
    script = ada.made("/v1/me/tokens", {"name": "Script", "scopes": ["read", "write"]})["token"]
    assert_problem(signing.delete(path, token=script), 403, "session_required")
    assert_problem(service.delete(path, headers={"X-On-Behalf-Of": ada.id}), 403, "session_required")
    assert_problem(ada.delete("/v1/me/identities/nonsense"), 404, "not_found")
    assert_problem(ada.delete(f"/v1/me/identities/{uuid4()}"), 404, "not_found")
    assert providers_of(ada) == ["google"]
    answer = ada.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert providers_of(ada) == []
    assert_problem(ada.delete(path), 404, "not_found")


def test_a_service_acts_no_more_for_who_has_unlinked_the_identity(
    signing: Api, there: Api, service: User, execute: Execute
) -> None:
    ada, subject = signing.user(), str(uuid4())
    linked = service.put(f"/v1/admin/users/{ada.id}/identities", {"provider": "google", "subject": subject}).json()
    headers = {"X-On-Behalf-Of": f"google:{subject}"}
    for worker in (signing, there):
        assert service.at(worker).get("/v1/me", headers=headers).json()["id"] == ada.id
    assert ada.delete(f"/v1/me/identities/{linked['id']}").status_code == 204
    assert service.get("/v1/me", headers=headers).json()["id"] != ada.id
    signing.runner.run(asyncio.sleep(0.1))
    assert service.at(there).get("/v1/me", headers=headers).json()["id"] != ada.id


@pytest.mark.parametrize("others", [(), ("legacy",), ("github",), ("legacy", "auth0")])
def test_the_last_way_in_stays(signing: Api, execute: Execute, link: Any, others: tuple[str, ...]) -> None:
    ada = without_password(signing, execute)
    google = link(ada, "google")
    for name in others:
        link(ada, name)
    assert_problem(ada.delete(f"/v1/me/identities/{google}"), 409, "last_way_in")
    assert providers_of(ada) == sorted(("google", *others))
    # With a second one, or a password, the first may go.
    link(ada, "acme2")
    assert ada.delete(f"/v1/me/identities/{google}").status_code == 204
    [acme] = [each["id"] for each in ada.get("/v1/me/identities").json()["items"] if each["provider"] == "acme2"]
    assert_problem(ada.delete(f"/v1/me/identities/{acme}"), 409, "last_way_in")
    assert ada.put("/v1/me/password", {"new": NEW}).status_code == 204
    assert ada.delete(f"/v1/me/identities/{acme}").status_code == 204
    assert providers_of(ada) == sorted(others)


def test_what_is_no_way_in_may_go(signing: Api, execute: Execute, link: Any) -> None:
    ada = without_password(signing, execute)
    link(ada, "google")
    legacy = link(ada, "legacy")
    assert ada.delete(f"/v1/me/identities/{legacy}").status_code == 204
    assert providers_of(ada) == ["google"]


def test_of_two_identities_that_are_unlinked_at_once_one_stays(signing: Api, execute: Execute, link: Any) -> None:
    for _ in range(10):
        ada = without_password(signing, execute)
        ids = [link(ada, name) for name in ("google", "acme2", "google", "acme2")]
        answers = signing.together(*(ada.send("DELETE", f"/v1/me/identities/{identity}") for identity in ids))
        assert sorted(answer.status_code for answer in answers) == [204, 204, 204, 409]
        assert len(providers_of(ada)) == 1


# Fresh sign-ins


def test_without_a_password_sensitive_acts_take_a_fresh_sign_in(signing: Api, execute: Execute, link: Any) -> None:
    ada = without_password(signing, execute)
    other = User(signing, {"token": ada.token, "user": ada.me})
    identity = link(ada, "google")
    link(ada, "acme2")
    acts: list[tuple[str, str, Any]] = [
        ("PUT", "/v1/me/password", {"new": NEW}),
        ("PATCH", "/v1/me", {"email": new_email()}),
        ("DELETE", f"/v1/me/identities/{identity}", None),
        ("DELETE", "/v1/me", {}),
    ]
    grow_old(execute, ada)
    for method, path, body in acts:
        assert_problem(other.request(method, path, json=body), 403, "fresh_sign_in_required")
    assert ada.get("/v1/me").json()["email"] == ada.email
    assert providers_of(ada) == ["acme2", "google"]
    assert ada.patch("/v1/me", {"name": "Ada"}).status_code == 200
    # Another, fresh session is not this one.
    execute(
        "insert into sessions (user_id, token_hash, expires_at) values ($1::text::uuid, $2, now() + interval '1 day')",
        ada.id,
        sha256(uuid4().bytes).digest(),
    )
    assert_problem(ada.put("/v1/me/password", {"new": NEW}), 403, "fresh_sign_in_required")
    grow_old(execute, ada, minutes=14)
    for method, path, body in acts[1:3]:
        assert ada.request(method, path, json=body).status_code in {200, 204}
    assert ada.put("/v1/me/password", {"new": NEW}).status_code == 204
    # From now on there is a password to ask for.
    grow_old(execute, ada)
    assert_problem(ada.request("DELETE", "/v1/me", json={}), 422, "invalid", "password")
    assert ada.request("DELETE", "/v1/me", json={"password": NEW}).status_code == 204


def test_an_account_without_a_password_is_deleted_after_a_fresh_sign_in(signing: Api, execute: Execute) -> None:
    ada = without_password(signing, execute)
    assert ada.request("DELETE", "/v1/me", json={}).status_code == 204
    assert_problem(ada.get("/v1/me"), 401, "unauthenticated")


def test_with_a_password_it_is_the_password_however_old_the_session(signing: Api, execute: Execute, link: Any) -> None:
    ada = signing.user()
    identity = link(ada, "google")
    grow_old(execute, ada, minutes=600)
    assert ada.delete(f"/v1/me/identities/{identity}").status_code == 204
    assert ada.patch("/v1/me", {"email": new_email(), "current_password": PASSWORD}).status_code == 200
    assert ada.put("/v1/me/password", {"current": PASSWORD, "new": NEW}).status_code == 204
    assert ada.request("DELETE", "/v1/me", json={"password": NEW}).status_code == 204


def test_a_guest_needs_no_fresh_sign_in(signing: Api, execute: Execute) -> None:
    guest = User(signing, signing.post("/v1/auth/guest").json())
    grow_old(execute, guest, minutes=600)
    assert guest.request("DELETE", "/v1/me", json={}).status_code == 204

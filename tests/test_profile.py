"""GET /v1/me with what belongs to the account: credits, consents, usage."""

from itertools import combinations
from typing import Any

import pytest
from client import Api, User, assert_problem

PARTS = ("credits", "consents", "usage")


@pytest.mark.parametrize("parts", [some for n in range(4) for some in combinations(PARTS, n)], ids=",".join)
def test_a_profile_has_the_parts_that_are_asked_for_as_their_own_addresses_answer_them(
    api: Api, parts: tuple[str, ...]
) -> None:
    user, other = api.user(), api.user()
    assert user.post("/v1/credits/deductions", {"amount": 3, "idempotency_key": "a"}).status_code == 201
    assert user.put("/v1/consents", {"terms_accepted": True, "terms_version": "1"}).status_code == 201
    conversation = user.made("/v1/conversations", {})["id"]
    user.made(f"/v1/conversations/{conversation}/messages", {"role": "user", "content": "Which bike?"})
    expected: dict[str, Any] = {part: user.get(f"/v1/{part}").json() for part in parts}
    me = user.get(f"/v1/me?with={','.join(parts)}" if parts else "/v1/me")
    assert me.json() == user.get("/v1/me").json() | expected
    assert list(me.json())[-len(parts) :] == [*parts] or not parts
    assert other.get("/v1/me?with=credits").json()["credits"]["available"] == 50


def test_a_profile_of_a_guest_has_all_parts(api: Api) -> None:
    guest = User(api, api.post("/v1/auth/guest").json())
    me = guest.get("/v1/me?with=usage,consents,credits").json()
    assert (me["is_guest"], me["credits"]["available"], me["usage"]["daily_used"]) == (True, 10, 0)
    assert me["consents"]["terms_accepted"] is False


def test_the_tag_of_a_profile_is_that_of_its_parts_and_of_the_account(api: Api) -> None:
    user = api.user()
    user.get("/v1/credits")
    path = "/v1/me?with=credits"
    tag = user.get(path).headers["etag"]
    assert tag != user.get("/v1/me").headers["etag"]
    assert user.get(path, headers={"If-None-Match": tag}).status_code == 304
    assert user.post("/v1/credits/deductions", {"amount": 1, "idempotency_key": "a"}).status_code == 201
    assert user.get(path, headers={"If-None-Match": tag}).status_code == 200
    # The account itself has not changed.
    assert user.patch("/v1/me", {"bio": "x"}, headers={"If-Match": tag}).status_code == 200
    assert_problem(user.patch("/v1/me", {"bio": "y"}, headers={"If-Match": tag}), 412, "version_mismatch")


def test_a_profile_can_be_sent_back_with_its_parts(api: Api) -> None:
    user = api.user()
    me = user.get("/v1/me?with=credits,consents,usage").json()
    assert user.post("/v1/credits/deductions", {"amount": 1, "idempotency_key": "a"}).status_code == 201
    changed = user.patch("/v1/me", me | {"bio": "First programmer"})
    assert changed.status_code == 200, changed.text
    assert changed.json()["bio"] == "First programmer"
    assert "credits" not in changed.json()
    assert_problem(user.patch("/v1/me", changed.json() | {"role": "admin"}), 422, "read_only", "role")


@pytest.mark.parametrize("query", ["with=", "with=tags", "with=credits,", "with=credits,credits", "with=credits&with=usage"])
def test_parts_are_strict(ada: User, query: str) -> None:
    assert_problem(ada.get(f"/v1/me?{query}"), 422, "invalid", "with")


def test_a_profile_is_for_who_is_signed_in(api: Api, ada: User) -> None:
    assert_problem(api.get("/v1/me?with=credits"), 401, "unauthenticated")
    assert_problem(ada.get("/v1/me?limit=1"), 422, "invalid", "limit")


def test_a_token_needs_the_scopes_of_the_parts(api: Api) -> None:
    user = api.user()

    def token(*scopes: str) -> str:
        answer = user.made("/v1/me/tokens", {"name": "T", "scopes": [*scopes]})
        return str(answer["token"])

    narrow, wide, all_of_it = token("me:read"), token("me:read", "credits:read"), token("read")
    assert api.get("/v1/me", token=narrow).status_code == 200
    for part in PARTS:
        assert_problem(api.get(f"/v1/me?with={part}", token=narrow), 403, "insufficient_scope")
    assert api.get("/v1/me?with=credits", token=wide).status_code == 200
    assert_problem(api.get("/v1/me?with=credits,usage", token=wide), 403, "insufficient_scope")
    assert api.get("/v1/me?with=credits,consents,usage", token=all_of_it).status_code == 200

"""Daily reviews: the whole contract of /v1/daily-reviews."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest
from client import Api, User, assert_problem, etag, set_by_change, version_tag

FIELDS = [
    "id", "date", "mood", "energy", "productivity", "sleep_quality", "sleep_hours", "water_ml", "screen_minutes", "steps",
    "highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow", "created_at", "updated_at", "version",
]  # fmt: skip
REVIEW: dict[str, Any] = {
    "mood": 7,
    "energy": 1,
    "productivity": 10,
    "sleep_quality": 5,
    "sleep_hours": 7.25,
    "water_ml": 1500,
    "screen_minutes": 0,
    "steps": 8400,
    "highlights": "Sea & sun ☀",
    "accomplishments": "",
    "challenges": "Wind",
    "lessons": "Take a coat",
    "gratitude": "Ada",
    "tomorrow": "Rest",
}
NOTHING = dict.fromkeys(REVIEW)
DAY = "/v1/daily-reviews/2026-11-21"


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody new for each test: all of her reviews are looked at."""
    return api.user()


def days(user: User, query: str = "") -> list[str]:
    return [review["date"] for review in user.get(f"/v1/daily-reviews?limit=200{query}").json()["items"]]


def test_a_review_is_made_by_the_first_put_and_reads_back_as_it_was_sent(ada: User) -> None:
    answer = ada.put(DAY, REVIEW)
    review = answer.json()
    assert (answer.status_code, version_tag(answer)) == (201, etag(review))
    assert list(review) == FIELDS
    assert review == review | REVIEW | {"date": "2026-11-21", "updated_at": review["created_at"]}
    read = ada.get(DAY)
    assert (read.status_code, read.json(), version_tag(read)) == (200, review, etag(review))
    for tag in (read.headers["etag"], f"W/{read.headers['etag']}", "*"):
        again = ada.get(DAY, headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_a_second_put_replaces_it_and_what_it_leaves_out_is_null(ada: User) -> None:
    first = ada.put(DAY, REVIEW).json()
    answer = ada.put(DAY, {"mood": 2})
    second = answer.json()
    assert (answer.status_code, version_tag(answer)) == (200, etag(second))
    assert second == first | NOTHING | {"mood": 2} | set_by_change(first, second)
    assert ada.put(DAY, {"mood": 2}).json() == second
    assert days(ada) == ["2026-11-21"]


def test_a_put_that_expects_a_version_replaces_that_one_and_never_makes_one(ada: User) -> None:
    for tag in ('"1"', 'W/"1"', "nonsense", "*"):
        assert_problem(ada.put(DAY, REVIEW, headers={"If-Match": tag}), 412, "version_mismatch")
    assert_problem(ada.get(DAY), 404, "not_found")
    made = ada.put(DAY, REVIEW)
    assert made.status_code == 201
    for stale in (etag(made.json(), -1), etag(made.json(), 1)):
        assert_problem(ada.put(DAY, {"mood": 2}, headers={"If-Match": stale}), 412, "version_mismatch")
    answer = ada.put(DAY, {"mood": 2}, headers={"If-Match": made.headers["etag"]})
    assert answer.status_code == 200
    assert answer.json() == made.json() | NOTHING | {"mood": 2} | set_by_change(made.json(), answer.json())


def test_fifty_puts_of_one_new_day_at_once_make_one_review(api: Api, ada: User) -> None:
    answers = api.together(*(ada.send("PUT", DAY, json={"steps": n}) for n in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len({answer.json()["version"] for answer in answers}) == 50
    assert ada.get(DAY).json() == max((answer.json() for answer in answers), key=lambda review: int(review["version"]))
    assert days(ada) == ["2026-11-21"]


def test_a_patch_changes_what_it_names_and_null_clears(ada: User) -> None:
    review = ada.put(DAY, REVIEW).json()
    answer = ada.patch(DAY, {"mood": 3, "sleep_hours": None, "steps": 0})
    changed = answer.json()
    assert (answer.status_code, version_tag(answer)) == (200, etag(changed))
    assert changed == review | {"mood": 3, "sleep_hours": None, "steps": 0} | set_by_change(review, changed)
    for same in ({}, {"mood": 3, "highlights": REVIEW["highlights"]}):
        assert ada.patch(DAY, same).json() == changed
    assert_problem(ada.patch(DAY, {"mood": 4}, headers={"If-Match": etag(review)}), 412, "version_mismatch")
    assert ada.patch(DAY, {"mood": 4}, headers={"If-Match": etag(changed)}).json()["mood"] == 4


def test_a_deleted_review_is_gone_and_its_day_can_be_reviewed_anew(ada: User) -> None:
    first = ada.put(DAY, REVIEW).json()
    assert_problem(ada.delete(DAY, headers={"If-Match": etag(first, 1)}), 412, "version_mismatch")
    answer = ada.delete(DAY, headers={"If-Match": etag(first)})
    assert (answer.status_code, answer.content) == (204, b"")
    for answer in (
        ada.get(DAY),
        ada.delete(DAY),
        ada.patch(DAY, {"mood": 1}),
        ada.patch(DAY, {}, headers={"If-Match": etag(first)}),
    ):
        assert_problem(answer, 404, "not_found")
    again = ada.put(DAY, REVIEW)
    assert again.status_code == 201
    assert again.json()["version"] > first["version"]
    assert again.json()["id"] != first["id"]


def test_the_review_of_somebody_else_does_not_exist_and_each_has_their_own(ada: User, bob: User) -> None:
    day = "/v1/daily-reviews/2026-01-01"
    review = ada.put(day, {"highlights": "Secret"}).json()
    for answer in (bob.get(day), bob.delete(day), bob.patch(day, {"mood": 1}), bob.delete(day, headers={"If-Match": '"9"'})):
        assert_problem(answer, 404, "not_found")
    assert "Secret" not in bob.get("/v1/daily-reviews").text
    assert bob.put(day, {"mood": 1}).status_code == 201
    assert bob.delete(day).status_code == 204
    assert ada.get(day).json() == review


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_review_of_a_range_once_and_in_the_order_of_days(ada: User, order: str) -> None:
    made = ["1900-01-01", "2026-02-28", "2026-03-01", "2026-03-02", "2026-12-31", "9999-12-31"]
    for day in made[::2] + made[1::2]:
        assert ada.put(f"/v1/daily-reviews/{day}", {"mood": 5}).status_code == 201
    expected = made if order == "oldest" else made[::-1]
    assert days(ada, f"&order={order}") == expected
    assert [review["date"] for review in ada.walk(f"/v1/daily-reviews?limit=2&order={order}")] == expected
    spring = expected[expected.index("2026-03-01") :] if order == "oldest" else expected[: expected.index("2026-03-01") + 1]
    assert days(ada, f"&order={order}&from=2026-03-01&to=2026-12-31") == [day for day in spring if day < "9999"]


def test_a_review_in_a_list_is_written_as_the_review_alone_is(ada: User) -> None:
    ada.put(DAY, REVIEW | {"lessons": 'Quote " backslash \\ 🎉 \u2028\n', "sleep_hours": 7.0})
    ada.put("/v1/daily-reviews/2026-11-20", {"sleep_hours": 0.1})
    page = ada.get("/v1/daily-reviews")
    singles = [ada.get(f"/v1/daily-reviews/{review['date']}").text for review in page.json()["items"]]
    assert page.text == '{"items":[' + ",".join(singles) + '],"next_cursor":null}'


def test_a_list_can_be_narrowed_to_a_tag(ada: User, runner: asyncio.Runner, database: str) -> None:
    tagged = ada.put(DAY, {"mood": 5}).json()["id"]
    ada.put("/v1/daily-reviews/2026-11-20", {"mood": 5})

    async def tag() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(
            """
            with tag as (insert into tags (user_id, name, slug) values ($1, 'Sea', 'sea') returning user_id, id)
            insert into taggings (user_id, tag_id, taggable_type, taggable_id)
            select user_id, id, 'daily-reviews', $2 from tag""",
            ada.id,
            tagged,
        )
        await connection.close()

    runner.run(tag())
    for order in ("newest", "oldest"):
        assert days(ada, f"&tag=sea&order={order}") == ["2026-11-21"]
        assert days(ada, f"&tag=land&order={order}") == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"mood": 0}, "mood"),
        ({"energy": 11}, "energy"),
        ({"productivity": 5.5}, "productivity"),
        ({"sleep_quality": "5"}, "sleep_quality"),
        ({"sleep_hours": 24.01}, "sleep_hours"),
        ({"sleep_hours": "7"}, "sleep_hours"),
        ({"sleep_hours": -1}, "sleep_hours"),
        ({"water_ml": -1}, "water_ml"),
        ({"screen_minutes": 1_000_001}, "screen_minutes"),
        ({"steps": 10**18}, "steps"),
        ({"steps": True}, "steps"),
        ({"highlights": "x" * 10_001}, "highlights"),
        ({"lessons": "a\0b"}, "lessons"),
        ({"tomorrow": 7}, "tomorrow"),
        ({"date": "2026-11-21"}, "date"),
        ({"id": "7"}, "id"),
        ({"version": 1}, "version"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_its_field(bob: User, body: Any, field: str) -> None:
    day = "/v1/daily-reviews/2026-05-05"
    for method in ("PUT", "PATCH"):
        if field not in {"date", "id", "version"}:
            assert_problem(bob.request(method, day, json=body), 422, "invalid", field)
        elif method == "PUT":
            assert_problem(bob.put(day, body), 422, "read_only", field)
        else:
            assert_problem(bob.patch(day, body), 404, "not_found")
    assert_problem(bob.get(day), 404, "not_found")


def test_texts_of_ten_thousand_characters_fit_however_they_are_written(ada: User) -> None:
    texts = dict.fromkeys(("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow"), "🎉" * 10_000)
    answer = ada.put(DAY, content=json.dumps(texts), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    assert ada.get(DAY).json() == answer.json() | texts
    assert_problem(ada.put(DAY, {"highlights": "x" * 1024 * 1024}), 413, "body_too_large")


def test_a_day_is_written_in_one_way_and_lies_after_1900(bob: User) -> None:
    for day in ("2026-11-1", "20261121", "2026-W47-6", "2026-02-30", "0000-01-01", "nonsense", "10000-01-01"):
        assert_problem(bob.put(f"/v1/daily-reviews/{day}", {}), 404, "not_found")
    assert_problem(bob.put("/v1/daily-reviews/1899-12-31", {}), 422, "invalid", "date")
    assert_problem(bob.get("/v1/daily-reviews/1899-12-31"), 404, "not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [("from=2026-01-02&to=2026-01-01", "to"), ("from=yesterday", "from"), ("limit=201", "limit"), ("mood=5", "mood")],
)
def test_a_list_takes_what_it_knows_alone(bob: User, query: str, field: str) -> None:
    assert_problem(bob.get(f"/v1/daily-reviews?{query}"), 422, "invalid", field)
    assert_problem(bob.get("/v1/daily-reviews?cursor=nonsense"), 422, "invalid_cursor")


# By id


def test_a_review_is_read_changed_and_deleted_by_its_id_too(ada: User) -> None:
    review = ada.put(DAY, REVIEW).json()
    path = f"/v1/daily-reviews/by-id/{review['id']}"
    read = ada.get(path)
    assert (read.status_code, read.json(), version_tag(read)) == (200, review, etag(review))
    assert ada.get(path, headers={"If-None-Match": read.headers["etag"]}).status_code == 304
    assert_problem(ada.patch(path, {"mood": 1}, headers={"If-Match": '"7"'}), 412, "version_mismatch")
    assert_problem(ada.patch(path, {"mood": 11}), 422, "invalid", "mood")
    changed = ada.patch(path, {"mood": 1, "lessons": None}, headers={"If-Match": read.headers["etag"]}).json()
    assert changed == review | {"mood": 1, "lessons": None} | set_by_change(review, changed)
    assert ada.get(DAY).json() == changed
    assert ada.patch(path, changed).json() == changed
    assert_problem(ada.delete(path, headers={"If-Match": etag(review)}), 412, "version_mismatch")
    assert ada.delete(path).status_code == 204
    for answer in (ada.get(path), ada.patch(path, {}), ada.delete(path), ada.get(DAY)):
        assert_problem(answer, 404, "not_found")


def test_an_id_of_somebody_elses_review_leads_nowhere(api: Api, ada: User, bob: User) -> None:
    review = ada.put(DAY, REVIEW).json()
    path = f"/v1/daily-reviews/by-id/{review['id']}"
    for answer in (bob.get(path), bob.patch(path, {"mood": 1}), bob.delete(path), ada.get("/v1/daily-reviews/by-id/7")):
        assert_problem(answer, 404, "not_found")
    assert_problem(api.get(path), 401, "unauthenticated")
    assert ada.get(path).json() == review


# As a blog entry


def test_a_review_becomes_a_draft_of_a_blog_entry_once(ada: User) -> None:
    review = ada.put(DAY, REVIEW).json()
    answer = ada.post(f"{DAY}/blog-entry")
    entry = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/blog-entries/{review['id']}")
    assert (entry["title"], entry["slug"], entry["status"]) == ("Review of 2026-11-21", "review-of-2026-11-21", "draft")
    assert entry["content"] == (
        "- Mood: 7/10\n- Energy: 1/10\n- Productivity: 10/10\n- Sleep quality: 5/10\n- Sleep: 7.25 h\n- Water: 1500 ml\n"
        "- Screen: 0 min\n- Steps: 8400\n\n## Highlights\n\nSea & sun ☀\n\n## Challenges\n\nWind\n\n"
        "## Lessons\n\nTake a coat\n\n## Gratitude\n\nAda\n\n## Tomorrow\n\nRest"
    )
    assert ada.get(answer.headers["location"]).json() == entry
    ada.patch(DAY, {"mood": 1})
    again = ada.post(f"{DAY}/blog-entry")
    assert (again.status_code, again.json()) == (200, entry)
    changed = ada.patch(answer.headers["location"], {"content": "Mine"}).json()
    assert ada.post(f"{DAY}/blog-entry").json() == changed
    assert ada.delete(answer.headers["location"]).status_code == 204
    anew = ada.post(f"{DAY}/blog-entry")
    assert (anew.status_code, anew.json()["content"][:12]) == (201, "- Mood: 1/10")
    assert ada.get(DAY).status_code == 200


def test_an_empty_review_becomes_an_entry_too_and_the_longest_one(ada: User) -> None:
    ada.put(DAY, {})
    assert ada.post(f"{DAY}/blog-entry").json()["content"] == "Review of 2026-11-21"
    texts = dict.fromkeys(("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow"), "🎉" * 10_000)
    other = DAY.replace("21", "22")
    ada.put(other, texts)
    assert ada.post(f"{other}/blog-entry").json()["content"].count("🎉") == 60_000


def test_a_day_without_a_review_of_ones_own_becomes_no_entry(api: Api, ada: User, bob: User) -> None:
    ada.put(DAY, REVIEW)
    day = "/v1/daily-reviews/1999-01-01/blog-entry"
    for answer in (bob.post(day), ada.post(day), ada.post("/v1/daily-reviews/2026-02-30/blog-entry")):
        assert_problem(answer, 404, "not_found")
    assert_problem(api.post(f"{DAY}/blog-entry"), 401, "unauthenticated")

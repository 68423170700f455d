"""Blog entries: the whole contract of /v1/blog-entries, and slugs."""

import asyncio
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote
from uuid import UUID, uuid4

import asyncpg
import pytest
from client import Api, Execute, Started, User, assert_problem, etag, set_by_change, version_tag
from factories import new_uuid7
from hypothesis import given
from hypothesis import strategies as st
from serving import until

from app.blog_entries.repository import add_views
from app.database.errors import DatabaseUnavailable
from app.http import view_counts
from app.http.view_counts import ViewCounts
from app.slugs import slug

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FIELDS = [
    "id", "title", "content", "excerpt", "slug", "status", "is_featured", "is_public", "view_count", "published_at",
    "created_at", "updated_at", "version",
]  # fmt: skip
LISTED = ["id", "title", "excerpt", "content_start", *FIELDS[4:]]
BLOG = "/v1/blog-entries"


def entry(user: User, **fields: Any) -> dict[str, Any]:
    return user.made(BLOG, {"title": "A day", "content": "It rained."} | fields)


def listed(user: User, query: str = "") -> list[str]:
    return [each["id"] for each in user.get(f"{BLOG}?limit=200{query}").json()["items"]]


def test_a_created_entry_reads_back_as_it_was_sent(ada: User) -> None:
    fields = {
        "title": " Über 7 Brücken! ", "content": "# Rain\n🎉", "excerpt": "", "status": "archived", "is_featured": True,
        "is_public": True,
    }  # fmt: skip
    answer = ada.post(BLOG, fields)
    assert answer.status_code == 201
    made = answer.json()
    assert list(made) == FIELDS
    assert made == made | fields | {"slug": "über-7-brücken", "published_at": None, "view_count": 0}
    assert (answer.headers["location"], version_tag(answer)) == (f"{BLOG}/{made['id']}", etag(made))
    for path in (answer.headers["location"], f"{BLOG}/by-slug/{quote(made['slug'])}"):
        read = ada.get(path)
        assert (read.status_code, read.json(), version_tag(read)) == (200, made, etag(made))
        same = ada.get(path, headers={"If-None-Match": read.headers["etag"]})
        assert (same.status_code, same.content) == (304, b"")


def test_what_is_not_sent_gets_its_default(ada: User) -> None:
    made = entry(ada)
    assert made == made | {"excerpt": None, "status": "draft", "is_featured": False, "is_public": False, "published_at": None}


def test_a_create_sent_again_answers_the_entry_as_it_stands(api: Api) -> None:
    user, chosen = api.user(), str(new_uuid7())
    sent = {"title": "Once", "content": "C", "id": chosen}
    answers = api.together(*(user.send("POST", BLOG, json=sent) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    assert {(answer.json()["id"], answer.json()["slug"]) for answer in answers} == {(chosen, "once")}
    changed = user.patch(f"{BLOG}/{chosen}", {"title": "Changed"})
    again = user.post(BLOG, sent)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, changed.json(), changed.headers["etag"])
    assert listed(user) == [chosen]
    assert_problem(user.post(BLOG, sent | {"id": str(uuid4())}), 422, "id_not_time_ordered", "id")


# Slugs


def test_twenty_creates_of_one_title_at_once_all_get_a_slug_of_their_own(api: Api) -> None:
    user = api.user()
    answers = api.together(*(user.send("POST", BLOG, json={"title": "Same", "content": "C"}) for _ in range(20)))
    assert [answer.status_code for answer in answers] == [201] * 20
    assert {answer.json()["slug"] for answer in answers} == {"same", *(f"same-{n}" for n in range(2, 21))}


def test_the_first_free_number_is_taken_whoever_has_the_others(api: Api) -> None:
    user, other = api.user(), api.user()
    assert [entry(user, title="Day")["slug"] for _ in range(3)] == ["day", "day-2", "day-3"]
    assert entry(user, title="Day 5")["slug"] == "day-5"
    assert [entry(user, title="day?!")["slug"] for _ in range(2)] == ["day-4", "day-6"]
    two = user.get(f"{BLOG}/by-slug/day-2").json()["id"]
    user.delete(f"{BLOG}/{two}")
    assert entry(user, title="DAY")["slug"] == "day-2"
    assert entry(other, title="Day")["slug"] == "day"


@pytest.mark.parametrize("title", ["?!", "🎉", "---", ". / % #", "\u0301"])
def test_a_title_without_letters_and_digits_gets_a_slug_all_the_same(api: Api, title: str) -> None:
    user = api.user()
    assert [entry(user, title=title)["slug"] for _ in range(2)] == ["entry", "entry-2"]


def test_the_longest_title_has_room_for_a_number(api: Api) -> None:
    user = api.user()
    title = "\ufdfa" * 255
    slugs = [entry(user, title=title)["slug"] for _ in range(2)]
    assert slugs[1] == f"{slugs[0]}-2"
    assert len(slugs[0]) <= 255


def test_a_slug_stays_when_the_title_changes_and_can_be_changed_by_itself(api: Api) -> None:
    user = api.user()
    first, second = entry(user, title="First"), entry(user, title="Second")
    path = f"{BLOG}/{second['id']}"
    assert user.patch(path, {"title": "Another"}).json()["slug"] == "second"
    assert user.patch(path, {"slug": "zweiter"}).json()["slug"] == "zweiter"
    assert_problem(user.get(f"{BLOG}/by-slug/second"), 404, "not_found")
    assert_problem(user.patch(path, {"slug": first["slug"]}), 409, "conflict", "slug")
    assert user.get(path).json()["slug"] == "zweiter"
    for bad in ("", "a b", "a/b", "a?", "a#b", "50%", "x" * 301, "a\n", None):
        assert_problem(user.patch(path, {"slug": bad}), 422, "invalid", "slug")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Water the plants", "water-the-plants"),
        ("  Hello,   World!  ", "hello-world"),
        ("Überraschung ÆØÅ", "überraschung-æøå"),
        ("Привет, мир", "привет-мир"),
        ("日本語のタイトル", "日本語のタイトル"),
        ("हिन्दी में", "हिन्दी-में"),
        ("ﬁne \uff37\uff49\uff44\uff45 ②", "fine-wide-2"),
        ("e\u0301tude", "étude"),
        ("İstanbul", unicodedata.normalize("NFKC", "i\u0307stanbul")),
        ("a_b/c?d#e%f", "a-b-c-d-e-f"),
        ("🎉", ""),
        ("", ""),
        ("one two three four", "one-two-thr"),
        ("one two x three", "one-two-x-t"),
        ("one two th. three", "one-two-th"),
    ],
)
def test_a_slug_keeps_letters_and_digits_in_lower_case(text: str, expected: str) -> None:
    assert slug(text, 11 if text.startswith("one two") else 300) == expected


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_slug_of_anything_can_stand_in_an_address(text: str, longest: int) -> None:
    made = slug(text, longest)
    assert len(made) <= longest
    assert made == made.strip("-")
    assert "--" not in made
    assert not any(character.isspace() or character in "/?#%" for character in made)
    assert all(character == "-" or unicodedata.category(character)[0] in "LNM" for character in made)
    assert bool(slug(text, 1000)) == any(character.isalnum() for character in unicodedata.normalize("NFKC", text))


# Changes


def test_a_patch_changes_what_it_names_and_null_clears(ada: User) -> None:
    made = entry(ada, excerpt="Wet")
    path = f"{BLOG}/{made['id']}"
    answer = ada.patch(path, {"content": "It stopped.", "is_featured": True})
    assert (answer.status_code, version_tag(answer)) == (200, etag(answer.json()))
    assert answer.json() == made | {"content": "It stopped.", "is_featured": True} | set_by_change(made, answer.json())
    assert ada.patch(path, {"excerpt": None}).json()["excerpt"] is None
    before = ada.get(path).json()
    for same in ({}, {"title": made["title"], "status": "draft"}):
        assert ada.patch(path, same).json() == before
    for stale in (etag(made), etag(answer.json())):
        assert_problem(ada.patch(path, {"title": "T"}, headers={"If-Match": stale}), 412, "version_mismatch")
        assert_problem(ada.delete(path, headers={"If-Match": stale}), 412, "version_mismatch")


def test_the_time_of_publishing_is_set_exactly_while_an_entry_is_published(ada: User) -> None:
    made = entry(ada)
    path = f"{BLOG}/{made['id']}"
    published = ada.patch(path, {"status": "published"}).json()
    first = datetime.fromisoformat(published["published_at"])
    assert published["published_at"].endswith("Z")
    assert abs(datetime.now(UTC) - first) < timedelta(seconds=5)
    assert ada.patch(path, {"status": "published"}).json() == published
    assert ada.patch(path, {"title": "Later"}).json()["published_at"] == published["published_at"]
    for status in ("draft", "archived"):
        assert ada.patch(path, {"status": status}).json()["published_at"] is None
    again = ada.patch(path, {"status": "published"}).json()
    assert datetime.fromisoformat(again["published_at"]) > first
    assert entry(ada, status="published")["published_at"] is not None
    assert_problem(ada.patch(path, {"published_at": None}), 422, "read_only", "published_at")


def test_a_deleted_entry_is_gone(ada: User) -> None:
    made = entry(ada)
    path = f"{BLOG}/{made['id']}"
    answer = ada.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (ada.get(path), ada.delete(path), ada.patch(path, {}), ada.get(f"{BLOG}/by-slug/{made['slug']}")):
        assert_problem(gone, 404, "not_found")


def test_an_entry_of_somebody_else_does_not_exist(ada: User, bob: User) -> None:
    made = entry(ada, title="Secret diary", content="Confidential")
    path = f"{BLOG}/{made['id']}"
    for answer in (
        bob.get(path),
        bob.get(f"{BLOG}/by-slug/{made['slug']}"),
        bob.patch(path, {"title": "Mine"}),
        bob.patch(path, {"title": "Mine"}, headers={"If-Match": '"9"'}),
        bob.delete(path),
        bob.delete(path, headers={"If-Match": '"9"'}),
    ):
        assert_problem(answer, 404, "not_found")
    for query in ("", "?q=confidential", "?order=oldest"):
        assert "Confidential" not in bob.get(BLOG + query).text
    assert ada.get(path).json() == made


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"title": None}, "title"),
        ({"title": ""}, "title"),
        ({"title": "\u2003"}, "title"),
        ({"title": "x" * 501}, "title"),
        ({"content": None}, "content"),
        ({"content": ""}, "content"),
        ({"content": "x" * 200_001}, "content"),
        ({"content": "a\0b"}, "content"),
        ({"excerpt": "x" * 2001}, "excerpt"),
        ({"status": "hidden"}, "status"),
        ({"status": None}, "status"),
        ({"is_featured": 1}, "is_featured"),
        ({"published_at": "2026-01-01T00:00:00Z"}, "published_at"),
        ({"search": "x"}, "search"),
    ],
)
def test_a_body_that_breaks_a_rule_is_refused_with_its_field(bob: User, body: Any, field: str) -> None:
    before = listed(bob)
    assert_problem(bob.post(BLOG, {"title": "T", "content": "C"} | body), 422, "invalid", field)
    assert listed(bob) == before
    path = f"{BLOG}/{entry(bob)['id']}"
    assert_problem(bob.patch(path, body), 422, "read_only" if field == "published_at" else "invalid", field)
    assert_problem(bob.post(BLOG, {"title": "T"}), 422, "invalid", "content")


def test_content_may_have_200_000_characters_of_any_kind(api: Api) -> None:
    user = api.user()
    # Rare letters in pairs: of all texts these make the largest search column.
    letters = [chr(code) for code in range(0x20000, 0x2A6D0)] + [chr(code) for code in range(0x4E00, 0x9FF0)]
    pairs = "".join(
        f"{letters[2 * n % len(letters)]}-{letters[(2 * n + 1 + 2 * n // len(letters)) % len(letters)]} " for n in range(50_000)
    )
    for content in ("🎉" * 200_000, pairs, "word " * 40_000):
        made = entry(user, content=content)
        assert made["content"] == content
        assert user.get(f"{BLOG}/{made['id']}").json() == made
    assert_problem(user.post(BLOG, {"title": "T", "content": "x" * 1024 * 1024}), 413, "body_too_large")


# Lists


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_give_every_entry_once_and_in_order(api: Api, order: str) -> None:
    user = api.user()
    made = [entry(user, title=f"T{n}")["id"] for n in range(5)]
    seen = [each["id"] for each in user.walk(f"{BLOG}?limit=2&order={order}")]
    assert seen == (made if order == "oldest" else made[::-1])


@pytest.mark.parametrize("query", ["", "?order=oldest", "?q=word"])
def test_an_entry_in_a_list_has_its_excerpt_and_the_start_of_its_content(api: Api, query: str) -> None:
    user = api.user()
    made = [
        entry(user, content='word " backslash \\ 🎉 \u2028\n', status="published"),
        entry(user, content="word" + "🎉" * 300, excerpt="E"),
    ]
    answer = user.get(BLOG + query)
    items = {item["id"]: item for item in answer.json()["items"]}
    starts = ['word " backslash \\ 🎉 \u2028\n', "word" + "🎉" * 196]
    for each, start in zip(made, starts, strict=True):
        found = {field: items[each["id"]].get(field) for field in (*each, "content_start")}
        # An excerpt that is not there is null: what the list shows is what is stored, and can be sent back.
        assert found == each | {"content": None, "content_start": start}
    assert "content" not in items[made[0]["id"]]


def test_an_entry_in_a_list_is_written_as_the_entry_alone_is(api: Api) -> None:
    user = api.user()
    made = entry(user, title='Quote " backslash \\ 🎉 \u2028\n', excerpt="E", content="C", status="published")
    alone = user.get(f"{BLOG}/{made['id']}").text.replace('"content":"C","excerpt":"E"', '"excerpt":"E","content_start":"C"')
    assert user.get(BLOG).text == f'{{"items":[{alone}],"next_cursor":null}}'


def test_a_list_can_be_narrowed_to_a_status_and_a_tag(api: Api, runner: asyncio.Runner, database: str) -> None:
    user = api.user()
    made = {status: entry(user, status=status)["id"] for status in ("draft", "published", "archived")}

    async def tag() -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(
            """
            with tag as (insert into tags (user_id, name, slug) values ($1, 'Sea', 'sea') returning user_id, id)
            insert into taggings (user_id, tag_id, taggable_type, taggable_id)
            select user_id, id, 'blog-entries', $2 from tag""",
            user.id,
            made["published"],
        )
        await connection.close()

    runner.run(tag())
    for more in ("", "&order=oldest", "&q=rained"):
        for status, expected in made.items():
            assert listed(user, f"&status={status}{more}") == [expected]
        assert listed(user, f"&tag=sea{more}") == [made["published"]]
        assert listed(user, f"&tag=sea&status=draft{more}") == []
        assert listed(user, f"&tag=land{more}") == []


# The search of a list


def test_a_search_gives_entries_with_rank_and_snippet_best_first(api: Api) -> None:
    user = api.user()
    in_content = entry(user, content="Fog over the harbour <3 & the sea")
    in_title = entry(user, title="Harbour", content="Boats")
    entry(user, title="Nothing", content="of the kind")
    answer = user.get(f"{BLOG}?q=HARBOUR")
    assert answer.json()["next_cursor"] is None
    first, second = answer.json()["items"]
    assert list(first) == [*LISTED, "snippet", "rank"]
    shown = {field: in_title[field] for field in FIELDS if field != "content"}
    assert first == shown | {"content_start": "Boats", "snippet": "<mark>Harbour</mark>\nBoats", "rank": first["rank"]}
    assert second["id"] == in_content["id"]
    assert first["rank"] > second["rank"] > 0
    assert "Fog over the <mark>harbour</mark> &lt;3 &amp; the sea" in second["snippet"]
    assert [each["id"] for each in user.get(f"{BLOG}?q=harbour&limit=1").json()["items"]] == [in_title["id"]]


def test_a_search_of_a_list_is_one_page_and_wants_words(ada: User) -> None:
    cursor = "bgAAAAAAAAAAAAAAAAAAAAA"
    assert_problem(ada.get(f"{BLOG}?q=rained&cursor={cursor}"), 422, "invalid", "cursor")
    for blank in ("", "%20", "%E2%80%83"):
        assert_problem(ada.get(f"{BLOG}?q={blank}"), 422, "invalid", "q")
    assert_problem(ada.get(f"{BLOG}?q={'x' * 10_000}"), 422, "invalid", "q")
    assert_problem(ada.get(f"{BLOG}?status=hidden"), 422, "invalid", "status")
    assert ada.get(f"{BLOG}?q=%3F!").json() == {"items": [], "next_cursor": None}
    assert listed(ada, f"&q={ada.id}") == []


# What anybody may read


def author(api: Api) -> tuple[User, str]:
    """Somebody with a user name, and the address of what they publish."""
    user, username = api.user(), f"Ada.{uuid4().hex}"
    assert user.patch("/v1/me", {"username": username}).status_code == 200
    return user, f"/v1/public/users/{username}/blog-entries"


def settle(api: Api, counts: ViewCounts) -> None:
    """Write what was counted."""
    api.runner.run(counts.settle(partial(add_views, api.database)))


def test_a_published_entry_that_is_public_is_read_without_a_token(api: Api) -> None:
    user, path = author(api)
    made = entry(user, title="Über Land", status="published", is_public=True, content="Öl")
    for address in (path, path.lower()):
        read = api.get(f"{address}/{quote(made['slug'])}")
        assert (read.status_code, read.json(), read.headers["etag"]) == (200, made, etag(made))
        assert read.headers["cache-control"] == "public, max-age=60"
        assert "vary" not in read.headers
        same = api.get(f"{address}/{quote(made['slug'])}", headers={"If-None-Match": read.headers["etag"]})
        assert (same.status_code, same.headers["cache-control"]) == (304, "public, max-age=60")
    assert list(api.get(path).json()["items"][0]) == LISTED


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "draft", "is_public": True},
        {"status": "archived", "is_public": True},
        {"status": "published", "is_public": False},
        {"status": "published"},
    ],
)
def test_what_is_not_both_published_and_public_is_only_its_owners(api: Api, fields: dict[str, Any]) -> None:
    user, path = author(api)
    made = entry(user, **fields)
    for reader in (api, user):
        answer = reader.get(f"{path}/{made['slug']}")
        assert_problem(answer, 404, "not_found")
        assert answer.headers["cache-control"] == "private, no-cache"
    assert api.get(path).json() == {"items": [], "next_cursor": None}
    shown = user.patch(f"{BLOG}/{made['id']}", {"status": "published", "is_public": True}).json()
    assert api.get(f"{path}/{made['slug']}").json() == shown
    user.patch(f"{BLOG}/{made['id']}", fields | {"is_public": False})
    assert_problem(api.get(f"{path}/{made['slug']}"), 404, "not_found")


def test_public_entries_are_listed_newest_first_and_tell_of_no_other(api: Api) -> None:
    user, path = author(api)
    ids = [entry(user, title=f"T{n}", status="published", is_public=n != 2)["id"] for n in range(4)]
    first = api.get(f"{path}?limit=2").json()
    rest = api.get(f"{path}?limit=2&cursor={first['next_cursor']}").json()
    assert [each["id"] for page in (first, rest) for each in page["items"]] == [ids[3], ids[1], ids[0]]
    assert rest["next_cursor"] is None
    assert_problem(api.get(f"{path}?status=draft"), 422, "invalid", "status")
    assert_problem(api.get(f"{path}?cursor=nonsense"), 422, "invalid_cursor")
    assert_problem(api.post(path, {"title": "T", "content": "C"}), 405, "method_not_allowed")


def test_what_anybody_may_read_does_not_tell_whether_a_user_name_is_taken(api: Api) -> None:
    taken, free = author(api)[1], "/v1/public/users/nobody.has.this/blog-entries"
    for path in (taken, free):
        assert api.get(path).json() == {"items": [], "next_cursor": None}
        assert_problem(api.get(f"{path}?cursor=x"), 422, "invalid_cursor")
        assert_problem(api.get(f"{path}/t0"), 404, "not_found")


def test_nobody_reads_what_a_disabled_user_published(api: Api, connection: Connection) -> None:
    user, path = author(api)
    made = entry(user, status="published", is_public=True)
    api.runner.run(connection.execute("update users set is_active = false where id::text = $1", user.id))
    assert api.get(path).json()["items"] == []
    assert_problem(api.get(f"{path}/{made['slug']}"), 404, "not_found")


def test_public_reads_are_counted_and_change_nothing_else(api: Api) -> None:
    user, path = author(api)
    made = entry(user, status="published", is_public=True)
    other = entry(user, title="Other", status="published", is_public=True)
    address = f"{path}/{made['slug']}"
    for headers in ({}, {}, {"If-None-Match": etag(made)}):
        assert api.get(address, headers=headers).status_code in {200, 304}
    api.request("HEAD", address)
    user.get(f"{BLOG}/{made['id']}")
    api.get(path)
    assert api.get(address).json()["view_count"] == 0
    settle(api, api.app.services.view_counts)
    read = api.get(address)
    assert (read.json(), read.headers["etag"]) == (made | {"view_count": 4}, etag(made))
    assert user.get(f"{BLOG}/{made['id']}").json() == made | {"view_count": 4}
    assert user.get(f"{BLOG}/{other['id']}").json() == other
    assert user.patch(f"{BLOG}/{made['id']}", made).json()["view_count"] == 4
    assert_problem(user.post(BLOG, {"title": "T", "content": "C", "view_count": 7}), 422, "invalid", "view_count")


def test_views_are_written_once_a_minute_and_when_the_worker_stops(
    api: Api, started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, path = author(api)
    made = entry(user, status="published", is_public=True)

    def views() -> int:
        return int(user.get(f"{BLOG}/{made['id']}").json()["view_count"])

    monkeypatch.setattr(view_counts, "EVERY", 0.01)
    soon = started()
    assert soon.get(f"{path}/{made['slug']}").status_code == 200
    until(lambda: soon.runner.run(asyncio.sleep(0.01, True)) and views() == 1, "what was read is written")  # noqa: FBT003
    monkeypatch.setattr(view_counts, "EVERY", 86_400.0)
    with Api.started(api.runner, api.app.services.settings, api.app.services.passwords) as stopping:
        assert stopping.get(f"{path}/{made['slug']}").status_code == 200
        assert views() == 1
    assert views() == 2


def test_writing_views_stores_nothing_but_their_number(api: Api, execute: Execute) -> None:
    user, _ = author(api)
    made = entry(user, content=" ".join(f"w{n:06}" for n in range(20_000)), status="published", is_public=True)

    def written() -> int:
        """Bytes in the table where long values lie."""
        [row] = execute("select pg_relation_size(reltoastrelid) from pg_class where oid = 'blog_entries'::regclass")
        return int(row["pg_relation_size"])

    before = written()
    for _ in range(10):
        counts = ViewCounts()
        counts.note(UUID(user.id), UUID(made["id"]))
        settle(api, counts)
    assert written() == before
    assert user.get(f"{BLOG}/{made['id']}").json()["view_count"] == 10
    assert listed(user, "&q=w012345") == [made["id"]]


def test_views_are_written_when_the_database_is_there_again_and_those_of_a_deleted_entry_never(api: Api) -> None:
    user, _ = author(api)
    kept, deleted = (entry(user, title=f"T{n}", status="published", is_public=True) for n in range(2))
    assert user.delete(f"{BLOG}/{deleted['id']}").status_code == 204
    counts = ViewCounts()
    counts.note(UUID(user.id), UUID(kept["id"]))
    counts.note(UUID(user.id), UUID(deleted["id"]))

    async def is_away(_: Mapping[tuple[UUID, UUID], int]) -> None:
        raise DatabaseUnavailable

    with pytest.raises(DatabaseUnavailable):
        api.runner.run(counts.settle(is_away))
    for _ in range(2):
        settle(api, counts)
    assert user.get(f"{BLOG}/{kept['id']}").json()["view_count"] == 1


def test_a_title_has_500_characters_at_most(ada: User) -> None:
    made = entry(ada, title="🎉" * 500)
    assert ada.get(f"{BLOG}/{made['id']}").json()["title"] == "🎉" * 500
    assert ada.patch(f"{BLOG}/{made['id']}", {"title": "x" * 500}).json()["title"] == "x" * 500

"""Search: the whole contract of /v1/search, and what a snippet may hold."""

import asyncio
import re
from typing import Any, TypeAlias

import asyncpg
import pytest
from client import Api, User, assert_problem
from hypothesis import example, given, settings
from hypothesis import strategies as st

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

KINDS = ["tasks", "goals", "habits", "daily-reviews", "blog-entries"]


@pytest.fixture(scope="module")
def ada(api: Api, runner: asyncio.Runner, connection: Connection) -> User:
    """Somebody who has one of each kind, and the word "garden" in all of them."""
    return one_of_each(api.user(), runner, connection)


@pytest.fixture(scope="module")
def bob(api: Api, runner: asyncio.Runner, connection: Connection) -> User:
    return one_of_each(api.user(), runner, connection)


def one_of_each(user: User, runner: asyncio.Runner, connection: Connection) -> User:
    user.task(title="Water the garden", description="The roses first")
    goal = "insert into goals (user_id, title, description, goal_type) values ($1, 'A greenhouse', 'For the garden', 'yearly')"
    habit = "insert into habits (user_id, name, description) values ($1, 'Walk', 'Round the garden')"
    for insert in (goal, habit):
        runner.run(connection.execute(insert, user.id))
    review = {"highlights": "Sun", "lessons": "Frost kills a garden", "tomorrow": "Buy fleece"}
    assert user.put("/v1/daily-reviews/2026-03-01", review).status_code == 201
    user.made("/v1/blog-entries", {"title": "Spring", "content": "My garden in March", "excerpt": "Of soil"})
    return user


def found(user: User, q: str, **more: Any) -> list[dict[str, Any]]:
    answer = user.get("/v1/search", params={"q": q} | more)
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["items"]
    hits: list[dict[str, Any]] = answer.json()["items"]
    return hits


def kinds(user: User, q: str, **more: Any) -> list[str]:
    return sorted(hit["kind"] for hit in found(user, q, **more))


def test_every_kind_is_found_with_its_title_and_what_matches_is_marked(ada: User) -> None:
    hits = found(ada, "garden")
    assert all(list(hit) == ["kind", "id", "title", "snippet", "rank"] for hit in hits)
    assert {hit["kind"]: (hit["title"], hit["snippet"]) for hit in hits} == {
        "tasks": ("Water the garden", "Water the <mark>garden</mark>\nThe roses first"),
        "goals": ("A greenhouse", "A greenhouse\nFor the <mark>garden</mark>"),
        "habits": ("Walk", "Walk\nRound the <mark>garden</mark>"),
        "daily-reviews": ("2026-03-01", "Sun\nFrost kills a <mark>garden</mark>\nBuy fleece"),
        "blog-entries": ("Spring", "Spring\nOf soil\nMy <mark>garden</mark> in March"),
    }
    ranks = [hit["rank"] for hit in hits]
    assert ranks == sorted(ranks, reverse=True)
    # It stands in the title of one alone.
    assert hits[0]["kind"] == "tasks"
    for hit in hits:
        if hit["kind"] in {"tasks", "blog-entries"}:
            assert ada.get(f"/v1/{hit['kind']}/{hit['id']}").status_code == 200


def test_a_search_can_be_narrowed_to_a_kind_and_a_number(ada: User) -> None:
    for kind in KINDS:
        assert kinds(ada, "garden", kind=kind) == [kind]
    everything = found(ada, "garden")
    for limit in (1, 3, 50):
        assert found(ada, "garden", limit=limit) == everything[:limit]


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("GARDEN", sorted(KINDS)),
        ("garden roses", ["tasks"]),
        ("roses or frost", ["daily-reviews", "tasks"]),
        ('"kills a garden"', ["daily-reviews"]),
        ('"a kills garden"', []),
        ("garden -march -roses", ["daily-reviews", "goals", "habits"]),
        ("fleece", ["daily-reviews"]),
        ("soil", ["blog-entries"]),
        ("gard", []),
        ("gard:*", []),
        ("nothing", []),
    ],
)
def test_words_phrases_or_and_not_mean_what_they_say(ada: User, q: str, expected: list[str]) -> None:
    assert kinds(ada, q) == expected


def test_a_change_is_found_at_once_and_what_is_gone_is_not(api: Api) -> None:
    user = api.user()
    path = f"/v1/tasks/{user.task(title='Before')['id']}"
    user.patch(path, {"title": "After"})
    assert (kinds(user, "before"), kinds(user, "after")) == ([], ["tasks"])
    user.delete(path)
    assert found(user, "after") == []


def test_nobody_finds_what_is_somebody_elses(ada: User, bob: User) -> None:
    secret = bob.task(title="Zanzibar", description=f"For {ada.id} alone")
    assert found(ada, "zanzibar") == []
    assert found(ada, "alone") == []
    assert [hit["id"] for hit in found(bob, "zanzibar")] == [secret["id"]]
    ours = {hit["id"] for hit in found(ada, "garden")}
    assert ours.isdisjoint(hit["id"] for hit in found(bob, "garden"))


def test_the_id_that_narrows_the_index_to_its_owner_is_no_word(ada: User, bob: User) -> None:
    for owner in (ada.id, bob.id):
        spaced = owner.replace("-", " ")
        packed = owner.replace("-", "")
        for q in (
            owner,
            f'"{owner}"',
            f"'{owner}'",
            owner.upper(),
            packed,
            spaced,
            f'"{spaced}"',
            f"{owner} or x",
            f"/{owner}",
        ):
            assert found(ada, q) == [], q
        assert kinds(ada, f"garden or {owner}") == sorted(KINDS)
        assert kinds(ada, f"garden -{owner}") == sorted(KINDS)


def test_no_users_id_is_ever_a_word_of_a_search(runner: asyncio.Runner, connection: Connection) -> None:
    taken = """
        select count(*) from (
            select new_id()::text as id from generate_series(1, 5000) union all
            select gen_random_uuid()::text from generate_series(1, 5000)) made
        where array_to_tsvector(array[id]) @@ websearch_to_tsquery('simple', id)
            or array_to_tsvector(array[id]) @@ websearch_to_tsquery('simple', '"' || id || '"')"""
    assert runner.run(connection.fetchval(taken)) == 0


@pytest.mark.parametrize(
    "q",
    [
        "'; drop table tasks; --",
        "'",
        '"',
        '"unbalanced',
        "\\",
        "\\'",
        "$1 :q %s {}",
        "!!!",
        "& | ! <-> ( ) :* *",
        "-",
        "- -",
        "--garden",
        "or",
        "or or or",
        '""',
        "garden & !!",
        "a:b:c",
        "<script>alert(1)</script>",
        "🎉",
        "\u202e\u200b",
        "\ufeff x",
        "x" * 200,
        "🎉" * 200,
        "a or " * 40,
        "-a " * 66,
        '"a" ' * 50,
        "a-b-c-d-" * 25,
        "/a/b.c@d.e:80?f=g#h",
    ],
)
def test_whatever_is_searched_for_it_is_answered(ada: User, q: str) -> None:
    for limit in (1, 50):
        assert len(found(ada, q, limit=limit)) <= limit
    assert ada.get("/v1/blog-entries", params={"q": q}).status_code == 200


def test_a_search_without_a_word_finds_nothing(ada: User) -> None:
    for q in ("!", "?!...", "🎉", '""', "-", "()"):
        assert found(ada, q) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%09", "q"),
        ("q=%E2%80%83", "q"),
        ("q=a%00b", "q"),
        ("q=" + "x" * 201, "q"),
        ("q=" + "x" * 10_000, "q"),
        ("q=" + "%27" * 10_000, "q"),
        ("q=a&q=b", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&limit=51", "limit"),
        ("q=a&limit=7.0", "limit"),
        ("q=a&kind=users", "kind"),
        ("q=a&kind=", "kind"),
        ("q=a&cursor=x", "cursor"),
        ("q=%ff", ""),
        ("q=%ed%a0%80", ""),
    ],
)
def test_parameters_are_strict(ada: User, query: str, field: str) -> None:
    answer = ada.get(f"/v1/search?{query}")
    assert_problem(answer, 422, "invalid", field)
    assert len(answer.text) < 1000


# Snippets


def test_a_stored_script_comes_out_as_text(api: Api) -> None:
    user = api.user()
    user.task(title="<script>alert('garden')</script>", description="</mark><mark> garden & <b>")
    [hit] = found(user, "garden")
    assert hit["title"] == "<script>alert('garden')</script>"
    assert hit["snippet"] == (
        "<mark>garden</mark>')&lt;/script&gt;\n&lt;/mark&gt;&lt;mark&gt; <mark>garden</mark> &amp; &lt;b&gt;"
    )


def test_what_matches_is_marked_however_late_in_a_long_text_it_stands(api: Api) -> None:
    user = api.user()
    user.made("/v1/blog-entries", {"title": "Long", "content": "word " * 25_000 + "Needle. " + "more " * 10_000})
    for q in ("needle", "needle or nonsense", "-nonsense needle", "word needle", "a or needle"):
        [hit] = found(user, q)
        assert "<mark>Needle</mark>" in hit["snippet"], q
        # Without the marks: PostgreSQL 15 shows up to 30 words and marks each "word", later ones show 15.
        assert len(re.sub("</?mark>", "", hit["snippet"])) < 200


def test_a_snippet_is_short(api: Api) -> None:
    user = api.user()
    user.made("/v1/blog-entries", {"title": "Long", "content": "garden path " * 1000})
    [hit] = found(user, "garden")
    assert len(re.sub("</?mark>", "", hit["snippet"]).split()) <= 30


PIECES = st.sampled_from(
    ["<", ">", "&", "&lt;", '"', "<b>", "</mark>", "<mark>", "garden", " ", "-", "/", "http://a.b/", "\n", "x"]
)


def test_a_snippets_only_tags_are_its_marks(runner: asyncio.Runner, connection: Connection) -> None:
    @settings(deadline=None)
    @given(st.lists(PIECES | st.text(max_size=4).filter(lambda text: "\0" not in text), max_size=30).map("".join), PIECES)
    @example("<<script>garden</script>", "garden")
    @example("http://a.b/c<garden>", "garden")
    def check(body: str, q: str) -> None:
        snippet: str = runner.run(connection.fetchval("select snippet($1, $2)", body, q))
        outside = re.split("<mark>(.*?)</mark>", snippet, flags=re.DOTALL)
        assert not any(character in part for part in outside for character in '<>"')
        assert not re.search(r"&(?!(amp|lt|gt|quot);)", "".join(outside))

    check()

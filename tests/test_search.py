"""Search: the whole contract of /v1/search, and what a snippet may hold."""

import asyncio
import re
from typing import Any, TypeAlias

import asyncpg
import pytest
from client import Api, Execute, User, assert_problem
from hypothesis import example, given, settings
from hypothesis import strategies as st

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

KINDS = ["tasks", "goals", "habits", "daily-reviews", "blog-entries", "conversations"]


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
    path = f"/v1/conversations/{user.made('/v1/conversations', {'title': 'Slugs'})['id']}"
    user.made(f"{path}/messages", {"role": "user", "content": "What eats my garden?"})
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
        "conversations": ("Slugs", "What eats my <mark>garden</mark>?"),
    }
    ranks = [hit["rank"] for hit in hits]
    assert ranks == sorted(ranks, reverse=True)
    # It stands in the title of one alone.
    assert hits[0]["kind"] == "tasks"
    for hit in hits:
        if hit["kind"] in {"tasks", "blog-entries", "conversations"}:
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
        ("garden -march -roses", ["conversations", "daily-reviews", "goals", "habits"]),
        ("fleece", ["daily-reviews"]),
        ("soil", ["blog-entries"]),
        ("gard", sorted(KINDS)),
        ("gard:*", sorted(KINDS)),
        ("ga", []),
        ("ros", ["tasks"]),
        ("gar ros", ["tasks"]),
        ("ros or fro", ["daily-reviews", "tasks"]),
        ('"kills a gard"', []),
        ("garden -ros", sorted(KINDS)),
        ("garden -roses", ["blog-entries", "conversations", "daily-reviews", "goals", "habits"]),
        ("ardens", []),
        ("arden", []),
        ("green-hou", []),
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


def test_what_narrows_the_index_to_its_owner_is_no_word(ada: User, bob: User, execute: Execute) -> None:
    for owner in (ada.id, bob.id):
        [row] = execute("select owner_key($1::text::uuid) as key", owner)
        spaced = owner.replace("-", " ")
        packed = owner.replace("-", "")
        for q in (
            owner,
            f'"{owner}"',
            f"'{owner}'",
            owner.upper(),
            owner[:3],
            owner[:8],
            packed,
            packed[:6],
            spaced,
            f'"{spaced}"',
            f"{owner} or x",
            f"/{owner}",
            "01:*",
            "019:*",
            f"{row['key']}garden",
        ):
            assert found(ada, q) == [], q
        assert kinds(ada, f"garden or {owner}") == sorted(KINDS)
        assert kinds(ada, f"garden -{owner}") == sorted(KINDS)


def test_two_owners_whose_keys_are_the_same_find_their_own(api: Api, execute: Execute) -> None:
    keys = "select owner_key(new_id()) as key from generate_series(1, 1000) union all select owner_key(gen_random_uuid())"
    assert {len(row["key"]) for row in execute(keys)} == {4}
    user = api.user()
    # The key is made of the end of an id.
    twin = user.id[:24] + ("1" if user.id[24] == "0" else "0") + user.id[25:]
    execute("insert into users (id, is_guest) values ($1::text::uuid, true)", twin)
    for owner in (user.id, twin):
        execute("insert into tasks (user_id, title) values ($1::text::uuid, 'Zanzibar ' || $1::text)", owner)
    same = "select owner_key($1::text::uuid) = owner_key($2::text::uuid) as is_same"
    assert execute(same, user.id, twin) == [{"is_same": True}]
    for q in ("zanz", "zanzibar", '"zanzibar"', "-nothing"):
        assert [hit["title"] for hit in found(user, q)] == [f"Zanzibar {user.id}"]


def test_a_conversation_is_found_once_by_its_title_and_by_the_best_of_its_messages(api: Api) -> None:
    user = api.user()
    path = f"/v1/conversations/{user.made('/v1/conversations', {'title': 'Bikes'})['id']}"
    for content in ("Which gears?", "Gears or gears, and which gears?", "Thanks"):
        user.made(f"{path}/messages", {"role": "user", "content": content})
    user.made(f"{path}/messages", {"role": "assistant", "stage1": [{"model": "a", "response": "A tandem"}], "stage3": {}})
    for q, snippet in (
        ("bik", "<mark>Bikes</mark>"),
        ("gea", "<mark>Gears</mark> or <mark>gears</mark>, and which <mark>gears</mark>?"),
        ("thanks or nothing", "<mark>Thanks</mark>"),
    ):
        [hit] = found(user, q)
        assert (hit["kind"], hit["id"], hit["title"]) == ("conversations", path.rpartition("/")[2], "Bikes")
        assert hit["snippet"].strip() == snippet, q
    [hit] = found(user, "tand", kind="conversations")
    assert "A <mark>tandem</mark>" in hit["snippet"]
    assert found(user, "bikes", kind="tasks") == found(user, "bikes gears") == []
    user.delete(path)
    assert found(user, "bikes or gears") == []


def test_a_common_word_finds_the_rows_that_a_rare_one_finds(api: Api, execute: Execute) -> None:
    user = api.user()
    execute(
        """
        insert into tasks (user_id, id, title, description)
        select $1::text::uuid, new_id(now() - (400 - n) * interval '1 minute'), 'T' || n,
            case when n % 7 = 0 then 'Seldom' else 'Often' end || ' said'
        from generate_series(1, 400) n""",
        user.id,
    )

    def titles(q: str) -> list[str]:
        return [hit["title"] for hit in found(user, q, limit=50)]

    # One is as good as the other, so the newest come first.
    assert titles("often") == titles("oft sai") == [f"T{n}" for n in range(400, 0, -1) if n % 7][:50]
    assert titles("sel") == titles('"seldom said"') == [f"T{n}" for n in range(400, 0, -1) if n % 7 == 0][:50]
    # Each of the words is common, what is asked of them is not.
    assert titles('"said often"') == titles("said -often -seldom") == []
    assert titles("t398") == titles("t398 often") == ["T398"]
    assert titles("t39") == [f"T{n}" for n in (*range(399, 389, -1), 39)]
    assert titles("t398 or t1") == ["T398", "T1"]


@pytest.mark.parametrize("word", ["x" * 400, "x" * 2000, "x" * 3000, "ж" * 1023])
def test_a_word_of_any_length_is_stored_and_found_by_its_beginning(api: Api, word: str) -> None:
    user = api.user()
    made = user.made("/v1/blog-entries", {"title": "Long", "content": f"{word} garden"})
    assert [hit["id"] for hit in found(user, "gard")] == [made["id"]]
    # PostgreSQL knows no word of more than 2,046 bytes.
    ids = [made["id"]] if len(word.encode()) <= 2046 else []
    assert [hit["id"] for hit in found(user, word[:100])] == ids


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


def test_a_word_found_by_its_beginning_is_marked_as_a_whole(api: Api) -> None:
    user = api.user()
    # "implant" ends with what is looked for, long before it.
    content = "implant " + "word " * 10_000 + "the Plants\nPlanting " + "more " * 99
    user.made("/v1/blog-entries", {"title": "Long", "content": content})
    for q, marked in (
        ("plan", ["Plants", "Planting"]),
        ("plants", ["Plants"]),
        ("planti or nothing", ["Planting"]),
        ("the plan", ["the", "Plants", "Planting"]),
        ('"the plants"', ["the", "Plants"]),
    ):
        [hit] = found(user, q)
        assert re.findall("<mark>(.*?)</mark>", hit["snippet"]) == marked, q


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

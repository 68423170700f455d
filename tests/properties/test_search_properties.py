"""Search: plain Python says which rows a search finds, whatever their words are and however often they occur."""

import re
from typing import Any

from client import Api, Execute, User
from hypothesis import example, given, settings
from hypothesis import strategies as st

WORDS = ["pl", "pla", "plan", "plant", "plants", "planter", "water", "waterfall", "the", "01", "019", "0190"]
BY_BEGINNING = 3
"""From so many characters on."""

Rows = list[str]

word = st.sampled_from(WORDS)
texts = st.lists(word, min_size=1, max_size=6).map(" ".join)
phrase = st.lists(word, min_size=2, max_size=3).map(lambda words: '"' + " ".join(words) + '"')
negation = (word | phrase).map(lambda each: "-" + each)
group = st.lists(word | phrase | negation, min_size=1, max_size=3).map(" ".join)
searches = st.lists(group, min_size=1, max_size=2).map(" or ".join)


def is_found(q: str, text: str) -> bool:
    """Whether a search finds a text: one of what stands between "or", all of each."""
    return any(all(has(term, text) for term in re.findall(r'-?"[^"]+"|\S+', each)) for each in q.split(" or "))


def has(term: str, text: str) -> bool:
    if term.startswith("-"):
        words = term[1:].strip('"')
        return f" {words} " not in f" {text} "
    if term.startswith('"'):
        return f" {term[1:-1]} " in f" {text} "
    return any(each == term or (len(term) >= BY_BEGINNING and each.startswith(term)) for each in text.split())


def found(user: User, q: str, **more: Any) -> list[str]:
    answer = user.get("/v1/search", params={"q": q, "limit": 50} | more)
    assert answer.status_code == 200, answer.text
    return sorted(hit["title"] for hit in answer.json()["items"])


def fill(execute: Execute, user: User, rows: Rows) -> None:
    """A task and a blog entry of each text, named after its place."""
    execute(
        """
        insert into tasks (user_id, title, description)
        select $1::text::uuid, place, text from unnest($2::text[]) with ordinality t (text, place)""",
        user.id,
        rows,
    )
    execute(
        """
        insert into blog_entries (user_id, title, content, slug)
        select $1::text::uuid, place, text, place from unnest($2::text[]) with ordinality t (text, place)""",
        user.id,
        rows,
    )


def talk(execute: Execute, user: User, rows: Rows) -> None:
    """A conversation with a message of each text, named after its place."""
    execute(
        """
        with made as (
            insert into conversations (user_id, title, last_seq)
            select $1::text::uuid, place, 1 from generate_series(1, cardinality($2::text[])) place
            returning user_id, id, title)
        insert into messages (user_id, conversation_id, seq, role, content)
        select user_id, id, 1, 'user', ($2::text[])[title::integer] from made""",
        user.id,
        rows,
    )


def test_a_search_finds_what_plain_python_finds(api: Api, execute: Execute) -> None:
    @settings(max_examples=60)
    @given(st.lists(texts, min_size=1, max_size=12), st.lists(texts, max_size=3), searches)
    @example(["plants"] * 12, ["plant"], "plan")
    @example(["the plants", "plants the"] * 6, [], '"the plants"')
    @example(["0190"], [], "019")
    @example(["plan", "plants"] * 6, ["plants"], "plan -plants or water")
    @example(["the plan", "plan the"], ["water"], '-"the plan"')
    def check(mine: Rows, of_others: Rows, q: str) -> None:
        user, other = api.user(), api.user()
        fill(execute, user, mine)
        fill(execute, other, of_others)
        talk(execute, user, mine)
        talk(execute, other, of_others)
        expected = [str(place) for place, text in enumerate(mine, 1) if is_found(q, text)]
        assert found(user, q, kind="tasks") == sorted(expected)
        # A title, which is a number, and a message are asked by themselves.
        talks = [str(place) for place, text in enumerate(mine, 1) if is_found(q, text) or is_found(q, str(place))]
        assert found(user, q, kind="conversations") == sorted(talks)
        assert found(user, q) == sorted(expected * 2 + talks)
        for order in ("activity", "created"):
            listed = user.get("/v1/conversations", params={"q": q, "order": order}).json()["items"]
            assert sorted(each["title"] for each in listed) == sorted(talks)
        listed = user.get("/v1/blog-entries", params={"q": q}).json()["items"]
        assert sorted(entry["title"] for entry in listed) == sorted(expected)

    check()

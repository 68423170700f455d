"""What one user is known to have: every row as it was last answered, by its list and its key there."""

import re
import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

Row = dict[str, Any]

MARK = re.compile(rb"owner-[0-9a-f]{12}")
"""What stands in every text that a user writes, so that a row in another's answer is seen."""

OWNER = re.compile(rb'"user_id":\s*"([0-9a-f-]{36})"')

MOVING = {
    "": frozenset({"tags"}),
    "/v1/goals": frozenset({"current_value", "percentage"}),
    "/v1/conversations": frozenset({"message_count", "last_activity_at", "version", "updated_at", "last_message", "snippet"}),
    "/v1/tags": frozenset({"usage_count"}),
    "/v1/blog-entries": frozenset({"view_count", "snippet", "rank"}),
}
"""Of each list the fields that change without a write to the row; what they should be is in `counted`."""


class Finding(NamedTuple):
    """Something that should not be. `what`: missing, doubled, foreign or wrong."""

    what: str
    sentence: str
    request: str = ""
    answer: str = ""
    stored: str = ""

    def __str__(self) -> str:
        lines = [f"{self.what}: {self.sentence}"]
        for name, text in zip(("request", "answer", "stored"), self[2:], strict=True):
            if text:
                lines.append(f"    {name:8} {text[:1500]}")
        return "\n".join(lines)


class Shelf:
    """The rows of a user. It is written by the one client that the user belongs to, after each answer."""

    def __init__(self, id: str, token: str, mark: str, username: str = "") -> None:
        self.id, self.token, self.mark, self.username = id, token, mark, username
        self.lists: dict[str, dict[str, Row]] = {}
        self.me: Row = {}
        self.asked = 0
        """User messages that were taken from the quota."""
        self.viewed: dict[str, int] = {}
        """How often each public entry was asked for, by its id."""
        self.refunds = 0
        self.signs_in_after = 0.0

    @staticmethod
    def new_mark() -> str:
        return f"owner-{secrets.token_hex(6)}"

    def put(self, list: str, key: str, row: Row) -> None:
        """A row stands so from now on."""
        self.lists.setdefault(list, {})[str(key)] = row

    def drop(self, list: str, key: str) -> None:
        """A row is gone, and with it what is below it and the tags that it carried."""
        self.lists.get(list, {}).pop(key, None)
        # Comments are about a day of a habit, which need have no entry.
        if not list.endswith("/entries"):
            for name in [name for name in self.lists if name.startswith(f"{list}/{key}/")]:
                del self.lists[name]
        for name, rows in self.lists.items():
            if name.endswith("/taggings"):
                rows.pop(f"{list.removeprefix('/v1/')}/{key}", None)

    def rows(self, list: str) -> dict[str, Row]:
        return self.lists.get(list, {})

    def below(self, list: str) -> Iterator[tuple[str, dict[str, Row]]]:
        """The lists below a list's rows."""
        for name, rows in self.lists.items():
            if name.startswith(f"{list}/"):
                yield name, rows

    def strangers(self, text: bytes) -> list[str]:
        """Whose rows there are in an answer to this user, beside their own."""
        marks = {mark.decode() for mark in MARK.findall(text)} - {self.mark}
        owners = {owner.decode() for owner in OWNER.findall(text)} - {self.id}
        return sorted(marks | owners)


def moving(list: str) -> frozenset[str]:
    """The fields of a list's rows that are not compared."""
    return MOVING[""] | MOVING.get(list, frozenset())


def differences(expected: Row, found: Row, leave_out: frozenset[str] = frozenset()) -> list[str]:
    """In which fields two rows differ, of those that both have."""
    common = expected.keys() & found.keys() - leave_out
    return [
        f"{name}: {expected[name]!r} was answered, {found[name]!r} stands"
        for name in sorted(common)
        if not same(expected[name], found[name])
    ]


def same(one: Any, other: Any) -> bool:
    """Whether two values of JSON say the same: 7 and 7.0 do, and two ways to write one time."""
    if isinstance(one, dict) and isinstance(other, dict):
        return all(same(one[name], other[name]) for name in one.keys() & other.keys())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one == other or (_time(one) is not None and _time(one) == _time(other))
    return bool(one == other)


TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|\+00:00)")


def _time(text: str) -> tuple[str, str] | None:
    found = TIME.fullmatch(text)
    return (found[1], (found[2] or "").rstrip("0")) if found else None


def compared(list: str, expected: dict[str, Row], found: Iterator[tuple[str, Row]], where: str) -> Iterator[Finding]:
    """What of a list is missing, doubled, or stands otherwise than it was answered; `where` says where it was found."""
    seen: set[str] = set()
    for key, row in found:
        if key in seen:
            yield Finding("doubled", f"{where}: {list} has {key} twice", stored=str(row))
        elif key not in expected:
            yield Finding("doubled", f"{where}: {list} has {key}, which no acknowledged request made", stored=str(row))
        elif told := differences(expected[key], row, moving(list)):
            yield Finding("missing", f"{where}: {list}/{key}: {'; '.join(told)}", answer=str(expected[key]), stored=str(row))
        seen.add(key)
    for key in expected.keys() - seen:
        yield Finding("missing", f"{where}: {list} has no {key}", answer=str(expected[key]), stored="nothing")

"""Requests that are alike for every list: make, change, replace, remove and read its rows."""

from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from app.database.ids import new_id
from chaos.clients import Effect, Make, Request
from chaos.shelf import Finding, Row, Shelf, compared, differences, moving
from chaos.wire import Answer

Body = Callable[[Shelf, Random], Row]

MOST = 40
"""Rows of a list that a user has at most: then a create becomes a removal, so that the database stays small."""


def holds(found: Any, sent: Any) -> bool:
    """Whether everything that was sent is in what was answered; what the server adds may be there too."""
    if isinstance(sent, dict):
        return all(holds(found.get(name), value) for name, value in sent.items())
    if isinstance(sent, list):
        return len(found) == len(sent) and all(map(holds, found, sent))
    return bool(found == sent)


def kept(shelf: Shelf, list: str, key: str, sent: Row) -> Effect:
    """The effect of an answer that is a row: it stands so, and has what was sent."""

    def effect(answer: Answer) -> Iterator[Finding]:
        row = answer.json()
        before = shelf.rows(list).get(key)
        shelf.put(list, key, row)
        if not holds(row, sent):
            yield Finding("wrong", f"{list}/{key} was answered otherwise than it was sent")
        if before is not None and "version" in row and row["version"] < before["version"]:
            yield Finding("wrong", f"{list}/{key}: version {before['version']} became {row['version']}")

    return effect


def any_key(shelf: Shelf, list: str, chance: Random) -> str | None:
    return chance.choice([*rows]) if (rows := shelf.rows(list)) else None


def read_one(shelf: Shelf, list: str, key: str, *, kind: str = "", learned: Row | None = None) -> Request:
    """Read a row, which must be as it was answered last; `learned`: what it must have after an answer got lost."""

    def effect(answer: Answer) -> Iterator[Finding]:
        row, known = answer.json(), shelf.rows(list).get(key, {})
        if learned is not None:
            if not holds(row, learned):
                yield Finding("missing", f"{list}/{key} is not as the request whose answer was lost says", stored=str(row))
        elif told := differences(known, row, moving(list)):
            yield Finding("missing", f"{list}/{key}: {'; '.join(told)}", stored=str(row))
        shelf.put(list, key, row)

    return Request(kind or f"{list.rpartition('/')[2]} read", shelf, "GET", f"{list}/{key}", effect=effect)


def create(list: str, body: Body, most: int = MOST) -> Make:
    """POST with an id of the client's."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        if len(shelf.rows(list)) >= most:
            return remove(list)(shelf, chance)
        key = str(new_id())
        sent = {**body(shelf, chance), "id": key}
        effect = kept(shelf, list, key, sent)
        return Request(f"{_name(list)} create", shelf, "POST", list, sent, (201,), (200,), effect)

    return make


def patch(list: str, body: Body, *, conditional: bool = True) -> Make:
    """PATCH of a row, every second one with If-Match."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        key = any_key(shelf, list, chance)
        if key is None:
            return None
        sent, path = body(shelf, chance), f"{list}/{key}"
        effect = kept(shelf, list, key, sent)
        if not conditional or chance.random() < 0.5:
            return Request(f"{_name(list)} patch", shelf, "PATCH", path, sent, (200,), (), effect)
        tag = (("If-Match", f'"{shelf.rows(list)[key]["version"]}"'),)
        return Request(
            f"{_name(list)} patch", shelf, "PATCH", path, sent, (200,), (412,), effect, tag,
            learn=lambda: read_one(shelf, list, key, learned=sent),
        )  # fmt: skip

    return make


def put(list: str, key: Callable[[Random], str], body: Body) -> Make:
    """PUT of a row whose address the client knows."""

    def make(shelf: Shelf, chance: Random) -> Request:
        name, sent = key(chance), body(shelf, chance)
        good = (200,) if name in shelf.rows(list) else (201,)
        effect = kept(shelf, list, name, sent)
        return Request(f"{_name(list)} put", shelf, "PUT", f"{list}/{name}", sent, good, (200,), effect)

    return make


def remove(list: str, *, spared: Callable[[Shelf, str], bool] = lambda *_: False) -> Make:
    """DELETE of a row, and of what is below it."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        key = any_key(shelf, list, chance)
        if key is None or spared(shelf, key):
            return None

        def effect(_: Answer) -> None:
            shelf.drop(list, key)

        return Request(f"{_name(list)} delete", shelf, "DELETE", f"{list}/{key}", None, (204,), (404,), effect)

    return make


def read(list: str) -> Make:
    """GET of a row."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        key = any_key(shelf, list, chance)
        return None if key is None else read_one(shelf, list, key)

    return make


def page(list: str, key: Callable[[Row], str] = lambda row: str(row["id"]), query: str = "") -> Make:
    """GET of the newest rows of a list: each must be one that the client knows, as it knows it."""

    def make(shelf: Shelf, chance: Random) -> Request:
        def effect(answer: Answer) -> Iterator[Finding]:
            found = [(key(row), row) for row in answer.json()["items"]]
            known = {name: row for name, row in shelf.rows(list).items() if any(name == each for each, _ in found)}
            yield from compared(list, known, iter(found), "a page")

        return Request(f"{_name(list)} page", shelf, "GET", f"{list}?limit={chance.choice((5, 20, 50))}{query}", effect=effect)

    return make


def within(list: str, below: str, inner: Callable[[str], Make]) -> Make:
    """What is asked of the list below one of a list's rows."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        key = any_key(shelf, list, chance)
        return None if key is None else inner(f"{list}/{key}/{below}")(shelf, chance)

    return make


def look(kind: str, path: Callable[[Shelf, Random], str | None]) -> Make:
    """A read whose answer is only searched for rows of others."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        address = path(shelf, chance)
        return None if address is None else Request(kind, shelf, "GET", address)

    return make


def _name(list: str) -> str:
    """/v1/habits/0197.../entries -> habits entries."""
    parts = list.removeprefix("/v1/").split("/")
    return " ".join(parts[::2])

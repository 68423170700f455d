"""What was answered against what is stored: through the API, list by list and field by field."""

from collections.abc import Iterator
from urllib.parse import quote

from chaos.accounts import CACHE, CONSENTS, LEDGER, MEDIA, content
from chaos.clients import Client, Request
from chaos.rows import read_one
from chaos.shelf import Finding, Row, Shelf, compared

KEYS = {
    "/v1/tasks": "id",
    "/v1/habits": "id",
    "/v1/goals": "id",
    "/v1/foods": "id",
    "/v1/workouts": "id",
    "/v1/blog-entries": "id",
    "/v1/tags": "id",
    "/v1/conversations": "id",
    "/v1/media": "id",
    "/v1/daily-reviews": "date",
    CONSENTS: "source",
    LEDGER: "seq",
}
"""The lists of a user, and by which field their rows are known."""

BELOW = {"/entries": "date", "/progress": "id", "/messages": "seq", "/comments": "id"}
"""The lists below rows, by how their addresses end."""


def through_the_api(client: Client) -> Iterator[Finding]:
    """Read everything of the users of a client, who sends nothing meanwhile."""
    for shelf in client.users:
        begun = len(client.findings)
        yield from _lists(client, shelf)
        yield from _counted(client, shelf)
        for key in [*shelf.rows("/v1/blog-entries")]:
            client.do(read_one(shelf, "/v1/blog-entries", key))
        for key in [*shelf.rows(CACHE)]:
            client.do(read_one(shelf, CACHE, key))
        for key in [*shelf.rows(MEDIA)]:
            client.do(content(shelf, key))
        yield from client.findings[begun:]
        del client.findings[begun:]


def pages(client: Client, shelf: Shelf, place: str) -> Iterator[Row]:
    """Every row of a list, page by page."""
    cursor = ""
    while True:
        answer = client.do(Request("check", shelf, "GET", f"{place}?limit=200{cursor}"))
        if answer is None or answer.status != 200:
            return
        found = answer.json()
        yield from found["items"]
        if found["next_cursor"] is None:
            return
        cursor = f"&cursor={quote(found['next_cursor'])}"


def _lists(client: Client, shelf: Shelf) -> Iterator[Finding]:
    for place, field in KEYS.items():
        found = ((str(row[field]), row) for row in pages(client, shelf, place))
        if place == LEDGER:
            # The account's first line and what the operator granted were asked for by nobody here.
            found = ((key, row) for key, row in found if row["type"] in {"deduct", "refund"})
        yield from compared(place, shelf.rows(place), found, "the API")
    snapshots = ((f"{row['period']}/{row['date']}", row) for row in pages(client, shelf, "/v1/progress-snapshots"))
    yield from compared("/v1/progress-snapshots", shelf.rows("/v1/progress-snapshots"), snapshots, "the API")
    for place in [*shelf.lists]:
        for end, field in BELOW.items():
            if place.endswith(end):
                found = ((str(row[field]), row) for row in pages(client, shelf, place))
                yield from compared(place, shelf.rows(place), found, "the API")
        if place.endswith("/taggings"):
            found = ((f"{row['taggable_type']}/{row['taggable_id']}", row) for row in pages(client, shelf, place))
            yield from compared(place, shelf.rows(place), found, "the API")


def _counted(client: Client, shelf: Shelf) -> Iterator[Finding]:
    """What the server counts against what can be counted here."""
    for row in pages(client, shelf, "/v1/conversations"):
        yield from _equal(
            f"messages of {row['id']}", row["message_count"], _below(shelf, "conversations", row["id"], "messages")
        )
    for row in pages(client, shelf, "/v1/tags"):
        yield from _equal(f"usage_count of tag {row['id']}", row["usage_count"], _below(shelf, "tags", row["id"], "taggings"))
    for row in pages(client, shelf, "/v1/goals"):
        latest = max(
            shelf.rows(f"/v1/goals/{row['id']}/progress").values(), key=lambda one: (one["date"], one["id"]), default=None
        )
        yield from _equal(f"current_value of goal {row['id']}", row["current_value"], latest and latest["value"])
    for row in pages(client, shelf, "/v1/blog-entries"):
        if row["view_count"] > shelf.viewed.get(row["id"], 0):
            yield Finding(
                "wrong", f"entry {row['id']} was viewed {shelf.viewed.get(row['id'], 0)} times at most", stored=str(row)
            )
    client.do(Request("check", shelf, "GET", "/v1/usage", effect=lambda answer: _usage(shelf, answer.json())))
    client.do(Request("check", shelf, "GET", "/v1/credits", effect=lambda answer: _credits(shelf, answer.json())))


def _usage(shelf: Shelf, row: Row) -> Iterator[Finding]:
    yield from _equal("total_queries", row["total_queries"], shelf.asked)
    yield from _equal("monthly_used", row["monthly_used"], shelf.asked)


def _credits(shelf: Shelf, row: Row) -> Iterator[Finding]:
    ledger = shelf.rows(LEDGER).values()
    if ledger:
        newest = max(ledger, key=lambda line: int(line["seq"]))
        yield from _equal("available credits", row["available"], newest["balance_after"])


def _equal(what: str, found: object, expected: object) -> Iterator[Finding]:
    if found != expected:
        yield Finding("wrong", f"{what}: {found} where {expected} was acknowledged")


def _below(shelf: Shelf, kind: str, id: str, below: str) -> int:
    return len(shelf.rows(f"/v1/{kind}/{id}/{below}"))

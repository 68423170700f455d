"""What is sent to the slices that are not only rows: credits, consents, files, tags on rows, batches, sessions."""

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from itertools import count
from random import Random

from app.database.ids import new_id
from chaos import slices
from chaos.clients import Make, Request
from chaos.conversations import message, read_conversation, whole_conversation
from chaos.rows import any_key, holds, kept, look, read_one
from chaos.shelf import Finding, Row, Shelf
from chaos.slices import say
from chaos.wire import Answer

PASSWORD = "correct horse battery"  # noqa: S105 - of accounts that live for a minute
LEDGER, CONSENTS, MEDIA, CACHE = "/v1/credits/transactions", "/v1/consents/history", "/v1/media", "/v1/query-cache"
TAGGED = ("tasks", "habits", "goals", "foods", "workouts", "blog-entries", "conversations")

_numbers = count(1)


def deduction(shelf: Shelf, chance: Random) -> Request:
    """One credit, under a key."""
    sent = {"amount": 1, "description": say(shelf, chance), "idempotency_key": f"{next(_numbers)}-{new_id()}"}

    def effect(answer: Answer) -> Iterator[Finding]:
        row = answer.json()["transaction"]
        if str(row["seq"]) in shelf.rows(LEDGER):
            yield Finding("doubled", f"two deductions have the number {row['seq']}")
        yield from kept(shelf, LEDGER, str(row["seq"]), sent | {"amount": -1})(Answer(200, {}, _json(row))) or ()

    return Request("credits deduct", shelf, "POST", "/v1/credits/deductions", sent, (201,), (200,), effect)


def refunds(operator: Shelf) -> Make:
    """A deduction that a service returns, on behalf of the user."""

    def make(shelf: Shelf, chance: Random) -> Request | None:
        returned = {row["refunds_seq"] for row in shelf.rows(LEDGER).values()}
        open_ = [row["seq"] for row in shelf.rows(LEDGER).values() if row["type"] == "deduct" and row["seq"] not in returned]
        if not open_:
            return None
        seq, headers = chance.choice(open_), (("X-On-Behalf-Of", shelf.id),)
        sent = {"transaction_seq": seq, "description": say(shelf, chance)}

        def effect(answer: Answer) -> Iterator[Finding]:
            row = answer.json()["transaction"]
            shelf.put(LEDGER, str(row["seq"]), row)
            shelf.refunds += 1
            if (row["refunds_seq"], row["amount"]) != (seq, 1):
                yield Finding("wrong", f"the refund of {seq} was answered otherwise than it was sent")

        def learned(answer: Answer) -> Iterator[Finding]:
            found = [row for row in answer.json()["items"] if row["refunds_seq"] == seq]
            if len(found) != 1:
                yield Finding("missing", f"{len(found)} refunds of {seq}, which was said to be refunded")
            for row in found:
                shelf.put(LEDGER, str(row["seq"]), row)
            shelf.refunds += 1

        return Request(
            "credits refund", shelf, "POST", "/v1/credits/refunds", sent, (201,), (409,), effect, headers, operator.token,
            learn=lambda: Request("credits ledger", shelf, "GET", f"{LEDGER}?limit=200", effect=learned),
        )  # fmt: skip

    return make


def consent(shelf: Shelf, chance: Random) -> Request:
    """What the user agrees to now; the source tells the events apart."""
    source = f"web {next(_numbers)} {shelf.mark}"
    sent = {"terms_accepted": chance.random() < 0.8, "marketing_consent": chance.random() < 0.5, "source": source}
    good = (200,) if shelf.rows(CONSENTS) else (201,)

    def effect(answer: Answer) -> Iterator[Finding]:
        yield from kept(shelf, CONSENTS, source, sent)(answer) or ()

    return Request("consents put", shelf, "PUT", "/v1/consents", sent, good, (200,), effect)


def upload(shelf: Shelf, chance: Random) -> Request | None:
    """A file of some kilobytes, as a form."""
    if len(shelf.rows(MEDIA)) >= 15:
        return remove_file(shelf, chance)
    key, content = str(new_id()), f"{shelf.mark}\n".encode() * chance.randrange(20, 2000)
    fields = {"id": key, "alt_text": say(shelf, chance)}
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode() for name, text in fields.items()
    ]
    parts.append(
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\n' + content + b"\r\n--cut--\r\n"
    )
    sent = {
        "id": key,
        "alt_text": fields["alt_text"],
        "size_bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    headers = (("Content-Type", "multipart/form-data; boundary=cut"),)
    return Request(
        "media upload", shelf, "POST", MEDIA, b"".join(parts), (201,), (200,), kept(shelf, MEDIA, key, sent), headers
    )


def remove_file(shelf: Shelf, chance: Random) -> Request | None:
    key = any_key(shelf, MEDIA, chance)
    if key is None:
        return None
    return Request("media delete", shelf, "DELETE", f"{MEDIA}/{key}", None, (204,), (404,), lambda _: shelf.drop(MEDIA, key))


def content(shelf: Shelf, key: str) -> Request:
    """The bytes of a file, which must be those that were sent."""
    known = shelf.rows(MEDIA)[key]["sha256"]

    def effect(answer: Answer) -> Iterator[Finding]:
        if hashlib.sha256(answer.body).hexdigest() != known:
            yield Finding("missing", f"the content of {MEDIA}/{key} is not what was sent: {len(answer.body)} bytes")

    return Request("media content", shelf, "GET", f"{MEDIA}/{key}/content", effect=effect)


def read_file(shelf: Shelf, chance: Random) -> Request | None:
    key = any_key(shelf, MEDIA, chance)
    return None if key is None else content(shelf, key)


def tagging(shelf: Shelf, chance: Random) -> Request | None:
    """A tag on a row, or off it."""
    kind = chance.choice(TAGGED)
    tag, target = any_key(shelf, "/v1/tags", chance), any_key(shelf, f"/v1/{kind}", chance)
    if tag is None or target is None:
        return None
    place, name = f"/v1/tags/{tag}/taggings", f"{kind}/{target}"
    path = f"/v1/tags/{tag}/{name}"
    if name in shelf.rows(place):
        return Request("tags untag", shelf, "DELETE", path, None, (204,), (404,), lambda _: shelf.drop(place, name))
    row = {"taggable_type": kind, "taggable_id": target}
    return Request("tags tag", shelf, "PUT", path, None, (204,), (), lambda _: shelf.put(place, name, row))


def batch(shelf: Shelf, chance: Random) -> Request | None:
    """Two creates, a PUT and a change at once: all of them, or none."""
    key = any_key(shelf, "/v1/tasks", chance)
    if len(shelf.rows("/v1/tasks")) > 60 or len(shelf.rows("/v1/foods")) > 60:
        return None
    operations: list[Row] = [
        {"method": "POST", "path": place, "body": body(shelf, chance) | {"id": str(new_id())}}
        for place, body in (("/v1/tasks", slices.task), ("/v1/foods", slices.food))
    ]
    day = slices.day(chance)
    operations.append({"method": "PUT", "path": f"/v1/daily-reviews/{day}", "body": slices.review(shelf, chance)})
    if key is not None:
        operations.append({"method": "PATCH", "path": f"/v1/tasks/{key}", "body": {"description": say(shelf, chance)}})

    def effect(answer: Answer) -> Iterator[Finding]:
        for sent, result in zip(operations, answer.json()["results"], strict=True):
            place, _, name = (
                sent["path"].rpartition("/") if sent["method"] != "POST" else (sent["path"], "", sent["body"]["id"])
            )
            yield from kept(shelf, place, name, sent["body"])(Answer(200, {}, _json(result["body"]))) or ()

    return Request("batch", shelf, "POST", "/v1/batch", {"operations": operations}, effect=effect)


def cached(operator: Shelf) -> Make:
    """An answer that a service keeps for everybody, and its reading by the user."""

    def make(shelf: Shelf, chance: Random) -> Request:
        key = f"{shelf.mark}-{chance.randrange(5)}"
        if key in shelf.rows(CACHE) and chance.random() < 0.6:
            stands = read_one(shelf, CACHE, key, kind="query-cache read")

            def effect(answer: Answer) -> Iterator[Finding]:
                # A database that stumbles is a miss, not an error; when it is back the check finds what stands.
                if answer.status == 200:
                    yield from stands.effect(answer) or ()

            return stands._replace(good=(200, 404), effect=effect)
        sent = {"result": {"best": say(shelf, chance)}, "ttl_seconds": 86_400}
        good = (200,) if key in shelf.rows(CACHE) else (201,)
        keep = kept(shelf, CACHE, key, {"result": sent["result"]})
        return Request(
            "query-cache put", shelf, "PUT", f"{CACHE}/{key}", sent, good, (200,), keep, (), operator.token
        )  # fmt: skip

    return make


def profile(shelf: Shelf, chance: Random) -> Request:
    """Another name; or what there is of the account."""
    if chance.random() < 0.5:

        def effect(answer: Answer) -> Iterator[Finding]:
            if not holds(answer.json(), shelf.me):
                yield Finding("missing", "the profile is not as it was answered", stored=str(shelf.me))

        return Request("me read", shelf, "GET", "/v1/me?with=credits,consents,usage", effect=effect)
    sent = {"name": say(shelf, chance)}

    def named(answer: Answer) -> Iterator[Finding]:
        shelf.me = {"name": sent["name"], "id": shelf.id}
        if not holds(answer.json(), shelf.me):
            yield Finding("wrong", "the profile was answered otherwise than it was sent")

    return Request("me patch", shelf, "PATCH", "/v1/me", sent, effect=named)


def export(shelf: Shelf, _chance: Random) -> Request:
    """Everything of the user, as an archive in which nothing of others may be."""

    def effect(answer: Answer) -> Iterator[Finding]:
        with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
            for name in archive.namelist():
                if strangers := shelf.strangers(archive.read(name)):
                    yield Finding("foreign", f"the export's {name} shows {', '.join(strangers)}")

    return Request("me export", shelf, "GET", "/v1/me/export", effect=effect)


def public_entry(shelf: Shelf, chance: Random) -> Request | None:
    """A published entry, as anybody reads it."""
    rows = [row for row in shelf.rows("/v1/blog-entries").values() if row["status"] == "published" and row["is_public"]]
    if not rows or not shelf.username:
        return None
    row = chance.choice(rows)
    shelf.viewed[row["id"]] = shelf.viewed.get(row["id"], 0) + 1
    return Request("public blog entry", shelf, "GET", f"/v1/public/users/{shelf.username}/blog-entries/{row['slug']}", token="")


def session(shelf: Shelf, _chance: Random) -> Request | None:
    """A log-in, now and then: ten in a quarter of an hour are allowed."""
    if not shelf.username or time.monotonic() < shelf.signs_in_after:
        return None
    shelf.signs_in_after = time.monotonic() + 100

    def effect(answer: Answer) -> Iterator[Finding]:
        if answer.json()["user"]["id"] != shelf.id:
            yield Finding("foreign", "a log-in gave the session of another user")

    sent = {"username": shelf.username, "password": PASSWORD}
    return Request("auth login", shelf, "POST", "/v1/auth/login", sent, effect=effect, token="")


def _json(row: Row) -> bytes:
    return json.dumps(row).encode()


def about_accounts(operator: Shelf) -> list[tuple[Make, float]]:
    """What is sent about accounts that are registered, and how often; `operator` is an admin, for what services do."""
    return [
        (message, 4),
        (whole_conversation, 0.5),
        (read_conversation, 2),
        (deduction, 3),
        (refunds(operator), 1),
        (consent, 1),
        (upload, 1),
        (remove_file, 0.3),
        (read_file, 1),
        (tagging, 3),
        (batch, 2),
        (cached(operator), 2),
        (profile, 1),
        (export, 0.1),
        (public_entry, 1),
        (session, 0.3),
        (look("usage", lambda *_: "/v1/usage"), 0.5),
        (look("credits", lambda *_: "/v1/credits"), 0.5),
    ]

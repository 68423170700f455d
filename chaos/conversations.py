"""What is sent to conversations: messages under their numbers, which take from the quota, and whole conversations."""

from collections.abc import Iterator
from random import Random
from uuid import uuid4

from chaos.clients import Request
from chaos.rows import any_key, kept
from chaos.shelf import Finding, Row, Shelf
from chaos.slices import say
from chaos.wire import Answer

CONVERSATIONS = "/v1/conversations"


def message(shelf: Shelf, chance: Random) -> Request | None:
    """The next message of a conversation, under the number that it shall have."""
    key = any_key(shelf, CONVERSATIONS, chance)
    if key is None:
        return None
    place = f"{CONVERSATIONS}/{key}/messages"
    seq = len(shelf.rows(place)) + 1
    if seq > 40:
        return None
    role = "user" if seq % 2 else "assistant"
    sent: Row = {"role": role, "content": say(shelf, chance, 10), "seq": seq}
    if role == "assistant":
        sent |= {"stage1": [{"model": "a", "response": "1e2"}], "metadata": {"n": 1.5}}

    def effect(answer: Answer) -> Iterator[Finding]:
        shelf.asked += role == "user"
        yield from kept(shelf, place, str(seq), sent)(answer) or ()

    return Request("messages create", shelf, "POST", place, sent, (201,), (200,), effect)


def whole_conversation(shelf: Shelf, chance: Random) -> Request | None:
    """A conversation that is saved as a whole: under a new id, with a question and an answer."""
    if len(shelf.rows(CONVERSATIONS)) >= 6:
        return None
    key = str(uuid4())
    messages = [{"role": role, "content": say(shelf, chance, 8)} for role in ("user", "assistant")]
    sent = {"title": say(shelf, chance), "messages": messages}

    def effect(answer: Answer) -> Iterator[Finding]:
        shelf.asked += 1
        for seq, each in enumerate(messages, 1):
            shelf.put(f"{CONVERSATIONS}/{key}/messages", str(seq), {"seq": seq, **each})
        yield from kept(shelf, CONVERSATIONS, key, {"title": sent["title"]})(answer) or ()

    return Request("conversations save", shelf, "PUT", f"{CONVERSATIONS}/{key}", sent, (201,), (200,), effect)


def read_conversation(shelf: Shelf, chance: Random) -> Request | None:
    """A conversation with its messages."""
    key = any_key(shelf, CONVERSATIONS, chance)
    if key is None:
        return None

    def effect(answer: Answer) -> Iterator[Finding]:
        known, found = shelf.rows(f"{CONVERSATIONS}/{key}/messages"), answer.json()
        told = [row["content"] for row in found["messages"]]
        if told != [row["content"] for row in known.values()] or found["message_count"] != len(known):
            yield Finding("missing", f"{CONVERSATIONS}/{key} has not the messages that were sent", stored=str(known))

    return Request("conversations read", shelf, "GET", f"{CONVERSATIONS}/{key}", effect=effect)

"""Dirt in the council chat's data. A kind works on a document, on the text of its file, on the folder, or on the tables."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sources.council_documents import conversation, firebase_id, question, usage
from sources.planting import Kind, Kinds, Names, Planted, Row
from sources.varied import Varied

USERS, FLAT, DATABASE = FORMS = ("users", "flat", "database")
"""A folder for each user; the one folder of the version for a single user; PostgreSQL."""

DOCUMENTS, TEXTS, FOLDERS, USAGES, MESSAGES = Kinds(), Kinds(), Kinds(), Kinds(), Kinds()


# A document: called with it, changes it.


@DOCUMENTS.kind("kept", *FORMS)
def no_title(document: Row) -> None:
    document.pop("title", None)


@DOCUMENTS.kind("reported", *FORMS)
def blank_title(document: Row) -> None:
    document["title"] = " \n"


@DOCUMENTS.kind("rejected", USERS, FLAT)
def long_title(document: Row) -> None:
    document["title"] = "t" * 501


@DOCUMENTS.kind("kept", *FORMS)
def unanswered(document: Row) -> None:
    document["messages"].append(question(Varied(1), 50))


@DOCUMENTS.kind("kept", *FORMS)
def no_messages(document: Row) -> None:
    document["messages"] = []


@DOCUMENTS.kind("kept", *FORMS)
def final_answer(document: Row) -> None:
    document["messages"][1]["stage3"] = {"model": "m", "final_answer": "42"}


@DOCUMENTS.kind("reported", *FORMS)
def stage3_missing(document: Row) -> None:
    del document["messages"][1]["stage3"]


@DOCUMENTS.kind("reported", *FORMS)
def unknown_role(document: Row) -> None:
    document["messages"].append({"role": "system", "content": "Be brief."})


@DOCUMENTS.kind("reported", *FORMS)
def no_content(document: Row) -> None:
    del document["messages"][0]["content"]


@DOCUMENTS.kind("reported", USERS, FLAT)
def message_no_object(document: Row) -> None:
    document["messages"].append("hello")


def _rank(document: Row, rank: float) -> None:
    rankings = [{"model": "m", "average_rank": rank, "rankings_count": 0}]
    document["messages"][1]["metadata"] = {"label_to_model": {"Response A": "m"}, "aggregate_rankings": rankings}


@DOCUMENTS.kind("reported", USERS, FLAT)
def infinity(document: Row) -> None:
    _rank(document, float("inf"))


@DOCUMENTS.kind("reported", USERS, FLAT)
def not_a_number(document: Row) -> None:
    _rank(document, float("nan"))


@DOCUMENTS.kind("reported", USERS, FLAT)
def nul_character(document: Row) -> None:
    document["title"] = document["messages"][0]["content"] = document["messages"][1]["stage1"][0]["response"] = "nul \0 here"


@DOCUMENTS.kind("reported", USERS, FLAT)
def unpaired_surrogate(document: Row) -> None:
    document["messages"][0]["content"] = document["messages"][1]["stage1"][0]["response"] = "half of a face \ud83d"


@DOCUMENTS.kind("kept", USERS, FLAT)
def unknown_keys(document: Row) -> None:
    document["pinned"] = {"by": "ada", "at": [1, 2.5e300, 10**30]}
    for place, message in enumerate(document["messages"]):
        message["latency_ms"] = place


@DOCUMENTS.kind("reported", USERS, FLAT)
def id_no_uuid(document: Row) -> None:
    document["id"] = "conversation-1"


@DOCUMENTS.kind("reported", USERS, FLAT)
def id_missing(document: Row) -> None:
    del document["id"]


@DOCUMENTS.kind("reported", USERS, FLAT)
def created_at_missing(document: Row) -> None:
    del document["created_at"]


@DOCUMENTS.kind("reported", USERS, FLAT)
def created_at_no_date(document: Row) -> None:
    document["created_at"] = "yesterday"


@DOCUMENTS.kind("rejected", USERS, FLAT)
def messages_no_list(document: Row) -> None:
    document["messages"] = {"role": "user", "content": "hello"}


@DOCUMENTS.kind("reported", USERS)
def user_id_differs(document: Row) -> None:
    document["user_id"] = "somebodyElse0000000000000000"


# The text of a file: called with a clean one, gives the bytes.


@TEXTS.kind("rejected", USERS, FLAT)
def truncated_file(clean: str) -> bytes:
    return clean.encode()[: len(clean) * 2 // 3]


@TEXTS.kind("rejected", USERS, FLAT)
def empty_file(clean: str) -> bytes:
    return b""


@TEXTS.kind("rejected", USERS, FLAT)
def no_json(clean: str) -> bytes:
    return b"<!doctype html><title>502 Bad Gateway</title>"


@TEXTS.kind("rejected", USERS, FLAT)
def not_utf8(clean: str) -> bytes:
    return clean.replace('"title": "', '"title": "caf\u00e9 ').encode("latin-1")


@TEXTS.kind("rejected", USERS, FLAT)
def no_object(clean: str) -> bytes:
    return f"[{clean}]".encode()


# The folder.


@dataclass
class Folder:
    """Where dirt is put: `home` is the folder of one user's conversations, whose id is `owner`; all lies below `root`."""

    root: Path
    home: Path
    owner: str | None
    varied: Varied

    def put(self, path: Path, content: bytes) -> str:
        """Write a file; gives its path below the root."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return str(path.relative_to(self.root))

    def document(self) -> Row:
        """A clean conversation of four messages."""
        return conversation(self.varied, self.owner)


def text_of(document: Any) -> str:
    """As the app wrote it: json.dump(document, file, indent=2)."""
    return json.dumps(document, indent=2)


@FOLDERS.kind("reported", USERS, FLAT)
def file_name_differs(kind: Kind, folder: Folder) -> Planted:
    document = folder.document()
    place = folder.put(folder.home / f"{folder.varied.uuid()}.json", text_of(document).encode())
    return kind.planted("conversations", document["id"], place)


@FOLDERS.kind("kept", USERS)
def duplicate_id(kind: Kind, folder: Folder) -> Planted:
    document = folder.document() | {"title": "Mine"}
    folder.put(folder.home / f"{document['id']}.json", text_of(document).encode())
    other = folder.root / firebase_id(folder.varied)
    copy = document | {"title": "Somebody else's", "user_id": other.name}
    return kind.planted("conversations", document["id"], folder.put(other / f"{document['id']}.json", text_of(copy).encode()))


@FOLDERS.kind("reported", USERS, FLAT)
def foreign_file(kind: Kind, folder: Folder) -> Planted:
    return kind.planted("files", "notes.txt", folder.put(folder.home / "notes.txt", b"Do not forget the milk.\n"))


@FOLDERS.kind("rejected", USERS)
def usage_truncated(kind: Kind, folder: Folder) -> Planted:
    owner = firebase_id(folder.varied)
    clean = text_of(usage(folder.varied, owner, "count")).encode()
    return kind.planted("usage", owner, folder.put(folder.root / "usage" / owner / "usage.json", clean[:40]))


# What a user has used up: gives what differs from a clean one, of a user who has no conversations.


@USAGES.kind("kept", USERS, DATABASE)
def usage_alone() -> Row:
    return {}


@USAGES.kind("reported", USERS, DATABASE)
def usage_negative() -> Row:
    return {"daily_used": -3, "total_queries": -1}


@USAGES.kind("reported", USERS, DATABASE)
def usage_tier_unknown() -> Row:
    return {"tier": "platinum"}


@USAGES.kind("reported", USERS)
def usage_reset_no_date() -> Row:
    return {"last_reset_daily": "never"}


@USAGES.kind("reported", USERS)
def usage_unknown_keys() -> Row:
    return {"referral_bonus": 5}


# The rows of a conversation's messages in PostgreSQL: called with them, changes them.


@MESSAGES.kind("reported", DATABASE)
def equal_message_times(rows: list[Row]) -> None:
    for row in rows:
        row["created_at"] = rows[0]["created_at"]


KINDS = Kinds({**DOCUMENTS, **TEXTS, **FOLDERS, **USAGES, **MESSAGES})


def plant(names: Names, folder: Folder, form: str) -> list[Planted]:
    """Add the kinds of dirt of these names to a folder. Raises ValueError for one that it cannot hold."""
    planted = []
    for kind in KINDS.chosen(names, form):
        if kind.name in FOLDERS:
            planted.append(kind.plant(kind, folder))
            continue
        if kind.name in USAGES:
            owner = firebase_id(folder.varied)
            used = text_of(usage(folder.varied, owner, "used") | kind.plant()).encode()
            planted.append(kind.planted("usage", owner, folder.put(folder.root / "usage" / owner / "usage.json", used)))
            continue
        document = folder.document()
        name = document["id"]
        if kind.name in DOCUMENTS:
            kind.plant(document)
            content = text_of(document).encode()
        else:
            content = kind.plant(text_of(document))
        place = folder.put(folder.home / f"{name}.json", content)
        planted.append(kind.planted("conversations", document.get("id", name), place))
    return planted

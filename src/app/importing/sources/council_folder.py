"""The data folder of the council chat: a JSON file for each conversation, below a folder for each user or in one for all."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.database.executor import Transaction
from app.importing import repository
from app.importing.sources import json_texts
from app.importing.sources.council_rows import USAGE, Rows, began, titled
from app.importing.sources.folders import copied, is_folder, listed, read_text
from app.importing.sources.json_texts import Fields
from app.importing.sources.source import USER, Options, SourceError
from app.importing.staging import Staging
from app.importing.values import Refused, Row

PART_FILES, PART_BYTES = 500, 2**25
"""What is committed together at most."""

MESSAGE_BYTES = 1_500
"""Of a message in its file, about: the progress needs to know no more."""

SHOWN = 100_000
"""Characters of a file that the report shows."""

FLAT, USAGE_FOLDER, USAGE_FILE = "conversations", "usage", "usage.json"

KNOWN = ("id", "created_at", "title")
PARTS = ("stage1", "stage2", "stage3", "metadata")
ROLES = {b'"user"': "user", b'"assistant"': "assistant"}

_messages = msgspec.json.Decoder(list[Fields])
_values = msgspec.json.Decoder(list[msgspec.Raw])
_fields = msgspec.json.Decoder(Fields)


class _Home(NamedTuple):
    """The folder that is read: its owner, the names of its files, and the ids that were met in files of other names."""

    owner: str | None
    names: set[str]
    met: set[str]


class CouncilFolder:
    """A data folder that has been looked at."""

    def __init__(self, root: Path, options: Options) -> None:
        self._root = root
        self._zone = options.zone
        self._rows = Rows()
        self._users: list[str] = []
        self._flat: Path | None = None
        self._others: list[str] = []
        self._began: dict[str, datetime | None] = {}
        self._files = self._bytes = 0
        files, size = self._look(options)
        self.form = f"{files:,} files of {f'{len(self._users):,} users' if self._users else 'a single user'}"
        self.total = files + size // MESSAGE_BYTES
        # A file's name is met once, a user's folder, too: only what is named otherwise than its file could come twice.
        self.is_repeated = False

    def _look(self, options: Options) -> tuple[int, int]:
        """Find the users, and count the files and their bytes."""
        files = size = 0
        found = listed(self._root)
        folders = {entry for entry in found.others if is_folder(self._root / entry)}
        self._others = [entry for entry in found.others if entry not in folders]
        usages = self._root / USAGE_FOLDER
        if found.names or FLAT in folders:
            self._flat = self._root if found.names else self._root / FLAT
            flat = listed(self._flat)
            files, size = len(flat.names), flat.size
            if files and not options.has_user:
                raise SourceError(
                    f"{self._flat} has the conversations of one user: say by --user EMAIL whose account gets them."
                )
        with_usage = {name for name in listed(usages).others if is_folder(usages / name)} if USAGE_FOLDER in folders else set()
        for name in sorted(with_usage | folders - {FLAT, USAGE_FOLDER}):
            home = listed(self._root / name) if name in folders else None
            if home is not None and not home.names and name not in with_usage:
                self._others.append(name)
                continue
            self._users.append(name)
            files += (len(home.names) if home else 0) + (name in with_usage)
            size += home.size if home else 0
        if not files:
            raise SourceError(
                f"{self._root} has no conversations: name the folder that has a folder of JSON files for each user, or the "
                f"folder {FLAT} of a single one."
            )
        return files, size

    def declare(self, staging: Staging) -> None:
        self._rows.declare(staging)

    async def settle(self, on: Transaction, id: UUID) -> None:  # noqa: ARG002 - its reports go with the staged ones
        self._rows.staging.refused["messages"] += await repository.settle_conversations(on, "council")

    async def backup(self, folder: Path) -> Path:
        return await copied(self._root, folder)

    async def read(self, staging: Staging) -> AsyncIterator[None]:
        for name in self._others:
            staging.report("left_out", "files", name, "no_place")
        if self._flat is not None:
            async for _ in self._home(staging, None, self._flat):
                yield
        for owner in self._users:
            self._began = {owner: None}
            self._use(staging, owner)
            if (self._root / owner).is_dir():
                async for _ in self._home(staging, owner, self._root / owner):
                    yield
            self._end_part()
        staging.report_left_out()

    async def _home(self, staging: Staging, owner: str | None, path: Path) -> AsyncIterator[None]:
        """Stage the files of a folder; ends a part at each `yield`."""
        home = listed(path)
        for name in home.others:
            # What lies beside the users' folders was told already.
            if path != self._root:
                staging.report("left_out", "files", f"{path.name}/{name}", "no_place", owner=owner)
        met = _Home(owner, set(home.names), set())
        for name in home.names:
            place = name if path == self._root else f"{path.name}/{name}"
            text = None
            try:
                text = read_text(path / name)
                self._file(text, name, place, met)
            except Refused as refused:
                staging.refuse("conversations", place, refused.rule, text and text[:SHOWN], owner=owner or USER)
            self._files += 1
            self._bytes += len(text or "")
            if self._files >= PART_FILES or self._bytes >= PART_BYTES:
                self._files = self._bytes = 0
                self._end_part()
                yield
            elif self._files % 50 == 0:
                await staging.copy(least=1_000)

    def _end_part(self) -> None:
        """Stage the users that came in this part: the first conversation of each is known by now."""
        for owner, made_at in self._began.items():
            self._rows.user(owner, made_at)
        self._began = {}

    def _use(self, staging: Staging, owner: str) -> None:
        folder = self._root / USAGE_FOLDER / owner
        if not folder.is_dir() or folder.is_symlink():
            return
        found = listed(folder)
        for other in (*found.others, *(name for name in found.names if name != USAGE_FILE)):
            staging.report("left_out", "files", f"{USAGE_FOLDER}/{owner}/{other}", "no_place", owner=owner)
        if USAGE_FILE not in found.names:
            return
        place, text = f"{USAGE_FOLDER}/{owner}/{USAGE_FILE}", None
        try:
            text, changes = read_text(folder / USAGE_FILE), list[str]()
            row = Row({name: json_texts.value(raw) for name, raw in json_texts.fields(text, changes).items()}, self._zone)
            row.changes += changes
            self._rows.usage(owner, row, place)
            staging.leave_out("usage", row, [name for name in row.values if name not in USAGE])
        except Refused as refused:
            staging.refuse("usage", place, refused.rule, text and text[:SHOWN], owner=owner)

    def _file(self, text: str, name: str, place: str, home: _Home) -> None:
        """Stage the conversation of a file. Raises Refused."""
        changes, owner = list[str](), home.owner
        document = json_texts.fields(text, changes)
        row = Row({field: json_texts.value(document.pop(field, None)) for field in KNOWN if field in document}, self._zone)
        row.changes += changes
        raw = document.pop("messages", None)
        messages = _taken(raw)
        chosen = _id(row, name, home)
        if chosen is None and "id" in row.values:
            document["id"] = msgspec.Raw(msgspec.json.encode(row.values["id"]))
        if owner is not None and (user := document.pop("user_id", None)) is not None and json_texts.value(user) != owner:
            document["user_id"] = user
            row.changes.append("user_id_differs")
        key = str(chosen) if chosen is not None else name.removesuffix(".json")
        key, whose = (key, USER) if owner is None else (f"{owner}/{key}", owner)
        made_at = began(row)
        first = self._stage_messages(messages, key, whose, place, made_at)
        last_at = made_at + timedelta(microseconds=len(messages))
        self._rows.conversation(
            key,
            whose,
            row,
            *(chosen, titled(row, first), len(messages), last_at, json_texts.joined(document), made_at, last_at),
            at=place,
        )
        if owner in self._began and ((before := self._began[owner]) is None or made_at < before):
            self._began[owner] = made_at

    def _stage_messages(self, messages: list[Fields], key: str, owner: str, place: str, made_at: datetime) -> str | None:
        """Stage the messages of a conversation. Returns what the user says first."""
        first = None
        for seq, fields in enumerate(messages, 1):
            at = f"{place}[{seq - 1}]"
            said, role = fields.pop("role", None), None
            if said is not None:
                role = ROLES.get(bytes(said)) or json_texts.text(said)
            raw = fields.pop("content", None)
            content = json_texts.value(raw)
            if raw is not None and content is not None and not isinstance(content, str):
                # Only text is content; what is something else goes on as what it is.
                content = None
                fields["content"] = raw
                self._rows.staging.report("changed", "messages", at, "content_type", content=json_texts.value(raw), owner=owner)
            elif first is None and role == "user":
                first = content
            parts = [json_texts.text(fields.pop(part, None)) for part in PARTS]
            self._rows.messages.add(
                f"{key}/{seq}",
                owner,
                *(key, seq, role, content, *parts, json_texts.joined(fields), made_at + timedelta(microseconds=seq)),
                at=at,
            )
        return first


def _taken(raw: msgspec.Raw | None) -> list[Fields]:
    """The messages of a conversation; what is no object becomes one without a role. Raises Refused."""
    if raw is None:
        return []
    try:
        return _messages.decode(raw)
    except msgspec.ValidationError:
        pass
    try:
        given = _values.decode(raw)
    except msgspec.ValidationError:
        raise Refused("messages_list") from None
    return [_fields.decode(each) if bytes(each).startswith(b"{") else {"value": each} for each in given]


def _id(row: Row, name: str, home: _Home) -> UUID | None:
    """The id of a conversation; None: it gets a new one. Raises Refused for a second file with the same."""
    stem = name.removesuffix(".json")
    given = row.values.get("id")
    chosen = _uuid(given)
    if chosen is None:
        row.changes.append("id_missing" if given is None else "id_form")
        return _uuid(stem) if given is None else None
    if stem != str(chosen):
        if f"{chosen}.json" in home.names or str(chosen) in home.met:
            raise Refused("conversations_pkey")
        home.met.add(str(chosen))
        row.changes.append("file_name")
    return chosen


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def opened(location: str, options: Options) -> CouncilFolder:
    """The folder of a path, or the folder `data` in it. Raises SourceError."""
    root = Path(location)
    if "data" in listed(root).others and is_folder(root / "data"):
        root = root / "data"
    return CouncilFolder(root, options)

"""Files: the whole contract of /v1/media, and that neither a row nor an object is ever left alone."""

import asyncio
import hashlib
import os
import re
import struct
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote
from uuid import uuid4

import asyncpg
import httpx
import msgspec
import obstore
import pytest
from client import PASSWORD, Api, User, assert_problem, etag, set_by_change
from factories import DIGITS, upload
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.auth.passwords import Passwords
from app.database.errors import DatabaseUnavailable
from app.database.executor import Database
from app.http.transfers import DRAIN_BYTES
from app.media import orphans, repository
from app.media.content import HEAD_BYTES, dimensions, headers, sniff
from app.problems.problem import Problem
from app.settings import Settings, SettingsError
from app.storage import Storage
from app.tags.targets import KINDS

T = TypeVar("T")

FIELDS = [
    "id", "file_name", "content_type", "size_bytes", "sha256", "width", "height", "alt_text", "is_public", "taggable_type",
    "taggable_id", "created_at", "updated_at", "version",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(settings: Settings) -> Path:
    return settings.data / "media"


@pytest.fixture(scope="module")
def small(
    runner: asyncio.Runner, settings: Settings, passwords: Passwords, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """An app with little room."""
    limits = {"media_max_bytes": 100_000, "media_quota_bytes": 150_000, "data": tmp_path_factory.mktemp("small")}
    with Api.started(runner, msgspec.structs.replace(settings, **limits), passwords) as api:
        yield api


def send(user: User, content: bytes = DIGITS, name: str = "a.bin", **fields: str) -> httpx.Response:
    return user.request("POST", "/v1/media", files={"file": (name, content)}, data=fields)


def content_of(user: User, media: dict[str, Any], **options: Any) -> httpx.Response:
    return user.get(f"/v1/media/{media['id']}/content", **options)


def part(name: str, value: bytes, file_name: str | None = None) -> bytes:
    quoted = "" if file_name is None else f'; filename="{file_name}"'
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{quoted}\r\n\r\n'.encode() + value + b"\r\n"


END = b"--b--\r\n"


def post(user: User, body: Any, content_type: str = "multipart/form-data; boundary=b") -> httpx.Response:
    return user.request("POST", "/v1/media", content=body, headers={"Content-Type": content_type})


def objects(folder: Path, user: User) -> list[str]:
    """The keys of what lies in the folder of a user, unfinished objects among it."""
    return sorted(f"{user.id}/{path.name}" for path in (folder / user.id).glob("*"))


def awaited(api: Api, awaitable: Awaitable[T]) -> T:
    return api.together(awaitable)[0]


def fetch(api: Api, sql: str, *values: Any) -> list[Any]:
    return awaited(api, fetch_beside(api, sql, *values))


async def fetch_beside(api: Api, sql: str, *values: Any) -> list[Any]:
    """Send a statement on a connection that is not the app's."""
    connection = await asyncpg.connect(api.settings.database_url)
    try:
        return [row[0] for row in await connection.fetch(sql, *values)]
    finally:
        await connection.close()


def put_down(api: Api, user: User) -> list[str]:
    """The keys that are put down for deletion."""
    return fetch(
        api,
        "select storage_key from (select storage_key from media_deletions"
        " union select storage_key from deleted_objects) d"
        " where storage_key like $1 order by 1",
        f"{user.id}/%",
    )


# Upload and read


def test_an_uploaded_file_reads_back_as_it_was_sent(ada: User, folder: Path) -> None:
    content = os.urandom(300_000)
    answer = send(ada, content, "Überraschung 🎉.bin", alt_text="A surprise")
    assert answer.status_code == 201, answer.text
    media = answer.json()
    assert list(media) == FIELDS
    assert media | {"id": "", "created_at": "", "updated_at": "", "version": 0} == {
        "id": "", "file_name": "Überraschung 🎉.bin", "content_type": "application/octet-stream", "size_bytes": 300_000,
        "sha256": hashlib.sha256(content).hexdigest(), "width": None, "height": None, "alt_text": "A surprise",
        "is_public": False, "taggable_type": None, "taggable_id": None, "created_at": "", "updated_at": "", "version": 0,
    }  # fmt: skip
    assert (answer.headers["location"], answer.headers["etag"]) == (f"/v1/media/{media['id']}", etag(media))
    read = ada.get(answer.headers["location"])
    assert (read.status_code, read.json(), read.headers["etag"]) == (200, media, etag(media))
    assert ada.get(f"/v1/media/{media['id']}", headers={"If-None-Match": etag(media)}).status_code == 304
    whole = content_of(ada, media)
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["content-length"] == "300000"
    assert whole.headers["etag"] == f'"{media["sha256"]}"'
    assert whole.headers["accept-ranges"] == "bytes"
    assert whole.headers["cache-control"] == "private, no-cache"
    assert (folder.stat().st_mode & 0o777, put_down(ada.api, ada)) == (0o700, [])


@given(
    content=st.binary(min_size=1, max_size=300) | st.sampled_from([b"\r\n--b", b"--b--\r\n\r", b"\r\n--b\r\r\n--"]),
    cuts=st.lists(st.integers(min_value=1, max_value=40), min_size=1, max_size=20),
    order=st.permutations(["file", "alt_text", "taggable_type", "taggable_id"]),
)
@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_however_a_form_is_cut_and_ordered_its_file_arrives(
    ada: User, content: bytes, cuts: list[int], order: list[str]
) -> None:
    if b"\r\n--b" in b"\r\n" + content + b"\r\n":
        content = content.replace(b"--b", b"--c")
    task = tasks.setdefault(ada.id, ada.task()["id"])
    parts = {
        "file": part("file", content, "a"),
        "alt_text": part("alt_text", "Meer, 海".encode()),
        "taggable_type": part("taggable_type", b"tasks"),
        "taggable_id": part("taggable_id", task.encode()),
    }
    body = b"".join(parts[name] for name in order) + END

    async def pieces() -> AsyncIterator[bytes]:
        start = 0
        while start < len(body):
            for cut in cuts:
                yield body[start : start + cut]
                start += cut

    answer = post(ada, pieces())
    assert answer.status_code == 201, answer.text
    media = answer.json()
    assert (media["sha256"], media["size_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (media["alt_text"], media["taggable_type"], media["taggable_id"]) == ("Meer, 海", "tasks", task)


tasks: dict[str, str] = {}


def png(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0) + b"\0\0\0\0"


def jpeg(width: int, height: int, before: int = 0) -> bytes:
    """A JPEG with a long comment before its size."""
    comment = (b"\xff\xfe\xff\xff" + b"x" * 65533) * before
    return b"\xff\xd8" + comment + b"\xff\xc0\0\x11\x08" + struct.pack(">HH", height, width) + b"\x03" + b"\0" * 9


def riff(kind: bytes) -> bytes:
    return b"RIFF\x24\0\0\0" + kind


def ftyp(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\2\0" + brand + b"mif1"


EBML = b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82"

SNIFFED = [
    (png(640, 480), "image/png", (640, 480)),
    (png(2**31 - 1, 2**31 - 1), "image/png", (2**31 - 1, 2**31 - 1)),
    (png(0, 5), "image/png", (None, None)),
    (png(2**31, 5), "image/png", (None, None)),
    (png(1, 1)[:18], "image/png", (None, None)),
    (jpeg(1600, 900), "image/jpeg", (1600, 900)),
    (jpeg(1600, 900, before=3), "image/jpeg", (1600, 900)),
    (jpeg(1600, 900, before=5), "image/jpeg", (None, None)),
    (b"GIF89a" + struct.pack("<HH", 3, 4) + b"\0\0\0", "image/gif", (3, 4)),
    (riff(b"WEBPVP8L\x10\0\0\0\x2f") + b"\x01\x40\0\0" + b"\0" * 9, "image/webp", (2, 2)),
    (ftyp(b"avif"), "image/avif", (None, None)),
    (ftyp(b"heic"), "image/heic", (None, None)),
    (ftyp(b"mp42"), "video/mp4", (None, None)),
    (ftyp(b"qt  "), "video/quicktime", (None, None)),
    (EBML + b"\x84webm", "video/webm", (None, None)),
    (riff(b"WAVEfmt \x10\0\0\0"), "audio/wav", (None, None)),
    (b"ID3\x04\0\0\0\0\0\0", "audio/mpeg", (None, None)),
    (b"OggS\0\2" + b"\0" * 30, "audio/ogg", (None, None)),
    (b"fLaC\0\0\0\x22", "audio/flac", (None, None)),
    (b"%PDF-1.7\n%\xe2\xe3", "application/pdf", (None, None)),
    (b"%PDF-1.4\nall of it text", "application/pdf", (None, None)),
    (b"PK\x03\x04\x14\0\0\0\x08\0", "application/zip", (None, None)),
    (b"\x1f\x8b\x08\0\0\0", "application/gzip", (None, None)),
    (b"just text", "text/plain", (None, None)),
    (b"BM is no picture, and GIF89a neither", "text/plain", (None, None)),
    ("Grüße\t\r\n".encode(), "text/plain", (None, None)),
    ("é".encode() * (HEAD_BYTES // 2 + 1), "text/plain", (None, None)),
    (b"x" + "é".encode() * (HEAD_BYTES // 2), "text/plain", (None, None)),
    ("Grüße".encode("latin-1"), "application/octet-stream", (None, None)),
    ("half a letter é".encode()[:-1], "application/octet-stream", (None, None)),
    (b"text\0with a NUL", "application/octet-stream", (None, None)),
    (b"<!DOCTYPE html><html>", "text/html", (None, None)),
    (b"\xef\xbb\xbf \n <ScRiPt>alert(1)</script>", "text/html", (None, None)),
    (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)' width='5' height='5'/>", "image/svg+xml", (None, None)),
    (b"<?xml version='1.0'?><!-- --><SVG/>", "image/svg+xml", (None, None)),
    (b"<?xml version='1.0'?><a/>", "application/xml", (None, None)),
    (b"<?xml version='1.0'?><html/>", "text/html", (None, None)),
    (b"MZ\x90\0\3\0", "application/x-msdownload", (None, None)),
    (b"\x80\x81\x82", "application/octet-stream", (None, None)),
]


@pytest.mark.parametrize(("content", "kind", "size"), SNIFFED, ids=range(len(SNIFFED)))
def test_type_and_size_are_told_from_the_bytes(content: bytes, kind: str, size: tuple[int | None, int | None]) -> None:
    head = content[:HEAD_BYTES]
    assert (sniff(head), dimensions(sniff(head), head)) == (kind, size)


def test_what_the_client_says_of_a_file_does_not_count(ada: User) -> None:
    files = {"file": ("photo.html", jpeg(30, 20), "text/html")}
    media = ada.request("POST", "/v1/media", files=files).json()
    assert (media["content_type"], media["width"], media["height"]) == ("image/jpeg", 30, 20)
    shown = content_of(ada, media)
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["content-disposition"].startswith("inline;")


@given(head=st.binary(max_size=200), start=st.sampled_from([content[:40] for content, _, _ in SNIFFED] + [b"II*\0", b"MM\0*"]))
def test_no_bytes_confuse_the_one_who_tells_their_type(head: bytes, start: bytes) -> None:
    kind = sniff(start + head)
    assert re.fullmatch(r"[a-z]+/[a-z0-9.+-]+", kind)
    width, height = dimensions(kind, start + head)
    assert (width is None) == (height is None)


ACTIVE = [
    ("page.html", b"<html><script>alert(1)</script>"),
    ("page.txt", b" <script>alert(1)</script>"),
    ("page.html", b"text first <script>alert(1)</script>"),
    ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    ("picture.png", b"<?xml version='1.0'?><svg/>"),
    ("data.xml", b"<?xml version='1.0'?><a/>"),
    ("code.js", b"alert(1)"),
    ("CODE.MJS", b"alert(1)"),
    ("paper.pdf", b"%PDF-1.7\n"),
    ("flash.swf", b"FWS\x09\0\0\0\0"),
    ("what.ever", b"\x80\x81"),
]


def test_what_a_browser_could_run_is_a_download(ada: User) -> None:
    for name, content in ACTIVE:
        answer = content_of(ada, upload(ada, content, name))
        assert answer.headers["content-type"] == "application/octet-stream", name
        assert answer.headers["content-disposition"].startswith("attachment;"), name
    for name, content, kind in (
        ("a.png", png(1, 1), "image/png"),
        ("a.txt", b"text", "text/plain; charset=utf-8"),
        ("none", b"text", "text/plain; charset=utf-8"),
    ):
        answer = content_of(ada, upload(ada, content, name))
        assert answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"].startswith("inline;")
        assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
        assert answer.headers["x-content-type-options"] == "nosniff"


# Names

NAMES = [
    ("../../etc/passwd", "passwd"),
    ("..", ".."),
    ("C:\\folder\\photo.jpg", "photo.jpg"),
    ("folder/photo.jpg", "photo.jpg"),
    ('say "hello".txt', 'say "hello".txt'),
    ("100%25;x=é.txt", "100%25;x=é.txt"),
    ("n" * 255, "n" * 255),
    ("👩\u200d👧 \u202egpj.exe", "👩\u200d👧 \u202egpj.exe"),
]


def test_a_name_is_kept_without_its_folders_and_names_no_file_of_ours(ada: User, folder: Path) -> None:
    for sent, kept in NAMES:
        media = upload(ada, DIGITS, sent)
        assert media["file_name"] == kept
        assert name_in(content_of(ada, media).headers["content-disposition"]) == kept
    assert all(re.fullmatch(rf"{ada.id}/[0-9a-f-]{{36}}", key) for key in objects(folder, ada))


def test_a_name_that_could_harm_is_refused(ada: User) -> None:
    for name in ("a\r\nSet-Cookie: b", "a\nb", "a\0b", "\x1b[31m", "\x7f", "a\u2028b", " \u3000", "n" * 256, "folder/"):
        refused = post(ada, part("file", DIGITS, name.replace("\r", "%0D").replace("\n", "%0A")) + END)
        assert_problem(refused, 422, "invalid", "file")
    media = upload(ada)
    for name in ("a\r\nSet-Cookie: b", "a\0b", "..\\a", "a/b", "", " ", "n" * 256):
        assert_problem(ada.patch(f"/v1/media/{media['id']}", {"file_name": name}), 422, "invalid", "file_name")


def name_in(disposition: str) -> str:
    found = re.fullmatch(r"(?:inline|attachment); filename=\"([ -~]*)\"; filename\*=UTF-8''([!-~]+)", disposition)
    assert found, disposition
    assert not set(found[1]) & set('"\\%')
    return unquote(found[2], errors="strict")


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=255))
@example(name="\r\nSet-Cookie: a=b")
@example(name='";x="')
def test_a_name_stays_in_its_header(name: str) -> None:
    [disposition] = [value for header, value in headers(name, "image/png") if header == b"content-disposition"]
    assert name_in(disposition.decode("ascii")) == name


# Ranges and conditions


@hypothesis_settings(deadline=None)
@given(
    first=st.none() | st.integers(0, 14),
    last=st.none() | st.integers(0, 14) | st.just(10**18),
)
def test_a_range_is_what_python_would_slice(ada: User, first: int | None, last: int | None) -> None:
    media = digits(ada)
    answer = content_of(ada, media, headers={"Range": f"bytes={'' if first is None else first}-{'' if last is None else last}"})
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        assert (answer.status_code, answer.content) == (200, DIGITS)
        return
    start, stop = (max(10 - (last or 0), 0), 10) if first is None else (first, 10 if last is None else min(last + 1, 10))
    if start >= stop:
        assert_problem(answer, 416, "range_not_satisfiable")
        assert answer.headers["content-range"] == "bytes */10"
        return
    assert (answer.status_code, answer.content) == (206, DIGITS[start:stop])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/10"
    assert answer.headers["content-length"] == str(stop - start)
    assert answer.headers["etag"] == f'"{media["sha256"]}"'


def digits(user: User) -> dict[str, Any]:
    if user.id not in _digits:
        _digits[user.id] = upload(user, DIGITS, "digits.txt")
    return _digits[user.id]


_digits: dict[str, dict[str, Any]] = {}


def test_what_is_not_one_range_of_bytes_gets_the_whole(ada: User) -> None:
    for asked in (
        "bytes=0-1,3-4",
        "bytes=-",
        "bytes=a-b",
        "bytes 0-1",
        "chunks=0-1",
        "bytes=1-0",
        "",
        "bytes=0x1-2",
        "bytes=-1-2",
    ):
        answer = content_of(ada, digits(ada), headers={"Range": asked})
        assert (answer.status_code, answer.content) == (200, DIGITS), asked
        assert "content-range" not in answer.headers
    twice = [("Range", "bytes=0-1"), ("Range", "bytes=3-4"), ("Authorization", f"Bearer {ada.token}")]
    answer = awaited(ada.api, ada.api.http.get(f"/v1/media/{digits(ada)['id']}/content", headers=twice))
    assert (answer.status_code, answer.content) == (200, DIGITS)


def test_a_range_holds_only_for_the_content_that_if_range_names(ada: User) -> None:
    tag = f'"{digits(ada)["sha256"]}"'
    for only_if, status in ((tag, 206), ('"other"', 200), (f"W/{tag}", 200), ("Sat, 21 Nov 2026 09:00:00 GMT", 200)):
        answer = content_of(ada, digits(ada), headers={"Range": "bytes=2-3", "If-Range": only_if})
        assert (answer.status_code, answer.content) == (status, b"23" if status == 206 else DIGITS)


def test_content_that_the_client_has_is_not_sent_again(ada: User) -> None:
    tag = f'"{digits(ada)["sha256"]}"'
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = content_of(ada, digits(ada), headers={"If-None-Match": known, "Range": "bytes=2-3"})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["cache-control"] == "private, no-cache"
    assert content_of(ada, digits(ada), headers={"If-None-Match": '"1"'}).status_code == 200


def test_head_tells_of_the_whole_content_and_sends_none(ada: User) -> None:
    path = f"/v1/media/{digits(ada)['id']}/content"
    answer = ada.request("HEAD", path, headers={"Range": "bytes=0-1"})
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "10")
    assert answer.headers["etag"] == ada.get(path).headers["etag"]


def test_a_long_content_comes_in_pieces_and_whole(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.storage.READ_BYTES", 1000)
    content = os.urandom(10_500)
    media = upload(ada, content)
    assert content_of(ada, media).content == content
    assert content_of(ada, media, headers={"Range": "bytes=999-9000"}).content == content[999:9001]


# What is refused

REFUSED: list[tuple[str, bytes, int, str, str | None]] = [
    ("no part", END, 422, "invalid", "file"),
    ("no file", part("alt_text", b"a") + END, 422, "invalid", "file"),
    ("an empty file", part("file", b"", "a.txt") + END, 422, "invalid", "file"),
    ("a text for a file", part("file", b"text") + END, 422, "invalid", "file"),
    ("no name", part("file", b"text", "") + END, 422, "invalid", "file"),
    ("two files", part("file", b"a", "a") + part("file", b"b", "b") + END, 422, "invalid", "file"),
    ("an unknown field", part("nope", b"a") + part("file", b"a", "a") + END, 422, "invalid", "nope"),
    ("a field twice", part("file", b"a", "a") + part("alt_text", b"a") * 2 + END, 422, "invalid", "alt_text"),
    ("a long text", part("file", b"a", "a") + part("alt_text", b"a" * 1001) + END, 422, "invalid", "alt_text"),
    ("an endless text", part("file", b"a", "a") + part("alt_text", b"a" * 65_537) + END, 422, "invalid", "alt_text"),
    ("no UTF-8", part("file", b"a", "a") + part("alt_text", b"\xff") + END, 422, "invalid", "alt_text"),
    ("a NUL", part("file", b"a", "a") + part("alt_text", b"a\0b") + END, 422, "invalid", "alt_text"),
    ("half a target", part("file", b"a", "a") + part("taggable_type", b"tasks") + END, 422, "invalid", "taggable_id"),
    ("the other half", part("file", b"a", "a") + part("taggable_id", b"0" * 32) + END, 422, "invalid", "taggable_type"),
    ("an unknown kind", part("file", b"a", "a") + part("taggable_type", b"users") + END, 422, "invalid", "taggable_type"),
    ("no id", part("file", b"a", "a") + part("taggable_id", b"7") + END, 422, "invalid", "taggable_id"),
    ("nothing", b"", 400, "malformed_multipart", None),
    ("no boundary", b"text", 400, "malformed_multipart", None),
    ("no end", part("file", b"a", "a"), 400, "malformed_multipart", None),
    ("no end of a part", part("file", b"a", "a")[:-2], 400, "malformed_multipart", None),
    ("another boundary", part("file", b"a", "a").replace(b"--b", b"--c") + END, 422, "invalid", "file"),
    ("no form-data", b"--b\r\nContent-Disposition: attachment\r\n\r\na\r\n" + END, 400, "malformed_multipart", None),
    ("no headers", b"--b\r\n\r\na\r\n" + END, 400, "malformed_multipart", None),
    ("a long header", b"--b\r\nX: " + b"a" * 9000 + b"\r\n\r\na\r\n" + END, 400, "malformed_multipart", None),
]  # fmt: skip


def test_a_form_that_is_wrong_is_refused_and_leaves_nothing(api: Api, folder: Path) -> None:
    user = api.user()
    for what, body, status, code, field in REFUSED:
        answer = post(user, body)
        assert answer.status_code == status, (what, answer.text)
        assert_problem(answer, status, code, field)
    assert (objects(folder, user), put_down(api, user), user.get("/v1/media").json()["items"]) == ([], [], [])


def test_another_content_type_is_refused(ada: User) -> None:
    for content_type in (
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/mixed; boundary=b",
        "image/png",
        "",
    ):
        assert_problem(post(ada, part("file", b"a", "a") + END, content_type), 415, "unsupported_media_type")
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=", f"multipart/form-data; boundary={'b' * 71}"):
        assert_problem(post(ada, part("file", b"a", "a") + END, content_type), 400, "malformed_multipart")
    assert_problem(ada.request("POST", "/v1/media?x=1", content=b""), 422, "invalid", "x")


def test_a_client_that_goes_away_leaves_nothing(api: Api, folder: Path) -> None:
    user = api.user()

    async def body() -> AsyncIterator[bytes]:
        yield part("file", b"x" * 100_000, "a")[:-2]
        seen.extend(await fetch_beside(api, UPLOADS, f"{user.id}/%"))
        raise ConnectionResetError

    seen: list[int] = []
    assert_problem(post(user, body()), 400, "bad_request")
    assert (seen, objects(folder, user), put_down(api, user)) == ([1], [], [])


UPLOADS = "select count(*) from media_deletions where storage_key like $1 and due_at > now() + interval '6 hours'"
"""How many are under way."""


def test_a_file_beyond_the_limit_is_refused_as_soon_as_that_is_known(small: Api) -> None:
    user, sent = small.user(), []

    async def endless() -> AsyncIterator[bytes]:
        yield part("file", b"", "a")[:-2]
        while True:
            sent.append(10_000)
            yield b"x" * 10_000

    assert_problem(post(user, endless()), 413, "body_too_large")
    # What is read beyond it is thrown away, so that a client which sends first and reads then gets its answer.
    assert 110_000 <= sum(sent) <= 110_000 + DRAIN_BYTES + 10_000
    assert_problem(send(user, b"x" * 300_000), 413, "body_too_large")
    assert_problem(post(user, part("file", b"a", "a") + END + b"x" * 200_000), 413, "body_too_large")
    assert upload(user, b"x" * 100_000)["size_bytes"] == 100_000
    assert_problem(send(user, b"x" * 100_001), 413, "body_too_large")
    assert (len(objects(small.settings.data / "media", user)), put_down(small, user)) == (1, [])


def test_a_user_stores_no_more_than_the_quota(small: Api) -> None:
    user = small.user()
    first = upload(user, b"x" * 90_000)
    assert_problem(send(user, b"x" * 60_001), 413, "media_quota_exceeded")
    second = upload(user, b"x" * 60_000)
    for size in (1, 90_000):
        assert_problem(send(user, b"x" * size), 413, "media_quota_exceeded")
    assert user.delete(f"/v1/media/{second['id']}").status_code == 204
    upload(user, b"x" * 60_000)
    assert user.get(f"/v1/media/{first['id']}").status_code == 200
    upload(small.user(), b"x")


def test_uploads_at_the_same_time_do_not_exceed_the_quota_together(small: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    user = small.user()
    create = repository.create

    async def slowly(*arguments: Any, **options: Any) -> Any:
        media = await create(*arguments, **options)
        await asyncio.sleep(0.1)
        return media

    monkeypatch.setattr(repository, "create", slowly)
    files = {"file": ("a", b"x" * 80_000)}
    answers = small.together(*(user.send("POST", "/v1/media", files=files) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 413, 413, 413]
    for answer in answers:
        if answer.status_code == 413:
            assert_problem(answer, 413, "media_quota_exceeded")
    assert put_down(small, user) == []


# What a file is attached to

TARGETS = {
    "tasks": "insert into tasks (user_id, title) values ($1, 'T') returning id",
    "habits": "insert into habits (user_id, name) values ($1, 'H') returning id",
    "goals": "insert into goals (user_id, title, goal_type) values ($1, 'G', 'yearly') returning id",
    "foods": "insert into foods (user_id, date, meal_type, name) values ($1, '2026-01-01', 'lunch', 'F') returning id",
    "workouts": "insert into workouts (user_id, date, type) values ($1, '2026-01-01', 'run') returning id",
    "daily-reviews": "insert into daily_reviews (user_id, date) values ($1, '2026-01-01') returning id",
    "blog-entries": "insert into blog_entries (user_id, title, content, slug) values ($1, 'B', 'B', 'b') returning id",
    "conversations": "insert into conversations (user_id) values ($1) returning id",
}


def test_a_file_can_be_attached_to_every_kind_of_row(api: Api, bob: User) -> None:
    user = api.user()
    assert TARGETS.keys() == KINDS.keys()
    moving = upload(user)
    for kind, insert in TARGETS.items():
        [target] = map(str, fetch(api, insert, user.id))
        media = upload(user, taggable_type=kind, taggable_id=target)
        assert (media["taggable_type"], media["taggable_id"]) == (kind, target)
        assert user.get(f"/v1/media/{media['id']}").json() == media
        # That is no change of it, though a generated column points at the row.
        assert user.patch(f"/v1/media/{media['id']}", {}).json() == media
        moved = user.patch(f"/v1/media/{moving['id']}", {"taggable_type": kind, "taggable_id": target}).json()
        assert (moved["taggable_type"], moved["taggable_id"]) == (kind, target)
        for order, expected in (("oldest", [moved, media]), ("newest", [media, moved])):
            found = user.get(f"/v1/media?taggable_type={kind}&taggable_id={target}&order={order}").json()
            assert found == {"items": expected, "next_cursor": None}
        assert bob.get(f"/v1/media?taggable_type={kind}&taggable_id={target}").json()["items"] == []
        assert_problem(send(bob, taggable_type=kind, taggable_id=target), 404, "not_found", "taggable_id")
        assert_problem(send(user, taggable_type=kind, taggable_id=str(uuid4())), 404, "not_found", "taggable_id")
    assert (put_down(api, user), put_down(api, bob)) == ([], [])
    # The same id may be taken in another kind.
    assert user.get(f"/v1/media?taggable_type=tasks&taggable_id={target}").json()["items"] == []
    detached = user.patch(f"/v1/media/{moving['id']}", {"taggable_type": None, "taggable_id": None}).json()
    assert (detached["taggable_type"], detached["taggable_id"], detached["file_name"]) == (None, None, "a.bin")


def test_a_file_goes_with_the_row_it_is_attached_to(api: Api, ada: User, folder: Path) -> None:
    task = ada.task()
    before = objects(folder, ada)
    media = upload(ada, taggable_type="tasks", taggable_id=task["id"])
    [key] = set(objects(folder, ada)) - set(before)
    assert ada.delete(f"/v1/tasks/{task['id']}").status_code == 204
    assert_problem(content_of(ada, media), 404, "not_found")
    assert put_down(api, ada) == [key]
    assert clean_up(api) >= 1
    assert (put_down(api, ada), objects(folder, ada)) == ([], before)


# Lists, changes, deletes


def test_files_are_listed_in_both_orders_page_by_page(api: Api) -> None:
    user = api.user()
    target = {"taggable_type": "tasks", "taggable_id": user.task()["id"]}
    made = [upload(user, name=f"{number}", **target) for number in range(5)]
    attached = "&".join(f"{name}={value}" for name, value in target.items())
    for filters in ("", f"&{attached}"):
        for order, expected in (("newest", made[::-1]), ("oldest", made)):
            assert user.walk(f"/v1/media?limit=2&order={order}{filters}") == expected
    for query in ("taggable_type=tasks", f"taggable_id={uuid4()}"):
        assert_problem(user.get(f"/v1/media?{query}"), 422, "invalid")


def test_a_file_is_changed_by_a_merge_patch(ada: User) -> None:
    media = upload(ada, png(2, 2), "a.png", alt_text="A")
    path = f"/v1/media/{media['id']}"
    assert ada.patch(path, {}).json() == media
    renamed = ada.patch(path, {"file_name": "b.png"}, headers={"If-Match": etag(media)})
    assert renamed.json() == media | {"file_name": "b.png"} | set_by_change(media, renamed.json())
    assert renamed.headers["etag"] == etag(renamed.json())
    assert ada.patch(path, {"alt_text": None}).json()["alt_text"] is None
    for stale in (etag(media), etag(renamed.json())):
        assert_problem(ada.patch(path, {"alt_text": "B"}, headers={"If-Match": stale}), 412, "version_mismatch")
    assert_problem(ada.patch(path, {"file_name": None}), 422, "invalid", "file_name")
    for name in ("content_type", "sha256", "size_bytes"):
        assert_problem(ada.patch(path, {name: "x"}), 422, "read_only", name)
    assert_problem(ada.patch(path, {"storage_key": "x"}), 422, "invalid", "storage_key")
    for half in ({"taggable_type": "tasks"}, {"taggable_id": str(uuid4())}, {"taggable_type": None}):
        assert_problem(ada.patch(path, half), 422, "invalid")
    mixed = {"taggable_type": "tasks", "taggable_id": None}
    assert_problem(ada.patch(path, mixed), 422, "invalid", "taggable_id")
    nothing = {"taggable_type": "goals", "taggable_id": str(uuid4())}
    assert_problem(ada.patch(path, nothing), 404, "not_found", "taggable_id")
    assert_problem(ada.patch(f"/v1/media/{uuid4()}", {}), 404, "not_found")


def test_a_deleted_file_is_gone_with_its_object(api: Api, folder: Path) -> None:
    user = api.user()
    media = upload(user)
    path = f"/v1/media/{media['id']}"
    assert_problem(user.delete(path, headers={"If-Match": etag(media, 1)}), 412, "version_mismatch")
    assert len(objects(folder, user)) == 1
    assert user.delete(path, headers={"If-Match": etag(media)}).status_code == 204
    assert (objects(folder, user), put_down(api, user)) == ([], [])
    for answer in (user.delete(path), user.get(path), content_of(user, media), user.patch(path, {})):
        assert_problem(answer, 404, "not_found")


def test_somebody_elses_file_does_not_exist(ada: User, bob: User) -> None:
    media = upload(ada)
    path = f"/v1/media/{media['id']}"
    stale = {"If-Match": '"7"'}
    for answer in (
        bob.get(path),
        content_of(bob, media),
        bob.patch(path, {"alt_text": "B"}, headers=stale),
        bob.delete(path, headers=stale),
    ):
        assert_problem(answer, 404, "not_found")
    assert media["id"] not in {each["id"] for each in bob.get("/v1/media").json()["items"]}
    assert ada.get(path).json() == media


# Neither a row without its object, nor an object without its row


def clean_up(api: Api, **options: Any) -> int:
    return awaited(api, orphans.delete_orphans(api.database, api.storage, **options))


def failing(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have calls of the store fail."""

    async def broken(*_: Any, **__: Any) -> None:
        raise obstore.exceptions.GenericError("s3://bucket-of-mine/key at host.internal")

    for name in names:
        monkeypatch.setattr(obstore, name, broken)


def test_a_store_that_is_down_is_told_and_nothing_is_kept(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    user = api.user()
    media = upload(user)
    with monkeypatch.context() as broken:
        failing(broken, "get_range_async", "delete_async")
        broken.setattr(obstore, "open_writer_async", BrokenWriter)
        for answer in (send(user), content_of(user, media)):
            assert_problem(answer, 503, "storage_unavailable")
            assert answer.headers["retry-after"] == "5"
            assert "mine" not in answer.text
        assert user.delete(f"/v1/media/{media['id']}").status_code == 204
        assert len(put_down(api, user)) == 2
        clean_up(api)
        assert len(put_down(api, user)) == 2
    assert not re.search("bucket-of-mine|host.internal", "".join(capsys.readouterr()))
    assert len(objects(folder, user)) == 1
    fetch(api, "update media_deletions set due_at = now() where storage_key like $1", f"{user.id}/%")
    clean_up(api)
    assert (put_down(api, user), objects(folder, user)) == ([], [])


class BrokenWriter:
    """A writer of a store that went down after it had begun."""

    def __init__(self, *_: Any, **__: Any) -> None:
        """Take what a writer takes."""

    async def write(self, *_: bytes) -> int:
        raise obstore.exceptions.GenericError("s3://bucket-of-mine/key at host.internal")

    close = write


def test_what_cannot_be_deleted_does_not_keep_the_others(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    user = api.user()
    keys = [f"{user.id}/{number}" for number in range(5)]
    fetch(api, "insert into media_deletions (storage_key, due_at) select k, '2000-01-01' from unnest($1::text[]) k", keys)
    with monkeypatch.context() as broken:
        failing(broken, "delete_async")
        assert clean_up(api) == 0
    # The first one waits for an hour.
    assert clean_up(api, limit=3) == 3
    clean_up(api)
    assert len(put_down(api, user)) == 1
    assert fetch(
        api, "select due_at > now() + interval '59 minutes' from media_deletions where storage_key like $1", f"{user.id}/%"
    ) == [True]


def test_the_files_of_a_deleted_account_go(api: Api, folder: Path) -> None:
    user = api.user()
    for number in range(3):
        upload(user, b"%d" % number)
    assert len(objects(folder, user)) == 3
    assert user.delete("/v1/me", json={"password": PASSWORD}).status_code == 204
    assert put_down(api, user) == objects(folder, user)
    clean_up(api)
    assert (put_down(api, user), (folder / user.id).exists()) == ([], False)


def test_an_upload_whose_worker_died_is_found(api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = api.user()

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    async def unavailable(*_: Any) -> None:
        raise DatabaseUnavailable

    with monkeypatch.context() as died:
        died.setattr(repository, "create", fail)
        # A dead worker gives nothing up.
        died.setattr(repository, "set_due", unavailable)
        assert send(user).status_code == 500
    # And what a store leaves of an object that was not finished.
    [key] = objects(folder, user)
    (folder / f"{key}#1").write_bytes(b"part")
    assert put_down(api, user) == [key]
    clean_up(api)
    assert put_down(api, user) == [key], "it is not due yet"
    fetch(api, "update media_deletions set due_at = now() where storage_key = $1", key)
    clean_up(api)
    assert (put_down(api, user), objects(folder, user)) == ([], [])


def test_an_upload_that_was_given_up_meanwhile_gets_no_row(api: Api, folder: Path) -> None:
    user = api.user()

    async def slow() -> AsyncIterator[bytes]:
        yield part("file", b"x" * 1000, "a")
        await fetch_beside(api, "update media_deletions set due_at = now() where storage_key like $1", f"{user.id}/%")
        await orphans.delete_orphans(api.database, api.storage)
        yield END

    assert_problem(post(user, slow()), 400, "bad_request")
    assert (user.get("/v1/media").json()["items"], put_down(api, user), objects(folder, user)) == ([], [], [])


def test_an_object_stays_when_its_row_is_there_though_the_commit_was_not_heard(
    api: Api, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = api.user()
    transaction = Database.transaction

    async def committed_and_lost(database: Database, work: Callable[[Any], Awaitable[Any]]) -> None:
        await transaction(database, work)
        raise DatabaseUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(Database, "transaction", committed_and_lost)
        assert_problem(send(user), 503, "database_unavailable")
    [media] = user.get("/v1/media").json()["items"]
    clean_up(api)
    assert content_of(user, media).content == DIGITS
    assert len(objects(folder, user)) == 1


def test_an_object_that_somebody_took_away_is_a_fault_of_the_store(api: Api, folder: Path) -> None:
    user = api.user()
    media = upload(user)
    [key] = objects(folder, user)
    (folder / key).unlink()
    assert_problem(content_of(user, media), 503, "storage_unavailable")
    assert user.delete(f"/v1/media/{media['id']}").status_code == 204
    assert put_down(api, user) == []


def test_a_folder_that_cannot_be_made_is_told(
    runner: asyncio.Runner, settings: Settings, passwords: Passwords, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    blocked = msgspec.structs.replace(settings, media_url=f"file://{tmp_path}/file/media")
    with Api.started(runner, blocked, passwords) as api:
        assert_problem(send(api.user()), 503, "storage_unavailable")


# In a bucket


def test_files_lie_in_a_bucket_as_well(runner: asyncio.Runner, settings: Settings, passwords: Passwords, bucket: str) -> None:
    content = os.urandom(11 * 1024 * 1024)
    elsewhere = msgspec.structs.replace(settings, media_url="s3://files/media", media_max_bytes=12 * 1024 * 1024)
    with Api.started(runner, elsewhere, passwords) as api:
        user = api.user()
        media = upload(user, content)
        assert media["sha256"] == hashlib.sha256(content).hexdigest()
        assert f"media/{user.id}/" in httpx.get(bucket).text
        assert hashlib.sha256(content_of(user, media).content).hexdigest() == media["sha256"]
        ranged = content_of(user, media, headers={"Range": "bytes=5242870-5242889"})
        assert (ranged.status_code, ranged.content) == (206, content[5242870:5242890])
        assert_problem(send(user, content + content[: 2 * 1024 * 1024]), 413, "body_too_large")
        assert "<UploadId>" not in httpx.get(f"{bucket}?uploads").text
        assert user.delete(f"/v1/media/{media['id']}").status_code == 204
        upload(user, b"small")
        assert user.delete("/v1/me", json={"password": PASSWORD}).status_code == 204
        clean_up(api)
        assert "<Key>" not in httpx.get(bucket).text


def test_a_bucket_that_is_not_there_is_told(
    runner: asyncio.Runner, settings: Settings, passwords: Passwords, bucket: str
) -> None:
    with Api.started(runner, msgspec.structs.replace(settings, media_url="s3://none"), passwords) as api:
        user = api.user()
        assert_problem(send(user), 503, "storage_unavailable")
        assert user.get("/v1/media").json()["items"] == []


def test_a_store_that_cannot_be_configured_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "nonsense-of-mine")
    with pytest.raises(SettingsError, match=r"^MEDIA_URL: (?!.*mine)"):
        Storage(Settings(media_url="s3://files"))
    holdfast = Path(sys.executable).with_name("holdfast")
    started = subprocess.run(
        [holdfast, "serve"],
        env=os.environ | {"MEDIA_URL": "s3://files"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (started.returncode, started.stderr.count("\n"), "of-mine" in started.stderr) == (2, 1, False)
    assert started.stderr.startswith("holdfast: MEDIA_URL: ")


def test_a_missing_object_is_deleted_in_peace(runner: asyncio.Runner, tmp_path: Path) -> None:
    store = Storage(Settings(data=tmp_path))
    runner.run(store.delete(f"{uuid4()}/{uuid4()}"))
    with pytest.raises(FileNotFoundError):
        runner.run(store.read("a/b", 0, 1))
    (tmp_path / "media" / "folder").mkdir()
    with pytest.raises(Problem):
        runner.run(store.delete("folder"))

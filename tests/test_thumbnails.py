"""Thumbnails of images, over HTTP and with real images, the hostile ones among them."""

import asyncio
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psutil
import pytest
from client import Api, Execute, Started, User, assert_problem
from factories import new_uuid7, upload
from PIL import Image

from app.maintenance import jobs
from app.problems.problem import Problem
from app.settings import Settings
from app.thumbnails import maker
from app.thumbnails.maker import ThumbnailMaker

ORIENTATION, CAMERA = 0x0112, 0x010F


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    made = BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def photo(width: int = 800, height: int = 600) -> Image.Image:
    return Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))


def png(width: int, height: int) -> bytes:
    """A black PNG of any size, in few bytes; too large a one has no pixels at all."""
    rows = bytes((width // 8 + 1) * height) if width * height < 10**8 else b""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def small(user: User, file: dict[str, Any], width: Any = 320, **options: Any) -> httpx.Response:
    return user.get(f"/v1/media/{file['id']}/content?width={width}", **options)


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code in {200, 206}, answer.text
    return Image.open(BytesIO(answer.content))


def objects(settings: Settings, user: User) -> int:
    return len([*(settings.data / "media" / user.id).glob("*")])


def rows(execute: Execute, file: dict[str, Any]) -> list[tuple[int, str]]:
    found = execute("select width, outcome from media_thumbnails where media_id = $1 order by width", file["id"])
    return [(row["width"], row["outcome"]) for row in found]


def test_a_photo_becomes_an_upright_small_jpeg_without_what_the_camera_wrote(
    ada: User, bob: User, api: Api, settings: Settings, execute: Execute
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION], exif[CAMERA] = 6, "Camera of Ada"
    file = upload(ada, encoded(photo(), "JPEG", exif=exif), "holiday.jpeg")
    answer = small(ada, file)
    image = opened(answer)
    assert (image.format, image.size, dict(image.getexif())) == ("JPEG", (320, 427), {})
    assert answer.headers["content-type"] == "image/jpeg"
    assert 'filename="holiday.jpg"' in answer.headers["content-disposition"]
    assert (answer.headers["cache-control"], answer.headers["accept-ranges"]) == ("private, no-cache", "bytes")
    tag = answer.headers["etag"]
    assert tag != f'"{file["sha256"]}"'
    # It is kept: the same bytes again, whole, in part and not at all.
    before = objects(settings, ada)
    assert small(ada, file).content == answer.content
    part = small(ada, file, headers={"Range": "bytes=3-9", "If-Range": tag})
    assert (part.status_code, part.content) == (206, answer.content[3:10])
    assert part.headers["content-range"] == f"bytes 3-9/{len(answer.content)}"
    assert small(ada, file, headers={"If-None-Match": tag}).status_code == 304
    assert small(ada, file, headers={"If-None-Match": f'"{file["sha256"]}"'}).status_code == 200
    beyond = small(ada, file, headers={"Range": f"bytes={len(answer.content)}-"})
    assert_problem(beyond, 416, "range_not_satisfiable")
    assert (objects(settings, ada), rows(execute, file)) == (before, [(320, "kept")])
    # Whose the file is not, gets none; who has a link, does.
    assert_problem(small(bob, file), 404, "not_found")
    url = ada.post(f"/v1/media/{file['id']}/links", {"expires_in": 60}).json()["url"]
    linked = api.get(f"{url}?width=320")
    assert (linked.content, linked.headers["etag"]) == (answer.content, tag)
    assert "public" in linked.headers["cache-control"]


def test_the_width_of_an_image_is_that_of_what_is_shown(ada: User) -> None:
    """Of a WebP the header does not tell that it is to be turned."""
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    for stored, shown in (((2000, 240), None), ((300, 3000), (320, 32))):
        content = encoded(photo(*stored), "WEBP", exif=turned)
        answer = small(ada, upload(ada, content, "a.webp"))
        assert answer.status_code == 200
        if shown is None:
            assert answer.content == content
        else:
            assert opened(answer).size == shown


def test_what_is_transparent_stays_so_and_sixteen_bits_of_grey_stay_grey(ada: User) -> None:
    clear = Image.new("RGBA", (400, 200), (10, 200, 30, 0))
    image = opened(small(ada, upload(ada, encoded(clear, "PNG")), 160))
    assert (image.format, image.size, image.convert("RGBA").getpixel((5, 5))) == ("WEBP", (160, 80), (0, 0, 0, 0))
    half = b"".join(bytes((low, 0x80)) for low in os.urandom(400 * 200))
    grey = opened(small(ada, upload(ada, encoded(Image.frombytes("I;16", (400, 200), half), "PNG")), 160))
    assert grey.convert("L").getpixel((5, 5)) in range(126, 131)


def test_only_a_few_widths_are_made_so_that_nobody_fills_the_store(ada: User, execute: Execute) -> None:
    file = upload(ada, encoded(photo(), "PNG"))
    for width in (0, -1, 1, 319, 321, 10**30, "320.0", "", "NaN", "320&width=640"):
        assert_problem(small(ada, file, width), 422, "invalid")
    # Not wider than that: the file as it is.
    assert small(ada, file, 1280).content == ada.get(f"/v1/media/{file['id']}/content").content
    assert rows(execute, file) == []


def test_a_thumbnail_with_more_bytes_than_its_file_is_not_kept(ada: User, settings: Settings, execute: Execute) -> None:
    file = upload(ada, png(1000, 1000))
    before = objects(settings, ada)
    answer = small(ada, file, 640)
    assert (answer.headers["etag"], len(answer.content)) == (f'"{file["sha256"]}"', file["size_bytes"])
    assert (objects(settings, ada), rows(execute, file)) == (before, [(640, "larger")])


WEBP_HEADER = b"RIFF\x24\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\xff\x3f\x00\xff\x3f\x00"

HOSTILE: dict[str, Callable[[], bytes]] = {
    "a PNG of 50,000 x 50,000": lambda: png(50_000, 50_000),
    "a PNG of 50 million pixels and a row": lambda: png(10_000, 5_001),
    "a JPEG without its end": lambda: encoded(photo(400, 300), "JPEG")[:20_000],
    "a PNG without its pixels": lambda: encoded(photo(400, 300), "PNG")[:60],
    "a GIF that is its header": lambda: b"GIF89a" + struct.pack("<HH", 5000, 5000) + bytes(20),
    "a WebP of nothing": lambda: WEBP_HEADER + bytes(20),
    "a TIFF": lambda: encoded(photo(400, 300), "TIFF"),
    "an SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="800"/>',
    "a text": lambda: b"width=320",
}


@pytest.mark.parametrize("made", HOSTILE.values(), ids=HOSTILE.keys())
def test_there_is_no_thumbnail_of_what_is_no_sound_image(ada: User, settings: Settings, made: Callable[[], bytes]) -> None:
    content = made()
    file = upload(ada, content)
    before = objects(settings, ada)
    for _ in range(2):
        answer = small(ada, file)
        assert_problem(answer, 422, "invalid")
        assert [(each["field"], each["code"]) for each in answer.json()["errors"]] == [("width", "no_thumbnail")]
    assert ada.get(f"/v1/media/{file['id']}/content").content == content
    assert objects(settings, ada) == before


def test_of_many_frames_the_first_is_taken(ada: User) -> None:
    frames = [Image.new("L", (400, 400), n % 256) for n in range(300)]
    image = opened(small(ada, upload(ada, encoded(frames[200], "GIF", save_all=True, append_images=frames)), 160))
    assert (getattr(image, "n_frames", 1), image.size) == (1, (160, 160))
    assert image.convert("L").getpixel((5, 5)) in range(198, 203)


def test_a_thumbnail_is_made_once_however_many_ask_at_once(
    ada: User, settings: Settings, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = upload(ada, encoded(photo(), "JPEG"))
    before, path = objects(settings, ada), f"/v1/media/{file['id']}/content?width=160"
    answers = ada.api.together(*(ada.send("GET", path) for _ in range(6)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, answers[0].content)}
    assert objects(settings, ada) == before + 1
    # Who would wait for too long is told so.
    monkeypatch.setattr(maker, "WAITING", 0)
    assert small(ada, file, 160).status_code == 200
    refused = small(ada, file, 640)
    assert_problem(refused, 503, "thumbnail_queue_full")
    assert refused.headers["retry-after"] == "2"


def test_a_process_that_takes_too_long_is_ended_and_its_image_tried_again_an_hour_later(
    ada: User, execute: Execute, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = upload(ada, encoded(photo(), "JPEG"))
    with monkeypatch.context() as hurried:
        hurried.setattr(maker, "SECONDS", 0.001)
        assert_problem(small(ada, file), 422, "invalid")
    assert rows(execute, file) == [(320, "failed")]
    assert_problem(small(ada, file), 422, "invalid")
    execute("update media_thumbnails set created_at = now() - interval '1 hour' where media_id = $1", file["id"])
    assert small(ada, file).status_code == 200
    assert rows(execute, file) == [(320, "kept")]


def test_users_take_turns_and_none_takes_all_places(runner: asyncio.Runner) -> None:
    ada, bob, eve = (new_uuid7() for _ in range(3))
    made: list[UUID] = []

    async def ask() -> list[BaseException | None]:
        thumbnail_maker = ThumbnailMaker()

        async def one(user_id: UUID) -> None:
            async with thumbnail_maker.turn(user_id):
                await asyncio.sleep(0)
                made.append(user_id)

        asked = [asyncio.create_task(one(user_id)) for user_id in (*[eve] * 8, ada, bob, ada)]
        asked[2].add_done_callback(lambda _: asked[3].cancel())
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = runner.run(ask())
    assert made == [eve, ada, bob, eve, ada, eve, eve, eve]
    assert [type(answer) for answer in answers] == [
        *[type(None)] * 3, asyncio.CancelledError, *[type(None)] * 2, Problem, Problem, *[type(None)] * 3,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("work", "error"),
    [
        ("bytes(2**31)", "MemoryError"),
        ("open('written', 'wb', buffering=0).write(b'x')", "OSError: [Errno 27] File too large"),
    ],
)
def test_the_process_takes_no_more_memory_and_writes_no_file(work: str, error: str, tmp_path: Path) -> None:
    def run(code: str) -> tuple[int, str]:
        ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
        return ran.returncode, ran.stderr

    code, said = run(f"from app.thumbnails.process import bound; bound(); {work}")
    assert code == 1
    assert said.splitlines()[-1] == error
    # It is the limit, not the machine.
    assert run(work) == (0, "")


def test_the_process_ends_with_who_waits_for_it(runner: asyncio.Runner) -> None:
    async def never() -> AsyncIterator[bytes]:
        yield b"GIF89a"
        await asyncio.sleep(3600)

    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children()}

    async def give_up() -> set[int]:
        before = children()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ThumbnailMaker().make(never(), 320), 0.3)
        return children() - before

    assert runner.run(give_up()) == set()


def test_thumbnails_go_with_their_file_and_count_as_stored(
    ada: User, api: Api, settings: Settings, execute: Execute, started: Started
) -> None:
    user = api.user()
    file, content = upload(user, encoded(photo(), "JPEG", quality=95)), encoded(photo(300, 300), "PNG")
    sizes = [len(opened_bytes) for opened_bytes in (small(user, file, width).content for width in (160, 320, 640))]
    assert objects(settings, user) == 4
    # With room for one more file, but for the thumbnails.
    room = file["size_bytes"] + len(content) + sum(sizes)
    full = user.at(started(media_quota_bytes=room - 1, data=settings.data))
    assert_problem(full.request("POST", "/v1/media", files={"file": ("b", content)}), 413, "media_quota_exceeded")
    fits = user.at(started(media_quota_bytes=room, data=settings.data))
    other = upload(fits, content)
    assert user.delete(f"/v1/media/{file['id']}").status_code == 204
    assert objects(settings, user) == 1
    assert small(user, other, 160).status_code == 200
    assert objects(settings, user) == 2
    # An account that goes leaves its objects to maintenance.
    assert user.request("DELETE", "/v1/me", json={"password": "correct horse battery"}).status_code == 204
    api.runner.run(jobs.run(api.database, api.storage))
    assert objects(settings, user) == 0


def test_a_store_that_fails_makes_no_failed_thumbnail(ada: User, execute: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    file = upload(ada, encoded(photo(), "JPEG"))

    async def broken(*_: Any) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"\xff\xd8"
            raise Problem("storage_unavailable")

        return pieces()

    with monkeypatch.context() as failing:
        failing.setattr(ada.api.storage, "read", broken)
        assert_problem(small(ada, file), 503, "storage_unavailable")
    assert rows(execute, file) == []
    assert small(ada, file).status_code == 200

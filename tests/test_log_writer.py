"""A log that nobody reads: no request waits for it, and what is missing is told."""

import asyncio
import io
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
import structlog
from client import Api, User

from app.telemetry import logs
from app.telemetry.line_writer import LineWriter


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A log on a pipe, as a worker has it; the end to read from, from which nobody reads yet."""
    reader, writer = os.pipe()
    before = structlog.get_config()
    with os.fdopen(writer, "wb", 0) as file:
        stream = io.TextIOWrapper(file, write_through=True)
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr("app.telemetry.line_writer.MOST_BYTES", 20_000)
        logs.configure(production=True, serves=True)
        structlog.configure(cache_logger_on_first_use=False)
        yield reader
        os.close(reader)
        monkeypatch.undo()
        logs.configure(production=False)
        structlog.configure(**before)


def test_a_log_that_nobody_reads_stops_no_request_and_says_what_it_dropped(api: Api, ada: User, pipe: int) -> None:
    sent = 400
    for _ in range(4):
        answers = api.together(*(ada.send("GET", "/v1/me", headers={"X-Request-Id": "x" * 128}) for _ in range(sent // 4)))
        assert {(answer.status_code, answer.text[:60]) for answer in answers if answer.status_code != 200} == set()
        api.runner.run(asyncio.sleep(0.03))
    dropped = api.get("/metrics").text.partition("\nholdfast_dropped_log_lines_total ")[2].split()[0]
    assert float(dropped) > 0
    # Now somebody reads.
    text = b""
    os.set_blocking(pipe, False)
    for _ in range(200):
        api.runner.run(asyncio.sleep(0.01))
        with suppress(BlockingIOError):
            text += os.read(pipe, 2**20)
        events = [json.loads(line) for line in text.splitlines()] if text.endswith(b"\n") else []
        told = [event["dropped"] for event in events if event["event"] == "log_lines_dropped"]
        taken = sum(event["event"] == "request" and event["route"] == "/v1/me" for event in events)
        # Lines of the last requests may come after the one that tells what was dropped.
        if sum(told) == float(dropped) and taken + sum(told) >= sent:
            break
    assert sum(told) == float(dropped)
    # What was not dropped has come, but for the request for the metrics.
    assert sent <= taken + sum(told) <= sent + 1


def test_what_is_written_last_is_waited_for_and_a_reader_that_went_is_not() -> None:
    reader, writer = os.pipe()
    lines = LineWriter(writer)
    lines.write("first\n")
    lines.write(b"last\n")
    lines.drain(5)
    assert os.read(reader, 100) == b"first\nlast\n"
    os.close(reader)
    lines.write("for nobody\n")
    lines.drain(5)
    os.close(writer)


def test_a_log_on_a_full_disk_stops_nothing() -> None:
    lines = LineWriter(full := os.open("/dev/full", os.O_WRONLY))
    begun = time.monotonic()
    for _ in range(2):
        lines.write("for which there is no room\n")
        lines.drain(5)
    assert time.monotonic() - begun < 4
    os.close(full)

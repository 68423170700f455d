"""What commands show: JSON for programs, headers and colours on a terminal, plain lines in a pipe."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import rich_click as click
from client import Api
from command import HOLDFAST, holdfast, process

from app.server.cli import OTHERS, other
from app.server.showing import printable

WITHOUT_JSON = {
    "migrate down",
    "migrate sql",
    "roles sql",
    "users create",
    "users disable",
    "users enable",
    "users end-sessions",
    "users role",
    "users set-password",
}
"""What neither lists nor shows, or prints SQL."""


ALL = click.Group(commands={name: other(name) for name in OTHERS})


def commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def test_every_command_that_lists_or_shows_takes_json() -> None:
    without = {name for name, command in commands(ALL) if not any("--json" in each.opts for each in command.params)}
    assert without == WITHOUT_JSON


def test_every_command_says_what_it_does() -> None:
    assert [name for name, command in commands(ALL) if not command.help] == []


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("users list", list),
        ("migrate status", list),
        ("migrate history", list),
        ("migrate dry-run", list),
        ("migrate up", list),
        ("doctor", list),
        ("maintain", dict),
        ("verify-ledger", list),
    ],
)
def test_what_a_command_lists_is_json_when_that_is_asked_for(
    api: Api, database: str, tmp_path: Path, words: str, kind: type
) -> None:
    shown = holdfast(database, *words.split(), "--json", HOLDFAST_DATA=str(tmp_path))
    assert shown.returncode == 0, shown.stderr
    assert isinstance(json.loads(shown.stdout), kind)


def on_terminal(database: str, *words: str, code: int = 0, **variables: str) -> str:
    """What a command shows on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    environment = {"DATABASE_URL": database, "TERM": "xterm-256color", "COLUMNS": "100"} | variables
    with subprocess.Popen([HOLDFAST, *words], env=os.environ | environment, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        # At the end a terminal without a process is an error on Linux.
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:
            pass
        finally:
            os.close(ours)
        assert process.wait(60) == code, shown
    return shown.decode()


def test_a_terminal_gets_headers_and_colours_and_a_pipe_plain_lines(database: str) -> None:
    shown = on_terminal(database, "migrate", "status")
    first = shown.splitlines()[0]
    assert "State" in first
    assert "Migration" in first
    assert "\x1b[32mapplied" in shown
    uncoloured = on_terminal(database, "migrate", "status", NO_COLOR="1")
    assert "\x1b[32m" not in uncoloured
    piped = process(database, "migrate", "status").stdout
    assert "\x1b" not in piped
    assert "State" not in piped
    assert [line.split() for line in uncoloured.splitlines()[1:]] == [line.split() for line in piped.splitlines()]


def test_what_would_steer_a_terminal_is_not_printed() -> None:
    text = "Ada \x1b[31m\r\x07\x9b\u202eéß\n中"
    assert printable(text) == "Ada �[31m����éß�中"
    assert printable(text, lines=True) == "Ada �[31m����éß\n中"


def test_what_the_doctor_advises_stands_on_a_line_of_its_own(database: str) -> None:
    advice = "Lower WORKERS"
    for shown in (holdfast(database, "doctor", WORKERS="100").stdout, on_terminal(database, "doctor", WORKERS="100", code=1)):
        [line] = [line for line in shown.splitlines() if advice in line]
        assert line.startswith(" ")
        assert "\N{REPLACEMENT CHARACTER}" not in shown

"""The command `holdfast` as an operator types it: in a process of its own, or in this one, which takes a tenth of the time."""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import structlog
from click.testing import CliRunner

from app.backups import priority
from app.server.cli import main
from app.telemetry import logs

HOLDFAST = Path(sys.executable).with_name("holdfast")


def process(database: str, *words: str, given: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it as it is: for what only a process shows, and once for each family of commands."""
    return subprocess.run(
        [HOLDFAST, *words],
        env=os.environ | {"DATABASE_URL": database} | variables,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def holdfast(database: str, *words: str, given: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run it here, from its words to its exit code; what it logs is left out. What it does not catch is raised."""
    # The tests' own log stays set up as it is, and so does their priority.
    with mock.patch.object(logs, "configure"), mock.patch.object(priority, "lower_own"), structlog.testing.capture_logs():
        done = CliRunner().invoke(main, words, input=given, env={"DATABASE_URL": database} | variables)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

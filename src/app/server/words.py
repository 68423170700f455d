"""What a command is told, and how it ends when that is of no use."""

import os
import sys
from collections.abc import Mapping
from typing import NoReturn

import rich_click as click

from app import settings as environment
from app.settings import Settings, SettingsError


def read_settings(given: Mapping[str, str] | None = None) -> Settings:
    """The settings, of which those of the command line are given. Ends the process with 2 when one is at fault."""
    try:
        return environment.from_environment({**os.environ, **(given or {})})
    except SettingsError as error:
        give_up(str(error), 2)


def check_words() -> None:
    """End the process with 2 when what was typed is no text: neither a database nor JSON could take it."""
    try:
        "".join(sys.argv).encode()
    except UnicodeEncodeError:
        give_up("A word of this command is no text in UTF-8.", 2)


def give_up(text: str, code: int = 1) -> NoReturn:
    """End the process with a sentence on stderr."""
    click.echo(f"holdfast: {text}", err=True)
    sys.exit(code)

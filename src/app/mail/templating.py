"""The templates of mails: string.Template, a text with its subject and a plain HTML for each kind.

A folder of MAIL_TEMPLATES is a language, `de` or `pt-br`; what is not in it is taken from the English ones, file by file.
All of them are read at the start, so that a broken one is named there and not when the first mail is due.
"""

import html
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import get_args

import msgspec
import structlog

from app.mail.languages import chosen
from app.mail.repository import MailKind
from app.settings import Settings, SettingsError

log = structlog.get_logger()

KINDS: tuple[MailKind, ...] = get_args(MailKind)

VALUES: Mapping[MailKind, frozenset[str]] = {
    "verification": frozenset({"link", "hours", "address", "server"}),
    "password_reset": frozenset({"link", "minutes", "address", "server", "name"}),
    "email_change": frozenset({"link", "hours", "address", "server"}),
    "email_change_asked": frozenset({"address", "server", "name", "time"}),
    "email_changed": frozenset({"address", "server", "name", "time"}),
    "identity_linked": frozenset({"address", "server", "name", "time", "provider"}),
    "new_device": frozenset({"address", "server", "name", "time", "device", "place"}),
}
"""What a template may show. Mails to an address that nobody has confirmed show nothing that whoever sends them can choose."""

LONGEST = 320
"""Characters of a value that is no link; what is longer is cut off: a name is no place for a letter."""

_SUBJECT = "Subject: "


class Rendered(msgspec.Struct, frozen=True):
    """What a mail says."""

    subject: str
    text: str
    html: str


class Templates:
    """The templates of every language."""

    def __init__(self, settings: Settings) -> None:
        """Read all of them. Raises SettingsError naming a file that cannot be used."""
        self._files: dict[tuple[str, str], Template] = {}
        """By language and file name."""
        _read(Path(str(files("app.mail"))) / "templates" / "en", "en", self._files)
        languages = {"en"}
        self.missing: list[Path] = []
        """What further languages lack: English is taken."""
        for folder in _folders(settings.mail_templates):
            language = folder.name.lower().replace("_", "-")
            languages.add(language)
            self.missing += _read(folder, language, self._files)
        self.languages = frozenset(languages)

    def render(self, kind: MailKind, preferred: str, values: Mapping[str, str]) -> Rendered:
        """Fill in a mail of this kind, in the best language of `preferred` that there is."""
        language = chosen(preferred, self.languages)
        plain = {name: _on_one_line(name, values[name]) for name in VALUES[kind]}
        escaped = {name: html.escape(value) for name, value in plain.items()}
        head, _, text = self._of(language, f"{kind}.txt").substitute(plain).partition("\n\n")
        subject = " ".join(head.removeprefix(_SUBJECT).split())
        return Rendered(subject, text, self._of(language, f"{kind}.html").substitute(escaped))

    def _of(self, language: str, name: str) -> Template:
        return self._files.get((language, name)) or self._files["en", name]


def _folders(mail_templates: Path | None) -> list[Path]:
    if mail_templates is None:
        return []
    try:
        return sorted(each for each in mail_templates.iterdir() if each.is_dir())
    except OSError as error:
        raise SettingsError(f"MAIL_TEMPLATES: {mail_templates} cannot be read: {error.strerror}") from None


def _read(folder: Path, language: str, into: dict[tuple[str, str], Template]) -> list[Path]:
    """Read a folder's templates; returns those that it lacks. Raises SettingsError."""
    missing = []
    for kind in KINDS:
        for name in (f"{kind}.txt", f"{kind}.html"):
            try:
                template = Template((folder / name).read_text(encoding="utf-8"))
            except FileNotFoundError:
                missing.append(folder / name)
                continue
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(f"MAIL_TEMPLATES: {folder / name} cannot be read: {type(error).__name__}") from None
            if fault := _fault(template, kind, name):
                raise SettingsError(f"MAIL_TEMPLATES: {folder / name}: {fault}")
            into[language, name] = template
    return missing


def _fault(template: Template, kind: MailKind, name: str) -> str | None:
    """What is wrong with a template, in words. None: nothing is."""
    if not template.is_valid():
        return "has a $ without a name after it: write $$ for the sign itself"
    shown = {*template.get_identifiers()}
    if unknown := sorted(shown - VALUES[kind]):
        return f"shows ${unknown[0]}, which there is not: {', '.join(f'${each}' for each in sorted(VALUES[kind]))}"
    if "link" in VALUES[kind] and "link" not in shown:
        return "does not show $link, which is what the mail is for"
    head, gap, text = template.template.partition("\n\n")
    is_whole = head.startswith(_SUBJECT) and head.removeprefix(_SUBJECT).strip() and "\n" not in head and gap and text.strip()
    if name.endswith(".txt") and not is_whole:
        return "must begin with the line 'Subject: ...' and an empty one, and go on with a text"
    return None


def _on_one_line(name: str, value: str) -> str:
    """A value without line breaks and other control characters: it can begin no line of a mail, and no header."""
    if name == "link":
        return value
    kept = "".join(character if character.isprintable() else " " for character in value)
    return " ".join(kept.split())[:LONGEST]

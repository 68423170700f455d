"""Messages as Markdown, for reading: what was said, and by which stages of a council an answer came about."""

from datetime import UTC, datetime

import msgspec
from msgspec import Raw

from app.conversations.schemas import ConversationMessage
from app.http import raw_json

STAGES = {"stage1": "Stage 1: answers", "stage2": "Stage 2: rankings", "stage3": "Stage 3: final answer"}

MODELS = 100
"""In one stage; more are shown as JSON."""

_SAID = ("response", "ranking")
"""What a model said, by the fields of stages 1 and 3, and of stage 2."""

_OPENING = ("```", "~~~", "<")
"""A code fence, or HTML, that is not closed would go on to the end of the document."""


def date(at: datetime) -> str:
    """A time as a line of its own, to the minute."""
    return f"*{at.astimezone(UTC).isoformat(' ')[:16]} UTC*"


def section(message: ConversationMessage) -> str:
    """A message under a heading of its own: when it came, its content, then each stage that it has.

    Of stages in the usual form each model has a heading, its text, and as JSON whatever else there is; any other is JSON.
    """
    parts = [f"## {message.role.capitalize()}", date(message.created_at)]
    if message.content is not None:
        parts.append(_text(message.content))
    for name, title in STAGES.items():
        value: Raw = getattr(message, name)
        if bytes(value) != b"null":
            parts += [f"### {title}", *_stage(value)]
    return "\n" + "\n\n".join(parts) + "\n"


def _stage(value: Raw) -> list[str]:
    """The value of a stage. Only its outer levels are decoded: what is inside stays as it was sent."""
    try:
        stage = msgspec.json.decode(value, type=list[dict[str, Raw]] | dict[str, Raw] | str)
    except msgspec.MsgspecError:
        return [_json(value)]
    if isinstance(stage, str):
        return [_text(stage)]
    answers = [stage] if isinstance(stage, dict) else stage
    return [part for answer in answers for part in _answer(answer)] if len(answers) <= MODELS else [_json(value)]


def _answer(answer: dict[str, Raw]) -> list[str]:
    """What one model said: its name as a heading, its text, a list of texts numbered; and as JSON whatever else there is."""
    parts = []
    for field in ("model", *_SAID):
        said = _said(answer.get(field))
        if isinstance(said, str):
            parts.append(f"#### {_line(said)}" if field == "model" else _text(said))
        elif said is not None:
            parts.append("\n".join(f"{place}. {_line(each)}" for place, each in enumerate(said, 1)))
        if said is not None:
            del answer[field]
    if answer:
        parts.append(_json(Raw(msgspec.json.encode(answer))))
    return parts


def _said(value: Raw | None) -> str | list[str] | None:
    """A text, or a list of up to MODELS texts. None: it is neither."""
    if value is None:
        return None
    try:
        said = msgspec.json.decode(value, type=str | list[str])
    except msgspec.MsgspecError:
        return None
    return said if isinstance(said, str) or 0 < len(said) <= MODELS else None


def _line(text: str) -> str:
    return " ".join(text.split())


def _text(text: str) -> str:
    """A text as it stands; one that may open what it does not close is quoted, and so ends where it ends."""
    if not any(opening in text for opening in _OPENING):
        return text
    return "> " + text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\n> ")


def _json(value: Raw) -> str:
    """JSON between fences that are longer than any run of backticks in it."""
    text, fence = raw_json.text(value), "```"
    while fence in text:
        fence *= 2
    return f"{fence}json\n{text}\n{fence}"

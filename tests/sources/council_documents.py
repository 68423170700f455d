"""Conversations and usage of the council chat, as its Python code held them before it wrote them down."""

from datetime import datetime, timedelta

from sources.planting import Row
from sources.varied import Varied

MODELS = ("openai/gpt-5.1", "google/gemini-3-pro-preview", "anthropic/claude-sonnet-4.5", "x-ai/grok-4")

_OVERHEAD = 1300
"""What an answer's keys, names and indentation take in its file, in bytes."""

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

LIMITS = {"free": (10, 100), "pro": (100, 3000), "enterprise": (None, None)}


def firebase_id(varied: Varied) -> str:
    """The id that Firebase gives an account."""
    return "".join(varied.one(LETTERS) for _ in range(28))


def stamp(varied: Varied, at: datetime) -> str:
    """A time as the code wrote it: naive, which was UTC, or with a Z."""
    return at.isoformat() + varied.one(("", "Z"))


def question(varied: Varied, size: int) -> Row:
    """A user's message."""
    return {"role": "user", "content": varied.prose(size)}


def answer(varied: Varied, size: int) -> Row:
    """An assistant's message in three stages, with or without metadata."""
    models = varied.random.sample(MODELS, 2)
    labels = ["Response A", "Response B"]
    part = (size - _OVERHEAD) // 5
    message: Row = {
        "role": "assistant",
        "stage1": [{"model": model, "response": varied.prose(part)} for model in models],
        "stage2": [
            {"model": model, "ranking": varied.prose(part), "parsed_ranking": labels[:: varied.one((1, -1))]}
            for model in models
        ],
        "stage3": {"model": models[0], varied.one(("response", "final_answer")): varied.prose(part)},
    }
    if varied.often():
        message["metadata"] = {
            "label_to_model": dict(zip(labels, models, strict=True)),
            "aggregate_rankings": [
                {"model": model, "average_rank": varied.number(2, 8) / 2, "rankings_count": place}
                for place, model in enumerate(models)
            ],
        }
    return message


def conversation(varied: Varied, owner: str | None, messages: int = 4, size: int = 200, *, titled: bool = True) -> Row:
    """A conversation of messages of about `size` bytes; `owner` stands in half of them."""
    document: Row = {"id": str(varied.uuid()), "created_at": stamp(varied, varied.at())}
    if titled:
        document["title"] = varied.title()
    if owner is not None and varied.often():
        document["user_id"] = owner
    document["messages"] = [(answer if place % 2 else question)(varied, size) for place in range(messages)]
    return document


def usage(varied: Varied, owner: str, spelling: str) -> Row:
    """What a user has used up, in one of three spellings: used, count, queries_used."""
    tier = varied.one([*LIMITS])
    daily, monthly = LIMITS[tier]
    at = varied.at()
    day, month = at.replace(hour=0, minute=0, second=0, microsecond=0), at.replace(day=1)
    resets = ("last_reset_daily", "last_reset_monthly") if spelling == "used" else ("last_daily_reset", "last_monthly_reset")
    document = {
        "user_id": owner,
        "tier": tier,
        f"daily_{spelling}": varied.number(0, 10),
        "daily_limit": daily,
        f"monthly_{spelling}": varied.number(10, 100),
        "monthly_limit": monthly,
        "total_queries": varied.number(100, 10_000),
        resets[0]: day.date().isoformat() if spelling == "used" else day.isoformat(),
        resets[1]: month.date().isoformat() if spelling == "used" else stamp(varied, month),
    }
    if tier != "free":
        document |= {"subscription_id": f"sub_{varied.random.getrandbits(40):x}", "subscription_status": "active"}
    return document


SPELLINGS = ("used", "count", "queries_used")


def message_times(at: datetime, count: int) -> list[datetime]:
    """When the messages of a conversation were stored, in the database that knows it: one after the other."""
    return [at + timedelta(seconds=7 * place) for place in range(count)]

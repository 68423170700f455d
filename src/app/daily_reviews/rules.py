"""The rule of daily reviews: what a blog entry says that is made of one."""

import datetime as dt
from collections.abc import Iterator
from uuid import UUID

from app.blog_entries import repository as blog_entries
from app.blog_entries import rules as blog_rules
from app.blog_entries.schemas import BlogEntry, BlogEntryCreate
from app.daily_reviews import repository
from app.daily_reviews.schemas import DailyReview
from app.database.queries import Transactor
from app.problems.problem import Problem


async def write_entry(database: Transactor, user_id: UUID, date: dt.date) -> tuple[BlogEntry, bool]:
    """Make a draft of a blog entry out of the review of a day, or find the one that was made of it before.

    Returns it, and whether it was there before. It has the id of the review: so there is one of each review, whatever became
    of its words. Raises Problem 404 where there is no review.
    """
    review = await repository.get(database, user_id, date)
    if review is None:
        raise Problem("not_found")
    entry = await blog_entries.get(database, user_id, review.id)
    if entry is not None:
        return entry, True
    title = f"Review of {date}"
    content = "\n\n".join(_parts(review)) or title
    return await blog_rules.create(database, user_id, BlogEntryCreate(title=title, content=content, id=review.id))


_NUMBERS = (
    ("Mood", "mood", "/10"),
    ("Energy", "energy", "/10"),
    ("Productivity", "productivity", "/10"),
    ("Sleep quality", "sleep_quality", "/10"),
    ("Sleep", "sleep_hours", " h"),
    ("Water", "water_ml", " ml"),
    ("Screen", "screen_minutes", " min"),
    ("Steps", "steps", ""),
)
"""What a number is called, its field, and its unit."""

_TEXTS = ("highlights", "accomplishments", "challenges", "lessons", "gratitude", "tomorrow")


def _parts(review: DailyReview) -> Iterator[str]:
    """What was entered, as Markdown: the numbers as a list, each text under a heading."""
    numbers = [(name, getattr(review, field), unit) for name, field, unit in _NUMBERS]
    if entered := [f"- {name}: {value}{unit}" for name, value, unit in numbers if value is not None]:
        yield "\n".join(entered)
    for field in _TEXTS:
        if text := getattr(review, field):
            yield f"## {field.capitalize()}\n\n{text}"

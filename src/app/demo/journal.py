"""Daily reviews, blog entries, and conversations with an assistant."""

from datetime import timedelta

from app.demo.draw import Draw, Row
from app.slugs import slug

HIGHLIGHTS = (
    "A long walk by the river.", "Dinner with Sam and Kim.", "The demo went well.", "Slept until eight.",
    "First strawberries of the year.", "Finished the book.", "Cooked something new.", "A good talk with Mum.",
    "Sun all day.", "The bike runs again.",
)  # fmt: skip
CHALLENGES = ("Too many meetings.", "Slept badly.", "Rain.", "A headache in the afternoon.", "Lost an hour to the printer.")
THANKS = ("The neighbours.", "A quiet morning.", "Being healthy.", "Friends who call.", "Good bread.")
PLANS = ("Begin with the hardest thing.", "Go to bed at ten.", "Run before breakfast.", "Call the dentist.", "Tidy the desk.")


def reviews(draw: Draw) -> list[Row]:
    """How most days were; whoever sleeps well has a better one."""
    made = []
    for day in draw.days():
        if not draw.happens(0.9):
            continue
        at = draw.at(day, 21, 23)
        hours = min(10.0, draw.about(7.2, 0.9, 1))
        middle = 6.5 + (hours - 7)
        made.append(
            {
                "id": draw.id_at(at),
                "date": day,
                "mood": draw.rating(middle),
                "energy": draw.rating(middle),
                "productivity": draw.rating(6),
                "sleep_quality": draw.rating(hours),
                "sleep_hours": hours,
                "water_ml": 100 * draw.about(19, 4),
                "screen_minutes": draw.about(190, 60),
                "steps": draw.about(8500, 2600),
                "highlights": draw.one_of(HIGHLIGHTS),
                "challenges": draw.one_of(CHALLENGES) if draw.happens(0.5) else None,
                "gratitude": draw.one_of(THANKS) if draw.happens(0.6) else None,
                "tomorrow": draw.one_of(PLANS) if draw.happens(0.7) else None,
                "created_at": at,
            }
        )
    return made


TOPICS = (
    ("What a garden teaches", "Garden"), ("Running in the rain", "Sport"), ("Notes on a slow weekend", "Family"),
    ("How I plan a week", "Work"), ("Books of the season", "Learning"), ("A budget that holds", "Money"),
    ("On sleeping enough", "Health"), ("Small repairs", "Home"),
)  # fmt: skip
SENTENCES = (
    "It began with a list on the back of an envelope.",
    "Most of what I had planned did not happen, and nobody missed it.",
    "The trick, if there is one, is to begin before it feels right.",
    "I write the number down every evening, whatever it is.",
    "After three weeks it no longer needs a reminder.",
    "There were days on which only the shoes got as far as the door.",
    "What helped was to make the first step ridiculously small.",
    "Next month I want to try it the other way round.",
    "Sam says that I say so every year.",
    "The weather had other ideas, so we stayed in and cooked.",
)


def blog_entries(draw: Draw) -> list[tuple[Row, str]]:
    """A longer text every ten days or so; each with the tag that suits it."""
    made = []
    for number, day in enumerate(draw.days()[4::10], 1):
        topic, tag = draw.one_of(TOPICS)
        at = draw.at(day, 19, 22)
        title = f"{topic}, no. {number}"
        paragraphs = [" ".join(draw.chance.sample(SENTENCES, 4)) for _ in range(draw.chance.randrange(2, 6))]
        is_published = draw.happens(0.8)
        row = {
            "id": draw.id_at(at),
            "title": title,
            "content": "\n\n".join(paragraphs),
            "excerpt": paragraphs[0].partition(".")[0] + ".",
            "slug": slug(title, 300),
            "status": "published" if is_published else "draft",
            "published_at": at if is_published else None,
            "created_at": at,
        }
        made.append((row, tag))
    return made


QUESTIONS = (
    ("Which bike for a hilly commute?", "For hills a light bike with a wide range of gears matters more than its motor."),
    ("How do I keep basil alive?", "Bright light, water from below, and pinch it above a pair of leaves every week."),
    (
        "Explain database indexes to me.",
        "An index is a sorted list beside the table: it is walked instead of reading all rows.",
    ),
    ("A plan for a first 10k?", "Three runs a week for eight weeks: one easy, one with short faster parts, one that grows."),
    ("What can I cook with lentils?", "A soup with cumin and lemon, a salad with walnuts, or a sauce for pasta."),
    ("How much should I save each month?", "What is left of the income after fixed costs, halved, is a number that lasts."),
    (
        "Help me plan a weekend by the coast.",
        "Take the early train on Saturday, walk the cliffs, and leave Sunday without a plan.",
    ),
)
FOLLOW_UPS = (
    ("Can you make that shorter?", "Yes: begin small, repeat it, and look at it again after two weeks."),
    ("What would you do first?", "The step that takes less than ten minutes; it shows whether the rest makes sense."),
    ("Is there anything to read on it?", "Your library has a shelf on it; the oldest book there is usually the best one."),
    ("And if it does not work?", "Then halve it, and keep the time of day: the hour is the habit, not the amount."),
)


def conversations(draw: Draw) -> tuple[list[Row], list[Row]]:
    """A conversation every nine days or so, and its messages: questions and answers."""
    made, messages = [], []
    for day in draw.days()[2::9]:
        at = draw.at(day, 8, 22)
        question = draw.one_of(QUESTIONS)
        conversation = {"id": draw.id_at(at), "title": question[0], "created_at": at}
        seq = 0
        for said in (question, *draw.chance.sample(FOLLOW_UPS, draw.chance.randrange(4))):
            for role, content in zip(("user", "assistant"), said, strict=True):
                seq += 1
                at += timedelta(seconds=draw.chance.randrange(5, 90))
                message = {"conversation_id": conversation["id"], "seq": seq, "role": role, "content": content}
                messages.append(message | {"created_at": at})
        made.append(conversation | {"last_seq": seq, "last_activity_at": at})
    return made, messages

"""Texts as people write them: in several scripts, with emoji, quotes and line ends; and as only a broken file has them."""
# ruff: noqa: RUF001 - letters that look like others belong to it

from random import Random

NAMES = (
    "Stretch",
    "Read 20 pages",
    "Дневник вечером",
    "朝のランニング",
    "شرب الماء",
    "לשתות מים",
    "Méditer dès l'aube",
    "Yoga 🧘🏽‍♀️ & tea ☕",
    'Say "thank you"',
    "Robert'); DROP TABLE habits;--",
    "ภาษาไทย สิบคำ",
    "हर दिन टहलना",
    "e\u0301crire",  # a letter and its accent apart
    "<b>Bold</b> & brave",
    "50 % less \\ sugar",
    "Tab\there",
    "  spaces around  ",
    "😀",
    "Ｆｕｌｌ width",
    "0",
)
TEXTS = (
    None,
    "",
    "Before breakfast.",
    "First line\nsecond line\r\nthird",
    "Не забыть воду 💧",
    "雨の日は室内で。",
    'She said: "don\'t break the chain"; so I did not.',
    "semi;colon, comma, | pipe, {brace}, $1, :name, %s, \\N, \\.",
    "ten words " * 40,
    "null",
)
PEOPLE = ("Ada", "Zoë", "Jürgen", "Ольга", "美咲", "فاطمة", "O'Brien", "María José", "X Æ", "नीला")


class NoUtf8(bytes):
    """Bytes that are stored as text."""

    __slots__ = ()


NO_UTF8 = NoUtf8(b"caf\xe9 \xff")
NUL = "before\0after"


def text(random: Random) -> str | None:
    """A note, which often is not there."""
    return random.choice(TEXTS) if random.random() < 0.4 else None

"""How much JSON a body may hold: counted in its bytes, before anything is decoded.

A value takes memory and time whatever its text is: 2.7 million `{}` fit into 8 MiB, and took gigabytes. What is counted holds
the event loop, for as long as the steps below take; threads would not help, because the interpreter is held all the same.
"""

import asyncio
from itertools import accumulate

from app.problems.problem import Problem

MAX_VALUES = 100_000
"""Numbers, texts, lists, objects, true, false and null; keys do not count."""

MAX_DEPTH = 100
"""Levels of lists and objects; of a document that is kept as sent those inside of it."""

_STEPS = bytes.maketrans(b"[{]}", b"\x01\x01\xff\xff")
"""One level down and one up, as signed bytes."""

_NO_BRACKETS = bytes({*range(256)} - {*b"[{]}"})


def may_exceed(body: bytes) -> bool:
    """Whether `check` has to look: a bound from above, which counts what stands in texts, too."""
    openings = body.count(b"[") + body.count(b"{")
    return openings > MAX_DEPTH or openings + body.count(b",") >= MAX_VALUES


async def check(body: bytes, depth: int) -> None:
    """Count exactly. Raises Problem 422 for more than MAX_VALUES, or more than `depth` levels.

    Of what is no JSON only the part before the mistake is counted right; nobody decodes more of it. Each step takes up to 50 ms
    for 8 MiB; others get their turn in between.
    """
    text = body.replace(rb"\\", b"")
    await asyncio.sleep(0)
    text = text.replace(rb"\"", b"")
    await asyncio.sleep(0)
    # Each text is a value or the key of one; what is more would become millions of pieces.
    if text.count(b'"') > 4 * MAX_VALUES:
        raise _too_many()
    # What stands between the texts, and a quote for each text.
    text = b'"'.join(text.split(b'"')[::2])
    openings = text.count(b"[") + text.count(b"{")
    if 1 + openings + text.count(b",") > MAX_VALUES:
        text = text.translate(None, b" \t\r\n")
        # In a list or an object each value follows its bracket or a comma; an empty one has none.
        if 1 + openings + text.count(b",") - text.count(b"[]") - text.count(b"{}") > MAX_VALUES:
            raise _too_many()
    await asyncio.sleep(0)
    steps = memoryview(text.translate(_STEPS, _NO_BRACKETS)).cast("b")
    # Each list and object is a value; but `[][][]` would have none of the above.
    if len(steps) > 2 * MAX_VALUES:
        raise _too_many()
    if max(accumulate(steps), default=0) > depth:
        raise Problem("body_too_complex", f"A body is at most {MAX_DEPTH} levels deep.")


def _too_many() -> Problem:
    return Problem("body_too_complex", f"A body has at most {MAX_VALUES:,} values.")

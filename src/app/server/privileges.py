"""What the role of DATABASE_URL may do, compared with what serving takes: reading and writing rows."""

import msgspec

from app.database.queries import Executor, load
from app.server.doctor import Finding

queries = load("privileges")


class Difference(msgspec.Struct, frozen=True):
    """What the role may do too much or too little, and the statement that changes it; None: no single one does."""

    text: str
    remedy: str | None


async def beyond(database: Executor) -> list[Difference]:
    """What our role may do beyond reading and writing rows."""
    return await queries.beyond.many(database, Difference)


async def missing(database: Executor) -> list[Difference]:
    """What our role may not do of what serving takes."""
    return await queries.missing.many(database, Difference)


async def examine(database: Executor) -> list[Finding]:
    """Each thing that our role may do too much, or too little, and what to run about it."""
    too_much = [Finding("mind", "too much", each.text, _advice(each)) for each in await beyond(database)]
    too_little = [Finding("bad", "too little", each.text, _advice(each)) for each in await missing(database)]
    return [
        *(too_much or [Finding("ok", "too much", "the role may do nothing but read and write rows")]),
        *(too_little or [Finding("ok", "too little", "the role may do what serving takes")]),
    ]


def _advice(difference: Difference) -> str:
    if difference.remedy is None:
        return "Serve as another role: `holdfast roles sql` prints what makes it."
    return f"Run, as a superuser or the owner: {difference.remedy};"

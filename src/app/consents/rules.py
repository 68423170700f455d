"""The rules of consents: which terms a user accepts, and what the newest event means while these are the terms."""

from typing import Any
from uuid import UUID

from msgspec.structs import asdict, replace

from app.consents import repository
from app.consents.schemas import Consent, ConsentEvent, ConsentPut
from app.database.queries import Executor


async def current(database: Executor, terms_version: str, user_id: UUID) -> Consent:
    """Read what a user agrees to now; `terms_version` names the terms in force."""
    return _consent(await repository.current(database, user_id), terms_version)


async def record(database: Executor, terms_version: str, user_id: UUID, said: ConsentPut) -> tuple[Consent, bool]:
    """Add what a user says now, unless they said the same last; returns what it means, and whether it is the user's first."""
    if said.terms_accepted and said.terms_version is None:
        said = replace(said, terms_version=terms_version)
    added = await repository.record(database, user_id, said)
    event, is_first = added or (await repository.current(database, user_id), False)
    return _consent(event, terms_version), is_first


def _consent(event: ConsentEvent | None, terms_version: str) -> Consent:
    """None: the user said nothing yet, so nothing is agreed to."""
    if event is None:
        empty: dict[str, Any] = dict.fromkeys(Consent.__struct_fields__)
        return Consent(**empty | {"terms_accepted": False, "marketing_consent": False, "stale": False})
    columns = asdict(event)
    del columns["id"]
    return Consent(**columns, stale=event.terms_accepted and event.terms_version != terms_version)

"""The rules of consents: which terms a user accepts, and what the newest event means while these are the terms."""

from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict, replace

from app.accounts import repository as accounts
from app.consents import repository
from app.consents.schemas import Consent, ConsentEvent, ConsentPatch, ConsentPut
from app.database.queries import Executor, Transactor


async def current(database: Executor, terms_version: str, user_id: UUID) -> Consent:
    """Read what a user agrees to now; `terms_version` names the terms in force."""
    return _consent(await repository.current(database, user_id), terms_version)


async def record(database: Transactor, terms_version: str, user_id: UUID, said: ConsentPut) -> tuple[Consent, bool]:
    """Add what a user says now, unless they said the same last; returns what it means, and whether it is the user's first.

    Of events at the same time each is compared with the one before.
    """

    async def work(transaction: Executor) -> tuple[Consent, bool]:
        await accounts.lock(transaction, user_id)
        return await _record(transaction, terms_version, user_id, said)

    return await database.transaction(work)


async def _record(transaction: Executor, terms_version: str, user_id: UUID, said: ConsentPut) -> tuple[Consent, bool]:
    if said.terms_accepted and said.terms_version is None:
        said = replace(said, terms_version=terms_version)
    added = await repository.record(transaction, user_id, said)
    event, is_first = added or (await repository.current(transaction, user_id), False)
    return _consent(event, terms_version), is_first


async def change(database: Transactor, terms_version: str, user_id: UUID, changes: ConsentPatch) -> tuple[Consent, bool]:
    """Say anew a part of what a user said last; of what they never said, no. Returns what `record` does.

    Without a change nothing is added. Of changes at the same time each finds what the one before said.
    """
    sent = {name: value for name in changes.__struct_fields__ if (value := getattr(changes, name)) is not UNSET}
    if sent.get("terms_accepted"):
        # Whoever accepts has seen the terms in force, not those that they saw before.
        sent.setdefault("terms_version", None)

    async def work(transaction: Executor) -> tuple[Consent, bool]:
        await accounts.lock(transaction, user_id)
        last = await repository.current(transaction, user_id)
        if last is None and not sent:
            return _consent(None, terms_version), False
        said = ConsentPut(terms_accepted=False)
        if last is not None:
            said = ConsentPut(**{name: getattr(last, name) for name in said.__struct_fields__})
        return await _record(transaction, terms_version, user_id, replace(said, **sent))

    return await database.transaction(work)


def _consent(event: ConsentEvent | None, terms_version: str) -> Consent:
    """None: the user said nothing yet, so nothing is agreed to."""
    if event is None:
        empty: dict[str, Any] = dict.fromkeys(Consent.__struct_fields__)
        return Consent(**empty | {"terms_accepted": False, "marketing_consent": False, "stale": False})
    columns = asdict(event)
    del columns["id"]
    return Consent(**columns, stale=event.terms_accepted and event.terms_version != terms_version)

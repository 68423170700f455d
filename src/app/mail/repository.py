"""Typed calls of sql/queries/mail.sql."""

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from app.database.queries import Executor, load, to_json
from app.problems import constraints

constraints.declare(
    {
        "outgoing_mails_pkey": ("conflict", "id", "is taken"),
        "outgoing_mails_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "outgoing_mails_kind_known": ("invalid", "kind", constraints.ONE_OF),
        "outgoing_mails_address_length": constraints.has_length("email", "3 to 320"),
        "outgoing_mails_language_length": constraints.has_length("language", "at most 100"),
        "outgoing_mails_detail_length": ("invalid", "detail", "must be at most 4000 bytes of JSON"),
        "outgoing_mails_failure_length": constraints.has_length("failure", "at most 100"),
        "mail_tokens_pkey": ("conflict", "token", "is taken"),
        "mail_tokens_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "mail_tokens_purpose_known": ("invalid", "purpose", constraints.ONE_OF),
        "mail_tokens_token_hash_unique": ("conflict", "token", "is taken"),
        "mail_tokens_token_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
        "mail_tokens_email_length": constraints.has_length("email", "3 to 320"),
    }
)

MailKind = Literal["verification", "password_reset", "email_change", "email_change_asked", "email_changed", "new_device"]

queries = load("mail")


async def enqueue(
    executor: Executor, kind: MailKind, *, user_id: UUID | None, address: str, language: str, detail: Mapping[str, str]
) -> None:
    """Write a mail down that is to be sent, within the transaction of what it is about.

    user_id: None for a reset, when nobody knows yet whose the address is. language: what `Client.languages` says.
    detail: what its template shows beside what the sender knows (app.mail.templates); never a token.
    Afterwards `services.mail_is_due.set()` has it sent at once; without that it goes out within some seconds.
    """
    await queries.enqueue.count(
        executor, user_id=user_id, kind=kind, address=address, language=language, detail=to_json(dict(detail))
    )

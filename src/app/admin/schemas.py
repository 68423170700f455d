"""What goes in and out of /v1/admin."""

from datetime import date
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.accounts.schemas import IdentityProvider, IdentitySubject, NewPassword, User, UserRole
from app.credits.schemas import CreditAccount
from app.http.fields import FIRST_DAY, LAST_DAY, NOT_BLANK, Id, Timestamp
from app.http.pagination import PageQuery
from app.usage.schemas import Usage


class UserQuery(PageQuery, frozen=True, kw_only=True):
    """The filter of the list of users."""

    q: (
        Annotated[
            str,
            Meta(
                max_length=320,
                pattern=NOT_BLANK,
                description="A part of the e-mail, the user name or the name.",
                examples=["ada"],
            ),
        ]
        | None
    ) = None


class UserPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of what only an admin can change: an absent field stays."""

    role: Annotated[UserRole, Meta(examples=["service"])] | UnsetType = UNSET
    is_active: (
        Annotated[
            bool,
            Meta(
                description="False: the user is refused at once, and their sessions end; API tokens work again with true.",
                examples=[True],
            ),
        ]
        | UnsetType
    ) = UNSET
    is_verified: Annotated[bool, Meta(description="The e-mail address is theirs.", examples=[True])] | UnsetType = UNSET


class IdentityPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identity of another service that is a user's."""

    provider: IdentityProvider
    subject: IdentitySubject


class UserPasswordPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password for a user."""

    password: NewPassword


class AuditEventQuery(PageQuery, frozen=True, kw_only=True):
    """The filters of the audit trail."""

    actor: Annotated[UUID, Meta(description="What this user did: an admin or a service.")] | None = None
    target: (
        Annotated[
            str,
            Meta(
                max_length=800,
                pattern=NOT_BLANK,
                description="The id of a user: what was done to their account, or on behalf of them. Or a path: what was done "
                "at exactly this one.",
                examples=["/v1/admin/users"],
            ),
        ]
        | None
    ) = None
    from_: Annotated[date, Meta(description="The first day, in UTC, included.")] = msgspec.field(name="from", default=FIRST_DAY)
    to: Annotated[date, Meta(description="The last day, in UTC, included.")] = LAST_DAY


_SOMEBODY = "019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f01"


class AuditDetail(msgspec.Struct, frozen=True):
    """What else is known of an event."""

    request_id: (
        Annotated[str, Meta(max_length=200, description="By which the log tells how it ended.", examples=["019aa2c5-7b1c"])]
        | None
    )


class AuditEvent(msgspec.Struct, frozen=True):
    """What an admin or a service did, written down before it was done."""

    id: Id
    actor_id: Annotated[UUID, Meta(description="Whose token it was; the account may be gone.", examples=[_SOMEBODY])]
    acting_for: Annotated[
        UUID | None, Meta(description="On behalf of whom it was done; null: of nobody.", examples=[_SOMEBODY])
    ]
    action: Annotated[str, Meta(max_length=200, description="Method and route.", examples=["PATCH /v1/admin/users/{id}"])]
    target: (
        Annotated[str, Meta(max_length=800, description="The path that was asked for.", examples=["/v1/admin/users"])] | None
    )
    detail: AuditDetail | None
    created_at: Timestamp


class AccountCounts(msgspec.Struct, frozen=True):
    """What an operator counts of a user."""

    sessions: int
    api_tokens: int
    consents: int


class AccountSummary(msgspec.Struct, frozen=True):
    """An account as an operator's command shows it; `credits` is null before they are first used."""

    user: User
    counts: AccountCounts
    credits: CreditAccount | None
    usage: Usage

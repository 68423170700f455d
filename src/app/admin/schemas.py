"""What goes in and out of /v1/admin."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.accounts.schemas import IdentityProvider, IdentitySubject, NewPassword, UserRole
from app.http.fields import NOT_BLANK
from app.http.pagination import PageQuery


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
    is_active: Annotated[bool, Meta(description="False: the user is refused at once.", examples=[True])] | UnsetType = UNSET
    is_verified: Annotated[bool, Meta(description="The e-mail address is theirs.", examples=[True])] | UnsetType = UNSET


class IdentityPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An identity of another service that is a user's."""

    provider: IdentityProvider
    subject: IdentitySubject


class UserPasswordPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password for a user."""

    password: NewPassword

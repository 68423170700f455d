"""What goes in and out of /v1/auth and /v1/me."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.accounts.session_schemas import DeviceName
from app.http.fields import END, MOVES, NOT_BLANK, SPACE, Id, Timestamp, Version
from app.problems import constraints

constraints.declare(
    {
        "users_pkey": ("conflict", "id", "is taken"),
        "users_email_unique": ("email_taken", "email", "is taken"),
        "users_email_length": constraints.has_length("email", "3 to 320"),
        "users_email_form": ("invalid", "email", "must be an e-mail address"),
        "users_username_unique": ("username_taken", "username", "is taken"),
        "users_username_form": ("invalid", "username", "must be 3 to 50 letters, digits, _, . or -"),
        "users_name_length": constraints.has_length("name", "at most 100"),
        "users_first_name_length": constraints.has_length("first_name", "at most 100"),
        "users_last_name_length": constraints.has_length("last_name", "at most 100"),
        "users_bio_length": constraints.has_length("bio", "at most 10000"),
        "users_avatar_url_length": constraints.has_length("avatar_url", "at most 500"),
        "users_timezone_length": constraints.has_length("timezone", "1 to 100"),
        "users_role_known": ("invalid", "role", constraints.ONE_OF),
        "users_guest_role": ("invalid", "role", "must be user for a guest"),
        "users_last_admin": ("last_admin", "role", "would leave no active admin"),
        "users_reachable": ("invalid", "email", "cannot be empty for a registered account"),
    }
)
constraints.declare(
    {
        "identities_pkey": ("conflict", "id", "is taken"),
        "identities_user_exists": ("not_found", "user_id", "does not exist"),
        "identities_provider_form": ("invalid", "provider", "must be at most 30 lower-case letters and digits, a letter first"),
        "identities_subject_length": constraints.has_length("subject", "1 to 255"),
        "identities_email_length": constraints.has_length("email", "3 to 320"),
        "identities_subject_unique": ("conflict", "subject", "belongs to another account"),
    }
)


Email = Annotated[
    str,
    Meta(
        min_length=3,
        max_length=320,
        pattern=f"^[^@{SPACE}]+@[^@{SPACE}]+{END}",
        description="An e-mail address without invisible characters; letter case does not matter.",
        examples=["ada@example.com"],
    ),
]
Username = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9_.-]{3,50}" + END,
        description="3 to 50 letters, digits, `_`, `.` or `-`; letter case does not matter.",
        examples=["ada"],
    ),
]
UserRole = Annotated[Literal["user", "service", "admin"], Meta(title="UserRole", examples=["user"])]
PASSWORD_LENGTH = range(8, 129)
NewPassword = Annotated[
    str,
    Meta(
        min_length=PASSWORD_LENGTH.start,
        max_length=PASSWORD_LENGTH.stop - 1,
        description="8 to 128 characters; none of the most common passwords, not one letter only, not the account's own name.",
        examples=["correct horse battery"],
    ),
]
KnownPassword = Annotated[str, Meta(max_length=1000, description="The password.", examples=["correct horse battery"])]
Name = Annotated[str, Meta(max_length=100, description="How the user is called.", examples=["Ada Lovelace"])]
FirstName = Annotated[str, Meta(max_length=100, examples=["Ada"])]
LastName = Annotated[str, Meta(max_length=100, examples=["Lovelace"])]
Bio = Annotated[str, Meta(max_length=10000, description="A few words about oneself.", examples=["Wrote the first program."])]
AvatarUrl = Annotated[str, Meta(max_length=500, description="Where the picture is.", examples=["https://example.com/ada.png"])]
TimeZone = Annotated[
    str, Meta(min_length=1, max_length=100, description="IANA name of a time zone.", examples=["Europe/Berlin"])
]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A new account."""

    email: Email
    password: NewPassword
    name: Name | None = None
    username: Username | None = None
    timezone: TimeZone = "UTC"
    device_name: DeviceName | None = None


class Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Exactly one of email and username, and the password. No rule for new passwords is applied here."""

    password: KnownPassword
    email: Annotated[str, Meta(max_length=320, examples=["ada@example.com"])] | UnsetType = UNSET
    username: Annotated[str, Meta(max_length=320, examples=["ada"])] | UnsetType = UNSET
    device_name: DeviceName | None = None


class User(msgspec.Struct, frozen=True):
    """An account, as its owner and admins see it."""

    id: Id
    email: Email | None
    username: Username | None
    name: Name | None
    first_name: FirstName | None
    last_name: LastName | None
    bio: Bio | None
    avatar_url: AvatarUrl | None
    timezone: TimeZone
    role: UserRole
    is_guest: Annotated[bool, Meta(description="Has no login of its own yet.", examples=[False])]
    is_active: Annotated[bool, Meta(description="Was not disabled by an administrator.", examples=[True])]
    is_verified: Annotated[bool, Meta(description="The e-mail address was verified.", examples=[False])]
    is_external: Annotated[bool, Meta(description="Came by an identity of another service.", examples=[False])]
    last_login_at: Annotated[Timestamp, MOVES] | None
    created_at: Timestamp
    updated_at: Timestamp
    version: Version


class SignedIn(msgspec.Struct, frozen=True):
    """A new session."""

    token: Annotated[
        str,
        Meta(
            description="Send it as `Authorization: Bearer <token>`. It is shown this once.",
            examples=["hf_4cUGb9fXbqVd0vUOqk1vE0lTnC0m8B1z3k5Wc7y9AaQ"],
        ),
    ]
    expires_at: Annotated[Timestamp, Meta(description="Moves forward while the session is in use.")]
    user: User


class MePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of one's own account: an absent field stays, null clears it."""

    email: Email | UnsetType = UNSET
    username: Username | None | UnsetType = UNSET
    name: Name | None | UnsetType = UNSET
    first_name: FirstName | None | UnsetType = UNSET
    last_name: LastName | None | UnsetType = UNSET
    bio: Bio | None | UnsetType = UNSET
    avatar_url: AvatarUrl | None | UnsetType = UNSET
    timezone: TimeZone | UnsetType = UNSET
    current_password: KnownPassword | UnsetType = UNSET
    """Needed for another e-mail address, where there is a password. Never written."""


class AccountDeletion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The password, as a second look before everything owned is deleted."""

    password: KnownPassword | UnsetType = UNSET


class PasswordChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new password, after a look at the current one. An account without a password needs no current one."""

    new: NewPassword
    current: KnownPassword | UnsetType = UNSET
    keep_tokens: (
        Annotated[
            list[UUID],
            Meta(max_length=100, description="Ids of API tokens that go on; all others end.", examples=[[]]),
        ]
        | UnsetType
    ) = UNSET


IdentityProvider = Annotated[
    str,
    Meta(
        pattern="^[a-z][a-z0-9]{0,29}" + END,
        description="Who vouches for it: a provider that this server signs in with, or `google`, `github`, `firebase`, `auth0` "
        "or, for an app's own names, `legacy`.",
        examples=["google"],
    ),
]
IdentitySubject = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=NOT_BLANK,
        description="The provider's own id of the user.",
        examples=["1089"],
    ),
]


class UserIdentity(msgspec.Struct, frozen=True):
    """An identity of another service that is this user's."""

    id: Id
    provider: IdentityProvider
    subject: Annotated[str, Meta(description="The provider's own id of the user.", examples=["1089"])]
    email: Annotated[str | None, Meta(examples=["ada@example.com"])]
    created_at: Timestamp


class ListedUser(msgspec.Struct, frozen=True):
    """An account as the operator's list shows it."""

    id: UUID
    email: str | None
    username: str | None
    role: str
    is_guest: bool
    is_active: bool
    last_login_at: datetime | None
    created_at: datetime


class Credentials(msgspec.Struct, frozen=True):
    """What a login is checked against. Never leaves the server."""

    id: UUID
    password_hash: str | None
    is_active: bool
    is_guest: bool
    email: str | None
    username: str | None

"""What goes in and out of /v1/me/sessions and /v1/me/tokens."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import END, NOT_BLANK, Id, Timestamp
from app.problems import constraints

constraints.declare(
    {
        "sessions_pkey": ("conflict", "token", "is taken"),
        "sessions_token_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
        "sessions_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "sessions_user_agent_length": constraints.has_length("user_agent", "at most 500"),
        "sessions_expires_later": ("invalid", "expires_at", "must lie in the future"),
        "sessions_last_user_agent_length": constraints.has_length("user_agent", "at most 500"),
        "sessions_device_name_length": constraints.has_length("device_name", "1 to 100"),
        "sessions_device_name_not_blank": ("invalid", "device_name", "must not be blank"),
    }
)
constraints.declare(
    {
        "api_tokens_pkey": ("conflict", "token", "is taken"),
        "api_tokens_token_hash_length": ("invalid", "token", "must be a hash of 32 bytes"),
        "api_tokens_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "api_tokens_name_length": constraints.has_length("name", "1 to 100"),
        "api_tokens_name_not_blank": ("invalid", "name", "must not be blank"),
        "api_tokens_scopes_some": ("invalid", "scopes", "must be 1 to 50 scopes"),
        "api_tokens_last_characters_length": constraints.has_length("last_characters", "exactly 8"),
        "api_tokens_expires_later": ("invalid", "expires_at", "must lie in the future"),
    }
)


DeviceName = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=NOT_BLANK,
        description="What the user calls the place where they are signed in, or what the app calls it for them.",
        examples=["Ada's phone"],
    ),
]


class UserSession(msgspec.Struct, frozen=True):
    """A place where one is signed in."""

    id: Id
    is_current: Annotated[bool, Meta(description="Whether it is the session that asks.", examples=[True])]
    created_at: Timestamp
    last_seen_at: Annotated[Timestamp, Meta(description="Written at most hourly.")]
    expires_at: Timestamp
    user_agent: Annotated[str | None, Meta(examples=["Firefox on Linux"])]
    ip: Annotated[str | None, Meta(description="Where it was made.", examples=["192.0.2.7"])]
    last_user_agent: Annotated[
        str | None, Meta(description="Of its last use, written at most hourly.", examples=["Firefox on Linux"])
    ]
    last_ip: Annotated[str | None, Meta(description="Of its last use, written at most hourly.", examples=["192.0.2.7"])]
    device_name: DeviceName | None


class SessionPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A merge patch of one of one's own sessions: an absent field stays, null clears it."""

    device_name: DeviceName | None | UnsetType = UNSET


TokenName = Annotated[str, Meta(min_length=1, max_length=100, pattern=NOT_BLANK, examples=["Backup script"])]
Scopes = Annotated[
    list[
        Annotated[
            str,
            Meta(
                pattern=r"^([a-z][a-z-]{0,49}:)?(read|write)" + END,
                description="`read` or `write` for everything, `tasks:read` or `tasks:write` for one resource.",
            ),
        ]
    ],
    Meta(min_length=1, max_length=50, examples=[["read", "tasks:write"]]),
]


class ApiTokenCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A new API token."""

    name: TokenName
    scopes: Scopes
    expires_at: Annotated[Timestamp, Meta(description="Null: never.", examples=[None])] | None = None


class ApiToken(msgspec.Struct, frozen=True):
    """An API token. The token itself was shown when it was made."""

    id: Id
    name: TokenName
    scopes: Scopes
    last_characters: Annotated[str, Meta(description="The end of the token.", examples=["5Wc7y9Aa"])]
    created_at: Timestamp
    last_used_at: Annotated[Timestamp, Meta(description="Written at most hourly.")] | None
    expires_at: Timestamp | None


class NewApiToken(ApiToken, frozen=True):
    """A new API token, with the token itself."""

    token: Annotated[
        str, Meta(description="It is shown this once.", examples=["hf_4cUGb9fXbqVd0vUOqk1vE0lTnC0m8B1z3k5Wc7y9AaQ"])
    ]

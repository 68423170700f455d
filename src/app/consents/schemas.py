"""What goes in and out of /v1/consents."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.http.fields import MOVES, NOT_BLANK, Id, Timestamp
from app.problems import constraints

constraints.owned("consent_events", length={"terms_version": "1 to 100", "source": "1 to 100"})
constraints.declare(
    {
        "consent_events_terms_version_needed": ("invalid", "terms_version", "is required for accepted terms"),
    }
)


TermsVersion = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=NOT_BLANK, description="Which terms it is about.", examples=["1"])
]
Accepted = Annotated[bool, Meta(description="Whether the terms are accepted.", examples=[True])]
Marketing = Annotated[bool, Meta(description="Whether messages about offers are welcome.", examples=[False])]
Source = Annotated[
    str, Meta(min_length=1, max_length=100, pattern=NOT_BLANK, description="Where it was said.", examples=["web"])
]


class Consent(msgspec.Struct, frozen=True):
    """What a user agrees to now. Before they said anything: all false and null."""

    terms_accepted: Accepted
    terms_version: TermsVersion | None
    marketing_consent: Marketing
    stale: Annotated[
        bool, Meta(description="The terms have changed since they were accepted: ask again.", examples=[False]), MOVES
    ]
    source: Source | None
    created_at: Timestamp | None


class ConsentEvent(msgspec.Struct, frozen=True):
    """What a user said once."""

    id: Id
    terms_accepted: Accepted
    terms_version: TermsVersion | None
    marketing_consent: Marketing
    source: Source | None
    created_at: Timestamp


class UserConsent(msgspec.Struct, frozen=True):
    """What a user agrees to now, as admins see it."""

    id: Annotated[UUID, Meta(description="The user's id.", examples=["019aa2c5-7b1c-7d3e-8f4a-5b6c7d8e9f00"])]
    terms_accepted: Accepted
    terms_version: TermsVersion | None
    marketing_consent: Marketing
    source: Source | None
    created_at: Timestamp


class ConsentPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A merge patch of what a user says: an absent field stays as it was said last."""

    terms_accepted: Accepted | UnsetType = UNSET
    terms_version: (
        Annotated[TermsVersion | None, Meta(description="Which terms they saw. Accepted without it: the ones in force.")]
        | UnsetType
    ) = UNSET
    marketing_consent: Marketing | UnsetType = UNSET
    source: Source | None | UnsetType = UNSET


class ConsentPut(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a user says now."""

    terms_accepted: Accepted
    terms_version: Annotated[
        TermsVersion | None, Meta(description="Which terms they saw. Accepted without it: the ones in force.")
    ] = None
    marketing_consent: Marketing = False
    source: Source | None = None

"""What goes in and out of GET /v1/me."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.accounts.schemas import User
from app.consents.schemas import Consent
from app.credits.schemas import CreditAccount
from app.http.fields import MOVES
from app.usage.schemas import Usage

ProfilePart = Annotated[Literal["consents", "credits", "usage"], Meta(title="ProfilePart")]


class ProfileQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which parts of a profile are read."""

    with_: Annotated[
        frozenset[ProfilePart],
        Meta(min_length=1, description="Parts that are read, too, separated by commas: `with=credits,consents,usage`."),
    ] = msgspec.field(name="with", default=frozenset())


class Profile(User, frozen=True, kw_only=True):
    """One's own account, with the parts that were asked for."""

    credits: Annotated[CreditAccount, Meta(description="With `with=credits`: as `GET /v1/credits`."), MOVES] | UnsetType = UNSET
    consents: Annotated[Consent, Meta(description="With `with=consents`: as `GET /v1/consents`."), MOVES] | UnsetType = UNSET
    usage: Annotated[Usage, Meta(description="With `with=usage`: as `GET /v1/usage`."), MOVES] | UnsetType = UNSET

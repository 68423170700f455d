"""What goes into the routes that send a link by mail, and into those that a link leads to."""

from typing import Annotated

import msgspec
from msgspec import Meta

from app.accounts.schemas import Email, NewPassword

MailToken = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        description="What the link in the mail has after `#token=`. It works once.",
        examples=["4cUGb9fXbqVd0vUOqk1vE0lTnC0m8B1z3k5Wc7y9AaQ"],
    ),
]


class AddressConfirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of a mail that was sent to an address."""

    token: MailToken


class PasswordResetRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address of an account whose password is to be chosen anew."""

    email: Email


class PasswordReset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The token of a mail, and the new password."""

    token: MailToken
    new: NewPassword

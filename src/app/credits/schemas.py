"""What goes in and out of /v1/credits."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from app.http.fields import NOT_BLANK, Timestamp
from app.problems import constraints

constraints.declare(
    {
        "credit_accounts_pkey": ("conflict", "user_id", "is taken"),
        "credit_accounts_user_exists": ("unauthenticated", "user_id", "does not exist"),
        "credit_accounts_available_range": ("insufficient_credits", "amount", "is more than there is"),
        "credit_accounts_max_credits_range": ("invalid", "max_credits", "must be more than 0"),
        "credit_accounts_last_seq_range": ("invalid", "last_seq", "must be 0 or more"),
        "credit_accounts_reset_hours_range": ("invalid", "reset_hours", "must be more than 0"),
    }
)
constraints.owned(
    "credit_transactions",
    length={"description": "at most 500", "idempotency_key": "1 to 200"},
    bounds={"seq": "more than 0", "balance_after": constraints.NOT_NEGATIVE},
    known=("type",),
)
constraints.declare(
    {
        "credit_transactions_amount_not_zero": ("invalid", "amount", "must not be 0"),
        "credit_transactions_amount_sign": ("invalid", "amount", "must be negative for deductions, and only for them"),
        "credit_transactions_refunds_seq_type": ("invalid", "refunds_seq", "is only for refunds"),
        "credit_transactions_idempotency_key_unique": ("idempotency_conflict", "idempotency_key", "came before"),
        "credit_transactions_refunds_seq_unique": ("already_refunded", "transaction_seq", "was refunded before"),
    }
)


Amount = Annotated[int, Meta(ge=1, le=1_000_000, description="Credits, 1 or more.", examples=[1])]
Description = Annotated[str, Meta(max_length=500, description="What for.", examples=["Product search"])]
Key = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=NOT_BLANK,
        description="The same key again answers what the first request did, and does nothing. With other content: 409.",
        examples=["search-4711"],
    ),
]
Seq = Annotated[int, Meta(ge=1, le=2_147_483_647, description="The transaction's number in its account, without gaps.")]
CreditTransactionType = Annotated[
    Literal["allocate", "deduct", "refund", "grant", "reset", "checkpoint"],
    Meta(title="CreditTransactionType", examples=["deduct"]),
]


class CreditAccount(msgspec.Struct, frozen=True):
    """What a user may spend."""

    available: Annotated[int, Meta(description="Credits to spend now.", examples=[49])]
    max_credits: Annotated[int, Meta(description="What a reset fills up to.", examples=[50])]
    is_guest: Annotated[bool, Meta(description="Guests are never filled up.", examples=[False])]
    resets_at: (
        Annotated[Timestamp, Meta(description="When the next reset is due; it is applied when the account is used.")] | None
    )


class CreditTransaction(msgspec.Struct, frozen=True):
    """One line of the ledger."""

    seq: Annotated[Seq, Meta(examples=[7])]
    type: CreditTransactionType
    amount: Annotated[int, Meta(description="Negative for deductions.", examples=[-1])]
    balance_after: Annotated[int, Meta(description="The sum of all lines up to this one.", examples=[49])]
    description: Description | None
    idempotency_key: Key | None
    refunds_seq: Annotated[Seq | None, Meta(description="The deduction that this refund returns.", examples=[None])]
    created_at: Timestamp


class CreditChange(msgspec.Struct, frozen=True):
    """A transaction, and what it left."""

    transaction: CreditTransaction
    available: Annotated[int, Meta(description="The balance after this transaction.", examples=[49])]


class CreditDeduction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Credits to spend."""

    amount: Amount
    description: Description | None = None
    idempotency_key: Key | None = None


class CreditRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A deduction to return to the account."""

    transaction_seq: Annotated[Seq, Meta(examples=[7])]
    amount: Annotated[Amount, Meta(description="Not more than the deduction took. Without it: all of it.")] | None = None
    description: Description | None = None


class CreditGrant(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Credits that an admin gives."""

    amount: Amount
    description: Description | None = None
    idempotency_key: Key | None = None

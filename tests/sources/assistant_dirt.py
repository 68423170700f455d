"""Dirt in the shopping assistant's data. Each kind adds to the dictionaries that the app kept, before they are written down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sources.planting import Kind, Kinds, Names, Planted, Row
from sources.varied import Varied

JSON, DATABASE = FORMS = ("json", "database")

KINDS = Kinds()

LATE = datetime(2026, 6, 1, 12)  # noqa: DTZ001 - as the app wrote times
PAST = datetime(2020, 2, 29, 12)  # noqa: DTZ001

CREDITS, TRANSACTIONS, CONSENTS, CACHE = "user_credits", "transactions", "consents", "query_cache"


@dataclass
class Ground:
    """Where dirt is put: the app's dictionaries, and how it made clean entries of them."""

    dump: Row
    varied: Varied
    account: Callable[..., tuple[Row, list[Row]]]
    consent: Callable[..., Row]
    cached: Callable[..., Row]

    def put_account(self, **changes: Any) -> str:
        """Add a user with transactions, some fields of the credits changed; gives the id."""
        row, transactions = self.account()
        self.dump[CREDITS][row["user_id"]] = row | changes
        self.dump[TRANSACTIONS] += transactions
        return str(row["user_id"])

    def put_transaction(self, user_id: str, **changes: Any) -> int:
        """Add a transaction, the newest of all; gives its place."""
        at = (LATE + timedelta(minutes=len(self.dump[TRANSACTIONS]))).isoformat()
        row = {"user_id": user_id, "transaction_type": "allocate", "amount": 1, "timestamp": at, "description": "Bonus"}
        self.dump[TRANSACTIONS].append(row | changes)
        return len(self.dump[TRANSACTIONS]) - 1

    def put_cached(self, **changes: Any) -> str:
        """Add an entry of the cache; gives its hash."""
        row = self.cached() | changes
        self.dump[CACHE][row["query_hash"]] = row
        return str(row["query_hash"])


def _credits(kind: Kind, ground: Ground, **changes: Any) -> Planted:
    user = ground.put_account(**changes)
    return kind.planted(CREDITS, user, f"{CREDITS}.{user}")


def _transaction(kind: Kind, ground: Ground, **changes: Any) -> Planted:
    user = changes.pop("user_id", None) or ground.put_account()
    place = ground.put_transaction(user, **changes)
    return kind.planted(TRANSACTIONS, place, f"{TRANSACTIONS}[{place}]")


def _cached(kind: Kind, ground: Ground, **changes: Any) -> Planted:
    query = ground.put_cached(**changes)
    return kind.planted(CACHE, query, f"{CACHE}.{query}")


@KINDS.kind("reported", *FORMS)
def not_adding_up(kind: Kind, ground: Ground) -> Planted:
    return _credits(kind, ground, available_credits=1234)


@KINDS.kind("reported", *FORMS)
def without_transactions(kind: Kind, ground: Ground) -> Planted:
    row = ground.account()[0]
    ground.dump[CREDITS][row["user_id"]] = row
    return kind.planted(CREDITS, row["user_id"], f"{CREDITS}.{row['user_id']}")


@KINDS.kind("reported", *FORMS)
def negative_credits(kind: Kind, ground: Ground) -> Planted:
    return _credits(kind, ground, available_credits=-5)


@KINDS.kind("reported", *FORMS)
def no_maximum(kind: Kind, ground: Ground) -> Planted:
    return _credits(kind, ground, max_credits=0)


@KINDS.kind("reported", JSON)
def user_id_differs(kind: Kind, ground: Ground) -> Planted:
    user = ground.put_account()
    ground.dump[CREDITS][user]["user_id"] = "auth0|somebody-else"
    return kind.planted(CREDITS, user, f"{CREDITS}.{user}")


@KINDS.kind("reported", JSON)
def fractional_credits(kind: Kind, ground: Ground) -> Planted:
    return _credits(kind, ground, available_credits=2.5)


@KINDS.kind("reported", JSON)
def reset_no_date(kind: Kind, ground: Ground) -> Planted:
    return _credits(kind, ground, last_reset_timestamp="never")


@KINDS.kind("reported", JSON)
def credits_unknown_keys(kind: Kind, ground: Ground) -> Planted:
    return _credits(kind, ground, referred_by="auth0|ada")


@KINDS.kind("kept", *FORMS)
def equal_transactions(kind: Kind, ground: Ground) -> Planted:
    user = ground.put_account()
    ground.dump[CREDITS][user]["available_credits"] += 2
    at = LATE.isoformat()
    ground.put_transaction(user, timestamp=at)
    return _transaction(kind, ground, user_id=user, timestamp=at)


@KINDS.kind("kept", *FORMS)
def deduction_without_sign(kind: Kind, ground: Ground) -> Planted:
    user = ground.put_account()
    ground.dump[CREDITS][user]["available_credits"] += 4
    ground.put_transaction(user, amount=5)
    return _transaction(kind, ground, user_id=user, transaction_type="deduct", amount=1)


@KINDS.kind("reported", *FORMS)
def zero_amount(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, amount=0)


@KINDS.kind("reported", *FORMS)
def deducted_below_zero(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, transaction_type="deduct", amount=-100_000)


@KINDS.kind("reported", *FORMS)
def unknown_type(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, transaction_type="gift")


@KINDS.kind("reported", *FORMS)
def long_description(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, description="d" * 501)


@KINDS.kind("reported", *FORMS)
def transaction_of_nobody(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, user_id="auth0|gone")


@KINDS.kind("reported", JSON)
def transaction_no_date(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, timestamp="last week")


@KINDS.kind("reported", JSON)
def transaction_unknown_keys(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, order_id="A-17")


@KINDS.kind("reported", JSON)
def transaction_fields_missing(kind: Kind, ground: Ground) -> Planted:
    planted = _transaction(kind, ground)
    del ground.dump[TRANSACTIONS][-1]["amount"]
    return planted


@KINDS.kind("reported", JSON)
def nul_character(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, description="nul \0 here")


@KINDS.kind("reported", JSON)
def unpaired_surrogate(kind: Kind, ground: Ground) -> Planted:
    return _transaction(kind, ground, description="half of a face \ud83d")


def _consent(kind: Kind, ground: Ground, user: str, **changes: Any) -> Planted:
    ground.dump[CONSENTS][user] = ground.consent(user) | changes
    return kind.planted(CONSENTS, user, f"{CONSENTS}.{user}")


@KINDS.kind("reported", *FORMS)
def consent_of_nobody(kind: Kind, ground: Ground) -> Planted:
    return _consent(kind, ground, "auth0|never-bought")


@KINDS.kind("reported", JSON)
def consent_null(kind: Kind, ground: Ground) -> Planted:
    return _consent(kind, ground, ground.put_account(), terms_accepted=None, marketing_consent=None)


@KINDS.kind("reported", JSON)
def consent_unknown_keys(kind: Kind, ground: Ground) -> Planted:
    return _consent(kind, ground, ground.put_account(), ip="192.0.2.1")


@KINDS.kind("reported", *FORMS)
def cache_expired(kind: Kind, ground: Ground) -> Planted:
    expires = (PAST + timedelta(hours=1)).isoformat()
    return _cached(kind, ground, cached_at=PAST.isoformat(), expires_at=expires)


@KINDS.kind("reported", *FORMS)
def cache_expires_before(kind: Kind, ground: Ground) -> Planted:
    return _cached(kind, ground, cached_at="2098-01-01T00:00:00", expires_at="2097-12-31T23:59:59")


@KINDS.kind("reported", *FORMS)
def cache_hash_form(kind: Kind, ground: Ground) -> Planted:
    return _cached(kind, ground, query_hash="red shoes, size 42?")


@KINDS.kind("reported", JSON)
def cache_infinity(kind: Kind, ground: Ground) -> Planted:
    return _cached(kind, ground, result={"products": [{"name": "Shoes", "distance": float("inf"), "score": float("nan")}]})


@KINDS.kind("reported", JSON)
def cache_nul_character(kind: Kind, ground: Ground) -> Planted:
    return _cached(kind, ground, result={"products": ["nul \0 here"]})


@KINDS.kind("reported", JSON)
def unknown_part(kind: Kind, ground: Ground) -> Planted:
    ground.dump["carts"] = {"auth0|ada": ["shoes"]}
    return kind.planted("carts", "carts", "carts")


def plant(names: Names, ground: Ground, form: str) -> list[Planted]:
    """Add the kinds of dirt of these names. Raises ValueError for one that the form cannot hold."""
    return [kind.plant(kind, ground) for kind in KINDS.chosen(names, form)]

"""Dirt in the shopping assistant's data. Each kind adds to the dictionaries that the app kept, before they are written down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sources.planting import Fate, Kind, Kinds, Names, Planted, Row
from sources.varied import Varied

JSON, DATABASE = FORMS = ("json", "database")

KINDS = Kinds()

LATE = datetime(2026, 6, 1, 12)  # noqa: DTZ001 - as the app wrote times

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


def _consent(kind: Kind, ground: Ground, **changes: Any) -> Planted:
    user = changes.get("user_id") or ground.put_account()
    ground.dump[CONSENTS][user] = ground.consent(user) | changes
    return kind.planted(CONSENTS, user, f"{CONSENTS}.{user}")


def _changed(name: str, fate: Fate, put: Callable[..., Planted], *, forms: tuple[str, ...] = FORMS, **changes: Any) -> None:
    """A kind that is a clean entry with some fields changed."""
    KINDS.add(name, fate, forms, lambda kind, ground: put(kind, ground, **changes))


_changed("not_adding_up", "reported", _credits, available_credits=1234)


@KINDS.kind("reported", *FORMS)
def without_transactions(kind: Kind, ground: Ground) -> Planted:
    row = ground.account()[0]
    ground.dump[CREDITS][row["user_id"]] = row
    return kind.planted(CREDITS, row["user_id"], f"{CREDITS}.{row['user_id']}")


_changed("negative_credits", "reported", _credits, available_credits=-5)
_changed("no_maximum", "reported", _credits, max_credits=0)


@KINDS.kind("reported", JSON)
def user_id_differs(kind: Kind, ground: Ground) -> Planted:
    user = ground.put_account()
    ground.dump[CREDITS][user]["user_id"] = "auth0|somebody-else"
    return kind.planted(CREDITS, user, f"{CREDITS}.{user}")


_changed("fractional_credits", "reported", _credits, forms=(JSON,), available_credits=2.5)
_changed("reset_no_date", "reported", _credits, forms=(JSON,), last_reset_timestamp="never")
_changed("credits_unknown_keys", "reported", _credits, forms=(JSON,), referred_by="auth0|ada")


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


_changed("zero_amount", "reported", _transaction, amount=0)
_changed("deducted_below_zero", "reported", _transaction, transaction_type="deduct", amount=-100_000)
_changed("unknown_type", "reported", _transaction, transaction_type="gift")
_changed("long_description", "reported", _transaction, description="d" * 501)
_changed("transaction_of_nobody", "reported", _transaction, user_id="auth0|gone")
_changed("transaction_no_date", "reported", _transaction, forms=(JSON,), timestamp="last week")
_changed("transaction_unknown_keys", "reported", _transaction, forms=(JSON,), order_id="A-17")


@KINDS.kind("reported", JSON)
def transaction_fields_missing(kind: Kind, ground: Ground) -> Planted:
    planted = _transaction(kind, ground)
    del ground.dump[TRANSACTIONS][-1]["amount"]
    return planted


_changed("nul_character", "reported", _transaction, forms=(JSON,), description="nul \0 here")
_changed("unpaired_surrogate", "reported", _transaction, forms=(JSON,), description="half of a face \ud83d")
_changed("consent_of_nobody", "reported", _consent, user_id="auth0|never-bought")
_changed("consent_null", "reported", _consent, forms=(JSON,), terms_accepted=None, marketing_consent=None)
_changed("consent_unknown_keys", "reported", _consent, forms=(JSON,), ip="192.0.2.1")
_changed("cache_expired", "reported", _cached, cached_at="2020-02-29T12:00:00", expires_at="2020-02-29T13:00:00")
_changed("cache_expires_before", "reported", _cached, cached_at="2098-01-01T00:00:00", expires_at="2097-12-31T23:59:59")
_changed("cache_hash_form", "reported", _cached, query_hash="red shoes, size 42?")
_changed(
    "cache_infinity",
    "reported",
    _cached,
    forms=(JSON,),
    result={"products": [{"name": "Shoes", "distance": float("inf"), "score": float("nan")}]},
)
_changed("cache_nul_character", "reported", _cached, forms=(JSON,), result={"products": ["nul \0 here"]})


@KINDS.kind("reported", JSON)
def unknown_part(kind: Kind, ground: Ground) -> Planted:
    ground.dump["carts"] = {"auth0|ada": ["shoes"]}
    return kind.planted("carts", "carts", "carts")


def plant(names: Names, ground: Ground, form: str) -> list[Planted]:
    """Add the kinds of dirt of these names. Raises ValueError for one that the form cannot hold."""
    return [kind.plant(kind, ground) for kind in KINDS.chosen(names, form)]

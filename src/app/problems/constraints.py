"""The names of the schema's constraints are the vocabulary of errors: each one -> the problem that its violation becomes.

Each slice declares those of its tables beside its schemas. A test holds that no constraint of the schema is without a rule.
"""

from collections.abc import Mapping

Rule = tuple[str, str, str]
"""Problem code, field, message."""

ONE_OF = "must be one of the known values"
DAY = "a day from 1900 on"
QUANTITY = "from 0 to 1,000,000,000"
MORE_THAN_0 = "more than 0 and at most 1,000,000,000"
ONE_TO_TEN = "from 1 to 10"
NOT_NEGATIVE = "0 or more"
COLOR = "must be a color such as #1a2b3c"

_rules: dict[str, Rule] = {}


def rules() -> Mapping[str, Rule]:
    """Every rule that was declared, by the name of its constraint."""
    return _rules


def declare(rules: Mapping[str, Rule]) -> None:
    """Add rules of constraints whose names do not follow from the rule."""
    _rules.update(rules)


def owned(
    table: str,
    *,
    length: Mapping[str, str] | None = None,
    bounds: Mapping[str, str] | None = None,
    known: tuple[str, ...] = (),
    not_blank: tuple[str, ...] = (),
    unique: tuple[str, ...] = (),
    targets: tuple[str, ...] = (),
) -> None:
    """Add the rules of an owned table whose names follow from the rule: <table>_<field>_length, _range, _known, ..."""
    declare(
        {
            f"{table}_pkey": ("conflict", "id", "is taken"),
            # The user went away between the check of the token and the insert.
            f"{table}_user_exists": ("unauthenticated", "user_id", "does not exist"),
            **{f"{table}_{field}_length": has_length(field, rule) for field, rule in (length or {}).items()},
            **{f"{table}_{field}_range": ("invalid", field, f"must be {rule}") for field, rule in (bounds or {}).items()},
            **{f"{table}_{field}_known": ("invalid", field, ONE_OF) for field in known},
            **{f"{table}_{field}_not_blank": ("invalid", field, "must not be blank") for field in not_blank},
            **{f"{table}_{field}_unique": ("conflict", field, "is taken") for field in unique},
            **{f"{table}_{target}_exists": ("not_found", f"{target}_id", "does not exist") for target in targets},
        }
    )


def has_length(field: str, rule: str) -> Rule:
    """The rule of a text that must have so many characters."""
    return ("invalid", field, f"must have {rule} characters")

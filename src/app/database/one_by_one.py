"""Migrations for a cluster, statement by statement: Citus refuses two about distributed tables that come as one query."""

import re

from app.database.dbmate import MigrationError

_HALVES = re.compile(r"(?m)^(?=--[ \t]*migrate:(?:up|down))")
_TAG = "$one_by_one$"


def rewritten(migration: str, name: str) -> str:
    """A migration whose halves are blocks, which send each of their statements by itself.

    A half that runs outside of a transaction stays as it is: it has one statement. Raises MigrationError for a file that
    cannot be a block.
    """
    if _TAG in migration:
        raise MigrationError(f"{name} has {_TAG} in it, which is put around it for a cluster: use another tag.")
    return "".join(_block(half) for half in _HALVES.split(migration))


def block(script: str) -> str:
    """A script as one statement that runs those of the script, one after the other. What they select must be called instead."""
    return f"do {_TAG}\n#variable_conflict use_column\nbegin\n{script.rstrip()}\nend {_TAG};\n"


def _block(half: str) -> str:
    if not half.startswith("--") or "transaction:false" in half.partition("\n")[0]:
        return half
    line, _, script = half.partition("\n")
    return f"{line}\n{block(script)}"

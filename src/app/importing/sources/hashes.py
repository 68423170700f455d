"""The password hashes of other apps."""

from app.auth import old_hashes
from app.importing.values import Row


def known_hash(row: Row, name: str) -> str | None:
    """A hash that its user can log in with. Of another kind it is left out and noted: its user needs a new password.

    It is not kept: it may be the password itself.
    """
    found = row.lenient(row.text, name)
    if found is None or old_hashes.is_known(found):
        return found
    row.changes.append(f"{name}_known")
    return None

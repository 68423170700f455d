"""What real files contain and clean data does not: kinds of it by name, and what each kind put where."""

from collections.abc import Callable, Collection, Iterable
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

Key = int | tuple[int, ...]


class NoUtf8(bytes):
    """Bytes that are stored as text."""

    __slots__ = ()


NO_UTF8 = NoUtf8(b"caf\xe9 \xff")
NUL = "before\0after"


Fate = Literal["rejected", "reported", "kept"]
"""What an import does: leaves the row out and says so; says so, whether it comes or not; brings it in, and need say nothing."""


class Place(NamedTuple):
    """A row of a source, by its own key there."""

    table: str
    key: Key


class Dirt(NamedTuple):
    """A row that was added, the kind of dirt it is, and what an import has to do with it."""

    kind: str
    fate: Fate
    table: str
    key: Key


class Ground(Protocol):
    """A database that dirt is added to."""

    @property
    def columns(self) -> Collection[str]:
        """What it has: `users.email`, ..."""


G = TypeVar("G", bound=Ground)
Spread = Callable[[G], Iterable[Place]]


class Kinds(Generic[G]):
    """The kinds of dirt of one source: functions that add rows, which are called as their kinds."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[Fate, Collection[str], bool, Spread[G]]] = {}

    def kind(self, fate: Fate, *needed: str, postgresql: bool = False) -> Callable[[Spread[G]], Spread[G]]:
        """Let a function be a kind for the databases that have these columns; for a PostgreSQL only if it says so."""

        def added(spread: Spread[G]) -> Spread[G]:
            self._kinds[spread.__name__] = fate, needed, postgresql, spread
            return spread

        return added

    def possible(self, columns: Collection[str], *, postgresql: bool = False) -> list[str]:
        """The kinds that a database with these columns may have."""
        return [
            kind
            for kind, (_, needed, both, _) in self._kinds.items()
            if set(needed) <= set(columns) and (both or not postgresql)
        ]

    def spread(self, ground: G, kinds: Collection[str], *, postgresql: bool = False) -> list[Dirt]:
        """Add these kinds in the order in which they stand in the code, whatever their order here. Says what was added.

        Rows that dirt hangs on (the other user whose tag is used) are not said. Raises ValueError for a kind that cannot be.
        """
        possible = self.possible(ground.columns, postgresql=postgresql)
        if impossible := sorted(set(kinds) - set(possible)):
            raise ValueError(f"This database cannot have {', '.join(impossible)}, only {', '.join(possible)}")
        chosen = [(kind, self._kinds[kind]) for kind in possible if kind in kinds]
        return [Dirt(kind, fate, *place) for kind, (fate, _, _, spread) in chosen for place in spread(ground)]

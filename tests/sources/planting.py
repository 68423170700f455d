"""What a generator gives back, and how it names the kinds of dirt that it can add to clean data."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Fate = Literal["rejected", "reported", "kept"]
"""What an import has to do: leave the row out and say so; say so, whether it comes or not; bring it in as it is."""

Row = dict[str, Any]

Names = AbstractSet[str]
"""Names of kinds of dirt."""


class Place(NamedTuple):
    """A row of dirt that was added: its table, and its own key there."""

    table: str
    key: int | str


@dataclass(frozen=True)
class Planted:
    """One thing that was added to the clean data: what it is, its key in the source, and where it stands there.

    `place` is the file's path below the folder, the path in a JSON document, or the table.
    """

    kind: str
    fate: Fate
    entity: str
    key: str
    place: str


@dataclass
class Written:
    """`truth`: the clean rows as the source holds them, by entity and by their key in the source; `planted`: the dirt."""

    truth: dict[str, dict[str, Row]] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)


@dataclass(frozen=True)
class Kind:
    """A kind of dirt; `plant` adds it."""

    name: str
    fate: Fate
    forms: frozenset[str]
    plant: Callable[..., Any]

    def planted(self, entity: str, key: object, place: str) -> Planted:
        """The record of one that was added."""
        return Planted(self.name, self.fate, entity, str(key), place)


class Kinds(dict[str, Kind]):
    """The kinds of dirt that a source may have, by name. Each is a function, decorated with what an import has to do."""

    def kind(self, fate: Fate, *forms: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the function as a kind that these forms of the source can hold."""

        def register(plant: Callable[..., Any]) -> Callable[..., Any]:
            self.add(plant.__name__, fate, forms, plant)
            return plant

        return register

    def add(self, name: str, fate: Fate, forms: Iterable[str], plant: Callable[..., Any]) -> None:
        """Register a function that is one of many alike, by a name."""
        self[name] = Kind(name, fate, frozenset(forms), plant)

    def of(self, form: str) -> list[str]:
        """The names of the kinds that this form of the source can hold."""
        return [kind.name for kind in self.values() if form in kind.forms]

    def chosen(self, names: Names, form: str) -> list[Kind]:
        """The kinds of these names, in the order in which they are defined. Raises ValueError for what the form cannot hold."""
        if strange := sorted(names - {*self.of(form)}):
            raise ValueError(f"this form of the source cannot hold {', '.join(strange)}")
        return [self[name] for name in self.of(form) if name in names]

"""How many exports a worker makes at a time, and one at most for each user: each has a file on the disk."""

from uuid import UUID

from app.problems.problem import later

MOST = 2

WAIT = 30
"""Seconds until the next try, of who gets none."""


class Place:
    """One of them, for as long as it is kept."""

    __slots__ = ("_places", "_user_id")

    def __init__(self, places: "dict[UUID, Place]", user_id: UUID) -> None:
        self._places = places
        self._user_id = user_id

    def leave(self) -> None:
        """Give it back; a second time does nothing, also where its user has taken another one since."""
        if self._places.get(self._user_id) is self:
            del self._places[self._user_id]


class Places:
    """The places of a worker."""

    def __init__(self) -> None:
        self._taken: dict[UUID, Place] = {}

    def take(self, user_id: UUID) -> Place:
        """Take one, to be given back by leave(). Raises Problem 503."""
        if user_id in self._taken or len(self._taken) >= MOST:
            raise later("export_queue_full", WAIT)
        place = self._taken[user_id] = Place(self._taken, user_id)
        return place

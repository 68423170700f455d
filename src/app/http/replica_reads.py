"""What a client says and hears of the replica: which answers may come from it, and how new they must be.

`X-Read-Preference: replica` asks a read for the replica. It then has all that was committed before the read came, which takes a
question to the primary; or what a write answered as `X-Read-After` and the read sends back, which takes none. While the
primary is away every read of such a route comes from the replica, and says `X-Read-Only: replica`.
"""

import re

from litestar.types import HTTPScope

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.database.reading import Reading
from app.database.replica import Replica
from app.http.requests import header_bytes
from app.http.responses import Headers
from app.http.routes import Route
from app.problems.problem import invalid
from app.telemetry import replication

_POSITION = re.compile(rb"[0-9a-f]{1,15}")

_SAID: dict[str, Headers] = {
    "preferred": ((b"x-read-from", b"replica"),),
    "primary_away": ((b"x-read-from", b"replica"), (b"x-read-only", b"replica")),
}


def begin(scope: HTTPScope, replica: Replica) -> Reading:
    """Have a request's statements run where they should. Raises Problem 422 for a position of another form."""
    after = header_bytes(scope, b"x-read-after")
    if after is not None and not _POSITION.fullmatch(after):
        raise invalid("X-Read-After", "form", "must be what an answer to a write said")
    reading = Reading(replica, None if after is None else int(after, 16))
    scope["state"]["database"] = scope["state"]["reading"] = reading
    return reading


def is_preferred(scope: HTTPScope) -> bool:
    """Whether a request asks for the replica."""
    return header_bytes(scope, b"x-read-preference") == b"replica"


def tells_position(route: Route) -> bool:
    """Whether those who will read from the replica are told how new it must be after a request."""
    return route.method != "GET" and route.options.auth == "required"


async def position(replica: Replica) -> Headers:
    """What a write says to who will read from the replica: where the primary's log ends after its commit."""
    try:
        return ((b"x-read-after", b"%x" % await replica.written()),)
    except (DatabaseUnavailable, QueryTimeout):
        # What was asked for is done. A read without it asks the primary.
        return ()


def said(reading: Reading) -> Headers:
    """What an answer says about where it came from."""
    if reading.why is None:
        return ()
    replication.replica_reads.labels(reading.why).inc()
    return _SAID[reading.why]

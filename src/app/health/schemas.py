"""What goes out of /health and /problems."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Annotated[Literal["ok"], Meta(examples=["ok"])]


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be served, and the state of each thing that it takes."""

    status: Annotated[
        Literal["ok", "read_only", "unavailable"],
        Meta(
            title="ReadinessStatus",
            description="read_only: the database cannot be reached, and the replica answers what it may.",
            examples=["ok"],
        ),
    ]
    database: Annotated[Literal["ok", "unreachable", "unknown"], Meta(title="DatabaseState", examples=["ok"])]
    schema: Annotated[Literal["ok", "unexpected", "unknown"], Meta(title="SchemaState", examples=["ok"])]
    pool: Annotated[Literal["ok", "exhausted"], Meta(title="PoolState", examples=["ok"])]
    breaker: Annotated[
        Literal["closed", "open", "half_open"],
        Meta(title="BreakerState", description="open: the database could not be reached, and rests.", examples=["closed"]),
    ]
    replica: Annotated[
        Literal["none", "ok", "behind", "unreachable", "promoted"],
        Meta(
            title="ReplicaState",
            description="none: DATABASE_REPLICA_URL is not set. behind: too far to be read. promoted: it takes writes itself.",
            examples=["none"],
        ),
    ]
    server: Annotated[Literal["ok", "draining"], Meta(title="ServerState", examples=["ok"])]


class ProblemExplanation(msgspec.Struct, frozen=True):
    """What the `type` of a problem leads to."""

    code: Annotated[str, Meta(examples=["not_found"])]
    title: Annotated[str, Meta(examples=["Not found"])]
    status: Annotated[int, Meta(examples=[404])]
    explanation: Annotated[str, Meta(examples=["There is nothing at this address."])]

"""/health, /metrics and /problems."""

import asyncio
from typing import Annotated, Literal

import asyncpg
import msgspec
from litestar import Router, get
from litestar.params import PathParameter
from msgspec import Meta

from app.database.errors import DatabaseUnavailable, QueryTimeout
from app.health.repository import newest_migration
from app.http.requests import Request
from app.http.responses import EncodedResponse, row
from app.http.routes import PUBLIC
from app.problems.catalog import KINDS, Problem
from app.telemetry import metrics


class Liveness(msgspec.Struct, frozen=True):
    """The process answers."""

    status: Annotated[Literal["ok"], Meta(examples=["ok"])]


class Readiness(msgspec.Struct, frozen=True):
    """Whether requests can be served, and the state of each thing that it takes."""

    status: Annotated[Literal["ok", "unavailable"], Meta(title="ReadinessStatus", examples=["ok"])]
    database: Annotated[Literal["ok", "unreachable", "unknown"], Meta(title="DatabaseState", examples=["ok"])]
    schema: Annotated[Literal["ok", "unexpected", "unknown"], Meta(title="SchemaState", examples=["ok"])]
    pool: Annotated[Literal["ok", "exhausted"], Meta(title="PoolState", examples=["ok"])]


class ProblemExplanation(msgspec.Struct, frozen=True):
    """What the `type` of a problem leads to."""

    code: Annotated[str, Meta(examples=["not_found"])]
    title: Annotated[str, Meta(examples=["Not found"])]
    status: Annotated[int, Meta(examples=[404])]
    explanation: Annotated[str, Meta(examples=["There is nothing at this address."])]


@get("/health/live", opt=PUBLIC)
async def live() -> EncodedResponse[Liveness]:
    """Answer as long as the process does. Restart the process when this fails."""
    return row(Liveness("ok"))


@get("/health/ready", opt=PUBLIC | {"also": {503: "The same, with what is wrong"}})
async def ready(request: Request) -> EncodedResponse[Readiness]:
    """Say whether requests can be served: 200, or 503 with the state of each part. Send no traffic when this fails."""
    database, version, reachable = request.database, None, True
    try:
        # A busy pool is no fault: a connection within a second is what counts.
        async with asyncio.timeout(1):
            version = await newest_migration(database)
    except asyncpg.UndefinedTableError:
        pass
    except (DatabaseUnavailable, QueryTimeout, TimeoutError):
        reachable = False
    exhausted = not reachable and database.pool.exhausted
    expected = version == request.services.schema_version
    fine = reachable and expected
    return row(
        Readiness(
            status="ok" if fine else "unavailable",
            database="ok" if reachable else "unknown" if exhausted else "unreachable",
            schema="ok" if expected else "unexpected" if reachable else "unknown",
            pool="exhausted" if exhausted else "ok",
        ),
        200 if fine else 503,
    )


@get("/metrics", opt=PUBLIC, media_type="text/plain")
async def prometheus(request: Request) -> EncodedResponse[str]:
    """Counters, gauges and histograms in Prometheus' text format."""
    return EncodedResponse(
        metrics.text(request.database.pool), headers=((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)
    )


@get("/problems/{code:str}", opt=PUBLIC | {"problems": ["not_found"]})
async def problem(
    code: Annotated[str, PathParameter(description="The `code` of a problem.")],
) -> EncodedResponse[ProblemExplanation]:
    """Explain a problem in a sentence: where the `type` of every error leads to."""
    kind = KINDS.get(code)
    if kind is None:
        raise Problem("not_found")
    return row(ProblemExplanation(code, kind.title, kind.status, kind.explanation))


router = Router("/", route_handlers=[live, ready, prometheus, problem], tags=["Operation"], opt={"operations": "health"})
"""What nobody needs to be signed in for."""

"""/health, /metrics and /problems."""

from typing import Annotated

from litestar import Router, get
from litestar.params import PathParameter

from app.auth.authentication import unauthenticated
from app.health import rules
from app.health.schemas import Liveness, ProblemExplanation, Readiness
from app.http.requests import Request
from app.http.responses import EncodedResponse, row
from app.http.routes import PUBLIC
from app.problems.catalog import KINDS
from app.problems.problem import Problem
from app.telemetry import metrics

METRICS = PUBLIC | {"exposed_by": "expose_metrics", "problems": ["unauthenticated", "not_found"]}


@get("/health/live", opt=PUBLIC)
async def live() -> EncodedResponse[Liveness]:
    """Answer as long as the process does. Restart the process when this fails."""
    return row(Liveness("ok"))


@get("/health/ready", opt=PUBLIC | {"also": {503: "The same, with what is wrong"}})
async def ready(request: Request) -> EncodedResponse[Readiness]:
    """Say whether requests can be served: 200, or 503 with the state of each part. Send no traffic when this fails.

    200 with `read_only`: while the database is away, the replica answers reads.
    """
    readiness = await rules.readiness(request.services)
    return row(readiness, 503 if readiness.status == "unavailable" else 200)


@get("/metrics", opt=METRICS, media_type="text/plain")
async def prometheus(request: Request) -> EncodedResponse[str]:
    """Counters, gauges and histograms in Prometheus' text format.

    Where the server has a METRICS_TOKEN it is asked for, as a bearer token. With EXPOSE_METRICS=off there is nothing here.
    """
    if not rules.may_see_metrics(request.header(b"authorization"), request.settings.metrics_token):
        raise unauthenticated()
    text = await metrics.text(request.services.database.pool)
    return EncodedResponse(text, headers=((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),))


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
"""What can be read without a token."""

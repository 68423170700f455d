"""/v1/batch."""

from litestar import Router, post
from litestar.params import JSONBody

from app.batch import rules
from app.batch.schemas import Batch, BatchResult
from app.http import responses
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BEYOND_QUOTA

PROBLEMS = [
    "malformed_json", "bad_request", "forbidden", "not_found", "method_not_allowed", "conflict", "id_taken", "version_mismatch",
    "storage_quota_exceeded", "batch_answer_too_large", "goals_cycle", "goals_too_deep", "goals_tree_too_large", "read_only",
    "invalid_cursor", "id_not_time_ordered", "id_in_future",
]  # fmt: skip
"""What the operations may answer, beside what every request may."""


@post("/", status_code=200, opt=BEYOND_QUOTA | {"runs_batch": True, "body_limit": 8 * 1024 * 1024, "problems": PROBLEMS})
async def run(request: Request, data: JSONBody[Batch]) -> EncodedResponse[BatchResult]:
    """Do up to 100 requests one after another, all or nothing.

    Every address of tasks, habits, goals, foods, workouts, daily reviews, blog entries, tags, progress snapshots and the search
    can be asked, with the body that it takes by itself, and what is known of files, but not their bytes. A read sees what the
    operations before it wrote. Each operation counts as a request, needs its scopes, and answers what it would by itself.

    The answer has the results in the order of the operations. When one is refused nothing is done: the problem is the answer,
    with its status, and `operation` says which one it was, counted from 0. All operations are read before the first is done,
    so that one which is malformed or not allowed is told before one whose row is missing. A batch whose creates have an `id`
    can be sent again, and makes nothing new.
    """
    results = await rules.run(request, data.operations)
    return responses.row(BatchResult(results))


router = Router("/v1/batch", route_handlers=[run], tags=["Batch"])

"""GET /v1/me/export."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from litestar import Router, get

from app.exporting import own
from app.http.requests import Request
from app.http.responses import EncodedResponse, StreamingResponse
from app.http.routes import NO_STORE
from app.problems.problem import Problem


@get(
    "/v1/me/export",
    media_type="application/zip",
    opt=NO_STORE | {"problems": ["export_queue_full", "storage_unavailable"]},
)
async def export(request: Request) -> EncodedResponse[bytes]:
    """Take out everything of one's own: a zip with the rows of each table as JSON, and the files.

    As of one moment. An API token needs the scope `read`: that of a single resource is not enough. One export at a time.
    """
    caller = request.caller
    if caller.scopes is not None and "read" not in caller.scopes:
        raise Problem("insufficient_scope")
    name = f"holdfast-export-{datetime.now(UTC):%Y-%m-%d}.zip"
    headers = (
        (b"content-type", b"application/zip"),
        (b"content-disposition", f'attachment; filename="{name}"'.encode()),
    )
    # Of a HEAD no piece is asked for.
    pieces = _nothing() if request.is_head else await own.made(request.services, caller.user_id)
    return StreamingResponse(pieces, headers=headers)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


router = Router("/", route_handlers=[export], tags=["Accounts"], opt={"operations": "accounts"})

"""/v1/usage."""

from litestar import Router, get

from app.http import responses
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.usage import repository
from app.usage.schemas import Usage


@get("/")
async def read(request: Request) -> EncodedResponse[Usage]:
    """Read one's tier and what is left of its limits: user messages per day and month, in UTC."""
    return responses.row(await repository.get(request.database, request.caller.user_id))


router = Router("/v1/usage", route_handlers=[read], tags=["Usage"])

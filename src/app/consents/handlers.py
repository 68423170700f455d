"""/v1/consents."""

from litestar import Router, get, patch, put
from litestar.params import FromQuery, JSONBody

from app.consents import repository, rules
from app.consents.schemas import Consent, ConsentEvent, ConsentPatch, ConsentPut
from app.http import pagination, responses
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BEYOND_QUOTA


@get("/")
async def read(request: Request) -> EncodedResponse[Consent]:
    """Read what one agrees to now. `stale`: the terms have changed since, and need to be accepted again."""
    consent = await rules.current(request.database, request.settings.terms_version, request.caller.user_id)
    return responses.row(consent)


@put("/", opt=BEYOND_QUOTA | {"also": {201: "Nothing had been said before"}})
async def write(request: Request, data: JSONBody[ConsentPut]) -> EncodedResponse[Consent]:
    """Say what one agrees to now. It is added to the history, unless it is what was said last."""
    terms_version = request.settings.terms_version
    consent, is_first = await rules.record(request.database, terms_version, request.caller.user_id, data)
    return responses.row(consent, 201 if is_first else 200)


@patch("/", opt=BEYOND_QUOTA | {"also": {201: "Nothing had been said before"}})
async def change(request: Request, data: JSONBody[ConsentPatch]) -> EncodedResponse[Consent]:
    """Say anew a part of it: what is absent stays as it was said last, and is no where nothing was said.

    Who accepts terms without naming their version accepts the ones in force.
    """
    terms_version = request.settings.terms_version
    consent, is_first = await rules.change(request.database, terms_version, request.caller.user_id, data)
    return responses.row(consent, 201 if is_first else 200)


@get("/history")
async def page_history(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[ConsentEvent]]:
    """List everything that one said, newest first."""
    events = await repository.page_history(request.database, request.caller.user_id, filters)
    return pagination.answer(events, filters)


router = Router("/v1/consents", route_handlers=[read, write, change, page_history], tags=["Consents"])

"""/v1/consents."""

from litestar import Router, get, put
from litestar.params import FromQuery, JSONBody

from app.consents import repository
from app.consents.schemas import Consent, ConsentEvent, ConsentPut
from app.http import pagination, responses
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse


@get("/")
async def read(request: Request) -> EncodedResponse[Consent]:
    """Read what one agrees to now. `stale`: the terms have moved on since, and want to be accepted anew."""
    event = await repository.current(request.database, request.caller.user_id)
    return responses.row(consent(event, request.settings.terms_version))


@put("/", opt={"also": {201: "Nothing had been said before"}})
async def write(request: Request, data: JSONBody[ConsentPut]) -> EncodedResponse[Consent]:
    """Say what one agrees to now. It is added to the history, unless it is what was said last."""
    terms_version = data.terms_version or (request.settings.terms_version if data.terms_accepted else None)
    user_id = request.caller.user_id
    added = await repository.record(request.database, user_id, data, terms_version)
    is_first, event = added or (False, await repository.current(request.database, user_id))
    return responses.row(consent(event, request.settings.terms_version), 201 if is_first else 200)


@get("/history")
async def page_history(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[ConsentEvent]]:
    """List everything that one said, newest first."""
    events = await repository.page_history(
        request.database, request.caller.user_id, after=pagination.after(filters), limit=filters.limit + 1
    )
    return pagination.answer(events, filters)


def consent(event: ConsentEvent | None, terms_version: str) -> Consent:
    """What the newest event means while these are the terms; None: nothing was said, so nothing is agreed to."""
    if event is None:
        return Consent(
            terms_accepted=False, terms_version=None, marketing_consent=False, stale=False, source=None, created_at=None
        )
    return Consent(
        terms_accepted=event.terms_accepted,
        terms_version=event.terms_version,
        marketing_consent=event.marketing_consent,
        stale=event.terms_accepted and event.terms_version != terms_version,
        source=event.source,
        created_at=event.created_at,
    )


router = Router("/v1/consents", route_handlers=[read, write, page_history], tags=["Consents"])

"""GET /v1/me, a handler of the router of app.accounts, which has all else of /v1/me: app.main puts it there."""

from litestar import get
from litestar.params import FromQuery

from app.auth.authentication import unauthenticated
from app.http import responses
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import CONDITIONAL, FROM_REPLICA, HASHED_ETAG
from app.profile import rules
from app.profile.schemas import Profile, ProfileQuery


@get("/v1/me", opt=CONDITIONAL | HASHED_ETAG | FROM_REPLICA)
async def read_me(request: Request, filters: FromQuery[ProfileQuery]) -> EncodedResponse[Profile]:
    """Read one's own account, and with it what one may spend, has agreed to and has used: `with=credits,consents,usage`."""
    # What one may spend and use must be exact.
    database = request.services.database if filters.with_ else request.database
    me = await rules.read(database, request.settings, request.caller.user_id, filters.with_)
    if me is None:
        raise unauthenticated()
    return responses.versioned(me)

"""/v1/auth: what begins with a provider."""

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts.identities import check_may_link
from app.accounts.schemas import SignedIn
from app.http import responses
from app.http.clients import client_of
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import FOREIGN_QUERY, NO_STORE, OPTIONAL, PUBLIC, SESSION_ONLY
from app.sign_in import rules
from app.sign_in.repository import Linking
from app.sign_in.schemas import CodeExchange, IdTokenSignIn, ProviderAnswer, ProviderName, SignInAddress, SignInStart

_START = (
    OPTIONAL | SESSION_ONLY | NO_STORE | {"problems": ["provider_unavailable", "database_read_only", "fresh_sign_in_required"]}
)

_REFUSALS = ["account_disabled", "email_taken", "identity_taken"]


@get("/v1/auth/{provider:str}/start", status_code=302, opt=_START)
async def start(request: Request, provider: FromPath[ProviderName], filters: FromQuery[SignInStart]) -> EncodedResponse[None]:
    """Send a browser to a provider to sign in.

    It comes back to `redirect` with `code`, for `POST /v1/auth/exchange`, or with `error`, the code of a problem.
    """
    url = await rules.start(request.services, client_of(request), await _linking(request), provider, filters)
    return responses.redirected(url)


@post("/v1/auth/{provider:str}/start", status_code=200, opt=_START)
async def begin(
    request: Request, provider: FromPath[ProviderName], data: JSONBody[SignInStart]
) -> EncodedResponse[SignInAddress]:
    """Say where a browser goes to sign in.

    With a session's token, not older than 15 minutes, who signs in there is linked to its account; a guest becomes a user and
    keeps everything.
    """
    url = await rules.start(request.services, client_of(request), await _linking(request), provider, data)
    return responses.row(SignInAddress(url))


@get(
    "/v1/auth/{provider:str}/callback",
    status_code=302,
    # For browsers that a provider sends, and for no client.
    include_in_schema=False,
    opt=PUBLIC | NO_STORE | FOREIGN_QUERY | {"problems": ["invalid_state", "database_read_only"]},
)
async def callback(
    request: Request, provider: FromPath[ProviderName], filters: FromQuery[ProviderAnswer]
) -> EncodedResponse[None]:
    """Take a provider's answer, and send the browser back to the app. This address is entered at the provider."""
    return responses.redirected(await rules.take_answer(request.services, client_of(request), provider, filters))


@post(
    "/v1/auth/exchange",
    status_code=200,
    opt=PUBLIC | NO_STORE | {"problems": ["invalid_code", "unauthenticated", "rate_limited", *_REFUSALS]},
)
async def exchange(request: Request, data: JSONBody[CodeExchange]) -> EncodedResponse[SignedIn]:
    """Sign in with the code that the app was given. Somebody new gets an account."""
    return responses.row(await rules.exchange(request.services, client_of(request), data))


@post(
    "/v1/auth/id-token",
    status_code=200,
    opt=OPTIONAL
    | SESSION_ONLY
    | NO_STORE
    | {"problems": ["invalid_id_token", "not_found", "provider_unavailable", "fresh_sign_in_required", *_REFUSALS]},
)
async def by_id_token(request: Request, data: JSONBody[IdTokenSignIn]) -> EncodedResponse[SignedIn]:
    """Sign in with an ID token that a provider gave the app.

    With a session's token it is linked to its account, as by `POST /v1/auth/{provider}/start`.
    """
    linking = await _linking(request)
    return responses.row(await rules.sign_in_by_id_token(request.services, client_of(request), linking, data))


async def _linking(request: Request) -> Linking | None:
    """Who links, and None where somebody signs in. Raises Problem 401, 403."""
    caller = request.optional_caller
    if caller is None:
        return None
    await check_may_link(request.services, caller)
    return Linking(caller.user_id, request.token_hash)


router = Router(
    "/",
    route_handlers=[start, begin, callback, exchange, by_id_token],
    tags=["Sign-in"],
    opt={"operations": "sign_in"},
)

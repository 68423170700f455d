"""/v1/auth and /v1/me; but GET /v1/me is in app.profile, which reads slices that know this one."""

from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts import identities, mailed, repository, rules, sessions
from app.accounts.schemas import (
    AccountDeletion,
    Login,
    MePatch,
    PasswordChange,
    Registration,
    SignedIn,
    User,
    UserIdentity,
)
from app.accounts.session_schemas import ApiToken, ApiTokenCreate, NewApiToken, SessionPatch, UserSession
from app.http import pagination, responses
from app.http.clients import client_of
from app.http.conditional import Versions
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BEYOND_QUOTA, HASHED_ETAG, NO_STORE, OPTIONAL, PUBLIC, SESSION_ONLY


@post(
    "/v1/auth/register",
    opt=OPTIONAL | SESSION_ONLY | NO_STORE | {"problems": ["already_registered", "email_taken", "username_taken"]},
)
async def register(request: Request, data: JSONBody[Registration]) -> EncodedResponse[SignedIn]:
    """Make an account and sign it in. With a guest's token, the guest becomes the account and keeps everything."""
    signed_in = await rules.register(request.services, client_of(request), request.optional_caller, data)
    return responses.row(signed_in, 201)


@post("/v1/auth/guest", operation_id="accounts_be_guest", opt=PUBLIC | NO_STORE | {"problems": ["rate_limited"]})
async def create_guest(request: Request) -> EncodedResponse[SignedIn]:
    """Sign in without an account: as a guest, who can register later and keep everything."""
    return responses.row(await rules.create_guest(request.services, client_of(request)), 201)


@post(
    "/v1/auth/login",
    status_code=200,
    opt=PUBLIC | NO_STORE | {"problems": ["invalid_credentials", "account_disabled", "rate_limited"]},
)
async def log_in(request: Request, data: JSONBody[Login]) -> EncodedResponse[SignedIn]:
    """Sign in by e-mail or user name."""
    return responses.row(await rules.log_in(request.services, client_of(request), data))


@post("/v1/auth/logout", status_code=204, opt=SESSION_ONLY | BEYOND_QUOTA)
async def log_out(request: Request) -> EncodedResponse[None]:
    """End this session: its token is refused at once."""
    await sessions.log_out(request.services, request.token_hash)
    return responses.no_content()


@patch(
    "/v1/me",
    opt=HASHED_ETAG
    | BEYOND_QUOTA
    | {
        "problems": ["email_taken", "username_taken", "session_required", "wrong_password", "fresh_sign_in_required"],
        "also": {202: "As it is now: the new e-mail address has to be confirmed, by the link that was mailed to it"},
    },
)
async def patch_me(request: Request, data: JSONBody[MePatch], versions: Versions) -> EncodedResponse[User]:
    """Change one's own account by a merge patch. A new e-mail address is unverified.

    Where this server sends mail, a new e-mail address is only asked for: the answer is 202, the old address is told, and the
    new one takes its place when the link that was mailed to it is opened.
    The e-mail and the user name are changed by a session, not by an API token or a service; the e-mail takes
    `current_password` where there is one. A guest gets an e-mail by registering.
    """
    me = await rules.patch_me(request.services, client_of(request), request.caller, versions, data)
    return responses.row(me, 202 if mailed.is_pending(request.settings, data, me) else 200, etag=responses.etag(me.version))


@delete("/v1/me", status_code=204, opt=SESSION_ONLY | {"problems": ["wrong_password", "fresh_sign_in_required", "last_admin"]})
async def delete_me(request: Request, data: JSONBody[AccountDeletion], versions: Versions) -> EncodedResponse[None]:
    """Delete one's own account and everything it owns, for good. The last active admin stays."""
    await rules.delete_me(request.services, request.caller, data, versions)
    return responses.no_content()


@put(
    "/v1/me/password",
    status_code=204,
    opt=SESSION_ONLY | BEYOND_QUOTA | {"problems": ["wrong_password", "fresh_sign_in_required", "conflict"]},
)
async def change_password(request: Request, data: JSONBody[PasswordChange]) -> EncodedResponse[None]:
    """Change one's own password. The other sessions end, this one goes on; API tokens end, but those in `keep_tokens`."""
    await rules.change_password(request.services, request.caller, request.token_hash, data)
    return responses.no_content()


@get("/v1/me/sessions", opt=SESSION_ONLY)
async def page_sessions(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[UserSession]]:
    """List one's own sessions, newest first."""
    caller = request.caller
    page = await repository.page_sessions(request.database, caller.user_id, caller.token_id, filters)
    return pagination.answer(page, filters)


@delete("/v1/me/sessions", status_code=204, opt=SESSION_ONLY)
async def end_sessions(request: Request) -> EncodedResponse[None]:
    """Sign out everywhere: all of one's own sessions end, this one too. API tokens go on."""
    await sessions.end_sessions(request.services, request.caller.user_id)
    return responses.no_content()


@patch("/v1/me/sessions/{id:uuid}", opt=SESSION_ONLY)
async def patch_session(request: Request, id: FromPath[UUID], data: JSONBody[SessionPatch]) -> EncodedResponse[UserSession]:
    """Name one of one's own sessions, by a merge patch."""
    return responses.row(await sessions.patch_session(request.database, request.caller, id, data))


@delete("/v1/me/sessions/{id:uuid}", status_code=204, opt=SESSION_ONLY)
async def end_session(request: Request, id: FromPath[UUID]) -> EncodedResponse[None]:
    """End one of one's own sessions."""
    await sessions.end_session(request.services, request.caller.user_id, id)
    return responses.no_content()


@get("/v1/me/identities")
async def page_identities(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[UserIdentity]]:
    """List one's own identities of other services, newest first."""
    page = await repository.page_identities(request.database, request.caller.user_id, filters)
    return pagination.answer(page, filters)


@delete(
    "/v1/me/identities/{id:uuid}",
    status_code=204,
    opt=SESSION_ONLY | BEYOND_QUOTA | {"problems": ["fresh_sign_in_required", "last_way_in"]},
)
async def unlink_identity(request: Request, id: FromPath[UUID]) -> EncodedResponse[None]:
    """Remove one of one's own identities of other services. What remains must be enough to sign in.

    That is the password, or an identity of a provider that this server signs in with; `legacy` is none.
    """
    await identities.unlink(request.services, request.caller, id)
    return responses.no_content()


@post("/v1/me/tokens", opt=SESSION_ONLY | NO_STORE)
async def create_token(request: Request, data: JSONBody[ApiTokenCreate]) -> EncodedResponse[NewApiToken]:
    """Make an API token for a program. It is shown this once."""
    return responses.row(await sessions.create_token(request.database, request.caller.user_id, request.token_hash, data), 201)


@get("/v1/me/tokens", opt=SESSION_ONLY)
async def page_tokens(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[ApiToken]]:
    """List one's own API tokens, newest first."""
    tokens = await repository.page_tokens(request.database, request.caller.user_id, filters)
    return pagination.answer(tokens, filters)


@delete("/v1/me/tokens/{id:uuid}", status_code=204, opt=SESSION_ONLY)
async def end_token(request: Request, id: FromPath[UUID]) -> EncodedResponse[None]:
    """End one of one's own API tokens."""
    await sessions.end_token(request.services, request.caller.user_id, id)
    return responses.no_content()


router = Router(
    "/",
    route_handlers=[
        register,
        create_guest,
        log_in,
        log_out,
        patch_me,
        delete_me,
        change_password,
        page_sessions,
        end_sessions,
        patch_session,
        end_session,
        page_identities,
        unlink_identity,
        create_token,
        page_tokens,
        end_token,
    ],
    tags=["Accounts"],
    opt={"operations": "accounts"},
)

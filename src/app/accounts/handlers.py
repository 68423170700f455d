"""/v1/auth and /v1/me."""

from litestar import Router, delete, get, patch, post
from litestar.params import JSONBody

from app import answers
from app.accounts import repository, rules
from app.accounts.schemas import Deletion, Login, Me, MePatch, Registration, SignedIn, check_timezone
from app.answers import Ready
from app.auth import OPTIONAL, PUBLIC, hash_token, token_of, unauthenticated
from app.problems import Problem
from app.requests import Request, expected_version, has_version


@post(
    "/v1/auth/register",
    opt=OPTIONAL | {"problems": ["already_registered", "email_taken", "username_taken", "rate_limited"]},
)
async def register(request: Request, data: JSONBody[Registration]) -> Ready[SignedIn]:
    """Make an account and sign it in."""
    if request.scope.get("user"):
        raise Problem("already_registered")
    return answers.row(await rules.register(request, request.app.state.passwords, data), 201)


@post(
    "/v1/auth/login",
    status_code=200,
    opt=PUBLIC | {"problems": ["invalid_credentials", "account_disabled", "rate_limited"]},
)
async def log_in(request: Request, data: JSONBody[Login]) -> Ready[SignedIn]:
    """Sign in by e-mail or user name."""
    return answers.row(await rules.log_in(request, request.app.state.passwords, data))


@post("/v1/auth/logout", status_code=204)
async def log_out(request: Request) -> Ready[None]:
    """End this session: its token is dead at once."""
    await repository.log_out(request.database, hash_token(token_of(request.scope) or b""))
    return answers.no_content()


@get("/v1/me")
async def read_me(request: Request) -> Ready[Me]:
    """Read one's own account."""
    me = await repository.me(request.database, request.caller.user_id)
    if me is None:
        raise unauthenticated()
    if has_version(request, me.version):
        return answers.not_modified(me.version)
    return answers.versioned(me)


@patch("/v1/me", opt={"problems": ["email_taken", "username_taken"]})
async def patch_me(request: Request, data: JSONBody[MePatch]) -> Ready[Me]:
    """Change one's own account by a merge patch. A new e-mail address is unverified."""
    check_timezone(data.timezone)
    me = await repository.patch_me(request.database, request.caller.user_id, expected_version(request), data)
    if me is None:
        raise Problem("version_mismatch")
    return answers.versioned(me)


@delete("/v1/me", status_code=204, opt={"problems": ["wrong_password", "rate_limited"]})
async def delete_me(request: Request, data: JSONBody[Deletion]) -> Ready[None]:
    """Delete one's own account and everything it owns, for good."""
    await rules.delete_me(request, request.app.state.passwords, data, expected_version(request))
    return answers.no_content()


router = Router("/", route_handlers=[register, log_in, log_out, read_me, patch_me, delete_me], tags=["Accounts"])

"""/v1/admin."""

from uuid import UUID

from litestar import Router, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody
from msgspec import UNSET

from app.accounts import repository as accounts
from app.accounts.rules import check_new_password
from app.accounts.schemas import User
from app.admin import repository
from app.admin.schemas import UserPasswordPut, UserPatch, UserQuery
from app.consents import repository as consents
from app.consents.schemas import UserConsent
from app.credits.rules import grant
from app.credits.schemas import CreditChange, CreditGrant
from app.http import pagination, responses
from app.http.conditional import IfMatch
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import ADMIN_ONLY
from app.problems.catalog import Problem
from app.problems.ownership import missing
from app.usage import repository as usage
from app.usage.schemas import LIMITS, Usage, UsagePut


@get("/users")
async def page_users(request: Request, filters: FromQuery[UserQuery]) -> EncodedResponse[Page[User]]:
    """List accounts, newest first; with `q` those whose e-mail or name it is a part of."""
    users = await repository.page_users(request.database, filters.q, after=pagination.after(filters), limit=filters.limit + 1)
    return pagination.answer(users, filters)


@get("/users/{id:uuid}")
async def read_user(request: Request, id: FromPath[UUID]) -> EncodedResponse[User]:
    """Read an account."""
    user = await accounts.me(request.database, id)
    if user is None:
        raise Problem("not_found")
    return responses.versioned(user)


@patch("/users/{id:uuid}")
async def change_user(
    request: Request, id: FromPath[UUID], data: JSONBody[UserPatch], if_match: IfMatch
) -> EncodedResponse[User]:
    """Change what a user cannot change alone: the role, whether they may sign in, whether their e-mail is verified."""
    user = await repository.patch_user(request.database, id, if_match, data)
    if user is None:
        raise missing(await accounts.me(request.database, id))
    request.token_cache.forget()
    return responses.versioned(user)


@put("/users/{id:uuid}/password", status_code=204)
async def set_password(request: Request, id: FromPath[UUID], data: JSONBody[UserPasswordPut]) -> EncodedResponse[None]:
    """Give a user another password. All of their sessions end."""
    user = await accounts.me(request.database, id)
    if user is None:
        raise Problem("not_found")
    check_new_password("password", data.password, user.email, user.username)
    password_hash = await request.passwords.hash(data.password)
    if await repository.set_password(request.database, id, password_hash) is None:
        raise Problem("not_found")
    request.token_cache.forget()
    return responses.no_content()


@post(
    "/users/{id:uuid}/credits/grants",
    opt={"problems": ["idempotency_conflict", "conflict"], "also": {200: "The same key came before"}},
)
async def grant_credits(request: Request, id: FromPath[UUID], data: JSONBody[CreditGrant]) -> EncodedResponse[CreditChange]:
    """Give a user credits. Sent again with the same `idempotency_key`: 200 with the first answer, and nothing more is given."""
    replayed, transaction = await grant(request.database, request.settings, id, data)
    return responses.row(CreditChange(transaction, transaction.balance_after), 200 if replayed else 201)


@put("/users/{id:uuid}/usage")
async def set_tier(request: Request, id: FromPath[UUID], data: JSONBody[UsagePut]) -> EncodedResponse[Usage]:
    """Give a user another tier, with its limits or others. What was used stays used."""
    tier, own = LIMITS[data.tier], data.limits
    daily = tier.daily if own.daily is UNSET else own.daily
    monthly = tier.monthly if own.monthly is UNSET else own.monthly
    if not await usage.set_tier(request.database, id, data.tier, daily, monthly):
        raise Problem("not_found")
    return responses.row(await usage.get(request.database, id))


@get("/consents")
async def page_consents(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[UserConsent]]:
    """List what every user agrees to now, newest user first; those who said nothing are left out."""
    consented = await consents.page_current(request.database, after=pagination.after(filters), limit=filters.limit + 1)
    return pagination.answer(consented, filters)


router = Router(
    "/v1/admin",
    route_handlers=[page_users, read_user, change_user, set_password, grant_credits, set_tier, page_consents],
    opt=ADMIN_ONLY,
    tags=["Admin"],
)

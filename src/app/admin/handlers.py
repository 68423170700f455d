"""/v1/admin."""

from uuid import UUID

from litestar import Router, delete, get, patch, post, put
from litestar.params import FromPath, FromQuery, JSONBody

from app.accounts import repository as accounts
from app.accounts.schemas import User, UserIdentity
from app.admin import repository, rules
from app.admin.schemas import AuditEvent, AuditEventQuery, IdentityPut, UserPasswordPut, UserPatch, UserQuery
from app.consents import repository as consents
from app.consents.schemas import UserConsent
from app.credits import rules as credit_rules
from app.credits.schemas import CreditAccount, CreditChange, CreditGrant
from app.http import pagination, responses
from app.http.conditional import Versions
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import ADMIN_ONLY, CONDITIONAL, HASHED_ETAG, SERVICES
from app.usage import rules as usage
from app.usage.schemas import UsagePut, UserUsage


@get("/users")
async def page_users(request: Request, filters: FromQuery[UserQuery]) -> EncodedResponse[Page[User]]:
    """List accounts, newest first; with `q` those whose e-mail or name it is a part of."""
    return pagination.answer(await repository.page_users(request.database, filters), filters)


@get("/users/{id:uuid}", opt=CONDITIONAL | HASHED_ETAG)
async def read_user(request: Request, id: FromPath[UUID]) -> EncodedResponse[User]:
    """Read an account."""
    return responses.found(await accounts.me(request.database, id))


@patch("/users/{id:uuid}", opt=HASHED_ETAG | {"problems": ["last_admin"]})
async def change_user(
    request: Request, id: FromPath[UUID], data: JSONBody[UserPatch], versions: Versions
) -> EncodedResponse[User]:
    """Change what only an admin can change: the role, whether a user may sign in, whether their e-mail is verified."""
    return responses.versioned(await rules.change_user(request.services, id, versions, data))


@put("/users/{id:uuid}/password", status_code=204)
async def set_password(request: Request, id: FromPath[UUID], data: JSONBody[UserPasswordPut]) -> EncodedResponse[None]:
    """Give a user another password. All of their sessions and API tokens end."""
    await rules.set_password(request.services, id, data)
    return responses.no_content()


@delete("/users/{id:uuid}/sessions", status_code=204)
async def end_sessions(request: Request, id: FromPath[UUID]) -> EncodedResponse[None]:
    """Sign a user out everywhere. Their API tokens go on: another password ends those, too."""
    await rules.end_sessions(request.services, id)
    return responses.no_content()


@put(
    "/users/{id:uuid}/identities",
    opt=SERVICES | {"problems": ["conflict"], "also": {201: "It was not this user's before"}},
)
async def link_identity(request: Request, id: FromPath[UUID], data: JSONBody[IdentityPut]) -> EncodedResponse[UserIdentity]:
    """Give a user one more identity of another service. For admins, and for services where the user has no role.

    Whoever is named by any of the identities of a user in `X-On-Behalf-Of` is that user.
    A guest becomes a user, keeps everything and gets the credits of one, unless the provider is `legacy`: an app's own names,
    those of its guests too.
    """
    identity, is_new = await rules.link_identity(request.services, request.caller, id, data)
    return responses.row(identity, 201 if is_new else 200)


@get("/users/{id:uuid}/credits")
async def read_credits(request: Request, id: FromPath[UUID]) -> EncodedResponse[CreditAccount]:
    """Read what a user may spend. A due reset is applied."""
    return responses.row(await credit_rules.account(request.database, request.settings, id))


@post("/users/{id:uuid}/credits/reset", status_code=200)
async def reset_credits(request: Request, id: FromPath[UUID]) -> EncodedResponse[CreditAccount]:
    """Fill the account of a user up to `max_credits`, a guest's too. The next reset is counted from now.

    Who has more keeps it. What was given is a line of the ledger, of the type `reset`.
    """
    return responses.row(await credit_rules.reset(request.database, request.settings, id))


@post(
    "/users/{id:uuid}/credits/grants",
    opt={"problems": ["idempotency_conflict", "conflict"], "also": {200: "The same key came before"}},
)
async def grant_credits(request: Request, id: FromPath[UUID], data: JSONBody[CreditGrant]) -> EncodedResponse[CreditChange]:
    """Give a user credits. Sent again with the same `idempotency_key`: 200 with the first answer, and nothing more is given."""
    change, replayed = await credit_rules.grant(request.database, request.settings, id, data)
    return responses.row(change, 200 if replayed else 201)


@get("/users/{id:uuid}/usage")
async def read_usage(request: Request, id: FromPath[UUID]) -> EncodedResponse[UserUsage]:
    """Read the tier of a user, what is left of its limits, and the subscription."""
    return responses.row(await usage.of_user(request.database, id))


@put("/users/{id:uuid}/usage")
async def set_tier(request: Request, id: FromPath[UUID], data: JSONBody[UsagePut]) -> EncodedResponse[UserUsage]:
    """Give a user another tier, with its limits or others, and say what is paid for it. What was used stays used."""
    return responses.row(await usage.set_tier(request.database, id, data))


@get("/consents")
async def page_consents(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[UserConsent]]:
    """List what every user agrees to now, newest user first; users who have said nothing yet are left out."""
    return pagination.answer(await consents.page_current(request.database, filters), filters)


@get("/audit-events")
async def page_audit_events(request: Request, filters: FromQuery[AuditEventQuery]) -> EncodedResponse[Page[AuditEvent]]:
    """List what admins and services did, newest first: every request of an admin here, and every change that a service made."""
    return pagination.answer(await rules.page_audit_events(request.database, filters), filters)


router = Router(
    "/v1/admin",
    route_handlers=[
        page_users,
        read_user,
        change_user,
        set_password,
        end_sessions,
        link_identity,
        read_credits,
        reset_credits,
        grant_credits,
        read_usage,
        set_tier,
        page_consents,
        page_audit_events,
    ],
    opt=ADMIN_ONLY,
    tags=["Admin"],
)

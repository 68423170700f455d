"""/v1/credits."""

from litestar import Router, get, post
from litestar.params import FromQuery, JSONBody

from app.credits import repository, rules
from app.credits.schemas import CreditAccount, CreditChange, CreditDeduction, CreditRefund, CreditTransaction
from app.http import pagination, responses
from app.http.pagination import Page, PageQuery
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import SERVICES


@get("/")
async def read(request: Request) -> EncodedResponse[CreditAccount]:
    """Read what one may spend. A due reset is applied."""
    return responses.row(await rules.account(request.database, request.settings, request.caller.user_id))


@get("/transactions")
async def page_transactions(request: Request, filters: FromQuery[PageQuery]) -> EncodedResponse[Page[CreditTransaction]]:
    """List the ledger, newest first. What is older than 90 days is folded into a checkpoint with the same sum."""
    transactions = await repository.page_transactions(request.database, request.caller.user_id, filters)
    return pagination.answer_numbered(transactions, filters)


@post(
    "/deductions",
    opt={
        "problems": ["insufficient_credits", "idempotency_conflict", "conflict"],
        "also": {200: "The same key came before: its first answer"},
    },
)
async def deduct(request: Request, data: JSONBody[CreditDeduction]) -> EncodedResponse[CreditChange]:
    """Spend credits. Sent again with the same `idempotency_key`: 200 with the first answer, and nothing more is taken."""
    change, replayed = await rules.deduct(request.database, request.settings, request.caller.user_id, data)
    return responses.row(change, 200 if replayed else 201)


@post("/refunds", opt=SERVICES | {"problems": ["not_found", "already_refunded"]})
async def refund(request: Request, data: JSONBody[CreditRefund]) -> EncodedResponse[CreditChange]:
    """Return a deduction to the account: once, and never more than it took. For services, on behalf of the user, and admins."""
    return responses.row(await rules.refund(request.database, request.caller.user_id, data), 201)


router = Router("/v1/credits", route_handlers=[read, page_transactions, deduct, refund], tags=["Credits"])

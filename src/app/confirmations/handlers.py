"""/v1/auth/verification and /v1/auth/password-reset."""

from litestar import Router, post
from litestar.params import JSONBody

from app.confirmations import rules
from app.confirmations.schemas import AddressConfirmation, PasswordReset, PasswordResetRequest
from app.http import responses
from app.http.clients import client_of
from app.http.requests import Request
from app.http.responses import EncodedResponse
from app.http.routes import BEYOND_QUOTA, PUBLIC, SESSION_ONLY


@post(
    "/v1/auth/verification",
    status_code=202,
    opt=SESSION_ONLY | BEYOND_QUOTA | {"problems": ["already_verified", "invalid", "mail_not_configured"]},
)
async def ask_verification(request: Request) -> EncodedResponse[None]:
    """Have a link sent to the account's e-mail address that confirms it. Three mails an hour go to an address."""
    await rules.ask_verification(request.services, client_of(request), request.caller.user_id)
    return responses.accepted()


@post("/v1/auth/verification/confirm", status_code=204, opt=PUBLIC | {"problems": ["invalid_token", "email_taken"]})
async def confirm_verification(request: Request, data: JSONBody[AddressConfirmation]) -> EncodedResponse[None]:
    """Confirm an e-mail address by the token that was mailed to it: that of an account, or its new one."""
    await rules.confirm_address(request.services, client_of(request), data.token)
    return responses.no_content()


@post("/v1/auth/password-reset", status_code=202, opt=PUBLIC | {"problems": ["rate_limited", "mail_not_configured"]})
async def ask_password_reset(request: Request, data: JSONBody[PasswordResetRequest]) -> EncodedResponse[None]:
    """Have a link sent by which a new password is chosen. The answer is the same whether an account has the address or not."""
    await rules.ask_password_reset(request.services, client_of(request), data.email)
    return responses.accepted()


@post("/v1/auth/password-reset/confirm", status_code=204, opt=PUBLIC | {"problems": ["invalid_token"]})
async def confirm_password_reset(request: Request, data: JSONBody[PasswordReset]) -> EncodedResponse[None]:
    """Choose a new password by the token that was mailed. Every session and API token of the account ends.

    It also confirms the address. An account that had no password gets one.
    """
    await rules.reset_password(request.services, data)
    return responses.no_content()


router = Router(
    "/",
    route_handlers=[ask_verification, confirm_verification, ask_password_reset, confirm_password_reset],
    tags=["Accounts"],
    opt={"operations": "confirmations"},
)

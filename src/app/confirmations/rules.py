"""The rules of confirmations: who gets a link by mail, how often, and what it does."""

from uuid import UUID

from app.accounts import repository as accounts
from app.accounts.inputs import check_email, check_new_password
from app.accounts.mailed import HOUR, MAILS_OF_AN_ADDRESS
from app.auth.authentication import unauthenticated
from app.auth.tokens import hash_token
from app.confirmations import repository
from app.confirmations.schemas import PasswordReset
from app.database.queries import Executor
from app.http.clients import Client
from app.http.rate_limits import hit, is_allowed
from app.http.services import Services
from app.mail.repository import enqueue
from app.mail.sender import sends
from app.problems.problem import Problem, invalid
from app.settings import Settings


def _check_mail(settings: Settings) -> None:
    """Raise Problem 503 where no mail is sent."""
    if not sends(settings):
        raise Problem("mail_not_configured")


async def ask_verification(services: Services, client: Client, user_id: UUID) -> None:
    """Have a link sent that confirms the address of an account. Raises Problem 401, 409, 422, 429, 503."""
    _check_mail(services.settings)
    user = await accounts.me(services.database, user_id)
    if user is None:
        raise unauthenticated()
    if user.is_guest or user.email is None:
        raise invalid("email", "required", "is what there is to confirm: the account has none")
    if user.is_verified:
        raise Problem("already_verified")
    await hit(services, "mail-verification", user.email, MAILS_OF_AN_ADDRESS, HOUR)
    await enqueue(services.database, "verification", user_id=user_id, address=user.email, language=client.languages, detail={})
    services.mail_is_due.set()


async def confirm_address(services: Services, client: Client, token: str) -> None:
    """Confirm an address by the token that was sent to it. Raises Problem 400; 409 when another account got it meanwhile."""
    user_id = await repository.confirm_address(
        services.database, hash_token(token.encode()), language=client.languages, tells=sends(services.settings)
    )
    if user_id is None:
        raise Problem("invalid_token")
    services.mail_is_due.set()


async def ask_password_reset(services: Services, client: Client, email: str) -> None:
    """Have a link sent by which a new password is chosen, if an account has this address. Raises Problem 422, 429, 503.

    Whether one has it is found out by the sender: here the same statements run, whatever the address. A mailbox gets a few of
    these mails an hour; who asks for more is not told.
    """
    _check_mail(services.settings)
    check_email(email)
    await hit(services, "password-reset", client.network, 20, HOUR)
    if not await is_allowed(services, services.database, "mail-reset", email, maximum=MAILS_OF_AN_ADDRESS, seconds=HOUR):
        return
    await enqueue(services.database, "password_reset", user_id=None, address=email, language=client.languages, detail={})
    if services.settings.smtp is None:
        services.mail_is_due.set()
    # Otherwise with the sender's next look. Were it woken now, its work for an address that is known would make other answers
    # of this worker late, and so tell it from one that is not.


async def reset_password(services: Services, reset: PasswordReset) -> None:
    """Set a new password by the token that was sent to the account's address. Raises Problem 400, 422, 503.

    Whoever reads the mails of the address owns the account: every session and API token ends; and if nobody had confirmed the
    address before, what somebody else may have linked to the account goes.
    """
    token_hash = hash_token(reset.token.encode())
    names = await repository.reset_of(services.database, token_hash)
    if names is None:
        raise Problem("invalid_token")
    check_new_password("new", reset.new, names.email, names.username)
    password_hash = await services.passwords.hash(reset.new)

    async def work(tx: Executor) -> bool:
        done = await repository.reset(tx, token_hash, password_hash)
        if done is not None and done.is_first:
            await repository.delete_identities(tx, done.user_id)
        return done is not None

    if not await services.database.transaction(work):
        raise Problem("invalid_token")
    services.token_cache.forget()

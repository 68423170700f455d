"""`holdfast users show`: what an operator sees of one account, on the command line."""

from app.accounts import repository as accounts
from app.accounts.commands import id_of
from app.admin import repository
from app.admin.schemas import AccountSummary
from app.credits import repository as credit_accounts
from app.database.queries import Executor
from app.usage import repository as usage


async def summary(database: Executor, name: str) -> AccountSummary | None:
    """Look an account up by its e-mail address, its user name or its id. None: there is none.

    As the API does: a reset of credits that is due is applied.
    """
    user_id = await id_of(database, name)
    if user_id is None:
        return None
    user, counts = await accounts.me(database, user_id), await repository.counts(database, user_id)
    if user is None or counts is None:
        return None
    return AccountSummary(
        user=user,
        counts=counts,
        credits=await credit_accounts.account(database, user_id),
        usage=await usage.get(database, user_id),
    )

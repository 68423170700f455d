"""`holdfast users`: accounts, as whoever runs the server sees and changes them."""

import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

import rich_click as click

from app.accounts import commands, repository
from app.accounts.schemas import PASSWORD_LENGTH, ListedUser, User
from app.admin.commands import summary
from app.admin.schemas import AccountSummary
from app.database.queries import Executor
from app.server.running import with_database
from app.server.showing import as_json, show_facts, show_json, show_list
from app.server.words import give_up

T = TypeVar("T")


@click.group()
def users() -> None:
    """Look at accounts, and change what their owners cannot."""


@users.command("list")
@as_json
def list_users(*, as_json: bool) -> None:
    """Show every account, newest first."""

    async def read(database: Executor) -> list[ListedUser]:
        return [user async for user in commands.users(database)]

    found = with_database(read)
    if as_json:
        show_json(found)
    else:
        show_list(found, ("Id", "Role", "E-mail", "User name", "Seen", "State"), _cells, _line)


def _cells(user: ListedUser) -> tuple[str, ...]:
    seen = f"{user.last_login_at:%Y-%m-%d}" if user.last_login_at else "never"
    return str(user.id), _kind(user), user.email or "-", user.username or "-", seen, "active" if user.is_active else "disabled"


def _kind(user: ListedUser | User) -> str:
    """The role; of a user, whether they are a guest. A database that is not migrated yet may have guests with another role."""
    return "guest" if user.is_guest and user.role == "user" else user.role


def _line(user: ListedUser) -> str:
    user_id, kind, email, username, seen, state = _cells(user)
    return f"{user_id}  {kind:<8} {email}  {username}  seen {seen}{'' if user.is_active else f'  {state}'}"


@users.command()
@click.argument("name")
@as_json
def show(name: str, *, as_json: bool) -> None:
    """Show an account with its sessions, credits and usage.

    NAME is its e-mail address, user name or id.
    """
    found = with_database(lambda database: summary(database, name))
    if found is None:
        give_up(NOBODY)
    if as_json:
        show_json(found)
    else:
        show_facts(_facts(found))


NOBODY = "There is no account with this e-mail address, user name or id."


def _facts(found: AccountSummary) -> list[tuple[str, str]]:
    user, counts, account, usage = found.user, found.counts, found.credits, found.usage
    return [
        ("id", str(user.id)),
        ("e-mail", f"{user.email or '-'}{' (verified)' if user.is_verified else ''}"),
        ("user name", user.username or "-"),
        ("name", user.name or "-"),
        ("role", _kind(user)),
        ("state", "active" if user.is_active else "disabled"),
        ("made", f"{user.created_at:%Y-%m-%d %H:%M}"),
        ("seen", f"{user.last_login_at:%Y-%m-%d %H:%M}" if user.last_login_at else "never"),
        ("sessions", str(counts.sessions)),
        ("API tokens", str(counts.api_tokens)),
        ("credits", f"{account.available} of {account.max_credits}" if account else "not used yet"),
        ("tier", usage.tier),
        ("today", f"{usage.daily_used} of {_limit(usage.daily_limit)} messages"),
        ("this month", f"{usage.monthly_used} of {_limit(usage.monthly_limit)} messages"),
        ("ever", f"{usage.total_queries} messages"),
        ("consents", f"said {counts.consents} times"),
    ]


def _limit(limit: int | None) -> str:
    return "any number of" if limit is None else str(limit)


@users.command()
@click.argument("email")
@click.option("--admin", is_flag=True, help="Make it an admin's: the first one is made so.")
@click.option("--username", help="A user name: 3 to 50 letters, digits, _, . or -.")
@click.option("--name", help="How the user is called.")
def create(email: str, username: str | None, name: str | None, *, admin: bool) -> None:
    """Make an account.

    The password is asked for, or read from standard input when that is no terminal.
    """
    password = _new_password()

    def work(database: Executor) -> Coroutine[Any, Any, User]:
        new = commands.registration(email, password, username, name)
        return commands.create(database, new, "admin" if admin else "user")

    user = with_database(work)
    click.echo(f"The account is made: {user.id}, {'an' if admin else 'a'} {user.role}.")


@users.command()
@click.argument("name")
def disable(name: str) -> None:
    """Let an account sign in no more, and end its sessions.

    NAME is its e-mail address, user name or id. Its API tokens are refused until it is enabled again. The last active admin
    stays one.
    """
    ended = _of_account(name, commands.disable)
    click.echo(f"The account is disabled, and {_sessions(ended)}.")


@users.command()
@click.argument("name")
def enable(name: str) -> None:
    """Let a disabled account sign in again.

    NAME is its e-mail address, user name or id. Its API tokens work again: `set-password` ends those.
    """
    _of_account(name, repository.enable)
    click.echo("The account may sign in.")


@users.command()
@click.argument("name")
def end_sessions(name: str) -> None:
    """Sign an account out everywhere.

    NAME is its e-mail address, user name or id. Its API tokens go on: `set-password` ends those, too.
    """
    ended = _of_account(name, repository.end_sessions)
    click.echo(f"{_sessions(ended).capitalize()}.")


@users.command("role")
@click.argument("name")
@click.argument("role", type=click.Choice(commands.ROLES))
def set_role(name: str, role: str) -> None:
    """Make an account a user, a service or an admin.

    NAME is its e-mail address, user name or id. The last active admin stays one, and a guest a user.
    """
    _of_account(name, lambda database, user_id: commands.set_role(database, user_id, role))
    click.echo(f"The account is now: {role}.")


@users.command("set-password")
@click.argument("name")
def set_password(name: str) -> None:
    """Give an account a new password; all of its sessions and API tokens end.

    NAME is its e-mail address, user name or id. The password is asked for, or read from standard input when that is no
    terminal.
    """
    password = _new_password()
    _of_account(name, lambda database, user_id: commands.set_password(database, user_id, password))
    click.echo("The password is changed, and every session and API token of the account is ended.")


def _new_password() -> str:
    """A password that may be one by its length: never a word of the command, which other users of the machine can see."""
    if sys.stdin.isatty():
        password = str(click.prompt("New password", hide_input=True, confirmation_prompt=True))
    else:
        try:
            password = sys.stdin.buffer.readline().decode().rstrip("\r\n")
        except UnicodeDecodeError:
            give_up("The password is no text in UTF-8.")
    if len(password) not in PASSWORD_LENGTH:
        give_up(f"A password has {PASSWORD_LENGTH.start} to {PASSWORD_LENGTH.stop - 1} characters.")
    return password


def _of_account(name: str, change: Callable[[Executor, UUID], Coroutine[Any, Any, T | None]]) -> T:
    """Change an account. Ends the process with 1 when there is none."""

    async def work(database: Executor) -> T | None:
        user_id = await commands.id_of(database, name)
        return None if user_id is None else await change(database, user_id)

    done = with_database(work)
    if done is None:
        give_up(NOBODY)
    return done


def _sessions(ended: int) -> str:
    return "1 session is ended" if ended == 1 else f"{ended} sessions are ended"

"""`holdfast users`: accounts, as whoever runs the server sees and changes them."""

import sys

import rich_click as click

from app.accounts import commands
from app.accounts.schemas import PASSWORD_LENGTH, ListedUser
from app.database.queries import Executor
from app.server.running import with_database
from app.server.showing import as_json, show_json, show_list
from app.server.words import give_up


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
    kind = "guest" if user.is_guest else user.role
    seen = f"{user.last_login_at:%Y-%m-%d}" if user.last_login_at else "never"
    return str(user.id), kind, user.email or "-", user.username or "-", seen, "active" if user.is_active else "disabled"


def _line(user: ListedUser) -> str:
    user_id, kind, email, username, seen, state = _cells(user)
    return f"{user_id}  {kind:<8} {email}  {username}  seen {seen}{'' if user.is_active else f'  {state}'}"


@users.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice(commands.ROLES))
def set_role(email: str, role: str) -> None:
    """Make an account a user, a service or an admin."""
    if not with_database(lambda database: commands.set_role(database, email, role)):
        give_up("There is no account with this e-mail address.")
    click.echo(f"The account is now: {role}.")


@users.command("set-password")
@click.argument("email")
def set_password(email: str) -> None:
    """Give an account a new password; all of its sessions end.

    The password is asked for, or read from standard input when that is no terminal.
    """
    password = _new_password()
    if not with_database(lambda database: commands.set_password(database, email, password)):
        give_up("There is no account with this e-mail address.")
    click.echo("The password is changed, and every session of the account is ended.")


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

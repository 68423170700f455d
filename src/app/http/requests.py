"""The request as a handler sees it. Its query and its body were decoded before, see app.http.routing."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.types import HTTPScope, Receive

from app.auth.token_cache import Caller
from app.auth.tokens import hash_token, token_of
from app.database.queries import Transactor
from app.http.services import Services
from app.settings import Settings
from app.storage import Storage


class Request(ASGIConnection[Any, Caller, None, Any]):
    """Who is calling, the headers, and what the worker has. `receive` is for handlers that read a body in pieces.

    Not Litestar's Request: its `json()`, `body()` and `form()` would read a body past the limits and the strict decoding.
    """

    __slots__ = ("services",)

    scope: HTTPScope

    def __init__(self, scope: HTTPScope, receive: Receive, services: Services) -> None:
        super().__init__(scope, receive)
        self.services = services

    def header(self, name: bytes) -> str | None:
        """The first header of a name in lower case."""
        return header(self.scope, name)

    @property
    def is_head(self) -> bool:
        """Whether the caller wants the headers only; such a request is handled as a GET."""
        return "head" in self.scope["state"]

    @property
    def optional_caller(self) -> Caller | None:
        """The caller of a route on which a token is optional; None when none was sent."""
        caller: Caller | None = self.scope.get("user")
        return caller

    @property
    def caller(self) -> Caller:
        """Who is calling; only on routes that are not public."""
        caller: Caller = self.scope["user"]
        return caller

    @property
    def token_hash(self) -> bytes:
        """The hash of the caller's token; only on routes that are not public."""
        return hash_token(token_of(self.scope) or b"")

    @property
    def database(self) -> Transactor:
        """Where its statements run: for an operation of a batch, in the transaction of all; of a read, `Reading`."""
        return database_of(self.scope, self.services)

    @property
    def storage(self) -> Storage:
        return self.services.storage

    @property
    def settings(self) -> Settings:
        return self.services.settings


def database_of(scope: HTTPScope, services: Services) -> Transactor:
    """Where the statements of a request run."""
    within: Transactor | None = scope["state"].get("database")
    return within or services.database


def header(scope: HTTPScope, name: bytes) -> str | None:
    """The first header of a name in lower case, as text."""
    value = header_bytes(scope, name)
    return None if value is None else str(value, "latin-1")


def header_bytes(scope: HTTPScope, name: bytes) -> bytes | None:
    """The first header of a name in lower case, as it was sent. None: there is none."""
    for each, value in scope["headers"]:
        if each == name:
            return bytes(value)
    return None

"""The request as a handler sees it."""

from typing import cast

import litestar
from litestar.connection.base import empty_receive, empty_send
from litestar.datastructures.state import State
from litestar.types import HTTPScope, Receive, Scope, Send

from app.auth.token_cache import Caller, TokenCache
from app.database.executor import Database
from app.settings import Settings
from app.storage import Storage

BODY_LIMIT = 256 * 1024
"""Bytes; a handler with a limit of its own says so by `opt["body_limit"]`."""


class Request(litestar.Request[Caller, None, State]):
    """A request with short ways to what handlers need. Its input was decoded before, by app.dispatch."""

    def __init__(self, scope: Scope, receive: Receive = empty_receive, send: Send = empty_send) -> None:
        # Not the framework's own: what it sets up is for bodies, forms and cookies, which are not read through it here.
        self.scope = cast("HTTPScope", scope)
        self.receive = receive
        self.send = send

    def header(self, name: bytes) -> str | None:
        """The first header of a name in lower case."""
        for each, value in self.scope["headers"]:
            if each == name:
                return str(value, "latin-1")
        return None

    @property
    def caller(self) -> Caller:
        """Who is calling; only on routes that are not public."""
        caller: Caller = self.scope["user"]
        return caller

    @property
    def database(self) -> Database:
        database: Database = self.scope["litestar_app"].state["database"]
        return database

    @property
    def token_cache(self) -> TokenCache:
        """The callers that this worker knows: what ends a token says so here."""
        token_cache: TokenCache = self.scope["litestar_app"].state["token_cache"]
        return token_cache

    @property
    def storage(self) -> Storage:
        return cast("Storage", self.scope["litestar_app"].state.storage)

    @property
    def settings(self) -> Settings:
        settings: Settings = self.scope["litestar_app"].state["settings"]
        return settings

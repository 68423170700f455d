"""What a worker has for its requests."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.auth.authorization import identity_providers
from app.auth.passwords import Passwords
from app.auth.sealing import Keys
from app.auth.token_cache import TokenCache
from app.database import migrations
from app.database.executor import Database
from app.database.replica import Replica
from app.http.buckets import RequestLimits
from app.http.places import Places
from app.http.storage_quota import StorageQuota
from app.http.turns import Turns
from app.http.view_counts import ViewCounts
from app.providers.clients import Providers
from app.settings import Settings
from app.storage import Storage
from app.thumbnails.maker import ThumbnailMaker

if TYPE_CHECKING:
    from app.http.routing import Routing


class Services:
    """Settings from the start; the rest is opened by the app's lifespan, before the first request."""

    __slots__ = (
        "database",
        "document",
        "draining",
        "exports",
        "identity_providers",
        "keys",
        "mail_is_due",
        "passwords",
        "providers",
        "replica",
        "request_limits",
        "routing",
        "schema_version",
        "settings",
        "storage",
        "storage_quota",
        "thumbnail_maker",
        "token_cache",
        "turns",
        "view_counts",
    )

    database: Database
    document: Callable[[], bytes]
    """The OpenAPI document of the application, as JSON."""
    passwords: Passwords
    providers: Providers
    routing: "Routing"
    storage: Storage
    thumbnail_maker: ThumbnailMaker
    token_cache: TokenCache

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.keys = Keys(settings)
        self.draining = False
        """Whether this worker is about to end: it is not ready, and its connections end with their next answers."""
        self.request_limits = RequestLimits(settings) if settings.rate_limits else None
        self.storage_quota = StorageQuota(settings) if settings.rate_limits else None
        self.turns = Turns(settings)
        self.identity_providers = identity_providers(settings)
        """Whose identities users are given and named by."""
        self.exports = Places()
        self.mail_is_due = asyncio.Event()
        """Set after the commit of what a mail is about: this worker's sender looks at once, and not only some seconds later."""
        self.view_counts = ViewCounts()
        self.replica: Replica | None = None
        self.schema_version = migrations.expected_version()
        """What the database's newest migration must be."""

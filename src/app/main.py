"""create_app(): the list of routers, nothing clever."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cache, partial
from importlib.metadata import version
from typing import Any, cast

from litestar import Litestar

from app.accounts import handlers as accounts
from app.admin import handlers as admin
from app.auth.passwords import Passwords
from app.auth.token_cache import TokenCache, listening
from app.backups import watching
from app.batch import handlers as batch
from app.blog_entries import handlers as blog_entries
from app.blog_entries.repository import add_views
from app.confirmations import handlers as confirmations
from app.confirmations import pages
from app.consents import handlers as consents
from app.conversations import handlers as conversations
from app.credits.handlers import router as credits_router
from app.daily_reviews import handlers as daily_reviews
from app.database import watched
from app.database.executor import Database
from app.database.replica import Replica
from app.exporting import handlers as exporting
from app.goals import handlers as goals
from app.habits import handlers as habits
from app.health import handlers as health
from app.http import docs_page, view_counts
from app.http.middleware import Application
from app.http.requests import Request
from app.http.services import Services
from app.mail import sender
from app.maintenance import jobs, sizes
from app.media import handlers as media
from app.nutrition import handlers as nutrition
from app.profile import handlers as profile
from app.progress import handlers as progress
from app.providers.clients import Providers
from app.query_cache import handlers as query_cache
from app.search import handlers as search
from app.settings import Settings
from app.sign_in import handlers as sign_in
from app.storage import Storage
from app.tags import handlers as tags
from app.tasks import handlers as tasks
from app.telemetry import logs, metrics, process, replication, tracing
from app.thumbnails.maker import ThumbnailMaker
from app.usage import handlers as usage
from app.workouts import handlers as workouts

# Litestar takes the handlers of an address from one router, and a slice imports no other's handlers.
accounts.router.register(profile.read_me)


def create_app(settings: Settings, passwords: Passwords | None = None) -> Application:
    """Make the ASGI application. The pool opens when the server starts it, and closes when the server stops it."""
    services = Services(settings)
    starting = Litestar(lifespan=[_lifespan(services, passwords)], openapi_config=None, logging_config=None)
    return Application(declared(), starting, services)


@cache
def declared() -> Litestar:
    """What the handlers declare, the same for every application of a process: Litestar takes a tenth of a second to read it."""
    return Litestar(
        [
            accounts.router,
            confirmations.router,
            sign_in.router,
            tasks.router,
            habits.router,
            goals.router,
            nutrition.router,
            workouts.router,
            daily_reviews.router,
            blog_entries.router,
            blog_entries.public_router,
            tags.router,
            media.router,
            media.public_router,
            progress.router,
            search.router,
            batch.router,
            conversations.router,
            usage.router,
            credits_router,
            consents.router,
            query_cache.router,
            exporting.router,
            admin.router,
            health.router,
            docs_page.router,
            pages.router,
        ],
        request_class=cast("Any", Request),
        openapi_config=None,
        logging_config=None,
    )


def _lifespan(services: Services, passwords: Passwords | None) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        settings = services.settings
        services.storage = Storage(settings)
        services.thumbnail_maker = ThumbnailMaker()
        services.database = await Database.connect(settings)
        primary = watched.primary_of(services.database)
        if settings.replica_url is not None:
            services.replica = await Replica.connect(primary, settings)
        replication.note_state("none" if services.replica is None else services.replica.state)
        services.passwords = passwords or Passwords()
        services.token_cache = TokenCache()
        services.providers = Providers(settings)
        metrics.pool_limit.set(settings.pool_size + settings.max_overflow)
        metrics.build_info.labels(version("holdfast"), services.schema_version).set(1)
        try:
            async with (
                tracing.running(),
                listening(services.token_cache, settings, services.database.pool.hosts),
                metrics.settling(services.database.pool),
                watched.watching(primary, services.replica.look if services.replica else None),
                process.watching(),
                view_counts.regularly(services.view_counts, partial(add_views, services.database)),
                jobs.regularly(services.database, services.storage, services.storage_quota),
                watching.regularly(services.database, settings),
                sizes.regularly(services.database),
                sender.regularly(services.database, settings, services.mail_is_due),
            ):
                # What is there now stays: the collector need not look at it again and again, nor every 700 objects.
                gc.collect()
                gc.freeze()
                # A process of `holdfast serve` began without it.
                gc.enable()
                gc.set_threshold(10_000, 20, 50)
                yield
        finally:
            await services.providers.close()
            if services.replica is not None:
                await services.replica.close()
            await services.database.close()
            logs.drain()
            if passwords is None:
                services.passwords.close()

    return lifespan

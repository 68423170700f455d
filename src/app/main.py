"""create_app(): the list of routers, nothing clever."""

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.datastructures import State
from litestar.routes import HTTPRoute

from app.accounts import handlers as accounts
from app.accounts.passwords import Passwords
from app.admin import handlers as admin
from app.auth.token_cache import TokenCache, listening
from app.blog_entries import handlers as blog_entries
from app.consents import handlers as consents
from app.conversations import handlers as conversations
from app.credits.handlers import router as credits_router
from app.daily_reviews import handlers as daily_reviews
from app.database import migrations
from app.database.executor import Database
from app.goals import handlers as goals
from app.habits import handlers as habits
from app.health import handlers as health
from app.http import docs_page
from app.http.middleware import Edge
from app.http.requests import BODY_LIMIT, Request
from app.http.routing import dispatcher
from app.maintenance import jobs
from app.media import handlers as media
from app.nutrition import handlers as nutrition
from app.progress import handlers as progress
from app.query_cache import handlers as query_cache
from app.search import handlers as search
from app.settings import Settings
from app.storage import Storage
from app.tags import handlers as tags
from app.tasks import handlers as tasks
from app.telemetry import logs, metrics
from app.usage import handlers as usage
from app.workouts import handlers as workouts


def create_app(settings: Settings, passwords: Passwords | None = None) -> Edge:
    """Make the ASGI application. The pool opens when the server starts it, and closes when the server stops it."""
    app = Litestar(
        [
            accounts.router,
            tasks.router,
            habits.router,
            goals.router,
            nutrition.router,
            workouts.router,
            daily_reviews.router,
            blog_entries.router,
            tags.router,
            media.router,
            progress.router,
            search.router,
            conversations.router,
            usage.router,
            credits_router,
            consents.router,
            query_cache.router,
            admin.router,
            health.router,
            docs_page.router,
        ],
        request_class=Request,
        request_max_body_size=BODY_LIMIT,
        lifespan=[_lifespan(settings, passwords)],
        state=State({"settings": settings, "expected_version": migrations.expected_version()}),
        cors_config=_cors(settings),
        openapi_config=None,
        logging_config=None,
    )
    app.state.public_paths = {
        route.path
        for route in app.routes
        if isinstance(route, HTTPRoute)
        and any(handler.opt.get("auth", "required") != "required" for handler in route.route_handlers)
    }
    return Edge(app, dispatcher(app))


def _lifespan(settings: Settings, passwords: Passwords | None) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        app.state.storage = Storage(settings)
        app.state.database = await Database.connect(settings)
        app.state.passwords = passwords or Passwords()
        app.state.token_cache = TokenCache()
        try:
            async with (
                listening(app.state.token_cache, settings),
                metrics.settling(),
                jobs.regularly(app.state.database, app.state.storage),
            ):
                # What is there now stays: the collector need not look at it again and again, nor every 700 objects.
                gc.collect()
                gc.freeze()
                gc.set_threshold(10_000, 20, 50)
                yield
        finally:
            await app.state.database.close()
            logs.flush()
            if passwords is None:
                app.state.passwords.close()

    return lifespan


def _cors(settings: Settings) -> CORSConfig | None:
    if not settings.cors_origins:
        return None
    return CORSConfig(
        allow_origins=list(settings.cors_origins),
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match", "If-None-Match", "If-Range", "Range", "X-Request-Id"],
        expose_headers=["Content-Disposition", "Content-Range", "ETag", "Location", "Retry-After", "X-Request-Id"],
    )

"""`holdfast doctor`: whether a pooler shares out sessions before the database, and what it is to be told then."""

from app.database import pooler
from app.database.opening import settings_behind
from app.database.startup import connect_with_retry
from app.server.doctor import Finding
from app.settings import Settings


async def examine(settings: Settings) -> list[Finding]:
    """Look at what DATABASE_URL leads to; nothing is found where sessions are not shared out.

    The first finding is bad when there is no direct connection: whatever else doctor asks would be asked in vain.
    """
    url = settings.database_url

    async def look() -> list[Finding]:
        if url is None or not await _shares_sessions(url):
            return []
        async with pooler.probing(url) as probe:
            tracks = await pooler.tracks_statements(probe)
            wanted = await settings_behind(probe, settings)
            missing = await pooler.settings_missing(probe, wanted)
        return [await _direct(settings), _statements(tracks=tracks), _session({name: wanted[name] for name in missing})]

    return await connect_with_retry(look, url or "", settings.start_retries)


async def _shares_sessions(url: str) -> bool:
    async with pooler.probing(url) as probe:
        return await pooler.shares_sessions(probe, url)


async def _direct(settings: Settings) -> Finding:
    advice = "Set DATABASE_LISTEN_URL to a direct connection: ended tokens are told by it, and commands use it."
    if settings.listen_url is None:
        return Finding("bad", "pooler", "shares out sessions, and nothing leads past it", advice)
    if await _shares_sessions(settings.listen_url):
        return Finding("bad", "pooler", "shares out sessions, those of DATABASE_LISTEN_URL too", advice)
    return Finding("ok", "pooler", "shares out sessions; DATABASE_LISTEN_URL leads past it")


def _statements(*, tracks: bool) -> Finding:
    if tracks:
        return Finding("ok", "statements", "stay prepared behind the pooler")
    advice = "With PgBouncer 1.21 or newer set max_prepared_statements = 1000."
    return Finding("mind", "statements", "are parsed each time: the pooler does not track them when they are prepared", advice)


def _session(missing: dict[str, str]) -> Finding:
    if not missing:
        return Finding("ok", "session", "has our settings behind the pooler")
    wanted = ", ".join(f"{name} = {setting}" for name, setting in missing.items())
    advice = f"Set by connect_query of PgBouncer (ops/pgbouncer.ini), or by `alter role` for ours: {wanted}."
    return Finding("mind", "session", f"lacks {', '.join(missing)}: the pooler does not pass on what we set", advice)

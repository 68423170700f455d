"""How many files a process may have open: every socket is one."""

import resource

from app.settings import Settings

BESIDE = 256
"""Open files of a worker that are not sockets of clients or of the database."""


def needed(settings: Settings) -> int:
    """How many open files a worker needs."""
    return settings.max_connections + settings.pool_size + settings.max_overflow + BESIDE


def available() -> int:
    """How many a process started here can have: what the soft limit can be raised to."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 2**31 if hard == resource.RLIM_INFINITY else hard


def raise_limit(settings: Settings) -> int:
    """Raise this process's limit, which its children inherit, as far as a worker needs.

    Returns how many connections a worker can then take: fewer than MAX_CONNECTIONS where the limit cannot be raised so far.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(needed(settings), available())
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(1, min(settings.max_connections, settings.max_connections - needed(settings) + wanted))

"""PostgreSQL in a container, for `pytest --database=container`: what most people run, instead of the one that comes along."""

from collections.abc import Callable

import pytest
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.community.postgres import PostgresContainer

IMAGE = "postgres:18"

OPTIONS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300")
"""As the embedded server is started for tests: fast, and lost with the container."""


def start() -> tuple[str, Callable[[], None]]:
    """Start a server. Gives its URL, and what stops it and removes the container.

    Raises pytest.UsageError when there is nothing that runs containers.
    """
    try:
        container = PostgresContainer(IMAGE, username="holdfast", password="holdfast", dbname="holdfast", driver=None)
        container.with_command(["postgres", *(part for option in OPTIONS for part in ("-c", option))])
        container.start()
    except DockerException as error:
        raise pytest.UsageError(
            f"--database=container needs Docker, or podman with its socket in DOCKER_HOST: {error}"
        ) from None
    return container.get_connection_url(), container.stop

"""The tests of what statements are for, once more, with the forms of the statements that only a cluster gets.

A plain server takes these forms as well (docs/decisions/0059), and the app sends them where a connection says that tables are
distributed. So both forms of a statement answer the same tests, without a cluster. A module that takes tests takes `api`, too.
"""

import asyncio
import re
import types
from collections.abc import Iterator
from typing import Any, cast

import asyncpg
import clustered
import pytest
from _pytest.fixtures import FixtureFunctionDefinition
from client import Api

from app.auth.passwords import Passwords
from app.database import opening
from app.database.connection import Connection
from app.settings import Settings

not_on_a_cluster = clustered.plain("every test meets these forms there")


@pytest.fixture(scope="module")
def api(runner: asyncio.Runner, settings: Settings, passwords: Passwords) -> Iterator[Api]:
    """The app, whose connections say that tables are distributed."""
    begin = opening.begin

    async def begin_distributed(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        await begin(connection)
        cast("Connection", connection).is_distributed = True

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "begin", begin_distributed)
        with Api.started(runner, settings, passwords) as api:
            yield api


def taken(module: types.ModuleType, names: str = "") -> dict[str, Any]:
    """The tests of a module that have one of these words in their names, with its fixtures."""
    found = {}
    for name, each in vars(module).items():
        is_test = name.startswith("test_") and callable(each) and re.search(names, name)
        if is_test or isinstance(each, FixtureFunctionDefinition):
            found[name] = each
    return found

"""The statements of sql/queries as they stand in their files, and the repository functions that send them."""

import importlib
import re
import types
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import app
from app.database import package_files
from app.database.queries import Query, load

FILES = sorted((package_files.folder("sql") / "queries").glob("*.sql"))


class Statement(NamedTuple):
    """One query as it stands in its file."""

    file: str
    name: str
    operator: str
    comment: str
    body: str

    @property
    def query(self) -> Query:
        return cast("Query", getattr(load(self.file), self.name))

    @property
    def named_sql(self) -> str:
        """What is sent to the server, with the parameters' names back in their places."""
        return re.sub(r"\$(\d+)", lambda number: f":{self.query.order[int(number[1]) - 1]}", self.query.sql)

    @property
    def single(self) -> Query | None:
        """The statement that this one is sent for, in a batch of several calls; None: it is one of another kind."""
        queries = [getattr(load(self.file), each) for each in load(self.file).available_queries]
        return next((each for each in queries if each.batch is self.query), None)

    def reason(self, exemption: str) -> str | None:
        """Why a rule does not hold here, as its comment says; None: it holds."""
        found = re.search(rf"(?m)^-- {exemption}, (.{{10,}})$", self.comment)
        return found[1] if found else None


def _statements(file: Path) -> list[Statement]:
    found = []
    for part in re.split(r"(?m)^(?=--\s*name\s*:)", file.read_text(encoding="utf-8")):
        head, _, rest = part.strip().partition("\n")
        if head:
            line = re.fullmatch(r"-- name: ([a-z][a-z0-9_]*)\([a-z0-9_, ]*\)([\^$!]?)", head)
            assert line, f"{file.name}: {head!r} is no name line"
            comment = "\n".join(each for each in rest.splitlines() if each.startswith("--"))
            body = "\n".join(each for each in rest.splitlines() if not each.startswith("--"))
            found.append(Statement(file.stem, line[1], line[2], comment, body.strip()))
    return found


STATEMENTS = [statement for file in FILES for statement in _statements(file)]


def function_of(statement: Statement) -> Callable[..., Any] | None:
    """The function that sends a statement: the one of its name in the module that loads its file."""
    module = loader_of(statement.file)
    # One function reads a list in all of its orders, and one sends a statement by itself and in a batch.
    name = re.sub("_(newest|oldest|activity|created|many|distributed)$", "", statement.name)
    function: Callable[..., Any] | None = getattr(module, statement.name, None) or getattr(module, name, None)
    return function


@cache
def loader_of(file: str) -> types.ModuleType:
    """The one module that loads a file."""
    loaders = _loaders()[file]
    assert len(loaders) == 1, f"{file}.sql is loaded by {len(loaders)} modules"
    return importlib.import_module(loaders[0])


@cache
def _loaders() -> Mapping[str, list[str]]:
    """The modules that load each file."""
    source, found = Path(app.__file__).parent, defaultdict[str, list[str]](list)
    for path in source.rglob("*.py"):
        for file in re.findall(r'= load\("(\w+)"\)', path.read_text(encoding="utf-8")):
            found[file].append(".".join(["app", *path.relative_to(source).with_suffix("").parts]))
    return found

"""The rules of the house that no linter knows: what stands where in src/app, and what the routes and the books promise."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from uuid import uuid4

from client import Api
from served import ROUTES

import app
from app.problems import catalog, constraints

SOURCE = Path(app.__file__).parent
ROOMS = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
SLICES = {path.parent.name for path in SOURCE.glob("*/handlers.py")}


@cache
def modules() -> dict[str, ast.Module]:
    """The modules of the app as trees, by their paths below src/app."""
    return {str(path.relative_to(SOURCE)): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(SOURCE.rglob("*.py"))}


def _texts(tree: ast.AST) -> Iterator[str]:
    """The strings of a module, without the docstrings; what is put into an f-string reads {}."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            yield node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield from _texts(node)


def _names(tree: ast.AST) -> Iterator[str]:
    """Every name and attribute that a module uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.alias):
            yield node.name


# What stands where

SQL = re.compile(r"(?is)\bselect\b.+\bfrom\b|\binsert\s+into\b|\bupdate\b.+\bset\b.+=|\bdelete\s+from\b|\bmerge\s+into\b")
# In one case throughout: "Set APP_ENV" is a sentence.
SESSION_STATE = re.compile(
    r"""(?x) ^\s* (
        (set|SET) \s+ (?!local\b|LOCAL\b) (session\s+|SESSION\s+)? [\w.]+ \s* (= | \s to\b | \s TO\b)
        | (listen|LISTEN|unlisten|UNLISTEN|discard|DISCARD) \s+ [\w"*{]
        | (reset|RESET|prepare|PREPARE) \s+ \w
        | (create|CREATE) \s+ (temp|TEMP) )
    | \b pg_(try_)?advisory_lock | \b set_config \s* \("""
)


def test_there_is_no_sql_in_python() -> None:
    found = [f"{name}: {text}" for name, tree in modules().items() for text in _texts(tree) if SQL.search(text)]
    assert found == []


def test_no_module_leaves_state_in_a_session_of_the_pool() -> None:
    found = [f"{name}: {text}" for name, tree in modules().items() for text in _texts(tree) if SESSION_STATE.search(text)]
    # token_cache.py listens on a connection of its own.
    found += [name for name, tree in modules().items() if "add_listener" in _names(tree) and name != "auth/token_cache.py"]
    assert found == []


def test_sql_and_session_state_in_python_would_be_caught() -> None:
    code = '''
"""select this from docstring"""
a = "select id " "from tasks"
b = f"update tasks set title = {x}"
c = f"delete from {table}"
d = "set timezone to 'UTC'"
e = f"listen {channel}"
f = "select pg_advisory_lock(1)"
g = "set local timezone = 'UTC'"
h = "Select a file, then go on"
'''
    texts = [*_texts(ast.parse(code))]
    assert len(texts) == 8
    assert [bool(SQL.search(text)) for text in texts] == [True] * 3 + [False] * 5
    assert [bool(SESSION_STATE.search(text)) for text in texts] == [False] * 3 + [True] * 3 + [False] * 2


def test_no_module_is_named_after_nothing() -> None:
    words = {"utils", "util", "common", "core", "helpers", "helper", "models", "base", "misc", "shared", "lib"}
    assert [path for path in SOURCE.rglob("*") if path.stem in words] == []


READS_THE_ENVIRONMENT = {
    "server/worker.py": "gives it to settings, and what granian was told to its workers",
    "server/words.py": "gives it to settings: a command begins here",
    "server/granian_process.py": "gives it to granian, with what the command line changed",
    "database/postgres_programs.py": "gives PATH alone to PostgreSQL's programs; a bucket's credentials to what archives there",
    "importing/sources/dumps.py": "gives it to pg_dump, with a password: PGSSLROOTCERT and the like are about its server",
    "database/dbmate.py": "gives it to dbmate, without its own settings; asyncpg reads PGSSLMODE by itself, dbmate does not",
    "backups/programs.py": "gives it to pg_dump and pg_restore, with a password: asyncpg reads PGSSLROOTCERT and the like, too",
    "telemetry/metrics.py": "PROMETHEUS_MULTIPROC_DIR is how prometheus_client is told",
    "telemetry/tracing.py": "the SDK of OpenTelemetry reads its own variables; we ask whether they are there",
}


def test_the_environment_is_read_by_settings_alone() -> None:
    readers = {name for name, tree in modules().items() if {"environ", "environb", "getenv"} & {*_names(tree)}}
    assert readers == READS_THE_ENVIRONMENT.keys()


# What the routes promise


OPEN_TO_NOBODY_IN_PARTICULAR = {
    "GET /v1/public/users/{username}/blog-entries": "public",
    "GET /v1/public/users/{username}/blog-entries/{slug}": "public",
    "GET /v1/public/media/{token}": "public",
    "GET /v1/auth/{provider}/callback": "public",
    "GET /v1/auth/{provider}/start": "optional",
    "POST /v1/auth/{provider}/start": "optional",
    "POST /v1/auth/exchange": "public",
    "POST /v1/auth/id-token": "optional",
    "POST /v1/auth/guest": "public",
    "POST /v1/auth/login": "public",
    "POST /v1/auth/password-reset": "public",
    "POST /v1/auth/password-reset/confirm": "public",
    "POST /v1/auth/register": "optional",
    "POST /v1/auth/verification/confirm": "public",
}


def test_every_route_below_v1_wants_a_caller_but_for_those_that_make_one_and_what_is_public() -> None:
    kinds = {route.name: route.options.auth for route in ROUTES if route.path.startswith("/v1/")}
    assert {name: kind for name, kind in kinds.items() if kind != "required"} == OPEN_TO_NOBODY_IN_PARTICULAR


def test_a_request_without_a_token_gets_a_401_from_every_route_that_wants_a_caller(api: Api) -> None:
    for route in ROUTES:
        if route.path.startswith("/v1/") and route.name not in OPEN_TO_NOBODY_IN_PARTICULAR:
            answer = api.request(route.method, re.sub(r"\{\w+\}", str(uuid4()), route.path))
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), route.name


def test_every_handler_says_what_it_does() -> None:
    assert [route.name for route in ROUTES if not (route.handler.fn.__doc__ or "").strip()] == []


def test_every_problem_that_is_raised_is_known_and_every_known_one_is_raised() -> None:
    # Some are answered by the proxy, for what never reaches the app.
    raised = {
        *re.findall(r'"/problems/(\w+)"', (Path(__file__).parent.parent / "ops" / "nginx.conf").read_text(encoding="utf-8"))
    }
    raised |= {rule[0] for rule in constraints.rules().values()}
    for tree in modules().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"Problem", "later"}:
                raised |= {str(each.value) for each in node.args[:1] if isinstance(each, ast.Constant)}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"invalid", "conflict"}:
                raised.add(node.func.id)
            elif isinstance(node, ast.ClassDef):
                # DatabaseUnavailable and its kinds carry the code of their problem.
                raised |= {
                    str(each.value.value)
                    for each in node.body
                    if isinstance(each, ast.Assign)
                    and isinstance(each.targets[0], ast.Name)
                    and each.targets[0].id == "code"
                    and isinstance(each.value, ast.Constant)
                }
    assert raised == catalog.KINDS.keys()


def test_a_problem_that_promises_errors_is_never_raised_without_them() -> None:
    promised = {code for code, kind in catalog.KINDS.items() if "errors" in kind.explanation}
    assert promised == {code for code, kind in catalog.KINDS.items() if kind.example is not None}
    for name, tree in modules().items():
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem"):
                continue
            named = {str(each.value) for each in ast.walk(node.args[0]) if isinstance(each, ast.Constant)} & promised
            assert not named or "errors" in {keyword.arg for keyword in node.keywords}, f"{name}:{node.lineno}"


def test_every_problem_that_a_route_announces_is_known() -> None:
    for route in ROUTES:
        assert {*route.options.problems} <= catalog.KINDS.keys(), route.name


# What the books promise


def test_the_readmes_tour_leads_through_every_room() -> None:
    tour = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    missing = [name for name in sorted(ROOMS) if f"`{name}/`" not in tour and f"src/app/{name}/" not in tour]
    assert not missing, f"README.md: its tables of rooms and slices do not name {missing}"
    assert [path.name for path in SOURCE.glob("*.py") if path.name != "__init__.py" and f"`{path.name}`" not in tour] == []


def test_every_room_says_what_belongs_in_it() -> None:
    assert [name for name in sorted(ROOMS) if not ast.get_docstring(modules()[f"{name}/__init__.py"])] == []

"""docs/database.md, operations.md, clients.md and sign-in.md: what they name exists, their SQL and JavaScript run.

The JavaScript of sign-in.md runs in a browser: test_sign_in_browser.py.
"""

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from textwrap import dedent
from typing import get_args, get_type_hints

import asyncpg
import needs
import pytest
from prometheus_client import Counter, Gauge, Histogram, Summary
from serving import Serving
from test_ops import known_settings, refused

from app.health.schemas import Readiness
from app.mail.repository import MailKind
from app.main import create_app
from app.problems.catalog import KINDS
from app.server.doctor import connections_needed, connections_while_restarting
from app.settings import Settings, from_environment
from app.telemetry import metrics, replication

ROOT = Path(__file__).parent.parent
CLIENTS, DATABASE, OPERATIONS, SIGN_IN = GUIDES = [
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") for name in ("clients", "database", "operations", "sign-in")
]
EVERYTHING = "\n".join(GUIDES)
SCHEMA = (ROOT / "db" / "schema.sql").read_text(encoding="utf-8")
TABLES = set(re.findall(r"(?m)^CREATE (?:UNLOGGED )?TABLE public\.(\w+)", SCHEMA))

OF_OTHERS = re.compile("MALLOC_MMAP_THRESHOLD_|ON_ERROR_STOP|HOLDFAST_APP_PASSWORD|OTEL_[A-Z_]+")
"""Variables of others than us."""

OF_PROVIDERS = re.compile("OIDC_[A-Z0-9]+_(ISSUER|CLIENT_ID|CLIENT_SECRET|SCOPES|AUDIENCES|PROJECT)")
"""Variables that a provider's name makes; those of each provider of sign-in.md are read as they stand there."""


def blocks(text: str, language: str) -> list[str]:
    """The blocks of code of a document that are in a language; those inside of lists are indented."""
    found = re.findall(rf"(?ms)^( *)```{language}\n(.*?)^\1```$", text)
    return [dedent(block) for _, block in found]


def code(text: str) -> str:
    """What stands in a document for a shell or between backticks."""
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"(?ms)^ *```.*?^ *```$", "", text))
    return "\n".join([*blocks(text, "sh"), *spans])


def cells(text: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading."""
    table = re.search(r"(?m)(?:^\|.*\n)+", text.partition(f"\n{heading}\n")[2])
    assert table, heading
    return [re.split(r" *(?<!\\)\| *", row.strip("|\n ")) for row in table[0].splitlines()[2:]]


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def slug(heading: str) -> str:
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


# What is named exists


def test_every_route_that_a_guide_names_exists() -> None:
    paths = {route.path for route in create_app(Settings()).routing.routes}
    # An alert names several at once: /v1/auth/.*
    named = {path.rstrip("/") for path in re.findall(r"(?<!\w)/v1/[a-z][a-z/{}_-]*+(?!\.\*|\$)", EVERYTHING)}
    assert len(named) > 10
    assert named - paths == set()


def test_every_problem_that_a_guide_names_exists_with_its_status() -> None:
    named = {(int(status), code) for status, code in re.findall(r"\b([45]\d\d)(?: of)? `([a-z_]+)`", EVERYTHING)}
    assert len(named) > 10
    assert named - {(kind.status, code) for code, kind in KINDS.items()} == set()


def test_every_setting_that_a_guide_names_exists() -> None:
    named = set(re.findall(r"(?<![\w$])[A-Z]+(?:_[A-Z]+)+_?(?!\w)", EVERYTHING))
    assert len(named) > 10
    known = (OF_OTHERS, OF_PROVIDERS)
    assert [name for name in named - known_settings() if not any(each.fullmatch(name) for each in known)] == []


def test_the_settings_of_each_provider_that_the_guide_has_are_read() -> None:
    examples = [block for block in blocks(SIGN_IN, "sh") if block.startswith("OIDC_PROVIDERS=")]
    assert len(examples) == 7
    more = {"PUBLIC_URL": "https://api.example", "SECRET_KEY": "k" * 32, "DATABASE_URL": "postgresql://127.0.0.1/holdfast"}
    for example in examples:
        given = dict(line.split("=", 1) for line in example.splitlines())
        settings = from_environment({"APP_ENV": "production"} | more | given)
        [provider] = settings.providers
        assert provider.name == given["OIDC_PROVIDERS"]


def test_every_mail_that_there_is_stands_in_the_guide() -> None:
    rows = cells(SIGN_IN, "## Mail")
    assert len(rows) == len(get_args(MailKind))


def test_every_holdfast_command_of_a_guide_exists() -> None:
    named = re.findall(r"(?m)(?:^|[;'(] ?|exec holdfast )holdfast ([a-z][a-z-]*(?: [a-z-]+)*)", code(EVERYTHING))
    assert {"serve", "migrate up", "users set-password ada"} <= {*named}
    # Two connections are called so.
    assert [problem for each in named if each not in {"listener", "watch"} and (problem := refused(each.split()))] == []


SUFFIXES = {Counter: "_total", Gauge: "", Histogram: "", Summary: ""}
METRICS = {
    each._name + SUFFIXES[type(each)]: list(each._labelnames)  # noqa: SLF001 - it tells them in no other way
    for each in (vars(metrics) | vars(replication)).values()
    if isinstance(each, Counter | Gauge | Histogram | Summary)
}
"""The metrics there are, with their labels."""


def test_the_metrics_are_listed_with_their_labels() -> None:
    listed = {words(name)[0]: words(labels.partition(":")[0]) for name, labels, _ in cells(OPERATIONS, "### Metrics")}
    assert listed == METRICS


def test_the_fields_of_readiness_are_listed_with_their_values() -> None:
    listed = {words(field)[0]: tuple(words(values)) for field, values, _ in cells(OPERATIONS, "### Health")}
    assert listed == {name: get_args(kind) for name, kind in get_type_hints(Readiness).items()}


def test_every_event_that_is_worth_a_look_is_logged() -> None:
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src" / "app").rglob("*.py"))
    events = [event for row in cells(OPERATIONS, "### The log") for event in words(row[0])]
    assert len(events) > 10
    assert [event for event in events if f'"{event}"' not in source] == []


def test_the_tour_of_the_schema_passes_every_table() -> None:
    passed = [table for row in cells(DATABASE, "## A tour of the schema") for table in words(row[0])]
    assert sorted(passed) == sorted(TABLES)


def test_the_sums_of_connections_are_right() -> None:
    assert f"{connections_needed(Settings())} with one worker and the defaults" in DATABASE
    assert f"{connections_needed(Settings(workers=4))} with four" in DATABASE
    twice = [connections_while_restarting(Settings(workers=workers)) for workers in (1, 4)]
    assert f"twice as many, {twice[0]} or {twice[1]}" in DATABASE


@pytest.mark.parametrize("name", ["clients", "database", "operations", "sign-in"])
def test_every_place_that_a_guide_leads_to_is_there(name: str) -> None:
    document = ROOT / "docs" / f"{name}.md"
    for file, place in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", document.read_text(encoding="utf-8")):
        target = document.parent / file if file else document
        headings = re.findall(r"(?m)^#+ (.+)$", target.read_text(encoding="utf-8"))
        assert place in map(slug, headings), f"{file}#{place}"


# What is written runs


@pytest.mark.parametrize("guide", [DATABASE, OPERATIONS], ids=["database", "operations"])
def test_the_sql_of_a_guide_runs(guide: str, own_database: str) -> None:
    async def run(statements: list[str]) -> None:
        connection = await asyncpg.connect(own_database)
        try:
            for statement in statements:
                # As psql does it: vacuum wants no transaction.
                await connection.fetch(statement)
        finally:
            await connection.close()

    statements = [each for block in blocks(guide, "sql") for each in re.split(r";\n", block) if each.strip()]
    assert len(statements) > 5
    asyncio.run(run(statements))


def test_a_database_made_by_the_tests_knows_letters(own_database: str) -> None:
    """The question of the guide has the answer that the guide says."""

    async def ask() -> list[bool]:
        connection = await asyncpg.connect(own_database)
        try:
            return list((await connection.fetchrow(question) or {}).values())
        finally:
            await connection.close()

    [question] = [block for block in blocks(DATABASE, "sql") if "locale_knows_letters" in block]
    assert asyncio.run(ask()) == [True, True]


def test_every_line_for_postgresql_conf_is_a_setting_of_postgresql(own_database: str) -> None:
    async def unknown(names: list[str]) -> list[str]:
        connection = await asyncpg.connect(own_database)
        try:
            known = {row["name"] for row in await connection.fetch("select name from pg_settings")}
        finally:
            await connection.close()
        return [name for name in names if name not in known]

    names = [name for block in blocks(DATABASE, "conf") for name in re.findall(r"(?m)^(\w+) = ", block)]
    assert len(names) > 5
    assert asyncio.run(unknown(names)) == []


@needs.node
def test_the_javascript_for_clients_does_what_its_document_says(database: str, tmp_path: Path) -> None:
    (tmp_path / "client.mjs").write_text("\n".join(blocks(CLIENTS, "js")), encoding="utf-8")
    shutil.copy(Path(__file__).with_name("clients") / "guide.mjs", tmp_path)
    with Serving(tmp_path / "var", tmp_path / "said", DATABASE_URL=database) as serving:
        done = subprocess.run(
            ["node", "guide.mjs", serving.url], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr


def test_a_uuidv7_takes_ten_lines_of_javascript() -> None:
    [made] = [block for block in blocks(CLIENTS, "js") if "function newId" in block]
    assert len(made.splitlines()) <= 10

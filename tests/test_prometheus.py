"""What ops/ has for Prometheus and Grafana, asked of promtool, and of a Prometheus that scrapes a server of two workers."""

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import clustered
import httpx
import needs
import psutil
import pytest
import yaml  # type: ignore[import-untyped]
from client import PASSWORD, new_email
from prometheus_client.parser import text_string_to_metric_families
from serving import PATIENCE, Serving, free_port, until
from test_guides import METRICS

ROOT = Path(__file__).parent.parent
ALERTS = ROOT / "ops" / "prometheus" / "alerts.yaml"
CONFIGURATION = ROOT / "ops" / "prometheus" / "prometheus.yaml"
RULES: dict[str, str] = {
    rule["alert"]: rule["expr"]
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}
DASHBOARD = json.loads((ROOT / "ops" / "grafana" / "holdfast.json").read_text(encoding="utf-8"))
EXPRESSIONS = {
    target["expr"]: target["expr"].replace("$job", "holdfast").replace("$instance", ".+").replace("$__rate_interval", "1m")
    for panel in DASHBOARD["panels"]
    for target in panel.get("targets", [])
}


TOKEN = "a-token-for-the-metrics"

_WAITING = """
select exists (select from pg_locks
    where not granted and database = (select oid from pg_database where datname = current_database()))
"""


def named(expressions: str) -> set[str]:
    """The metrics that some expressions are about."""
    return {re.sub("_(bucket|sum|count)$", "", name) for name in re.findall(r"\b(?:holdfast|process)_\w+", expressions)}


# The rules


class Case(NamedTuple):
    """Series on which an alert is silent, and such that it fires on: in promtool's notation, a minute from value to value."""

    alert: str
    silent: dict[str, str]
    firing: dict[str, str]
    at: str = "30m"


def buckets(labels: str, **counts: str) -> dict[str, str]:
    return {f'{labels}le="{le.removeprefix("_").replace("_", ".")}"}}': values for le, values in counts.items()}


CASES = [
    Case("HoldfastIsDown", {'up{job="holdfast"}': "1x30"}, {'up{job="holdfast"}': "0x30"}),
    Case(
        "HoldfastFails",
        {'holdfast_requests_total{status="200"}': "0+1000x30", 'holdfast_requests_total{status="500"}': "0+9x30"},
        {'holdfast_requests_total{status="200"}': "0+1000x30", 'holdfast_requests_total{status="500"}': "0+11x30"},
    ),
    Case(
        "HoldfastCannotWrite",
        {'holdfast_failed_queries_total{sqlstate_class="23"}': "0+5x30"},
        {'holdfast_failed_queries_total{sqlstate_class="53"}': "0x28 1x2"},
    ),
    Case(
        "HoldfastLosesTheDatabase",
        {"holdfast_connection_errors_total": "0x27 1x3"},
        {"holdfast_connection_errors_total": "0x25 0+3x5"},
    ),
    Case(
        "HoldfastFindsNoDatabase",
        {
            f'holdfast_breaker_state{{state="{each}"}}': v
            for each, v in (("closed", "2x30"), ("open", "0x30"), ("half_open", "0x30"))
        },
        {
            f'holdfast_breaker_state{{state="{each}"}}': v
            for each, v in (("closed", "1x30"), ("open", "0x30"), ("half_open", "1x30"))
        },
    ),
    Case(
        "HoldfastHasNoReplica",
        {'holdfast_replica_state{state="ok"}': "2x30", 'holdfast_replica_state{state="behind"}': "0x28 2x2"},
        {'holdfast_replica_state{state="ok"}': "1x30", 'holdfast_replica_state{state="unreachable"}': "1x30"},
    ),
    Case(
        "HoldfastIsOverloaded",
        {"holdfast_refused_requests_total": "7x30"},
        {"holdfast_refused_requests_total": "0+60x30"},
    ),
    Case(
        "HoldfastLogIsNotTaken",
        {"holdfast_dropped_log_lines_total": "7x30"},
        {"holdfast_dropped_log_lines_total": "0x27 5x3"},
    ),
    Case(
        "HoldfastTimesOut",
        {'holdfast_failed_queries_total{sqlstate_class="57"}': "0x27 1x3"},
        {f'holdfast_failed_queries_total{{sqlstate_class="{each}"}}': "0+1x30" for each in ("57", "cl")},
    ),
    Case(
        "HoldfastIsSlow",
        # Sign-ins may take their time.
        buckets('holdfast_request_seconds_bucket{route="/v1/tasks",', _0_5="0+995x30", _Inf="0+1000x30")
        | buckets('holdfast_request_seconds_bucket{route="/v1/auth/login",', _0_5="0+1x30", _Inf="0+1000x30"),
        buckets('holdfast_request_seconds_bucket{route="/v1/tasks",', _0_5="0+985x30", _1_0="0+1000x30", _Inf="0+1000x30"),
    ),
    Case(
        "HoldfastHasSlowQueries",
        {'holdfast_slow_queries_total{query="tasks.create"}': "0x25 2x5"},
        {'holdfast_slow_queries_total{query="tasks.create"}': "0+1x30"},
    ),
    Case("HoldfastWaitsForConnections", {"holdfast_pool_waiting": "10x30"}, {"holdfast_pool_waiting": "11x30"}),
    Case("HoldfastHashesTooMuch", {"holdfast_argon2_waiting": "20x30"}, {"holdfast_argon2_waiting": "21x30"}),
    Case(
        "HoldfastSignInsFail",
        {'holdfast_requests_total{route="/v1/auth/login",status="200"}': "0+100x30"},
        {'holdfast_requests_total{route="/v1/auth/login",status="401"}': "0+11x30"},
    ),
    Case(
        "HoldfastReachesNoProvider",
        {
            'holdfast_provider_calls_total{provider="a",outcome="answered"}': "0+100x30",
            'holdfast_provider_calls_total{provider="a",outcome="failed"}': "0+1x30",
        },
        {f'holdfast_provider_calls_total{{provider="a",outcome="{each}"}}': "0+2x30" for each in ("failed", "hung")},
    ),
    Case(
        "HoldfastLags",
        buckets("holdfast_event_loop_lag_seconds_bucket{", _0_25="0+600x30", _Inf="0+600x30"),
        buckets("holdfast_event_loop_lag_seconds_bucket{", _0_25="0+590x30", _0_5="0+600x30", _Inf="0+600x30"),
    ),
    Case(
        "HoldfastRunsOutOfFiles",
        {'process_open_fds{job="holdfast"}': "700x30", 'process_max_fds{job="holdfast"}': "1000x30"},
        {'process_open_fds{job="holdfast"}': "900x30", 'process_max_fds{job="holdfast"}': "1000x30"},
    ),
    # Time begins at 0.
    Case(
        "HoldfastHasNoNewBackup",
        {"holdfast_backup_timestamp_seconds": "7200x1700", "holdfast_backup_verified": "1x1700"},
        {"holdfast_backup_timestamp_seconds": "0x1700", "holdfast_backup_verified": "1x1700"},
        at="27h",
    ),
    Case(
        "HoldfastHasNoNewBackup",
        {"holdfast_backup_timestamp_seconds": "0x30", "holdfast_backup_verified": "1x30"},
        {"holdfast_backup_timestamp_seconds": "0x30", "holdfast_backup_verified": "0x30"},
    ),
    Case(
        "HoldfastSendsNoMail",
        {"holdfast_mail_oldest_seconds": "3500x30"},
        {"holdfast_mail_oldest_seconds": "3700x30"},
    ),
    Case(
        "HoldfastDoesNotMaintain",
        {f'holdfast_job_timestamp_seconds{{name="a",instance="{each}"}}': v for each, v in (("x", "0x200"), ("y", "0+60x200"))},
        {f'holdfast_job_timestamp_seconds{{name="a",instance="{each}"}}': "0x200" for each in "xy"},
        at="2h",
    ),
]


def promtool(*words: str | Path, given: str = "") -> str:
    done = subprocess.run(["promtool", *words], input=given, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@needs.prometheus
def test_the_rules_and_the_example_of_a_configuration_are_right() -> None:
    assert f"{len(RULES)} rules found" in promtool("check", "config", CONFIGURATION)


@needs.prometheus
def test_each_alert_fires_on_what_it_is_about_and_on_nothing_else(tmp_path: Path) -> None:
    assert {case.alert for case in CASES} == RULES.keys()
    tests = [
        {
            "interval": "1m",
            "input_series": [{"series": name.replace('"Inf"', '"+Inf"'), "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) > bool 0 or vector(0)',
                    "eval_time": case.at,
                    "exp_samples": [{"labels": "{}", "value": fires}],
                }
            ],
        }
        for case in CASES
        for series, fires in ((case.silent, 0), (case.firing, 1))
    ]
    written = tmp_path / "tests.yaml"
    written.write_text(json.dumps({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": tests}), encoding="utf-8")
    assert "SUCCESS" in promtool("test", "rules", written)


# What there is to see


def test_the_dashboard_and_the_alerts_are_about_every_metric_and_about_no_other() -> None:
    assert named(" ".join([*EXPRESSIONS, *RULES.values()])) == METRICS.keys()


def test_each_panel_of_the_dashboard_has_a_place_of_its_own() -> None:
    places = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


class Watched(NamedTuple):
    """A server of two workers, and its database."""

    serving: Serving
    database: str


@pytest.fixture(scope="module")
def watched(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("watched")
    # Nobody asks it: its metrics are there from the start.
    provider = {"OIDC_PROVIDERS": "acme", "OIDC_ACME_ISSUER": "http://127.0.0.1:1", "OIDC_ACME_CLIENT_ID": "holdfast"}
    given: dict[str, Any] = {"WORKERS": "2", "DATABASE_URL": shared_database, "METRICS_TOKEN": TOKEN} | provider
    with Serving(folder / "var", folder / "said", **given) as serving:
        yield Watched(serving, shared_database)


@pytest.fixture
def prometheus(watched: Watched, tmp_path: Path) -> Iterator[httpx.Client]:
    """A Prometheus that watches the server by the files of ops/, twice a second."""
    # What it says of a token is for those who have one: as here.
    text = re.sub(r"(?m)^( +)# (?=authorization:|  credentials_file:)", r"\1", CONFIGURATION.read_text(encoding="utf-8"))
    configuration = yaml.safe_load(text)
    configuration["global"] = {"scrape_interval": "500ms", "evaluation_interval": "500ms"}
    configuration["rule_files"] = [str(ALERTS)]
    [scraped] = configuration["scrape_configs"]
    (tmp_path / "token").write_text(TOKEN, encoding="utf-8")
    scraped["authorization"]["credentials_file"] = str(tmp_path / "token")
    scraped["static_configs"] = [{"targets": [f"127.0.0.1:{watched.serving.port}"]}]
    (tmp_path / "prometheus.yaml").write_text(json.dumps(configuration), encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    words = [f"--config.file={tmp_path / 'prometheus.yaml'}", f"--storage.tsdb.path={tmp_path / 'numbers'}"]
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            ["prometheus", *words, f"--web.listen-address={address}"], stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    with httpx.Client(base_url=f"http://{address}", trust_env=False, timeout=PATIENCE) as client:
        try:
            until(lambda: _is_ready(client), (tmp_path / "said").read_text)
            yield client
        finally:
            process.kill()
            process.wait()


def _is_ready(prometheus: httpx.Client) -> bool:
    try:
        return prometheus.get("/-/ready").status_code == 200
    except httpx.TransportError:
        return False


def _use(watched: Watched) -> None:
    """Do a little of everything: sign in, fail to, write, read, and wait for a lock for more than a second."""
    serving = watched.serving
    user = {"email": new_email(), "password": PASSWORD}
    token = serving.post("/v1/auth/register", user).json()["token"]
    assert serving.post("/v1/auth/login", user | {"password": "no password"}).status_code == 401
    assert serving.post("/v1/auth/exchange", {"code": "of nobody", "verifier": "of nobody"}).status_code == 400
    task = serving.post("/v1/tasks", {"title": "Water the plants"}, token).json()["id"]
    for path in (f"/v1/tasks/{task}", "/v1/tasks", "/v1/nonsense", "/health/ready"):
        serving.get(path, token)

    async def wait_for_a_lock() -> httpx.Response:
        connection = await asyncpg.connect(watched.database)
        try:
            async with connection.transaction():
                await connection.execute("lock table tasks in access exclusive mode")
                waiting = asyncio.create_task(asyncio.to_thread(serving.get, f"/v1/tasks/{task}", token))
                while not await connection.fetchval(_WAITING):  # noqa: ASYNC110 - the database is asked
                    await asyncio.sleep(0.05)
                await asyncio.sleep(1.1)
            return await waiting
        finally:
            await connection.close()

    assert asyncio.run(wait_for_a_lock()).status_code == 200


@needs.prometheus
def test_a_real_prometheus_finds_what_the_dashboard_and_the_alerts_ask_for(watched: Watched, prometheus: httpx.Client) -> None:
    def ask(expression: str) -> list[Any]:
        answer = prometheus.get("/api/v1/query", params={"query": expression})
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        result: list[Any] = answer.json()["data"]["result"]
        return result

    # The sizes and the backups are looked up two seconds after the start; not where a table is locked.
    until(lambda: ask("holdfast_table_bytes") and ask("holdfast_backup_bytes"), "what is looked up is there")
    _use(watched)
    until(lambda: ask("rate(holdfast_slow_queries_total[1m]) >= 0"), "it was asked twice")
    assert [expression for expression, filled_in in EXPRESSIONS.items() if not ask(filled_in)] == []
    assert [name for name in METRICS if not ask(f'{{__name__=~"{name}(_count|_bucket)?"}}')] == []
    [group] = prometheus.get("/api/v1/rules").json()["data"]["groups"]
    assert {rule["name"]: rule["health"] for rule in group["rules"]} == dict.fromkeys(RULES, "ok")
    # A label that Prometheus gives itself would be renamed.
    assert [label for label in prometheus.get("/api/v1/labels").json()["data"] if label.startswith("exported_")] == []


@needs.prometheus
def test_promtool_has_nothing_to_say_about_the_metrics(watched: Watched) -> None:
    assert promtool("check", "metrics", given=watched.serving.get("/metrics", TOKEN).text) == ""


# Several workers


def gauges(watched: Watched) -> dict[str, dict[str, float]]:
    """What each worker says of itself: metric -> process id -> value."""
    return {
        family.name: {sample.labels["pid"]: sample.value for sample in family.samples}
        for family in text_string_to_metric_families(watched.serving.get("/metrics", TOKEN).text)
        if family.name.startswith("process_") and family.type == "gauge"
    }


def metric(watched: Watched, line: str) -> float:
    """The value of one line of /metrics; 0: there is none."""
    lines = watched.serving.get("/metrics", TOKEN).text.splitlines()
    return sum(float(each.rpartition(" ")[2]) for each in lines if each.startswith(f"{line} "))


def test_each_worker_tells_what_it_takes_of_the_machine(watched: Watched) -> None:
    workers = {str(pid): psutil.Process(pid) for pid in watched.serving.workers()}
    until(lambda: all(all(each.values()) for each in gauges(watched).values()), "each has told once what it takes")
    told = gauges(watched)
    assert [{*each} for each in told.values()] == [{*workers}] * 4
    for pid, worker in workers.items():
        assert told["process_resident_memory_bytes"][pid] == pytest.approx(worker.memory_info().rss, rel=0.5)
        assert told["process_open_fds"][pid] == pytest.approx(worker.num_fds(), abs=20)
        assert told["process_start_time_seconds"][pid] == pytest.approx(worker.create_time(), abs=1)
        assert told["process_max_fds"][pid] == worker.rlimit(psutil.RLIMIT_NOFILE)[0]
    spent = sum(sum(worker.cpu_times()[:2]) for worker in workers.values())
    assert metric(watched, "process_cpu_seconds_total") == pytest.approx(spent, abs=1)


@clustered.plain("test_clustered.py compares them with those of all servers")
def test_one_worker_looks_up_the_sizes_and_they_are_right(watched: Watched, runner: asyncio.Runner) -> None:
    async def size(sql: str) -> int:
        connection = await asyncpg.connect(watched.database)
        try:
            return int(await connection.fetchval(sql))
        finally:
            await connection.close()

    looked = 'holdfast_query_seconds_count{query="maintenance.table_sizes"}'
    until(lambda: metric(watched, looked) and metric(watched, "holdfast_database_bytes"), "the sizes are there")
    # Both workers have been up for as long, and tell every second what they have done.
    time.sleep(1.2)
    assert metric(watched, looked) == 1
    expected = runner.run(size("select pg_database_size(current_database())"))
    assert metric(watched, "holdfast_database_bytes") == pytest.approx(expected, rel=0.1)
    for part, of in (("rows", "pg_table_size"), ("indexes", "pg_indexes_size")):
        expected = runner.run(size(f"select {of}('tasks')"))
        assert metric(watched, f'holdfast_table_bytes{{part="{part}",table="tasks"}}') == pytest.approx(expected, abs=65536)


def test_a_worker_that_died_leaves_its_counts_and_nothing_else(watched: Watched) -> None:
    before = watched.serving.workers()
    requests = 'holdfast_requests_total{method="GET",route="/openapi.json",status="200"}'
    for _ in range(20):
        assert watched.serving.get("/openapi.json").status_code == 200
    # Each tells every second what it has counted.
    until(lambda: metric(watched, requests) == 20, "all are counted")
    limit = metric(watched, "holdfast_pool_limit")
    assert limit == 2 * 15
    os.kill(before[0], signal.SIGKILL)
    until(lambda: len(after := watched.serving.workers()) == 2 and before[0] not in after, "there is another worker")
    until(lambda: len(gauges(watched)["process_open_fds"]) == 2, "it tells of itself")
    assert {*gauges(watched)["process_open_fds"]} == {str(pid) for pid in watched.serving.workers()}
    assert metric(watched, requests) == 20
    until(lambda: metric(watched, "holdfast_pool_limit") == limit, "it tells of its pool")
    idle, used = (metric(watched, f'holdfast_pool_connections{{state="{state}"}}') for state in ("idle", "used"))
    assert 0 <= idle + used <= limit

"""PgBouncer in its mode `transaction` between `holdfast serve` and PostgreSQL, as ops/pgbouncer.ini sets it up."""

from collections.abc import Iterator

import needs
import pytest
from client import Execute
from conftest import as_app
from crowded import CONDITIONS, crowd, send_for
from pooled import Pooler, version
from serving import Serving

pytestmark = needs.pgbouncer

SESSIONS = 3


def tracking(text: str) -> dict[str, str]:
    """The change of ops/pgbouncer.ini for whether prepared statements follow their client."""
    return {";max_prepared_statements = 1000": f"max_prepared_statements = {text}"}


@pytest.fixture(scope="module")
def direct(shared_database: str, template: str) -> str:
    return as_app(shared_database, template)


@pytest.fixture(scope="module", params=["tracked", "not tracked"])
def pooler(request: pytest.FixtureRequest, direct: str) -> Iterator[Pooler]:
    if request.param == "tracked" and version() < (1, 21):
        pytest.skip("PgBouncer before 1.21 does not track prepared statements")
    changes = tracking("1000" if request.param == "tracked" else "0") if version() >= (1, 21) else {}
    with Pooler(direct, SESSIONS, changes) as pooler:
        yield pooler


@pytest.fixture(scope="module")
def served(pooler: Pooler, direct: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Two workers with up to forty connections, of which three get a session."""
    folder = tmp_path_factory.mktemp("served")
    given = {"DATABASE_URL": pooler.url, "DATABASE_LISTEN_URL": direct, "WORKERS": "2", "DB_POOL_SIZE": "20"} | CONDITIONS
    with Serving(folder, folder / "said", **given) as serving:
        yield serving


def test_what_fifty_clients_do_through_three_sessions_is_all_there_and_nobody_elses(
    served: Serving, shared_database: str, execute: Execute
) -> None:
    with crowd(shared_database, [served], 50) as everybody:
        counts, wrong = send_for(everybody, 2)
    assert wrong == []
    assert counts["errors"] == counts["lost"] == 0
    assert counts["acknowledged"] > 100

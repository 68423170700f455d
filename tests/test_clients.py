"""What others make of the OpenAPI document: two generators of clients, a linter, and a browser with the reference page.

The tools of Node are pinned in clients/package-lock.json, and come from the registry that npm is set up for. Where there is no
Node, no registry or no Chromium the tests of it are skipped, and say so.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import needs
import npm
import pytest
from browser import Browser
from npm import CLIENTS
from serving import Serving


@pytest.fixture(scope="module")
def served(database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    folder = tmp_path_factory.mktemp("served")
    with Serving(folder / "var", folder / "said", DATABASE_URL=database) as serving:
        yield serving


@pytest.fixture(scope="module")
def tools() -> Path:
    return npm.installed()


@pytest.fixture
def workshop(tmp_path: Path, tools: Path, served: Serving) -> Path:
    """A folder with the tools, the sources of the clients, and the document as it is served."""
    for source in (*CLIENTS.glob("*.ts"), *CLIENTS.glob("*.json"), CLIENTS / "redocly.yaml"):
        shutil.copy(source, tmp_path)
    (tmp_path / "node_modules").symlink_to(tools)
    (tmp_path / "openapi.json").write_bytes(served.get("/openapi.json").content)
    return tmp_path


def run(workshop: Path, *command: str) -> str:
    """Run a tool in its folder; what it wrote. Fails when the tool does."""
    # They would look for newer versions of themselves, and tell home that they were used.
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1", "CI": "true"}
    program = workshop / "node_modules" / ".bin" / command[0]
    first = [str(program)] if program.exists() else [command[0]]
    done = subprocess.run(
        [*first, *command[1:]],
        cwd=workshop,
        env=os.environ | quiet,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs.node
def test_generated_clients_compile_and_work(workshop: Path, served: Serving) -> None:
    """By the generators' defaults: register, create, list, patch, and read what was wrong with an input."""
    run(workshop, "openapi-typescript", "openapi.json", "-o", "openapi_typescript/schema.ts")
    run(workshop, "openapi-ts", "-i", "openapi.json", "-o", "hey_api")
    run(workshop, "tsc", "--project", ".", "--outDir", "compiled")
    for client in ("openapi_typescript", "hey_api"):
        run(workshop, "node", f"compiled/{client}.js", served.url)


@needs.node
def test_a_linter_finds_nothing_that_is_not_argued(workshop: Path) -> None:
    found = json.loads(run(workshop, "redocly", "lint", "openapi.json", "--config=redocly.yaml", "--format=json"))
    assert found["problems"] == []


@needs.chromium
def test_the_reference_page_opens_at_once_folded_and_with_a_filter(served: Serving, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        # The machine has other tests to run: what counts is how fast it can be.
        assert min(browser.open(f"{served.url}/docs", ".opblock-tag") for _ in range(3)) < 2000
        assert browser.evaluate("document.querySelectorAll('.opblock-tag').length") > 10
        assert browser.evaluate("document.querySelectorAll('.opblock').length") == 0
        browser.fill(".operation-filter-input", "TREE")
        browser.until("[...document.querySelectorAll('.opblock-tag')].map((each) => each.dataset.tag).join() === 'Goals'")
        assert browser.evaluate("violations") == []
        assert browser.errors == []


@needs.chromium
def test_a_request_can_be_sent_from_the_reference_page(served: Serving, tmp_path: Path) -> None:
    token = served.post("/v1/auth/guest", None).json()["token"]
    with Browser(tmp_path) as browser:
        browser.open(f"{served.url}/", ".opblock-tag")
        browser.click(".btn.authorize")
        browser.fill(".modal-ux input", token)
        browser.click(".modal-btn.authorize")
        browser.click(".btn-done")
        browser.click("#operations-tag-Tasks")
        browser.click("#operations-Tasks-tasks_create .opblock-summary-control")
        status = "#operations-Tasks-tasks_create .live-responses-table tbody .response-col_status"
        shown = f"document.querySelector('{status}')?.textContent"
        for _ in range(10):
            # On a busy machine the page may draw its button anew at the moment of a click, which is then lost.
            browser.click("#operations-Tasks-tasks_create .execute")
            with suppress(AssertionError):
                browser.until(shown, seconds=6)
                break
        assert browser.until(shown, seconds=6).startswith("201")
        assert browser.evaluate("violations") == []
        assert browser.errors == []

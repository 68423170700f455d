"""`holdfast doctor`: what app.server.doctor finds, shown."""

import asyncio
import sys

import rich_click as click

from app.database.executor import on_connection
from app.database.queries import Executor
from app.server import archive_findings, data_lock, doctor
from app.server.doctor import Finding
from app.server.running import run
from app.server.showing import as_json, show_json, show_list
from app.settings import Settings


@click.command("doctor")
@as_json
def see_doctor(*, as_json: bool) -> None:
    """Check everything that serving needs, and say what to do.

    Ends with 1 when something is bad.
    """

    def look(settings: Settings) -> list[Finding]:
        with data_lock.database(settings) as url:
            return asyncio.run(on_connection(url, lambda database: _examine(database, settings)))

    def cells(finding: Finding) -> tuple[str, ...]:
        return finding.state, finding.subject, "\n".join(filter(None, (finding.text, finding.advice)))

    def line(finding: Finding) -> str:
        advice = f"\n{'':<17} {finding.advice}" if finding.advice else ""
        return f"{finding.state:<5} {finding.subject:<11} {finding.text}{advice}"

    findings = run(look)
    if as_json:
        show_json(findings)
    else:
        show_list(findings, ("State", "Subject", "What was found, and what to do"), cells, line, lines=True)
    if any(finding.state == "bad" for finding in findings):
        sys.exit(1)


async def _examine(database: Executor, settings: Settings) -> list[Finding]:
    return [*await doctor.examine(database, settings), *await archive_findings.examine(database, settings)]

"""`holdfast doctor`: what app.server.doctor finds, shown."""

import asyncio
import sys
from functools import partial

import rich_click as click

from app.database.executor import on_connection
from app.database.queries import Executor
from app.server import (
    archive_findings,
    cluster_findings,
    data_lock,
    doctor,
    doctor_mail,
    pooler_findings,
    privileges,
    replica_findings,
    sign_in_findings,
)
from app.server.doctor import Finding
from app.server.running import run
from app.server.showing import as_json, show_json, show_list
from app.settings import Settings


@click.command("doctor")
@click.option("--privileges", "only_privileges", is_flag=True, help="Look at what the role of DATABASE_URL may do, only.")
@as_json
def see_doctor(*, only_privileges: bool, as_json: bool) -> None:
    """Check everything that serving needs, and say what to do.

    Ends with 1 when something is bad.
    """

    def look(settings: Settings) -> list[Finding]:
        pooler = [] if only_privileges else asyncio.run(pooler_findings.examine(settings))
        if any(finding.state == "bad" for finding in pooler):
            return pooler
        examine = privileges.examine if only_privileges else partial(_examine, settings=settings, pooler=pooler)
        with data_lock.database(settings) as url:
            return asyncio.run(on_connection(url, examine, retries=settings.start_retries))

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


async def _examine(database: Executor, settings: Settings, pooler: list[Finding]) -> list[Finding]:
    return [
        *await doctor.examine(database, settings, is_pooled=bool(pooler)),
        *pooler,
        *await replica_findings.examine(database, settings),
        *await cluster_findings.examine(database),
        *await archive_findings.examine(database, settings),
        *await doctor_mail.examine(database, settings),
        *await sign_in_findings.examine(settings),
    ]

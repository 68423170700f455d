"""`just chaos`: break Holdfast on purpose, one fault after another, and see that nothing was lost."""

import sys
import time
from contextlib import ExitStack
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
import rich_click as click

from app.database.postgres_programs import EmbeddedError
from chaos import clock, report
from chaos.crowd import Crowd
from chaos.faults import FAULTS, Fault
from chaos.report import Outcome
from chaos.shelf import Finding
from chaos.stage import ChaosError, NotRun, Stage, end_in_good_order, made_once

WITHIN = 5.0
"""Seconds after the end of a fault in which every kind of request is answered well again."""


class Form(NamedTuple):
    """How much is done."""

    is_short: bool
    clients: int
    calm: float
    """Seconds of load before each fault, and after it."""


FULL = Form(is_short=False, clients=6, calm=3.0)
SHORT = Form(is_short=True, clients=3, calm=0.2)


@click.command()
@click.argument("names", nargs=-1, type=click.Choice([fault.name for fault in FAULTS]), metavar="[FAULT]...")
@click.option("--short", is_flag=True, help="The form of CI: under a minute in all.")
@click.option("--write", is_flag=True, help="Write the table into bench/results/, too.")
def main(names: tuple[str, ...], *, short: bool, write: bool) -> None:
    """Break Holdfast by every fault there is, or by these, under load; then compare what was answered with what is stored.

    Ends with 1 when anything is missing, doubled, another's or otherwise wrong, or when it does not answer within 5 seconds.
    """
    end_in_good_order()
    begun, form = time.monotonic(), SHORT if short else FULL
    chosen = [fault for fault in FAULTS if not names or fault.name in names]
    outcomes: list[Outcome] = []
    with made_once() as made:
        for name, faults in groupby(chosen, key=lambda fault: fault.stage):
            outcomes += _on_stage(name, [*faults], form, made)
    click.echo(report.table(outcomes))
    click.echo(f"\n{time.monotonic() - begun:.0f} s in all.")
    for outcome in outcomes:
        if outcome.verdict == "not run":
            click.secho(f"NOT RUN: {outcome.fault}: {outcome.why}", fg="yellow", err=True)
    if write:
        report.write(outcomes, is_short=short)
    sys.exit(any(outcome.verdict == "FAILED" for outcome in outcomes))


def _on_stage(name: str, faults: list[Fault], form: Form, made: Path) -> list[Outcome]:
    done: list[Outcome] = []
    try:
        with _stage(name, made, form) as stage:
            crowd = Crowd(stage, 1 if name == "narrow" else form.clients, guests=200 if name == "narrow" else 0)
            for fault in faults:
                click.echo(f"{fault.name} ...", err=True)
                done.append(_suffer(stage, crowd, fault, form))
                _tell(done[-1])
                if done[-1].verdict == "FAILED":
                    click.echo(f"    the server's last words:\n{stage.words()}", err=True)
    except NotRun as missing:
        done += [Outcome(fault.name, verdict="not run", why=str(missing)) for fault in faults]
    except (ChaosError, EmbeddedError) as error:
        # What comes after it on this stage cannot be judged any more.
        done += [Outcome(fault.name, verdict="FAILED", why=str(error)) for fault in faults[len(done) :]]
        click.secho(str(error), fg="red", err=True)
    return done


def _stage(name: str, made: Path, form: Form) -> Stage:
    """Raises NotRun for one that cannot be had here."""
    if name == "embedded":
        return Stage(name, {"WORKERS": "2"}, made, is_embedded=True)
    if name == "narrow":
        return Stage(name, {"DB_POOL_SIZE": "2", "DB_MAX_OVERFLOW": "0"}, made, is_embedded=False)
    if name == "small":
        return Stage(name, {}, made, is_embedded=True, tmpfs="224m")
    # What hangs when a network swallows everything hangs for so long; the full form takes what ships.
    stage = Stage(name, {"DB_QUERY_TIMEOUT": "2"} if form.is_short else {}, made, is_embedded=False)
    if name == "clock":
        stage.variables |= clock.variables(stage.folder)
        stage.serve = [sys.executable, "-c", clock.SERVE]
    return stage


def _suffer(stage: Stage, crowd: Crowd, fault: Fault, form: Form) -> Outcome:
    """One fault, from the calm before it to the comparison after it."""
    seconds = fault.short if form.is_short else fault.seconds
    fault.prepare(stage, seconds)
    with ExitStack() as ending:
        ending.callback(crowd.rest)
        crowd.begin()
        time.sleep(form.calm)
        fault.do(stage, crowd, seconds)
        recovery = crowd.recovered(time.monotonic())
        time.sleep(form.calm)
    counts = crowd.counts()
    findings = [*crowd.findings()]
    if recovery.every > WITHIN:
        sentence = f"{recovery.last} was answered well only {recovery.every:.1f} s after the end of {fault.name}"
        findings.append(Finding("wrong", sentence))
    return report.outcome(fault.name, seconds, counts, recovery, findings)


def _tell(outcome: Outcome) -> None:
    click.echo(f"    {outcome.verdict}: {msgspec.json.encode(outcome.counts).decode()}", err=True)
    for finding in outcome.findings[:20]:
        click.secho(f"    {finding}", fg="red", err=True)


if __name__ == "__main__":
    main()

"""`p2pcredit demo`: the whole loop on one machine, the last days of it through a real Airflow scheduler."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt, say
from p2pcredit.cli.progress import job_progress
from p2pcredit.cli.runtime import DebugOption, JsonOption, command, home_directory, job_context, named_directory
from p2pcredit.errors import MissingExtraError, ServiceError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import show_decision
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.landing.land import land, last_origination
from p2pcredit.jobs.pipelines import MONITORING
from p2pcredit.jobs.replay import replay
from p2pcredit.jobs.scoring.champions import show_model
from p2pcredit.local_airflow.demo import RunSummary, run_scheduled_days
from p2pcredit.periods import DateRange, parse_date
from p2pcredit.storage.home import check_home_for_airflow

_MARK = ".p2pcredit-demo"
_SCHEDULED_DAYS = 4
_SYNTHETIC_LAST = date(2023, 11, 1)
"""The synthetic portfolio ends in the week in which half a year has passed since the last training: the calendar asks
for a refresh, and Airflow's scheduler obeys."""


@command
def demo(
    file: Annotated[
        Path | None, typer.Argument(help="A raw loan file; else a synthetic portfolio is made.", metavar="FILE")
    ] = None,
    platform: Annotated[
        str, typer.Option("--platform", help="The platform of FILE.", metavar="PLATFORM")
    ] = "lendingclub",
    home: Annotated[
        Path,
        typer.Option(
            "--home",
            help="Where it is made; an earlier demo is replaced.",
            metavar="DIR",
            parser=named_directory,
        ),
    ] = Path("demo-home"),
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Land a portfolio, replay its history, then let Airflow's scheduler run all three DAGs for the last days.

    Where Airflow is not installed, the last days are replayed too.
    """
    directory = home_directory(home, may_be_missing=True, any_format=True)
    check_home_for_airflow(directory, any_format=True)
    _make_room(directory)
    ctx = job_context(directory, "demo")
    landed = _land(ctx, "synthetic" if file is None else platform, file)
    days = DateRange(parse_date(landed["first_date"]), parse_date(landed["last_date"]))
    saturday, last_day = _dates(ctx, days)
    if find_spec("airflow") is None:
        _replay(ctx, DateRange(days.first, last_day), to_the_end=True)
        receipt = _conclude(job_context(directory, "demo"), landed, [], as_json)
        say(f"the last days were replayed too: {MissingExtraError('their run by a real scheduler', 'airflow')}")
        return receipt
    _replay(ctx, DateRange(days.first, saturday))
    print_step(f"Airflow: the scheduler runs all three DAGs for {saturday + timedelta(days=1)} to {last_day}")
    runs = run_scheduled_days(directory, saturday + timedelta(days=1), last_day, progress=say)
    return _conclude(job_context(directory, "demo"), landed, runs, as_json)


def print_step(line: str) -> None:
    """Say which step begins, on standard error."""
    sys.stderr.write(f"\n{line}\n")
    sys.stderr.flush()


def _make_room(directory: Path) -> None:
    if directory.exists() and any(directory.iterdir()):
        if not (directory / _MARK).is_file():
            raise UsageError(f"{directory} holds something that is no demo; choose another place with --home")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / _MARK).write_text("made by 'p2pcredit demo', which may replace this directory\n", encoding="utf-8")


def _land(ctx: JobContext, platform: str, file: Path | None) -> dict[str, Any]:
    print_step(f"Landing {'a synthetic portfolio' if file is None else file.name}")
    landed = land(ctx, platform, [], None, _SYNTHETIC_LAST) if file is None else land(ctx, platform, [file], None, None)
    say(
        f"{landed['rows_in']} rows in, {landed['rows_landed']} loans landed, {landed['rows_rejected']} rows rejected; "
        f"{landed['feeds']['loan_performance']} servicing events; {landed['first_date']} to {landed['last_date']}"
    )
    return landed


def _dates(ctx: JobContext, landed: DateRange) -> tuple[date, date]:
    """Return the Saturday up to which history is replayed, and the last day that the scheduler runs."""
    last = last_origination(ctx, landed)
    if last is None:
        raise UsageError("the file holds no loan that could be landed; see data/rejected in the demo's home")
    saturday = last - timedelta(days=_SCHEDULED_DAYS)
    while MONITORING.fires_after(saturday) is None:
        saturday -= timedelta(days=1)
    if saturday <= landed.first:
        raise UsageError(f"loans from {landed.first} to {last} are too few days for a demo; use 'p2pcredit replay'")
    return saturday, min(last, saturday + timedelta(days=_SCHEDULED_DAYS))


def _replay(ctx: JobContext, days: DateRange, *, to_the_end: bool = False) -> None:
    print_step(f"Replaying {days.first} to {days.last}: each night's and each Sunday's jobs, at a simulated clock")
    with job_progress("replay") as progress:
        done = replay(replace(ctx, progress=progress), days, skip_last_monitoring=not to_the_end)
    say(
        f"{done['days']} days and {done['weeks']} weeks in {done['seconds']} s: {done['trainings']} trainings, "
        f"{done['decisions']} decisions, {done['scored']} loans scored"
    )


def _conclude(ctx: JobContext, landed: dict[str, Any], runs: list[RunSummary], as_json: bool) -> Receipt:
    state = status(ctx)
    decision = show_decision(ctx)
    champion = None if state["champion"] is None else show_model(ctx, state["champion"])
    failed = [run for run in runs if run.state != "success"]
    if not as_json:
        _print_summary(runs, decision, champion, state)
    if failed:
        names = ", ".join(
            f"{run.dag_id} of {run.snapshot_date} ({', '.join(run.failed) or run.state})" for run in failed
        )
        raise ServiceError(f"not all runs succeeded: {names}; see {ctx.layout.home}/airflow/logs")
    if champion is None:
        raise ServiceError("no champion came of it; the portfolio may be too small or too young")
    return {
        "home": state["home"],
        "landed": landed["rows_landed"],
        "runs": len(runs),
        "succeeded": len(runs) - len(failed),
        "champion": state["champion"],
        "decision": decision.get("decision_id"),
        "decision_fate": decision["fate"],
        "report": state["last_report"],
    }


def _print_summary(
    runs: list[RunSummary], decision: dict[str, Any], champion: dict[str, Any] | None, state: dict[str, Any]
) -> None:
    lines = ["", "Runs, each with its way through the branches"] if runs else []
    for run in runs:
        lines.append(f"  {run.state:8} {run.dag_id}  {run.snapshot_date}")
        lines.append(f"           {' > '.join(_short(run.path))}")
    lines += ["", "Decision"]
    if "decision_date" not in decision:
        lines.append("  none")
    else:
        became = str(decision["fate"])
        if decision["acted_on_by"]:
            became = f"{decision['acted_on_by']} trained {decision['acted_model_id']}\n  {decision['outcome']}"
        score = decision["performance_score"]
        lines += [
            f"  {decision['decision_date']}  retrain: {str(decision['retrain']).lower()}  score: {_shown(score)}",
            f"  {decision['reason']}",
            f"  what became of it: {became}",
        ]
    if champion is not None:
        lines += ["", "Champion", *_card(champion)]
    lines += ["", f"Report  {state['last_report']}", ""]
    sys.stdout.write("\n".join(lines) + "\n")


def _shown(score: float | None) -> str:
    return "none" if score is None else f"{score:.3f}"


def _card(champion: dict[str, Any]) -> list[str]:
    measured = champion["metrics"]
    grade = measured.get("sub_grade_auc")
    return [
        f"  {champion['model_id']} ({champion['family']}, {champion['target']}), trained as of {champion['as_of']}",
        f"  AUC {measured['auc']:.3f} ({measured['auc_low']:.3f} to {measured['auc_high']:.3f}) on"
        f" {measured['n']} later loans with {measured['bads']} bads",
        f"  ECE {measured['ece']:.3f}" + ("" if grade is None else f"; AUC of the platform's sub-grade {grade:.3f}"),
    ]


def _short(path: list[str]) -> list[str]:
    """Write a path with the tasks of one group named once: `source_data_checks (5)`."""
    short: list[str] = []
    counts: dict[str, int] = {}
    for task in path:
        group, dot, _ = task.partition(".")
        if not dot:
            short.append(task)
            continue
        if group not in counts:
            short.append(group)
        counts[group] = counts.get(group, 0) + 1
    return [f"{task} ({counts[task]})" if task in counts else task for task in short]

"""The same days under Airflow and under `replay`: the same job calls, alerts, ledger and tables."""

from __future__ import annotations

import functools
import importlib
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from tests import young_home

from p2pcredit.contracts.alerts import Severity
from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import TrainingError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.pipeline_graph import Group
from p2pcredit.jobs.pipelines import PREPROCESSING, due_after, jobs_of
from p2pcredit.jobs.replay import replay
from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

FIRST, EVE = date(2021, 1, 1), date(2021, 6, 30)
DAYS = DateRange(date(2021, 7, 1), date(2021, 7, 3))
"""Thursday to Saturday: a night whose training fails, one that trains and catches up, and a review on Sunday."""

DAGS = {module.dag.dag_id: module.dag for module in (data_preprocessing, model_training_inference, model_monitoring)}
TOML = f"""\
{young_home.SETTINGS}\
min_evaluation_bads = 5
[monitoring]
min_matured_loans = 50
min_matured_bads = 5
"""
_GROUPS = [part for part in PREPROCESSING.parts if isinstance(part, Group)]
GROUPS: dict[str, str] = {step.job: part.name for part in _GROUPS for step in part.steps if step.job is not None}
Call = tuple[str, date, str]


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), load_settings(home), "test", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def eve(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a champion and a decision to retrain that waits, in the evening before the days."""
    home = tmp_path_factory.mktemp("eve") / "home"
    home.mkdir()
    (home / "p2pcredit.toml").write_text(TOML)
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, DAYS.last, loans_per_day=60))
    land(context(home), "synthetic", [raw], FIRST, DAYS.last)
    replay(context(home), DateRange(FIRST, EVE))
    said = {"decision_date": str(EVE), "performance_score": 0.55, "retrain": True, "reason": "by hand: 0.55 < 0.62"}
    layout = Layout(home)
    layout.decision_file.write_text(json.dumps(said))
    for week in layout.logs.glob("retraining_log_*"):
        week.unlink()
    for log in (layout.activity, layout.replay_alerts):
        log.unlink(missing_ok=True)
    return home


@contextmanager
def recorded(monkeypatch: pytest.MonkeyPatch, approval: str = "none") -> Iterator[list[Call]]:
    """The calls of the pipelines' jobs meanwhile: job, day, feed. The first training fails.

    Where approvals are asked for, the model of the second earns its place, so that it waits for one.
    """
    calls: list[Call] = []
    trained: list[date] = []

    def recording(job: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(work)
        def call(ctx: JobContext, *arguments: Any, **more: Any) -> Any:
            feed, days = ("", *arguments)[-2:]
            calls.extend((job, day, feed) for day in (days if isinstance(days, DateRange) else [days]))
            return work(ctx, *arguments, **more)

        return call

    def failing_once(work: Callable[..., Any]) -> Callable[..., Any]:
        def train(ctx: JobContext, day: date) -> Any:
            trained.append(day)
            if len(trained) == 1:
                raise TrainingError("the power went out")
            made = work(ctx, day)
            made[-1].card["promoted"] = approval != "none" or made[-1].card["promoted"]
            return made

        return train

    with monkeypatch.context() as patched:
        patched.setenv("P2P_GOVERNANCE__APPROVAL", approval)
        for job in jobs_of():
            module = importlib.import_module(f"p2pcredit.jobs.{job.rpartition('.')[0]}")
            name = job.rpartition(".")[2]
            patched.setattr(module, name, recording(job, getattr(module, name)))
        training = importlib.import_module("p2pcredit.jobs.training.train")
        patched.setattr(training, "train_model", failing_once(training.train_model))
        yield calls


def by_stages(calls: list[Call]) -> list[tuple[str, list[Call]]]:
    """The calls in their order; those of one group of tasks, which wait for nothing of each other, sorted."""

    def stage(call: Call) -> str:
        return GROUPS.get(call[0], call[0])

    return [(name, sorted(group)) for name, group in groupby(calls, stage)]


def without_run(text: str) -> str:
    return re.sub(r"(\.train_model_task) of \S+ failed", r"\1 failed", text)


def events(home: Path) -> list[tuple[Any, ...]]:
    """The ledger, without who wrote it."""
    return [(event.kind, event.at, event.facts) for event in context(home).ledger.events()]


@pytest.fixture(params=["none", "four_eyes"])
def approval(request: pytest.FixtureRequest) -> str:
    """What a promotion needs on these days."""
    return str(request.param)


@pytest.fixture
def under_airflow(eve: Path, run_dag: Any, home: Path, monkeypatch: pytest.MonkeyPatch, approval: str) -> Any:
    """What Airflow called and alerted of on these days, and the states of the runs, in the home of the DAGs."""
    shutil.copytree(eve, home, dirs_exist_ok=True)
    monkeypatch.setenv("P2P_DAG_SIMULATED_TIME", "1")
    alerts: list[tuple[str, str]] = []

    def sink(ctx: JobContext, title: str, body: str, severity: Severity) -> tuple[int, list[str]]:
        alerts.append((title, without_run(body)))
        return 1, []

    with monkeypatch.context() as patched, recorded(monkeypatch, approval) as calls:
        patched.setenv("P2P_ALERTS__URLS", '["json://127.0.0.1:9/nowhere"]')
        patched.setattr("p2pcredit.jobs.monitoring.alerts._notify", sink)
        ran = [
            run_dag(DAGS[pipeline.dag_id], day=None, logical_date=at).state
            for day in DAYS
            for pipeline, at in due_after(day)
        ]
    return calls, alerts, ran


def test_replay_calls_the_jobs_that_airflow_calls_and_alerts_of_the_same(
    under_airflow: Any, eve: Path, home: Path, monkeypatch: pytest.MonkeyPatch, approval: str
) -> None:
    calls, alerts, ran = under_airflow
    assert ran == ["success", "failed", "success", "success", "success", "success", "success"]
    replayed = Path(shutil.copytree(eve, home.with_name(f"replayed-{approval}")))
    with recorded(monkeypatch, approval) as ours:
        replay(context(replayed), DAYS, all_reports=True, day_by_day=True)
    assert by_stages(ours) == by_stages(calls)
    assert {job for job, _, _ in calls} == set(jobs_of()), "each job of the three pipelines is called on these days"
    kept = [json.loads(line) for line in Layout(replayed).replay_alerts.read_text().splitlines()]
    assert [(alert["title"], without_run(alert["body"])) for alert in kept] == alerts
    titles, at_once = [title.partition(":")[0] for title, _ in alerts], 1 if approval == "none" else 2
    assert titles == [*["P2PCreditScore"] * at_once, "P2PCreditScore, week to 2021-07-03"]
    assert "the power went out" in alerts[0][1]
    assert "the power went out" in alerts[-1][1], "the week's alerts tell of it too"
    assert events(replayed) == events(home)
    for home_of in (home, replayed):
        state = context(home_of).ledger.state()
        waiting, made = state.approvals.waiting, state.trainings[-1].facts["model_id"]
        assert [one.model_id for one in waiting] == ([] if approval == "none" else [made])
        assert approval == "none" or state.champion not in {None, made}, "the champion of before goes on scoring"
        assert all(("waits for approval" in body) == (approval != "none") for _, body in alerts[1:])
    for name, table in TABLES.items():
        assert Lake(Layout(replayed)).read(table).equals(Lake(Layout(home)).read(table)), name


def test_the_night_after_a_failed_training_catches_up_in_a_replay(
    eve: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {}
    for how in (True, False):
        home = Path(shutil.copytree(eve, tmp_path / f"{how}"))
        ctx = replace(context(home), caller=Caller.PERSON)
        with recorded(monkeypatch):
            done = replay(ctx, DAYS, day_by_day=how)
        state = context(home).ledger.state()
        assert [state.scored[day][1] > 0 for day in DAYS] == [True] * len(DAYS)
        trained = state.trainings[-1].facts["snapshot_date"]
        assert trained == str(DAYS.first + timedelta(days=1)), "the decision is tried again"
        told[how] = {key: value for key, value in done.items() if key != "seconds"}, state.scored
    assert told[True] == told[False]

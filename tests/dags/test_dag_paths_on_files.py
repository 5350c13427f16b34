"""Each path through the DAGs with the real jobs on real files: what the branches do, and what the home holds after."""

from __future__ import annotations

import json
import shutil
import threading
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session
from sqlalchemy import select
from tests import young_home

from p2pcredit.errors import TrainingError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.reviewed import monitored_weeks
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.replay import replay
from p2pcredit.jobs.scoring.score import score_day
from p2pcredit.orchestration.dags import data_preprocessing, model_monitoring, model_training_inference
from p2pcredit.orchestration.triggers import WeekReadyTrigger
from p2pcredit.periods import DateRange, week_monday
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import DecisionStatus
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete

FIRST, SATURDAY, CUT, LAST = date(2021, 1, 1), date(2021, 6, 26), date(2021, 6, 27), date(2021, 7, 13)
NEXT = CUT + timedelta(days=1)
MOST_RECEIPT_BYTES = 4096
TOML = f"""\
{young_home.SETTINGS}\
min_evaluation_bads = 5
[monitoring]
min_matured_loans = 50
min_matured_bads = 5
policy = "cheapest_first"
retrain_at_new_bads_share = 0
"""


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), load_settings(home), "test", datetime(2026, 1, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a portfolio has landed, and nothing else."""
    home = tmp_path_factory.mktemp("landed") / "home"
    home.mkdir()
    (home / "p2pcredit.toml").write_text(TOML)
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=60))
    land(context(home), "synthetic", [raw], FIRST, LAST)
    return home


@pytest.fixture(scope="module")
def friday(landed: Path) -> Path:
    """A home replayed up to the Friday before a week ends."""
    home = landed.with_name("friday")
    shutil.copytree(landed, home)
    replay(context(home), DateRange(FIRST, SATURDAY - timedelta(days=1)))
    return home


@pytest.fixture(scope="module")
def replayed(friday: Path) -> Path:
    """A home with a champion, replayed up to a Sunday; the day after it is preprocessed too."""
    home = friday.with_name("replayed")
    shutil.copytree(friday, home)
    replay(context(home), DateRange(SATURDAY, CUT))
    assert context(home).ledger.state().champion is not None
    preprocess(context(home), DateRange(NEXT, NEXT))
    return home


@pytest.fixture
def work(replayed: Path, home: Path) -> Path:
    """A copy of the replayed home, which the DAGs work in."""
    shutil.copytree(replayed, home, dirs_exist_ok=True)
    return home


def write_by_hand(home: Path, *, retrain: bool, day: date = CUT, **more: Any) -> Path:
    content = {
        "decision_date": day.isoformat(),
        "performance_score": 0.55,
        "retrain": retrain,
        "reason": "by hand: 0.55 < 0.62",
    }
    file = Layout(home).decision_file
    file.write_text(json.dumps({**content, **more}))
    return file


def run_inference_dag(run_dag: Any, day: date = NEXT) -> Any:
    return run_dag(model_training_inference.dag, day=day.isoformat())


def scored_on(home: Path, day: date) -> int:
    return context(home).ledger.state().scored.get(day, ("", 0))[1]


def test_without_data_the_day_is_skipped_and_nothing_is_scored(run_dag: Any, work: Path) -> None:
    ran = run_inference_dag(run_dag, LAST)
    assert ran.state == "success"
    assert "skip_inference" in ran.in_state("success")
    assert scored_on(work, LAST) == 0


def test_check_and_bronze_of_a_feed_marked_as_success_fail_the_run(run_dag: Any, landed: Path, home: Path) -> None:
    shutil.copytree(landed, home, dirs_exist_ok=True)
    by_hand = r"(source_data_checks|bronze_processing)\.loan_terms"
    ran = run_dag(data_preprocessing.dag, day=FIRST.isoformat(), mark_success_pattern=by_hand)
    assert (ran.state, ran.in_state("failed")) == ("failed", {"end"})
    assert not is_complete(Layout(home), FIRST)
    again = run_dag(data_preprocessing.dag, day=FIRST.isoformat())
    assert (again.state, is_complete(Layout(home), FIRST)) == ("success", True)


def test_a_day_with_tasks_marked_as_success_is_scored_by_no_run_and_named_with_its_command(
    run_dag: Any, work: Path
) -> None:
    day = NEXT + timedelta(days=1)
    by_hand = r"(source_data_checks|bronze_processing)\.loan_terms"
    assert run_dag(data_preprocessing.dag, day=day.isoformat(), mark_success_pattern=by_hand).state == "failed"
    assert run_inference_dag(run_dag, day).tasks["run_inference"] == "skipped"
    assert day not in context(work).ledger.state().scored
    after = day + timedelta(days=1)
    preprocess(context(work), DateRange(after, after))
    command = f"p2pcredit preprocess --date {day}"
    told = examine(context(work))
    assert told["healthy"] is False
    assert command in told["reason"]
    assert command in [gap["command"] for gap in status(context(work))["gaps"]]


def test_without_a_model_and_with_too_little_matured_nothing_is_trained_or_scored(
    run_dag: Any, landed: Path, home: Path
) -> None:
    shutil.copytree(landed, home, dirs_exist_ok=True)
    preprocess(context(home), DateRange(FIRST, date(2021, 2, 15)))
    ran = run_inference_dag(run_dag, date(2021, 2, 15))
    assert ran.state == "success"
    assert {"skip_retraining", "run_inference", "end"} <= ran.in_state("success")
    assert status(context(home))["champion"] is None
    assert not list(Layout(home).logs.glob("retraining_log_*"))


def test_a_decision_by_hand_is_obeyed_once_cleared_and_logged(run_dag: Any, work: Path) -> None:
    file = write_by_hand(work, retrain=True)
    ran = run_inference_dag(run_dag)
    assert ran.state == "success"
    assert {"train_model_task", "run_inference", "clear_decision", "log_retraining"} <= ran.in_state("success")
    assert not file.exists()
    assert Layout(work).retraining_log(week_monday(NEXT)).is_file()
    assert context(work).ledger.state().trainings[-1].facts["snapshot_date"] == NEXT.isoformat()
    assert scored_on(work, NEXT) > 0
    trainings = len(context(work).ledger.state().trainings)
    again = run_inference_dag(run_dag)
    assert "skip_retraining" in again.in_state("success")
    assert len(context(work).ledger.state().trainings) == trainings


@pytest.mark.parametrize(
    ("retrain", "day"), [(False, CUT), (True, CUT - timedelta(days=15))], ids=["decision no", "decision expired"]
)
def test_a_decision_that_does_not_hold_stays_where_it_is_and_the_day_is_scored(
    run_dag: Any, work: Path, retrain: bool, day: date
) -> None:
    file = write_by_hand(work, retrain=retrain, day=day)
    written, trainings = json.loads(file.read_bytes()), len(context(work).ledger.state().trainings)
    ran = run_inference_dag(run_dag)
    assert ran.state == "success"
    assert {"skip_retraining", "run_inference", "end"} <= ran.in_state("success")
    lies_there = json.loads(file.read_bytes())
    assert {key: lies_there[key] for key in written} == written, "taken up with an id, its words as they were"
    assert len(context(work).ledger.state().trainings) == trainings
    assert scored_on(work, NEXT) > 0


def test_an_unreadable_decision_is_set_aside_and_the_day_is_scored(run_dag: Any, work: Path) -> None:
    Layout(work).decision_file.write_bytes(b'{"retrain": true, "deci')
    ran = run_inference_dag(run_dag)
    assert ran.state == "success"
    assert "skip_retraining" in ran.in_state("success")
    aside = list(Layout(work).logs.glob("retraining_decision.unreadable-*.json"))
    assert [path.read_bytes() for path in aside] == [b'{"retrain": true, "deci']
    assert "could not be read" in Layout(work).activity.read_text()
    assert scored_on(work, NEXT) > 0


def test_a_failed_training_fails_the_run_and_the_next_one_obeys_the_decision(
    run_dag: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise TrainingError("the disk of features is on fire; put it out")

    write_by_hand(work, retrain=True)
    with monkeypatch.context() as broken:
        broken.setattr("p2pcredit.jobs.training.train.train_model", fail)
        ran = run_inference_dag(run_dag)
    assert ran.state == "failed"
    assert "train_model_task" in ran.in_state("failed")
    current = context(work).ledger.state().current
    assert current is not None
    assert current.fate is DecisionStatus.PENDING
    assert Layout(work).decision_file.is_file()
    after = NEXT + timedelta(days=1)
    preprocess(context(work), DateRange(after, after))
    assert run_inference_dag(run_dag, after).state == "success"
    state = context(work).ledger.state()
    assert state.current is not None
    assert state.current.fate is DecisionStatus.ACTED_ON
    assert scored_on(work, NEXT) > 0, "the day that the failed run missed is scored by the next one"


def test_preprocessing_takes_a_landed_day_to_gold(run_dag: Any, work: Path) -> None:
    day = NEXT + timedelta(days=1)
    ran = run_dag(data_preprocessing.dag, day=day.isoformat())
    assert ran.state == "success"
    assert status(context(work))["last_preprocessed"] == day.isoformat()


def test_preprocessing_of_a_day_that_has_not_landed_makes_up_the_days_before_fails_and_does_not_mark_it(
    run_dag: Any, work: Path
) -> None:
    ran = run_dag(data_preprocessing.dag, day="2021-07-20")
    assert ran.state == "failed"
    found = status(context(work))
    assert found["last_preprocessed"] == LAST.isoformat()
    assert [(gap["from"], gap["to"], gap["status"]) for gap in found["gaps"] if gap["lack"] == "not complete"] == [
        ("2021-06-29", "2021-07-05", "fail")
    ], "more than fourteen days back"


def test_monitoring_without_a_champion_is_skipped(run_dag: Any, landed: Path, home: Path) -> None:
    shutil.copytree(landed, home, dirs_exist_ok=True)
    preprocess(context(home), DateRange(FIRST, date(2021, 1, 9)))
    ran = run_dag(model_monitoring.dag, day="2021-01-09")
    assert ran.state == "success"
    assert "skip_monitoring" in ran.in_state("success")
    assert not Layout(home).decision_file.exists()


def test_monitoring_started_before_its_last_day_is_done_waits_and_decides_as_a_replay(
    run_dag: Any, friday: Path, replayed: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(friday, home, dirs_exist_ok=True)
    monkeypatch.setenv("P2P_MONITORING_WAIT_MINUTES", "30")
    monkeypatch.setenv("P2P_DAG_SIMULATED_TIME", "1")  # a run by hand does not wait for a week long past otherwise
    monkeypatch.setattr("p2pcredit.orchestration.runs.waiting._WEEK_POLL_SECONDS", 0.2)
    waited = threading.Event()
    looker = WeekReadyTrigger.looker

    def seen(self: WeekReadyTrigger, layout: Layout, day: date) -> Any:
        waited.set()
        return looker(self, layout, day)

    monkeypatch.setattr(WeekReadyTrigger, "looker", seen)

    def arrive() -> None:
        if waited.wait(60):
            preprocess(context(home), DateRange(SATURDAY, SATURDAY))
            score_day(context(home), SATURDAY)

    arrival = threading.Thread(target=arrive)
    arrival.start()
    ran = run_dag(model_monitoring.dag, day=SATURDAY.isoformat())
    arrival.join()
    assert (ran.state, waited.is_set()) == ("success", True)
    assert "write_retraining_decision" in ran.in_state("success")
    assert decision_of(home, SATURDAY) == decision_of(replayed, SATURDAY)


def test_the_check_of_a_day_marked_as_success_by_hand_lets_nothing_be_trained_or_scored_without_the_day(
    run_dag: Any, work: Path
) -> None:
    day = NEXT + timedelta(days=1)
    ran = run_dag(model_training_inference.dag, day=day.isoformat(), mark_success_pattern="check_inference_condition")
    assert (ran.state, ran.in_state("failed")) == ("failed", {"run_inference"})
    write_by_hand(work, retrain=True)
    trainings = len(context(work).ledger.state().trainings)
    ran = run_dag(model_training_inference.dag, day=day.isoformat(), mark_success_pattern="check_inference_condition")
    assert (ran.state, ran.in_state("failed")) == ("failed", {"train_model_task"})
    state = context(work).ledger.state()
    assert state.current is not None
    assert (state.current.fate, len(state.trainings)) == (DecisionStatus.PENDING, trainings)
    assert day not in state.scored
    assert scored_on(work, NEXT) > 0, "days before it are made up for all the same"
    preprocess(context(work), DateRange(day, day))
    assert run_inference_dag(run_dag, day).state == "success"
    state = context(work).ledger.state()
    assert state.trainings[-1].facts["snapshot_date"] == day.isoformat()
    assert scored_on(work, day) > 0


def test_the_check_of_a_week_marked_as_success_by_hand_measures_and_decides_nothing_without_its_last_day(
    run_dag: Any, friday: Path, replayed: Path, home: Path
) -> None:
    shutil.copytree(friday, home, dirs_exist_ok=True)
    lines = len(context(home).ledger.events())
    ran = run_dag(model_monitoring.dag, day=SATURDAY.isoformat(), mark_success_pattern="check_monitoring")
    assert (ran.state, ran.in_state("failed")) == ("failed", {"calculate_metrics"})
    assert len(context(home).ledger.events()) == lines
    assert SATURDAY not in monitored_weeks(context(home))
    preprocess(context(home), DateRange(SATURDAY, SATURDAY))
    score_day(context(home), SATURDAY)
    assert run_dag(model_monitoring.dag, day=SATURDAY.isoformat()).state == "success"
    assert decision_of(home, SATURDAY) == decision_of(replayed, SATURDAY)


def decision_of(home: Path, week_end: date) -> dict[str, Any]:
    """The decision of a week, which its reasons and numbers make the same decision or another."""
    made = [event.facts["decision"] for event in context(home).ledger.events() if event.kind is EventKind.DECIDED]
    (found,) = [decision for decision in made if decision["decision_date"] == week_end.isoformat()]
    assert isinstance(found, dict)
    return found


def test_while_the_past_is_caught_up_on_each_line_of_the_ledger_has_the_true_time_beside_that_of_the_run(
    run_dag: Any, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_DAG_CATCHUP", "1")
    due = datetime(2021, 6, 29, 2, tzinfo=UTC)
    # A line names its time by the second.
    lines, began = len(context(work).ledger.events()), datetime.now(UTC).replace(microsecond=0)
    ran = run_dag(model_training_inference.dag, day=None, logical_date=due)
    assert ran.state == "success"
    added = context(work).ledger.events()[lines:]
    assert EventKind.SCORED in {event.kind for event in added}
    for event in added:
        told = event.as_json()
        assert began <= datetime.fromisoformat(told["at"]) <= datetime.now(UTC)
        assert began <= datetime.fromisoformat(told["written_at"]) <= datetime.now(UTC)
        assert datetime.fromisoformat(told["logical_at"]) == due


def test_monitoring_with_nothing_matured_decides_on_an_estimate_and_says_so(run_dag: Any, work: Path) -> None:
    ran = run_dag(model_monitoring.dag, day=CUT.isoformat())
    assert ran.state == "success"
    assert {"generate_report", "write_retraining_decision", "send_alerts", "end"} <= ran.in_state("success")
    decision = json.loads(Layout(work).decision_file.read_text())
    assert decision["decision_date"] == CUT.isoformat()
    assert "estimate" in decision["reason"]
    assert Layout(work).report(CUT).read_text().startswith("<!doctype html>")


def test_monitoring_with_nothing_measurable_skips_the_report(
    run_dag: Any, work: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("P2P_MONITORING__MIN_MATURED_LOANS", "1000000")
    monkeypatch.setenv("P2P_MONITORING__MIN_RECENT_LOANS", "1000000")
    before = Layout(work).decision_file.exists()
    ran = run_dag(model_monitoring.dag, day=CUT.isoformat())
    assert ran.state == "success"
    assert ran.in_state("success") >= {"skip_report", "end"}
    assert Layout(work).decision_file.exists() == before


def test_only_small_plain_receipts_are_left_in_the_database_of_airflow(run_dag: Any, work: Path) -> None:
    write_by_hand(work, retrain=True)
    dags = {
        data_preprocessing.dag: NEXT + timedelta(days=1),
        model_training_inference.dag: NEXT,
        model_monitoring.dag: CUT,
    }
    done: set[str] = set()
    for dag, day in dags.items():
        ran = run_dag(dag, day=day.isoformat())
        assert ran.state == "success"
        done |= {f"{dag.dag_id}.{task}" for task in ran.in_state("success")}
    with create_session() as session:
        kept = [(f"{row.dag_id}.{row.task_id}", row.key, row.value) for row in session.scalars(select(XComModel))]
    assert done & {task for task, _, _ in kept}
    for task, key, value in kept:
        size = len(json.dumps(value, allow_nan=False).encode())
        assert size <= MOST_RECEIPT_BYTES, (task, key, size)
        assert "__classname__" not in json.dumps(value), (task, key, "an object that only Airflow can read back")

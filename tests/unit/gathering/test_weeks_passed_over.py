"""A week that could not be monitored is recorded, alerted of, and made up by the next run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.errors import MonitoringError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.gaps.find import SKIPPED_WEEK, find_gaps
from p2pcredit.jobs.gaps.gap import Lack
from p2pcredit.jobs.monitoring import steps
from p2pcredit.jobs.monitoring.readiness import WeekReadiness
from p2pcredit.jobs.monitoring.report import generate_report
from p2pcredit.jobs.monitoring.reviewed import monitored_weeks
from p2pcredit.jobs.monitoring.steps import calculate_metrics, check_monitoring, write_retraining_decision
from p2pcredit.jobs.scoring.day_check import check_day
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import LabelSettings, MonitoringSettings, PreprocessingSettings, Settings
from p2pcredit.storage.tables.lake import Lake

WEEKS = ["2022-05-14", "2022-05-21", "2022-05-28", "2022-06-04"]
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0),
    monitoring=MonitoringSettings(window_months=2, recent_days=7, min_matured_loans=20, min_matured_bads=2),
)
Sent = list[tuple[str, str]]


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    """A champion that scored the last days of all weeks but one; the first week was monitored, the others were not."""
    home = written_home(tmp_path, SETTINGS)
    home = replace(home, ctx=replace(home.ctx, caller=Caller.SCHEDULED))
    home.features(("a", "2022-05-01"))
    home.predictions(("a", "2022-05-01", "now", 0.1))
    home.labels(*((loan, 1, "2022-01-01", "2022-05-01") for loan in "xyz"), definition="pd3")
    home.events(("a", "2022-05-20", 0))
    home.model("now", {"as_of": "2022-01-01", "matured_bads": 2})
    home.crown("now", "2022-01-01")
    home.complete({week: {} for week in WEEKS[:3]})
    home.say(EventKind.SCORED, model_id="now", days=dict.fromkeys(WEEKS[:3], 1))
    calculate_metrics(home.ctx, of(WEEKS[0]))
    return home


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """What is sent to the alert channels."""
    found: Sent = []

    def notify(ctx: JobContext, title: str, body: str, _: object) -> tuple[int, list[str]]:
        found.append((title, body))
        return 1, []

    monkeypatch.setattr("p2pcredit.jobs.monitoring.alerts._notify", notify)
    return found


def weeks(home: WrittenHome) -> list[str]:
    return [str(week) for week in monitored_weeks(home.ctx)]


def as_caller(home: WrittenHome, caller: Caller) -> JobContext:
    return replace(home.ctx, caller=caller)


def test_a_scheduled_run_that_passes_a_week_over_records_it_and_alerts_at_once_with_the_command(
    home: WrittenHome, sent: Sent
) -> None:
    receipt = check_monitoring(home.ctx, of(WEEKS[3]))
    assert (receipt["monitor"], receipt["reason"]) == (False, f"{WEEKS[3]} is not preprocessed")
    (entry,) = recent_entries(home.ctx, SKIPPED_WEEK)
    assert entry["week_end_date"] == WEEKS[3]
    ((_, body),) = sent
    assert f"the week to {WEEKS[3]} was not monitored and made no decision" in body
    assert f"p2pcredit monitor --week-end {WEEKS[3]}" in body
    check_monitoring(home.ctx, of(WEEKS[3]))
    assert len(sent) == 1
    home.complete({WEEKS[3]: {}, "2022-06-05": {}})
    assert f"p2pcredit monitor --week-end {WEEKS[3]}" in [gap.command for gap in find_gaps(home.ctx)]


def test_the_next_run_monitors_the_weeks_that_were_passed_over_before_its_own(home: WrittenHome, sent: Sent) -> None:
    home.complete({WEEKS[3]: {}})
    home.say(EventKind.SCORED, model_id="now", days={WEEKS[3]: 1})
    receipt = check_monitoring(home.ctx, of(WEEKS[3]))
    assert receipt == {"monitor": True, "reason": "champion now", "made_up": WEEKS[1:3]}
    assert weeks(home) == WEEKS[:3]
    assert sent == []


def test_a_week_made_up_measures_what_it_would_have_measured_in_its_time(home: WrittenHome, tmp_path: Path) -> None:
    check_monitoring(home.ctx, of(WEEKS[2]))
    rows = Lake(home.ctx.layout).read(MONITORING)
    calculate_metrics(home.ctx, of(WEEKS[1]))
    assert Lake(home.ctx.layout).read(MONITORING).equals(rows)


def test_no_week_is_made_up_before_the_first_that_was_monitored_nor_further_back_than_settings_say(
    home: WrittenHome,
) -> None:
    check_monitoring(home.ctx, of(WEEKS[0]))
    assert weeks(home) == WEEKS[:1]
    few = Settings(**{**dict(SETTINGS), "preprocessing": PreprocessingSettings(catch_up_days=13)})
    assert check_monitoring(replace(home.ctx, settings=few), of(WEEKS[3]))["made_up"] == [WEEKS[2]]


def test_a_week_whose_run_died_between_its_measurements_and_its_decision_is_made_up(home: WrittenHome) -> None:
    result = MetricResult("auc", "all", 0.55, 0.52, 0.58, 900, 0.4, Status.FAIL, 0.62).as_row()
    week = of(WEEKS[1])
    home.put(MONITORING, [{"snapshot_date": week, "week_end_date": week, "model_id": "now", **result}])
    calculate_metrics(home.ctx, of(WEEKS[0]))
    gaps = [gap for gap in find_gaps(home.ctx) if gap.lack is Lack.NOT_DECIDED]
    assert [gap.command for gap in gaps] == [f"p2pcredit monitor --week-end {WEEKS[1]}"]
    assert check_monitoring(home.ctx, of(WEEKS[2]))["made_up"] == [WEEKS[1]]


def test_the_first_week_of_all_is_decided_too_where_its_decision_was_marked_as_success_by_hand(
    home: WrittenHome,
) -> None:
    result = MetricResult("auc", "all", 0.55, 0.52, 0.58, 900, 0.4, Status.FAIL, 0.62).as_row()
    week = of(WEEKS[0])
    home.put(MONITORING, [{"snapshot_date": week, "week_end_date": week, "model_id": "now", **result}])
    assert WEEKS[0] in check_monitoring(home.ctx, of(WEEKS[1]))["made_up"]


@pytest.mark.parametrize("step", [write_retraining_decision, generate_report])
def test_a_week_whose_measuring_was_marked_as_success_by_hand_is_neither_reported_nor_decided(
    home: WrittenHome, step: Any
) -> None:
    with pytest.raises(MonitoringError) as said:
        step(home.ctx, of(WEEKS[1]))
    assert str(said.value) == (
        f"the week to {WEEKS[1]} was not measured: clear task calculate_metrics with those after it, or: "
        f"p2pcredit monitor --week-end {WEEKS[1]}"
    )
    assert home.ctx.ledger.state().decisions == {}
    assert check_monitoring(home.ctx, of(WEEKS[2]))["made_up"] == [WEEKS[1]]


def test_a_person_monitors_the_week_asked_for_and_no_other(home: WrittenHome, sent: Sent) -> None:
    assert check_monitoring(as_caller(home, Caller.PERSON), of(WEEKS[2])) == {"monitor": True, "reason": "champion now"}
    check_monitoring(as_caller(home, Caller.PERSON), of(WEEKS[3]))
    assert (weeks(home), sent, list(recent_entries(home.ctx, SKIPPED_WEEK))) == (WEEKS[:1], [], [])


def test_a_replay_keeps_the_alert_in_the_home(home: WrittenHome, sent: Sent) -> None:
    check_monitoring(as_caller(home, Caller.REPLAY), of(WEEKS[3]))
    assert sent == []
    (kept,) = map(json.loads, home.ctx.layout.replay_alerts.read_text().splitlines())
    assert "was not monitored" in kept["body"]


def test_a_week_that_fails_while_it_is_made_up_does_not_cost_the_next_one(
    home: WrittenHome, sent: Sent, monkeypatch: pytest.MonkeyPatch
) -> None:
    from p2pcredit.errors import BankError

    def fails(ctx: JobContext, week_end: Any, *, week: Any = None) -> Any:
        raise BankError("m was altered")

    monkeypatch.setattr(steps, "calculate_metrics", fails)
    home.complete({WEEKS[3]: {}})
    home.say(EventKind.SCORED, model_id="now", days={WEEKS[3]: 1})
    assert check_monitoring(home.ctx, of(WEEKS[3])) == {"monitor": True, "reason": "champion now", "made_up": []}
    assert [f"the week to {week}" in body for week, (_, body) in zip(WEEKS[1:3], sent, strict=True)] == [True, True]


def test_a_week_whose_last_day_is_not_scored_by_the_deadline_is_monitored_with_a_warning(home: WrittenHome) -> None:
    home.complete({WEEKS[3]: {}})
    assert check_monitoring(home.ctx, of(WEEKS[3]))["monitor"] is True
    said = [entry["message"] for entry in recent_entries(home.ctx, "warning")]
    assert any(f"the week to {WEEKS[3]} is monitored without the loans of its last day" in line for line in said)


def test_a_home_without_a_model_loses_no_decision_and_alerts_nobody(tmp_path: Path, sent: Sent) -> None:
    home = written_home(tmp_path)
    assert check_monitoring(as_caller(home, Caller.SCHEDULED), of(WEEKS[3]))["monitor"] is False
    assert sent == []


def test_a_week_is_ready_once_its_last_day_is_complete_and_scored(home: WrittenHome) -> None:
    look = WeekReadiness(home.ctx.layout, of(WEEKS[3])).is_ready
    assert not look()
    home.complete({WEEKS[3]: {}})
    assert not look(), "not scored yet"
    home.say(EventKind.SCORED, model_id="now", days={WEEKS[3]: 0})
    assert look()


def test_a_home_without_a_model_is_ready_once_its_day_is_complete_and_no_training_runs(tmp_path: Path) -> None:
    home = written_home(tmp_path)
    home.complete({WEEKS[3]: {}})
    look = WeekReadiness(home.ctx.layout, of(WEEKS[3])).is_ready
    assert look()
    home.say(EventKind.CLAIMED, decision_id=None, snapshot_date=WEEKS[3], reason="first")
    assert not look(), "the first model may be made just now"


def test_a_ledger_that_cannot_be_read_makes_no_week_ready(home: WrittenHome) -> None:
    (home.ctx.layout.ledger / "00000001.json").write_text("{")
    assert not WeekReadiness(home.ctx.layout, of(WEEKS[2])).is_ready()


def test_a_day_that_is_not_scored_for_want_of_its_tables_is_warned_of_once(home: WrittenHome) -> None:
    assert check_day(home.ctx, of(WEEKS[2])) == {"complete": True}
    for _ in range(2):
        assert check_day(home.ctx, of(WEEKS[3])) == {"complete": False}
    (entry,) = recent_entries(home.ctx, "warning")
    assert f"{WEEKS[3]} was not scored, since it is not preprocessed" in entry["message"]
    assert f"p2pcredit infer --date {WEEKS[3]}" in entry["message"]


def test_a_report_names_what_was_passed_over(home: WrittenHome) -> None:
    home.say(EventKind.SCORED, model_id="now", days={"2022-05-13": 1})
    home.complete({"2022-05-13": {}, "2022-05-20": {}})
    calculate_metrics(home.ctx, of(WEEKS[2]))
    generate_report(home.ctx, of(WEEKS[2]))
    page = home.ctx.layout.report(of(WEEKS[2])).read_text()
    assert "Passed over: 2022-05-20 complete and not scored; fill: p2pcredit infer --date 2022-05-20" in page


def test_a_week_passed_over_before_any_was_monitored_is_a_gap_once_its_days_are_complete(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home = replace(home, ctx=replace(home.ctx, caller=Caller.SCHEDULED))
    home.model("now", {"as_of": "2022-01-01", "matured_bads": 2})
    home.crown("now", "2022-01-01")
    home.say(EventKind.SCORED, model_id="now", days={WEEKS[0]: 1})
    home.complete({WEEKS[0]: {}})
    check_monitoring(home.ctx, of(WEEKS[2]))
    assert not [gap for gap in find_gaps(home.ctx) if gap.lack is Lack.NOT_MONITORED], "it lies after the complete days"
    home.complete({WEEKS[2]: {}, WEEKS[3]: {}})
    gaps = [gap for gap in find_gaps(home.ctx) if gap.lack is Lack.NOT_MONITORED]
    assert [(str(gap.days.first), gap.status) for gap in gaps] == [(WEEKS[2], Status.FAIL)]

"""What the weekly jobs take from a week and write down: the table's rows, the decision, the report's history."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.monitoring import report as reporting
from p2pcredit.jobs.monitoring.report import generate_report
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.monitoring.steps import calculate_metrics, check_monitoring, write_retraining_decision
from p2pcredit.jobs.monitoring.week import MonitoringSnapshot
from p2pcredit.monitoring import registry as metric_registry
from p2pcredit.reporting.weekly.page import render_report
from p2pcredit.settings import HandoffSettings, LabelSettings, MonitoringSettings, Settings
from p2pcredit.storage.tables import closing
from p2pcredit.storage.tables.lake import Lake

WEEK_END = "2022-06-04"
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, reporting_lag_days=0),
    monitoring=MonitoringSettings(
        window_months=2, recent_days=7, min_matured_loans=20, min_matured_bads=2, refresh_months=5
    ),
    handoff=HandoffSettings(valid_days=10),
)


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    """A champion and one loan that it scored in the week's history."""
    home = written_home(tmp_path, SETTINGS)
    home.features(("a", "2022-05-01"))
    home.predictions(("a", "2022-05-01", "now", 0.1))
    home.labels(*((loan, 1, "2022-01-01", "2022-05-01") for loan in "xyz"), definition="pd3")
    home.events(("a", "2022-05-20", 0))
    home.complete({WEEK_END: {}})
    home.model("now", {"as_of": "2022-01-01", "matured_bads": 2})
    home.crown("now", "2022-01-01")
    return home


def week(ctx: JobContext, day: str = WEEK_END) -> dict[str, Any]:
    return check_monitoring(ctx, of(day))


def test_a_week_is_looked_at_only_where_its_last_day_is_complete(home: WrittenHome) -> None:
    assert week(home.ctx) == {"monitor": True, "reason": "champion now"}
    assert week(home.ctx, "2022-06-03") == {"monitor": False, "reason": "2022-06-03 is not preprocessed"}


def test_a_week_without_a_champion_then_or_without_scored_loans_is_not_looked_at(home: WrittenHome) -> None:
    home.complete({"2021-12-31": {}, "2028-06-03": {}})
    assert week(home.ctx, "2021-12-31")["reason"] == "no champion on 2021-12-31; nothing has been scored"
    assert week(home.ctx, "2028-06-03")["reason"] == "no loan has been scored since 2022-06-03"
    assert not week(home.ctx, "2021-12-31")["monitor"]
    assert not week(home.ctx, "2028-06-03")["monitor"]


def test_a_book_in_run_off_is_looked_at_until_the_terms_of_its_loans_are_over(home: WrittenHome) -> None:
    """Its newest loan is older than all windows of twelve months; defaults against the curve still come."""
    home.complete({"2023-06-03": {}})
    assert week(home.ctx, "2023-06-03") == {"monitor": True, "reason": "champion now"}
    monitor(home.ctx, of("2023-06-03"))
    (to_date,) = [
        r for r in MonitoringSnapshot(home.ctx, of("2023-06-03")).rows if r["metric"] == "default_to_date_ratio"
    ]
    assert (to_date["segment"], to_date["status"]) == ("all", "undetermined")


def test_a_home_with_a_champion_that_has_scored_nothing_says_so(tmp_path: Path) -> None:
    home = written_home(tmp_path, SETTINGS)
    home.features(("a", "2022-05-01"))
    home.complete({WEEK_END: {}})
    home.model("now", {"as_of": "2022-01-01", "matured_bads": 2})
    home.crown("now", "2022-01-01")
    assert week(home.ctx)["reason"] == f"no loan has been scored up to {WEEK_END}"


def measured(value: float = 0.5, high: float = 0.6, status: Status = Status.FAIL) -> MetricResult:
    return MetricResult("auc", "champion", value, value - 0.1, high, 200, 0.5, status, 0.62)


def test_measurements_are_rows_of_their_week_and_their_champion(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[date] = []

    def measure(inputs: Any, settings: Settings) -> list[MetricResult]:
        seen.append(inputs.week_end)
        assert settings == SETTINGS
        return [measured()]

    monkeypatch.setattr(metric_registry, "calculate_metrics", measure)
    receipt = calculate_metrics(home.ctx, of(WEEK_END))
    assert seen == [of(WEEK_END)]
    assert receipt == {"metrics": 1, "report": True, "reason": "1 measurements"}
    (row,) = Lake(home.ctx.layout).read(MONITORING).to_dicts()
    assert (row["snapshot_date"], row["week_end_date"], row["model_id"]) == (of(WEEK_END), of(WEEK_END), "now")
    assert (row["metric"], row["segment"], row["value"], row["low"], row["high"], row["n"], row["status"]) == (
        "auc",
        "champion",
        0.5,
        0.4,
        0.6,
        200,
        "fail",
    )


def test_a_week_in_which_nothing_could_be_measured_has_rows_and_no_report(home: WrittenHome) -> None:
    receipt = calculate_metrics(home.ctx, of(WEEK_END))
    assert (receipt["report"], receipt["reason"]) == (False, "nothing could be measured; no report")
    assert Lake(home.ctx.layout).read(MONITORING).height == receipt["metrics"] > 10


def test_weeks_of_a_month_are_joined_when_the_first_week_of_the_next_ends(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[date] = []
    monkeypatch.setattr(closing, "close_periods", lambda lake, table, day: closed.append(day))
    monkeypatch.setattr(metric_registry, "calculate_metrics", lambda inputs, settings: [measured()])
    for day in ("2022-05-31", "2022-06-04", "2022-06-07", "2022-06-08"):
        calculate_metrics(home.ctx, of(day))
    assert closed == [of("2022-06-04"), of("2022-06-07")]


def write_results(home: WrittenHome, *weeks: tuple[str, float]) -> None:
    rows = [
        {"snapshot_date": of(day), "week_end_date": of(day), "model_id": "now"} | measured(value).as_row()
        for day, value in weeks
    ]
    home.put(MONITORING, rows)


def test_the_decision_holds_what_the_verdict_of_its_week_says(home: WrittenHome) -> None:
    write_results(home, ("2022-05-28", 0.61), (WEEK_END, 0.5), ("2022-06-11", 0.6))
    home.model("later")
    home.crown("later", "2022-06-05")
    verdict = MonitoringSnapshot(home.ctx, of(WEEK_END)).verdict
    receipt = write_retraining_decision(home.ctx, of(WEEK_END))
    decision = json.loads(home.ctx.layout.decision_file.read_text())
    assert receipt["decision"] == decision
    assert receipt["current"] is True
    assert (decision["decision_date"], decision["expires_on"], decision["model_id"]) == (WEEK_END, "2022-06-14", "now")
    assert decision["performance_score"] == verdict.performance_score == 0.5
    assert decision["retrain"] is verdict.retrain is True
    assert (decision["reason"], decision["evidence"]) == (verdict.reason, list(verdict.evidence))
    assert (decision["score_name"], decision["threshold"]) == (verdict.score_name, verdict.threshold)
    assert decision["remedy"] == receipt["remedy"] == verdict.remedy == "retrain"
    assert (decision["kind"], decision["trigger"]) == (verdict.kind, verdict.trigger) == ("refresh", "calendar")
    assert decision["next_refresh_on"] == str(verdict.next_refresh_on) == "2022-06-01"
    assert decision["decision_id"].startswith(f"monitoring-{WEEK_END}-")


def test_a_rerun_of_an_older_week_does_not_take_the_place_of_a_newer_decision(home: WrittenHome) -> None:
    write_results(home, ("2022-05-28", 0.61), (WEEK_END, 0.5))
    write_retraining_decision(home.ctx, of(WEEK_END))
    assert write_retraining_decision(home.ctx, of("2022-05-28"))["current"] is False
    assert json.loads(home.ctx.layout.decision_file.read_text())["decision_date"] == WEEK_END


def test_the_report_is_made_of_its_week_and_of_the_weeks_before_it(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(home, ("2022-05-21", 0.7), ("2022-05-28", 0.65), (WEEK_END, 0.5), ("2022-06-11", 0.9))
    home.model("later")
    home.crown("later", "2022-06-05")
    made: list[dict[str, Any]] = []
    render = render_report
    monkeypatch.setattr(reporting, "render_report", lambda facts: made.append(facts) or render(facts))
    receipt = generate_report(home.ctx, of(WEEK_END))
    (facts,) = made
    assert Path(receipt["report"]).read_text().startswith("<!")
    assert Path(receipt["report"]) == home.ctx.layout.report(of(WEEK_END))
    assert facts["champion"]["model_id"] == "now"
    assert facts["generated_at"] == "2022-06-05 06:00 UTC"
    assert [(row["week_end_date"], row["value"]) for row in facts["history"]] == [
        ("2022-05-21", 0.7),
        ("2022-05-28", 0.65),
        (WEEK_END, 0.5),
    ]
    assert facts["decision"]["performance_score"] == 0.5
    assert facts["score_profile"]["n_recent"] == 0
    assert [row["grade"] for row in facts["calibration_profile"]] == []


def done(home: WrittenHome, day: str = WEEK_END, **how: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What all steps of a week say together, and what stands of it in the activity file."""
    receipt = monitor(home.ctx, of(day), **how)
    (kept,) = (entry for entry in recent_entries(home.ctx) if entry["job"] == "monitor")
    return receipt, kept


def test_all_steps_of_a_week_give_its_score_its_report_and_its_decision(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metric_registry, "calculate_metrics", lambda inputs, settings: [measured()])
    receipt, kept = done(home)
    decision = json.loads(home.ctx.layout.decision_file.read_text())
    path = home.ctx.layout.report(of(WEEK_END))
    assert path.is_file()
    assert receipt == {
        "week_end_date": WEEK_END,
        "performance_score": 0.5,
        "decision": decision,
        "report": str(path),
        "reason": decision["reason"],
    }
    assert {name: kept.get(name) for name in receipt} == {**receipt, "decision": None}


def test_without_its_report_a_week_is_decided_all_the_same(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_registry, "calculate_metrics", lambda inputs, settings: [measured()])
    receipt, _ = done(home, report=False)
    assert (receipt["report"], receipt["performance_score"]) == (None, 0.5)
    assert not home.ctx.layout.report(of(WEEK_END)).exists()


@pytest.mark.parametrize(
    ("day", "reason"),
    [("2022-06-03", "2022-06-03 is not preprocessed"), (WEEK_END, "nothing could be measured; no report")],
)
def test_a_week_without_anything_measured_has_no_report_and_no_decision(
    home: WrittenHome, day: str, reason: str
) -> None:
    nothing = {"week_end_date": day, "performance_score": None, "decision": None, "report": None, "reason": reason}
    assert done(home, day)[0] == nothing
    assert not home.ctx.layout.decision_file.exists()


def sent_in(home: WrittenHome, monkeypatch: pytest.MonkeyPatch, day: str, *, alert: bool = True) -> list[str]:
    """The weeks of which a review sends alerts, each time that it does."""
    sent: list[str] = []

    def send(ctx: JobContext, week_end: date) -> dict[str, Any]:
        sent.append(str(week_end))
        return {}

    monkeypatch.setattr("p2pcredit.jobs.monitoring.alerts.send_alerts", send)
    monitor(home.ctx, of(day), alert=alert)
    return sent


@pytest.mark.parametrize("day", ["2022-06-03", WEEK_END])
def test_alerts_are_sent_once_also_of_a_week_without_a_decision(
    home: WrittenHome, monkeypatch: pytest.MonkeyPatch, day: str
) -> None:
    assert sent_in(home, monkeypatch, day) == [day]
    assert sent_in(home, monkeypatch, day, alert=False) == []


def test_alerts_of_a_week_with_a_decision_are_sent_once(home: WrittenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metric_registry, "calculate_metrics", lambda inputs, settings: [measured()])
    assert sent_in(home, monkeypatch, WEEK_END) == [WEEK_END]

"""Which jobs a replay calls on which day and at which instant, and what it counts."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.errors import BankError, UsageError
from p2pcredit.jobs import pipelines
from p2pcredit.jobs import replay as replaying
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.pipeline_graph import Pipeline, Step
from p2pcredit.jobs.pipelines import jobs_of
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange

THURSDAY, SATURDAY, SUNDAY, LAST = "2022-06-02", "2022-06-04", "2022-06-05", "2022-06-12"  # a Sunday, a week later
Calls = list[tuple[str, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    home = written_home(tmp_path)
    home.complete({f"2022-06-{day:02}": {} for day in range(1, 13)})
    return home


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What is called, for which days, at which instant.

    A training takes place on Friday, one is refused on Sunday without a model and on Monday with one, one fails on
    Tuesday. Only the first week has a decision.
    """
    seen: Calls = []

    def note(name: str, ctx: JobContext, days: date | DateRange | Sequence[date]) -> None:
        first, last = (days, days) if isinstance(days, date) else (min(days), max(days))
        said = f"{first:%d}" if isinstance(days, date) else f"{first:%d}-{last:%d}"
        seen.append((name, said, f"{ctx.at:%d %H:%M}"))

    def gives(function: str, day: date | DateRange) -> dict[str, Any]:
        number = day.last.day if isinstance(day, DateRange) else day.day
        if function == "train_if_due" and number == 7:
            raise UsageError("no luck")
        outcome, model_id = {3: ("champion", "m1"), 6: ("refused", "m2")}.get(number, ("refused", None))
        answers: dict[str, dict[str, Any]] = {
            "build_feature_store": {"rows": 10},
            "check_retraining": {"retrain": number in {3, 5, 6, 7}},
            "train_if_due": {"outcome": outcome, "model_id": model_id},
            "score_day": {"scored": 10, "caught_up": 0},
            "check_monitoring": {"monitor": True},
            "calculate_metrics": {"report": number == 4},
        }
        return answers.get(function, {})

    def stand_in(function: str) -> Any:
        def job(ctx: JobContext, *arguments: Any, **_: Any) -> dict[str, Any]:
            note(f"{function} {arguments[0]}" if len(arguments) > 1 else function, ctx, arguments[-1])
            return gives(function, arguments[-1])

        return job

    for job in jobs_of():
        module, _, function = job.rpartition(".")
        monkeypatch.setattr(importlib.import_module(f"p2pcredit.jobs.{module}"), function, stand_in(function))

    def preprocess(ctx: JobContext, days: DateRange) -> tuple[dict[str, Any], list[Any]]:
        note("preprocess", ctx, days)
        return {"features": 10 * len(days)}, []

    def score(ctx: JobContext, nights: Sequence[date]) -> int:
        note("score", ctx, nights)
        return 10 * len(nights)

    monkeypatch.setattr(replaying, "preprocess_and_judge", preprocess)
    monkeypatch.setattr(replaying, "score_nights", score)
    monkeypatch.setattr(replaying, "spans_together", lambda ctx, days: [days])
    return seen


def walked(home: WrittenHome, first: str = THURSDAY, last: str = LAST, **how: bool) -> dict[str, Any]:
    return replay(home.ctx, DateRange(of(first), of(last)), **how)


def names(calls: Calls, at: str) -> list[str]:
    return [name for name, _, instant in calls if instant == at]


def test_days_are_scored_together_up_to_each_training_and_each_review_and_the_rest_at_the_end(
    home: WrittenHome, calls: Calls
) -> None:
    receipt = walked(home)
    assert [call for call in calls if call[0] in {"preprocess", "train_if_due", "score", "calculate_metrics"}] == [
        ("preprocess", "02-12", "13 01:00"),
        ("score", "02-02", "03 02:00"),
        ("train_if_due", "03", "04 02:00"),
        ("score", "03-03", "04 02:00"),
        ("score", "04-04", "05 02:00"),
        ("calculate_metrics", "04", "05 06:00"),
        ("train_if_due", "05", "06 02:00"),
        ("score", "05-05", "06 02:00"),
        ("train_if_due", "06", "07 02:00"),
        ("score", "06-06", "07 02:00"),
        ("train_if_due", "07", "08 02:00"),
        ("score", "08-11", "12 02:00"),
        ("calculate_metrics", "11", "12 06:00"),
        ("score", "12-12", "13 02:00"),
    ]
    del receipt["seconds"]
    assert receipt == {"days": 11, "weeks": 2, "trainings": 2, "decisions": 1, "scored": 100, "reason": None}


def test_the_steps_of_a_night_with_a_training_are_done_in_the_order_of_the_dag(home: WrittenHome, calls: Calls) -> None:
    walked(home)
    assert names(calls, "04 02:00") == [
        "check_retraining",
        "train_if_due",
        "get_model",
        "score",
        "clear_decision",
        "log_retraining",
    ]


def test_a_failed_training_fails_its_night_alerts_and_the_next_nights_go_on(home: WrittenHome, calls: Calls) -> None:
    walked(home)
    assert names(calls, "08 02:00") == ["check_retraining", "train_if_due"], "nothing is scored, cleared or logged"
    assert "check_retraining" in names(calls, "09 02:00")
    (kept,) = map(json.loads, home.ctx.layout.replay_alerts.read_text().splitlines())
    body = "P2PCreditScore_ModelTrainingInference.train_model_task of 2022-06-07 failed: no luck"
    assert (kept["at"], kept["body"]) == ("2022-06-08T02:00:00+00:00", body)


def test_a_step_other_than_a_training_that_fails_ends_the_replay(
    home: WrittenHome, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise BankError("m1 was altered")

    monkeypatch.setattr("p2pcredit.jobs.scoring.champions.get_model", damaged)
    with pytest.raises(BankError, match="altered"):
        walked(home)


def test_a_review_is_done_in_the_order_of_the_dag_and_sends_its_alerts(home: WrittenHome, calls: Calls) -> None:
    walked(home, all_reports=True)
    assert names(calls, "05 06:00") == [
        "check_monitoring",
        "get_monitored_model",
        "calculate_metrics",
        "generate_report",
        "write_retraining_decision",
        "send_alerts",
    ]
    assert names(calls, "12 06:00") == ["check_monitoring", "get_monitored_model", "calculate_metrics"]


def test_only_the_last_week_has_a_report_where_not_all_are_asked_for(home: WrittenHome, calls: Calls) -> None:
    walked(home)
    assert [name for name, _, _ in calls if name == "generate_report"] == []
    walked(home, last=SATURDAY)
    assert [name for name, _, _ in calls if name == "generate_report"] == ["generate_report"]


def test_the_review_of_the_last_day_can_be_left_to_others(home: WrittenHome, calls: Calls) -> None:
    left = walked(home, last="2022-06-11", skip_last_monitoring=True)
    assert (left["weeks"], left["scored"]) == (1, 90)
    assert ("score", "08-11", "12 02:00") in calls
    calls.clear()
    assert walked(home, last="2022-06-12", skip_last_monitoring=True)["weeks"] == 2


def test_day_by_day_does_every_step_of_the_dags_and_nothing_in_spans(home: WrittenHome, calls: Calls) -> None:
    receipt = walked(home, last="2022-06-03", day_by_day=True)
    feeds = [
        "loan_terms",
        "demographic",
        "financial",
        "credit_history",
        "loan_performance",
        "applications",
        "own_columns",
    ]
    stages = [f"{job} {feed}" for job in ("check_source", "load_bronze", "refine_silver") for feed in feeds]
    preprocessing = ["make_up_days", *stages]
    assert [call[0] for call in calls] == [
        *(*preprocessing, "build_feature_store", "build_label_store", "build_cash_flows", "complete_days"),
        *("check_retraining", "get_model", "score_day", "clear_decision", "log_retraining"),
        *(*preprocessing, "build_feature_store", "build_label_store", "build_cash_flows", "complete_days"),
        *("check_retraining", "train_if_due", "get_model", "score_day", "clear_decision", "log_retraining"),
    ]
    assert (receipt["trainings"], receipt["scored"]) == (1, 20)


def test_a_fourth_pipeline_is_walked_at_its_time_of_the_night(
    home: WrittenHome, calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    fourth = Pipeline("Audit", "30 1 * * 5", "audit", (Step("look", "decisions.clear_decision"),))
    monkeypatch.setattr(pipelines, "PIPELINES", (*pipelines.PIPELINES, fourth))
    walked(home, last="2022-06-03")
    assert [call for call in calls if call[2].endswith("01:30")] == [("clear_decision", "02", "03 01:30")]
    places = [calls.index(call) for call in calls if call[2] in {"03 01:30", "03 02:00"}]
    assert places == sorted(places)


def test_days_without_a_saturday_have_no_week(home: WrittenHome, calls: Calls) -> None:
    assert walked(home, first=SUNDAY, last="2022-06-06")["weeks"] == 0
    assert of(SATURDAY) + timedelta(days=1) == of(SUNDAY)

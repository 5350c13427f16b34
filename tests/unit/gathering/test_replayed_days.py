"""Which jobs a replay calls on which day and at which instant, and what it counts."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from written_home import WrittenHome, of, written_home

from p2pcredit.errors import UsageError
from p2pcredit.jobs import replay as replaying
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange

THURSDAY, SATURDAY, SUNDAY, LAST = "2022-06-02", "2022-06-04", "2022-06-05", "2022-06-12"  # a Sunday, a week later
Calls = list[tuple[str, str, str]]


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    return written_home(tmp_path)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """What is called, for which days, at which instant; a training takes place on Friday, one is refused on Sunday."""
    seen: Calls = []

    def note(name: str, ctx: JobContext, days: date | DateRange) -> None:
        told = f"{days:%d}" if isinstance(days, date) else f"{days.first:%d}-{days.last:%d}"
        seen.append((name, told, f"{ctx.at:%d %H:%M}"))

    def preprocess(ctx: JobContext, days: DateRange) -> tuple[dict[str, Any], list[Any]]:
        note("preprocess", ctx, days)
        return {"features": 10 * len(days)}, []

    def train(ctx: JobContext, day: date) -> dict[str, Any]:
        outcomes: dict[int, tuple[str, str | None]] = {
            3: ("champion", "m1"),
            5: ("refused", None),
            6: ("refused", "m2"),
        }
        outcome, model_id = outcomes.get(day.day, ("none", None))
        if day.day == 7:
            raise UsageError("no luck")
        return {"outcome": outcome, "model_id": model_id}

    def infer(ctx: JobContext, days: DateRange) -> dict[str, Any]:
        note("infer", ctx, days)
        return {"scored": 10 * len(days)}

    def monitor(ctx: JobContext, day: date, *, report: bool) -> dict[str, Any]:
        note(f"monitor{' with report' if report else ''}", ctx, day)
        return {"decision": {} if day == of(SATURDAY) else None}

    monkeypatch.setattr(replaying, "preprocess_and_judge", preprocess)
    monkeypatch.setattr(replaying, "train_if_due", train)
    monkeypatch.setattr(replaying, "run_inference", infer)
    monkeypatch.setattr(replaying, "monitor", monitor)
    monkeypatch.setattr(replaying, "clear_decision", lambda ctx, day: note("clear", ctx, day))
    monkeypatch.setattr(replaying, "log_retraining", lambda ctx, day: note("log", ctx, day))
    monkeypatch.setattr(replaying, "spans_together", lambda ctx, days: [days])
    return seen


def walked(home: WrittenHome, first: str = THURSDAY, last: str = LAST, **how: bool) -> dict[str, Any]:
    return replay(home.ctx, DateRange(of(first), of(last)), **how)


def test_days_are_scored_up_to_each_saturday_which_is_then_reviewed_and_the_rest_at_the_end(
    home: WrittenHome, calls: Calls
) -> None:
    receipt = walked(home)
    assert [call for call in calls if call[0] not in {"clear", "log"}] == [
        ("preprocess", "02-12", "13 01:00"),
        ("infer", "02-04", "05 02:00"),
        ("monitor", "04", "05 06:00"),
        ("infer", "05-11", "12 02:00"),
        ("monitor with report", "11", "12 06:00"),
        ("infer", "12-12", "13 02:00"),
    ]
    del receipt["seconds"]
    assert receipt == {"days": 11, "weeks": 2, "trainings": 2, "decisions": 1, "scored": 110, "reason": None}


def test_a_training_that_made_a_model_is_cleared_and_logged_and_no_other(home: WrittenHome, calls: Calls) -> None:
    walked(home)
    assert [call for call in calls if call[0] in {"clear", "log"}] == [
        ("clear", "03", "04 02:00"),
        ("log", "03", "04 02:00"),
        ("clear", "06", "07 02:00"),
        ("log", "06", "07 02:00"),
    ]


def test_a_failed_training_is_said_and_the_days_go_on(home: WrittenHome, calls: Calls) -> None:
    walked(home)
    assert "training of 2022-06-07 failed: no luck" in home.ctx.layout.activity.read_text()


def test_every_week_has_its_report_where_all_are_asked_for(home: WrittenHome, calls: Calls) -> None:
    walked(home, all_reports=True)
    assert [call[:2] for call in calls if call[0].startswith("monitor")] == [
        ("monitor with report", "04"),
        ("monitor with report", "11"),
    ]


def test_the_review_of_the_last_day_can_be_left_to_others(home: WrittenHome, calls: Calls) -> None:
    left = walked(home, last="2022-06-11", skip_last_monitoring=True)
    assert (left["weeks"], left["scored"]) == (1, 100)
    assert ("infer", "05-11", "12 02:00") in calls
    calls.clear()
    assert walked(home, last="2022-06-12", skip_last_monitoring=True)["weeks"] == 2


def test_day_by_day_does_nothing_in_spans(home: WrittenHome, calls: Calls) -> None:
    walked(home, last="2022-06-04", day_by_day=True)
    assert [call for call in calls if call[0] not in {"clear", "log"}] == [
        ("preprocess", "02-02", "03 01:00"),
        ("infer", "02-02", "03 02:00"),
        ("preprocess", "03-03", "04 01:00"),
        ("infer", "03-03", "04 02:00"),
        ("preprocess", "04-04", "05 01:00"),
        ("infer", "04-04", "05 02:00"),
        ("monitor with report", "04", "05 06:00"),
    ]


def test_days_without_a_saturday_have_no_week(home: WrittenHome, calls: Calls) -> None:
    assert walked(home, first=SUNDAY, last="2022-06-06")["weeks"] == 0
    assert of(SATURDAY) + timedelta(days=1) == of(SUNDAY)

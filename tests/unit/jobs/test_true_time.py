"""Every line says when it was truly written, beside the instant that its job reckoned with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.jobs.activity import keep_alert, record
from p2pcredit.jobs.context import JobContext
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout

SIMULATED, NOW = datetime(2011, 3, 3, 2, tzinfo=UTC), datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
TRUE, LOGICAL = "2026-11-23T09:30:00+00:00", "2011-03-03T02:00:00+00:00"
SCORED = {"model_id": "m", "days": {"2011-03-02": 1}}


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    """A scheduled run at a simulated clock."""
    return JobContext(Layout(tmp_path), Settings(), "run", SIMULATED, clock=lambda: NOW, logical_at=SIMULATED)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_ledger_and_activity_lines_have_the_true_time_beside_the_simulated_and_the_logical_one(ctx: JobContext) -> None:
    ctx.ledger.append(EventKind.SCORED, at=ctx.at, run_id=ctx.run_id, facts=SCORED)
    record(ctx, "infer", {})
    keep_alert(ctx, "title", "body")
    written = json.loads((ctx.layout.ledger / "00000001.json").read_text())
    for line in (written, *lines(ctx.layout.activity), *lines(ctx.layout.replay_alerts)):
        assert (line["at"], line["written_at"], line["logical_at"]) == (LOGICAL, TRUE, LOGICAL)
    (event,) = ctx.ledger.events()
    assert event.facts == SCORED, "times are no facts of a line"
    assert event.as_json() == written


def test_where_time_is_true_the_logical_one_still_stands_beside_it(ctx: JobContext) -> None:
    record(replace(ctx, at=NOW), "infer", {})
    (line,) = lines(ctx.layout.activity)
    assert (line["at"], line["written_at"], line["logical_at"]) == (TRUE, TRUE, LOGICAL)


def test_a_line_is_dated_when_it_is_written_and_not_when_its_job_began(ctx: JobContext) -> None:
    ticks = iter(NOW + timedelta(hours=n) for n in range(9))
    moved = replace(ctx, clock=lambda: next(ticks)).moved_to(SIMULATED + timedelta(days=1))
    for _ in range(2):
        moved.ledger.append(EventKind.SCORED, at=moved.at, run_id="r", facts=SCORED)
    assert [event.times["written_at"][11:16] for event in moved.ledger.events()] == ["09:30", "10:30"]


def test_a_job_without_a_clock_or_a_schedule_writes_the_lines_of_before(tmp_path: Path) -> None:
    plain = JobContext(Layout(tmp_path), Settings(), "run", SIMULATED)
    record(plain, "infer", {})
    assert lines(plain.layout.activity) == [{"at": LOGICAL, "run_id": "run", "job": "infer"}]


def test_a_line_of_before_is_read_and_two_lines_that_differ_in_true_time_say_the_same() -> None:
    old = {"number": 1, "event": "scored", "at": LOGICAL, "run_id": "r", **SCORED}
    new = {**old, "written_at": TRUE, "logical_at": LOGICAL}
    assert LedgerEvent.from_json(old) == LedgerEvent.from_json(new)
    assert (LedgerEvent.from_json(old).as_json(), LedgerEvent.from_json(new).as_json()) == (old, new)

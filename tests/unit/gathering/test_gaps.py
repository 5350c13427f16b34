"""Each way in which a day or a week can be passed over is named, with the command that fills it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home
from tests.unit.jobs.small_days import HEADERS

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import record
from p2pcredit.jobs.context import Caller
from p2pcredit.jobs.gaps.find import SKIPPED_WEEK, find_gaps
from p2pcredit.jobs.home.data_checks import check_gaps
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.jobs.training.retrain import log_retraining
from p2pcredit.monitoring.metrics.quality import ROWS_METRIC
from p2pcredit.retraining.events import EventKind

FIRST, LAST = "2022-05-01", "2022-06-04"  # a Sunday, a Saturday
CALLERS = (Caller.SCHEDULED, Caller.REPLAY, Caller.SCHEDULED, Caller.PERSON, Caller.SCHEDULED)
DAYS = [of(FIRST) + timedelta(days=n) for n in range(35)]
SATURDAYS = [day for day in DAYS if day.weekday() == 5]


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    return written_home(tmp_path)


def complete(home: WrittenHome, but: Iterable[str] = ()) -> None:
    home.complete({str(day): {} for day in DAYS if str(day) not in set(but)})


def land(home: WrittenHome, day: str, but: Iterable[str] = ()) -> None:
    for feed in set(FEEDS) - set(but):
        path = home.ctx.layout.landing / feed / f"{feed}_{of(day):%Y_%m_%d}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{HEADERS[feed]}\n")


def score(home: WrittenHome, but: Iterable[str] = ()) -> None:
    home.crown("now", FIRST)
    days = {str(day): 1 for day in DAYS if str(day) not in set(but)}
    home.say(EventKind.SCORED, model_id="now", days=days)


def monitor(home: WrittenHome, *weeks: date, undecided: Iterable[date] = ()) -> None:
    result = MetricResult("auc", "all", 0.7, 0.6, 0.8, 900, 0.4, Status.PASS, 0.62).as_row()
    rows = [{"snapshot_date": week, "week_end_date": week, "model_id": "now", **result} for week in weeks]
    home.put(MONITORING, rows)
    for week in sorted(set(weeks) - set(undecided)):
        home.decided(week)
        finish(home, week)


def finish(home: WrittenHome, week: date, caller: Caller = Caller.SCHEDULED, *, report: bool = True) -> None:
    """Leave what the last steps of a review leave: the report, and the line of the alerts."""
    if report:
        path = home.ctx.layout.report(week)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a report")
        record(home.ctx, "generate_report", {"week_end_date": str(week), "caller": str(caller)})
    record(home.ctx, "send_alerts", {"week_end_date": str(week), "caller": str(caller)})


def found(home: WrittenHome) -> list[tuple[str, str, str]]:
    return [(str(gap.lack), str(gap.status), gap.command) for gap in find_gaps(home.ctx)]


def test_a_home_in_which_every_day_is_done_has_no_gap(home: WrittenHome) -> None:
    complete(home)
    score(home)
    monitor(home, *SATURDAYS)
    assert found(home) == []
    assert check_gaps(home.ctx)[0] is Status.PASS
    assert status(home.ctx)["gaps"] == []


def test_landed_days_between_complete_ones_are_a_gap_for_each_stretch(home: WrittenHome) -> None:
    missing = ["2022-05-10", "2022-05-11", "2022-05-20"]
    complete(home, but=missing)
    for day in missing:
        land(home, day)
    assert found(home) == [
        ("not complete", "fail", "p2pcredit preprocess --from 2022-05-10 --to 2022-05-11"),
        ("not complete", "fail", "p2pcredit preprocess --date 2022-05-20"),
    ]


def test_a_day_of_which_a_feed_is_missing_names_the_feed(home: WrittenHome) -> None:
    complete(home, but=["2022-05-10"])
    land(home, "2022-05-10", but=["financial"])
    (gap,) = find_gaps(home.ctx)
    assert gap.status is Status.FAIL
    assert gap.line.startswith("2022-05-10 landed without financial; land it, then fill: p2pcredit preprocess --date")


def test_a_day_without_any_landing_is_undetermined_where_such_days_usually_come_and_nothing_where_they_do_not(
    home: WrittenHome,
) -> None:
    sundays = [str(day) for day in DAYS if day.weekday() == 6][1:]
    complete(home, but=["2022-05-25", *sundays])
    assert found(home) == [
        # after the first Sunday alone it cannot be known yet that Sundays do not come
        ("nothing landed", "undetermined", "p2pcredit preprocess --date 2022-05-08"),
        ("nothing landed", "undetermined", "p2pcredit preprocess --date 2022-05-15"),
        ("nothing landed", "undetermined", "p2pcredit preprocess --date 2022-05-25"),
    ]
    assert check_gaps(home.ctx)[0] is Status.UNDETERMINED
    assert examine(home.ctx)["checks"]["gaps"]["status"] == "undetermined"


def test_days_that_landed_after_the_newest_complete_one_wait_and_are_no_failure(home: WrittenHome) -> None:
    complete(home)
    land(home, "2022-06-05")
    assert found(home) == [("not complete", "undetermined", "p2pcredit preprocess --date 2022-06-05")]


def test_a_day_that_landed_in_part_after_the_newest_complete_one_is_named_and_fails_once_a_whole_one_followed(
    home: WrittenHome,
) -> None:
    complete(home)
    land(home, "2022-06-05", but=["loan_terms", "financial"])
    (gap,) = find_gaps(home.ctx)
    assert (gap.status, set(gap.feeds)) == (Status.UNDETERMINED, {"loan_terms", "financial"})
    land(home, "2022-06-06")
    part, whole = find_gaps(home.ctx)
    assert (part.status, whole.status) == (Status.FAIL, Status.UNDETERMINED)
    assert part.line.startswith("2022-06-05 landed without ")
    assert part.line.endswith("fill: p2pcredit preprocess --date 2022-06-05")
    assert check_gaps(home.ctx)[0] is Status.FAIL


def test_a_complete_day_between_scored_ones_that_is_not_scored_is_a_gap(home: WrittenHome) -> None:
    complete(home)
    score(home, but=["2022-05-10", "2022-05-11", LAST])
    assert found(home) == [
        ("not scored", "fail", "p2pcredit infer --from 2022-05-10 --to 2022-05-11"),
        ("not scored", "undetermined", f"p2pcredit infer --date {LAST}"),
    ]


def test_days_without_a_champion_are_not_missed(home: WrittenHome) -> None:
    complete(home)
    home.say(EventKind.SCORED, model_id="now", days={FIRST: 1, LAST: 1})
    assert found(home) == []


def test_a_week_between_monitored_ones_that_is_not_monitored_is_a_gap(home: WrittenHome) -> None:
    complete(home)
    score(home)
    monitor(home, SATURDAYS[0], SATURDAYS[2])
    assert found(home) == [
        ("not monitored", "fail", f"p2pcredit monitor --week-end {SATURDAYS[1]}"),
        ("not monitored", "undetermined", f"p2pcredit monitor --week-end {SATURDAYS[3]}"),
        ("not monitored", "undetermined", f"p2pcredit monitor --week-end {SATURDAYS[4]}"),
    ]


def test_a_week_that_was_measured_and_whose_decision_was_marked_as_success_by_hand_is_a_gap(home: WrittenHome) -> None:
    complete(home)
    score(home)
    monitor(home, *SATURDAYS, undecided=[SATURDAYS[1], SATURDAYS[4]])
    assert found(home) == [
        ("measured, not decided", "fail", f"p2pcredit monitor --week-end {SATURDAYS[1]}"),
        ("measured, not decided", "undetermined", f"p2pcredit monitor --week-end {SATURDAYS[4]}"),
    ]


def test_a_decided_week_without_its_report_is_a_gap(home: WrittenHome) -> None:
    complete(home)
    score(home)
    monitor(home, *SATURDAYS, undecided=SATURDAYS)
    for week, by, report in zip(SATURDAYS, CALLERS, (False, False, True, False, False), strict=True):
        home.decided(week)
        finish(home, week, by, report=report)
    home.ctx.layout.report(SATURDAYS[2]).unlink()
    assert found(home) == [
        ("decided, its report not written", "fail", f"p2pcredit monitor --week-end {SATURDAYS[0]}"),
        # written once, and gone
        ("decided, its report not written", "undetermined", f"p2pcredit monitor --week-end {SATURDAYS[2]}"),
        ("decided, its report not written", "fail", f"p2pcredit monitor --week-end {SATURDAYS[3]}"),
        # the newest: its run may be about to write it
        ("decided, its report not written", "undetermined", f"p2pcredit monitor --week-end {SATURDAYS[4]}"),
    ]
    said = "week to 2022-05-07 decided, its report not written; fill: p2pcredit monitor --week-end 2022-05-07"
    assert said in check_gaps(home.ctx)[1]
    assert said in send_alerts(home.ctx, SATURDAYS[4])["alerts"]


def test_a_decided_week_whose_alerts_were_not_sent_is_a_gap_as_far_as_the_activity_file_reaches(
    home: WrittenHome,
) -> None:
    complete(home)
    score(home)
    monitor(home, *SATURDAYS, undecided=SATURDAYS[:2])
    home.decided(SATURDAYS[1])
    assert found(home) == [
        ("measured, not decided", "fail", f"p2pcredit monitor --week-end {SATURDAYS[0]}"),
        ("decided, its alerts not sent", "fail", f"p2pcredit monitor --week-end {SATURDAYS[1]}"),
    ]
    home.ctx.layout.activity.unlink()
    assert [lack for lack, _, _ in found(home)] == ["measured, not decided"]


def test_a_day_before_the_first_scored_one_is_a_gap_where_a_run_for_it_looked_for_a_champion(
    home: WrittenHome,
) -> None:
    complete(home)
    home.crown("now", FIRST)
    assert found(home) == []
    record(home.ctx, "check_retraining", {"snapshot_date": "2022-06-02", "retrain": False, "decision_id": None})
    assert found(home) == [("not scored", "undetermined", "p2pcredit infer --date 2022-06-02")]
    home.say(EventKind.SCORED, model_id="now", days={"2022-06-03": 1, LAST: 1})
    assert found(home) == [("not scored", "fail", "p2pcredit infer --date 2022-06-02")]


def test_a_first_training_that_was_due_and_did_not_begin_is_a_gap_until_one_begins(home: WrittenHome) -> None:
    complete(home)
    record(home.ctx, "check_retraining", {"snapshot_date": LAST, "retrain": True, "decision_id": None})
    assert found(home) == [("retraining due, not begun", "undetermined", f"p2pcredit train --as-of {LAST}")]
    home.say(EventKind.CLAIMED, decision_id=None, snapshot_date=LAST, reason="first")
    assert found(home) == []


def test_a_week_retrained_without_its_log_is_a_gap(home: WrittenHome) -> None:
    complete(home)
    for day in (FIRST, "2022-05-23"):
        home.trained(day, 9)
    assert found(home) == [
        ("retrained, not logged", "fail", f"p2pcredit train --as-of {FIRST}"),
        ("retrained, not logged", "undetermined", "p2pcredit train --as-of 2022-05-23"),
    ]
    log_retraining(home.ctx, of("2022-06-04"))
    assert found(home) == [("retrained, not logged", "fail", f"p2pcredit train --as-of {FIRST}")]


def test_a_week_without_evidence_needs_no_decision(home: WrittenHome) -> None:
    complete(home)
    score(home)
    clean = MetricResult(ROWS_METRIC, "all", 0.0, None, None, 900, 0.1, Status.PASS, None).as_row()
    rows = [{"snapshot_date": week, "week_end_date": week, "model_id": "now", **clean} for week in SATURDAYS]
    home.put(MONITORING, rows)
    assert found(home) == []


def test_a_home_that_was_never_monitored_has_missed_no_week_but_one_that_a_run_passed_over(home: WrittenHome) -> None:
    complete(home)
    score(home)
    assert found(home) == []
    record(home.ctx, SKIPPED_WEEK, {"week_end_date": LAST, "reason": "not preprocessed"})
    assert found(home) == [("not monitored", "fail", f"p2pcredit monitor --week-end {LAST}")]
    monitor(home, of(LAST))
    assert found(home) == []


def test_every_gap_is_named_by_doctor_status_and_alerts_with_its_command(home: WrittenHome) -> None:
    complete(home, but=["2022-05-10"])
    land(home, "2022-05-10")
    score(home, but=["2022-05-10", "2022-05-11"])
    monitor(home, *(week for week in SATURDAYS if week != SATURDAYS[1]))
    commands = [
        "p2pcredit preprocess --date 2022-05-10",
        "p2pcredit infer --date 2022-05-11",
        f"p2pcredit monitor --week-end {SATURDAYS[1]}",
    ]
    doctor = examine(home.ctx)
    assert doctor["healthy"] is False
    alerts = send_alerts(home.ctx, of(LAST))
    for command in commands:
        assert command in doctor["reason"]
        assert any(command in line for line in alerts["alerts"])
    assert [gap["command"] for gap in status(home.ctx)["gaps"]] == commands


def test_many_gaps_are_counted_beyond_the_first_few(home: WrittenHome) -> None:
    missing = [str(day) for day in DAYS[1:-1:2]]
    complete(home, but=missing)
    for day in missing:
        land(home, day)
    said = check_gaps(home.ctx)[1]
    assert said.count("p2pcredit preprocess") == 5
    assert said.endswith(f"; {len(missing) - 5} more gaps; see 'p2pcredit status'")


def test_a_look_back_from_a_week_sees_nothing_of_later_days(home: WrittenHome) -> None:
    complete(home, but=["2022-05-25"])
    land(home, "2022-05-25")
    assert find_gaps(home.ctx, SATURDAYS[1]) == []
    assert len(find_gaps(home.ctx, SATURDAYS[-1])) == 1

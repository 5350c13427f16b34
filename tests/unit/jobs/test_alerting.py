from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.alerts import Finding
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import recent_entries, remember_failed_command, remember_failure, warn
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.monitoring.alerts import alert_failure, alert_once, send_alerts
from p2pcredit.monitoring.alerts import LONGEST_MESSAGE, MOST_LINES
from p2pcredit.periods import DateRange
from p2pcredit.settings import AlertSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a library of Apprise's

WEEK_END = date(2024, 1, 13)
SECRET = "s3cr3t-t0ken-of-a-channel"


def context(home: Path, *urls: str) -> JobContext:
    settings = Settings(alerts=AlertSettings(urls=urls))
    return JobContext(Layout(home), settings, "test", datetime(2024, 1, 14, 6, tzinfo=UTC))


def measured(ctx: JobContext, status: Status) -> None:
    result = MetricResult("auc", "all", 0.55, 0.52, 0.58, 900, 0.4, status, 0.62)
    row = {"snapshot_date": WEEK_END, "week_end_date": WEEK_END, "model_id": "m", **result.as_row()}
    Lake(ctx.layout).replace(MONITORING, pl.DataFrame([row], schema=MONITORING.schema), DateRange(WEEK_END, WEEK_END))


def everything_written(home: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in home.rglob("*") if path.is_file())


def test_a_week_in_which_nothing_failed_alerts_nobody(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    measured(ctx, Status.UNDETERMINED)
    assert send_alerts(ctx, WEEK_END)["reason"] == "nothing to alert"


def test_without_a_channel_the_log_says_what_was_not_sent(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ctx = context(tmp_path)
    measured(ctx, Status.FAIL)
    logger = logging.getLogger("p2pcredit")
    logger.addHandler(caplog.handler)
    try:
        receipt = send_alerts(ctx, WEEK_END)
    finally:
        logger.removeHandler(caplog.handler)
    assert (receipt["sent"], receipt["channels"]) == (0, 0)
    assert "no alert channel configured" in receipt["reason"]
    assert "auc (all) failed: 0.550 against 0.620, n=900" in caplog.text


def test_a_failed_check_and_a_warning_reach_the_channel(tmp_path: Path, channel: Any) -> None:
    ctx = context(tmp_path, channel.url)
    measured(ctx, Status.FAIL)
    warn(ctx, "the decision file could not be read")
    assert send_alerts(ctx, WEEK_END)["sent"] == 1
    (message,) = channel.seen
    assert b"auc (all) failed" in message
    assert b"the decision file could not be read" in message


def test_a_channel_that_does_not_answer_is_said_without_its_address(tmp_path: Path) -> None:
    ctx = context(tmp_path, f"json://127.0.0.1:9/{SECRET}", f"nonsense-{SECRET}")
    measured(ctx, Status.FAIL)
    receipt = send_alerts(ctx, WEEK_END)
    assert (receipt["sent"], receipt["channels"]) == (0, 2)
    written = everything_written(tmp_path)
    assert "alert channel 1 did not take the message" in written
    assert "alert channel 2 is not an address Apprise knows" in written
    assert SECRET not in written


def test_loggers_that_would_write_addresses_down_speak_again_afterwards(tmp_path: Path, channel: Any) -> None:
    library = logging.getLogger("urllib3")
    before = library.level
    library.setLevel(logging.ERROR)
    try:
        ctx = context(tmp_path, channel.url)
        measured(ctx, Status.FAIL)
        assert send_alerts(ctx, WEEK_END)["sent"] == 1
        assert library.level == logging.ERROR
    finally:
        library.setLevel(before)


def monitored(ctx: JobContext, *results: MetricResult) -> None:
    rows = [{"snapshot_date": WEEK_END, "week_end_date": WEEK_END, "model_id": "m", **r.as_row()} for r in results]
    Lake(ctx.layout).replace(MONITORING, pl.DataFrame(rows, schema=MONITORING.schema), DateRange(WEEK_END, WEEK_END))


def test_a_feed_above_its_quarantine_limit_alerts(tmp_path: Path, channel: Any) -> None:
    ctx = context(tmp_path, channel.url)
    monitored(ctx, MetricResult("quarantined_share", "feed=financial", 0.4, 0.3, 0.5, 90, None, Status.FAIL, 0.05))
    receipt = send_alerts(ctx, WEEK_END)
    assert receipt["alerts"] == ["quarantined_share (feed=financial) failed: 0.400 against 0.050, n=90"]
    assert (receipt["severities"], receipt["sent"]) == (["critical"], 1)
    assert b"critical: quarantined_share" in channel.seen[0]
    assert b"1 critical" in channel.seen[0]  # in the title


def test_alerts_stand_by_severity_and_the_receipt_says_which_each_is(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    warn(ctx, "a swap set could not be written")
    remember_failure(ctx, "preprocess", ValueError("no disk"))
    monitored(ctx, MetricResult("auc", "vintage=2010Q1", 0.5, None, None, 90, None, Status.FAIL, 0.62))
    receipt = send_alerts(ctx, WEEK_END)
    assert receipt["severities"] == ["critical", "warning", "info"]
    assert receipt["alerts"][0] == "warning: preprocess failed: no disk"


def test_a_persons_failed_command_never_alerts_the_team(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    remember_failed_command(ctx, "replay", ValueError("--to lies before --from"))
    (kept,) = recent_entries(ctx)
    assert (kept["job"], kept["command"], kept["message"]) == ("failed_command", "replay", "--to lies before --from")
    assert send_alerts(ctx, WEEK_END)["reason"] == "nothing to alert"


def test_a_warning_about_data_or_model_alerts_whoever_ran_the_job(tmp_path: Path) -> None:
    for caller in (Caller.PERSON, Caller.SCHEDULED):
        ctx = replace(context(tmp_path / caller), caller=caller)
        warn(ctx, "the decision file could not be read")
        assert send_alerts(ctx, WEEK_END)["alerts"] == ["warning: the decision file could not be read"]


def test_what_a_replay_warns_of_at_its_simulated_clock_alerts_nobody(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    warn(replace(ctx, caller=Caller.REPLAY).moved_to(ctx.at - timedelta(days=1)), "training of 2024-01-12 failed")
    assert send_alerts(ctx, WEEK_END)["alerts"] == []
    assert "training of 2024-01-12 failed" in ctx.layout.activity.read_text()


def test_a_warning_of_a_clock_that_is_ahead_waits_for_its_week(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    warn(ctx.moved_to(ctx.at + timedelta(days=365)), "later")
    assert send_alerts(ctx, WEEK_END)["alerts"] == []


def test_warnings_since_the_last_review_are_told_where_reviews_were_skipped(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    for days, message in ((40, "told already"), (20, "in between"), (9, "nine days ago")):
        warn(ctx.moved_to(ctx.at - timedelta(days=days)), message)
        if days == 40:
            send_alerts(ctx.moved_to(ctx.at - timedelta(days=30)), WEEK_END - timedelta(days=28))
    assert send_alerts(ctx, WEEK_END)["alerts"] == ["warning: in between", "warning: nine days ago"]
    assert send_alerts(ctx, WEEK_END)["alerts"] == []


def test_the_same_warning_of_seven_nights_is_one_line(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    for night in range(7):
        warn(ctx.moved_to(ctx.at - timedelta(days=night)), "feed financial has no column annual_income")
    assert send_alerts(ctx, WEEK_END)["alerts"] == ["warning: feed financial has no column annual_income (7 times)"]


def test_an_alert_of_a_failure_leaves_out_values_found_in_data(tmp_path: Path, channel: Any) -> None:
    ctx = context(tmp_path, channel.url)
    broken = ValueError('conversion to f64 failed in column "dti" for 1 out of 3 values: ["Jane Doe, 7"]')
    alert_failure(ctx, "preprocess", broken)
    send_alerts(ctx, WEEK_END)
    told = b"".join(channel.seen) + ctx.layout.activity.read_bytes()
    assert b"Jane" not in told
    assert b"for 1 out of 3 values: [...]" in told


def test_an_error_may_say_in_which_words_it_is_told(tmp_path: Path, channel: Any) -> None:
    error = ValueError("KeyError: 'Jane Doe'")
    error.without_values = "KeyError; see the task's log"  # type: ignore[attr-defined]
    assert alert_failure(context(tmp_path, channel.url), "infer", error)["message"] == (
        "infer failed: KeyError; see the task's log"
    )
    assert b"Jane" not in channel.seen[0]


def test_the_review_of_a_replay_alerts_into_a_file_of_what_replays_warned_of_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context(tmp_path, f"json://127.0.0.1:9/{SECRET}")
    monkeypatch.setattr("p2pcredit.jobs.monitoring.alerts._notify", lambda *_: pytest.fail("told a channel"))
    replayed = replace(ctx, caller=Caller.REPLAY)
    warn(ctx.moved_to(ctx.at - timedelta(days=1)), "of a person")
    warn(replayed.moved_to(ctx.at - timedelta(days=1)), "of the replay")
    receipt = send_alerts(replayed, WEEK_END)
    assert (receipt["alerts"], receipt["sent"], receipt["channels"]) == (["warning: of the replay"], 0, 0)
    (kept,) = map(json.loads, ctx.layout.replay_alerts.read_text().splitlines())
    title = "P2PCreditScore, week to 2024-01-13: 1 warning"
    assert kept == {"at": "2024-01-14T06:00:00+00:00", "title": title, "body": "warning: of the replay"}


def test_the_review_of_a_replay_is_not_the_last_review_of_the_team(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    warn(ctx.moved_to(ctx.at - timedelta(days=20)), "twenty days ago")
    send_alerts(ctx.moved_to(ctx.at - timedelta(days=30)), WEEK_END - timedelta(days=28))
    send_alerts(replace(ctx, caller=Caller.REPLAY).moved_to(ctx.at - timedelta(days=10)), WEEK_END - timedelta(days=7))
    assert send_alerts(ctx, WEEK_END)["alerts"] == ["warning: twenty days ago"]


@pytest.mark.parametrize(
    ("send", "expected"),
    [
        (lambda ctx: alert_failure(ctx, "infer", RuntimeError("broken")), "failure"),
        (lambda ctx: send_alerts(ctx, WEEK_END), "failure"),
        (lambda ctx: alert_once(ctx, "week", "a week was passed over", Finding.DAY_MISSED), "warning"),
    ],
    ids=["a failed job", "a critical week", "a week passed over"],
)
def test_a_message_has_the_type_of_its_urgency(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, send: Callable[[JobContext], object], expected: str
) -> None:
    import apprise

    types: list[str] = []
    monkeypatch.setattr(apprise.Apprise, "notify", lambda _, **said: bool(types.append(str(said.get("notify_type")))))
    ctx = replace(context(tmp_path, "json://localhost"), caller=Caller.SCHEDULED)
    measured(ctx, Status.FAIL)
    send(ctx)
    assert types == [expected]


def test_a_message_to_a_channel_is_cut_to_its_most_urgent_lines_and_counts_the_rest(
    tmp_path: Path, channel: Any
) -> None:
    ctx = context(tmp_path, channel.url)
    for number in range(80):
        warn(ctx, f"feed 'financial' lacks column 'own_{number}'")
    monitored(ctx, MetricResult("quarantined_share", "feed=financial", 0.4, 0.3, 0.5, 90, None, Status.FAIL, 0.05))
    receipt = send_alerts(ctx, WEEK_END)
    assert len(receipt["alerts"]) == 81
    lines = json.loads(channel.seen[0])["message"].splitlines()
    assert lines[0].startswith("critical: quarantined_share")
    assert len(lines) <= MOST_LINES + 1
    assert len("\n".join(lines)) <= LONGEST_MESSAGE
    left = 81 - (len(lines) - 1)
    assert lines[-1] == f"and {left} more ({left} warning), all in logs/activity.jsonl, the last line of send_alerts"
    (kept,) = [entry for entry in recent_entries(ctx, "send_alerts") if entry.get("job") == "send_alerts"]
    assert len(kept["alerts"]) == 81


def test_without_a_channel_the_log_holds_no_more_than_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ctx = context(tmp_path)
    for number in range(80):
        warn(ctx, f"feed 'financial' lacks column 'own_{number}'")
    logger = logging.getLogger("p2pcredit")
    logger.addHandler(caplog.handler)
    try:
        send_alerts(ctx, WEEK_END)
    finally:
        logger.removeHandler(caplog.handler)
    (said,) = {one.getMessage() for one in caplog.records if "not sent anywhere" in one.getMessage()}
    assert "more (" in said
    assert len(said) < LONGEST_MESSAGE + 100

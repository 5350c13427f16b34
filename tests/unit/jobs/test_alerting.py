from __future__ import annotations

import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.alerting import send_alerts
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.settings import AlertSettings, Settings
from p2pcredit.storage.lake import Lake
from p2pcredit.storage.layout import Layout

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")  # a library of Apprise's

WEEK_END = date(2024, 1, 13)
SECRET = "s3cr3t-t0ken-of-a-channel"


def context(home: Path, *urls: str) -> JobContext:
    settings = Settings(alerts=AlertSettings(urls=urls))  # type: ignore[arg-type]
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

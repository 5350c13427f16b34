"""Which checks, decisions and warnings a week's alert gathers, and which belong to other weeks."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.decisions import decide
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.retraining.state import Origin

WEEK_END = "2022-06-04"


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    return written_home(tmp_path, at="2022-06-05T06:00:00")


def alerts(home: WrittenHome) -> list[str]:
    return list(send_alerts(home.ctx, of(WEEK_END))["alerts"])


def measured(day: str, metric: str, segment: str, status: str, value: float | None = 0.5) -> dict[str, Any]:
    where = {"snapshot_date": of(day), "week_end_date": of(day), "metric": metric, "segment": segment}
    return {**where, "status": status, "value": value, "threshold": 0.62, "n": 90}


def test_failed_checks_of_the_week_and_of_no_other_are_told(home: WrittenHome) -> None:
    home.put(
        MONITORING,
        [
            measured("2022-05-28", "auc", "all", "fail"),
            measured(WEEK_END, "auc", "champion", "fail"),
            measured(WEEK_END, "calibration_ratio", "all", "fail", 2.0),
            measured(WEEK_END, "ks", "all", "pass"),
            measured(WEEK_END, "gini", "all", "undetermined"),
            measured("2022-06-11", "auc", "all", "fail"),
        ],
    )
    told = alerts(home)
    assert len(told) == 2
    assert any("auc (champion) failed: 0.500 against 0.620, n=90" in line for line in told)
    assert any("calibration_ratio (all) failed: 2.000 against 0.620" in line for line in told)


@pytest.mark.parametrize(
    ("day", "retrain", "remedy", "says"),
    [
        (WEEK_END, True, "retrain", ["retraining decided: because"]),
        (WEEK_END, True, "recalibrate", ["recalibration decided: because"]),
        (WEEK_END, False, "watch", []),
        ("2022-05-28", True, "retrain", []),
    ],
)
def test_a_decision_is_told_in_its_own_week_where_it_asks_for_training(
    home: WrittenHome, day: str, retrain: bool, remedy: Any, says: list[str]
) -> None:
    made = Decision(decision_date=of(day), performance_score=0.5, retrain=retrain, reason="because", remedy=remedy)
    decide(home.ctx, made.model_copy(update={"decision_id": "d"}), Origin.MONITORING)
    assert alerts(home) == says


def test_warnings_of_the_last_eight_days_are_told(home: WrittenHome) -> None:
    for days, message in ((9, "too old"), (8, "just in time"), (1, "yesterday")):
        warn(home.ctx.moved_to(home.ctx.at - timedelta(days=days)), message)
    told = " ".join(alerts(home))
    assert "just in time" in told
    assert "yesterday" in told
    assert "too old" not in told

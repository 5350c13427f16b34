"""Which findings alert, how urgently, and how many lines they take."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import p2pcredit
from p2pcredit.contracts.alerts import SEVERITIES, Alert, Finding, Severity, ordered
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.alerts import (
    LONGEST_MESSAGE,
    MOST_LINES,
    alerts_of_results,
    alerts_of_warnings,
    finding_of,
    lines_of_message,
)

PAGE = Path(p2pcredit.__file__).parents[2] / "docs" / "reference" / "alerts.md"


def result(metric: str, segment: str, status: str = "fail", value: float | None = 0.4, n: int = 90) -> MetricResult:
    return MetricResult(metric, segment, value, None, None, n, None, Status(status), 0.25)


def test_every_kind_of_finding_has_a_severity_and_stands_on_the_page_of_alerts() -> None:
    assert set(SEVERITIES) == set(Finding)
    told = dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE.read_text(), flags=re.MULTILINE))
    assert told == {str(finding): str(severity) for finding, severity in SEVERITIES.items()}


@pytest.mark.parametrize(
    ("metric", "segment", "status", "expected"),
    [
        ("quarantined_share", "feed=financial", "fail", Severity.CRITICAL),
        ("quarantined_share", "feed=financial", "pass", None),
        ("values_lost_share", "column=financial.annual_income", "fail", Severity.CRITICAL),
        ("unknown_outcome_share", "all", "fail", Severity.CRITICAL),
        ("auc", "all", "fail", Severity.CRITICAL),
        ("auc", "champion", "undetermined", None),
        ("calibration_ratio", "champion", "fail", Severity.WARNING),
        ("psi_score", "all", "fail", Severity.WARNING),
        ("psi:dti", "all", "fail", Severity.WARNING),
        ("auc", "vintage=2010Q1", "fail", Severity.INFO),
        ("blank_share", "feed=financial", "fail", Severity.WARNING),
        ("theirs", "all", "fail", Severity.WARNING),
    ],
)
def test_severity_follows_from_what_was_measured_and_of_what(
    metric: str, segment: str, status: str, expected: Severity | None
) -> None:
    alerts = alerts_of_results([result(metric, segment, status)])
    assert [alert.severity for alert in alerts] == ([] if expected is None else [expected])


def test_a_feed_without_any_row_is_told_and_is_not_taken_for_clean() -> None:
    silent = [result("quarantined_share", f"feed={name}", "undetermined", None, 0) for name in ("a", "b")]
    (alert,) = alerts_of_results([*silent, result("quarantined_share", "feed=c", "pass", 0.0)])
    assert alert == Alert(Severity.WARNING, "no row came in over the recent days: a, b")
    assert finding_of(result("quarantined_share", "feed=a", "undetermined", None, 5)) is None


def test_many_columns_that_moved_are_one_line_with_their_count_and_the_furthest() -> None:
    moved = [result(f"psi:column_{number}", "all", value=0.3 + number / 100) for number in range(44)]
    (alert,) = alerts_of_results([*moved, result("psi:still", "all", "pass", 0.01)])
    assert alert.line == "psi failed in 44 of 45 checks, furthest psi:column_43 (all) failed: 0.730 against 0.250, n=90"


def test_each_broken_feed_has_its_own_line() -> None:
    broken = [result("quarantined_share", f"feed={name}") for name in "abcde"]
    assert [re.findall(r"feed=(\w)", alert.line) for alert in alerts_of_results(broken)] == [[name] for name in "abcde"]


def test_a_warning_that_repeats_is_told_once_with_its_count() -> None:
    told = alerts_of_warnings([{"message": "one"}, {"message": "two"}, {"message": "one"}, {"message": "one"}])
    assert [alert.line for alert in told] == ["warning: two", "warning: one (3 times)"]


def test_numbers_that_differ_are_other_warnings_and_dates_that_differ_are_not() -> None:
    said = ["7 rows of 2024-01-01", "8 rows of 2024-01-01", "8 rows of 2024-01-02"]
    lines = [alert.line for alert in alerts_of_warnings([{"message": text} for text in said])]
    assert lines == ["warning: 7 rows of 2024-01-01", "warning: 8 rows of 2024-01-02 (2 times, on different days)"]


def test_of_a_flood_the_most_urgent_are_kept() -> None:
    flood: list[dict[str, Any]] = [{"message": "a job failed", "severity": "critical"}]
    flood += [{"message": f"warning {number}"} for number in range(200)]
    told = alerts_of_warnings(flood)
    assert (len(told), told[0].severity, told[-1].line) == (
        101,
        Severity.CRITICAL,
        "warning: 101 earlier ones stand in the activity file",
    )
    assert told[-2].line == "warning: warning 199"


@pytest.mark.parametrize("said", [None, "loud", 3, ["critical"]])
def test_a_severity_that_is_none_counts_as_a_warning(said: object) -> None:
    assert alerts_of_warnings([{"message": "x", "severity": said}])[0].severity is Severity.WARNING


def test_the_most_urgent_stands_first_and_equals_keep_their_order() -> None:
    alerts = [Alert(severity, str(place)) for place, severity in enumerate([*reversed(Severity), *Severity])]
    assert [alert.line for alert in ordered(alerts)] == ["2", "3", "1", "4", "0", "5"]


@pytest.mark.parametrize("without", [{"value": None}, {"threshold": None}])
def test_a_check_without_a_value_or_a_limit_is_never_the_furthest(without: dict[str, Any]) -> None:
    odd = replace(result("psi:odd", "all"), **without)
    (alert,) = alerts_of_results([odd, *(result(f"psi:{name}", "all", value=0.26) for name in "abc")])
    assert "furthest psi:a (all) failed: 0.260 against 0.250" in alert.line


@given(
    st.lists(st.tuples(st.sampled_from(list(Severity)), st.text(max_size=1_200)), min_size=1, max_size=90),
)
def test_a_message_fits_and_with_its_last_line_speaks_of_every_alert(said: list[tuple[Severity, str]]) -> None:
    alerts = ordered([Alert(severity, line) for severity, line in said])
    lines = lines_of_message(alerts, "logs/activity.jsonl")
    assert len("\n".join(lines)) <= LONGEST_MESSAGE
    counted = re.fullmatch(r"and (\d+) more \(.*\), all in logs/activity\.jsonl", lines[-1])
    told = len(lines) - 1 if counted else len(lines)
    assert told + (int(counted[1]) if counted else 0) == len(alerts)
    assert 1 <= told <= MOST_LINES

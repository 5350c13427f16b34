"""Define the kinds of finding that alert people, and in one table how urgent each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How urgent an alert is: act today, look into it this week, or know it."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Finding(StrEnum):
    """The kinds of finding that alert."""

    JOB_FAILED = "job_failed"
    DATA_QUARANTINED = "data_quarantined"
    DATA_ABSENT = "data_absent"
    RANKING = "ranking"
    CALIBRATION = "calibration"
    DRIFT = "drift"
    OUTSIDE_TRAINING = "outside_training"
    OTHER_METRIC = "other_metric"
    PART_OF_BOOK = "part_of_book"
    DAY_MISSED = "day_missed"
    NOTHING_LANDED = "nothing_landed"
    DECISION_MADE = "decision_made"
    DECISION_NOT_OBEYED = "decision_not_obeyed"
    APPROVAL_WAITS = "approval_waits"
    APPROVAL_ENDS = "approval_ends"
    APPROVAL_LAPSED = "approval_lapsed"
    REVIEW_DUE = "review_due"
    WARNING = "warning"


SEVERITIES: Mapping[Finding, Severity] = {
    Finding.JOB_FAILED: Severity.CRITICAL,
    Finding.DATA_QUARANTINED: Severity.CRITICAL,
    Finding.DATA_ABSENT: Severity.WARNING,
    Finding.RANKING: Severity.CRITICAL,
    Finding.CALIBRATION: Severity.WARNING,
    Finding.DRIFT: Severity.WARNING,
    Finding.OUTSIDE_TRAINING: Severity.WARNING,
    Finding.OTHER_METRIC: Severity.WARNING,
    Finding.PART_OF_BOOK: Severity.INFO,
    Finding.DAY_MISSED: Severity.WARNING,
    Finding.NOTHING_LANDED: Severity.INFO,
    Finding.DECISION_MADE: Severity.INFO,
    Finding.DECISION_NOT_OBEYED: Severity.WARNING,
    Finding.APPROVAL_WAITS: Severity.WARNING,
    Finding.APPROVAL_ENDS: Severity.WARNING,
    Finding.APPROVAL_LAPSED: Severity.CRITICAL,
    Finding.REVIEW_DUE: Severity.INFO,
    Finding.WARNING: Severity.WARNING,
}
"""The severity of each kind of finding; `docs/reference/alerts.md` says when each is raised and what to do."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One line for the people on the alert channels. It holds counts, names and dates, never a borrower's values."""

    severity: Severity
    line: str


def ordered(alerts: list[Alert]) -> list[Alert]:
    """Sort alerts by severity, most urgent first; equal ones keep their order.

    Examples:
        >>> [a.line for a in ordered([Alert(Severity.INFO, "c"), Alert(Severity.CRITICAL, "a")])]
        ['a', 'c']
    """
    rank = {severity: place for place, severity in enumerate(Severity)}
    return sorted(alerts, key=lambda alert: rank[alert.severity])


__all__ = ["SEVERITIES", "Alert", "Finding", "Severity", "ordered"]

"""Turn a week's measurements and recorded warnings into alert lines: by severity, like ones grouped with a count.

Failed checks of the whole service and of the data always alert. Checks that failed for parts of the book (a vintage, a
term) alert as information. Of the undetermined checks only a feed without rows alerts: it is not clean data.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from p2pcredit.contracts.alerts import SEVERITIES, Alert, Finding, Severity
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.metrics.quality import (
    OUTSIDE_METRIC,
    QUALITY_METRICS,
    ROWS_METRIC,
    UNKNOWN_METRIC,
    VALUES_METRIC,
)
from p2pcredit.monitoring.trigger_metrics import CALIBRATION, WITHIN_COHORT
from p2pcredit.text import one_line

WHOLE_SEGMENTS = ("all", "champion", "service")
MOST_OF_A_KIND = 2
"""Failed checks of one kind that each get a line; more of them are one line with their count."""

MOST_WARNINGS = 100
MOST_LINES = 20
"""Lines of one message; the others are counted, and stand in the activity file."""

LONGEST_MESSAGE = 1_800
"""Characters of one message: the narrowest of the common channels cuts a message off at 2,000."""

_MOST_CHARACTERS = 1_000
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FINDINGS: Mapping[str, Finding] = {
    ROWS_METRIC: Finding.DATA_QUARANTINED,
    VALUES_METRIC: Finding.DATA_QUARANTINED,
    UNKNOWN_METRIC: Finding.DATA_QUARANTINED,
    "auc": Finding.RANKING,
    WITHIN_COHORT: Finding.RANKING,
    "calibration_ratio": Finding.CALIBRATION,
    **dict.fromkeys(CALIBRATION, Finding.CALIBRATION),
    "psi_score": Finding.DRIFT,
    "psi": Finding.DRIFT,
    OUTSIDE_METRIC: Finding.OUTSIDE_TRAINING,
}


def finding_of(result: MetricResult) -> Finding | None:
    """Name the kind of finding that a measurement is; None where it needs no attention.

    Examples:
        >>> failed = MetricResult("quarantined_share", "feed=financial", 0.4, 0.3, 0.5, 90, None, Status.FAIL, 0.05)
        >>> str(finding_of(failed))
        'data_quarantined'
    """
    if result.metric == ROWS_METRIC and result.status is Status.UNDETERMINED and result.n == 0:
        return Finding.DATA_ABSENT
    if result.status is not Status.FAIL:
        return None
    if result.segment in WHOLE_SEGMENTS or _is_of_data(result) or result.metric in CALIBRATION:
        return _FINDINGS.get(_family(result), Finding.OTHER_METRIC)
    return Finding.PART_OF_BOOK


def alerts_of_results(results: Sequence[MetricResult]) -> list[Alert]:
    """Make the alerts of a week's measurements.

    Args:
        results: All measurements of the week, those that passed included: a group says of how many it is.

    Returns:
        One alert per failed check, or per group of like checks where there are more than `MOST_OF_A_KIND`.
    """
    groups: dict[tuple[Finding, str, str], list[MetricResult]] = {}
    measured: dict[tuple[str, str], int] = {}
    for result in results:
        key = (_family(result), _part(result))
        measured[key] = measured.get(key, 0) + 1
        if (finding := finding_of(result)) is not None:
            groups.setdefault((finding, *key), []).append(result)
    return [
        Alert(SEVERITIES[finding], line)
        for (finding, family, part), found in groups.items()
        for line in _lines_of(finding, found, f"{family} failed in {len(found)} of {measured[family, part]} checks")
    ]


def alerts_of_warnings(entries: Iterable[Mapping[str, Any]]) -> list[Alert]:
    """Make the alerts of warnings that jobs have recorded, oldest first.

    The same message is one alert with its count, also where only the dates in it differ; its latest wording is sent.
    Of more than `MOST_WARNINGS` the most urgent and the latest are kept, and one line says how many are left out.

    Args:
        entries: Recorded warnings: `message` and, where known, `severity`.

    Examples:
        >>> [a.line for a in alerts_of_warnings([{"message": "x of 2024-01-01"}, {"message": "x of 2024-01-02"}])]
        ['warning: x of 2024-01-02 (2 times, on different days)']
    """
    texts: dict[tuple[Severity, str], list[str]] = {}
    for entry in entries:
        text = in_short(entry.get("message"))
        key = (_severity(entry.get("severity")), _ISO_DATE.sub("D", text))
        texts.setdefault(key, []).append(text)
        texts[key] = texts.pop(key)  # the latest stand last
    alerts = [Alert(severity, f"warning: {_counted(said)}") for (severity, _), said in texts.items()]
    left_out = len(alerts) - MOST_WARNINGS
    if left_out <= 0:
        return alerts
    urgency = list(Severity)
    kept = sorted(range(len(alerts)), key=lambda place: (urgency.index(alerts[place].severity), -place))[:MOST_WARNINGS]
    line = f"warning: {left_out} earlier ones stand in the activity file"
    return [*(alerts[place] for place in sorted(kept)), Alert(Severity.INFO, line)]


def lines_of_message(alerts: Sequence[Alert], rest_in: str) -> list[str]:
    """Choose the lines of one message: the first that fit, and a line that counts the others.

    Args:
        alerts: The most urgent first.
        rest_in: Where all of them can be read.

    Returns:
        At most `MOST_LINES` lines and that last one, of `LONGEST_MESSAGE` characters together; the first alert is
        always among them, cut where it is too long.

    Examples:
        >>> lines_of_message([Alert(Severity.WARNING, f"warning: {n}") for n in range(80)], "the log")[-2:]
        ['warning: 19', 'and 60 more (60 warning), all in the log']
    """
    said = [f"{alert.severity}: {alert.line.removeprefix('warning: ')}" for alert in alerts]
    kept: list[str] = []
    left = LONGEST_MESSAGE
    for line in said[:MOST_LINES]:
        rest = _rest(alerts[len(kept) :], rest_in)
        room = left if len(kept) + 1 == len(said) else left - len(rest) - 1
        if len(line) > room and kept:
            break
        kept.append(one_line(line, max(room, 1)))
        left -= len(kept[-1]) + 1
    return kept if len(kept) == len(said) else [*kept, _rest(alerts[len(kept) :], rest_in)]


def _rest(alerts: Sequence[Alert], rest_in: str) -> str:
    counts = Counter(alert.severity for alert in alerts)
    told = ", ".join(f"{counts[severity]} {severity}" for severity in Severity if counts[severity])
    return f"and {len(alerts)} more ({told}), all in {rest_in}"


def in_short(said: object) -> str:
    """Put a text on one line and cut it to what a message may hold."""
    return one_line(said, _MOST_CHARACTERS)


def _lines_of(finding: Finding, found: list[MetricResult], counted: str) -> list[str]:
    if finding is Finding.DATA_ABSENT:
        feeds = ", ".join(result.segment.removeprefix("feed=") for result in found)
        return [f"no row came in over the recent days: {feeds}"]
    if len(found) <= MOST_OF_A_KIND or found[0].metric == ROWS_METRIC:
        return [_failed(result) for result in found]
    return [f"{counted}, furthest {_failed(max(found, key=_distance))}"]


def _is_of_data(result: MetricResult) -> bool:
    return result.metric in QUALITY_METRICS or result.segment.startswith("feed=")


def _family(result: MetricResult) -> str:
    return result.metric.partition(":")[0]


def _part(result: MetricResult) -> str:
    return "whole" if result.segment in WHOLE_SEGMENTS else result.segment.partition("=")[0]


def _distance(result: MetricResult) -> float:
    return abs(result.value - result.threshold) if result.value is not None and result.threshold is not None else -1.0


def _failed(result: MetricResult) -> str:
    return (
        f"{result.metric} ({result.segment}) failed: {_shown(result.value)} against {_shown(result.threshold)},"
        f" n={result.n}"
    )


def _counted(said: list[str]) -> str:
    if len(said) == 1:
        return said[0]
    days = "" if len(set(said)) == 1 else ", on different days"
    return f"{said[-1]} ({len(said)} times{days})"


def _severity(said: object) -> Severity:
    known = {str(severity): severity for severity in Severity}
    return known.get(str(said), Severity.WARNING)


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


__all__ = ["MOST_OF_A_KIND", "MOST_WARNINGS", "alerts_of_results", "alerts_of_warnings", "finding_of", "in_short"]

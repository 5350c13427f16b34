"""Lay out the matured loans of a week on one line per segment: how many, how calibrated, how ranked, which light."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from p2pcredit.reporting.weekly.words import metric_in_words, segment_in_words

RANKING, CALIBRATION, DEFAULTS = "auc", "calibration_ratio", "matured_defaults"
UNSHOWN = frozenset({"gini", "ks"})
"""Measured and kept in `gold/monitoring`; Gini is another way to write AUC, and both say nothing more to a reader."""
_KINDS = ("all", "champion", "term", "vintage")

Rows = Sequence[Mapping[str, Any]]


def segments_table(rows: Rows) -> list[dict[str, Any]]:
    """Lay out each segment on one line: the service, its champion, then the parts of the book.

    Returns:
        Per segment with a matured loan: `segment` (in words), `n`, `defaults`, `ratio` and `ratio_interval` (defaults
        seen over expected), `auc` and `auc_interval`, `status` (fail where either fails, pass where both do, else
        undetermined) and `note` (which of the two, where they differ).
    """
    by_segment: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        if row["metric"] in (RANKING, CALIBRATION, DEFAULTS):
            by_segment.setdefault(str(row["segment"]), {})[str(row["metric"])] = row
    known = [name for name in by_segment if name.partition("=")[0] in _KINDS]
    ordered = sorted(known, key=lambda name: (_KINDS.index(name.partition("=")[0]), name))
    lines = [(name, _line(name, by_segment[name])) for name in ordered]
    return [line for name, line in lines if line["n"]]


def in_segments(row: Mapping[str, Any]) -> bool:
    """Return whether a row is told by a segment's line, or by none: parts of the book show nothing beside it."""
    metric, kind = str(row["metric"]), str(row["segment"]).partition("=")[0]
    if metric in UNSHOWN or metric == DEFAULTS:
        return True
    return kind in _KINDS and metric in (_OF_LINES if kind in ("all", "champion") else _OF_PARTS)


_OF_LINES = frozenset({RANKING, CALIBRATION})
_OF_PARTS = _OF_LINES | {"brier", "calibration_error", "calibration_slope"}


def _line(name: str, held: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    ranking, ratio = held.get(RANKING), held.get(CALIBRATION)
    defaults = held.get(DEFAULTS)
    judged = {"ranking": _status(ranking), "calibration": _status(ratio)}
    told = [f"{what} {status}" for what, status in judged.items()]
    notes = dict.fromkeys(str(row["note"]) for row in (ranking, ratio) if row is not None and row["value"] is None)
    return {
        "segment": segment_in_words(name),
        "n": max((int(row["n"]) for row in held.values()), default=0),
        "defaults": "not told" if defaults is None or defaults["value"] is None else f"{defaults['value']:,.0f}",
        "ratio": _number(ratio, 2),
        "ratio_interval": _interval(ratio, 2),
        "auc": _number(ranking, 3),
        "auc_interval": _interval(ranking, 3),
        "status": light_of(judged.values()),
        "note": "; ".join(notes) if notes else ", ".join(told) if len(set(judged.values())) > 1 else "",
    }


def light_of(statuses: Iterable[str]) -> str:
    """Join lights into one: fail where one fails, pass where all do, undetermined otherwise.

    Examples:
        >>> light_of(["pass", "fail"]), light_of(["pass", "pass"]), light_of(["pass", "undetermined"])
        ('fail', 'pass', 'undetermined')
    """
    found = set(statuses)
    return "fail" if "fail" in found else "pass" if found == {"pass"} else "undetermined"


def applies(row: Mapping[str, Any]) -> bool:
    """Return whether there is anything to measure: no row is shown of a thing that the book does not have.

    Examples:
        >>> applies({"metric": "auc_sub_grade", "value": None, "n": 0, "note": "no loan has a sub-grade"})
        False
        >>> applies({"metric": "auc", "value": None, "n": 40, "note": "100 needed"})
        True
    """
    return row["value"] is not None or int(row["n"]) > 0


def left_out(rows: Rows) -> list[str]:
    """Say of the rows that do not apply what they are and why, each reason once."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        name = f"{metric_in_words(str(row['metric']))} ({segment_in_words(str(row['segment']))})"
        reasons.setdefault(str(row["note"]) or "nothing to measure", []).append(name)
    return [f"{', '.join(names)}: {reason}" for reason, names in reasons.items()]


def _status(row: Mapping[str, Any] | None) -> str:
    return "undetermined" if row is None else str(row["status"])


def _number(row: Mapping[str, Any] | None, digits: int) -> str:
    return "none" if row is None or row["value"] is None else f"{row['value']:.{digits}f}"


def _interval(row: Mapping[str, Any] | None, digits: int) -> str:
    if row is None or row["low"] is None or row["high"] is None:
        return "none"
    return f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"


__all__ = ["applies", "in_segments", "left_out", "light_of", "segments_table"]

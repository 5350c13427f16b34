"""Compare the shape of a feed on a day with the shape it usually has: columns that vanish, empty out or appear.

A day's shape is how many rows a feed has, in how many of them each column is filled, and which columns its file names.
Names in a header are facts; that a column is blank in a few rows is not. So an emptied column is found by an exact test
(hypergeometric): were the blanks spread over usual rows and today's by chance, how often would today get none of the
filled ones? Rarer than `CHANCE` (`CHANCE_IF_OFTEN_BLANK`) is drift, else it is undetermined. A column that lost a part
of its values (`sparse`) is found by the same test, on counts that are divided by how much more than chance its days
usually differ from each other, and by today together with up to `RECENT` days before, so that few rows a day add up.
A feed on its first days is undetermined, but for what needs no history: no row, or few, where loans came in, and a
missing column beside an unknown one named alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import ceil, floor
from statistics import median
from typing import Literal

from p2pcredit.contracts.feeds import Feed
from p2pcredit.monitoring.feeds.column_names import likely_name
from p2pcredit.monitoring.feeds.findings import Finding
from p2pcredit.monitoring.feeds.shapes import LEAST_WITH_ROWS, RECENT, FeedDay, UsualDays, chance_of_so_few

CHANCE = 0.001
"""That a column which is always filled is blank is drift where it is less likely than this to happen by chance."""

CHANCE_IF_OFTEN_BLANK = 1e-6
"""The same for other columns: where blanks are usual, so many days and columns are looked at that rare ones happen."""

LOST = 0.1
"""A column is sparse where it lost at least this share of the values that it usually has."""

_HALF = 0.5
_ALWAYS = 0.99
_MOST = 0.8
_CHI_SQUARE_OF_MOST = 1.6423744151498164
"""The same quantile of the chi-square distribution with one degree of freedom."""
_NEARLY_ALL = 0.9
_LEAST_LACKING, _MANY_LACKING = 2, 0.2
"""Loans, and share of a day's loans, that a feed which always had every loan lacks by no chance."""
_LEAST_WEEKS = 3
_MANY_ROWS = 7
"""A feed that has so many rows on a weekday has none on it by chance less than once in 1,000 times (Poisson)."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing a day.

    Args:
        findings: How the feed differs.
        undetermined: Columns without a value today, that may be empty by chance.
        has_history: Whether there were rows to compare with.
    """

    findings: tuple[Finding, ...]
    undetermined: tuple[str, ...]
    has_history: bool


def compare_schema(
    feed: Feed, day: date, today: FeedDay, usual: UsualDays, accepted: Mapping[str, date] | None = None
) -> Comparison:
    """Find in which ways a feed of a day differs from its last days.

    Args:
        feed: Its contract.
        day: The day.
        today: Its shape on the day.
        usual: Its last days before.
        accepted: Column (empty for the whole feed) -> the day from which its new shape was accepted; for it, what was
            before that day is forgotten, and the day itself is not judged.
    """
    accepted = accepted or {}
    gone = frozenset(today.absent or ())
    suspects = [column for column in feed.sources if _is_suspect(column, column in gone, today, usual)]
    suspects = [name for name in suspects if name not in ("loan_id", feed.date_column) and accepted.get(name) != day]
    findings: list[Finding] = []
    undetermined: list[str] = []
    if suspects or today.unknown:
        header = [shape for _, shape in usual.days if shape.absent is not None]
        for column in suspects:
            others = _not_with(column, today.unknown, header) if today.unknown else []
            since = usual.since(accepted.get(column))
            found = _judge_column(feed.name, column, column in gone, today, since, others)
            if found == "undetermined":
                undetermined.append(column)
            elif isinstance(found, Finding):
                findings.append(found)
        known = {name for shape in header for name in shape.unknown or ()}
        new = [name for name in today.unknown or () if name not in known and accepted.get(name) != day]
        findings = _with_likely_names(findings, new)
        named = {finding.likely_name for finding in findings}
        extra = [name for name in new if header and name not in named]
        findings += [Finding(feed.name, name, "unknown", harmless=True) for name in extra]
    if accepted.get("") != day:
        findings += _judge_rows(feed, day, today, usual, accepted.get(""))
    return Comparison(tuple(findings), tuple(undetermined), has_history=usual.rows > 0)


def _not_with(column: str, unknown: Sequence[str], header: Sequence[FeedDay]) -> list[str]:
    """Leave out the unknown columns that came with a column on some day."""
    with_it = {name for shape in header if column not in (shape.absent or ()) for name in shape.unknown or ()}
    return [name for name in unknown if name not in with_it]


def _is_suspect(column: str, gone: bool, today: FeedDay, usual: UsualDays) -> bool:
    """Return whether a column may differ at all: quick, since most columns of most days do not."""
    before = usual.filled.get(column, 0)
    if gone:
        return before > 0 or not usual.rows
    if not today.rows:
        return False
    return (1 - LOST) * before * today.rows >= today.filled.get(column, 0) * usual.rows and before > 0


def _judge_column(
    feed: str, column: str, gone: bool, today: FeedDay, usual: Sequence[FeedDay], others: Sequence[str]
) -> Finding | Literal["undetermined"] | None:
    harmless, name = not (today.rows or today.loans), likely_name(column, others)
    if gone and not any(shape.rows for shape in usual):
        return Finding(feed, column, "absent", likely_name=name, harmless=harmless) if name else None
    filled, rows, before = today.filled.get(column, 0), today.rows, list(usual)
    if filled:
        return _judge_part(feed, column, today, usual, name)
    while before and not before[-1].filled.get(column, 0):
        rows += before.pop().rows  # days since it was last filled count as one with today
    usual_filled, usual_rows = sum(shape.filled.get(column, 0) for shape in before), sum(s.rows for s in before)
    if not usual_filled:
        return None
    share = usual_filled / usual_rows
    if gone and not any(column in (shape.absent or ()) for shape in before):
        return Finding(feed, column, "absent", 0.0, share, name, harmless=harmless)
    if not today.rows:
        return None
    if chance_of_so_few(0, rows, usual_filled, usual_rows) >= _rarest(share):
        return "undetermined"
    return Finding(feed, column, "empty", 0.0, share, name)


def _judge_part(
    feed: str, column: str, today: FeedDay, usual: Sequence[FeedDay], name: str
) -> Finding | Literal["undetermined"] | None:
    """Look whether a column that is filled in some rows is so in far fewer than usual: today, or the last days with it.

    A loss of less than half of the values must be as rare as for a column that is often blank, since there are more
    ways to it. Where today's loss is larger and may be chance, it is undetermined.
    """
    filled, rows, before = today.filled[column], today.rows, list(usual)
    usual_filled, usual_rows = sum(shape.filled.get(column, 0) for shape in before), sum(s.rows for s in before)
    unsure = False
    for days in range(1, RECENT + 2):
        if not usual_filled:
            break
        share = usual_filled / usual_rows
        bound = (1 - LOST) * share
        if today.filled[column] <= bound * today.rows and filled <= bound * rows:
            by_half = filled < _HALF * share * rows
            if not by_half and share < _ALWAYS and sum(bool(shape.rows) for shape in before) < LEAST_WITH_ROWS:
                break  # how much days differ is not known yet
            alike = _likeness_within_days(column, before, share)
            own, usually = 1 + (rows / days - 1) * alike, 1 + (usual_rows / len(before) - 1) * alike
            few, of = floor(filled / own), ceil(rows / own)
            rarest = _rarest(share) if by_half else CHANCE_IF_OFTEN_BLANK
            if chance_of_so_few(few, of, floor(usual_filled / usually), ceil(usual_rows / usually)) < rarest:
                return Finding(feed, column, "sparse", today.filled[column] / today.rows, share, name)
            unsure |= by_half
        last = before.pop()
        of_last = last.filled.get(column, 0)
        filled, rows = filled + of_last, rows + last.rows
        usual_filled, usual_rows = usual_filled - of_last, usual_rows - last.rows
    return "undetermined" if unsure else None


def _likeness_within_days(column: str, days: Sequence[FeedDay], share: float) -> float:
    """Estimate the correlation of two rows of one day, from how much more than chance the days' filled shares differ.

    By the day that differs more than four of five others, so that a few on which the column failed count for nothing.

    Source:
        Rao and Scott (1992), A simple method for the analysis of clustered binary data, Biometrics 48: counts of a
        cluster of n are divided by the design effect, 1 + (n - 1) correlation.
    """
    of_rows = [shape for shape in days if shape.rows]
    if share >= 1:
        return 0.0
    off = [(shape.filled.get(column, 0) / shape.rows - share) ** 2 / (share * (1 - share)) for shape in of_rows]
    most = sorted(off)[floor(_MOST * len(off))]
    return min(1.0, max(0.0, most / _CHI_SQUARE_OF_MOST - median(1 / shape.rows for shape in of_rows)))


def _rarest(share: float) -> float:
    return CHANCE if share >= _ALWAYS else CHANCE_IF_OFTEN_BLANK


def _judge_rows(feed: Feed, day: date, today: FeedDay, usual: UsualDays, accepted: date | None) -> list[Finding]:
    """Look whether the loans of the day are in the feed."""
    if not today.loans:
        return [] if today.rows else _judge_silence(feed, day, usual, accepted)
    before = usual.since(accepted)
    loans, covered = sum(shape.loans for shape in before), sum(shape.covered for shape in before)
    share, now = (covered / loans if loans else None), today.covered / today.loans
    if now >= (0.5 if share is None else share / 2):
        if share is None or share < _ALWAYS:
            return []
        lacking = today.loans - today.covered
        many = lacking >= _LEAST_LACKING and lacking > _MANY_LACKING * today.loans
        if not many and chance_of_so_few(today.covered, today.loans, covered, loans) >= CHANCE:
            return []
        return [Finding(feed.name, "", "few_rows", now, share)]
    plain = share is None or share >= _NEARLY_ALL
    if not plain and chance_of_so_few(today.covered, today.loans, covered, loans) >= CHANCE_IF_OFTEN_BLANK:
        return []
    return [Finding(feed.name, "", "few_rows" if today.covered else "no_rows", now, share)]


def _judge_silence(feed: Feed, day: date, usual: UsualDays, accepted: date | None) -> list[Finding]:
    """Look whether a day without loans or events is one that usually has them: by the same weekday of weeks before."""
    if feed.one_row_per_loan and feed.name != "loan_terms":
        return []
    days = [(at, shape) for at, shape in usual.days if at.weekday() == day.weekday()]
    alike = [shape.rows for at, shape in days if accepted is None or at >= accepted]
    if len(alike) < _LEAST_WEEKS or min(alike) == 0 or sum(alike) < _MANY_ROWS * len(alike):
        return []
    return [Finding(feed.name, "", "quiet", 0.0, sum(alike) / len(alike), harmless=feed.one_row_per_loan)]


def _with_likely_names(findings: Sequence[Finding], new: Sequence[str]) -> list[Finding]:
    """Pair one vanished column with the one new column that is named like no other."""
    named = {finding.likely_name for finding in findings}
    left = [name for name in new if name not in named]
    unnamed = [finding for finding in findings if not finding.likely_name]
    if len(unnamed) == len(left) == 1:
        return [replace(finding, likely_name=finding.likely_name or left[0]) for finding in findings]
    return list(findings)


__all__ = ["CHANCE", "CHANCE_IF_OFTEN_BLANK", "Comparison", "Finding", "compare_schema"]

"""Say in which ways days differ from those before them: once each, in warnings and in receipts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.monitoring.feeds.findings import DRIFT, IMPLAUSIBLE, LEVELS, TEXTS, Finding
from p2pcredit.periods import count_of_days

Findings = Mapping[date, Collection[Finding]]
_MOST_SAID = 10
_KINDS = {"other texts": TEXTS, "another level": LEVELS - TEXTS, "no plausible size": IMPLAUSIBLE}
_Key = tuple[str, str, str]


def drift_receipt(findings: Iterable[Findings]) -> list[Receipt]:
    """Give each way in which the shape of days differed once, with the first day, the last and how many."""
    return _receipt(findings, DRIFT | {"unknown"})


def level_receipt(findings: Iterable[Findings]) -> list[Receipt]:
    """Give each column that was at another level once, likewise."""
    return _receipt(findings, LEVELS)


def size_receipt(findings: Iterable[Findings]) -> list[Receipt]:
    """Give each column whose numbers are of no plausible size once, likewise."""
    return _receipt(findings, IMPLAUSIBLE)


def sentences_by_day(findings: Findings, kinds: Collection[str]) -> list[tuple[date, str]]:
    """Say each way of these kinds in which days differ once.

    Returns:
        The first day of each, and a sentence that begins with it and with how many days followed.
    """
    told = []
    for first, finding, number in _once_each(findings):
        if finding.what in kinds:
            again = f" and on {count_of_days(number - 1)} after" if number > 1 else ""
            told.append((first, f"{first}{again}: {finding.sentence}"))
    return told


def _once_each(findings: Findings) -> list[tuple[date, Finding, int]]:
    """Give each way once, with its first day and on how many days it holds."""
    said: dict[_Key, tuple[date, Finding, int]] = {}
    for day, of_day in sorted(findings.items()):
        for finding in of_day:
            first, found, number = said.get(_key(finding), (day, finding, 0))
            said[_key(finding)] = first, found, number + 1
    return list(said.values())


def say_findings(ctx: JobContext, findings: Findings) -> None:
    """Warn once of each way in which days differ, of the first ten at most."""
    said = _once_each(findings)
    for first, finding, number in said[:_MOST_SAID]:
        again = f" and on {number - 1} days after" if number > 1 else ""
        kind = next((words for words, kinds in _KINDS.items() if finding.what in kinds), "schema drift")
        warn(ctx, f"{kind} on {first}{again}: {finding.sentence}")
    if len(said) > _MOST_SAID:
        left = len(said) - _MOST_SAID
        warn(
            ctx,
            f"{left} more columns or feeds differ; see schema_drift, level_shifts and implausible_sizes in the receipt",
        )


def _receipt(findings: Iterable[Findings], kinds: Collection[str]) -> list[Receipt]:
    found: dict[_Key, Receipt] = {}
    for of_days in findings:
        for day, of_day in sorted(of_days.items()):
            for finding in of_day:
                if finding.what not in kinds:
                    continue
                fresh = {**finding.as_json(), "first_date": day.isoformat(), "days": 0}
                entry = found.setdefault(_key(finding), fresh)
                entry |= {"last_date": day.isoformat(), "days": entry["days"] + 1}
    return list(found.values())


def _key(finding: Finding) -> _Key:
    return finding.feed, finding.column, finding.what


__all__ = ["drift_receipt", "level_receipt", "say_findings", "sentences_by_day", "size_receipt"]

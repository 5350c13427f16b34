"""Say in which ways days differ from those before them: once each, in warnings and in receipts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date

from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.monitoring.feeds.findings import LEVELS, Finding

Findings = Mapping[date, Collection[Finding]]
_MOST_SAID = 10
_Key = tuple[str, str, str]


def drift_receipt(findings: Iterable[Findings]) -> list[Receipt]:
    """Give each way in which the shape of days differed once, with the first day, the last and how many."""
    return _receipt(findings, levels=False)


def level_receipt(findings: Iterable[Findings]) -> list[Receipt]:
    """Give each column that was at another level once, likewise."""
    return _receipt(findings, levels=True)


def say_findings(ctx: JobContext, findings: Findings) -> None:
    """Warn once of each way in which days differ, of the first ten at most."""
    said: dict[_Key, tuple[date, Finding, int]] = {}
    for day, of_day in sorted(findings.items()):
        for finding in of_day:
            first, found, number = said.get(_key(finding), (day, finding, 0))
            said[_key(finding)] = first, found, number + 1
    for first, finding, number in list(said.values())[:_MOST_SAID]:
        again = f" and on {number - 1} days after" if number > 1 else ""
        kind = "another level" if finding.what in LEVELS else "schema drift"
        warn(ctx, f"{kind} on {first}{again}: {finding.sentence}")
    if len(said) > _MOST_SAID:
        left = len(said) - _MOST_SAID
        warn(ctx, f"{left} more columns or feeds differ; see schema_drift and level_shifts in the receipt")


def _receipt(findings: Iterable[Findings], *, levels: bool) -> list[Receipt]:
    found: dict[_Key, Receipt] = {}
    for of_days in findings:
        for day, of_day in sorted(of_days.items()):
            for finding in of_day:
                if (finding.what in LEVELS) is not levels:
                    continue
                fresh = {**finding.as_json(), "first_date": day.isoformat(), "days": 0}
                entry = found.setdefault(_key(finding), fresh)
                entry |= {"last_date": day.isoformat(), "days": entry["days"] + 1}
    return list(found.values())


def _key(finding: Finding) -> _Key:
    return finding.feed, finding.column, finding.what


__all__ = ["drift_receipt", "level_receipt", "say_findings"]

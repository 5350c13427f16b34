"""Refuse days of which too many rows were set aside, and find the rule that most rows broke."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date

import polars as pl

from p2pcredit.errors import QuarantineError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.set_aside import is_declared_unknown, most_frequent, rows_set_aside
from p2pcredit.monitoring.feeds.quarantine_causes import Cause, too_many_set_aside
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_STATUS_AT_FAULT = "(^|; )status: "
_FOLLOWS_FROM_STATUS = "days_past_due: missing"


def require_few_set_aside(
    ctx: JobContext, days: DateRange, silver_rows: Mapping[str, Mapping[date, int]], *, nightly: bool
) -> None:
    """Make sure that no feed lost more rows than the limit: on a day, and of a book in a month and over all days.

    One or two rows are too many on the day of a night, where they are half of it or more. On a day of a book they are
    not: it has days of one loan.

    Args:
        ctx: The context.
        days: The days, whose silver and quarantine are written.
        silver_rows: Feed -> day -> rows in silver.
        nightly: Whether each is judged as the day of a night, by itself.

    Raises:
        QuarantineError: In one line with the first such day and the rule that most rows of these days broke, counted
            over all feeds named.
    """
    limit = ctx.settings.preprocessing.max_quarantined_share
    lost = count_faults(Lake(ctx.layout), silver_rows, days)
    spans = [DateRange(day, day) for day in days]
    if not nightly:
        spans += [*days.months(), days]
    for span in spans:
        ruined: list[tuple[float, str, int, int]] = []
        for feed, of_feed in lost.items():
            number = sum(of_feed.get(day, 0) for day in span)
            rows = number + sum(silver_rows[feed].get(day, 0) for day in span)
            if number and too_many_set_aside(number, rows, limit, few_count=nightly):
                ruined.append((number / rows, feed, number, rows))
        if ruined:
            _, feed, number, rows = max(ruined)
            raise _ruined(ctx, span, feed, f"{number:,} of {rows:,}", lost, len(ruined))


def _ruined(
    ctx: JobContext,
    span: DateRange,
    feed: str,
    rows: str,
    lost: Mapping[str, Mapping[date, int]],
    feeds: int,
) -> QuarantineError:
    limit = ctx.settings.preprocessing.max_quarantined_share
    cause = commonest_cause(Lake(ctx.layout), span, lost)
    assert cause is not None, "rows were set aside, so a rule was broken"
    first = min(day for day in lost[feed] if day in span)
    when = f"{first}" if len(span) == 1 else f"{span.first} to {span.last}, the first of {first},"
    others = f" (and too many of {feeds - 1} more feeds)" if feeds > 1 else ""
    message, for_alerts = (
        f"{rows} rows of feed '{feed}' of {when} were set aside{others}, {said.sentence}; see silver/quarantine, "
        f"mend and land again, then preprocess (setting preprocessing.max_quarantined_share is {limit:g})"
        for said in (cause, replace(cause, example=""))
    )
    return QuarantineError(message, for_alerts)


def count_set_aside(lake: Lake, feeds: Collection[str], days: DateRange | None) -> dict[str, dict[date, int]]:
    """Count the rows in quarantine: feed -> day -> rows; days without any are not named."""
    return _counted(_of_rows(lake, days, feeds), feeds)


def count_faults(lake: Lake, feeds: Collection[str], days: DateRange | None) -> dict[str, dict[date, int]]:
    """Count likewise, without the events that a mapping says to be of unknown outcome."""
    return _counted(_faults(lake, days, feeds), feeds)


def _counted(rows: pl.LazyFrame, feeds: Collection[str]) -> dict[str, dict[date, int]]:
    counts = rows.group_by("feed", "snapshot_date").len().sort("feed", "snapshot_date")
    lost: dict[str, dict[date, int]] = {feed: {} for feed in feeds}
    for feed, day, number in counts.collect().iter_rows():
        lost[feed][day] = number
    return lost


def commonest_cause(lake: Lake, days: DateRange | None, feeds: Collection[str]) -> Cause | None:
    """Find the rule that most rows in quarantine broke, whichever feed they are of; None where there are none.

    Events that a mapping says to be of unknown outcome do not count.

    Missing days past due are no cause where the status of their row is at fault too: they follow from it.
    """
    rules = pl.col("rules").str.split("; ")
    cause = pl.element() != _FOLLOWS_FROM_STATUS
    rules = pl.when(pl.col("rules").str.contains(_STATUS_AT_FAULT)).then(rules.list.filter(cause)).otherwise(rules)
    most = most_frequent(_faults(lake, days, feeds).select(rules.explode()), "rules")
    if most is None:
        return None
    rule, rows = most
    first = _faults(lake, days, feeds).filter(rules.list.contains(rule)).sort("snapshot_date", "feed", "row_number")
    raw = first.select("raw").head(1).collect()["raw"][0]
    return Cause(rule, rows, _example(rule, raw))


def _of_rows(lake: Lake, days: DateRange | None, feeds: Collection[str]) -> pl.LazyFrame:
    return rows_set_aside(lake, days).filter(pl.col("feed").is_in(sorted(feeds)))


def _faults(lake: Lake, days: DateRange | None, feeds: Collection[str]) -> pl.LazyFrame:
    return _of_rows(lake, days, feeds).filter(~is_declared_unknown())


def _example(rule: str, raw: str | None) -> str:
    try:
        values = json.loads(raw or "{}")
    except ValueError:
        return ""
    if not isinstance(values, dict):
        return ""
    column, _, problem = rule.partition(": ")
    named = values.get("unparsed") if "number of fields" in problem else values.get(column, values.get("loan_id"))
    return one_line(named or "", LONGEST_EXAMPLE)


__all__ = ["commonest_cause", "count_faults", "count_set_aside", "require_few_set_aside"]

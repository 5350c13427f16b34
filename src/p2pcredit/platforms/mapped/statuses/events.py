"""Servicing events from the final status and closing date of a loan, by rules that a mapping names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, PERFORMANCE_STATUSES, SAID_TO_BE_UNKNOWN

PAST_DUE = "past_due"
UNKNOWN = "unknown"
_PLACE = "_place"
_PAST_DUE_STEPS = (("LATE", 30), ("DEFAULT", 90))


class EventRules(BaseModel):
    """One event that a status implies: what it says, and how many days after the status's date it became visible.

    One before the status's date, or before the last event of the same status, is `rebuilt`: only loans that came to
    have the status have it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["CURRENT", "LATE", "DEFAULT", "CHARGED_OFF", "FULLY_PAID"]
    days_past_due: int = Field(0, ge=0, le=10_000)
    after_days: int = Field(0, ge=-3650, le=3650)


Rule = Literal["past_due", "unknown"] | tuple[EventRules, ...]
"""What a mapping says of a status."""


def build_events(
    loans: pl.DataFrame, rules: Mapping[str, Rule], read_on: date | None, *, as_it_stands: bool = True
) -> pl.DataFrame:
    """Build the servicing events that the statuses imply.

    A status without a rule, or without the date or days past due that its rule needs, is never guessed at: the loan
    gets one row on its origination day, which breaks the contract by what is at fault and so ends in quarantine. A
    status without a rule stands there as its raw text, marked where the contract has such a status. One that lacks its
    date has the last of its events, with `on_text` in place of the day; one that lacks its days past due is LATE, with
    `days_text` in their place. The loan's outcome is then unknown: it gets no label. The rule `unknown` says the same
    of a status on purpose; the word stands before its raw text.

    Args:
        loans: `snapshot_date` (origination, Date), `loan_id`, `status` (text), `on` (Date the status holds from, or
            null), `on_text` (what stands in place of a day, never itself one, or null), `days_past_due` (Int64 on the
            day the file was read, or null), `days_text` (what is wrong with days past due that say nothing, never
            itself a number, or null).
        rules: Per status its events in any order, none for a status that says nothing yet; or `past_due` for a loan
            that is late now: it was 30 (LATE) and 90 (DEFAULT) days past due as long ago as its days past due say,
            and is as late as they say on the day they were read; or `unknown` for a status after which a loan is
            neither good nor bad.
        read_on: The day on which the statuses were read; None only where there are no loans.
        as_it_stands: Whether to tell how late a late loan is on that day, so that a default from other days past due
            than 90 is seen; False where another event of that day tells it.

    Returns:
        `snapshot_date` (Date) and the columns of the feed `loan_performance` as text, in the order of the loans. An
        event is `rebuilt` where it lies before the day of the status that it was made from.
    """
    loans = loans.with_row_index(_PLACE)
    parts = []
    explained = pl.lit(value=False)
    for status, events in rules.items():
        if events == UNKNOWN:
            continue
        own = pl.col("status") == status
        if isinstance(events, str):
            needed = pl.col("days_past_due")
            today = pl.lit(read_on, dtype=pl.Date)
            steps = [
                (pl.lit(name), pl.lit(days), today, days - needed, needed >= days, needed > days)
                for name, days in _PAST_DUE_STEPS
            ]
            if as_it_stands:
                between = (needed > 0) & ~needed.is_in([days for _, days in _PAST_DUE_STEPS])
                steps.append((status_past_due(needed, "LATE"), needed, today, pl.lit(0), between, pl.lit(value=False)))
        else:
            needed = pl.col("on")
            reached_after = max((0, *(event.after_days for event in events)))
            steps = [
                (
                    pl.lit(event.status),
                    pl.lit(event.days_past_due),
                    pl.col("on"),
                    pl.lit(event.after_days),
                    pl.lit(value=True),
                    pl.lit(event.after_days < reached_after),
                )
                for event in events
            ]
        explained |= own
        parts.append(_without_what_it_needs(loans.filter(own & needed.is_null()), events))
        for named, days, start, shift, reached, rebuilt in steps:
            on = pl.max_horizontal(start + pl.duration(days=shift), pl.col("snapshot_date"))
            having = loans.filter(own & needed.is_not_null() & reached)
            flag = pl.when(rebuilt).then(pl.lit("yes")).otherwise(pl.lit("no"))
            parts.append(_rows(having, on, named, days.cast(pl.String), flag))
    unknown = loans.filter(~explained.fill_null(value=False))
    unsaid, text = pl.lit(None, dtype=pl.String), pl.col("status")
    meant = text.is_in([name for name, rule in rules.items() if rule == UNKNOWN]).fill_null(value=False)
    blank = pl.when(meant & (text == "")).then(pl.lit(SAID_TO_BE_UNKNOWN))
    of_contract = text.str.to_uppercase().is_in(sorted(PERFORMANCE_STATUSES))
    marked = pl.when(of_contract).then(pl.format("{}, not under events.rules", text)).otherwise(text)
    said = pl.when(meant).then(pl.format(SAID_TO_BE_UNKNOWN + ": {}", text)).otherwise(marked)
    days = pl.when(meant).then(pl.lit("0"))
    parts.append(_rows(unknown, pl.col("snapshot_date"), pl.coalesce(blank, said), days, unsaid))
    return pl.concat(parts).sort(_PLACE, maintain_order=True).drop(_PLACE)


def status_past_due(days: pl.Expr, below: str) -> pl.Expr:
    """Name the status of a loan by its days past due: that of the last step it has reached, `below` before the first.

    Examples:
        >>> days = pl.Series("days", [29, 30, 90])
        >>> pl.select(status_past_due(pl.lit(days), "CURRENT")).to_series().to_list()
        ['CURRENT', 'LATE', 'DEFAULT']
    """
    status = pl.lit(below)
    for name, from_days in _PAST_DUE_STEPS:
        status = pl.when(days >= from_days).then(pl.lit(name)).otherwise(status)
    return status


def _without_what_it_needs(loans: pl.DataFrame, rule: Rule) -> pl.DataFrame:
    """Write the row of each loan whose status lacks the date or the days past due that its rule needs."""
    unsaid, origination = pl.lit(None, dtype=pl.String), pl.col("snapshot_date")
    if isinstance(rule, str):
        return _rows(loans, origination, pl.lit(_PAST_DUE_STEPS[0][0]), pl.col("days_text"), unsaid)
    if not rule:
        return _rows(loans.clear(), origination, unsaid, unsaid, unsaid)
    last = max(rule, key=lambda event: event.after_days)
    found = _rows(loans, origination, pl.lit(last.status), pl.lit(str(last.days_past_due)), unsaid)
    return found.with_columns(loans["on_text"].alias("event_date"))


def _rows(loans: pl.DataFrame, on: pl.Expr, status: pl.Expr, days_past_due: pl.Expr, rebuilt: pl.Expr) -> pl.DataFrame:
    return event_rows(loans, on, {"status": status, "days_past_due": days_past_due, "rebuilt": rebuilt}, _PLACE)


def event_rows(loans: pl.DataFrame, on: pl.Expr, said: Mapping[str, pl.Expr], *kept: str) -> pl.DataFrame:
    """Write an event of each row as the feed `loan_performance` has it, all texts; what is not said is null.

    Args:
        loans: `loan_id`, and what the expressions read.
        on: The day of the event, which is the day it landed.
        said: Columns of the feed beside those.
        kept: Columns of the rows that stay after those of the feed.
    """
    absent = pl.lit(None, dtype=pl.String)
    given = {"event_date": on.cast(pl.String), **said}
    return loans.select(
        on.alias("snapshot_date"),
        "loan_id",
        *(given.get(name, absent).alias(name) for name in LOAN_PERFORMANCE.sources[1:]),
        *kept,
    )


__all__ = ["PAST_DUE", "EventRules", "build_events", "event_rows", "status_past_due"]

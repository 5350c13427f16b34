"""Check the data of a home, for `doctor`: days, rows and values set aside, shapes of feeds, deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from p2pcredit.contracts.feeds import ALL_FEEDS, FEEDS
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.gaps.begun_days import days_begun
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.gaps.gap import in_lines, leave_out
from p2pcredit.jobs.home.reconciled_days import reconcile_days
from p2pcredit.jobs.landing.deliveries import in_short, landed_anew
from p2pcredit.jobs.preprocessing.checks.day_checks import findings_of_recent_days
from p2pcredit.jobs.preprocessing.checks.finding_reports import sentences_by_day
from p2pcredit.jobs.preprocessing.checks.quarantine_checks import commonest_cause, count_faults
from p2pcredit.jobs.preprocessing.completeness.kept_facts import seen_in_receipts
from p2pcredit.jobs.preprocessing.set_aside import most_frequent, values_given, values_lost
from p2pcredit.monitoring.feeds.findings import DRIFT, IMPLAUSIBLE, LEVELS
from p2pcredit.periods import DateRange, spans_of
from p2pcredit.storage.landing.files import (
    OVERLOOKED,
    days_beside_month,
    find_landing_files,
    landed_range,
    overlooked_files,
)
from p2pcredit.storage.tables.day_receipts import days_complete, last_complete, read_receipts
from p2pcredit.storage.tables.lake import Lake

_MOST_TOLD = 3

Finding = tuple[Status, str]
"""Whether a check passes, fails or cannot be determined, and what it found with what to do."""


def check_days(ctx: JobContext) -> Finding:
    """Name the newest day that is preprocessed."""
    last = last_complete(ctx.layout)
    if last is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    return Status.PASS, f"preprocessed up to {last}"


def check_gaps(ctx: JobContext) -> Finding:
    """Find days that landed and are not complete, complete days that are not scored, weeks that are not monitored.

    Days whose missing rows the reconciliation names are left to it.
    """
    begun = days_begun(ctx)
    if begun is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    gaps = find_gaps(ctx)
    if not gaps:
        span = f"{begun.first} to {begun.last}"
        return Status.PASS, f"every day of {span} that landed is complete, and none was passed over"
    reconciled = reconcile_days(ctx, gaps=gaps)
    gaps = leave_out(gaps, reconciled.days_named if reconciled else ())
    for status in (Status.FAIL, Status.UNDETERMINED):
        if found := [gap for gap in gaps if gap.status is status]:
            return status, "; ".join(in_lines(found))
    return Status.PASS, "no day or week was passed over but those that reconciliation names"


def check_rows(ctx: JobContext) -> Finding:
    """Hold the share of rows that were set aside against the limit of each week, over all days.

    Events that a mapping says to be of unknown outcome are no fault; `check_outcomes` counts them.
    """
    lake, limit = Lake(ctx.layout), ctx.settings.monitoring.quarantined_share_limit
    if not lake.exists(QUARANTINE):
        return Status.UNDETERMINED, "no row has been looked at yet"
    counts = {feed: sum(days.values()) for feed, days in count_faults(lake, ALL_FEEDS, None).items()}
    rows = dict(counts)
    for name, feed in ALL_FEEDS.items():
        if lake.exists(silver(feed)):
            rows[name] += int(lake.scan(silver(feed)).select(pl.len()).collect().item())
    share = {name: counts[name] / found for name, found in rows.items() if found}
    if not share:
        return Status.UNDETERMINED, "no row has come in yet"
    broken = sorted((name for name in share if share[name] > limit), key=lambda name: -share[name])
    if not broken:
        return Status.PASS, f"{sum(counts.values()):,} of {sum(rows.values()):,} rows are in quarantine"
    said = ", ".join(f"{counts[name]:,} of {rows[name]:,} rows of {name}" for name in broken)
    cause = commonest_cause(lake, None, ALL_FEEDS)
    because = "" if cause is None else f", {cause.sentence}"
    return Status.FAIL, f"{said} are in quarantine{because}; see silver/quarantine, mend and land again"


def check_schema(ctx: JobContext) -> Finding:
    """Compare each of the recent complete days with those before it, as its preprocessing did."""
    last = last_complete(ctx.layout)
    if last is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    judged = findings_of_recent_days(ctx, last)
    said = sentences_by_day(judged.findings, DRIFT | {"unknown"})
    if judged.status == "fail":
        return (
            Status.FAIL,
            f"{_in_short(said)}; mend the file and preprocess again, or accept it: {_accept(said[0][0])}",
        )
    if judged.status == "undetermined":
        return Status.UNDETERMINED, f"{last}: too few days or rows before to compare with"
    return Status.PASS, _in_short(said) if said else f"{last}: columns and feeds as in the days before"


def check_levels(ctx: JobContext) -> Finding:
    """Compare the sizes of the numbers of each recent day with those before it, and with what is plausible."""
    last = last_complete(ctx.layout)
    if last is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    judged = findings_of_recent_days(ctx, last)
    shifted, sizes = (sentences_by_day(judged.findings, kinds) for kinds in (LEVELS, IMPLAUSIBLE))
    said, what_to_do = [*shifted, *sizes], "mend the file and preprocess again"
    if said:
        accept = f", or accept it: {_accept(shifted[0][0])}" if shifted else ""
        right = "; where a size that is not plausible is right, name it in preprocessing.own_sizes" if sizes else ""
        return Status.FAIL, f"{_in_short(said)}; {what_to_do}{accept}{right}"
    if judged.level_status == "undetermined":
        columns = ", ".join(judged.levels_undetermined[:3]) or "any column"
        return Status.UNDETERMINED, f"{last}: too few values, of this day or of those before, to judge {columns}"
    return Status.PASS, f"{last}: numbers are as large as in the days before"


def _in_short(said: Sequence[tuple[date, str]]) -> str:
    more = f"; and {len(said) - _MOST_TOLD} more" if len(said) > _MOST_TOLD else ""
    return "; ".join(sentence for _, sentence in said[:_MOST_TOLD]) + more


def _accept(day: date) -> str:
    return f"p2pcredit preprocess --date {day} --accept-drift --why TEXT"


def check_deliveries(ctx: JobContext) -> Finding:
    """Look whether each day landed once, and whether the files of complete days hold what was preprocessed."""
    landed = landed_range(ctx.layout)
    if landed is not None:
        try:
            for feed in ALL_FEEDS:
                find_landing_files(ctx.layout, feed, landed)
        except P2PCreditError as error:
            return Status.FAIL, str(error)
    if overlooked := [name for feed in ALL_FEEDS for name in overlooked_files(ctx.layout, feed)]:
        others = f", and {len(overlooked) - 1} more" if len(overlooked) > 1 else ""
        return Status.FAIL, f"{overlooked[0]} {OVERLOOKED}{others}"
    days = list(days_complete(ctx.layout))
    if not days:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    receipts = read_receipts(ctx.layout, days)
    anew = {feed: list(found) for feed in ALL_FEEDS if (found := landed_anew(ctx, feed, receipts))}
    if anew:
        said = "; ".join(f"{feed} of {in_short(of_feed)}" for feed, of_feed in anew.items())
        spans = spans_of(sorted({day for of_feed in anew.values() for day in of_feed}))
        commands = ", ".join(f"p2pcredit preprocess {span.options}" for span in spans[:_MOST_TOLD])
        more = f", and {len(spans) - _MOST_TOLD} more" if len(spans) > _MOST_TOLD else ""
        return Status.FAIL, f"landed anew after they were preprocessed: {said}; take in: {commands}{more}"
    if not all(seen_in_receipts(receipts, feed) for feed in FEEDS):
        return Status.UNDETERMINED, "the receipts of the days do not say which files were preprocessed"
    return Status.PASS, f"{len(days):,} days hold what landed for them" + _beside_months(
        ctx, DateRange(days[0], days[-1])
    )


def _beside_months(ctx: JobContext, days: DateRange) -> str:
    """Say of which days a month's file is not read, since they have files of their own."""
    beside = {name: own for feed in ALL_FEEDS for name, own in days_beside_month(ctx.layout, feed, days).items()}
    return "".join(f"; {name} is not read for {in_short(own)}, with a file alone" for name, own in beside.items())


def check_values(ctx: JobContext) -> Finding:
    """Find the column that lost the largest share of the optional values that were given for it."""
    lake, limit = Lake(ctx.layout), ctx.settings.preprocessing.max_quarantined_share
    if not lake.exists(QUARANTINE):
        return Status.UNDETERMINED, "no value has been looked at yet"
    records = values_lost(lake).select("feed", "column", "rules", "raw").collect()
    if records.is_empty():
        if all(lake.scan(silver(feed)).head(1).collect().is_empty() for feed in FEEDS.values()):
            return Status.UNDETERMINED, "no row stands in silver"
        return Status.PASS, "every optional value given could be used"
    lost = records.group_by("feed", "column").len("lost")
    given = values_given(lake, lost.select("feed", "column").iter_rows())
    shares = (
        lost.join(given, on=["feed", "column"])
        .with_columns((pl.col("lost") + pl.col("read")).alias("given"))
        .with_columns((pl.col("lost") / pl.col("given")).alias("share"))
        .sort("share", "lost", "feed", "column", descending=[True, True, False, False])
    )
    worst = shares.row(0, named=True)
    feed, column = worst["feed"], worst["column"]
    own = records.filter(pl.col("feed") == feed, pl.col("column") == column)
    rule, _ = most_frequent(own.lazy(), "rules") or ("", 0)
    example = own.filter(pl.col("rules") == rule).sort("raw")["raw"][0]
    said = (
        f"{worst['lost']:,} of {worst['given']:,} values given for {column} in {feed} could not be used, most for "
        f"'{rule}', such as {example}"
    )
    others = shares.height - 1
    said += f"; {others} other column{'s' if others > 1 else ''} lost values too" if others else ""
    if worst["share"] <= limit:
        return Status.PASS, said
    return Status.FAIL, f"{said}; look at kind 'value' in silver/quarantine, mend the source or its mapping, land again"


__all__ = [
    "Finding",
    "check_days",
    "check_deliveries",
    "check_gaps",
    "check_levels",
    "check_rows",
    "check_schema",
    "check_values",
]

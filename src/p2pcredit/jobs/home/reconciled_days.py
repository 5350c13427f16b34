"""Say how the days of a home stand: complete, with holes, or undetermined; for `doctor`, `status` and the report.

A day is named once. One of which no table has a row is a gap (`jobs.gaps`), which joins such days to a span with one
command; of every other day the counts say which rows are missing where, and it is left out of the gaps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import FEATURE_STORE
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.gaps.begun_days import days_begun
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.gaps.gap import DAYS_NOT_TAKEN_IN, Gap
from p2pcredit.jobs.preprocessing.completeness.day_counts import Completeness, DayCounts, FeedCounts, Hole, Lost
from p2pcredit.jobs.preprocessing.completeness.reconciliation import counts_in_tables, find_holes, standing
from p2pcredit.periods import DateRange, count_of_days
from p2pcredit.storage.tables.day_receipts import is_complete
from p2pcredit.storage.tables.lake import Lake

_MOST_NAMED = 3
_MOST_LISTED = 14


@dataclass(frozen=True, slots=True)
class ReconciledDays:
    """How some days stand.

    Args:
        complete, incomplete, undetermined: The days of each kind, in order.
        not_taken_in: Days that landed and of which no table has a row, in order: they are gaps.
        holes: What is missing, in order; none of days that are undetermined or not taken in.
        unscored: Day -> loans that the ledger says were scored, and loans in the feature store, where they differ.
    """

    complete: tuple[date, ...]
    incomplete: tuple[date, ...]
    undetermined: tuple[date, ...]
    not_taken_in: tuple[date, ...]
    holes: tuple[Hole, ...]
    unscored: dict[date, tuple[int, int]]

    @property
    def days_named(self) -> frozenset[date]:
        """The days that have a line here."""
        return frozenset(hole.day for hole in self.holes) | frozenset(self.unscored)

    @property
    def sentences(self) -> list[str]:
        """A line for each day that has holes, with the command that fills them, and for each that is scored in part."""
        by_day: dict[date, list[Hole]] = {}
        for hole in self.holes:
            by_day.setdefault(hole.day, []).append(hole)
        said = [_in_a_line(holes) for holes in by_day.values()]
        for day, (scored, loans) in self.unscored.items():
            said.append(f"{day}: {loans:,} loans have features, {scored:,} were scored; p2pcredit infer --date {day}")
        return said

    def as_json(self) -> Receipt:
        """Give numbers of days and the first holes, as `status` and the report show them."""
        return {
            "complete": len(self.complete),
            "with_holes": len(self.incomplete),
            "undetermined": len(self.undetermined),
            "not_taken_in": len(self.not_taken_in),
            "holes": self.sentences[:_MOST_LISTED],
        }


def reconcile_days(
    ctx: JobContext, days: DateRange | None = None, gaps: Sequence[Gap] | None = None
) -> ReconciledDays | None:
    """Account for days.

    Args:
        ctx: The context.
        days: The days; all from the first to the newest that were begun where None.
        gaps: The gaps that are shown beside; all of the home where None.

    Returns:
        How they stand; None where no day was ever complete.
    """
    span = days or days_begun(ctx)
    if span is None:
        return None
    holes = find_holes(ctx, span)
    known = [day for day in span if is_complete(ctx.layout, day)]
    left = _not_taken_in(ctx, holes, known, gaps)
    holes = [hole for hole in holes if hole.day not in left]
    kinds = standing(known, holes)
    certain = tuple(hole for hole in holes if hole.kind is Completeness.INCOMPLETE)
    loans, scored = Lake(ctx.layout).rows_per_day(FEATURE_STORE, span), ctx.ledger.state().scored
    unscored = {
        day: (scored[day][1], loans.get(day, 0))
        for day in kinds[Completeness.COMPLETE]
        if day in scored and scored[day][1] != loans.get(day, 0)
    }
    complete, incomplete, unknown = (tuple(kinds[kind]) for kind in Completeness)
    return ReconciledDays(complete, incomplete, unknown, tuple(sorted(left)), certain, unscored)


def _not_taken_in(
    ctx: JobContext, holes: Sequence[Hole], complete: Sequence[date], gaps: Sequence[Gap] | None
) -> set[date]:
    """Find the days with holes that are gaps and of which no table has a row; a file that cannot be read is no gap."""
    unreadable = {hole.day for hole in holes if hole.what is Lost.UNREADABLE}
    open_days = {hole.day for hole in holes} - {*complete} - unreadable
    if not open_days:
        return set()
    shown = find_gaps(ctx) if gaps is None else gaps
    open_days &= {day for gap in shown if gap.lack in DAYS_NOT_TAKEN_IN for day in gap.days}
    if not open_days:
        return set()
    tables = counts_in_tables(ctx, DateRange(min(open_days), max(open_days)))
    return {day for day in open_days if _is_empty(tables[day])}


def _is_empty(counts: DayCounts) -> bool:
    return not counts.features and all(feed == FeedCounts(None) for feed in counts.feeds.values())


def _in_a_line(holes: Sequence[Hole]) -> str:
    """Name the holes of one day: that which a person must mend first, how many more, and the one command."""
    first = next((hole for hole in holes if hole.what in {Lost.NOT_LANDED, Lost.UNREADABLE}), holes[0])
    more = f" (and {len(holes) - 1} more of that day)" if len(holes) > 1 else ""
    return f"{first.sentence}{more}; {first.remedy}"


def check_reconciliation(ctx: JobContext) -> tuple[Status, str]:
    """Look at every day up to the newest complete one: whether what landed is in its tables, and scored."""
    found = reconcile_days(ctx)
    if found is None:
        return Status.UNDETERMINED, "no day is preprocessed yet"
    known = len(found.complete) + len(found.incomplete) + len(found.undetermined)
    if found.sentences:
        days = count_of_days(len({*found.incomplete, *found.unscored}))
        more = len(found.sentences) - _MOST_NAMED
        others = f"; and {more} more" if more > 0 else ""
        return Status.FAIL, f"of {known:,}, {days} with holes: {'; '.join(found.sentences[:_MOST_NAMED])}{others}"
    if found.undetermined:
        first, last = found.undetermined[0], found.undetermined[-1]
        return (
            Status.UNDETERMINED,
            f"of {known:,} days {len(found.undetermined):,} were made before receipts kept what landed; "
            f"p2pcredit preprocess {DateRange(first, last).options} writes them anew",
        )
    said = f"{known:,} days: what landed is in the tables, and each loan has features"
    if found.not_taken_in:
        said += f"; {count_of_days(len(found.not_taken_in))} more landed and not taken in, see gaps"
    return Status.PASS, said


__all__ = ["ReconciledDays", "check_reconciliation", "reconcile_days"]

"""Say how the days of a home stand: complete, with holes, or undetermined; for `doctor`, `status` and the report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import FEATURE_STORE
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.preprocessing.completeness.day_counts import Completeness, Hole
from p2pcredit.jobs.preprocessing.completeness.reconciliation import find_holes, standing
from p2pcredit.periods import DateRange, count_of_days
from p2pcredit.storage.tables.day_receipts import is_complete, preprocessed_range
from p2pcredit.storage.tables.lake import Lake

_MOST_NAMED = 3
_MOST_LISTED = 14


@dataclass(frozen=True, slots=True)
class ReconciledDays:
    """How some days stand.

    Args:
        complete, incomplete, undetermined: The days of each kind, in order.
        holes: What is missing, in order; none of days that are undetermined.
        unscored: Day -> loans that the ledger says were scored, and loans in the feature store, where they differ.
    """

    complete: tuple[date, ...]
    incomplete: tuple[date, ...]
    undetermined: tuple[date, ...]
    holes: tuple[Hole, ...]
    unscored: dict[date, tuple[int, int]]

    @property
    def sentences(self) -> list[str]:
        """A line for each hole, with the command that fills it, and for each day that is scored in part."""
        said = [f"{hole.sentence}; {hole.remedy}" for hole in self.holes]
        for day, (scored, loans) in self.unscored.items():
            said.append(f"{day}: {loans:,} loans have features, {scored:,} were scored; p2pcredit infer --date {day}")
        return said

    def as_json(self) -> Receipt:
        """Give numbers of days and the first holes, as `status` and the report show them."""
        return {
            "complete": len(self.complete),
            "with_holes": len(self.incomplete),
            "undetermined": len(self.undetermined),
            "holes": self.sentences[:_MOST_LISTED],
        }


def reconcile_days(ctx: JobContext, days: DateRange | None = None) -> ReconciledDays | None:
    """Account for days; for all from the first to the newest complete one where None. None where none is complete."""
    span = days or preprocessed_range(ctx.layout)
    if span is None:
        return None
    holes = find_holes(ctx, span, look_at_files=False)
    known = [day for day in span if is_complete(ctx.layout, day)]
    kinds = standing(known, holes)
    certain = tuple(hole for hole in holes if hole.kind is Completeness.INCOMPLETE)
    loans, scored = Lake(ctx.layout).rows_per_day(FEATURE_STORE, span), ctx.ledger.state().scored
    unscored = {
        day: (scored[day][1], loans.get(day, 0))
        for day in kinds[Completeness.COMPLETE]
        if day in scored and scored[day][1] != loans.get(day, 0)
    }
    complete, incomplete, unknown = (tuple(kinds[kind]) for kind in Completeness)
    return ReconciledDays(complete, incomplete, unknown, certain, unscored)


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
    return Status.PASS, f"{known:,} days: what landed is in the tables, and each loan has features"


__all__ = ["ReconciledDays", "check_reconciliation", "reconcile_days"]

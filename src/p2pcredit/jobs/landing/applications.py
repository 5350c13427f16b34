"""Land applications, with what was decided of each, as the optional feed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import date
from functools import partial
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import APPLICATIONS
from p2pcredit.errors import SourceError, UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.landing.queries import fetched
from p2pcredit.periods import DateRange
from p2pcredit.platforms.decided import DecidedApplications, GivesApplications
from p2pcredit.platforms.registry import profile_named
from p2pcredit.readers.warehouse.addresses import WarehouseQuery
from p2pcredit.storage.files import unmodified_during
from p2pcredit.storage.home_format import mark_home
from p2pcredit.storage.landing.files import SNAPSHOT, write_months
from p2pcredit.storage.landing.read import read_landing
from p2pcredit.storage.locks import exclusive_lock


def land_applications(
    ctx: JobContext,
    platform: str,
    files: Sequence[Path],
    first: date | None,
    last: date | None,
    queries: Sequence[WarehouseQuery] = (),
) -> Receipt:
    """Land every day from the first to the last decision in the files, or of the range asked for.

    Nothing is written before every file has been read. On days that landed before, the applications of both stand; one
    of both is as the file says that landed last. A landing that was cut short is made whole by landing again.

    Args:
        ctx: The context: the home directory, the limit of rejected records, and today.
        platform: `synthetic`, or the path of a YAML mapping that has `applications`.
        files: Downloads; none for `synthetic`.
        first, last: Days of decisions to land, both included; None for as far as the files go.
        queries: Queries of databases whose results are landed as files are.

    Returns:
        `platform`, `rows_in`, `rows_landed`, `rows_rejected`, `first_date`, `last_date`, `feeds`, `reasons` (reason ->
        `count` and `example`), `outcomes` (outcome -> rows), `replaced` (applications of earlier files).

    Raises:
        UsageError: The platform has no applications, or the dates make no range.
        SourceError: A file cannot be used, or too much of it; a database refuses a query, or it gives no rows.
        ServiceError: A database does not answer.
        StorageError: The disk refuses.
    """
    if first is not None and last is not None:
        DateRange(first, last)
    profile = profile_named(platform, ctx.at.date())
    if not isinstance(profile, GivesApplications):
        raise UsageError(f"the platform '{platform}' has no applications; describe their file in a YAML mapping")
    with ExitStack() as still:
        files = [*files, *still.enter_context(fetched(queries, ctx.progress))]
        for path in files:
            if not path.is_file():
                raise SourceError(f"there is no file {path}; check the path")
            still.enter_context(unmodified_during(path))
        found = profile.decided(files, first, last)
    _refuse_ruined(found, ctx.settings.landing.max_rejected_share)
    rows = found.rows.filter(pl.col(SNAPSHOT) <= ctx.at.date())
    if first is not None:
        rows = rows.filter(pl.col(SNAPSHOT) >= first)
    if last is not None:
        rows = rows.filter(pl.col(SNAPSHOT) <= last)
    low, high = first or rows[SNAPSHOT].min(), last or rows[SNAPSHOT].max()
    if not isinstance(low, date) or not isinstance(high, date):
        raise UsageError("no application was decided on the days asked for; ask for days that the files hold")
    days = DateRange(low, high)
    mark_home(ctx.layout.home)
    with exclusive_lock(ctx.layout.landing_lock, "the landing directory"):
        before = read_landing(ctx.layout, APPLICATIONS, days).frame.select(SNAPSHOT, *APPLICATIONS.sources)
        key = APPLICATIONS.key
        kept = before.join(rows, on=key, how="anti", nulls_equal=False)
        both = pl.concat([kept, rows]).sort(SNAPSHOT, key, maintain_order=True)
        by_month = both.with_columns(pl.col(SNAPSHOT).dt.month_start().alias("_month")).partition_by(
            "_month", as_dict=True, include_key=False
        )
        write_months(ctx.layout, APPLICATIONS, partial(_rows_of, by_month, both.clear()), days)
    outcomes = rows["outcome"].value_counts(sort=True).sort("outcome")
    return {
        "platform": profile.name,
        "rows_in": rows.height + found.rejected_count,
        "rows_landed": rows.height,
        "rows_rejected": found.rejected_count,
        "first_date": days.first.isoformat(),
        "last_date": days.last.isoformat(),
        "feeds": {APPLICATIONS.name: rows.height},
        "reasons": {reason: {"count": count, "example": one} for reason, (count, one) in found.rejected.items()},
        "outcomes": dict(outcomes.iter_rows()),
        "replaced": before.height - kept.height,
    }


def _rows_of(by_month: dict[tuple[object, ...], pl.DataFrame], none: pl.DataFrame, month: date) -> pl.DataFrame:
    return by_month.get((month,), none)


def _refuse_ruined(found: DecidedApplications, limit: float) -> None:
    rows = found.rows.height + found.rejected_count
    if found.rejected_count > limit * rows or not rows:
        reason, (count, example) = max(
            found.rejected.items(), key=lambda one: one[1][0], default=("no record", (0, ""))
        )
        shown = f", such as '{example}'" if example else ""
        raise SourceError(
            f"{found.rejected_count:,} of {rows:,} applications cannot be used, most for: {reason} ({count:,}{shown}); "
            f"mend the file or its mapping (setting landing.max_rejected_share is {limit:g})"
        )


__all__ = ["land_applications"]

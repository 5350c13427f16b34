"""Check, feed by feed, that a day has landed in files that can be read.

No table is looked at but that of an optional feed, to find a file that is gone.
"""

from __future__ import annotations

from p2pcredit.contracts.feeds import OPTIONAL_FEEDS
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import MissingFeedError
from p2pcredit.jobs.activity import warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.landing.deliveries import in_short, recently_landed_anew
from p2pcredit.periods import DateRange, count_of_days
from p2pcredit.storage.landing.files import (
    OVERLOOKED,
    days_beside_month,
    find_landing_files,
    landed_range,
    overlooked_files,
)
from p2pcredit.storage.landing.manifest import require_whole_landing
from p2pcredit.storage.landing.read import check_landing


def check_source(ctx: JobContext, feed: str, days: DateRange) -> Receipt:
    """Make sure that a feed has landed for every day, in files that can be read; one that is optional, where it has.

    Days before that landed anew since they were preprocessed are said in a warning, and so are files whose names speak
    of these days and which nothing reads, and days that have a file of their own beside that of their month.

    Returns:
        `feed`, `days`, `rows` (of a single day), `landed_anew` (days before, of those that drift is judged by).

    Raises:
        MissingFeedError: If a day has no file or its landing is not whole; it may still come.
        SourceError: If a file cannot be used, in one line.
    """
    contract = ctx.feed(feed)
    files = find_landing_files(ctx.layout, feed, days)
    missing = [day for day, path in files.items() if path is None]
    if feed in OPTIONAL_FEEDS:
        if ctx.layout.table(bronze(contract).name).exists():
            # Most books have no such table, and a check of files alone needs no engine of tables.
            from p2pcredit.jobs.preprocessing.optional_feeds import require_files_of_rows

            require_files_of_rows(ctx, feed, days)
    elif missing:
        landed = landed_range(ctx.layout)
        raise MissingFeedError(
            f"feed '{feed}' has not landed for {missing[0]}"
            + (f" and {count_of_days(len(missing) - 1)} more" if len(missing) > 1 else "")
            + f": expected data/{feed}/{feed}_{missing[0]:%Y_%m_%d}.csv or {feed}_{missing[0]:%Y_%m}.parquet; land it"
            + (f", or choose days of {landed.first} to {landed.last}, which have landed" if landed else "")
        )
    facts = [check_landing(ctx.layout, contract, day) for day in days if files[day]] if len(days) == 1 else []
    require_whole_landing(ctx.layout, days)
    for name in overlooked_files(ctx.layout, feed, days):
        warn(ctx, f"{name} {OVERLOOKED}")
    for name, own in days_beside_month(ctx.layout, feed, days).items():
        warn(ctx, f"feed '{feed}' of {in_short(own)} is read from the file of that day; rows of it in {name} are not")
    anew = recently_landed_anew(ctx, feed, days.first)
    if anew:
        what = f"feed '{feed}' landed anew for {in_short(anew)} after it was preprocessed"
        warn(ctx, f"{what}; take it in with: p2pcredit preprocess {DateRange(anew[0], anew[-1]).options}")
    rows = sum(int(fact["rows"]) for fact in facts) if facts else None
    return {"feed": feed, "days": len(days), "rows": rows, "landed_anew": [day.isoformat() for day in anew]}

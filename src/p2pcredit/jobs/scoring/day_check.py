"""Check that a day can be scored, and say so where it cannot."""

from __future__ import annotations

from datetime import date

from p2pcredit.contracts.alerts import Finding
from p2pcredit.jobs.activity import warn_once
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.storage.tables.day_receipts import is_complete


def check_day(ctx: JobContext, day: date) -> Receipt:
    """Check whether the gold tables of a day are complete. A day that is not scored for want of them is warned of once.

    Returns:
        `complete`.
    """
    complete = is_complete(ctx.layout, day)
    if not complete:
        days = ctx.settings.preprocessing.catch_up_days
        message = (
            f"{day} was not scored, since it is not preprocessed; once it is, runs of the {days} days after it score it"
            f" too, or: p2pcredit infer --date {day}"
        )
        warn_once(ctx, f"scoring of {day}", message, Finding.DAY_MISSED)
    return {"complete": complete}


__all__ = ["check_day"]

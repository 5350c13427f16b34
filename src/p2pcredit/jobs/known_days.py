"""Which days there are: landed, or preprocessed. What a person asks for besides is refused with the range there is."""

from __future__ import annotations

from datetime import date

from p2pcredit.errors import IncompleteDayError, MissingFeedError, MissingTableError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.periods import DateRange
from p2pcredit.storage.landing.files import landed_range
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete, preprocessed_range


def landed_days(layout: Layout) -> DateRange:
    """Return the days from the first to the last for which any feed has landed.

    Raises:
        MissingFeedError: If none has.
    """
    landed = landed_range(layout)
    if landed is None:
        raise MissingFeedError(f"nothing has landed in {layout.landing}; land a loan file with 'p2pcredit land'")
    return landed


def preprocessed_days(layout: Layout) -> DateRange:
    """Return the days from the first to the last that are preprocessed.

    Raises:
        MissingTableError: If none is, naming what has landed.
    """
    done = preprocessed_range(layout)
    if done is None:
        raise MissingTableError(f"no day is preprocessed; {days_there(layout)}")
    return done


def require_preprocessed(layout: Layout, days: DateRange) -> None:
    """Check that at least one of these days is preprocessed.

    Raises:
        MissingTableError: If none is, naming what is preprocessed and what has landed.
    """
    if not any(is_complete(layout, day) for day in days):
        raise MissingTableError(f"{_named(days)} not preprocessed; {days_there(layout)}")


def require_week_of_home(layout: Layout, week_end: date, today: date) -> None:
    """Check that a week ends among the days that a home can have: neither ahead nor before its first day.

    Raises:
        MissingTableError: If not, naming what is preprocessed and what has landed.
    """
    spans = [span for span in (landed_range(layout), preprocessed_range(layout)) if span is not None]
    if week_end > today or (spans and week_end < min(span.first for span in spans)):
        raise MissingTableError(f"{_named(DateRange(week_end, week_end))} not preprocessed; {days_there(layout)}")


def require_known(layout: Layout, day: date) -> None:
    """Check that a day to train as of lies among those preprocessed: of later ones it is not known who defaulted.

    Raises:
        MissingTableError: If it lies outside. Where no day is preprocessed at all, the training itself says so.
    """
    done = preprocessed_range(layout)
    if done is not None and day not in done:
        raise MissingTableError(f"{day} lies outside what is known; {days_there(layout)}")


def require_complete_of_run(ctx: JobContext, day: date) -> None:
    """Check, in a scheduled run, that its day is preprocessed: where a check was passed over, it may not be.

    Raises:
        IncompleteDayError: If the check of the day was marked as success by hand, or the day was taken back since.
    """
    if ctx.caller is Caller.SCHEDULED and not is_complete(ctx.layout, day):
        raise IncompleteDayError(
            f"{day} is not preprocessed, so nothing is trained as of it and none of its loans is scored: p2pcredit "
            f"preprocess --date {day}, then clear task check_inference_condition with those after it",
            [day],
        )


def days_there(layout: Layout) -> str:
    """Say which days have landed and which are preprocessed, and what to do next."""
    landed, done = landed_range(layout), preprocessed_range(layout)
    if landed is None and done is None:
        return "nothing has landed yet: land a loan file with 'p2pcredit land'"
    spans = (("landed", landed), ("preprocessed", done))
    said = ", ".join(f"{what} are {span.first} to {span.last}" for what, span in spans if span is not None)
    if done is None or (landed is not None and landed.last > done.last):
        return f"{said}: run 'p2pcredit preprocess' first, or choose days among them"
    return f"{said}: choose days among them, or land more"


def _named(days: DateRange) -> str:
    return f"{days.first} is" if len(days) == 1 else f"{days.first} to {days.last} are"


__all__ = [
    "days_there",
    "landed_days",
    "preprocessed_days",
    "require_complete_of_run",
    "require_known",
    "require_preprocessed",
    "require_week_of_home",
]

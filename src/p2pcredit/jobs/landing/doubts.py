"""Warn of what a landing takes in and yet doubts: unreadable or empty columns, days of which its files say nothing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import date, timedelta

from p2pcredit.jobs.landing.checks import UnreadableValues
from p2pcredit.periods import DateRange
from p2pcredit.platforms.spooled_book import SpooledBook

logger = logging.getLogger("p2pcredit")
_MOST_NAMED = 5


def warn_of_unreadable(unreadable: UnreadableValues, limit: float, remedies: Mapping[str, str]) -> None:
    """Warn of the columns of which a larger share of values than `limit` cannot be read."""
    for feed, column in unreadable.doubtful(limit):
        remedy = remedies.get(column)
        logger.warning(
            "%d of %d values of %s.%s cannot be read, such as '%s'%s",
            unreadable.counts[feed, column],
            unreadable.values((feed, column)),
            feed,
            column,
            unreadable.examples[feed, column],
            f"; {remedy}" if remedy else "",
        )


def warn_of_empty_columns(unreadable: UnreadableValues, expected: Mapping[tuple[str, str], str]) -> list[str]:
    """Warn of the raw columns in which no row has a value, so that a column lost before landing is seen in time.

    Args:
        unreadable: What was looked at.
        expected: Feed and column -> the raw columns that give it, of those that are to give a value.

    Returns:
        The raw columns, each once, in the order of the feeds.
    """
    found = list(dict.fromkeys(expected[place] for place in unreadable.never_given(expected)))
    if found:
        others = f" and {len(found) - _MOST_NAMED} others" if len(found) > _MOST_NAMED else ""
        logger.warning(
            "no row has a value in column %s; its feed column is missing for every loan: look at the file, or take the "
            "column out of the mapping where it is not used",
            ", ".join(found[:_MOST_NAMED]) + others,
        )
    return found


def warn_of_days_not_covered(book: SpooledBook, days: DateRange, read_on: date | None) -> None:
    """Warn where the days to land go on after the statuses were read: no loan can default on them.

    Args:
        book: What is to land.
        days: The days to land.
        read_on: The day on which the statuses were read; None where it is the last day that the files speak of.
    """
    originated = book.last_origination()
    if read_on is not None and originated is not None and originated > read_on:
        logger.warning(
            "loans were originated until %s, after the statuses were read on %s; mend events.read_on in the mapping",
            originated,
            read_on,
        )
    own = book.days()
    known = read_on or (own.last if own is not None else None)
    if known is not None and days.last > known:
        logger.warning(
            "the statuses were read on %s and %s lands after it: no loan can default on days that the files do not "
            "speak of, so loans still open will count as good; land up to %s, or a later download",
            known,
            days.last,
            known,
        )


def warn_of_later_events(book: SpooledBook, days: DateRange, read_on: date | None) -> None:
    """Warn of servicing events that become visible after the last day landed, and say whether a later --to helps."""
    later = book.count("loan_performance", DateRange(days.last + timedelta(days=1), date.max))
    if not later:
        return
    own = book.days()
    within = own is not None and days.last < min(own.last, read_on or own.last)
    logger.warning(
        "%d servicing events become visible after %s, the last day landed; %s",
        later,
        days.last,
        "land with a later --to to have them"
        if within
        else "the files say nothing of those days, so a later download is needed",
    )


__all__ = ["warn_of_days_not_covered", "warn_of_empty_columns", "warn_of_later_events", "warn_of_unreadable"]

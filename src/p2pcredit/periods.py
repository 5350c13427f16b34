"""Dates of credit and of weeks: pure arithmetic on `datetime.date`, no clock.

A *snapshot date* is the business day whose data a run works on. A *retraining week* runs Monday to Sunday and is
named by its Monday. A *monitoring week* is named by its last day, a Saturday under the DAGs' schedule: monitoring runs
on the Sunday after it. *Months on book* are whole calendar months since origination.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from p2pcredit.errors import UsageError

FIRST_YEAR, LAST_YEAR = 1900, 2199
"""Between these lies every date that a person can mean; the arithmetic of days ends with the years 1 and 9999."""

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_date(text: str) -> date:
    """Read a date written `YYYY-MM-DD`.

    Raises:
        UsageError: If the text is anything else, or lies before 1900 or after 2199.

    Examples:
        >>> parse_date("2010-12-31")
        datetime.date(2010, 12, 31)
        >>> parse_date("31/12/2010")
        Traceback (most recent call last):
        ...
        p2pcredit.errors.UsageError: '31/12/2010' is not a date; write it as YYYY-MM-DD, such as 2010-12-31
    """
    try:
        if not _ISO_DATE.fullmatch(text):  # `fromisoformat` would also read weeks, as in 2010-W01-1
            raise ValueError(text)
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date; write it as YYYY-MM-DD, such as 2010-12-31") from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise UsageError(f"{text} lies before {FIRST_YEAR} or after {LAST_YEAR}; write a date between them")
    return day


def add_months(day: date, months: int) -> date:
    """Give the same day `months` later; the month's last day where that day does not exist.

    Examples:
        >>> add_months(date(2011, 1, 31), 1)
        datetime.date(2011, 2, 28)
        >>> add_months(date(2011, 3, 15), -12)
        datetime.date(2010, 3, 15)
    """
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def months_on_book(origination: date, day: date) -> int:
    """Count the whole months that a loan originated on `origination` has been on the book on `day` (negative before).

    Examples:
        >>> months_on_book(date(2010, 1, 31), date(2010, 2, 28))
        1
        >>> months_on_book(date(2010, 1, 15), date(2010, 2, 14))
        0
    """
    months = (day.year - origination.year) * 12 + day.month - origination.month
    return months if add_months(origination, months) <= day else months - 1


def week_monday(day: date) -> date:
    """Give the Monday that names the week (Monday to Sunday) of `day`.

    Examples:
        >>> week_monday(date(2026, 11, 22))
        datetime.date(2026, 11, 16)
    """
    return day - timedelta(days=day.weekday())


def month_start(day: date) -> date:
    """Give the first day of the month of `day`."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """Give the last day of the month of `day`."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def count_of_days(number: int) -> str:
    """Word a number of days.

    Examples:
        >>> count_of_days(1), count_of_days(27)
        ('1 day', '27 days')
    """
    return f"{number} day{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class DateRange:
    """Whole days from `first` to `last`, both included.

    Raises:
        UsageError: If `last` lies before `first`.

    Examples:
        >>> len(DateRange(date(2010, 1, 30), date(2010, 2, 2)))
        4
    """

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise UsageError(f"the range ends ({self.last}) before it starts ({self.first}); swap the two dates")

    def __len__(self) -> int:
        return (self.last - self.first).days + 1

    def __iter__(self) -> Iterator[date]:
        return (self.first + timedelta(days=i) for i in range(len(self)))

    def __contains__(self, day: object) -> bool:
        return isinstance(day, date) and self.first <= day <= self.last

    @property
    def options(self) -> str:
        """The options by which a command is given these days.

        Examples:
            >>> DateRange(date(2010, 1, 30), date(2010, 1, 30)).options
            '--date 2010-01-30'
            >>> DateRange(date(2010, 1, 30), date(2010, 2, 2)).options
            '--from 2010-01-30 --to 2010-02-02'
        """
        return f"--date {self.first}" if self.first == self.last else f"--from {self.first} --to {self.last}"

    def months(self, together: int = 1) -> Iterator[DateRange]:
        """Cut the range at the end of every month, or of every so many months.

        Examples:
            >>> [str(part.last) for part in DateRange(date(2010, 1, 30), date(2010, 5, 2)).months(together=3)]
            ['2010-03-31', '2010-05-02']
        """
        first = self.first
        while first <= self.last:
            last = min(month_end(add_months(month_start(first), together - 1)), self.last)
            yield DateRange(first, last)
            first = last + timedelta(days=1)


def spans_of(days: Iterable[date]) -> list[DateRange]:
    """Join days in order into spans without a gap.

    Examples:
        >>> [len(span) for span in spans_of(date(2010, 1, day) for day in (1, 2, 3, 5))]
        [3, 1]
    """
    return joined((DateRange(day, day), 0) for day in days)


def joined(parts: Iterable[tuple[DateRange, int]], at_most: int | None = None) -> list[DateRange]:
    """Join spans that follow each other without a gap.

    Args:
        parts: Spans in order, each with how much it holds.
        at_most: How much a joined span may hold, None for any amount; a part that holds more stands alone.

    Examples:
        >>> days = [DateRange(date(2010, 1, day), date(2010, 1, day)) for day in (1, 2, 3, 5)]
        >>> [len(span) for span in joined([(day, 4) for day in days])]
        [3, 1]
        >>> [len(span) for span in joined([(day, 4) for day in days], at_most=8)]
        [2, 1, 1]
    """
    spans: list[DateRange] = []
    held = 0
    for part, size in parts:
        follows = bool(spans) and (part.first - spans[-1].last).days == 1
        if follows and (at_most is None or held + size <= at_most):
            spans[-1] = DateRange(spans[-1].first, part.last)
            held += size
        else:
            spans.append(part)
            held = size
    return spans

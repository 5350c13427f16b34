"""Warn of what a mapping says and a download holds that is hardly meant: the values would be missing, or others."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

import polars as pl

from p2pcredit.platforms.mapped.dates import date_remedy
from p2pcredit.platforms.mapped.numbers import Pointed
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.statuses.events import Rule

MOST_ABSENT_NAMED = 5
AFTER_READING = "on, after read_on"
"""Among texts of dates that were not read: the first date of a status that lies after the day it was read."""
_ON = '"on"'
"""The key of the date of a status: without the quotes YAML reads it as yes."""
_MANY_LATE = 8
_YOUNG_DAYS = 31
_FEW_DAYS = 14
"""Where no loan is later than that, what is counted is hardly days: a file of many late loans has older ones."""
_MANY_GROUPED = 3
logger = logging.getLogger("p2pcredit")


def remedies_of(mapping: PlatformMapping, unread_dates: Mapping[str, str]) -> dict[str, str]:
    """Say what to write in the mapping where values of a column of a feed cannot be read, by that column.

    A status that lacks its date or its days past due is told by those: they are the cause.

    Args:
        mapping: The mapping.
        unread_dates: The first text of each column of dates that is none, by `on` and `earliest_credit_line`, and that
            of `AFTER_READING`.
    """
    terms = mapping.feeds["loan_terms"]
    amounts, months = (" or ".join(terms[name].names) for name in ("loan_amount", "term"))
    on = mapping.events.on
    opened = mapping.feeds.get("credit_history", {}).get("earliest_credit_line")
    lines = " or ".join(opened.names) if opened else "COLUMN"
    days = mapping.tape.days_past_due if mapping.tape else mapping.events.days_past_due
    late = " or ".join(days.names) if days else "a column of days"
    said = " or ".join(mapping.events.status.names)
    dated = 'name the column that holds it in the mapping, events: {"on": COLUMN}'
    if on is not None:
        column, found = " or ".join(on.names), unread_dates.get("on")
        holds = "" if found is None else f", which holds '{found}'"
        after = unread_dates.get(AFTER_READING)
        remedy = date_remedy(_ON, column, found)
        if found is None and after is not None:
            holds = f", which holds '{after}' though the statuses were read on {mapping.events.read_on}"
            remedy = "write under events the day of the file, read_on: DATE, or name another column"
        dated = f"it is the date in column '{column}'{holds}: {remedy}"
    return {
        "earliest_credit_line": date_remedy(
            "earliest_credit_line", lines, unread_dates.get("earliest_credit_line", "")
        ),
        "loan_amount": f"name another column than {amounts}, or say in the mapping how numbers are written: "
        "'file: {decimal: \",\"}' or 'file: {decimal: \".\"}'",
        "term": f'{months} holds whole months; give other texts a number, such as \'values: {{"3 years": "36"}}\'',
        "status": f"say under events.rules what each text of {said} means",
        "event_date": f"without its date, what became of a loan is unknown; {dated}",
        "days_past_due": f"without them, what became of a loan is unknown; write whole days into {late}, such as 45, "
        f"and name it in the mapping ({'tape' if mapping.tape else 'events'}: {{days_past_due: COLUMN}})",
    }


def warn_of_days(mapping: PlatformMapping) -> None:
    """Warn of a term that is taken as it stands from a column named after days: it would be read as months."""
    term = mapping.feeds["loan_terms"]["term"]
    if term.values or term.is_number:
        return
    for name in term.names:
        if re.search("days?($|[^a-z])", name.casefold()):
            logger.warning(
                "column %s gives the term, which is in months; if it holds days, say in the mapping which months "
                'they are, such as \'term: {column: %s, values: {"30": "1", "90": "3"}}\'',
                name,
                name,
            )


def warn_of_delays(mapping: PlatformMapping, days: pl.Series) -> None:
    """Warn where all of many loans that are late are late by the same number of days, or by less than half a month.

    The first is no count, the second one of months or instalments.
    """
    given, of = days.drop_nulls(), mapping.events.days_past_due
    column = " or ".join(of.names) if of else "days_past_due"
    if len(given) < _MANY_LATE:
        return
    if given.min() == given.max():
        logger.warning(
            "%s: all %d loans that are past due have the value %s; is it the number of days, and of each loan?",
            column,
            len(given),
            given[0],
        )
    elif given.le(_FEW_DAYS).all():
        logger.warning(
            "%s: all %d loans that are past due are so by %s to %s; is it a number of days, and none of months or "
            "instalments? Else write under events 'days_past_due: {column: %s, times: 30}'",
            column,
            len(given),
            given.min(),
            given.max(),
            column,
        )


@dataclass(slots=True)
class LossDates:
    """Counts, part by part, by which dates loans were lost: those of another column are no dates of losses.

    Args:
        losses: How many loans were lost and have a date.
        young: Of those, how many were within a month of their first day.
        first, last: The dates of the first and the last of them.
    """

    losses: int = 0
    young: int = 0
    first: date | None = None
    last: date | None = None

    def look_at(self, loans: pl.DataFrame, rules: Mapping[str, Rule]) -> None:
        """Add a part: `status`, `on` and `snapshot_date` of its loans."""
        lost = [
            status
            for status, events in rules.items()
            if isinstance(events, tuple) and any(event.status in {"DEFAULT", "CHARGED_OFF"} for event in events)
        ]
        own = loans.filter(pl.col("status").is_in(lost), pl.col("on") >= pl.col("snapshot_date"))
        first, last = own["on"].min(), own["on"].max()
        if isinstance(first, date) and isinstance(last, date):
            self.losses += own.height
            self.young += own.filter((pl.col("on") - pl.col("snapshot_date")).dt.total_days() <= _YOUNG_DAYS).height
            self.first = first if self.first is None else min(first, self.first)
            self.last = last if self.last is None else max(last, self.last)

    def warn(self, path: Path, column: str) -> None:
        """Ask of many losses whether all are of one day, or most within a month of their loans; then begin anew."""
        if self.losses >= _MANY_LATE and self.first == self.last:
            logger.warning(
                "%s: all %d losses are dated %s by column %s; is it the day of each loss, and not that of the file? "
                "Loans lost before it would count as good",
                path.name,
                self.losses,
                self.first,
                column,
            )
        elif self.losses >= _MANY_LATE and 2 * self.young > self.losses:
            logger.warning(
                "%s: %d of %d losses are dated within a month of their loan by column %s; is it the day of the loss, "
                "and not one of the loan or its first instalment?",
                path.name,
                self.young,
                self.losses,
                column,
            )
        self.losses, self.young, self.first, self.last = 0, 0, None, None


def note_made_after(read_on: date | None, made: pl.Series, found: list[tuple[int, date]]) -> None:
    """Note how many loans of a part were made after the day on which their statuses were read, and the last day."""
    late = made.filter(made > read_on) if read_on is not None else made.clear()
    if isinstance(last := late.max(), date):
        found.append((len(late), last))


def warn_of_reading(path: Path, read_on: date | None, made_after: Sequence[tuple[int, date]]) -> None:
    """Warn of loans made after the day on which the mapping says their statuses were read: that of another file."""
    if made_after:
        loans = sum(count for count, _ in made_after)
        logger.warning(
            "%s: %s made after %s, the day on which the mapping says that the statuses were read, the last on %s; "
            "write under events the day on which this file was made, read_on: DATE, or leave it out",
            path.name,
            "1 loan was" if loans == 1 else f"{loans:,} loans were",
            read_on,
            max(last for _, last in made_after),
        )


def report_absent(wanted: Iterable[Sequence[str]], path: Path, names: Sequence[str]) -> None:
    """Say which values of the mapping no column of a file gives: a slip of the pen would go unnoticed.

    Args:
        wanted: Per value the raw columns that it may come from.
        path: The file.
        names: The columns that it lacks.
    """
    told = dict.fromkeys(" or ".join(either) for either in wanted if either and set(either) <= set(names))
    if told:
        others = f" and {len(told) - MOST_ABSENT_NAMED} others" if len(told) > MOST_ABSENT_NAMED else ""
        logger.warning(
            "%s has no column %s, which the mapping names; check how it is written, else its values are missing",
            path.name,
            ", ".join(islice(told, MOST_ABSENT_NAMED)) + others,
        )


def warn_of_flags(path: Path, unread: Mapping[str, tuple[int, str]]) -> None:
    """Warn of texts in columns of yes and no that are neither: they are missing, and are no level of their own."""
    for name, (rows, example) in unread.items():
        logger.warning(
            "%s: column %s holds neither yes nor no in %d row%s, such as '%s'; the value is missing there: write "
            "true or false, yes or no, or 1 or 0",
            path.name,
            name,
            rows,
            "" if rows == 1 else "s",
            example,
        )


def warn_of_grouped(path: Path, pointed: Mapping[str, Pointed]) -> None:
    """Warn of amounts whose points all stand before three digits: they may group thousands."""
    for name, found in pointed.items():
        if found.grouped >= _MANY_GROUPED and not found.other:
            logger.warning(
                "%s: in column %s each point stands before three digits, in %d values such as '%s'; where it groups "
                "thousands, say so in the mapping: 'file: {decimal: \",\"}', else: 'file: {decimal: \".\"}'",
                path.name,
                name,
                found.grouped,
                found.example,
            )


def warn_of_early(path: Path, early: Sequence[pl.DataFrame]) -> None:
    """Warn of loans whose status holds from a day before they were made: one of the two dates is wrong."""
    loans = sum(part.height for part in early)
    if loans:
        loan_id, on, made = next(part.row(0) for part in early if part.height)
        logger.warning(
            "%s: %d loans have a status of a day before they were made, such as %s of %s with one of %s; one "
            "of the dates is wrong, and the status counts from the first day of its loan; mend the file or the mapping",
            path.name,
            loans,
            loan_id,
            made,
            on,
        )


def warn_of_late_values(path: Path, late: Mapping[str, tuple[int, int]]) -> None:
    """Warn of own columns of which values were known only after their loan was issued; such values are missing."""
    for name, (count, values) in late.items():
        if count:
            logger.warning(
                "%s: %d of %d values of the own column %s were not known on the day of their loan, by features.%s."
                "known_on; they are missing",
                path.name,
                count,
                values,
                name,
                name,
            )

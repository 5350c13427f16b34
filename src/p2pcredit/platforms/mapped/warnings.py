"""Warn of what a mapping says and a download holds that is hardly meant: the values would be missing, or others."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import polars as pl

from p2pcredit.platforms.mapped.numbers import Pointed
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping

MOST_ABSENT_NAMED = 5
_MANY_LATE = 8
_MANY_GROUPED = 3
logger = logging.getLogger("p2pcredit")


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


def warn_of_one_delay(mapping: PlatformMapping, days: pl.Series) -> None:
    """Warn where all of many loans that are late are late by the same number of days: none is counted."""
    given = days.drop_nulls()
    if len(given) >= _MANY_LATE and given.min() == given.max():
        logger.warning(
            "%s: all %d loans that are past due have the value %s; is it the number of days, and of each loan?",
            " or ".join(mapping.events.days_past_due.names) if mapping.events.days_past_due else "days_past_due",
            len(given),
            given[0],
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

"""Read the values of a download as its mapping says: texts, dates, numbers, yes and no, amounts and days past due."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import MOST_YEARS_OF_CREDIT
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.platforms.mapped.dates import ISO
from p2pcredit.platforms.mapped.schema.sources import NO, YES, Source
from p2pcredit.platforms.missing_signs import first_given, is_blank

_FIRST_DATE, _LAST_DATE = date(1500, 1, 1), date(2999, 12, 31)
_A_MONTH = timedelta(days=31)
"""A status that is dated by its month may lie so long after the day on which it was read."""


def text_of(source: Source) -> pl.Expr:
    """Take the text of the first column that has one."""
    return first_given(source.names)


def as_date(source: Source, latest: pl.Expr | None = None) -> pl.Expr:
    """Parse the date of a value; null where it is none.

    Args:
        source: Where it comes from, and how it is written.
        latest: A day after which it cannot lie: a year of two digits is then one of the century before, and where that
            is longer ago than any credit history, no date.
    """
    text = text_of(source).str.strip_chars()
    patterns = [pattern for pattern in source.date if pattern != ISO]
    found = [_read_by(pattern, text, latest) for pattern in patterns]
    if not any(pattern.startswith("%Y-%d") for pattern in patterns):
        # What has a type of its own reads as ISO, which means another day to one pattern only.
        found.append(_read_by("%Y-%m-%d", text.str.extract(r"^(\d{4}-\d{2}-\d{2})(?:$|[T ])"), None))
    return pl.coalesce(found)


def _read_by(pattern: str, text: pl.Expr, latest: pl.Expr | None) -> pl.Expr:
    """Parse by one pattern; only where its year has two digits is a day after `latest` one of the century before."""
    day = text.str.to_date(pattern, strict=False)
    day = pl.when(day.is_between(_FIRST_DATE, _LAST_DATE)).then(day)
    if latest is None or "%y" not in pattern:
        return day
    past = day.dt.offset_by("-100y")
    credible = past >= latest.dt.offset_by(f"-{MOST_YEARS_OF_CREDIT}y").dt.month_start()
    return pl.when(day > latest).then(pl.when(credible).then(past)).otherwise(day)


def dates_after_reading(day: pl.Expr, read_on: date | None) -> pl.Expr:
    """Mark the dates of statuses that lie more than a month after the day on which they were read: one is wrong."""
    return pl.lit(value=False) if read_on is None else (day > read_on + _A_MONTH).fill_null(value=False)


def problem_with_date(source: Source, read: pl.Expr, kept: pl.Expr, read_on: date | None = None) -> pl.Expr:
    """Give the text that stands in place of a date which is none, never itself a date; null where nothing was given.

    Args:
        source: Where the date comes from, and how it is written.
        read: The date as it was read, or null.
        kept: The same, null where it lies after the day on which the file landed, or too long after `read_on`.
        read_on: The day on which the statuses were read; None where it is not said.
    """
    text = text_of(source).str.strip_chars()
    said = (
        pl.when(dates_after_reading(read, read_on))
        .then(pl.format("{}, after the statuses were read on {}", text, pl.lit(str(read_on))))
        .when(read.is_not_null())
        .then(pl.format("{}, in the future", text))
        .otherwise(_no_date(text))
    )
    return pl.when(kept.is_null() & ~is_blank(text)).then(said)


def _no_date(text: pl.Expr) -> pl.Expr:
    """Mark a text that the mapping does not read as a date where silver would."""
    marked = pl.format("{}, no date as the mapping says", text)
    return pl.when(text.str.contains(r"^\s*\d{4}-\d{2}-\d{2}")).then(marked).otherwise(text)


def as_text(source: Source, originated: pl.Expr) -> pl.Expr:
    """Change a value's text as the mapping says; what cannot be read stays as it is, for quarantine to judge."""
    text = text_of(source)
    if source.date:
        return pl.coalesce(as_date(source, originated).cast(pl.String), _no_date(text))
    if source.flag:
        return as_flag(source, text)
    text = replaced(source, text)
    if not source.is_number:
        return text
    number = text.str.strip_chars().cast(pl.Float64, strict=False) * (1.0 if source.times is None else source.times)
    rounded = number.round(6 if source.round is None else source.round)
    whole = rounded.cast(pl.Int64, strict=False).cast(pl.String)
    shown = whole if source.round == 0 else rounded.cast(pl.String)
    return pl.coalesce(shown, text)


def replaced(source: Source, text: pl.Expr) -> pl.Expr:
    """Replace texts as `values` says, a blank too where it says what one means."""
    if not source.values:
        return text
    bare = text.str.strip_chars()
    found = bare.replace(source.values)
    if "" not in source.values:
        return found
    named = bare.is_in(sorted(set(source.values) - {""})).fill_null(value=False)
    return pl.when(is_blank(text) & ~named).then(pl.lit(source.values[""])).otherwise(found)


def finished(columns: Sequence[Column], rows: pl.DataFrame, sources: Mapping[str, Source]) -> pl.DataFrame:
    """Take out what cannot be read where `unreadable` says so, then fill what is missing by `default`."""
    for name, source in sources.items():
        text = pl.col(name)
        if source.unreadable is not None:
            rows = rows.with_columns(pl.when(pl.lit(_readable(columns, rows[name], source))).then(text).alias(name))
        if source.default is not None:
            rows = rows.with_columns(pl.when(is_blank(text)).then(pl.lit(source.default)).otherwise(text).alias(name))
    return rows


def _readable(columns: Sequence[Column], texts: pl.Series, source: Source) -> pl.Series:
    """Mark texts that are a number within its bounds or a date; of categories with `values`, those that it gives."""
    column = next(one for one in columns if one.source == texts.name)
    text = pl.col(texts.name).str.strip_chars()
    if column.kind in {Kind.CATEGORY, Kind.TEXT}:
        known = [*source.values.values(), *source.flag, *source.one_hot]
        sound = text.is_in(known) if known else text.is_not_null()
    elif column.kind in {Kind.TERM, Kind.YEARS}:
        sound = text.str.contains("[0-9]")  # with words, such as `36 months` and `10+ years`
    elif column.kind is Kind.DATE:
        sound = text.str.to_date("%Y-%m-%d", strict=False).is_not_null()
    else:
        number = text.str.strip_suffix("%").str.strip_chars().cast(pl.Float64, strict=False)
        percent = 100 if column.kind is Kind.PERCENT else 1
        low, high = ((column.minimum or 0) * percent, (column.maximum or 0) * percent)
        sound = number.is_between(low, high)
    return texts.to_frame().select(sound.fill_null(value=False))[:, 0]


def as_flag(source: Source, text: pl.Expr) -> pl.Expr:
    """Read yes and no, or the texts that they become; null where it is neither."""
    bare = text.str.strip_chars().str.to_lowercase()
    found = pl.lit(None, dtype=pl.String)
    for meant, ways in zip(source.flag, (YES, NO), strict=True):
        found = pl.when(bare.is_in([*ways, meant.lower()])).then(pl.lit(meant)).otherwise(found)
    return found


def total_of(columns: Sequence[tuple[int, str]]) -> pl.Expr:
    """Add up columns of amounts; null where none of them has a number."""
    numbers = [pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) * sign for sign, name in columns]
    if not numbers:
        return pl.lit(None, dtype=pl.Float64)
    return pl.when(pl.any_horizontal(number.is_not_null() for number in numbers)).then(pl.sum_horizontal(numbers))


def days_text(source: Source) -> pl.Expr:
    """Give the text of days past due, with what `values` and `default` say of it."""
    text = as_text(source, pl.lit(None, dtype=pl.Date))
    return text if source.default is None else pl.when(is_blank(text)).then(pl.lit(source.default)).otherwise(text)


def status_text(source: Source, rules: Collection[str]) -> pl.Expr:
    """Give the text of a status, a blank one as `""` where there is a rule for it."""
    text = as_text(source, pl.lit(None, dtype=pl.Date)).str.strip_chars()
    if source.default is not None:
        text = pl.when(is_blank(text)).then(pl.lit(source.default)).otherwise(text)
    if "" not in rules:
        return text
    named = text.is_in(sorted(set(rules) - {""})).fill_null(value=False)
    return pl.when(is_blank(text) & ~named).then(pl.lit("")).otherwise(text)


def whole_days(source: Source) -> pl.Expr:
    """Parse a whole number of days, at most five digits, as Int64; null where the text is anything else."""
    text = days_text(source).str.strip_chars().str.strip_prefix("+")
    return pl.when(text.str.contains(r"^[0-9]{1,5}(\.0*)?$")).then(text).cast(pl.Float64).cast(pl.Int64)


def problem_with_days(source: Source) -> pl.Expr:
    """Say of a text that is neither a sign of a missing value nor a whole number of days what is wrong with it."""
    text = days_text(source).str.strip_chars()
    given = ~text.str.to_lowercase().is_in(["", *sorted(MISSING_SIGNS)])
    wrong = pl.when(given & whole_days(source).is_null()).then(text + " is no whole number of days")
    return pl.lit(None, dtype=pl.String) if source.unreadable else wrong


def without_impossible_days(loans: pl.DataFrame, read_on: date | None) -> pl.DataFrame:
    """Take out days past due that are more than the loan's days since its origination, and say so in `days_text`.

    Such a number is in another unit, or stands for something else. Its loan's outcome is unknown then.

    Args:
        loans: As `build_events` takes them.
        read_on: The day on which the days past due were counted.
    """
    days = pl.col("days_past_due")
    age = (pl.lit(read_on, dtype=pl.Date) - pl.col("snapshot_date")).dt.total_days()
    said = pl.format("{} days past due of a loan {} days old", days, age)
    return loans.with_columns(
        pl.when(days > age).then(said).otherwise("days_text").alias("days_text"),
        pl.when(days > age).then(None).otherwise(days).alias("days_past_due"),
    )

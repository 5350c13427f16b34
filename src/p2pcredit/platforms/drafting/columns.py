"""Describe the columns of an unknown file: how filled, how many different texts, which of them numbers or dates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from p2pcredit.platforms.headers import open_raw
from p2pcredit.platforms.mapped.dates import ISO, patterns_for
from p2pcredit.platforms.mapped.schema.sources import NO, YES, Source
from p2pcredit.platforms.mapped.values import as_date
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.readers.csv.blocks import NotUtf8Error
from p2pcredit.readers.csv.dialect import ANY_SEPARATOR, UTF_8, Dialect
from p2pcredit.readers.localized_numbers import DecimalSign, is_number

MOST_ROWS = 200_000
"""So many rows of a file are looked at, from its beginning."""
_MOST_LEVELS = 30
_NEARLY_ALL = 0.98
_OTHER_ENCODING = "windows-1252"


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What a column looks like in the rows that were looked at.

    Args:
        name: Its name.
        filled: Share of rows with a value.
        distinct: How many different texts.
        kind: `date`, `month` (such as 2024-03), `number`, `flag`, `category` (few texts), `text` or `empty`.
        patterns: How its dates are written; several where the texts fit several.
        decimal: The sign before decimals that its numbers need; None where plain numbers do.
        levels: Of few texts each with its count, the commonest first.
        example: A text of it.
    """

    name: str
    filled: float
    distinct: int
    kind: str
    patterns: tuple[str, ...] = ()
    decimal: DecimalSign | None = None
    levels: tuple[tuple[str, int], ...] = ()
    example: str = ""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a file looks like.

    Args:
        path: The file.
        encoding: Its encoding.
        rows: The rows that were looked at, as text.
        columns: Its columns.
        is_whole: Whether all of its rows were looked at.
    """

    path: Path
    encoding: str
    rows: pl.DataFrame
    columns: tuple[ColumnFacts, ...]
    is_whole: bool

    def column(self, name: str) -> ColumnFacts:
        """Find a column by its name."""
        return next(column for column in self.columns if column.name == name)


def look_at(path: Path) -> FileFacts:
    """Read the first rows of a file and describe its columns.

    Raises:
        UnreadableFileError, HeaderError: Where it cannot be read as a table.
    """
    try:
        rows, is_whole, encoding = *_first_rows(path, UTF_8), UTF_8
    except NotUtf8Error:
        rows, is_whole, encoding = *_first_rows(path, _OTHER_ENCODING), _OTHER_ENCODING
    return FileFacts(path, encoding, rows, tuple(_describe(rows[name]) for name in rows.columns), is_whole)


def _first_rows(path: Path, encoding: str) -> tuple[pl.DataFrame, bool]:
    # Nothing says which line is the header: the first one is, parted by what parts it into the most names.
    opened = [open_raw(path, {"a table": ()}, None, Dialect(separator, encoding)) for separator in ANY_SEPARATOR]
    file = max(opened, key=lambda one: len(one.header))
    parts, height = [file.empty().frame], 0
    for batch in file.batches(exact=True):
        parts.append(batch.frame)
        height += batch.frame.height
        if height > MOST_ROWS:
            break
    rows = pl.concat(parts).drop("row_number")
    return rows.head(MOST_ROWS), height <= MOST_ROWS


def _describe(texts: pl.Series) -> ColumnFacts:
    name = texts.name
    given = texts.to_frame("x").filter(~is_blank(pl.col("x")))["x"].str.strip_chars()
    filled = len(given) / max(len(texts), 1)
    distinct = given.n_unique()
    if not len(given):
        return ColumnFacts(name, 0.0, 0, "empty")
    counted = given.value_counts(sort=True).sort(["count", "x"], descending=[True, False])
    levels = tuple(counted.head(_MOST_LEVELS).iter_rows()) if distinct <= _MOST_LEVELS else ()
    example = str(given[0])
    kind, decimal = "category" if levels else "text", None
    patterns: tuple[str, ...] = ()
    if distinct <= len(YES) and set(given.str.to_lowercase().unique()) <= {*YES, *NO}:
        kind = "flag"
    elif _share(given, pl.col("x").str.contains(r"^(19|20)[0-9]{2}-[01][0-9]$")) >= _NEARLY_ALL:
        kind = "month"
    elif found := _date_patterns(given):
        kind, patterns = "date", found
    elif _share(given, pl.col("x").cast(pl.Float64, strict=False).is_finite()) >= _NEARLY_ALL:
        kind = "number"
    else:
        signs: tuple[DecimalSign, ...] = (",", ".")
        decimal = next((sign for sign in signs if _share(given, is_number(pl.col("x"), sign)) >= _NEARLY_ALL), None)
        kind = kind if decimal is None else "number"
    return ColumnFacts(name, filled, distinct, kind, patterns, decimal, levels, example)


def _date_patterns(given: pl.Series) -> tuple[str, ...]:
    """List the patterns by which nearly all texts are dates."""
    candidates = dict.fromkeys(
        [ISO, *(one for text in given.unique(maintain_order=True).head(20) for one in patterns_for(text))]
    )
    return tuple(
        one
        for one in candidates
        if _share(given, as_date(Source(column="x", date=(one,))).is_not_null()) >= _NEARLY_ALL
    )[:3]


def _share(given: pl.Series, test: pl.Expr) -> float:
    return float(given.to_frame("x").select(test.fill_null(value=False).mean()).item())


__all__ = ["MOST_ROWS", "ColumnFacts", "FileFacts", "look_at"]

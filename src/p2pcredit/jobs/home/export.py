"""Take a table out of the lake, as Parquet for machines or CSV for people."""

from __future__ import annotations

from datetime import date
from io import BytesIO
from pathlib import Path

import polars as pl

from p2pcredit.contracts.tables import table_named
from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.home.known_rows import rows_known
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import atomic_replace
from p2pcredit.storage.tables.lake import Lake

_STARTERS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
"""What a spreadsheet takes for the start of a formula, full-width forms included."""

_PASSED_OVER = r"""[\x00-\x20\s"\x{200b}\x{feff}]*"""
_FORMULA = rf"""^(?:[\t\r\n]|{_PASSED_OVER}[{_STARTERS}'])"""
_FORMULA_INSIDE = rf"""([;\t\r\n]{_PASSED_OVER})([{_STARTERS}'])"""
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?%?$"


def export(
    ctx: JobContext,
    name: str,
    out: Path,
    *,
    as_of: date | None = None,
    first: date | None = None,
    last: date | None = None,
) -> Receipt:
    """Write a table's rows to a file.

    Args:
        name: Such as `gold/predictions` or, as in SQL, `gold.predictions`.
        out: Where to; its suffix, `.parquet` or `.csv`, says how. In CSV a text that a spreadsheet would run as a
            formula is given an apostrophe before it; numbers stay numbers. A list becomes one text, joined with `; `.
        as_of: Only rows that were known on this day.
        first, last: Only rows of these snapshot dates.

    Returns:
        `table`, `rows`, `path`; `reason` where there are no rows.

    Raises:
        UsageError: If there is no such table, the suffix is another, or the range ends before it starts.
        MissingTableError: If nothing has been written to it yet.
    """
    require_suffix(out)
    table = table_named(name)
    lake = Lake(ctx.layout)
    lake.require(table)
    frame = rows_known(lake.scan(table), table, as_of)
    if first is not None and last is not None:
        DateRange(first, last)
    held = _days_of(lake.scan(table))
    if first is not None:
        frame = frame.filter(pl.col("snapshot_date") >= first)
    if last is not None:
        frame = frame.filter(pl.col("snapshot_date") <= last)
    rows = frame.collect().sort("snapshot_date", *table.sorted_by)
    write_rows(rows, out)
    receipt: Receipt = {"table": table.name, "rows": rows.height, "path": str(out)}
    return receipt if rows.height else {**receipt, "reason": _why_empty(name, held, as_of)}


def require_suffix(out: Path) -> None:
    """Check that a file's name says how it is written.

    Raises:
        UsageError: If it ends neither in `.parquet` nor in `.csv`.
    """
    if out.suffix not in {".parquet", ".csv"}:
        raise UsageError(f"cannot export to '{out.name}'; end the file name in .parquet or .csv")


def write_rows(rows: pl.DataFrame, out: Path) -> None:
    """Write rows to a Parquet or CSV file, atomically.

    Raises:
        UsageError: If CSV cannot hold a column.
    """
    with atomic_replace(out) as temporary:
        if out.suffix == ".parquet":
            whole = BytesIO()  # written by the engine itself, a full disk may show as an error that does not name it
            rows.write_parquet(whole)
            temporary.write_bytes(whole.getbuffer())
        else:
            plain_for_csv(rows).write_csv(temporary)


def plain_for_csv(rows: pl.DataFrame) -> pl.DataFrame:
    """Prepare rows for CSV: lists of texts joined, and no text that a spreadsheet would run.

    Raises:
        UsageError: If a column holds what CSV cannot: lists of other things than texts, or groups.
    """
    plain = rows.with_columns(_joined(rows))
    nested = next((name for name, dtype in plain.schema.items() if dtype.is_nested()), None)
    if nested is not None:
        raise UsageError(f"the column '{nested}' holds {rows.schema[nested]}, which CSV cannot; write Parquet or JSON")
    return plain.with_columns(_defused(plain))


def _days_of(whole: pl.LazyFrame) -> DateRange | None:
    """Return the days from the first to the last of which a table holds rows; None where it holds none."""
    day = pl.col("snapshot_date")
    first, last = whole.select(day.min().alias("first"), day.max().alias("last")).collect().row(0)
    return None if first is None else DateRange(first, last)


def _why_empty(name: str, held: DateRange | None, as_of: date | None) -> str:
    if held is None:
        return f"{name} holds no row"
    known = "" if as_of is None else f" was known on {as_of} and"
    return f"no row{known} lies in these days; {name} holds {held.first} to {held.last}"


def _joined(frame: pl.DataFrame) -> list[pl.Expr]:
    """Join every list of texts to one text: CSV has no lists."""
    return [pl.col(name).list.join("; ") for name, dtype in frame.schema.items() if dtype == pl.List(pl.String)]


def _defused(frame: pl.DataFrame) -> list[pl.Expr]:
    """Defuse every text column, so that no spreadsheet runs what a borrower wrote; numbers stay numbers.

    An apostrophe goes before a text that starts like a formula, and before what does so after a semicolon, a tab or a
    line break, where a spreadsheet that cuts cells there would begin a new one. Text that has an apostrophe in such a
    place gets one more, so that removing one from each such place gives the text back (docs/decisions/015).
    """
    names = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    columns = []
    for name in names:
        inside = pl.col(name).str.replace_all(_FORMULA_INSIDE, "${1}'${2}")
        starts = pl.col(name).str.contains(_FORMULA)
        columns.append(
            pl.when(pl.col(name).str.contains(_NUMBER))
            .then(pl.col(name))
            .when(starts)
            .then(pl.lit("'") + inside)
            .otherwise(inside)
            .alias(name)
        )
    return columns

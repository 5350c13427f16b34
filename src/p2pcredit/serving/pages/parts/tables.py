"""Tables on pages: what their address asks, and the few rows that answer it, read from the lake without the rest.

Sorting, filters and pages stand in the address, so each view of a table has one. A page reads as many rows as it shows;
what it asks is answered by the engine while it scans, so that a table larger than memory can be looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

import polars as pl
from starlette.requests import Request

from p2pcredit.errors import UsageError
from p2pcredit.names import no_such
from p2pcredit.periods import parse_date
from p2pcredit.serving.pages.parts.cells import plain_name

ROWS = 50
MOST_ROWS = 500
DEEPEST = 100_000
"""The last row that can be paged to; filters reach further."""

COMPARISONS = {
    "is": "is",
    "not": "is not",
    "least": "is at least",
    "most": "is at most",
    "has": "contains",
    "missing": "is missing",
}
"""What a filter may ask of a column: its name in addresses, and in words."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on a column."""

    column: str
    comparison: str
    value: str

    @property
    def in_words(self) -> str:
        """The condition as a reader reads it."""
        return f"{plain_name(self.column)} {COMPARISONS[self.comparison]} {self.value}".rstrip()


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks of a table.

    Args:
        sort: The column to sort by; None for the table's own order.
        down: Whether the largest come first.
        filters: Conditions that all must hold.
        page: From 1.
        rows: How many a page shows.
        kept: What else the address says, which links of the table keep.
    """

    sort: str | None = None
    down: bool = False
    filters: tuple[Filter, ...] = ()
    page: int = 1
    rows: int = ROWS
    kept: tuple[tuple[str, str], ...] = ()

    def address(self, **changes: Any) -> str:
        """Give the query of this view, or of one with other facts."""
        asked = replace(self, **changes)
        told = list(asked.kept)
        for one in asked.filters:
            told += [("by", one.column), ("compare", one.comparison), ("value", one.value)]
        if asked.sort is not None:
            told.append(("sort", f"-{asked.sort}" if asked.down else asked.sort))
        if asked.page != 1:
            told.append(("page", str(asked.page)))
        if asked.rows != ROWS:
            told.append(("rows", str(asked.rows)))
        return f"?{urlencode(told, quote_via=quote, safe='')}"

    def sorted_by(self, column: str) -> str:
        """Give the query of this view sorted by a column; sorted by it already, the other way round."""
        return self.address(sort=column, down=self.sort == column and not self.down, page=1)

    def without(self, unwanted: Filter) -> str:
        """Give the query of this view without a filter."""
        return self.address(filters=tuple(one for one in self.filters if one != unwanted), page=1)

    def export(self, form: str) -> str:
        """Give the query of the rows of this view as a file."""
        return f"{self.address(page=1)}&as={form}" if self.address(page=1) != "?" else f"?as={form}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A table on a page.

    Args:
        key: Its name in addresses and in the name of exported files.
        caption: What its rows are.
        rows: Those of this page.
        columns: Name -> type, of the columns that are shown.
        filterable: Columns that a filter may name.
        total: Rows that meet the filters.
        asked: What was asked.
        links: Column -> where a value of a row leads.
        empty: What to say where there is none.
        titles: Column -> what it holds, in a sentence.
        fixed: Whether the table is shown without filters.
    """

    key: str
    caption: str
    rows: list[dict[str, Any]]
    columns: Mapping[str, pl.DataType]
    filterable: tuple[str, ...]
    total: int
    asked: Asked
    links: Mapping[str, Callable[[Mapping[str, Any]], str | None]]
    empty: str = "No rows."
    titles: Mapping[str, str] | None = None
    fixed: bool = False

    @property
    def pages(self) -> int:
        """How many pages there are, at least one."""
        return max(1, -(-self.total // self.asked.rows))

    @property
    def last_reachable(self) -> int:
        """The last page that can be turned to."""
        return min(self.pages, max(1, DEEPEST // self.asked.rows))

    @property
    def first_row(self) -> int:
        """The number of the first row of this page."""
        return min(self.total, (self.asked.page - 1) * self.asked.rows + 1)

    @property
    def last_row(self) -> int:
        """The number of the last row of this page."""
        return self.first_row + len(self.rows) - 1 if self.rows else 0

    def is_number(self, column: str) -> bool:
        """Test whether a column holds numbers."""
        return self.columns[column].is_numeric()

    def link(self, column: str, row: Mapping[str, Any]) -> str | None:
        """Give where the value of a row leads; None where nowhere."""
        to = self.links.get(column)
        return None if to is None or row.get(column) is None else to(row)

    def title(self, column: str) -> str:
        """Describe a column; empty where nothing is said of it."""
        return (self.titles or {}).get(column, "")


_TABLE_WORDS = frozenset({"sort", "by", "compare", "value", "page", "rows", "as"})


def asked_of(request: Request, sort: str | None = None, *, down: bool = False) -> Asked:
    """Read what an address asks of its table.

    Args:
        request: The request.
        sort: The column to sort by where the address names none.
        down: Whether that begins with the largest.

    Raises:
        UsageError: If it asks what none may ask.
    """
    told = request.query_params
    wanted = told.get("sort") or (None if sort is None else f"-{sort}" if down else sort)
    names, comparisons, values = told.getlist("by"), told.getlist("compare"), told.getlist("value")
    if not len(names) == len(comparisons) == len(values):
        raise UsageError("each filter of the address needs 'by', 'compare' and 'value'")
    filters = []
    for name, comparison, value in zip(names, comparisons, values, strict=True):
        if not name or (not value.strip() and comparison != "missing"):
            continue
        if comparison not in COMPARISONS:
            raise UsageError(no_such("comparison", comparison, tuple(COMPARISONS)))
        filters.append(Filter(name, comparison, "" if comparison == "missing" else value.strip()))
    return Asked(
        sort=None if wanted is None else wanted.removeprefix("-"),
        down=wanted is not None and wanted.startswith("-"),
        filters=tuple(dict.fromkeys(filters)),
        page=_whole(told.get("page", "1"), "page", DEEPEST),
        rows=_whole(told.get("rows", str(ROWS)), "rows", MOST_ROWS),
        kept=tuple((name, value) for name, value in told.multi_items() if name not in _TABLE_WORDS),
    )


def look_up(
    frame: pl.LazyFrame,
    asked: Asked,
    *,
    key: str,
    caption: str,
    columns: Sequence[str] | None = None,
    links: Mapping[str, Callable[[Mapping[str, Any]], str | None]] | None = None,
    empty: str = "No rows.",
    titles: Mapping[str, str] | None = None,
    fixed: bool = False,
) -> Shown:
    """Read the rows of a table that an address asks for.

    Raises:
        UsageError: If it names a column that is not there, a value that is none of its type, or a page too far.
    """
    schema = dict(frame.collect_schema())
    shown = {name: schema[name] for name in columns or schema}
    chosen = filtered(frame, asked.filters, schema)
    total = int(chosen.select(pl.len()).collect(engine="streaming").item())
    first = (asked.page - 1) * asked.rows
    if first + asked.rows > DEEPEST + asked.rows:
        raise UsageError(f"page {asked.page} lies too far; filter the rows, or export them")
    rows = in_order(chosen, asked, schema).slice(first, asked.rows).collect(engine="streaming")
    filterable = tuple(name for name, dtype in schema.items() if _can_filter(dtype))
    return Shown(
        key, caption, rows.to_dicts(), shown, filterable, total, asked, dict(links or {}), empty, titles, fixed
    )


def filtered(frame: pl.LazyFrame, filters: Iterable[Filter], schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Keep the rows that meet all filters.

    Raises:
        UsageError: If a filter names a column that is not there, or a value that is none of its type.
    """
    conditions = [_condition(one, schema) for one in filters]
    return frame.filter(conditions) if conditions else frame


def in_order(frame: pl.LazyFrame, asked: Asked, schema: Mapping[str, pl.DataType]) -> pl.LazyFrame:
    """Sort rows as asked; missing values come last.

    Raises:
        UsageError: If the column is not there.
    """
    if asked.sort is None:
        return frame
    _require(asked.sort, schema)
    others = [name for name in ("snapshot_date", "loan_id") if name in schema and name != asked.sort]
    return frame.sort(asked.sort, *others, descending=[asked.down, *(False for _ in others)], nulls_last=True)


def frame_of(rows: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> pl.LazyFrame:
    """Make a table of a few rows that are in memory, so that it sorts and filters as those of the lake do."""
    return pl.LazyFrame([{name: row.get(name) for name in schema} for row in rows], schema=dict(schema))


def _condition(one: Filter, schema: Mapping[str, pl.DataType]) -> pl.Expr:
    _require(one.column, schema)
    column, dtype = pl.col(one.column), schema[one.column]
    if one.comparison == "missing":
        return column.is_null()
    if isinstance(dtype, pl.List):
        return column.list.join("; ").str.contains(one.value, literal=True)
    if one.comparison == "has":
        return column.cast(pl.String).str.to_lowercase().str.contains(one.value.lower(), literal=True)
    value = pl.lit(_typed(one, dtype))
    match one.comparison:
        case "is":
            return column == value
        case "not":
            return column.ne_missing(value)
        case "least":
            return column >= value
        case _:
            return column <= value


def _typed(one: Filter, dtype: pl.DataType) -> float | bool | date | str:
    try:
        if dtype.is_numeric():
            number = float(one.value.replace(",", ""))
            if number != number:
                raise ValueError
            return number
        if dtype == pl.Date:
            return parse_date(one.value)
        if dtype == pl.Boolean:
            return {"yes": True, "true": True, "no": False, "false": False}[one.value.lower()]
    except (ValueError, KeyError) as error:
        kind = "a number" if dtype.is_numeric() else "a date such as 2010-12-31" if dtype == pl.Date else "yes or no"
        raise UsageError(f"the filter on {one.column} needs {kind}") from error
    return one.value


def _require(column: str, schema: Mapping[str, pl.DataType]) -> None:
    if column not in schema:
        raise UsageError(no_such("column", column, tuple(schema)))


def _can_filter(dtype: pl.DataType) -> bool:
    return not dtype.is_nested() or dtype == pl.List(pl.String)


def _whole(text: str, name: str, most: int) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= most and len(text) < 9):
        raise UsageError(f"'{name}' of the address needs a whole number from 1 to {most:,}")
    return int(text)


__all__ = ["COMPARISONS", "Asked", "Filter", "Shown", "asked_of", "filtered", "frame_of", "in_order", "look_up"]

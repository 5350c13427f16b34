"""Which files hold the rows of a Delta table now, and which of them may hold rows of some days.

The table's log says it, with the bounds of the dates in each file: nothing is opened to know what need not be opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from p2pcredit.engines.local import scan_files
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.partitions import MONTH, parts_of
from p2pcredit.weak_cache import WeakCache

_TOLD = {
    "path": pl.String,
    "size_bytes": pl.Int64,
    f"partition.{MONTH}": pl.String,
    "num_records": pl.Int64,
    "min.snapshot_date": pl.Date,
    "max.snapshot_date": pl.Date,
}
"""What the log records of a file; without statistics, not all of it."""
_PLAIN_READER = 1
"""Up to this version of Delta's protocol a table's rows are the rows of its files. A table that another tool changed
may ask for a later one, with rows struck out by lists beside the files."""


@dataclass(frozen=True, slots=True)
class ActiveFile:
    """A file of a table.

    Args:
        path: Below the table's directory, as the log writes it.
        size: Bytes.
        part: The part of the table that it lies in, such as `2010-01`.
        rows: How many it holds, None where the log does not say.
        low, high: The first and the last date in it, None where the log does not say.
    """

    path: str
    size: int
    part: str
    rows: int | None
    low: date | None
    high: date | None

    def may_hold(self, days: DateRange) -> bool:
        """Return whether its dates allow rows of these days."""
        return self.low is None or self.high is None or (self.low <= days.last and self.high >= days.first)

    def holds(self, days: DateRange) -> bool:
        """Return whether it certainly has rows of these days."""
        return bool(self.rows) and any(bound is not None and bound in days for bound in (self.low, self.high))

    def below(self, opened: DeltaTable) -> str:
        """Return its path below an opened table."""
        root = unquote(opened.table_uri.removeprefix("file://")).rstrip("/")
        return f"{root}/{unquote(self.path)}"


def active_files(opened: DeltaTable, days: DateRange | None = None) -> Sequence[ActiveFile]:
    """List the files of a table, by path; with `days`, those whose part and whose dates allow rows of these days."""
    files = _files.get(opened, opened.version(), lambda: _read_files(opened))
    if days is None:
        return files
    parts = set(parts_of(days))
    return [file for file in files if file.part in parts and file.may_hold(days)]


def scan_live(opened: DeltaTable, files: Sequence[ActiveFile]) -> pl.LazyFrame:
    """Scan the rows of these files of a table, in its columns without the partition column."""
    if _asks_more_of_readers(opened):
        return pl.scan_delta(opened).filter(pl.col(MONTH).is_in({file.part for file in files})).drop(MONTH)
    schema = pl.Schema(opened.schema().to_arrow())
    schema.pop(MONTH, None)
    return scan_files([file.below(opened) for file in files], schema)


def count_per_day(opened: DeltaTable, days: DateRange | None = None) -> Counter[date]:
    """Count the rows of each day that has any.

    Only files that hold several days, or that the log does not count, are opened, and of them the dates alone are read.
    """
    counts: Counter[date] = Counter()
    others: list[ActiveFile] = []
    for file in active_files(opened, days):
        if file.rows is not None and file.low is not None and file.low == file.high:
            counts[file.low] += file.rows
        else:
            others.append(file)
    if others:
        dates = scan_live(opened, others).select("snapshot_date")
        if days is not None:
            dates = dates.filter(pl.col("snapshot_date").is_between(pl.lit(days.first), pl.lit(days.last)))
        for day, rows in dates.group_by("snapshot_date").len().collect().iter_rows():
            counts[day] += rows
    return +counts


_files: WeakCache[DeltaTable, tuple[ActiveFile, ...]] = WeakCache()
"""The files of tables that are open; the log of one that stays open is asked once for each of its versions."""


def _read_files(opened: DeltaTable) -> tuple[ActiveFile, ...]:
    actions = opened.get_add_actions(flatten=True)
    there = pl.DataFrame(actions.select([name for name in _TOLD if name in actions.schema.names]))
    told = there.select(
        (pl.col(name) if name in there.columns else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in _TOLD.items()
    )
    if _asks_more_of_readers(opened):  # rows may be struck out that are still counted
        told = told.with_columns(pl.lit(None).alias("num_records"))
    return tuple(ActiveFile(*row) for row in told.sort("path").iter_rows())


def _asks_more_of_readers(opened: DeltaTable) -> bool:
    return bool(opened.protocol().min_reader_version > _PLAIN_READER)


__all__ = ["ActiveFile", "active_files", "count_per_day", "scan_live"]

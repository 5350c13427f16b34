"""The default engine: Polars on one machine, streaming."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import narwhals as nw
import polars as pl

from p2pcredit.contracts.tables import Table
from p2pcredit.engines.protocol import Engine, RowFunction, Rows, Tables
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings

if TYPE_CHECKING:
    from p2pcredit.models.fitting.backend import FitBackend


def scan_files(paths: Sequence[str], schema: pl.Schema) -> pl.LazyFrame:
    """Scan Parquet files lazily for these columns; a column that a file lacks is missing on its rows."""
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(list(paths), schema=schema, missing_columns="insert", hive_partitioning=False, glob=False)


def collect(frame: pl.LazyFrame | pl.DataFrame | nw.LazyFrame[Any] | nw.DataFrame[Any]) -> pl.DataFrame:
    """Run a transform's result and hold it in memory as a Polars frame."""
    native = nw.to_native(frame, pass_through=True)
    if isinstance(native, pl.LazyFrame):
        return native.collect()
    if isinstance(native, pl.DataFrame):
        return native
    raise TypeError(f"the local engine collects Polars frames, not {type(native).__name__}")


@dataclass(frozen=True, slots=True)
class PolarsRows:
    """Rows held in memory."""

    frame: pl.DataFrame

    @property
    def height(self) -> int:
        """The number of rows."""
        return self.frame.height

    def lazy(self) -> nw.LazyFrame[Any]:
        """Return the rows as transforms take them."""
        return nw.from_native(self.frame.lazy())

    def per_day(self) -> dict[date, int]:
        """Count the rows of each snapshot date that has any."""
        return dict(self.frame.group_by("snapshot_date").len().iter_rows())

    def counts(self, *columns: str) -> dict[tuple[str | None, ...], int]:
        """Count the rows of each combination of texts in these columns that occurs."""
        return {tuple(row[:-1]): row[-1] for row in self.frame.group_by(columns).len().sort(columns).iter_rows()}


class PolarsEngine(Engine):
    """Runs transforms on Polars, on this machine."""

    name = "polars"
    rows_together = 100_000

    def __init__(self, settings: Settings, tables: Tables) -> None:
        """Work on these tables."""
        self.tables = tables

    @classmethod
    @contextmanager
    def fit_backend(cls, settings: Settings, directory: Path) -> Iterator[FitBackend]:
        """Fit in this process."""
        from p2pcredit.models.fitting.backend import LOCAL  # loads XGBoost, which a transform does without

        yield LOCAL

    def frame(self, table: Table, days: DateRange, columns: Sequence[str] | None = None) -> nw.LazyFrame[Any]:
        """Return the table's rows of these days, as transforms take them; all columns or only those named."""
        return self.tables.frame(table, days).select(list(columns or table.schema))

    def read(self, table: Table, days: DateRange) -> PolarsRows:
        """Return the same rows, held in memory."""
        return PolarsRows(self.tables.read(table, days))

    def run(self, *frames: nw.LazyFrame[Any]) -> list[PolarsRows]:
        """Make the rows of these frames, in one pass where they share a source."""
        return [PolarsRows(frame) for frame in pl.collect_all([nw.to_native(frame) for frame in frames])]

    def read_once(self, *frames: nw.LazyFrame[Any]) -> Sequence[nw.LazyFrame[Any]]:
        """Return the same frames, held in memory."""
        return [rows.lazy() for rows in self.run(*frames)]

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, table: Table) -> PolarsRows:
        """Apply the function to the frame's rows."""
        return PolarsRows(function(collect(frame)).select(list(table.schema)))

    def replace(self, table: Table, rows: Rows, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly these, in one commit; False where they were there already."""
        return self.tables.replace(table, cast("PolarsRows", rows).frame, days, feed=feed)

"""The default engine: Polars on one machine, streaming."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.engines.protocol import RowFunction


def scan_files(paths: Sequence[str], schema: pl.Schema) -> pl.LazyFrame:
    """A lazy frame over Parquet files that hold these columns, those that a file lacks being missing on its rows."""
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
        """How many rows."""
        return self.frame.height

    def lazy(self) -> nw.LazyFrame[Any]:
        """The rows as transforms take them."""
        return nw.from_native(self.frame.lazy())

    def per_day(self) -> dict[date, int]:
        """How many rows of each snapshot date that has any."""
        return dict(self.frame.group_by("snapshot_date").len().iter_rows())

    def counts(self, *columns: str) -> dict[tuple[str | None, ...], int]:
        """How many rows of each combination of texts in these columns that occurs."""
        return {tuple(row[:-1]): row[-1] for row in self.frame.group_by(columns).len().sort(columns).iter_rows()}


class PolarsEngine:
    """Runs transforms on Polars, on this machine."""

    def run(self, *frames: nw.LazyFrame[Any]) -> list[PolarsRows]:
        """Make the rows of these frames, in one pass where they share a source."""
        return [PolarsRows(frame) for frame in pl.collect_all([nw.to_native(frame) for frame in frames])]

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, schema: Mapping[str, pl.DataType]) -> PolarsRows:
        """What the function makes of the frame's rows."""
        return PolarsRows(function(collect(frame)).select(list(schema)))

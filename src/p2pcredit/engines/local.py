"""The default engine: Polars on one machine, streaming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import narwhals as nw
import polars as pl
from deltalake import DeltaTable

from p2pcredit.engines.rows import RowFunction


def scan_delta(table: DeltaTable | Path) -> pl.LazyFrame:
    """A lazy frame over the current version of a Delta table, files skipped by their statistics."""
    opened = table if isinstance(table, DeltaTable) else DeltaTable(str(table))
    return _scan_files(opened) if {"%", "="} & set(opened.table_uri) else pl.scan_delta(opened)


def _scan_files(table: DeltaTable) -> pl.LazyFrame:
    """The same for a table whose path holds a blank or another sign that a URI writes in another way, or an `=`.

    The reader that Polars brings takes the URI for the path, and a directory with an `=` for a partition.
    """
    columns = pl.scan_delta(table).collect_schema()
    keys = set(table.metadata().partition_columns)
    scans = []
    for uri in table.file_uris():
        below = [part.partition("=") for part in uri.removeprefix(_path(table.table_uri)).split("/")]
        values = {key: unquote(value) for key, _, value in below if key in keys}
        file = pl.scan_parquet(unquote(uri), hive_partitioning=False)
        scans.append(file.with_columns(pl.lit(value).cast(columns[key]).alias(key) for key, value in values.items()))
    return pl.concat(scans).select(list(columns)) if scans else pl.LazyFrame(schema=columns)


def _path(uri: str) -> str:
    return uri.removeprefix("file://")


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


class PolarsEngine:
    """Runs transforms on Polars, on this machine."""

    def run(self, *frames: nw.LazyFrame[Any]) -> list[PolarsRows]:
        """Make the rows of these frames, in one pass where they share a source."""
        return [PolarsRows(frame) for frame in pl.collect_all([nw.to_native(frame) for frame in frames])]

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, schema: Mapping[str, pl.DataType]) -> PolarsRows:
        """What the function makes of the frame's rows."""
        return PolarsRows(function(collect(frame)).select(list(schema)))

"""The default engine: Polars on one machine, streaming."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import narwhals as nw
import polars as pl
from deltalake import DeltaTable


def scan_delta(table: DeltaTable | Path) -> pl.LazyFrame:
    """A lazy frame over the current version of a Delta table, files skipped by their statistics."""
    return pl.scan_delta(table if isinstance(table, DeltaTable) else str(table))


def collect(frame: pl.LazyFrame | pl.DataFrame | nw.LazyFrame[Any] | nw.DataFrame[Any]) -> pl.DataFrame:
    """Run a transform's result and hold it in memory as a Polars frame."""
    native = nw.to_native(frame, pass_through=True)
    if isinstance(native, pl.LazyFrame):
        return native.collect()
    if isinstance(native, pl.DataFrame):
        return native
    raise TypeError(f"the local engine collects Polars frames, not {type(native).__name__}")

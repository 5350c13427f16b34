"""Frames on Spark: from a Delta table's active files, through transforms and row functions, to files again."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import narwhals as nw
import polars as pl
import pyarrow as pa

from p2pcredit.engines.protocol import RowFunction

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

_TYPES = {
    pl.String(): "string",
    pl.Boolean(): "boolean",
    pl.Date(): "date",
    pl.Int8(): "tinyint",
    pl.Int32(): "int",
    pl.Int64(): "bigint",
    pl.Float64(): "double",
    pl.List(pl.String()): "array<string>",
}
_PLAIN = {pl.String(): pa.string(), pl.List(pl.String()): pa.list_(pa.string())}
"""Texts as Spark takes them from Arrow."""
_ROWS_PER_FILE = 4_000_000


@dataclass(frozen=True)
class SparkRows:
    """Rows that Spark made and keeps on its executors until it needs the room."""

    frame: DataFrame
    _counted: dict[date, int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def height(self) -> int:
        """The number of rows."""
        return sum(self.per_day().values())

    def lazy(self) -> nw.LazyFrame[Any]:
        """Return the rows as transforms take them."""
        frame: nw.LazyFrame[Any] = nw.from_native(self.frame)
        return frame

    def per_day(self) -> dict[date, int]:
        """Count the rows of each snapshot date that has any."""
        if not self._counted:  # once: each look is a job on the cluster
            self._counted.update((row[0], int(row[1])) for row in self.frame.groupBy("snapshot_date").count().collect())
        return dict(self._counted)

    def counts(self, *columns: str) -> dict[tuple[str | None, ...], int]:
        """Count the rows of each combination of texts in these columns that occurs."""
        found = self.frame.groupBy(*columns).count().orderBy(*columns).collect()
        return {tuple(row[:-1]): int(row[-1]) for row in found}


def mapped(frame: DataFrame, function: RowFunction, schema: Mapping[str, pl.DataType]) -> SparkRows:
    """Apply the function to the frame's rows on the executors, batch by batch."""
    return kept(frame.mapInArrow(_BatchFunction(function, dict(schema)), ddl(schema)))


def read_files(session: SparkSession, paths: Sequence[str], schema: Mapping[str, pl.DataType]) -> DataFrame:
    """Read the rows of these Parquet files; a column that a file lacks is missing on its rows."""
    if not paths:
        return session.createDataFrame([], ddl(schema))
    # the names stand for themselves: a bracket in the path of a home is no pattern
    return session.read.option("__globPaths__", "false").schema(ddl(schema)).parquet(*paths)


def kept(frame: DataFrame) -> SparkRows:
    """Cache rows on the executors for as long as the returned object is referenced: each look at them is a job."""
    rows = SparkRows(frame.persist())
    weakref.finalize(rows, _let_go, frame).atexit = False
    return rows


def _let_go(frame: DataFrame) -> None:
    with suppress(Exception):  # where the session has ended, the rows went with it
        frame.unpersist()


def ddl(schema: Mapping[str, pl.DataType]) -> str:
    """Write the columns as Spark's DDL.

    Examples:
        >>> ddl({"loan_id": pl.String(), "label": pl.Int8()})
        '`loan_id` string, `label` tinyint'
    """
    return ", ".join(f"`{name}` {_TYPES[dtype]}" for name, dtype in schema.items())


def of_days(frame: DataFrame, first: date, last: date, feed: str | None = None) -> tuple[DataFrame, DataFrame]:
    """Split rows into those of these days (and of this feed), and all others."""
    from pyspark.sql import functions

    inside = functions.col("snapshot_date").between(functions.lit(first), functions.lit(last))
    if feed is not None:
        inside = inside & (functions.col("feed") == functions.lit(feed))
    return frame.filter(inside), frame.filter(~inside)


def typed(frame: DataFrame, schema: Mapping[str, pl.DataType]) -> DataFrame:
    """Select the columns of the schema, in its order and its types."""
    return frame.selectExpr(*(f"CAST(`{name}` AS {_TYPES[dtype]}) AS `{name}`" for name, dtype in schema.items()))


def same_rows(one: DataFrame, other: DataFrame) -> bool:
    """Return whether two frames hold the same rows, each as often, in whatever order."""
    return bool(one.count() == other.count() and one.exceptAll(other).isEmpty())


def write_by_month(frame: DataFrame, directory: Path, month: str, order: Sequence[str]) -> None:
    """Let executors write the rows as Parquet, one directory `<month>=YYYY-MM` for each month, sorted within."""
    from pyspark.sql import functions

    kept_apart = frame.withColumn(month, functions.date_format("snapshot_date", "yyyy-MM"))
    (
        kept_apart.repartition(month)
        .sortWithinPartitions(month, "snapshot_date", *order)
        .write.option("maxRecordsPerFile", _ROWS_PER_FILE)
        .partitionBy(month)
        .parquet(str(directory))
    )


@dataclass(frozen=True)
class _BatchFunction:
    """A row function as Spark calls it, with batches of Arrow."""

    function: RowFunction
    schema: dict[str, pl.DataType]

    def __call__(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        target = pl.DataFrame(schema=self.schema).to_arrow().schema
        plain = pa.schema([pa.field(f.name, _PLAIN.get(self.schema[f.name], f.type)) for f in target])
        for batch in batches:
            rows = pl.DataFrame(pa.Table.from_batches([batch]))
            yield from self.function(rows).select(list(self.schema)).to_arrow().cast(plain).to_batches()

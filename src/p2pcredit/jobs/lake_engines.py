"""Which engine does the work of a job, and how its rows come from the lake and go back to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import Feed, feed_named
from p2pcredit.contracts.tables import Table
from p2pcredit.engines.local import PolarsEngine, PolarsRows
from p2pcredit.engines.protocol import RowFunction, Rows
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.external_files import paths_of_rows, replace_with_files
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.partitions import MONTH
from p2pcredit.transforms.silver import LOAN, RULE_OF, optional_with_rules

if TYPE_CHECKING:
    from p2pcredit.engines.spark.frames import SparkEngine, SparkRows


class LakeEngine(Protocol):
    """An engine that works on the tables of a lake."""

    @property
    def rows_together(self) -> int | None:
        """How many rows a long job should ask for at a time, because they are held in memory; None for any number."""
        ...

    def frame(self, table: Table, days: DateRange, columns: Sequence[str] | None = None) -> nw.LazyFrame[Any]:
        """The table's rows of these days, as transforms take them; all columns or only those named."""
        ...

    def read(self, table: Table, days: DateRange) -> Rows:
        """The same rows, to be counted too."""
        ...

    def run(self, *frames: nw.LazyFrame[Any]) -> Sequence[Rows]:
        """Make the rows of these frames."""
        ...

    def read_once(self, *frames: nw.LazyFrame[Any]) -> Sequence[nw.LazyFrame[Any]]:
        """The same frames for work that asks for each of them many times: read before, where that is quicker."""
        ...

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, table: Table) -> Rows:
        """What the function makes of the frame's rows, in the columns of the table."""
        ...

    def replace(self, table: Table, rows: Rows, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly these, in one commit; False where they were there already."""
        ...


def engine_for(ctx: JobContext, lake: Lake) -> LakeEngine:
    """The engine that the settings name, on these tables.

    Raises:
        MissingExtraError: If it is Spark and PySpark is not installed.
        SettingsError: If Spark cannot start.
    """
    if ctx.settings.engine == "polars":
        return _OnPolars(lake)
    from p2pcredit.engines.spark.frames import SparkEngine
    from p2pcredit.engines.spark.session import spark_session

    spark_session(ctx.settings.spark)  # what is missing is told before anything is held or read
    return _OnSpark(lake, SparkEngine(ctx.settings.spark))


def as_quarantined(feed: Feed, faulty: pl.DataFrame) -> pl.DataFrame:
    """What the quarantine keeps of faulty rows: a broken row whole, of a sound row each value that it lost.

    Args:
        feed: Their contract.
        faulty: What `transforms.silver.refine` gives beside the sound rows.

    Returns:
        Records of `silver/quarantine`: of kind `row` with every rule it broke and its raw values as JSON, or of kind
        `value` with the column, the rule that its value broke, and the raw text as JSON.
    """
    broken = pl.col("rules") != ""
    rows = faulty.filter(broken).select(_record(feed, "row", "rules", "unparsed", *feed.sources))
    kept = faulty.filter(~broken)
    values = [
        kept.filter(pl.col(f"{RULE_OF}{name}").is_not_null()).select(
            _record(feed, "value", f"{RULE_OF}{name}", name, column=name)
        )
        for name in optional_with_rules(feed)
    ]
    return pl.concat([rows, *values])


def _record(feed: Feed, kind: str, rules: str, *raw: str, column: str | None = None) -> list[pl.Expr]:
    return [
        pl.lit(feed.name).alias("feed"),
        pl.col("snapshot_date"),
        pl.col("row_number"),
        pl.col(rules).alias("rules"),
        pl.struct(raw).struct.json_encode().alias("raw"),
        pl.lit(kind).alias("kind"),
        pl.lit(column, dtype=pl.String).alias("column"),
        pl.col(LOAN).alias("loan_id"),
    ]


@dataclass(frozen=True)
class _OnPolars:
    lake: Lake
    engine: PolarsEngine = field(default_factory=PolarsEngine)
    rows_together: int | None = 100_000

    def frame(self, table: Table, days: DateRange, columns: Sequence[str] | None = None) -> nw.LazyFrame[Any]:
        return self.lake.frame(table, days).select(list(columns or table.schema))

    def read(self, table: Table, days: DateRange) -> Rows:
        return PolarsRows(self.lake.read(table, days))

    def run(self, *frames: nw.LazyFrame[Any]) -> Sequence[Rows]:
        return self.engine.run(*frames)

    def read_once(self, *frames: nw.LazyFrame[Any]) -> Sequence[nw.LazyFrame[Any]]:
        return [rows.lazy() for rows in self.engine.run(*frames)]

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, table: Table) -> Rows:
        return self.engine.mapped(frame, function, table.schema)

    def replace(self, table: Table, rows: Rows, days: DateRange, *, feed: str | None = None) -> bool:
        return self.lake.replace(table, cast("PolarsRows", rows).frame, days, feed=feed)


@dataclass(frozen=True)
class _OnSpark:
    lake: Lake
    engine: SparkEngine
    rows_together: int | None = None

    def frame(self, table: Table, days: DateRange, columns: Sequence[str] | None = None) -> nw.LazyFrame[Any]:
        return self.read(table, days).lazy().select(list(columns or table.schema))

    def read(self, table: Table, days: DateRange) -> Rows:
        from p2pcredit.engines.spark.frames import SparkRows, of_days

        stored = self.engine.read(paths_of_rows(self.lake, table, days), table.schema)
        return SparkRows(of_days(stored, days.first, days.last)[0])

    def run(self, *frames: nw.LazyFrame[Any]) -> Sequence[Rows]:
        return self.engine.run(*frames)

    def read_once(self, *frames: nw.LazyFrame[Any]) -> Sequence[nw.LazyFrame[Any]]:
        return frames

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, table: Table) -> Rows:
        return self.engine.mapped(frame, function, table.schema)

    def replace(self, table: Table, rows: Rows, days: DateRange, *, feed: str | None = None) -> bool:
        from p2pcredit.engines.spark.frames import of_days, same_rows, typed, write_by_month

        name = None if feed is None else feed_named(feed).name
        new = typed(cast("SparkRows", rows).frame, table.schema)
        height = rows.height
        outside = height - sum(count for day, count in rows.per_day().items() if day in days)
        if outside:
            raise StorageError(f"{outside} rows for {table.name} lie outside {days.first} to {days.last}")

        def write(replaced: Sequence[str], directory: Path) -> bool:
            stored = self.engine.read(replaced, table.schema)
            before, beside = of_days(stored, days.first, days.last, name)
            if same_rows(new, before) if replaced else not height:
                return False
            write_by_month(new.unionByName(beside), directory, MONTH, table.sorted_by)
            return True

        return replace_with_files(self.lake, table, days, write)

"""Join the engine that the settings name with the tables of a lake; what the quarantine keeps; when a month closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.feeds import Feed
from p2pcredit.contracts.tables import Table
from p2pcredit.engines.protocol import Engine, Writer
from p2pcredit.engines.registry import engine_named, engine_of_rows
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.closing import close_periods
from p2pcredit.storage.tables.external_files import paths_of_rows, replace_with_files, rows_in_files
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.partitions import MONTH
from p2pcredit.transforms.silver import LOAN, RULE_OF, optional_with_rules


def engine_for(ctx: JobContext, lake: Lake, *reads: tuple[Table, DateRange]) -> Engine:
    """Give the engine that the settings name, on these tables; with `auto`, the one for as many rows as are read.

    Args:
        ctx: The context.
        lake: The tables.
        reads: The tables and days that the work reads.

    Raises:
        MissingExtraError: If it is Spark and PySpark is not installed.
        SettingsError: If there is no such engine, or it cannot start.
    """
    name = engine_of_rows(ctx.settings, lambda: sum(rows_in_files(lake, table, days) for table, days in reads))
    engine = engine_named(name)
    engine.require(ctx.settings)  # what is missing is said before anything is held or read
    return engine(ctx.settings, LakeTables(lake))


@dataclass(frozen=True, slots=True)
class LakeTables:
    """The tables of a lake, as engines are given them."""

    lake: Lake
    month: str = MONTH

    def frame(self, table: Table, days: DateRange) -> nw.LazyFrame[Any]:
        """Return the table's rows of these days, on Polars."""
        return self.lake.frame(table, days)

    def read(self, table: Table, days: DateRange) -> pl.DataFrame:
        """Return the same rows in memory."""
        return self.lake.read(table, days)

    def replace(self, table: Table, frame: pl.DataFrame, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly these, in one commit; False where they were there already."""
        return self.lake.replace(table, frame, days, feed=feed)

    def paths(self, table: Table, days: DateRange) -> list[str]:
        """List the files that may hold rows of these days."""
        return paths_of_rows(self.lake, table, days)

    def replace_with_files(self, table: Table, days: DateRange, write: Writer) -> bool:
        """Put files that the engine writes in the place of those that hold rows of `days`, in one commit."""
        return replace_with_files(self.lake, table, days, write)


def close_month(lake: Lake, table: Table, days: DateRange) -> None:
    """Join the files of what has closed, where the days are the first day of a month alone."""
    if len(days) == 1 and days.first.day == 1:
        close_periods(lake, table, days.first)


def as_quarantined(feed: Feed, faulty: pl.DataFrame) -> pl.DataFrame:
    """Make quarantine records of faulty rows: a broken row whole, of a sound row each value that it lost.

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

"""The engine on Spark: executors read the active files of a table and write those that replace them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import narwhals as nw

from p2pcredit.contracts.feeds import feed_named
from p2pcredit.contracts.tables import Table
from p2pcredit.engines.protocol import Engine, RowFunction, Rows, Tables
from p2pcredit.engines.spark.frames import (
    SparkRows,
    kept,
    mapped,
    of_days,
    read_files,
    same_rows,
    typed,
    write_by_month,
)
from p2pcredit.engines.spark.session import spark_session
from p2pcredit.errors import SettingsError, StorageError
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from p2pcredit.models.fitting.backend import FitBackend

_CPU = "cpu"


class SparkEngine(Engine):
    """Runs transforms and fits on Spark."""

    name = "spark"
    fits_need_disk = True

    def __init__(self, settings: Settings, tables: Tables) -> None:
        """Work on these tables, on the session of the settings."""
        self.settings, self.tables = settings.spark, tables

    @classmethod
    def require(cls, settings: Settings) -> None:
        """Start the session.

        Raises:
            MissingExtraError: If PySpark is not installed.
            SettingsError: If Spark cannot start.
        """
        spark_session(settings.spark)

    @classmethod
    def require_for_fits(cls, settings: Settings) -> None:
        """Start the session, and check that trees are to be grown on processors.

        Raises:
            MissingExtraError: If PySpark is not installed.
            SettingsError: If Spark cannot start, or trees are to be grown on another device than the processor.
        """
        if settings.training.device != _CPU:
            raise SettingsError(
                f"Spark grows trees on processors; set training.device = 'cpu', not '{settings.training.device}', "
                'or engine = "polars"'
            )
        cls.require(settings)

    @classmethod
    @contextmanager
    def fit_backend(cls, settings: Settings, directory: Path) -> Iterator[FitBackend]:
        """Fit on Spark; the loans of a fit lie in the directory, which driver and executors see."""
        from p2pcredit.engines.spark.fitting import SparkBackend  # loads XGBoost, which a transform does without

        yield SparkBackend(settings.spark, directory)

    @classmethod
    def as_fitted(cls, settings: Settings, about: Mapping[str, Any]) -> Settings:
        """Copy the settings with as many workers as grew the trees of a card."""
        spark = settings.spark.model_copy(update={"tree_workers": int(about["tree_workers"])})
        return settings.model_copy(update={"spark": spark})

    def frame(self, table: Table, days: DateRange, columns: Sequence[str] | None = None) -> nw.LazyFrame[Any]:
        """Return the table's rows of these days, as transforms take them; all columns or only those named."""
        return self.read(table, days).lazy().select(list(columns or table.schema))

    def read(self, table: Table, days: DateRange) -> SparkRows:
        """Return the same rows, to be counted too."""
        stored = self._stored(self.tables.paths(table, days), table)
        return SparkRows(of_days(stored, days.first, days.last)[0])

    def run(self, *frames: nw.LazyFrame[Any]) -> list[SparkRows]:
        """Make the rows of these frames."""
        return [kept(nw.to_native(frame)) for frame in frames]

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, table: Table) -> SparkRows:
        """Apply the function to the frame's rows on the executors, batch by batch."""
        return mapped(nw.to_native(frame), function, table.schema)

    def replace(self, table: Table, rows: Rows, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly these, in one commit; False where they were there already.

        Raises:
            StorageError: If a row lies outside the days, or the disk refuses.
        """
        name = None if feed is None else feed_named(feed).name
        new = typed(cast("SparkRows", rows).frame, table.schema)
        height = rows.height
        outside = height - sum(count for day, count in rows.per_day().items() if day in days)
        if outside:
            raise StorageError(f"{outside} rows for {table.name} lie outside {days.first} to {days.last}")

        def write(replaced: Sequence[str], directory: Path) -> bool:
            before, staying = of_days(self._stored(replaced, table), days.first, days.last, name)
            if same_rows(new, before) if replaced else not height:
                return False
            write_by_month(new.unionByName(staying), directory, self.tables.month, table.sorted_by)
            return True

        return self.tables.replace_with_files(table, days, write)

    def _stored(self, paths: Sequence[str], table: Table) -> DataFrame:
        return read_files(spark_session(self.settings), paths, table.schema)

"""`engine = "auto"`: Spark from so many rows on, Polars below, asked of the log of the tables that the work reads."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit import plugins
from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, Table, bronze
from p2pcredit.engines.registry import AUTO, ENGINES, engine_named
from p2pcredit.engines.spark.engine import SparkEngine
from p2pcredit.errors import MissingExtraError, PluginError, SettingsError
from p2pcredit.jobs.checked_settings import require_engine
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.lake_engines import engine_for
from p2pcredit.jobs.preprocessing import stages
from p2pcredit.jobs.training import backends
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings, SparkSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.external_files import rows_in_files
from p2pcredit.storage.tables.lake import Lake

DAY = date(2021, 6, 1)
NEXT = DAY + timedelta(days=1)
TERMS = bronze(FEEDS["loan_terms"])


def rows(table: Table, days: list[date]) -> pl.DataFrame:
    empty = (pl.lit(None, dtype=kind).alias(name) for name, kind in table.schema.items() if name != "snapshot_date")
    frame = pl.DataFrame({"snapshot_date": days}, schema={"snapshot_date": pl.Date()})
    return frame.with_columns(*empty).select(list(table.schema))


def context(home: Path, from_rows: int) -> JobContext:
    settings = Settings(engine=AUTO, spark=SparkSettings(from_rows=from_rows))
    return JobContext(Layout(home), settings, "test", datetime(2022, 1, 1, tzinfo=UTC))


def spark_is_not_installed(settings: Settings) -> None:
    raise MissingExtraError('engine = "spark"', "spark")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two rows of one day and three of the next, in files of their own."""
    lake = Lake(Layout(tmp_path))
    for table in (TERMS, FEATURE_STORE):
        lake.replace(table, rows(table, [DAY] * 2), DateRange(DAY, DAY))
        lake.replace(table, rows(table, [NEXT] * 3), DateRange(NEXT, NEXT))
    return tmp_path


def test_the_log_says_how_many_rows_the_files_of_some_days_hold(home: Path) -> None:
    lake = Lake(Layout(home))
    counted = [rows_in_files(lake, TERMS, days) for days in (DateRange(DAY, DAY), DateRange(DAY, NEXT), None)]
    assert counted == [2, 5, 5]
    assert rows_in_files(lake, TERMS, DateRange(date(2020, 1, 1), date(2020, 1, 2))) == 0
    assert rows_in_files(lake, bronze(FEEDS["financial"])) == 0


@pytest.mark.parametrize(("from_rows", "chosen"), [(3, "polars"), (2, "spark"), (0, "spark")])
def test_a_span_goes_to_spark_from_so_many_rows_on(
    home: Path, from_rows: int, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SparkEngine, "require", lambda settings: None)
    ctx = context(home, from_rows)
    assert engine_for(ctx, Lake(ctx.layout), (TERMS, DateRange(DAY, DAY))).name == chosen


def test_rows_of_all_that_the_work_reads_count_together(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SparkEngine, "require", lambda settings: None)
    ctx, days = context(home, 10), DateRange(DAY, NEXT)
    assert engine_for(ctx, Lake(ctx.layout), (TERMS, days), (FEATURE_STORE, days)).name == "spark"
    assert engine_for(ctx, Lake(ctx.layout), (TERMS, days)).name == "polars"


def test_a_day_below_the_number_needs_no_spark_and_one_above_says_that_it_is_missing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SparkEngine, "require", spark_is_not_installed)
    feed, day = "loan_terms", DateRange(DAY, DAY)
    assert stages._refine(context(home, 1000), feed, day)["rows_in"] == 2
    with pytest.raises(MissingExtraError, match=r"needs the extra 'spark'"):
        stages._refine(context(home, 2), feed, day)


@pytest.mark.parametrize(("from_rows", "needs_spark"), [(6, False), (5, True)])
def test_a_training_counts_the_loans_of_the_feature_store(
    home: Path, from_rows: int, needs_spark: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Settings] = []
    monkeypatch.setattr(SparkEngine, "require", lambda settings: asked.append(settings))
    backends.require_fit_backend(context(home, from_rows))
    assert bool(asked) is needs_spark


def test_a_training_on_a_home_without_tables_starts_no_spark_and_writes_nothing(tmp_path: Path) -> None:
    backends.require_fit_backend(context(tmp_path, 1))
    assert not list(tmp_path.iterdir())


def test_rows_are_counted_for_auto_alone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def counted(*arguments: Any) -> int:
        raise AssertionError("nothing asks for the rows")

    monkeypatch.setattr("p2pcredit.jobs.lake_engines.rows_in_files", counted)
    ctx = JobContext(Layout(home), Settings(), "test", datetime(2022, 1, 1, tzinfo=UTC))
    assert engine_for(ctx, Lake(ctx.layout), (TERMS, DateRange(DAY, DAY))).name == "polars"


@pytest.mark.parametrize("ask", [require_engine, ENGINES.require])
def test_auto_is_a_name_that_can_be_set(ask: Callable[[str], None]) -> None:
    ask(AUTO)
    with pytest.raises(SettingsError, match="there is no engine 'autos', perhaps 'auto' was meant"):
        engine_named("autos")


def test_a_package_that_adds_an_engine_of_that_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [EntryPoint(AUTO, f"{__name__}:Anything", ENGINES.group)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: EntryPoints(points))
    with pytest.raises(PluginError, match="that name is built in"):
        ENGINES.require(AUTO)

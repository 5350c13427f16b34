from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from tests.robustness.reruns import daily_book

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, Table, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings, SparkSettings
from p2pcredit.storage.tables.lake import Lake

BULK, DAY = DateRange(date(2010, 1, 25), date(2010, 2, 20)), date(2010, 2, 21)
TABLES = [*(silver(feed) for feed in FEEDS.values()), QUARANTINE, FEATURE_STORE, LABEL_STORE]


def on(home: Path, settings: Settings) -> JobContext:
    return replace(daily_book.context(home), settings=settings)


@pytest.fixture(scope="session")
def both(homes: Callable[[str], Path], spark_here: SparkSettings) -> tuple[JobContext, JobContext]:
    """The same weeks at once and the same day after them, on either engine."""
    made = []
    for engine in ("polars", "spark"):
        settings = daily_book.SETTINGS.model_copy(update={"engine": engine, "spark": spark_here})
        ctx = on(homes(engine), settings)
        daily_book.land(ctx.layout.home, DateRange(BULK.first, DAY))
        preprocess(ctx, BULK)
        preprocess(ctx, DateRange(DAY, DAY))
        made.append(ctx)
    return made[0], made[1]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_engines_write_the_same_rows(both: tuple[JobContext, JobContext], table: Table) -> None:
    local, spark = (Lake(ctx.layout).read(table) for ctx in both)

    assert local.height
    assert_frame_equal(spark, local, check_exact=True)

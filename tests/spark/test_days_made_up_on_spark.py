"""Days that were left behind are made up on Spark as one span: its jobs and commits are those of a day, not of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

from polars.testing import assert_frame_equal
from tests.robustness.reruns import daily_book

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, silver
from p2pcredit.engines.spark.session import spark_session
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import SparkSettings
from p2pcredit.storage.tables.lake import Lake

BEFORE, NIGHT = DateRange(date(2010, 1, 25), date(2010, 2, 10)), date(2010, 2, 15)
TABLES = [*(silver(feed) for feed in FEEDS.values()), QUARANTINE, FEATURE_STORE, LABEL_STORE]


def home(path: Path, engine: str, spark: SparkSettings, last: date) -> JobContext:
    """Make a home whose days up to one have landed, and of which the first weeks are complete."""
    settings = daily_book.SETTINGS.model_copy(update={"engine": engine, "spark": spark})
    ctx = replace(daily_book.context(path), settings=settings, caller=Caller.SCHEDULED)
    daily_book.land(path, DateRange(BEFORE.first, last))
    here = replace(ctx, settings=settings.model_copy(update={"engine": "polars"}))
    preprocess(here, BEFORE)
    return ctx


def test_four_late_days_take_the_jobs_and_commits_of_one(
    homes: Callable[[str], Path], spark_here: SparkSettings
) -> None:
    jobs, commits = [], []
    tracker = spark_session(spark_here).sparkContext.statusTracker()
    for late in (1, 4):
        last = date(2010, 2, 10 + late)
        ctx = home(homes(f"late-{late}"), "spark", spark_here, last)
        lake = Lake(ctx.layout)
        before = [lake.version(table) or 0 for table in TABLES], set(tracker.getJobIdsForGroup())
        assert len(make_up_days(ctx, NIGHT)["made_up"]) == late
        jobs.append(len(set(tracker.getJobIdsForGroup()) - before[1]))
        commits.append([(lake.version(table) or 0) - number for table, number in zip(TABLES, before[0], strict=True)])

    assert jobs[0] > 0, "Spark did the work"
    assert jobs[1] < 2 * jobs[0], "a job more for a table that has rows on one of the days, but not all of them again"
    assert max(commits[1]) <= len(FEEDS), "one of each table, and of the quarantine one for each feed"

    here = home(homes("here"), "polars", spark_here, last)
    make_up_days(here, NIGHT)
    for table in TABLES:
        assert_frame_equal(lake.read(table), Lake(here.layout).read(table), check_exact=True)

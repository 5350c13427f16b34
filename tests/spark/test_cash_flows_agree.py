"""Cash flows on Spark are those on Polars."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from tests.unit.jobs import lendingclub_home
from tests.unit.jobs.silver_home import LAST, context, event, flows, loan, silver_of, totals, without_flows

from p2pcredit.contracts.tables import CASH_FLOWS
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.known_days import landed_days
from p2pcredit.jobs.preprocessing.cash_flows import build_cash_flows
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import SparkSettings
from p2pcredit.storage.tables.lake import Lake


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cash") / "home"
    ctx = lendingclub_home.land_loans(place)
    preprocess(ctx, landed_days(ctx.layout))
    return place


def on_spark(ctx: JobContext, spark: SparkSettings) -> JobContext:
    return replace(ctx, settings=ctx.settings.model_copy(update={"engine": "spark", "spark": spark}))


def test_spark_writes_the_flows_that_polars_wrote(home: Path, spark_here: SparkSettings, tmp_path: Path) -> None:
    here = lendingclub_home.context(home)
    local = Lake(here.layout).read(CASH_FLOWS)
    copy = shutil.copytree(home, tmp_path / "home", ignore=shutil.ignore_patterns(Path(CASH_FLOWS.name).name))
    ctx = on_spark(lendingclub_home.context(copy), spark_here)

    receipt = build_cash_flows(ctx, landed_days(ctx.layout))

    assert receipt["rows"] == local.height > 20
    assert_frame_equal(Lake(ctx.layout).read(CASH_FLOWS), local, check_exact=True)


def test_spark_finds_the_loans_that_late_events_speak_of_as_polars_does(spark_here: SparkSettings) -> None:
    loans = [
        loan("a", date(2010, 3, 1)),
        loan("a", date(2011, 2, 1)),
        loan("a", date(2013, 3, 1), loan_amount=600.0),
        loan("b", date(2010, 5, 5), amount_disbursed=1100.0),
        loan("c", date(2016, 10, 31), interest_rate_share=0.0),
        loan("d", date(2017, 1, 1), payments="REPORTED"),
        loan("e", date(2017, 1, 1), interest_rate_share=None),
    ]
    events = [
        event("a", date(2012, 1, 1), "FULLY_PAID", **totals(1200.0, 70.0)),
        event("b", date(2010, 12, 1), "LATE", 95, rebuilt=True),
        event("b", date(2011, 2, 1), "CHARGED_OFF", 150, **totals(300.0, 20.0)),
        event("b", LAST, "CHARGED_OFF", 999, **totals(310.0, 20.0)),
        event("c", date(2017, 5, 1), "FULLY_PAID"),
        event("d", LAST, "CURRENT", amount_received=12.5),
        event("nobody", LAST, "CHARGED_OFF", 120, amount_received=7.0),
        event("e", LAST, "CURRENT", amount_received=3.0),
    ]
    broken = [{"feed": "loan_performance", "snapshot_date": date(2013, 6, 1), "rules": "status: x", "loan_id": "a"}]
    cut = date(2018, 6, 1)
    with silver_of(loans, events, broken) as place:
        found = []
        for ctx in (context(place), on_spark(context(place), spark_here)):
            without_flows(place)
            build_cash_flows(ctx, DateRange(date(2010, 1, 1), date(2018, 5, 31)))
            build_cash_flows(ctx, DateRange(cut, LAST))
            found.append(flows(place))
    assert_frame_equal(found[1], found[0], check_exact=True)
    assert found[0].filter(loan_id="b", known_on=LAST)["amount"].to_list() == [10.0]

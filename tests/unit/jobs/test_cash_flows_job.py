"""The table of cash flows, made by the pipeline from a file with totals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.unit.jobs.lendingclub_home import context, land_loans

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import CASH_FLOWS, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.known_days import landed_days
from p2pcredit.jobs.preprocessing.cash_flows import build_cash_flows
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("cash") / "home"
    ctx = land_loans(place)
    preprocess(ctx, landed_days(ctx.layout))
    return place


def flows(ctx: JobContext) -> pl.DataFrame:
    return Lake(ctx.layout).read(CASH_FLOWS)


def test_the_flows_of_each_loan_add_up_to_the_totals_of_the_file(home: Path) -> None:
    found = flows(context(home)).group_by("loan_id", "kind").agg(pl.col("amount").sum().round(2)).rows()
    assert sorted(found) == [
        ("1", "disbursed", -1200.0),
        ("1", "interest", 57.87),
        ("1", "principal", 1200.0),
        ("2", "disbursed", -1200.0),
        ("2", "fee", 15.0),
        ("2", "interest", 35.18),
        ("2", "principal", 84.4),
        ("2", "recovery", 300.0),
        ("3", "disbursed", -1000.0),
        ("3", "interest", 140.55),
        ("3", "principal", 400.01),
    ]


def test_what_was_paid_out_is_no_rebuilt_flow_and_all_else_is(home: Path) -> None:
    found = flows(context(home))
    assert found.filter(~pl.col("rebuilt"))["kind"].unique().to_list() == ["disbursed"]
    assert (found["snapshot_date"] == found["known_on"]).all()
    assert (found["paid_on"] <= found["known_on"]).all()


def test_day_by_day_the_table_is_that_of_the_whole_span(home: Path, tmp_path: Path) -> None:
    ctx = land_loans(tmp_path / "home")
    days = landed_days(ctx.layout)
    cuts = [DateRange(days.first, date(2010, 4, 30)), DateRange(date(2010, 5, 1), date(2010, 9, 20))]
    for part in [*cuts, DateRange(date(2010, 9, 21), days.last)]:
        preprocess(ctx, part)
    assert flows(ctx).equals(flows(context(home)))


def test_flows_of_later_days_are_mended_where_an_earlier_day_lands_anew(home: Path, tmp_path: Path) -> None:
    ctx = land_loans(tmp_path / "home")
    preprocess(ctx, landed_days(ctx.layout))
    performance = silver(FEEDS["loan_performance"])
    events = Lake(ctx.layout).read(performance)
    day = events.filter(pl.col("loan_id") == "1")["snapshot_date"][0]
    of_day = DateRange(day, day)
    without = events.filter(pl.col("snapshot_date") == day, pl.col("loan_id") != "1")
    Lake(ctx.layout).replace(performance, without, of_day)
    assert build_cash_flows(ctx, of_day)["later_changed"] is True
    later = flows(ctx).filter(pl.col("loan_id") == "1", pl.col("paid_on") > day)
    assert later["kind"].unique().sort().to_list() == ["interest", "principal"]  # it is taken to pay as scheduled
    Lake(ctx.layout).replace(performance, events.filter(pl.col("snapshot_date") == day), of_day)
    build_cash_flows(ctx, of_day)
    assert flows(ctx).equals(flows(context(home)))
    assert build_cash_flows(ctx, of_day) == {"rows": 6, "changed": False, "later_changed": False}


def test_a_home_without_the_columns_goes_on_and_has_what_its_events_say(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home")
    day = date(2020, 3, 2)
    headers = {
        "loan_terms": "loan_id,origination_date,loan_amount,term\na,2020-03-02,1000,36",
        "demographic": "loan_id,origination_date\na,2020-03-02",
        "financial": "loan_id,origination_date\na,2020-03-02",
        "credit_history": "loan_id,origination_date\na,2020-03-02",
        "loan_performance": "loan_id,event_date,status,days_past_due,amount_received\na,2020-03-02,CURRENT,0,30.5",
    }
    for feed, text in headers.items():
        path = layout.landing / feed / f"{feed}_2020_03_02.csv"
        path.parent.mkdir(parents=True)
        path.write_text(text + "\n")
    ctx = context(layout.home)
    preprocess(ctx, DateRange(day, day))
    assert flows(ctx).select("kind", "amount", "rebuilt").rows() == [
        ("disbursed", -1000.0, False),
        ("received", 30.5, False),
    ]

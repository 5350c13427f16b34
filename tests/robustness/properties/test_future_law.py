"""Whatever is built as of a day uses what was known by then only: data that come later never change it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feeds import APPLICATION_FEEDS
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.engines.local import collect
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.labels import build_labels, labels_as_of
from p2pcredit.transforms.outcomes import build_outcomes
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS

SETTINGS = LabelSettings(window_months=3, reporting_lag_days=10, lifetime_terms_months=(6,))
START = date(2010, 1, 1)
END = START + timedelta(days=400)
DAYS = DateRange(START, END)
Build = Callable[[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame, date], pl.DataFrame]
EVENT = {
    "loan_id": pl.String,
    "event_date": pl.Date,
    "status": pl.String,
    "days_past_due": pl.Int64,
    "snapshot_date": pl.Date,
}

BROKEN = "EATEN"
"""A status of no sound row: its event is in quarantine."""

events = st.tuples(
    st.integers(0, 250), st.integers(0, 60), st.sampled_from(["LATE", "DEFAULT", "FULLY_PAID", "CHARGED_OFF", BROKEN])
)
loans = st.tuples(st.integers(0, 150), st.lists(events, max_size=3))
portfolios = st.lists(loans, min_size=1, max_size=6)
Portfolio = list[tuple[int, list[tuple[int, int, str]]]]


def tables(portfolio: Portfolio) -> tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame]:
    born = [START + timedelta(days=offset) for offset, _ in portfolio]
    names = [f"l{n}" for n in range(len(portfolio))]
    terms = pl.LazyFrame(
        {"loan_id": names, "origination_date": born, "snapshot_date": born, "term_months": 6},
        schema_overrides={"term_months": pl.Int64},
    )
    seen = [
        {
            "loan_id": name,
            "event_date": day + timedelta(days=after),
            "status": status,
            "days_past_due": 90 if status == "LATE" else 0,
            "snapshot_date": day + timedelta(days=after + lag),
        }
        for name, day, (_, happened) in zip(names, born, portfolio, strict=True)
        for after, lag, status in happened
    ]
    events = pl.LazyFrame(seen, schema=EVENT)
    broken = events.filter(pl.col("status") == BROKEN).select(
        pl.lit("loan_performance").alias("feed"),
        "snapshot_date",
        pl.lit("status: unknown value").alias("rules"),
        pl.lit("row").alias("kind"),
        pl.lit(None, dtype=pl.String).alias("column"),
        "loan_id",
    )
    assert tuple(broken.collect_schema()) == QUARANTINE_COLUMNS
    assert set(QUARANTINE_COLUMNS) <= set(QUARANTINE.schema)
    return terms, events.filter(pl.col("status") != BROKEN), broken


def keeps_the_future_out(build: Build, portfolio: Portfolio, day: date) -> bool:
    """Whether building as of a day from all data equals building from what was known by that day."""
    whole = tables(portfolio)
    terms, performance, quarantine = (table.filter(pl.col("snapshot_date") <= day) for table in whole)
    return build(*whole, day).equals(build(terms, performance, quarantine, day))


def built(
    terms: pl.LazyFrame, performance: pl.LazyFrame, quarantine: pl.LazyFrame, days: DateRange = DAYS
) -> pl.DataFrame:
    frames = nw.from_native(terms), nw.from_native(performance), nw.from_native(quarantine)
    return collect(build_labels(*frames, days, SETTINGS))


def label_rows(terms: pl.LazyFrame, performance: pl.LazyFrame, quarantine: pl.LazyFrame, day: date) -> pl.DataFrame:
    return built(terms, performance, quarantine).filter(pl.col("known_on") <= day).sort("known_on", "loan_id", "label")


def labels_to_learn_from(
    terms: pl.LazyFrame, performance: pl.LazyFrame, quarantine: pl.LazyFrame, day: date
) -> pl.DataFrame:
    store = built(terms, performance, quarantine).lazy()
    found = labels_as_of(nw.from_native(store), nw.from_native(quarantine), day, SETTINGS)
    return collect(found).sort("loan_id")


def outcomes(terms: pl.LazyFrame, performance: pl.LazyFrame, quarantine: pl.LazyFrame, day: date) -> pl.DataFrame:
    store = built(terms, performance, quarantine).lazy()
    tables = (nw.from_native(table) for table in (terms, performance, store, quarantine))
    return collect(build_outcomes(*tables, as_of=day, settings=SETTINGS))


def leak_by_resolution(terms: pl.LazyFrame, performance: pl.LazyFrame, _: pl.LazyFrame, day: date) -> pl.DataFrame:
    """A leak: every loan that ever defaults is called bad from its first day."""
    bad = performance.filter(pl.col("status") != "FULLY_PAID").select("loan_id").unique()
    return (
        terms.filter(pl.col("snapshot_date") <= day)
        .with_columns(pl.col("loan_id").is_in(bad.collect()["loan_id"].to_list()).alias("label"))
        .sort("loan_id")
        .collect()
    )


def leak_by_event_date(
    terms: pl.LazyFrame, performance: pl.LazyFrame, quarantine: pl.LazyFrame, day: date
) -> pl.DataFrame:
    """A leak: a default counts from the day it happened, not from the day it became visible."""
    as_if_seen_at_once = performance.with_columns(pl.col("event_date").alias("snapshot_date"))
    return label_rows(terms, as_if_seen_at_once, quarantine, day)


def leak_by_quarantine(
    terms: pl.LazyFrame, performance: pl.LazyFrame, quarantine: pl.LazyFrame, day: date
) -> pl.DataFrame:
    """A leak: a loan of which any event will be set aside has no label from its first day on."""
    ever = quarantine.with_columns(pl.lit(START).alias("snapshot_date"))
    return label_rows(terms, performance, ever, day)


@pytest.mark.parametrize("build", [label_rows, labels_to_learn_from, outcomes])
def test_later_data_never_change_what_was_built_as_of_a_day(build: Build) -> None:
    @settings(max_examples=40, deadline=None)
    @given(portfolios, st.integers(0, 400))
    def law(portfolio: Portfolio, offset: int) -> None:
        assert keeps_the_future_out(build, portfolio, START + timedelta(days=offset))

    law()


@pytest.mark.parametrize("leak", [leak_by_resolution, leak_by_event_date, leak_by_quarantine])
def test_the_law_breaks_on_a_leak(leak: Build) -> None:
    cases = st.tuples(portfolios, st.integers(0, 400))
    portfolio, offset = find(
        cases,
        lambda case: not keeps_the_future_out(leak, case[0], START + timedelta(days=case[1])),
        settings=settings(max_examples=500, deadline=None, phases=[Phase.generate]),  # the first will do
    )
    assert not keeps_the_future_out(leak, portfolio, START + timedelta(days=offset))


@settings(max_examples=20, deadline=None)
@given(portfolios, st.integers(0, 400), st.integers(1, 60))
def test_labels_of_a_span_are_those_of_its_days_one_by_one(portfolio: Portfolio, offset: int, length: int) -> None:
    whole = tables(portfolio)
    first = START + timedelta(days=offset)
    span = DateRange(first, first + timedelta(days=length))
    at_once = built(*whole, span).sort("known_on", "loan_id", "label")
    known = {day for day in span if day in set(at_once["known_on"].to_list()) or day == first}
    singly = pl.concat(built(*whole, DateRange(day, day)) for day in sorted(known))
    assert singly.sort("known_on", "loan_id", "label").equals(at_once)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 1e5)), min_size=1, max_size=6), st.integers(0, 30))
def test_later_loans_never_change_the_features_of_earlier_ones(book: list[tuple[int, float]], offset: int) -> None:
    day = START + timedelta(days=offset)

    def features(rows: list[dict[str, Any]]) -> pl.DataFrame:
        frames = {}
        for feed in APPLICATION_FEEDS:
            schema = silver(feed).schema
            own = [{name: value for name, value in row.items() if name in schema} for row in rows]
            frames[feed.name] = nw.from_native(pl.LazyFrame(own, schema=schema))
        built = nw.to_native(build_features(frames))
        return built.filter(pl.col("known_on") <= day).sort("loan_id").collect()

    rows: list[dict[str, Any]] = [
        {
            "loan_id": f"l{n}",
            "snapshot_date": START + timedelta(days=born),
            "origination_date": START + timedelta(days=born),
            "loan_amount": amount,
            "annual_income": amount * 2,
        }
        for n, (born, amount) in enumerate(book)
    ]
    assert features(rows).equals(features([row for row in rows if row["snapshot_date"] <= day]))

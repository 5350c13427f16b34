from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl
import pytest

from p2pcredit.jobs.scoring.scored_loans import count_scored

DAY = date(2024, 1, 13)
MISSING, NEW, FAR = "fico: missing", "state: level never seen", "annual_income: beyond trained range"


def scored(*outside: list[str]) -> pl.DataFrame:
    rows = {"snapshot_date": [DAY] * len(outside), "decision": ["approve"] * len(outside), "outside_training": outside}
    priced = pl.lit(0.05).alias("expected_annual_return")
    return pl.DataFrame(rows, schema_overrides={"outside_training": pl.List(pl.String)}).with_columns(priced)


@pytest.mark.parametrize(
    ("outside", "told"),
    [
        ([[]], False),
        ([[NEW]], False),
        ([[FAR]], False),
        ([[NEW, FAR]], False),
        ([[MISSING]], True),
        ([[NEW], [FAR]], True),
        ([[MISSING], [], [], []], True),
        ([[MISSING], *[[]] * 9], False),
    ],
)
def test_a_day_alerts_where_its_share_exceeds_the_limit_but_not_for_one_loan_that_lacks_nothing(
    outside: list[list[str]], told: bool
) -> None:
    found = count_scored(nw.from_native(scored(*outside)).lazy())
    assert bool(list(found.alarming("m", 0.1))) == told
    assert found.columns == {
        name: sum(entry.startswith(name) for entries in outside for entry in entries)
        for name in sorted({entry.partition(":")[0] for entries in outside for entry in entries})
    }


def test_what_lies_outside_is_named_most_frequent_first_with_its_loans() -> None:
    found = count_scored(nw.from_native(scored([NEW], [NEW], [FAR], [])).lazy())
    assert list(found.alarming("m", 0.1)) == [
        "3 of the 4 loans of 2024-01-13 (75%, limit 10%) lie outside what m was trained on: state: level never seen (2)"
        ", annual_income: beyond trained range (1); look at the feeds of that day"
    ]


def test_loans_with_a_probability_and_no_return_are_counted() -> None:
    rows = scored([], [], [NEW], []).with_columns(
        pl.Series("expected_annual_return", [0.05, None, None, None]),
        pl.Series("decision", ["approve", "decline", "refer", "refuse"]),
    )
    found = count_scored(nw.from_native(rows).lazy())
    assert (found.unpriced, found.refused, found.loans) == (2, 1, 4)


def test_one_loan_alone_of_a_new_term_is_told_with_how_the_term_comes_to_be_known() -> None:
    term = "term_months: term not learned from"
    found = count_scored(nw.from_native(scored([term], [], [])).lazy())
    assert list(found.alarming("m", 0.1)) == [
        "1 of the 3 loans of 2024-01-13 (33%, limit 10%) lie outside what m was trained on: term_months: term not "
        "learned from (1); look at the feeds of that day; loans of a new term are known once a training has learned "
        "from some"
    ]

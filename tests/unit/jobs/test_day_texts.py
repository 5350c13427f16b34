"""Texts of a column that all changed, and columns that are half blank, on the day on which they come."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from tests.unit.jobs.small_days import (
    DAY,
    found,
    land_day,
    land_days_before,
    warnings,
    with_settings,
    write,
)

from p2pcredit.errors import SchemaDriftError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange

ONE = DateRange(DAY, DAY)


def of_twenty_loans(run_on: Callable[..., JobContext]) -> JobContext:
    """A home with ten days of twenty loans from four states, preprocessed, and the next day landed as usual."""
    ctx = run_on(DAY, "cli")
    days = land_days_before(ctx.layout, 10, loans=20)
    land_day(ctx.layout, DAY, loans=20)
    for day in (*days, DAY):
        spread_over(ctx, day, "CA", "NY", "TX", "WA")
    preprocess(ctx, DateRange(days[0], days[-1]))
    return ctx


def spread_over(ctx: JobContext, day: date, *states: str) -> None:
    lines = [f"{day:%m%d}-{n},{day},{states[n % len(states)]}" for n in range(20)]
    write(ctx.layout, "demographic", day, lines)


def test_texts_that_all_changed_are_named_in_receipt_warning_and_doctor(run_on: Callable[..., JobContext]) -> None:
    ctx = of_twenty_loans(run_on)
    spread_over(ctx, DAY, "California", "New York", "Texas")
    receipt = preprocess(ctx, ONE)
    assert (receipt["schema_status"], receipt["level_status"]) == ("pass", "fail")
    (entry,) = receipt["level_shifts"]
    assert (entry["feed"], entry["column"], entry["what"], entry["today"]) == ("demographic", "state", "new_texts", 1.0)
    assert entry["texts"] == ["CALIFORNIA", "NEW YORK", "TEXAS"]
    assert entry["usual_texts"] == ["CA", "NY", "TX"]
    said = "such as 'CALIFORNIA', 'NEW YORK', 'TEXAS' (usually 'CA', 'NY', 'TX'); spelled anew?"
    assert [line for line in warnings(ctx) if said in line] == [
        f"other texts on 2020-03-02: feed 'demographic' has texts in column 'state' in 100% of rows that it did not "
        f"have before, {said}"
    ]
    check = examine(ctx)["checks"]["levels"]
    assert check["status"] == "fail"
    assert said in check["finding"]


def test_texts_that_changed_stop_the_day_or_are_accepted_where_settings_say_so(
    run_on: Callable[..., JobContext],
) -> None:
    ctx = with_settings(of_twenty_loans(run_on), level_shift="stop")
    spread_over(ctx, DAY, "California", "New York", "Texas")
    with pytest.raises(SchemaDriftError, match="CALIFORNIA"):
        preprocess(ctx, ONE)
    assert preprocess(ctx, ONE, "the bureau writes names now")["level_shifts"] == []
    later = DAY + timedelta(days=1)
    land_day(ctx.layout, later, loans=20)
    spread_over(ctx, later, "California", "New York", "Texas")
    assert preprocess(ctx, DateRange(later, later))["level_shifts"] == []


def test_a_column_that_is_half_blank_is_named_in_receipt_and_warning(run_on: Callable[..., JobContext]) -> None:
    ctx = of_twenty_loans(run_on)
    spread_over(ctx, DAY, "CA", "")
    receipt = preprocess(ctx, ONE)
    assert receipt["schema_status"] == "fail"
    assert found(receipt) == [("demographic", "state", "sparse")]
    assert (
        "schema drift on 2020-03-02: feed 'demographic' has a value in column 'state' in 50% of rows only "
        "(usually filled in 100% of rows)"
    ) in warnings(ctx)

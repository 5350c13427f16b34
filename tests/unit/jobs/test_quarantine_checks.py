"""A day of which most rows are set aside is no success, and says which rule they broke."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from tests.unit.jobs.small_days import DAY, land_day, lines_of, with_settings, write

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, bronze, silver
from p2pcredit.errors import QuarantineError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.preprocessing import stages as preprocessing
from p2pcredit.jobs.preprocessing.checks.quarantine_checks import commonest_cause
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import is_complete, read_receipt
from p2pcredit.storage.tables.lake import Lake

ONE = DateRange(DAY, DAY)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    return run_on(DAY, "cli")


def land_broken(ctx: JobContext, day: date, broken: int, loans: int, value: str = "lots,36") -> None:
    land_day(ctx.layout, day, loans)
    lines = lines_of("loan_terms", day, loans)
    write(ctx.layout, "loan_terms", day, lines_of("loan_terms", day, broken, value) + lines[broken:])


def test_a_ruined_day_ends_with_the_commonest_rule_over_all_feeds_and_what_to_write(ctx: JobContext) -> None:
    land_broken(ctx, DAY, 4, 10)
    for feed in ("demographic", "financial", "credit_history"):
        lines = [line.replace(f",{DAY},", ",02/03/2020,") for line in lines_of(feed, DAY, 10)]
        write(ctx.layout, feed, DAY, lines[:3] + lines_of(feed, DAY, 10)[3:])
    with pytest.raises(QuarantineError) as caught:
        preprocess(ctx, ONE)
    said = str(caught.value)
    assert said.startswith(
        "4 of 10 rows of feed 'loan_terms' of 2020-03-02 were set aside (and too many of 3 more feeds)"
    )
    assert "by 'origination_date: not a date (YYYY-MM-DD)' (9 rows, such as '02/03/2020'): write dates as" in said
    assert "preprocessing.max_quarantined_share is 0.2" in said
    assert "\n" not in said
    assert "02/03/2020" not in caught.value.without_values  # an alert quotes no borrower
    assert not caught.value.retryable


def test_what_came_is_kept_for_a_person_to_look_at_and_the_day_is_not_complete(ctx: JobContext) -> None:
    land_broken(ctx, DAY, 4, 10)
    with pytest.raises(QuarantineError):
        preprocess(ctx, ONE)
    lake, terms = Lake(ctx.layout), FEEDS["loan_terms"]
    assert (lake.read(bronze(terms)).height, lake.read(silver(terms)).height, lake.read(QUARANTINE).height) == (
        10,
        6,
        4,
    )
    assert lake.read(silver(FEEDS["financial"])).height == 10
    assert not lake.exists(FEATURE_STORE)
    assert not is_complete(ctx.layout, DAY)
    land_day(ctx.layout, DAY, 10)
    assert preprocess(ctx, ONE)["features"] == 10
    assert is_complete(ctx.layout, DAY)


def test_the_silver_task_of_the_feed_fails_by_itself(ctx: JobContext) -> None:
    land_broken(ctx, DAY, 4, 10)
    for feed in FEEDS:
        preprocessing.load_bronze(ctx, feed, ONE)
    assert preprocessing.refine_silver(ctx, "financial", ONE)["quarantined"] == 0
    with pytest.raises(
        QuarantineError, match=r"'loan_amount: not a number' \(4 rows, such as 'lots'\): write plain numbers"
    ):
        preprocessing.refine_silver(ctx, "loan_terms", ONE)


@pytest.mark.parametrize(
    ("broken", "loans", "limit", "stops"),
    [
        (3, 10, 0.2, True),
        (2, 10, 0.2, False),
        (2, 9, 0.2, False),
        (1, 3, 0.2, False),
        (1, 2, 0.2, True),
        (2, 4, 0.2, True),
        (10, 10, 1.0, False),
        (3, 10, 0.4, False),
    ],
)
def test_a_few_rows_stop_a_day_only_where_they_are_half_of_it(
    ctx: JobContext, broken: int, loans: int, limit: float, stops: bool
) -> None:
    land_broken(ctx, DAY, broken, loans)
    ctx = with_settings(ctx, max_quarantined_share=limit)
    if stops:
        with pytest.raises(QuarantineError, match=f"{broken} of {loans} rows"):
            preprocess(ctx, ONE)
    else:
        assert preprocess(ctx, ONE)["feeds"]["loan_terms"]["quarantined"] == broken


def test_in_a_long_book_one_broken_loan_of_a_day_stops_nothing_but_a_ruined_month_does(ctx: JobContext) -> None:
    days = [DAY + timedelta(days=n) for n in range(70)]
    for day in days:
        land_day(ctx.layout, day, 1)
    land_broken(ctx, days[3], 1, 1)
    assert preprocess(ctx, DateRange(days[0], days[-1]))["features"] == 69
    for day in days[40:47]:
        land_broken(ctx, day, 1, 1)
    with pytest.raises(
        QuarantineError, match=r"7 of 30 rows of feed 'loan_terms' of 2020-04-01 to 2020-04-30, the first of"
    ):
        preprocess(ctx, DateRange(days[0], days[-1]))


@pytest.mark.parametrize("day_by_day", [True, False])
def test_a_replay_over_a_ruined_day_ends_naming_it(ctx: JobContext, day_by_day: bool) -> None:
    days = DateRange(DAY, DAY + timedelta(days=3))
    for day in days:
        land_day(ctx.layout, day, 8)
    land_broken(ctx, days.last, 8, 8)
    with pytest.raises(QuarantineError, match="8 of 8 rows of feed 'loan_terms' of 2020-03-05"):
        replay(ctx, days, day_by_day=day_by_day)


def test_the_doctor_names_the_commonest_rule_over_all_feeds(ctx: JobContext) -> None:
    land_broken(ctx, DAY, 2, 3)
    for feed in ("financial", "credit_history"):
        write(ctx.layout, feed, DAY, [line.replace(f",{DAY},", ",soon,") for line in lines_of(feed, DAY, 3)])
    with pytest.raises(QuarantineError):
        preprocess(ctx, ONE)
    found = examine(ctx)
    finding = found["checks"]["rows"]["finding"]
    assert finding.startswith(
        "3 of 3 rows of financial, 3 of 3 rows of credit_history, 2 of 3 rows of loan_terms are in"
    )
    assert "most often by 'origination_date: not a date (YYYY-MM-DD)' (6 rows, such as 'soon')" in finding
    assert found["healthy"] is False
    assert found["reason"].startswith("not healthy: rows: 3 of 3")


def test_days_past_due_that_are_missing_beside_a_wrong_status_are_no_cause(ctx: JobContext) -> None:
    land_day(ctx.layout, DAY, 10)
    wrong = [f"{DAY:%m%d}-{n},{DAY},Gone," for n in range(4)]
    alone = [f"{DAY:%m%d}-{n},{DAY},LATE," for n in range(4, 7)]
    write(ctx.layout, "loan_performance", DAY, [*wrong, *alone])
    with pytest.raises(QuarantineError, match=r"by 'status: unknown value' \(4 rows, such as 'Gone'\)"):
        preprocess(ctx, ONE)
    cause = commonest_cause(Lake(ctx.layout), ONE, ["loan_performance"])
    assert cause is not None
    assert (cause.rule, cause.rows, cause.example) == ("status: unknown value", 4, "Gone")
    write(ctx.layout, "loan_performance", DAY, [*wrong[:1], *alone])
    with pytest.raises(QuarantineError, match=r"by 'days_past_due: missing' \(3 rows\)"):
        preprocess(ctx, ONE)


def test_events_that_a_mapping_says_to_be_unknown_are_set_aside_and_no_fault(ctx: JobContext) -> None:
    land_day(ctx.layout, DAY, 10)
    events = [f"{DAY:%m%d}-{n},{DAY},{'unknown: void' if n else 'unknown'},0" for n in range(6)]
    write(ctx.layout, "loan_performance", DAY, events)
    assert preprocess(ctx, ONE)["unknown_outcomes"] == 6
    rows = (read_receipt(ctx.layout, DAY) or {})["rows"]
    assert (rows["quarantined:loan_performance"], rows["declared_unknown:loan_performance"]) == (6, 6)
    assert commonest_cause(Lake(ctx.layout), ONE, ["loan_performance"]) is None
    found = examine(ctx)["checks"]
    assert found["rows"]["status"] == "pass"
    assert "the outcome of 6 of 10 loans cannot be known" in found["outcomes"]["finding"]

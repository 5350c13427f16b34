"""What stops a day before it counts as complete, what is only said of it, and how it heals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from tests.unit.jobs.small_days import (
    DAY,
    HEADERS,
    VALUES,
    crown,
    found,
    land_day,
    land_days_before,
    lines_of,
    warnings,
    with_settings,
    write,
)

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, silver
from p2pcredit.errors import SchemaDriftError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.preprocessing import feed_history
from p2pcredit.jobs.preprocessing import stages as preprocessing
from p2pcredit.jobs.preprocessing.cash_flows import build_cash_flows
from p2pcredit.jobs.preprocessing.checks.day_checks import judge_days
from p2pcredit.jobs.preprocessing.label_store import build_label_store
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.replay import replay
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import is_complete, read_receipt
from p2pcredit.storage.tables.lake import Lake

ONE = DateRange(DAY, DAY)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    """A home with ten days of three loans, preprocessed, and the next day landed as usual."""
    ctx = run_on(DAY, "cli")
    days = land_days_before(ctx.layout, 10)
    preprocess(ctx, DateRange(days[0], days[-1]))
    land_day(ctx.layout, DAY)
    return ctx


def rename_income(ctx: JobContext, day: date = DAY) -> None:
    write(ctx.layout, "financial", day, lines_of("financial", day, 3), "loan_id,origination_date,annual_inc")


def as_a_dag_does(ctx: JobContext, day: date) -> None:
    days = DateRange(day, day)
    for feed in FEEDS:
        preprocessing.load_bronze(ctx, feed, days)
    for feed in FEEDS:
        preprocessing.refine_silver(ctx, feed, days)
    preprocessing.build_feature_store(ctx, days)
    build_label_store(ctx, days)
    build_cash_flows(ctx, days)
    preprocessing.complete_days(ctx, days)


def test_a_day_like_those_before_passes(ctx: JobContext) -> None:
    receipt = preprocess(ctx, ONE)
    assert (receipt["schema_status"], receipt["schema_drift"]) == ("pass", [])


def test_a_renamed_column_that_the_champion_uses_stops_the_day_by_name(ctx: JobContext) -> None:
    crown(ctx, "loan_to_income")
    rename_income(ctx)
    with pytest.raises(SchemaDriftError) as caught:
        preprocess(ctx, ONE)
    said = str(caught.value)
    assert said.startswith(
        "2020-03-02: feed 'financial' lacks column 'annual_income' (usually filled in 100% of rows); "
    )
    assert "is it now 'annual_inc'?, which champion m1 uses" in said
    assert "preprocess --date 2020-03-02 --accept-drift --why TEXT" in said
    assert "\n" not in said
    assert not caught.value.retryable
    assert not is_complete(ctx.layout, DAY)
    assert Lake(ctx.layout).read(silver(FEEDS["financial"]), ONE).height == 3
    assert Lake(ctx.layout).read(FEATURE_STORE, ONE).is_empty()
    assert any("annual_inc" in line for line in warnings(ctx))


def test_a_mended_file_heals_the_day(ctx: JobContext) -> None:
    crown(ctx, "loan_to_income")
    rename_income(ctx)
    with pytest.raises(SchemaDriftError):
        preprocess(ctx, ONE)
    land_day(ctx.layout, DAY)
    assert preprocess(ctx, ONE)["schema_status"] == "pass"
    assert is_complete(ctx.layout, DAY)
    assert Lake(ctx.layout).read(FEATURE_STORE, ONE)["annual_income"].to_list() == [50000.0] * 3


def test_an_accepted_shape_is_the_usual_one_from_that_day_on(ctx: JobContext) -> None:
    crown(ctx, "loan_to_income")
    rename_income(ctx)
    receipt = preprocess(ctx, ONE, "the bureau no longer gives it")
    assert [(e["column"], e["why"]) for e in receipt["accepted_drift"]] == [
        ("annual_income", "the bureau no longer gives it")
    ]
    kept = read_receipt(ctx.layout, DAY)
    assert kept is not None
    assert kept["accepted_drift"][0]["feed"] == "financial"
    as_a_dag_does(ctx, DAY)  # the failed task is cleared
    assert read_receipt(ctx.layout, DAY) == kept
    for later in (DAY + timedelta(days=1), DAY + timedelta(days=2)):
        land_day(ctx.layout, later)
        rename_income(ctx, later)
        assert preprocess(ctx, DateRange(later, later))["schema_drift"] == []


def test_an_acceptance_is_of_the_file_that_came_and_of_no_other(ctx: JobContext) -> None:
    crown(ctx, "loan_to_income")
    rename_income(ctx)
    preprocess(ctx, ONE, "so it is")
    write(ctx.layout, "financial", DAY, lines_of("financial", DAY, 3), "loan_id,origination_date,income_yearly")
    with pytest.raises(SchemaDriftError):
        preprocess(ctx, ONE)


@pytest.mark.parametrize(
    ("setting", "feature", "stops"),
    [
        ("report", "loan_to_income", False),
        ("stop_if_used", "fico", False),
        ("stop_if_used", None, False),
        ("stop_if_used", "annual_income", True),
        ("stop", None, True),
    ],
)
def test_the_setting_says_what_stops(ctx: JobContext, setting: str, feature: str | None, stops: bool) -> None:
    if feature is not None:
        crown(ctx, feature)
    rename_income(ctx)
    ctx = with_settings(ctx, schema_drift=setting)
    if stops:
        with pytest.raises(SchemaDriftError, match=f"schema_drift is '{setting}'"):
            preprocess(ctx, ONE)
        return
    receipt = preprocess(ctx, ONE)
    assert (receipt["schema_status"], found(receipt)) == ("fail", [("financial", "annual_income", "absent")])
    assert receipt["schema_drift"][0]["likely_name"] == "annual_inc"
    assert is_complete(ctx.layout, DAY)
    assert sum("schema drift on 2020-03-02: feed 'financial'" in line for line in warnings(ctx)) == 1
    assert examine(ctx)["checks"]["schema"]["status"] == "fail"


def test_a_column_that_is_there_and_empty_stops_likewise(ctx: JobContext) -> None:
    crown(ctx, "fico")
    write(ctx.layout, "credit_history", DAY, lines_of("credit_history", DAY, 3, ","))
    with pytest.raises(SchemaDriftError, match=r"has no value in column 'fico_low'.*\(and 1 more\)"):
        preprocess(ctx, ONE)


def test_a_header_alone_while_loans_came_in_needs_no_history(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(DAY, "cli")
    land_day(ctx.layout, DAY)
    write(ctx.layout, "credit_history", DAY, [])
    rename_income(ctx)
    receipt = preprocess(ctx, ONE)
    assert found(receipt) == [("financial", "annual_income", "absent"), ("credit_history", None, "no_rows")]
    crown(ctx, "fico")
    with pytest.raises(SchemaDriftError, match="feed 'credit_history' has no row though loans came in"):
        preprocess(ctx, ONE)


def test_a_feed_for_one_of_three_loans_is_said(ctx: JobContext) -> None:
    crown(ctx, "annual_income")
    write(ctx.layout, "financial", DAY, lines_of("financial", DAY, 1))
    assert found(preprocess(ctx, ONE)) == [("financial", None, "few_rows")]
    with pytest.raises(SchemaDriftError, match="rows for 33% of the day's loans only"):
        preprocess(with_settings(ctx, schema_drift="stop"), ONE)


def test_ids_that_became_numbers_in_one_feed_are_the_loans_they_are(ctx: JobContext) -> None:
    for feed in HEADERS:
        values = VALUES.get(feed)
        write(ctx.layout, feed, DAY, [f"{n},{DAY},{values}" for n in (7, 8, 9)] if values else [])
    write(ctx.layout, "financial", DAY, [f"{n}.0,{DAY},50000" for n in (7, 8, 9)])
    assert preprocess(ctx, ONE)["schema_drift"] == []


def test_an_unknown_column_is_said_and_stops_nothing(ctx: JobContext) -> None:
    header = "loan_id,origination_date,annual_income,mood"
    write(ctx.layout, "financial", DAY, lines_of("financial", DAY, 3, "50000,fine"), header)
    assert found(preprocess(with_settings(ctx, schema_drift="stop"), ONE)) == [("financial", "mood", "unknown")]


def test_a_day_without_any_row_is_fine(ctx: JobContext) -> None:
    crown(ctx, "fico")
    land_day(ctx.layout, DAY, 0)
    assert preprocess(ctx, ONE)["schema_drift"] == []


def test_the_task_of_that_feed_fails_in_a_dag_and_the_others_do_not(ctx: JobContext) -> None:
    crown(ctx, "annual_income")
    rename_income(ctx)
    for feed in FEEDS:
        preprocessing.load_bronze(ctx, feed, ONE)
    for feed in FEEDS:
        if feed == "financial":
            with pytest.raises(SchemaDriftError):
                preprocessing.refine_silver(ctx, feed, ONE)
        else:
            assert preprocessing.refine_silver(ctx, feed, ONE)["schema_status"] in {"pass", "undetermined"}


def test_tasks_of_their_own_and_one_command_leave_the_same_receipt(ctx: JobContext) -> None:
    preprocess(ctx, ONE)
    of_the_command = read_receipt(ctx.layout, DAY)
    ctx.layout.day_receipt(DAY).unlink()
    as_a_dag_does(ctx, DAY)
    assert read_receipt(ctx.layout, DAY) == of_the_command
    assert not list(ctx.layout.completed_days.glob("landed_*"))


def test_days_of_a_span_are_compared_with_each_other(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(DAY, "cli")
    days = [*land_days_before(ctx.layout, 10), DAY]
    land_day(ctx.layout, DAY)
    rename_income(ctx)
    (entry,) = preprocess(ctx, DateRange(days[0], DAY))["schema_drift"]
    assert (entry["first_date"], entry["last_date"], entry["days"]) == ("2020-03-02", "2020-03-02", 1)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_column_that_fades_out_of_a_historic_book_stops_a_night_only(
    run_on: Callable[..., JobContext], at_once: bool
) -> None:
    ctx = run_on(DAY, "cli")
    days = [DAY - timedelta(days=n) for n in range(10, -1, -1)]
    for day in days:
        land_day(ctx.layout, day, 60)
        filled = 0 if day == DAY else 18
        lines = lines_of("credit_history", day, filled) + lines_of("credit_history", day, 60, ",")[filled:]
        write(ctx.layout, "credit_history", day, lines)
    crown(ctx, "fico")
    if at_once:
        assert found(preprocess(ctx, DateRange(days[0], DAY))) == [
            ("credit_history", "fico_low", "empty"),
            ("credit_history", "fico_high", "empty"),
        ]
        return
    preprocess(ctx, DateRange(days[0], days[-2]))
    with pytest.raises(SchemaDriftError, match=r"'fico_low' \(usually filled in 30% of rows\)"):
        preprocess(ctx, ONE)


def test_a_replay_stops_at_the_day_though_its_month_was_preprocessed_before_the_champion(
    run_on: Callable[..., JobContext], monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = run_on(DAY, "replay")
    days = [*land_days_before(ctx.layout, 10), DAY]
    land_day(ctx.layout, DAY)
    rename_income(ctx)

    def check(ctx: JobContext, day: date) -> dict[str, bool]:
        if day == days[3]:
            crown(ctx, "annual_income")
        return {"retrain": False}

    monkeypatch.setattr("p2pcredit.jobs.training.retrain.check_retraining", check)
    monkeypatch.setattr("p2pcredit.jobs.replay.score_nights", lambda *_: 0)
    monkeypatch.setattr("p2pcredit.jobs.monitoring.steps.check_monitoring", lambda *_: {"monitor": False})
    with pytest.raises(SchemaDriftError, match="2020-03-02: feed 'financial' lacks column 'annual_income'"):
        replay(ctx, DateRange(days[0], DAY))


@pytest.mark.parametrize("day_by_day", [False, True])
def test_what_a_feed_held_before_a_pause_is_what_it_usually_holds(
    run_on: Callable[..., JobContext], day_by_day: bool
) -> None:
    ctx = run_on(DAY, "cli")
    days = land_days_before(ctx.layout, 60)
    for day in days[10:]:
        land_day(ctx.layout, day, 0)
    for day in (DAY, DAY + timedelta(days=1)):
        land_day(ctx.layout, day)
        write(ctx.layout, "credit_history", day, lines_of("credit_history", day, 3, value=","))
    spans = [DateRange(days[0], days[-1]), ONE, DateRange(DAY + timedelta(days=1), DAY + timedelta(days=1))]
    receipts = [preprocess(ctx, span) for span in (spans if day_by_day else [DateRange(days[0], spans[-1].last)])]
    assert ("credit_history", "fico_low", "empty") in found(receipts[-1])
    assert receipts[-1]["schema_status"] == "fail"


def test_rows_of_a_loan_that_loan_terms_lacks_are_counted_and_said(ctx: JobContext) -> None:
    write(ctx.layout, "financial", DAY, [*lines_of("financial", DAY, 3), f"0999-9,{DAY},40000"])
    receipt = preprocess(ctx, ONE)
    assert receipt["without_loan"] == {"financial": 1}
    assert any("1 of financial" in said and "loan_terms" in said for said in warnings(ctx))


def test_a_feed_that_always_had_every_loan_is_said_to_lack_some(ctx: JobContext) -> None:
    land_day(ctx.layout, DAY, 14)
    write(ctx.layout, "credit_history", DAY, lines_of("credit_history", DAY, 8))
    assert ("credit_history", None, "few_rows") in found(preprocess(ctx, ONE))


def test_events_of_loans_that_never_landed_are_counted_and_said(ctx: JobContext) -> None:
    write(ctx.layout, "loan_performance", DAY, [f"L-{DAY:%m%d}-{n},{DAY},DEFAULT,90" for n in range(3)])
    receipt = preprocess(ctx, ONE)
    assert receipt["of_unknown_loans"] == 3
    assert any("3 of 3 servicing events" in said for said in warnings(ctx))


def test_events_of_loans_that_landed_are_not_said(ctx: JobContext) -> None:
    write(ctx.layout, "loan_performance", DAY, [f"0301-{n},{DAY},CURRENT,0" for n in range(3)])
    assert preprocess(ctx, ONE)["of_unknown_loans"] == 0
    assert not warnings(ctx)


def test_a_loan_that_lands_on_a_later_day_again_is_said(ctx: JobContext) -> None:
    for feed in VALUES:
        again = [f"0301-0,{DAY},{VALUES[feed]}"]
        write(ctx.layout, feed, DAY, [*lines_of(feed, DAY, 3), *again])
    assert preprocess(ctx, ONE)["seen_before"] == 1
    assert any("landed on an earlier day too" in said for said in warnings(ctx))


def test_a_loan_with_an_event_before_it_was_made_is_said(ctx: JobContext) -> None:
    yesterday = DAY - timedelta(days=1)
    write(ctx.layout, "loan_performance", yesterday, [f"{DAY:%m%d}-{n},{yesterday},DEFAULT,90" for n in (0, 1)])
    preprocess(ctx, DateRange(yesterday, yesterday))
    write(ctx.layout, "loan_performance", DAY, [f"{DAY:%m%d}-2,{DAY},CURRENT,0"])
    receipt = preprocess(ctx, ONE)
    assert (receipt["events_before"], receipt["seen_before"]) == (2, 0)
    (said,) = [line for line in warnings(ctx) if "2 loans of 2020-03-02 have a servicing event" in line]
    assert "loan_performance" in said


def test_a_third_of_a_small_day_without_a_row_is_said(ctx: JobContext) -> None:
    land_day(ctx.layout, DAY, 6)
    write(ctx.layout, "credit_history", DAY, lines_of("credit_history", DAY, 4))
    assert ("credit_history", None, "few_rows") in found(preprocess(ctx, ONE))


def test_rows_counted_when_a_day_was_judged_are_counted_again_only_where_a_rival_changed_them(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    count = feed_history._held
    income = silver(FEEDS["financial"])

    def watched(ctx: JobContext, feed: str, days: DateRange) -> Any:
        counted.append(feed)
        return count(ctx, feed, days)

    def overtaken(ctx: JobContext, *given: Any, **named: Any) -> Any:
        judged = judge_days(ctx, *given, **named)
        lake = Lake(ctx.layout)
        lake.replace(income, lake.read(income, ONE).with_columns(annual_income=pl.lit(77_000.0)), ONE)
        return judged

    monkeypatch.setattr(feed_history, "_held", watched)
    preprocess(ctx, ONE)
    assert sorted(counted) == sorted(FEEDS)
    counted.clear()
    monkeypatch.setattr(preprocessing, "judge_days", overtaken)
    preprocess(ctx, ONE)
    assert sorted(counted) == sorted([*FEEDS, "financial"])
    kept = read_receipt(ctx.layout, DAY)
    assert kept is not None
    assert kept["feeds"]["financial"]["levels"]["annual_income"] == [77_000] * 3

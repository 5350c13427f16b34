"""What stops a day before it counts as complete, what is only said of it, and how it heals."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from tests.unit.jobs.small_days import (
    DAY,
    HEADERS,
    VALUES,
    crown,
    land_day,
    land_days_before,
    lines_of,
    with_settings,
    write,
)

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, silver
from p2pcredit.errors import SchemaDriftError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.preprocessing import stages as preprocessing
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


def warnings(ctx: JobContext) -> list[str]:
    entries = [json.loads(line) for line in ctx.layout.activity.read_text().splitlines()]
    return [entry["message"] for entry in entries if entry["job"] == "warning"]


def found(receipt: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(entry["feed"], entry["column"], entry["what"]) for entry in receipt["schema_drift"]]


def as_a_dag_does(ctx: JobContext, day: date) -> None:
    days = DateRange(day, day)
    for feed in FEEDS:
        preprocessing.load_bronze(ctx, feed, days)
    for feed in FEEDS:
        preprocessing.refine_silver(ctx, feed, days)
    preprocessing.build_feature_store(ctx, days)
    build_label_store(ctx, days)
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


def a_larger_book(run_on: Callable[..., JobContext], factor: float = 1.0, *, history: int = 10) -> JobContext:
    """A home with days of six loans whose incomes differ, and the next day landed with its incomes so many times."""
    ctx = run_on(DAY, "cli")
    days = [DAY - timedelta(days=n) for n in range(history, -1, -1)]
    for day in days:
        land_day(ctx.layout, day, 6)
        land_incomes(ctx, day, factor if day == DAY else 1.0)
    preprocess(ctx, DateRange(days[0], days[-2]))
    return ctx


def land_incomes(ctx: JobContext, day: date, factor: float) -> None:
    lines = [f"{day:%m%d}-{n},{day},{(30_000 + 9_000 * n) * factor:g}" for n in range(6)]
    write(ctx.layout, "financial", day, lines)


def shifts(receipt: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    return [(entry["feed"], entry["column"], entry["what"]) for entry in receipt["level_shifts"]]


@pytest.mark.parametrize(("factor", "what"), [(0.001, "low"), (0.0, "low"), (100.0, "high")])
def test_a_whole_column_at_another_level_is_said_on_the_day(
    run_on: Callable[..., JobContext], factor: float, what: str
) -> None:
    ctx = a_larger_book(run_on, factor)
    receipt = preprocess(ctx, ONE)
    assert (receipt["schema_status"], receipt["level_status"]) == ("pass", "fail")
    assert shifts(receipt) == [("financial", "annual_income", what)]
    assert receipt["level_shifts"][0]["usual"] == 57_000
    (said,) = warnings(ctx)
    assert said.startswith("another level on 2020-03-02: feed 'financial' has values in column 'annual_income' ")
    assert "57" not in said
    check = examine(ctx)["checks"]["levels"]
    assert check["status"] == "fail"
    assert "annual_income" in check["finding"]


def test_a_day_at_the_usual_level_passes_and_a_first_day_is_undetermined(run_on: Callable[..., JobContext]) -> None:
    ctx = a_larger_book(run_on)
    receipt = preprocess(ctx, ONE)
    assert (receipt["level_status"], receipt["level_shifts"], receipt["levels_undetermined"]) == ("pass", [], [])
    assert examine(ctx)["checks"]["levels"]["status"] == "pass"
    assert not warnings(ctx)


def test_the_level_of_a_first_day_cannot_be_told(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(DAY, "cli")
    land_day(ctx.layout, DAY)
    receipt = preprocess(ctx, ONE)
    assert receipt["level_status"] == "undetermined"
    assert "financial.annual_income" in receipt["levels_undetermined"]
    assert examine(ctx)["checks"]["levels"]["status"] == "undetermined"


@pytest.mark.parametrize(
    ("setting", "feature", "stops"),
    [("report", "annual_income", False), ("stop_if_used", "fico", False), ("stop_if_used", "loan_to_income", True)],
)
def test_the_setting_says_whether_another_level_stops_the_day(
    run_on: Callable[..., JobContext], setting: str, feature: str, stops: bool
) -> None:
    ctx = with_settings(a_larger_book(run_on, 0.001), level_shift=setting)
    crown(ctx, feature)
    if not stops:
        assert shifts(preprocess(ctx, ONE))
        return
    with pytest.raises(SchemaDriftError, match=r"about 1,000 times smaller than usual; another unit.*level_shift is"):
        preprocess(ctx, ONE)
    assert not is_complete(ctx.layout, DAY)
    assert preprocess(ctx, ONE, "incomes are in thousands now")["level_shifts"] == []
    later = DAY + timedelta(days=1)
    land_day(ctx.layout, later, 6)
    land_incomes(ctx, later, 0.001)
    assert preprocess(ctx, DateRange(later, later))["level_shifts"] == []


def test_a_chance_that_is_a_setting_says_how_rare_a_level_must_be(run_on: Callable[..., JobContext]) -> None:
    ctx = with_settings(a_larger_book(run_on, 0.001, history=3), level_shift_chance=1e-9)
    assert preprocess(ctx, ONE)["levels_undetermined"] == ["financial.annual_income"]
    assert shifts(preprocess(with_settings(ctx, level_shift_chance=1e-4), ONE))


def test_a_day_of_receipts_of_an_older_version_is_undetermined(run_on: Callable[..., JobContext]) -> None:
    ctx = a_larger_book(run_on, 0.001)
    for path in ctx.layout.completed_days.rglob("*.json"):
        content = json.loads(path.read_text())
        for facts in content.values() if "feeds" not in content else [content]:
            for feed in facts["feeds"].values():
                del feed["levels"]
        path.write_text(json.dumps(content))
    receipt = preprocess(ctx, ONE)
    assert (receipt["level_status"], receipt["level_shifts"]) == ("undetermined", [])


def test_what_a_day_keeps_of_its_levels_does_not_grow_with_its_loans(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(DAY, "cli")
    for day, loans in ((DAY - timedelta(days=1), 30), (DAY, 300)):
        land_day(ctx.layout, day, loans)
        write(ctx.layout, "financial", day, [f"{day:%m%d}-{n},{day},{30_000 + n}" for n in range(loans)])
        preprocess(ctx, DateRange(day, day))
    for day in (DAY - timedelta(days=1), DAY):
        receipt = read_receipt(ctx.layout, day)
        assert receipt is not None
        assert len(receipt["feeds"]["financial"]["levels"]["annual_income"]) == 11


def test_doctor_names_what_befell_an_earlier_day_by_day_feed_and_column(run_on: Callable[..., JobContext]) -> None:
    ctx = with_settings(a_larger_book(run_on, 0.001), schema_drift="report")
    write(ctx.layout, "demographic", DAY, [], "loan_id,origination_date,region")
    preprocess(ctx, ONE)
    after = DAY + timedelta(days=1)
    land_day(ctx.layout, after, 6)
    land_incomes(ctx, after, 1.0)
    later = JobContext(ctx.layout, ctx.settings, ctx.run_id, ctx.at + timedelta(days=1))
    preprocess(later, DateRange(after, after))
    checks = examine(later)["checks"]
    assert (checks["levels"]["status"], checks["schema"]["status"]) == ("fail", "fail")
    assert checks["levels"]["finding"].startswith("2020-03-02: feed 'financial' has values in column 'annual_income'")
    assert "--date 2020-03-02 --accept-drift" in checks["levels"]["finding"]
    assert "2020-03-02: feed 'demographic' has no row though loans came in" in checks["schema"]["finding"]
    few = with_settings(later, schema_drift_days=1)
    assert {examine(few)["checks"][name]["status"] for name in ("levels", "schema")} <= {"pass", "undetermined"}

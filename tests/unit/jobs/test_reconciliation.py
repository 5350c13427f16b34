"""A day is complete only where what landed is in its tables: whatever was marked as done, skipped or done elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.unit.jobs import small_days
from tests.unit.jobs.small_days import DAY, land_day, lines_of, write

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, bronze, silver
from p2pcredit.errors import IncompleteDayError, P2PCreditError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.reconciled_days import reconcile_days
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.pipeline_graph import Step
from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.jobs.preprocessing.completeness.day_counts import Completeness, DayCounts, Lost
from p2pcredit.jobs.preprocessing.completeness.reconciliation import find_holes
from p2pcredit.jobs.preprocessing.stages import complete_days, load_bronze, preprocess
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete, mark_complete, read_receipt
from p2pcredit.storage.tables.lake import Lake

ONLY = DateRange(DAY, DAY)
BEFORE = DAY - timedelta(days=1)
NEXT = DAY + timedelta(days=1)
BOTH = DateRange(DAY, NEXT)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext], tmp_path: Path) -> JobContext:
    """A home where a day of three loans has landed."""
    ctx = run_on(DAY, "night", home=tmp_path / "home")
    land_day(ctx.layout, DAY)
    return ctx


def run_day(ctx: JobContext, marked: Collection[tuple[str, str | None]] = (), day: date = DAY) -> None:
    """Run the tasks of preprocessing; those marked as success by hand, as function and feed, do nothing."""

    def do(step: Step) -> Receipt:
        return {} if (step.function, step.feed) in marked else do_step(ctx, step, day)

    walk(PREPROCESSING, do)


def test_a_day_whose_rows_all_arrived_is_complete_and_its_receipt_keeps_the_counts(ctx: JobContext) -> None:
    write(ctx.layout, "financial", DAY, [*lines_of("financial", DAY, 3), f"9,{DAY},1", f"9,{DAY},1", "broken,no day,1"])
    run_day(ctx)
    counts = (read_receipt(ctx.layout, DAY) or {})["counts"]
    assert counts["landed"] == counts["bronze"]
    assert [counts[stage]["financial"] for stage in ("landed", "bronze", "silver", "quarantined")] == [6, 6, 4, 2]
    assert (counts["loans"], counts["features"]) == (3, 3)
    assert find_holes(ctx, ONLY) == []


def test_check_and_bronze_marked_as_success_fail_the_last_step_with_both_numbers(ctx: JobContext) -> None:
    with pytest.raises(IncompleteDayError) as raised:
        run_day(ctx, {("check_source", "loan_terms"), ("load_bronze", "loan_terms")})
    assert str(raised.value) == (
        "feed 'loan_terms' of 2020-03-02: 3 rows landed, bronze has 0; the day is not complete: clear task "
        "source_data_checks.loan_terms with those after it, or run: p2pcredit preprocess --date 2020-03-02"
    )
    assert (raised.value.days, raised.value.retryable, is_complete(ctx.layout, DAY)) == ((DAY,), False, False)
    assert [(hole.feed, hole.landed, hole.found) for hole in find_holes(ctx, ONLY)] == [("loan_terms", 3, 0)]


@pytest.mark.parametrize(
    ("marked", "said"),
    [
        (("refine_silver", "loan_terms"), "bronze has 3 rows, silver and quarantine together 0"),
        (("refine_silver", "credit_history"), "feed 'credit_history' of 2020-03-02: bronze has 3 rows"),
        (("load_bronze", "demographic"), "feed 'demographic' of 2020-03-02: 3 rows landed, bronze has 0"),
        (("build_feature_store", None), "3 loans in silver, features of 0"),
        (
            ("build_label_store", None),
            "^2020-03-02: gold/label_store was not built of what the tables that it rests on hold now; the day is not "
            "complete: clear task gold_processing.label_store with those after it, or run: p2pcredit preprocess --date "
            "2020-03-02$",
        ),
        (("build_cash_flows", None), "gold/cash_flows was not built"),
    ],
)
def test_no_task_marked_as_success_hides_a_hole(ctx: JobContext, marked: tuple[str, str | None], said: str) -> None:
    with pytest.raises(IncompleteDayError, match=said):
        run_day(ctx, {marked})
    assert not is_complete(ctx.layout, DAY)


@pytest.mark.parametrize(
    ("marked", "table"),
    [
        (("refine_silver", "financial"), "silver/financial"),
        (("build_feature_store", None), "gold/feature_store"),
        (("build_label_store", None), "gold/label_store"),
        (("build_cash_flows", None), "gold/cash_flows"),
    ],
)
def test_a_complete_day_that_landed_anew_is_built_anew_to_its_end(
    ctx: JobContext, marked: tuple[str, str | None], table: str
) -> None:
    run_day(ctx)
    landed = (lines_of("financial", DAY, 3)[0], f"9,{DAY},77", f"8,{DAY},78")
    write(ctx.layout, "financial", DAY, landed)  # as many rows as before
    with pytest.raises(IncompleteDayError, match=f"{table} was not built"):
        run_day(ctx, {marked})
    preprocess(ctx, ONLY)
    assert find_holes(ctx, ONLY) == []
    assert not [path.name for path in ctx.layout.completed_days.iterdir() if path.suffix in {".due", ".built"}]


def test_a_complete_day_of_which_a_table_is_due_is_named_by_doctor_with_the_command(ctx: JobContext) -> None:
    run_day(ctx)
    write(ctx.layout, "financial", DAY, [f"{loan},{DAY},77" for loan in (1, 2, 3)])
    load_bronze(ctx, "financial", ONLY)  # the tasks after it were marked as success, the last one too
    said = examine(ctx)["checks"]["reconciliation"]
    assert said["status"] == "fail"
    assert "2020-03-02: silver/financial was not built of what" in said["finding"]
    assert "p2pcredit preprocess --date 2020-03-02" in said["finding"]


def test_the_last_step_of_a_complete_day_can_be_done_again_alone(ctx: JobContext) -> None:
    run_day(ctx)
    assert complete_days(ctx, ONLY) == {"complete": 1}


def test_a_hole_is_filled_by_the_command_that_its_error_names(ctx: JobContext) -> None:
    with pytest.raises(IncompleteDayError):
        run_day(ctx, {("load_bronze", "loan_terms")})
    preprocess(ctx, ONLY)
    assert is_complete(ctx.layout, DAY)
    assert find_holes(ctx, ONLY) == []


def test_workers_whose_homes_are_not_shared_do_not_complete_a_day(ctx: JobContext, tmp_path: Path) -> None:
    shutil.copytree(ctx.layout.home, tmp_path / "elsewhere")
    elsewhere = replace(ctx, layout=Layout(tmp_path / "elsewhere"))

    def do(step: Step) -> Receipt:
        return do_step(elsewhere if step.function == "load_bronze" else ctx, step, DAY)

    with pytest.raises(IncompleteDayError, match="3 rows landed, bronze has 0 \\(and 3 more\\)"):
        walk(PREPROCESSING, do)
    shutil.rmtree(ctx.layout.landing)
    with pytest.raises(IncompleteDayError, match="'loan_terms' of 2020-03-02: no file has landed, bronze has 0 rows"):
        complete_days(ctx, ONLY)


def test_a_file_that_landed_after_bronze_is_counted_anew(ctx: JobContext) -> None:
    run_day(ctx)
    land_day(ctx.layout, DAY, loans=5)
    found = find_holes(ctx, ONLY)
    assert {(hole.what, hole.expected, hole.found) for hole in found} == {(Lost.LANDED_ANEW, 5, 3)}
    with pytest.raises(IncompleteDayError, match="5 rows landed, bronze has 3"):
        run_day(ctx, {("load_bronze", feed) for feed in FEEDS})
    assert not is_complete(ctx.layout, DAY)  # the receipt of before is taken back
    run_day(ctx)
    assert find_holes(ctx, ONLY) == []


def test_a_file_written_again_with_the_same_bytes_is_the_same(ctx: JobContext) -> None:
    for feed in FEEDS:
        load_bronze(ctx, feed, ONLY)
    land_day(ctx.layout, DAY)
    run_day(ctx, {("load_bronze", feed) for feed in FEEDS})
    assert is_complete(ctx.layout, DAY)


def test_other_loans_in_the_feature_store_are_not_taken_for_those_of_the_day(ctx: JobContext) -> None:
    run_day(ctx)
    lake = Lake(ctx.layout)
    others = lake.read(FEATURE_STORE, ONLY).with_columns(pl.col("loan_id") + "x")
    lake.replace(FEATURE_STORE, others, ONLY)
    with pytest.raises(IncompleteDayError, match="3 loans in silver, features of 0"):
        complete_days(ctx, ONLY)


def test_of_a_month_in_one_receipt_the_other_days_stay_complete(ctx: JobContext) -> None:
    month = DateRange(date(2020, 3, 1), date(2020, 3, 31))
    mark_complete(ctx.layout, {day: {"rows": {}} for day in month})
    assert ctx.layout.month_receipt(DAY).is_file()
    with pytest.raises(IncompleteDayError):
        complete_days(ctx, ONLY)
    assert [day for day in month if not is_complete(ctx.layout, day)] == [DAY]
    run_day(ctx)
    assert all(is_complete(ctx.layout, day) for day in month)
    assert ctx.layout.month_receipt(DAY).is_file()


def test_of_a_span_the_days_without_holes_are_complete(ctx: JobContext) -> None:
    land_day(ctx.layout, NEXT)
    preprocess(ctx, BOTH)
    Lake(ctx.layout).replace(bronze(FEEDS["financial"]), pl.DataFrame(schema=bronze(FEEDS["financial"]).schema), ONLY)
    with pytest.raises(IncompleteDayError, match="'financial' of 2020-03-02: 3 rows landed, bronze has 0"):
        complete_days(ctx, BOTH)
    assert (is_complete(ctx.layout, DAY), is_complete(ctx.layout, NEXT)) == (False, True)


def test_rows_that_are_gone_from_a_complete_day_are_named_by_doctor_status_and_report(ctx: JobContext) -> None:
    run_day(ctx)
    assert examine(ctx)["checks"]["reconciliation"] == {
        "status": "pass",
        "finding": "1 days: what landed is in the tables, and each loan has features",
    }
    lake = Lake(ctx.layout)
    lake.replace(silver(FEEDS["loan_terms"]), lake.read(silver(FEEDS["loan_terms"]), ONLY).head(1), ONLY)
    found = examine(ctx)
    check = found["checks"]["reconciliation"]
    assert (check["status"], found["healthy"]) == ("fail", False)
    assert "feed 'loan_terms' of 2020-03-02: bronze has 3 rows, silver and quarantine together 1" in check["finding"]
    assert "p2pcredit preprocess --date 2020-03-02" in check["finding"]
    days = status(ctx)["days"]
    assert (days["complete"], days["with_holes"], days["undetermined"]) == (0, 1, 0)
    assert json.loads(json.dumps(days)) == days


def test_a_receipt_without_counts_is_undetermined_and_never_fine(ctx: JobContext) -> None:
    run_day(ctx)
    old = {name: value for name, value in (read_receipt(ctx.layout, DAY) or {}).items() if name != "counts"}
    mark_complete(ctx.layout, {DAY: old})
    (hole,) = find_holes(ctx, ONLY)
    assert (hole.kind, hole.what) == (Completeness.UNDETERMINED, Lost.NOT_KEPT)
    check = examine(ctx)["checks"]["reconciliation"]
    assert check["status"] == "undetermined"
    assert "p2pcredit preprocess --date 2020-03-02" in check["finding"]
    preprocess(ctx, ONLY)
    assert examine(ctx)["checks"]["reconciliation"]["status"] == "pass"


@pytest.fixture
def between(ctx: JobContext) -> JobContext:
    """The day of the home lies between two that are complete."""
    for day in (BEFORE, NEXT):
        land_day(ctx.layout, day)
        preprocess(ctx, DateRange(day, day))
    return ctx


def named(ctx: JobContext) -> dict[str, str]:
    """The checks of doctor that name the day, with what they say of it."""
    checks = examine(ctx)["checks"]
    return {name: check["finding"] for name, check in checks.items() if str(DAY) in check["finding"]}


def test_a_day_between_complete_ones_that_was_not_begun_is_named_once_as_a_gap(between: JobContext) -> None:
    assert {hole.day for hole in find_holes(between, ONLY)} == {DAY}
    found = reconcile_days(between)
    assert found is not None
    assert (found.complete, found.incomplete, found.not_taken_in, found.sentences) == ((BEFORE, NEXT), (), (DAY,), [])
    assert named(between) == {"gaps": f"{DAY} landed and not complete; fill: p2pcredit preprocess --date {DAY}"}
    check = examine(between)["checks"]["reconciliation"]
    assert check == {
        "status": "pass",
        "finding": "2 days: what landed is in the tables, and each loan has features; 1 day more landed and not taken "
        "in, see gaps",
    }
    assert status(between)["days"]["not_taken_in"] == 1
    shutil.rmtree(between.layout.landing)
    assert find_holes(between, ONLY) == []  # nothing landed for it, nothing was done of it


def test_a_day_that_was_begun_is_named_once_with_the_first_numbers_and_the_one_command(between: JobContext) -> None:
    load_bronze(between, "loan_terms", ONLY)
    assert named(between) == {
        "reconciliation": f"of 3, 1 day with holes: feed 'loan_terms' of {DAY}: bronze has 3 rows, silver and "
        f"quarantine together 0 (and 3 more of that day); p2pcredit preprocess --date {DAY}"
    }
    check = examine(between)["checks"]["gaps"]
    assert check == {"status": "pass", "finding": "no day or week was passed over but those that reconciliation names"}
    preprocess(between, ONLY)
    assert named(between) == {}
    assert examine(between)["checks"]["reconciliation"]["status"] == "pass"


def test_a_file_that_cannot_be_read_is_named_once_with_what_must_be_done_first(between: JobContext) -> None:
    write(between.layout, "financial", DAY, [], header="no,such")
    assert named(between) == {
        "reconciliation": f"of 3, 1 day with holes: feed 'financial' of {DAY}: what landed cannot be read, bronze has "
        f"0 rows (and 3 more of that day); land the file of {DAY}, then: p2pcredit preprocess --date {DAY}"
    }


def test_a_day_that_landed_in_part_is_named_once_with_the_feed_it_lacks(between: JobContext) -> None:
    (between.layout.landing / "financial" / f"financial_{DAY:%Y_%m_%d}.csv").unlink()
    line = f"{DAY} landed without financial; land it, then fill: p2pcredit preprocess --date {DAY}"
    assert named(between) == {"gaps": line}
    load_bronze(between, "loan_terms", ONLY)
    (line,) = named(between).values()
    assert line.startswith(f"of 3, 1 day with holes: feed 'financial' of {DAY}: no file has landed, bronze has 0 rows")
    assert line.endswith(f"; land the file of {DAY}, then: p2pcredit preprocess --date {DAY}")


def test_a_day_with_holes_that_is_not_scored_either_is_preprocessed_first(between: JobContext) -> None:
    preprocess(between, ONLY)
    small_days.crown(between)
    facts = {"model_id": "m1", "days": {BEFORE.isoformat(): 3, NEXT.isoformat(): 3}}
    between.ledger.append(EventKind.SCORED, at=between.at, run_id="x", facts=facts)
    assert named(between) == {"gaps": f"{DAY} complete and not scored; fill: p2pcredit infer --date {DAY}"}
    lake = Lake(between.layout)
    lake.replace(silver(FEEDS["loan_terms"]), lake.read(silver(FEEDS["loan_terms"]), ONLY).head(1), ONLY)
    assert list(named(between)) == ["reconciliation"]
    assert named(between)["reconciliation"].endswith(f"; p2pcredit preprocess --date {DAY}")


def test_of_many_days_that_were_not_begun_none_is_said_to_have_its_rows(ctx: JobContext) -> None:
    days = DateRange(DAY, DAY + timedelta(days=31))
    for day in days:
        land_day(ctx.layout, day, loans=1)
    last = [hole for hole in find_holes(ctx, days) if hole.day == days.last]
    assert {hole.feed for hole in last} == set(FEEDS)
    assert {hole.sentence.partition(": ")[2] for hole in last} == {"its file has landed, bronze has 0 rows"}
    assert {hole.kind for hole in last} == {Completeness.INCOMPLETE}


def test_a_day_with_all_rows_whose_last_step_did_not_end_is_a_hole(ctx: JobContext) -> None:
    run_day(ctx, {("complete_days", None)})
    assert [hole.what for hole in find_holes(ctx, ONLY)] == [Lost.RECEIPT]


def test_a_feed_that_lacks_or_cannot_be_read_is_named(ctx: JobContext) -> None:
    path = ctx.layout.landing / "financial" / f"financial_{DAY:%Y_%m_%d}.csv"
    path.write_text("no,such\n")
    assert Lost.UNREADABLE in {hole.what for hole in find_holes(ctx, ONLY)}
    path.unlink()
    (lacking,) = [hole for hole in find_holes(ctx, ONLY) if hole.what is Lost.NOT_LANDED]
    assert lacking.sentence == "feed 'financial' of 2020-03-02: no file has landed, bronze has 0 rows"
    assert lacking.remedy.startswith("land the file of 2020-03-02, then: p2pcredit preprocess")


def test_loans_that_the_ledger_does_not_count_are_named_with_the_command(ctx: JobContext) -> None:
    run_day(ctx)
    small_days.crown(ctx)
    facts = {"model_id": "m1", "days": {DAY.isoformat(): 0}}
    ctx.ledger.append(EventKind.SCORED, at=ctx.at, run_id="x", facts=facts)
    assert status(ctx)["days"]["holes"] == [
        "2020-03-02: 3 loans have features, 0 were scored; p2pcredit infer --date 2020-03-02"
    ]
    assert examine(ctx)["checks"]["reconciliation"]["status"] == "fail"


def test_counts_that_are_no_numbers_are_not_read(ctx: JobContext) -> None:
    run_day(ctx)
    kept: dict[str, Any] = (read_receipt(ctx.layout, DAY) or {})["counts"]
    assert DayCounts.from_json(kept) is not None
    broken: Any
    for broken in (None, [], {}, {**kept, "loans": "3"}, {**kept, "landed": {"loan_terms": 3}}, {**kept, "silver": 3}):
        assert DayCounts.from_json(broken) is None, broken


def test_a_file_that_cannot_be_counted_stops_the_last_step(ctx: JobContext) -> None:
    path = ctx.layout.landing / "financial" / f"financial_{DAY:%Y_%m_%d}.csv"
    for feed in FEEDS:
        load_bronze(ctx, feed, ONLY)
    path.write_text("no,such\n")
    with pytest.raises(P2PCreditError, match=r"financial_2020_03_02\.csv"):
        run_day(ctx, {(name, feed) for feed in FEEDS for name in ("check_source", "load_bronze")})
    assert not is_complete(ctx.layout, DAY)

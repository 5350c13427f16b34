"""A whole column at another level than before: said on its day, and stopping it where settings say so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from tests.unit.jobs.small_days import (
    DAY,
    crown,
    land_day,
    warnings,
    with_settings,
    write,
)

from p2pcredit.errors import SchemaDriftError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import is_complete, read_receipt

ONE = DateRange(DAY, DAY)


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

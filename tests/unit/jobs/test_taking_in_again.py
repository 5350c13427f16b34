"""The daily run takes in again what landed anew for a complete day, and asks a person where rows are gone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from tests.unit.jobs.small_days import DAY, land_day, land_days_before, lines_of, with_settings, write

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, bronze
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.reconciled_days import reconcile_days
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.stages import load_bronze, preprocess
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import read_receipt
from p2pcredit.storage.tables.lake import Lake

EARLIER = DAY - timedelta(days=3)
ONE = DateRange(EARLIER, EARLIER)
NOTHING: dict[str, Any] = {"made_up": [], "failed": {}, "too_old": [], "landed_anew": [], "left": []}


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    """A home with five complete days of three loans each, for its nightly run."""
    ctx = replace(run_on(DAY, "night"), caller=Caller.SCHEDULED)
    days = land_days_before(ctx.layout, 5)
    preprocess(ctx, DateRange(days[0], days[-1]))
    return ctx


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the alert channels were sent."""
    sent: list[str] = []

    def notify(ctx: JobContext, title: str, body: str, _: object) -> tuple[int, list[str]]:
        sent.append(body)
        return 1, []

    monkeypatch.setattr("p2pcredit.jobs.monitoring.alerts._notify", notify)
    return sent


def loans_of(ctx: JobContext, day: date = EARLIER) -> int:
    return Lake(ctx.layout).rows_per_day(FEATURE_STORE).get(day, 0)


def holes(ctx: JobContext) -> list[str]:
    found = reconcile_days(ctx)
    assert found is not None
    return found.sentences


def said(ctx: JobContext) -> list[Any]:
    return [entry["message"] for entry in recent_entries(ctx, "warning") if "landed anew" in entry["message"]]


def test_on_a_quiet_night_nothing_landed_anew(ctx: JobContext) -> None:
    assert make_up_days(ctx, DAY) == NOTHING


def test_a_complete_day_that_landed_with_more_rows_is_named_and_then_taken_in(ctx: JobContext, sent: list[str]) -> None:
    land_day(ctx.layout, EARLIER, loans=5)
    (hole,) = holes(ctx)
    assert hole.startswith(
        "feed 'loan_terms' of 2020-02-28: 5 rows lie in the landing file now, 3 were taken in (and 3"
    )
    assert hole.endswith("; p2pcredit preprocess --date 2020-02-28")
    made = make_up_days(ctx, DAY)
    assert made == {**NOTHING, "made_up": [f"{EARLIER}"], "landed_anew": [f"{EARLIER}"]}
    assert (loans_of(ctx), holes(ctx)) == (5, [])
    assert examine(ctx)["checks"]["deliveries"]["status"] == "pass"
    assert said(ctx) == [
        "2020-02-28 landed anew after it was preprocessed: loan_terms with 5 rows in place of 3, demographic with 5 "
        "rows in place of 3, financial with 5 rows in place of 3, credit_history with 5 rows in place of 3; it is "
        "taken in, and loans that came newly are scored"
    ]
    assert make_up_days(ctx, DAY) == NOTHING
    assert sent == [], "nothing is left to a person"


def test_as_many_rows_with_other_values_are_taken_in_too(ctx: JobContext) -> None:
    write(ctx.layout, "financial", EARLIER, lines_of("financial", EARLIER, 3, "60000"))
    assert holes(ctx) == [
        "feed 'financial' of 2020-02-28: 3 other rows lie in the landing file now than were taken in; "
        "p2pcredit preprocess --date 2020-02-28"
    ]
    assert make_up_days(ctx, DAY)["landed_anew"] == [f"{EARLIER}"]
    assert Lake(ctx.layout).read(FEATURE_STORE, ONE)["annual_income"].to_list() == [60000.0] * 3
    assert holes(ctx) == []


def test_fewer_rows_would_take_scored_loans_away_so_a_person_is_asked_once(ctx: JobContext, sent: list[str]) -> None:
    write(ctx.layout, "loan_terms", EARLIER, lines_of("loan_terms", EARLIER, 1))
    assert make_up_days(ctx, DAY) == {**NOTHING, "left": [f"{EARLIER}"]}
    assert loans_of(ctx) == 3
    assert holes(ctx) == [
        "feed 'loan_terms' of 2020-02-28: 1 rows lie in the landing file now, 3 were taken in; "
        "p2pcredit preprocess --date 2020-02-28"
    ]
    make_up_days(ctx, DAY)
    assert sent == [
        "2020-02-28 landed anew after it was preprocessed: loan_terms with 1 row in place of 3; fewer rows are taken "
        "in by a person only: mend the file and land it again, or: p2pcredit preprocess --date 2020-02-28"
    ]
    preprocess(ctx, ONE)
    assert (loans_of(ctx), holes(ctx), make_up_days(ctx, DAY)) == (1, [], NOTHING)


def test_another_delivery_with_fewer_rows_is_said_again(ctx: JobContext, sent: list[str]) -> None:
    for value in ("1000,36", "1100,36"):
        write(ctx.layout, "loan_terms", EARLIER, lines_of("loan_terms", EARLIER, 1, value))
        make_up_days(ctx, DAY)
    assert len(sent) == 2


def test_a_file_that_cannot_be_read_is_alerted_of_and_leaves_the_day_as_it_was(
    ctx: JobContext, sent: list[str]
) -> None:
    write(ctx.layout, "financial", EARLIER, ["x"], header="no,such,columns")
    write(ctx.layout, "demographic", DAY - timedelta(days=1), lines_of("demographic", DAY - timedelta(days=1), 3, "NY"))
    made = make_up_days(ctx, DAY)
    assert list(made["failed"]) == [f"{EARLIER}"]
    assert made["made_up"] == [f"{DAY - timedelta(days=1)}"], "one broken day costs no other"
    assert loans_of(ctx) == 3
    (alert,) = sent
    assert alert.startswith("2020-02-28 landed anew and could not be taken in: ")
    assert alert.endswith("mend it, the next run tries again, or: p2pcredit preprocess --date 2020-02-28")
    make_up_days(ctx, DAY)
    assert len(sent) == 1
    land_day(ctx.layout, EARLIER)
    assert make_up_days(ctx, DAY) == NOTHING, "the file of before is there again"


def test_two_files_of_a_day_are_alerted_of(ctx: JobContext, sent: list[str]) -> None:
    (ctx.layout.landing / "financial" / f"financial_{EARLIER:%Y_%m_%d}.parquet").write_bytes(b"x")
    assert list(make_up_days(ctx, DAY)["failed"]) == [f"{EARLIER}"]
    assert "keep one, move the rest away" in sent[0]


@pytest.mark.parametrize("done", [1, len(FEEDS)])
def test_a_delivery_that_was_taken_in_half_by_a_killed_run_is_taken_in_whole(ctx: JobContext, done: int) -> None:
    land_day(ctx.layout, EARLIER, loans=3)
    for feed in FEEDS:
        if feed != "loan_performance":
            write(ctx.layout, feed, EARLIER, [line.replace("-0,", "-9,") for line in lines_of(feed, EARLIER, 3)])
    for feed in list(FEEDS)[:done]:
        load_bronze(ctx, feed, ONE)
    assert holes(ctx), "bronze and the file agree, and silver is of the file of before"
    assert make_up_days(ctx, DAY)["landed_anew"] == [f"{EARLIER}"]
    assert "0228-9" in Lake(ctx.layout).read(FEATURE_STORE, ONE)["loan_id"].to_list()
    receipt = read_receipt(ctx.layout, EARLIER) or {}
    digests = Lake(ctx.layout).read(bronze(FEEDS["financial"]), ONE)["source_digest"].unique().to_list()
    assert digests == [receipt["feeds"]["financial"]["digest"]]
    assert (holes(ctx), make_up_days(ctx, DAY)) == ([], NOTHING)


def test_days_further_back_than_settings_say_are_left(ctx: JobContext) -> None:
    land_day(ctx.layout, EARLIER, loans=5)
    for reach in (0, 2):
        few = replace(with_settings(ctx, catch_up_days=reach), caller=Caller.SCHEDULED)
        assert make_up_days(few, DAY) == NOTHING
    assert make_up_days(replace(with_settings(ctx, catch_up_days=3)), DAY)["landed_anew"] == [f"{EARLIER}"]


def test_days_that_landed_anew_and_days_that_came_late_are_done_together_oldest_first(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [DAY - timedelta(days=n) for n in (3, 2)]
    for day in before:
        land_day(ctx.layout, day, loans=4)
    land_day(ctx.layout, DAY)
    assert make_up_days(ctx, DAY + timedelta(days=1))["made_up"] == [f"{day}" for day in (*before, DAY)]
    assert [loans_of(ctx, day) for day in (*before, DAY)] == [4, 4, 3]

"""The daily run makes up the days that were left behind, whatever is wrong with one of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.jobs.small_days import DAY, crown, land_day, land_days_before, with_settings, write

from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE
from p2pcredit.errors import ConflictError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.gaps import find_gaps
from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.jobs.preprocessing import stages
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import days_complete
from p2pcredit.storage.tables.lake import Lake

A_DAY = timedelta(days=1)


def context(home: Path) -> JobContext:
    at = datetime(2020, 3, 3, 1, tzinfo=UTC)
    return JobContext(Layout(home), Settings(), "run", at, caller=Caller.SCHEDULED)


def before(number: int) -> date:
    return DAY - number * A_DAY


def one(day: date) -> DateRange:
    return DateRange(day, day)


def nightly(ctx: JobContext, day: date = DAY) -> Any:
    """The daily run of a day, as its DAG walks it."""
    return walk(PREPROCESSING, lambda step: do_step(ctx, step, day))


def tables(ctx: JobContext) -> list[list[str]]:
    lake = Lake(ctx.layout)
    return [
        sorted(map(repr, lake.read(table).iter_rows())) if lake.exists(table) else []
        for table in (FEATURE_STORE, LABEL_STORE, QUARANTINE)
    ]


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    """A week and a day have landed; the first day alone is complete: the scheduler was down for a week."""
    ctx = context(tmp_path / "home")
    land_days_before(ctx.layout, 7)
    land_day(ctx.layout, DAY)
    preprocess(ctx, one(before(7)))
    return ctx


def test_after_an_outage_of_a_week_the_next_run_makes_up_every_day_as_if_none_had_been_missed(
    ctx: JobContext, tmp_path: Path
) -> None:
    nightly(ctx)
    assert list(days_complete(ctx.layout)) == [before(n) for n in range(7, -1, -1)]
    assert find_gaps(ctx) == []
    undisturbed = context(tmp_path / "undisturbed")
    land_days_before(undisturbed.layout, 7)
    land_day(undisturbed.layout, DAY)
    for n in range(7, -1, -1):
        nightly(undisturbed, before(n))
    assert tables(ctx) == tables(undisturbed)


def test_days_are_made_up_from_the_oldest_on_and_no_further_back_than_settings_say(ctx: JobContext) -> None:
    receipt = make_up_days(with_settings(ctx, catch_up_days=3), DAY)
    assert receipt["made_up"] == [str(before(n)) for n in (3, 2, 1)]
    assert make_up_days(with_settings(ctx, catch_up_days=0), DAY)["made_up"] == []


def test_a_day_that_has_become_too_old_is_warned_of_once_with_the_command_that_fills_it(ctx: JobContext) -> None:
    few = replace(with_settings(ctx, catch_up_days=5), caller=Caller.SCHEDULED)
    assert make_up_days(few, DAY)["too_old"] == [str(before(6))]
    make_up_days(few, DAY)
    said = [entry["message"] for entry in recent_entries(few, "warning") if "more than 5 days back" in entry["message"]]
    assert len(said) == 1
    assert f"p2pcredit preprocess --date {before(6)}" in said[0]


@pytest.mark.parametrize(("reach", "too_old"), [(1, range(8, 1, -1)), (2, range(9, 2, -1)), (3, range(9, 3, -1))])
def test_a_day_is_said_to_be_too_old_for_a_week(tmp_path: Path, reach: int, too_old: range) -> None:
    ctx = context(tmp_path / "home")
    land_days_before(ctx.layout, 10)
    preprocess(ctx, one(before(10)))
    few = replace(with_settings(ctx, catch_up_days=reach), caller=Caller.SCHEDULED)
    made = make_up_days(few, DAY)
    assert made["made_up"] == [str(before(n)) for n in range(reach, 0, -1)]
    assert made["too_old"] == [str(before(n)) for n in too_old]


def test_a_home_begins_with_the_first_complete_day_so_older_landings_are_not_taken_in(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    land_days_before(ctx.layout, 3)
    land_day(ctx.layout, DAY)
    assert make_up_days(ctx, DAY) == {"made_up": [], "failed": {}, "too_old": []}
    preprocess(ctx, one(before(1)))
    assert make_up_days(ctx, DAY)["made_up"] == []


def test_a_late_day_that_is_broken_is_said_at_once_and_keeps_back_neither_the_others_nor_the_day(
    ctx: JobContext, channel_of: Any
) -> None:
    write(ctx.layout, "financial", before(4), ["not", "a", "row"], header="no,such,columns")
    ctx, sent = channel_of(ctx)
    walked = nightly(ctx)
    assert walked.receipts["start"]["failed"].keys() == {str(before(4))}
    assert list(days_complete(ctx.layout)) == [before(n) for n in (7, 6, 5, 3, 2, 1, 0)]
    ((title, body),) = sent
    assert title == "P2PCreditScore: warning"
    assert f"{before(4)} landed late and could not be made up" in body
    assert f"p2pcredit preprocess --date {before(4)}" in body
    nightly(ctx, DAY)
    assert len(sent) == 1, "it is said once, and tried again each night"


def test_a_late_day_mended_before_the_next_night_is_made_up_by_it(ctx: JobContext) -> None:
    write(ctx.layout, "financial", before(4), ["x"], header="no,such,columns")
    nightly(ctx)
    land_day(ctx.layout, before(4))
    land_day(ctx.layout, DAY + A_DAY)
    assert nightly(ctx, DAY + A_DAY).receipts["start"]["made_up"] == [str(before(4))]


def test_a_day_of_which_a_feed_is_missing_waits_for_it(ctx: JobContext) -> None:
    (ctx.layout.landing / "financial" / f"financial_{before(2):%Y_%m_%d}.csv").unlink()
    assert str(before(2)) not in make_up_days(ctx, DAY)["made_up"]
    (gap,) = [gap for gap in find_gaps(ctx) if gap.feeds]
    assert (gap.days, gap.feeds, str(gap.status)) == (one(before(2)), ("financial",), "fail")


def test_what_lands_while_days_are_made_up_is_left_to_the_next_run(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = before(2)
    kept = ctx.layout.landing / "financial" / f"financial_{late:%Y_%m_%d}.csv"
    text = kept.read_text()
    kept.unlink()
    work = stages.preprocess

    def lands_meanwhile(ctx: JobContext, days: DateRange) -> Any:
        kept.write_text(text)
        return work(ctx, days)

    monkeypatch.setattr(stages, "preprocess", lands_meanwhile)
    assert str(late) not in make_up_days(ctx, DAY)["made_up"]
    assert late not in list(days_complete(ctx.layout)), "no stage of it was done, so it is not complete"
    assert make_up_days(ctx, DAY)["made_up"] == [str(late)]


def test_a_table_that_another_process_holds_is_tried_again_by_the_scheduler(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object) -> None:
        raise ConflictError("held by another process")

    monkeypatch.setattr(stages, "preprocess", held)
    with pytest.raises(ConflictError):
        make_up_days(ctx, DAY)


def test_an_error_that_no_job_foresees_costs_the_late_day_alone_and_is_told_by_its_type(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object) -> None:
        raise KeyError("Jane Doe")

    monkeypatch.setattr(stages, "preprocess", breaks)
    failed = make_up_days(ctx, DAY)["failed"]
    assert set(failed) == {str(before(n)) for n in range(1, 7)}
    assert "Jane Doe" not in json.dumps([failed, *recent_entries(ctx, "warning")])


@pytest.fixture
def channel_of(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stands in for the alert channels: gives a context, and the list of what is sent."""
    sent: list[tuple[str, str]] = []

    def notify(ctx: JobContext, title: str, body: str, _: object) -> tuple[int, list[str]]:
        sent.append((title, body))
        return 1, []

    monkeypatch.setattr("p2pcredit.jobs.monitoring.alerts._notify", notify)
    return lambda ctx: (ctx, sent)


def test_a_champion_that_reads_what_a_late_day_lacks_stops_that_day_only(ctx: JobContext) -> None:
    crown(ctx, "annual_income")
    for n in range(7, 3, -1):
        preprocess(ctx, one(before(n)))
    for feed, header in (("financial", "loan_id,origination_date"),):
        write(ctx.layout, feed, before(3), [f"{before(3):%m%d}-{n},{before(3)}" for n in range(3)], header)
    nightly(ctx)
    assert before(3) not in list(days_complete(ctx.layout))
    assert DAY in list(days_complete(ctx.layout))

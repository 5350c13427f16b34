"""The daily run makes up the days that were left behind, whatever is wrong with one of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.jobs.small_days import DAY, HEADERS, crown, land_day, land_days_before, lines_of, with_settings, write

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, bronze, silver
from p2pcredit.errors import ConflictError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.gaps.find import find_gaps
from p2pcredit.jobs.pipelines import PREPROCESSING
from p2pcredit.jobs.preprocessing import stages
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.walking import do_step, walk
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import days_complete, read_receipts
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


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> list[DateRange]:
    """The days of each call of `preprocess`."""
    called: list[DateRange] = []
    work = stages.preprocess

    def count(ctx: JobContext, days: DateRange, **options: Any) -> Any:
        called.append(days)
        return work(ctx, days, **options)

    monkeypatch.setattr(stages, "preprocess", count)
    return called


def test_days_that_follow_each_other_are_made_up_in_one_commit_of_each_table(
    ctx: JobContext, spans: list[DateRange]
) -> None:
    lake, written = Lake(ctx.layout), (bronze(FEEDS["financial"]), silver(FEEDS["financial"]), FEATURE_STORE)
    versions = [lake.version(table) for table in written]
    assert make_up_days(ctx, before(2))["made_up"] == [str(before(n)) for n in (6, 5, 4, 3)]
    assert spans == [DateRange(before(6), before(3))]
    assert [lake.version(table) for table in written] == [version + 1 for version in versions if version is not None]


def test_days_made_up_together_have_the_receipts_of_days_made_up_one_by_one(ctx: JobContext, tmp_path: Path) -> None:
    apart = context(tmp_path / "apart")
    for one_of in (ctx, apart):
        land_days_before(one_of.layout, 7)
        rows = lines_of("financial", before(4), 3, value="50000,new")
        write(one_of.layout, "financial", before(4), rows, header=f"{HEADERS['financial']},unheard_of")
        write(one_of.layout, "financial", before(3), [*lines_of("financial", before(3), 3), "broken,no day,1"])
    for n in range(7, 0, -1):
        preprocess(apart, one(before(n)))
    make_up_days(ctx, DAY)
    days = DateRange(before(7), before(1))
    assert read_receipts(ctx.layout, days) == read_receipts(apart.layout, days)


def test_where_days_cannot_be_made_up_together_each_is_by_itself_and_none_twice(
    ctx: JobContext, spans: list[DateRange]
) -> None:
    write(ctx.layout, "financial", before(4), ["not", "a", "row"], header="no,such,columns")
    receipt = make_up_days(ctx, before(2))
    assert (receipt["made_up"], list(receipt["failed"])) == ([str(before(n)) for n in (6, 5, 3)], [str(before(4))])
    assert spans == [DateRange(before(6), before(3)), *(one(before(n)) for n in (6, 5, 4, 3))]
    spans.clear()
    assert make_up_days(ctx, before(2))["made_up"] == []
    assert spans == [one(before(4))]


def test_days_made_up_together_are_judged_as_strictly_as_nights_are(
    ctx: JobContext, spans: list[DateRange], monkeypatch: pytest.MonkeyPatch
) -> None:
    historic: list[bool] = []
    monkeypatch.setattr(
        "p2pcredit.jobs.preprocessing.checks.day_checks.require_what_is_used",
        lambda *_, **options: historic.append(options["historic"]),
    )
    make_up_days(ctx, before(4))
    assert (spans, historic) == ([DateRange(before(6), before(5))], [False, False])
    write(ctx.layout, "financial", before(4), [*lines_of("financial", before(4), 1), "broken,no day,1"])
    receipt = make_up_days(ctx, before(2))
    assert list(receipt["failed"]) == [str(before(4))], "a row is half of its two, though few among many days"
    assert receipt["made_up"] == [str(before(3))]


def test_the_first_day_of_a_month_is_made_up_by_itself_since_it_closes_the_month_before(
    ctx: JobContext, spans: list[DateRange]
) -> None:
    make_up_days(ctx, DAY)
    assert before(1).day == 1
    assert spans == [DateRange(before(6), before(2)), one(before(1))]
    parts = Lake(ctx.layout).opened(FEATURE_STORE).file_uris()
    assert len(parts) == 2, "a file for February and one for March"


def test_days_of_more_than_memory_bears_are_made_up_in_several_spans(
    ctx: JobContext, spans: list[DateRange], monkeypatch: pytest.MonkeyPatch
) -> None:
    bytes_of_a_day = sum(file.stat().st_size for file in ctx.layout.landing.glob(f"*/*_{before(6):%Y_%m_%d}.csv"))
    monkeypatch.setattr("p2pcredit.storage.landing.files.BYTES_TOGETHER", 2 * bytes_of_a_day)
    make_up_days(ctx, before(2))
    assert spans == [DateRange(before(6), before(5)), DateRange(before(4), before(3))]


def test_what_was_found_of_days_is_said_once_where_one_of_them_stops(ctx: JobContext, spans: list[DateRange]) -> None:
    crown(ctx, "annual_income")
    for n in (5, 3):
        write(ctx.layout, "demographic", before(n), [f"{before(n):%m%d}-0,{before(n)}"], "loan_id,origination_date")
    write(ctx.layout, "financial", before(4), [f"{before(4):%m%d}-0,{before(4)}"], "loan_id,origination_date")
    assert list(make_up_days(ctx, before(2))["failed"]) == [str(before(4))]
    assert spans[0] == DateRange(before(6), before(3))
    said = [entry["message"] for entry in recent_entries(ctx, "warning") if "'state'" in entry["message"]]
    assert [message.split(":")[0] for message in said] == [f"schema drift on {before(n)}" for n in (5, 3)]


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
    assert make_up_days(ctx, DAY) == {"made_up": [], "failed": {}, "too_old": [], "landed_anew": [], "left": []}
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

    def lands_meanwhile(ctx: JobContext, days: DateRange, **options: Any) -> Any:
        kept.write_text(text)
        return work(ctx, days, **options)

    monkeypatch.setattr(stages, "preprocess", lands_meanwhile)
    assert str(late) not in make_up_days(ctx, DAY)["made_up"]
    assert late not in list(days_complete(ctx.layout)), "no stage of it was done, so it is not complete"
    assert make_up_days(ctx, DAY)["made_up"] == [str(late)]


def test_a_table_that_another_process_holds_is_tried_again_by_the_scheduler(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def held(*_: object, **options: object) -> None:
        raise ConflictError("held by another process")

    monkeypatch.setattr(stages, "preprocess", held)
    with pytest.raises(ConflictError):
        make_up_days(ctx, DAY)


def test_an_error_that_no_job_foresees_costs_the_late_day_alone_and_is_told_by_its_type(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **options: object) -> None:
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

"""A file that landed again after its day was preprocessed is seen by what it holds."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from tests.landed_frame import write_landing
from tests.unit.jobs.small_days import DAY, HEADERS, VALUES, land_day, land_days_before, lines_of, write

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange, month_end, month_start

ONE = DateRange(DAY, DAY)
EARLIER = DAY - timedelta(days=3)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    """A home with five preprocessed days, and the next one landed."""
    ctx = run_on(DAY, "cli")
    days = land_days_before(ctx.layout, 5)
    preprocess(ctx, DateRange(days[0], days[-1]))
    land_day(ctx.layout, DAY)
    return ctx


def deliver_again(ctx: JobContext, text: str) -> None:
    write(ctx.layout, "financial", EARLIER, lines_of("financial", EARLIER, 3, text))


def deliveries(ctx: JobContext) -> tuple[str, str]:
    check = examine(ctx)["checks"]["deliveries"]
    return check["status"], check["finding"]


@pytest.mark.parametrize("text", ["60000", "61,5"], ids=["of the same size", "of another size"])
def test_the_next_preprocessing_and_the_doctor_say_which_day_landed_anew(ctx: JobContext, text: str) -> None:
    assert deliveries(ctx) == ("pass", "5 days hold what landed for them")
    deliver_again(ctx, text)
    assert preprocess(ctx, ONE)["landed_anew"] == {"financial": [f"{EARLIER}"]}
    warned = [json.loads(line) for line in ctx.layout.activity.read_text().splitlines()]
    said = next(entry["message"] for entry in warned if entry["job"] == "warning")
    assert said.startswith(f"feed 'financial' landed anew for {EARLIER} after it was preprocessed")
    assert f"preprocess --date {EARLIER}" in said
    assert deliveries(ctx) == (
        "fail",
        f"landed anew after they were preprocessed: financial of {EARLIER}; "
        f"take in: p2pcredit preprocess --date {EARLIER}",
    )


def test_the_doctor_gives_one_command_for_each_stretch_of_days_that_landed_anew(ctx: JobContext) -> None:
    for n, feed in ((5, "financial"), (4, "demographic"), (2, "financial")):
        day = DAY - timedelta(days=n)
        write(ctx.layout, feed, day, lines_of(feed, day, 2))
    assert deliveries(ctx)[1].endswith(
        "take in: p2pcredit preprocess --from 2020-02-26 --to 2020-02-27, p2pcredit preprocess --date 2020-02-29"
    )


def test_preprocessing_the_day_again_heals_it(ctx: JobContext) -> None:
    deliver_again(ctx, "60000")
    preprocess(ctx, DateRange(EARLIER, EARLIER))
    assert deliveries(ctx)[0] == "pass"
    assert preprocess(ctx, ONE)["landed_anew"] == {}


@pytest.mark.parametrize("day", [EARLIER, DAY], ids=["preprocessed", "not yet preprocessed"])
def test_the_doctor_names_two_files_of_one_day_and_says_to_keep_one(ctx: JobContext, day: date) -> None:
    path = ctx.layout.landing / "financial" / f"financial_{day:%Y_%m_%d}.csv"
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    twice = (
        f"data/financial/{path.name} and data/financial/{path.name}.gz hold feed 'financial' of {day} more than once"
    )
    assert deliveries(ctx) == ("fail", f"{twice}; keep one, move the rest away")


def test_a_file_touched_or_packed_without_other_rows_did_not_land_anew(ctx: JobContext) -> None:
    path = ctx.layout.landing / "financial" / f"financial_{EARLIER:%Y_%m_%d}.csv"
    os.utime(path)
    path.with_suffix(".csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert preprocess(ctx, ONE)["landed_anew"] == {}
    assert deliveries(ctx)[0] == "pass"


def test_days_that_moved_into_the_file_of_their_month_did_not_land_anew(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(DAY, "cli")
    month = DateRange(month_start(DAY), month_end(DAY))
    for day in month:
        land_day(ctx.layout, day)
    preprocess(ctx, month)
    for feed in FEEDS.values():
        loans = (
            [line.split(",") for day in month for line in lines_of(feed.name, day, 3)] if feed.name in VALUES else []
        )
        rows = pl.DataFrame(loans, schema=HEADERS[feed.name].split(","), orient="row", schema_overrides={})
        days = pl.col(feed.date_column).cast(pl.String).str.to_date().alias("snapshot_date")
        write_landing(ctx.layout, feed, rows.cast(pl.String).with_columns(days), month)
    assert not list(ctx.layout.landing.rglob("*.csv"))
    assert deliveries(ctx)[0] == "pass"


def test_a_second_file_beside_that_of_an_earlier_day_is_told_and_stops_not_the_day(ctx: JobContext) -> None:
    path = ctx.layout.landing / "financial" / f"financial_{EARLIER:%Y_%m_%d}.csv.gz"
    path.write_bytes(gzip.compress(b"x"))
    assert preprocess(ctx, ONE)["landed_anew"] == {"financial": [f"{EARLIER}"]}
    assert deliveries(ctx)[0] == "fail"


def test_a_landing_file_that_was_moved_to_an_archive_did_not_land_anew(ctx: JobContext) -> None:
    (ctx.layout.landing / "financial" / f"financial_{EARLIER:%Y_%m_%d}.csv").unlink()
    assert preprocess(ctx, ONE)["landed_anew"] == {}
    assert deliveries(ctx)[0] == "pass"


def test_receipts_of_an_earlier_version_are_undetermined(ctx: JobContext) -> None:
    for path in ctx.layout.completed_days.rglob("*.json"):
        path.write_text(json.dumps({"rows": {}, "snapshot_date": path.stem.replace("_", "-")}))
    deliver_again(ctx, "60000")
    assert deliveries(ctx)[0] == "undetermined"
    assert preprocess(ctx, ONE)["schema_status"] == "undetermined"


def test_an_empty_home_has_nothing_to_compare(run_on: Callable[..., JobContext]) -> None:
    assert deliveries(run_on(date(2020, 1, 1)))[0] == "undetermined"


@pytest.mark.parametrize(
    "name",
    [
        f"financial_{DAY:%Y_%m_%d} (1).csv",
        f"financial_{DAY:%Y_%m_%d}.csv (1)",
        f"financial_{DAY:%Y_%m_%d}-copy.parquet",
        f"financial_{DAY.year}_{DAY.month}_{DAY.day}.csv",
        f"Financial-{DAY:%Y-%m-%d}.csv",
        f"financial_{DAY:%Y_%m}.csv",
    ],
)
def test_a_file_whose_name_speaks_of_a_day_and_which_nothing_reads_is_said(ctx: JobContext, name: str) -> None:
    (ctx.layout.landing / "financial" / name).write_text("loan_id\n")
    preprocess(ctx, ONE)
    warned = [json.loads(line) for line in ctx.layout.activity.read_text().splitlines()]
    said = f"data/financial/{name} has no name of a landing file and nothing reads it"
    assert [entry["message"][: len(said)] for entry in warned if entry["job"] == "warning"] == [said]
    assert deliveries(ctx)[0] == "fail"
    assert deliveries(ctx)[1].startswith(said)


def test_a_day_with_a_file_of_its_own_beside_that_of_its_month_is_said(ctx: JobContext) -> None:
    month = f"financial_{DAY:%Y_%m}.parquet"
    rows = pl.DataFrame({"snapshot_date": [DAY], "loan_id": ["l1"], "origination_date": [str(DAY)]})
    rows.write_parquet(ctx.layout.landing / "financial" / month)
    preprocess(ctx, ONE)
    warned = [json.loads(line) for line in ctx.layout.activity.read_text().splitlines()]
    (said,) = [entry["message"] for entry in warned if entry["job"] == "warning"]
    assert said.startswith(f"feed 'financial' of {DAY} is read from the file of that day; rows of it in data/financial")
    status, told = deliveries(ctx)
    assert (status, f"data/financial/{month} is not read" in told) == ("pass", True)


@pytest.mark.parametrize(
    "name", [".financial_2024_01_01.csv.ab12.tmp", "README.md", "financial.md", "old_2024_01_01.csv"]
)
def test_files_that_speak_of_no_day_of_the_feed_are_left_alone(ctx: JobContext, name: str) -> None:
    (ctx.layout.landing / "financial" / name).write_text("x")
    assert deliveries(ctx)[0] == "pass"

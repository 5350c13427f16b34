from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, LABEL_STORE, QUARANTINE, TABLES, bronze, silver
from p2pcredit.errors import HeaderError, MissingFeedError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.preprocessing.stages import preprocess, refine_silver, spans_together
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings, PreprocessingSettings, Settings
from p2pcredit.storage.landing.files import landed_bytes
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete, last_complete, read_receipt
from p2pcredit.storage.tables.lake import Lake

FIRST = date(2010, 1, 30)
LAST = date(2010, 3, 20)
SPAN = DateRange(FIRST, LAST)
SETTINGS = Settings(
    labels=LabelSettings(window_months=1, reporting_lag_days=2, lifetime_terms_months=()),
    preprocessing=PreprocessingSettings(max_quarantined_share=1.0),
)
HEADERS = {
    "loan_terms": "loan_id,origination_date,loan_amount,term,surprise",
    "demographic": "loan_id,origination_date,home_ownership",
    "financial": "loan_id,origination_date,annual_income",
    "credit_history": "loan_id,origination_date,open_accounts_count",
    "loan_performance": "loan_id,event_date,status,days_past_due",
}
Book = dict[str, dict[date, list[str]]]


def small_book() -> Book:
    """Five loans: one bad, one with a bad late seen, one broken row, one paid off, one good."""
    a, b = FIRST, FIRST + timedelta(days=2)
    day = date.isoformat
    book: Book = {feed: {} for feed in FEEDS}
    book["loan_terms"] = {
        a: [f"l1,{a},1000, 36 months,x", f"l2,{a},2000,60,x", f"l3,{a},-5,36,x"],
        b: [f"l4,{b},500,36,x", f"l5,{b},700,36,x", f"l5,{b},999,36,x", "l6,too,few"],
    }
    for feed, value in (("demographic", "rent"), ("financial", "24000"), ("credit_history", "3")):
        book[feed] = {a: [f"l{n},{a},{value}" for n in (1, 2, 3)], b: [f"l{n},{b},{value}" for n in (4, 5)]}
    bad, seen_late, paid = a + timedelta(days=10), a + timedelta(days=40), b + timedelta(days=5)
    book["loan_performance"] = {
        bad: [f"l1,{day(bad)},DEFAULT,90"],
        seen_late: [f"l2,{day(a + timedelta(days=20))},DEFAULT,95", f"l2,{day(seen_late)},EATEN,95"],
        paid: [f"l4,{day(paid)},FULLY_PAID,0"],
    }
    return book


def land(layout: Layout, book: Book, days: Iterable[date]) -> None:
    for feed, header in HEADERS.items():
        directory = layout.landing / feed
        directory.mkdir(parents=True, exist_ok=True)
        for day in days:
            lines = [header, *book[feed].get(day, [])]
            (directory / f"{feed}_{day:%Y_%m_%d}.csv").write_text("\n".join(lines) + "\n")


def context(run_on: Callable[..., JobContext], home: Path) -> JobContext:
    ctx = run_on(LAST, "test", home=home)
    return JobContext(ctx.layout, SETTINGS, "test", ctx.at)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext], tmp_path: Path) -> JobContext:
    ctx = context(run_on, tmp_path / "home")
    land(ctx.layout, small_book(), DateRange(FIRST, LAST))
    return ctx


@pytest.fixture(scope="module")
def preprocessed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home in which the whole span is done, and the receipt; to be copied, not changed."""
    home = tmp_path_factory.mktemp("preprocessed")
    ctx = JobContext(Layout(home), SETTINGS, "test", datetime(2010, 3, 21, 1, tzinfo=UTC))
    land(ctx.layout, small_book(), SPAN)
    return home, preprocess(ctx, SPAN)


@pytest.fixture
def done(run_on: Callable[..., JobContext], tmp_path: Path, preprocessed: tuple[Path, dict[str, Any]]) -> JobContext:
    shutil.copytree(preprocessed[0], tmp_path / "done")
    return context(run_on, tmp_path / "done")


def tables(ctx: JobContext) -> dict[str, pl.DataFrame]:
    lake = Lake(ctx.layout)
    return {name: lake.read(table) for name, table in TABLES.items()}


def versions(ctx: JobContext) -> dict[str, int | None]:
    lake = Lake(ctx.layout)
    return {name: lake.version(table) for name, table in TABLES.items()}


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> list[str]:
    """The names of the tables that differ."""
    return [name for name in one if not one[name].equals(other[name])]


def test_a_small_book_goes_through_bronze_and_silver_to_gold(
    done: JobContext, preprocessed: tuple[Path, dict[str, Any]]
) -> None:
    ctx, receipt = done, preprocessed[1]
    assert receipt == {
        "from": "2010-01-30",
        "to": "2010-03-20",
        "feeds": {
            "loan_terms": {"rows_in": 7, "silver": 4, "quarantined": 3, "values_missing": {}},
            "demographic": {"rows_in": 5, "silver": 5, "quarantined": 0, "values_missing": {}},
            "financial": {"rows_in": 5, "silver": 5, "quarantined": 0, "values_missing": {}},
            "credit_history": {"rows_in": 5, "silver": 5, "quarantined": 0, "values_missing": {}},
            "loan_performance": {"rows_in": 4, "silver": 3, "quarantined": 1, "values_missing": {}},
        },
        "features": 4,
        "labels": 5,
        "cash_flows": 4,  # of each loan in silver what was paid out; the feeds tell of no payment
        "schema_status": "pass",
        "schema_drift": [],
        "level_status": "undetermined",
        "level_shifts": [],
        "implausible_sizes": [],
        "levels_undetermined": ["loan_terms.loan_amount", "loan_performance.days_past_due"],
        "accepted_drift": [],
        "landed_anew": {},
        "unknown_outcomes": 1,
        "of_no_loan": 0,
        "of_unknown_loans": 0,
        "seen_before": 0,
        "events_before": 0,
        "without_loan": {},
        "early_statuses": {},
    }
    assert json.loads(json.dumps(receipt)) == receipt
    lake = Lake(ctx.layout)
    labels = lake.read(LABEL_STORE).sort("loan_id", "known_on")
    assert labels.select("loan_id", "label", "known_on").rows() == [
        ("l1", 1, FIRST + timedelta(days=10)),
        ("l2", 0, date(2010, 3, 2)),
        ("l2", 1, FIRST + timedelta(days=40)),
        ("l4", 0, date(2010, 3, 3)),
        ("l5", 0, date(2010, 3, 3)),
    ]
    features = lake.read(FEATURE_STORE).select("loan_id", "term_months", "home_ownership", "loan_to_income")
    assert features.row(0) == ("l1", 36.0, "RENT", pytest.approx(1000 / 24000))
    assert lake.read(QUARANTINE).select("feed", "row_number", "rules").rows() == [
        ("loan_terms", 3, "loan_amount: negative"),
        ("loan_terms", 3, "loan_id: duplicate"),
        ("loan_terms", 4, lake.read(QUARANTINE)["rules"][2]),
        ("loan_performance", 2, "status: unknown value"),
    ]
    assert lake.read(QUARANTINE)["rules"][2].startswith("row: wrong number of fields")
    assert all(is_complete(ctx.layout, day) for day in SPAN)
    assert last_complete(ctx.layout) == LAST
    feeds = {"credit_history": 3, "demographic": 3, "financial": 3, "loan_terms": 2, "quarantined:loan_terms": 1}
    kept = read_receipt(ctx.layout, FIRST)
    assert kept is not None
    assert kept["rows"] == {"features": 2, **feeds}
    terms = kept["feeds"]["loan_terms"]
    assert (terms["rows"], terms["filled"]["term"], terms["unknown"], len(terms["digest"])) == (2, 2, ["surprise"], 64)


def test_rows_in_bronze_say_where_they_came_from(done: JobContext) -> None:
    row = Lake(done.layout).read(bronze(FEEDS["loan_terms"])).row(0, named=True)
    assert (row["source_file"], row["row_number"]) == ("loan_terms/loan_terms_2010_01_30.csv", 1)
    assert len(row["source_digest"]) == 64
    assert row["term"].strip() == "36 months"


def test_rows_in_are_rows_in_silver_and_rows_in_quarantine_for_every_feed(done: JobContext) -> None:
    found = tables(done)
    for feed in FEEDS.values():
        broken = found["silver/quarantine"].filter(pl.col("feed") == feed.name, pl.col("kind") == "row").height
        assert found[f"bronze/{feed.name}"].height == found[f"silver/{feed.name}"].height + broken


def test_the_raw_values_of_a_quarantined_row_are_kept_as_json(done: JobContext) -> None:
    rows = Lake(done.layout).read(QUARANTINE).filter(pl.col("rules") == "loan_amount: negative")
    raw = json.loads(rows["raw"].item())
    assert (raw["loan_id"], raw["loan_amount"]) == ("l3", "-5")


def test_running_twice_makes_no_new_commit_and_touches_no_receipt(done: JobContext) -> None:
    before, stamp = versions(done), done.layout.day_receipt(LAST).stat().st_ino
    first = preprocess(done, SPAN)
    assert versions(done) == before
    for day in (FIRST, date(2010, 2, 2), LAST):
        preprocess(done, DateRange(day, day))
    assert versions(done) == before
    assert done.layout.day_receipt(LAST).stat().st_ino == stamp
    assert first["labels"] == 5


def test_any_order_of_days_gives_equal_tables(
    ctx: JobContext, run_on: Callable[..., JobContext], tmp_path: Path
) -> None:
    telling = [FIRST, FIRST + timedelta(days=10), date(2010, 3, 2), FIRST + timedelta(days=40)]
    homes = [ctx]
    for name, order in (("backwards", [3, 2, 1, 0]), ("shuffled", [2, 0, 3, 1])):
        other = context(run_on, tmp_path / name)
        shutil.copytree(ctx.layout.landing, other.layout.landing)
        homes.append(other)
        for index in order:
            preprocess(other, DateRange(telling[index], telling[index]))
    for day in telling:
        preprocess(ctx, DateRange(day, day))
    labels = Lake(ctx.layout).read(LABEL_STORE)
    assert sorted(labels.select("loan_id", "label").rows()) == [("l1", 1), ("l2", 0), ("l2", 1)]
    assert [same(tables(ctx), tables(other)) for other in homes[1:]] == [[], []]


def test_the_later_half_before_the_earlier_gives_the_tables_of_the_span(ctx: JobContext, done: JobContext) -> None:
    for half in (DateRange(date(2010, 2, 20), LAST), DateRange(FIRST, date(2010, 2, 19))):
        preprocess(ctx, half)
    assert same(tables(ctx), tables(done)) == []


def test_day_by_day_equals_the_span(ctx: JobContext, run_on: Callable[..., JobContext], tmp_path: Path) -> None:
    short = DateRange(FIRST, FIRST + timedelta(days=3))
    preprocess(ctx, short)
    other = context(run_on, tmp_path / "other")
    shutil.copytree(ctx.layout.landing, other.layout.landing)
    for day in short:
        preprocess(other, DateRange(day, day))
    assert same(tables(ctx), tables(other)) == []
    for day in short:
        assert read_receipt(ctx.layout, day) == read_receipt(other.layout, day)


def test_a_span_is_cut_at_ends_of_months_by_what_has_landed_and_the_cut_changes_nothing(
    ctx: JobContext, done: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    months = [span for span, _ in landed_bytes(ctx.layout, SPAN)]
    sizes = [size for _, size in landed_bytes(ctx.layout, SPAN)]
    assert [month.last for month in months] == [date(2010, 1, 31), date(2010, 2, 28), LAST]
    assert sum(sizes) == sum(path.stat().st_size for path in ctx.layout.landing.rglob("*.csv"))
    assert spans_together(ctx, SPAN) == [SPAN]
    assert spans_together(ctx, SPAN, at_most=1) == months
    assert spans_together(ctx, SPAN, at_most=sizes[0] + sizes[1]) == [DateRange(FIRST, months[1].last), months[2]]
    monkeypatch.setattr("p2pcredit.jobs.preprocessing.stages.spans_together", lambda ctx, days: months)
    preprocess(ctx, SPAN)
    assert same(tables(ctx), tables(done)) == []


def test_data_that_land_late_mend_the_labels_of_later_days(done: JobContext) -> None:
    day = FIRST + timedelta(days=3)
    path = done.layout.landing / "loan_performance" / f"loan_performance_{day:%Y_%m_%d}.csv"
    path.write_text(f"{HEADERS['loan_performance']}\nl5,{day},DEFAULT,90\n")
    receipt = preprocess(done, DateRange(day, day))
    assert receipt["labels"] == 1
    mended = Lake(done.layout).read(LABEL_STORE).filter(pl.col("loan_id") == "l5")
    assert mended.select("label", "known_on").rows() == [(1, day)]


def test_a_loan_that_lands_late_gets_the_label_it_would_have_had(done: JobContext) -> None:
    day = FIRST + timedelta(days=3)
    path = done.layout.landing / "loan_terms" / f"loan_terms_{day:%Y_%m_%d}.csv"
    path.write_text(f"{HEADERS['loan_terms']}\nl9,{day},500,36,x\n")
    preprocess(done, DateRange(day, day))
    found = Lake(done.layout).read(LABEL_STORE).filter(pl.col("loan_id") == "l9")
    assert found.select("label", "known_on").rows() == [(0, date(2010, 3, 4))]


def test_a_row_corrected_and_landed_again_leaves_the_quarantine(done: JobContext) -> None:
    path = done.layout.landing / "loan_terms" / "loan_terms_2010_01_30.csv"
    path.write_text(path.read_text().replace("-5", "50"))
    receipt = preprocess(done, DateRange(FIRST, FIRST))
    assert receipt["feeds"]["loan_terms"] == {"rows_in": 3, "silver": 3, "quarantined": 0, "values_missing": {}}
    assert "loan_amount: negative" not in Lake(done.layout).read(QUARANTINE)["rules"].to_list()
    assert Lake(done.layout).read(FEATURE_STORE, DateRange(FIRST, FIRST))["loan_id"].to_list() == ["l1", "l2", "l3"]


@pytest.mark.parametrize("days", [DateRange(FIRST, FIRST), DateRange(FIRST, FIRST + timedelta(days=3))])
@pytest.mark.parametrize("feed", list(FEEDS))
def test_a_missing_feed_is_a_clear_error_and_nothing_is_written(ctx: JobContext, feed: str, days: DateRange) -> None:
    (ctx.layout.landing / feed / f"{feed}_{days.last:%Y_%m_%d}.csv").unlink()
    with pytest.raises(MissingFeedError, match=f"feed '{feed}' has not landed for {days.last}.*{feed}_2010_") as caught:
        preprocess(ctx, days)
    assert "\n" not in str(caught.value)
    assert MissingFeedError.retryable
    assert not ctx.layout.datamart.exists()


def test_a_span_tells_how_many_more_days_are_missing(ctx: JobContext) -> None:
    for path in (ctx.layout.landing / "financial").glob("financial_2010_02_*.csv"):
        path.unlink()
    with pytest.raises(MissingFeedError, match="2010-02-01 and 27 days more"):
        check_source(ctx, "financial", SPAN)


def test_a_file_without_its_required_columns_is_an_error(ctx: JobContext) -> None:
    path = ctx.layout.landing / "loan_terms" / "loan_terms_2010_01_30.csv"
    path.write_text("loan_id,term\n1,36\n")
    with pytest.raises(HeaderError, match="lacks the required columns origination_date, loan_amount"):
        preprocess(ctx, DateRange(FIRST, FIRST))
    assert not ctx.layout.datamart.exists()


def test_a_day_without_loans_is_complete_with_no_rows(ctx: JobContext) -> None:
    day = date(2010, 2, 15)
    receipt = preprocess(ctx, DateRange(day, day))
    assert receipt["feeds"]["loan_terms"] == {"rows_in": 0, "silver": 0, "quarantined": 0, "values_missing": {}}
    kept = read_receipt(ctx.layout, day)
    assert kept is not None
    assert (kept["rows"], [feed["rows"] for feed in kept["feeds"].values()]) == ({}, [0] * 5)


def test_when_a_month_closes_its_files_are_joined(ctx: JobContext) -> None:
    table = silver(FEEDS["loan_terms"])
    for day in DateRange(FIRST, FIRST + timedelta(days=2)):
        preprocess(ctx, DateRange(day, day))
    files = list(ctx.layout.table(table.name).glob("snapshot_month=2010-01/*.parquet"))
    assert len(files) == 1
    march = date(2010, 3, 1)
    for day in (FIRST + timedelta(days=1), FIRST + timedelta(days=3)):
        path = ctx.layout.landing / "loan_terms" / f"loan_terms_{day:%Y_%m_%d}.csv"
        path.write_text(f"{HEADERS['loan_terms']}\nz{day.day},{day},500,36,x\n")
        preprocess(ctx, DateRange(day, day))
    preprocess(ctx, DateRange(march, march))
    from deltalake import DeltaTable

    live = DeltaTable(str(ctx.layout.table(table.name))).file_uris()
    assert len([uri for uri in live if "2010-02" in uri]) == 1


def test_a_killed_day_is_not_complete_and_running_it_again_finishes_it(ctx: JobContext, disk: Any) -> None:
    day = DateRange(FIRST, FIRST)
    with disk.killing_at(1) as killed:
        preprocess(ctx, day)
    assert killed == [True]
    assert not is_complete(ctx.layout, FIRST)
    preprocess(ctx, day)
    assert is_complete(ctx.layout, FIRST)
    assert Lake(ctx.layout).read(FEATURE_STORE).height == 2


def test_refining_a_day_never_loaded_gives_no_rows(ctx: JobContext) -> None:
    assert refine_silver(ctx, "financial", DateRange(FIRST, FIRST))["rows_in"] == 0

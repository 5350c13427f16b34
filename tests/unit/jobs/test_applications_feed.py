"""The optional feed of applications: a home without it stays as it is, and one that has it accounts for every row."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.contracts.feeds import APPLICATIONS, FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, bronze, silver
from p2pcredit.errors import MissingFeedError, SourceError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.data_checks import check_days, check_deliveries
from p2pcredit.jobs.landing.applications import land_applications
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.catch_up import make_up_days
from p2pcredit.jobs.preprocessing.completeness.reconciliation import find_holes
from p2pcredit.jobs.preprocessing.source_checks import check_source
from p2pcredit.jobs.preprocessing.stages import complete_days, load_bronze, preprocess, refine_silver
from p2pcredit.periods import DateRange
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import read_receipt
from p2pcredit.storage.tables.lake import Lake

DAYS = DateRange(date(2021, 1, 1), date(2021, 1, 6))
DAY = date(2021, 1, 5)
HEADER = "application_id,decision_date,outcome,overridden,loan_amount\n"


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    home = tmp_path / "home"
    home.mkdir()
    context = JobContext(Layout(home), load_settings(home), "test", datetime(2021, 1, 8, 2, tzinfo=UTC))
    land(context, "synthetic", [], DAYS.first, DAYS.last)
    return context


def _write(ctx: JobContext, day: date, rows: str) -> Path:
    file = ctx.layout.landing / "applications" / f"applications_{day:%Y_%m_%d}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEADER + rows)
    return file


def test_a_home_without_applications_is_complete_and_has_no_table_of_them(ctx: JobContext) -> None:
    receipt = preprocess(ctx, DAYS)
    lake = Lake(ctx.layout)
    assert set(receipt["feeds"]) == set(FEEDS)
    assert not lake.exists(bronze(APPLICATIONS))
    assert not lake.exists(silver(APPLICATIONS))
    assert find_holes(ctx, DAYS) == []
    assert str(check_days(ctx)[0]) == "pass"
    assert "applications" not in (read_receipt(ctx.layout, DAY) or {})["feeds"]


def test_the_tasks_of_a_night_pass_over_a_feed_that_did_not_land(ctx: JobContext) -> None:
    preprocess(ctx, DAYS)
    day = DateRange(DAY, DAY)
    assert check_source(ctx, "applications", day)["rows"] is None
    assert load_bronze(ctx, "applications", day) == {"feed": "applications", "rows": 0, "changed": False, "ignored": []}
    assert refine_silver(ctx, "applications", day)["silver"] == 0
    assert complete_days(ctx, day) == {"complete": 1}


def test_applications_are_typed_counted_and_set_aside_like_any_feed(ctx: JobContext) -> None:
    _write(ctx, DAY, "A1,2021-01-05,approved,yes,5000\nA2,2021-01-05,declined,,x\nA3,2021-01-05,perhaps,no,1\n")
    receipt = preprocess(ctx, DAYS)
    assert receipt["feeds"]["applications"] == {
        "rows_in": 3, "silver": 2, "quarantined": 1, "values_missing": {"loan_amount": 1},
    }  # fmt: skip
    rows = Lake(ctx.layout).read(silver(APPLICATIONS), DAYS).sort("application_id")
    assert rows.select("application_id", "outcome", "overridden", "loan_amount", "loan_id").rows() == [
        ("A1", "APPROVED", True, 5000.0, None),
        ("A2", "DECLINED", None, None, None),
    ]
    assert (read_receipt(ctx.layout, DAY) or {})["counts"]["landed"]["applications"] == 3
    assert "applications" not in (read_receipt(ctx.layout, DAYS.first) or {})["counts"]["landed"]
    assert find_holes(ctx, DAYS) == []
    assert str(check_deliveries(ctx)[0]) == "pass"


def test_the_same_application_twice_on_a_day_is_a_duplicate(ctx: JobContext) -> None:
    _write(ctx, DAY, "A1,2021-01-05,approved,,1\nA1,2021-01-05,declined,,1\nA2,2021-01-05,declined,,1\n")
    refined = preprocess(ctx, DateRange(DAYS.first, DAYS.last))["feeds"]["applications"]
    assert (refined["silver"], refined["quarantined"]) == (2, 1)
    rules = Lake(ctx.layout).read(QUARANTINE, DAYS)["rules"].to_list()
    assert rules == ["application_id: duplicate"]


def test_applications_that_land_after_their_day_was_complete_are_taken_in_at_night(ctx: JobContext) -> None:
    preprocess(ctx, DAYS)
    _write(ctx, DAY, "A1,2021-01-05,declined,,1\n")
    assert [(hole.day, hole.feed) for hole in find_holes(ctx, DAYS)] == [(DAY, "applications")]
    assert str(check_deliveries(ctx)[0]) == "fail"
    assert make_up_days(ctx, date(2021, 1, 7))["made_up"] == ["2021-01-05"]
    assert Lake(ctx.layout).read(silver(APPLICATIONS), DAYS)["application_id"].to_list() == ["A1"]
    assert find_holes(ctx, DAYS) == []


def test_rows_taken_in_before_are_not_lost_with_their_file(ctx: JobContext) -> None:
    file = _write(ctx, DAY, "A1,2021-01-05,declined,,1\n")
    preprocess(ctx, DAYS)
    file.unlink()
    with pytest.raises(MissingFeedError, match="the optional feed 'applications' of 2021-01-05 is gone, and 1 rows"):
        preprocess(ctx, DAYS)
    assert Lake(ctx.layout).read(silver(APPLICATIONS), DAYS).height == 1


def test_a_table_that_lost_rows_of_applications_is_a_hole(ctx: JobContext) -> None:
    _write(ctx, DAY, "A1,2021-01-05,declined,,1\n")
    preprocess(ctx, DAYS)
    lake, day = Lake(ctx.layout), DateRange(DAY, DAY)
    with lake.lock(silver(APPLICATIONS)):
        lake.replace(silver(APPLICATIONS), lake.read(silver(APPLICATIONS), day).clear(), day)
    assert [hole.sentence for hole in find_holes(ctx, DAYS)] == [
        "feed 'applications' of 2021-01-05: bronze has 1 rows, silver and quarantine together 0"
    ]


def test_values_of_applications_that_cannot_be_read_touch_no_feature_of_a_loan(ctx: JobContext) -> None:
    loan = pl.read_csv(next((ctx.layout.landing / "loan_terms").glob("*_2021_01_05.csv")))["loan_id"][0]
    plain = preprocess(ctx, DAYS)
    features = Lake(ctx.layout).read(FEATURE_STORE, DAYS)
    file = ctx.layout.landing / "applications" / "applications_2021_01_05.csv"
    file.parent.mkdir()
    file.write_text(
        "application_id,decision_date,outcome,loan_id,months_since_delinquency\n"
        f"A1,2021-01-05,approved,{loan},nonsense\n"
    )
    assert preprocess(ctx, DAYS)["features"] == plain["features"]
    again = Lake(ctx.layout).read(FEATURE_STORE, DAYS)
    assert again.equals(features)


def test_synthetic_applications_land_twice_as_once_and_each_loan_is_one_approved(ctx: JobContext) -> None:
    found = land_applications(ctx, "synthetic", [], DAYS.first, DAYS.last)
    first = {path.name: path.read_bytes() for path in (ctx.layout.landing / "applications").iterdir()}
    again = land_applications(ctx, "synthetic", [], DAYS.first, DAYS.last)
    assert {path.name: path.read_bytes() for path in (ctx.layout.landing / "applications").iterdir()} == first
    assert again["replaced"] == found["rows_landed"] == found["rows_in"]
    preprocess(ctx, DAYS)
    lake = Lake(ctx.layout)
    loans = set(lake.read(silver(FEEDS["loan_terms"]), DAYS)["loan_id"])
    rows = lake.read(silver(APPLICATIONS), DAYS)
    assert set(rows.filter(pl.col("outcome") == "APPROVED")["loan_id"]) == loans
    assert rows.filter(pl.col("outcome") == "DECLINED")["loan_id"].null_count() == found["outcomes"]["DECLINED"]


MAPPING = """\
name: my_lender
loan_id: Id
origination_date: Day
feeds: {loan_terms: {loan_amount: Amount, term: Term}}
events: {status: Status, rules: {open: []}}
file: {decimal: ","}
applications:
  id: Number
  decided_on: {column: Decided, date: "%d.%m.%Y"}
  outcome: {column: Result, values: {funded: APPROVED, refused: DECLINED}}
  columns: {loan_amount: Wanted, overridden: {column: Manual, flag: ["yes", "no"]}}
"""


def _mapping(tmp_path: Path, text: str) -> str:
    file = tmp_path / "lender.yaml"
    file.write_text(text)
    return str(file)


def test_a_mapping_says_which_column_of_a_file_of_applications_is_which(ctx: JobContext, tmp_path: Path) -> None:
    raw = tmp_path / "decided.csv"
    lines = [f"{number};05.01.2021;refused;1.500,50;n" for number in range(2, 40)]
    raw.write_text(
        "\n".join(["Number;Decided;Result;Wanted;Manual", "1;04.01.2021;funded;2.000,00;y", *lines, "99;x;funded;1;n"])
    )
    mapping = _mapping(tmp_path, MAPPING)
    found = land_applications(ctx, mapping, [raw], None, None)
    assert (found["rows_landed"], found["rows_rejected"], found["outcomes"]) == (39, 1, {"APPROVED": 1, "DECLINED": 38})
    assert found["reasons"] == {"the day of the decision cannot be read": {"count": 1, "example": "x"}}
    preprocess(ctx, DAYS)
    rows = Lake(ctx.layout).read(silver(APPLICATIONS), DAYS).sort("application_id")
    assert rows.select("application_id", "loan_amount", "overridden").row(0) == ("1", 2000.0, True)


def test_a_file_whose_outcomes_the_mapping_does_not_name_is_refused(ctx: JobContext, tmp_path: Path) -> None:
    raw = tmp_path / "decided.csv"
    raw.write_text("Number;Decided;Result;Wanted;Manual\n1;04.01.2021;gone;2000;n\n")
    mapping = _mapping(tmp_path, MAPPING)
    with pytest.raises(SourceError, match=r"an outcome that the mapping does not name \(1, such as 'GONE'\)"):
        land_applications(ctx, mapping, [raw], None, None)
    assert not (ctx.layout.landing / "applications").exists()


def test_a_platform_without_applications_says_so(ctx: JobContext) -> None:
    with pytest.raises(UsageError, match="'lendingclub' has no applications"):
        land_applications(ctx, "lendingclub", [], None, None)


def test_a_column_that_the_feed_does_not_have_is_named(ctx: JobContext, tmp_path: Path) -> None:
    mapping = _mapping(tmp_path, MAPPING.replace("loan_amount: Wanted", "loan_amuont: Wanted"))
    with pytest.raises(UsageError, match="perhaps 'loan_amount' was meant"):
        land_applications(ctx, mapping, [], None, None)


@pytest.mark.parametrize(
    ("slip", "said"),
    [
        (("  id: Number\n", ""), "key 'applications.id' is missing; write the name of a column of the download"),
        (("decided_on:", "decided_at:"), "key 'applications.decided_at' is unknown, perhaps 'decided_on' was meant"),
        (
            ("values: {funded", "valeus: {funded"),
            "key 'applications.outcome.valeus' is unknown, perhaps 'values' was meant",
        ),
    ],
)
def test_a_slip_in_what_a_mapping_says_of_applications_names_the_key(
    ctx: JobContext, tmp_path: Path, slip: tuple[str, str], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        land_applications(ctx, _mapping(tmp_path, MAPPING.replace(*slip)), [], None, None)

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from zlib import crc32

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.errors import HeaderError, UnreadableFileError, UsageError
from p2pcredit.periods import DateRange, add_months, month_end
from p2pcredit.platforms.lendingclub.profile import COLUMNS, LendingClub
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.spooled_book import spooled

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "lendingclub"
BASE = {
    "id": "101",
    "loan_amnt": "5000",
    "funded_amnt": "5000",
    "term": " 36 months",
    "int_rate": " 10.65%",
    "issue_d": "Jan-2010",
    "loan_status": "Fully Paid",
    "last_pymnt_d": "Feb-2011",
    "last_pymnt_amnt": "171.62",
    "last_credit_pull_d": "Dec-2014",
    "zip_code": "027xx",
    "desc": "",
    "earliest_cr_line": "Jan-1985",
    "total_rec_prncp": "1200.5",
    "out_prncp": "0",
}


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.is_file():
        pytest.skip(f"the real loan file {name} is not on this machine")
    return path


def raw(path: Path, *loans: Mapping[str, str], note: str = "", foot: str = "") -> Path:
    out = io.StringIO()
    writer = csv.DictWriter(out, list(BASE), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows({**BASE, **loan} for loan in loans)
    data = (note + out.getvalue() + foot).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def book(path: Path, *loans: Mapping[str, str], note: str = "", foot: str = "") -> RawBook:
    return LendingClub().read([raw(path, *loans, note=note, foot=foot)], None, None)


def events(read: RawBook) -> list[tuple[date, str, str]]:
    return read.feeds["loan_performance"].select("snapshot_date", "status", "days_past_due").rows()


def originated(read: RawBook) -> date:
    day = read.feeds["loan_terms"]["snapshot_date"][0]
    assert isinstance(day, date)
    return day


def test_note_line_header_rows_and_summary_lines_are_told_apart(tmp_path: Path) -> None:
    foot = '\n\n"Total amount funded in policy code 1: 5000"\n"Total amount funded in policy code 2: 0"\n'
    read = book(tmp_path / "a.csv.gz", {}, {"id": "102", "desc": 'a, "b"\nc'}, note="Notes offered by us\n", foot=foot)
    assert (read.rows_in, read.rows_landed, read.rejected.height) == (4, 2, 2)
    assert set(read.rejected["reason"]) == {"summary line, not a loan"}
    assert read.feeds["loan_terms"]["description"].drop_nulls().to_list() == ['a, "b"\nc']


def test_summary_lines_padded_with_commas_are_rejected_too(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {}, dict.fromkeys(BASE, "") | {"id": "Total amount funded in policy code 1: 5"})
    assert read.rejected["reason"].to_list() == ["summary line, not a loan"]


def test_rows_without_id_or_month_and_ragged_rows_are_rejected_with_a_reason(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {"id": " "}, {"issue_d": "2010/01"}, {}, {"issue_d": ""}, foot='"1","2"\n')
    assert (read.rows_in, read.rows_landed) == (5, 1)
    assert read.rejected.select("row_number", "reason").rows() == [
        (1, "no id"),
        (2, "unreadable issue_d '2010/01'"),
        (4, "no issue_d"),
        (5, "2 fields, the header has 15"),
    ]
    assert "2010/01" in read.rejected["raw"][1]


def test_values_land_raw_and_dates_become_iso(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {})
    terms = read.feeds["loan_terms"].row(0, named=True)
    day = originated(read)
    assert (terms["loan_id"], terms["term"], terms["interest_rate"]) == ("101", " 36 months", " 10.65%")
    assert terms["origination_date"] == day.isoformat()
    assert (day.year, day.month) == (2010, 1)
    assert read.feeds["demographic"]["zip3"][0] == "027"
    assert read.feeds["credit_history"]["earliest_credit_line"][0] == "1985-01-01"


def test_a_fully_paid_loan_closes_on_its_own_day_of_the_month_of_its_last_payment(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {"issue_d": "Jan-2010"})
    assert events(read) == [(add_months(originated(read), 13), "FULLY_PAID", "0")]


@pytest.mark.parametrize("status", ["Charged Off", "Does not meet the credit policy. Status:Charged Off"])
def test_a_charged_off_loan_is_late_then_in_default_then_charged_off(tmp_path: Path, status: str) -> None:
    read = book(tmp_path / "a.csv", {"loan_status": status, "last_pymnt_d": "Mar-2010"})
    missed = add_months(originated(read), 3)
    assert events(read) == [
        (missed + timedelta(days=30), "LATE", "30"),
        (missed + timedelta(days=90), "DEFAULT", "90"),
        (missed + timedelta(days=150), "CHARGED_OFF", "150"),
    ]
    assert read.feeds["loan_performance"]["principal_outstanding"].to_list() == ["3799.5"] * 3


def test_a_loan_that_never_paid_misses_its_first_instalment(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {"loan_status": "Charged Off", "last_pymnt_d": ""})
    assert events(read)[0][0] == add_months(originated(read), 1) + timedelta(days=30)


def test_the_missed_due_day_saturates_at_the_end_of_the_month(tmp_path: Path) -> None:
    loans = [{"id": str(i), "loan_status": "Default", "last_pymnt_d": ""} for i in range(200)]
    read = book(tmp_path / "a.csv", *loans)
    terms = read.feeds["loan_terms"].select("loan_id", "snapshot_date")
    late = read.feeds["loan_performance"].filter(pl.col("status") == "LATE").select("loan_id", seen="snapshot_date")
    pairs = terms.join(late, on="loan_id").rows()
    assert {day.day for _, day, _ in pairs} >= {29, 30, 31}
    assert all(seen == add_months(day, 1) + timedelta(days=30) for _, day, seen in pairs)


@pytest.mark.parametrize(
    ("status", "last_payment", "expected"),
    [
        ("Current", "Dec-2014", ["CURRENT"]),
        ("Issued", "", ["CURRENT"]),
        ("In Grace Period", "Nov-2014", ["CURRENT"]),
        ("Late (16-30 days)", "Nov-2014", ["CURRENT"]),
        ("Late (31-120 days)", "Sep-2014", ["LATE"]),
        ("Late (31-120 days)", "Dec-2014", ["CURRENT"]),
        ("Default", "Mar-2014", ["LATE", "DEFAULT"]),
    ],
)
def test_open_loans_get_only_what_was_visible_when_the_file_was_read(
    tmp_path: Path, status: str, last_payment: str, expected: list[str]
) -> None:
    read = book(tmp_path / "a.csv", {"loan_status": status, "last_pymnt_d": last_payment})
    assert [name for _, name, _ in events(read)] == expected


@pytest.mark.parametrize(
    ("change", "shown"),
    [({"loan_status": "Vanished"}, "Vanished"), ({"loan_status": ""}, None)],
)
def test_an_unknown_outcome_is_landed_as_it_stands_and_never_guessed(
    tmp_path: Path, change: dict[str, str], shown: str | None
) -> None:
    read = book(tmp_path / "a.csv", change)
    assert read.rows_landed == 1
    assert events(read) == [(originated(read), shown, None)]


@pytest.mark.parametrize(("status", "event"), [("Fully Paid", ("FULLY_PAID", "0")), ("Default", ("DEFAULT", "90"))])
def test_an_outcome_whose_month_cannot_be_read_is_at_fault_by_that_month(
    tmp_path: Path, status: str, event: tuple[str, str]
) -> None:
    read = book(tmp_path / "a.csv", {"loan_status": status, "last_pymnt_d": "spring 2011"})
    found = read.feeds["loan_performance"].select("event_date", "status", "days_past_due").rows()
    assert found == [("last_pymnt_d spring 2011", *event)]


def test_columns_from_after_origination_reach_no_application_feed() -> None:
    late = {"last_pymnt_d", "last_pymnt_amnt", "recoveries", "total_rec_prncp", "out_prncp", "loan_status"}
    late |= {"last_fico_range_low", "last_fico_range_high", "settlement_status", "hardship_flag", "total_pymnt"}
    used = {source for columns in COLUMNS.values() for source in columns.values()}
    assert not used & late


def test_days_are_spread_over_the_month_by_the_id_alone(tmp_path: Path) -> None:
    loans = [{"id": str(i)} for i in range(3100)]
    read = book(tmp_path / "a.csv", *loans)
    counts = read.feeds["loan_terms"]["snapshot_date"].value_counts()["count"]
    assert len(counts) == 31
    assert counts.min() > 60  # type: ignore[operator]
    assert counts.max() < 150  # type: ignore[operator]
    turned = book(tmp_path / "b.csv", *reversed(loans))
    assert turned.feeds["loan_terms"].equals(read.feeds["loan_terms"])


def test_the_spread_is_the_same_everywhere(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {"id": "1"}, {"id": "90134693"}, {"id": "A-7"})
    days = dict(read.feeds["loan_terms"].select("loan_id", pl.col("snapshot_date").dt.day()).rows())
    assert days == {"1": splitmix_day(1), "90134693": splitmix_day(90134693), "A-7": splitmix_day(crc32(b"A-7"))}


def splitmix_day(number: int) -> int:
    """SplitMix64 in plain Python, as an oracle."""
    mask = (1 << 64) - 1
    x = (number + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return (x ^ (x >> 31)) % 31 + 1


def test_an_issue_month_years_after_everything_else_is_rejected_with_a_reason(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv", {}, {"id": "102", "issue_d": "Dec-2035"})
    assert read.rejected["reason"].to_list() == [
        "issue_d 'Dec-2035' lies years after Dec-2014, the last month in which anything was paid or looked up"
    ]
    days = read.days()
    assert days is not None
    assert (days.first, days.last) == (date(2010, 1, 1), date(2014, 12, 31))


def test_a_header_that_fits_no_layout_says_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a note\nid,loan_amnt,term,loan_status,last_pymnt_d\n1,2,3,4,5\n")
    with pytest.raises(HeaderError, match=r"LoanStats, accepted.*line 2 lacks the columns issue_d"):
        LendingClub().read([path], None, None)


def test_a_cut_off_download_is_unreadable(tmp_path: Path) -> None:
    path = raw(tmp_path / "a.csv.gz", *({"id": str(i), "desc": str(i * i)} for i in range(500)))
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(UnreadableFileError, match=r"middle of the gzip stream; \d+ bytes could be read; download"):
        LendingClub().read([path], None, None)


def test_no_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="give at least one file"):
        LendingClub().read([], None, None)


def test_a_file_without_loans_has_empty_feeds(tmp_path: Path) -> None:
    read = book(tmp_path / "a.csv")
    assert (read.rows_in, read.rows_landed, read.days()) == (0, 0, None)
    assert all(read.feeds[name].columns == ["snapshot_date", *feed.sources] for name, feed in FEEDS.items())


def test_days_outside_the_range_count_as_rejected_and_events_inside_stay(tmp_path: Path) -> None:
    june = DateRange(date(2010, 6, 1), date(2010, 6, 30))
    whole = book(
        tmp_path / "a.csv", {"issue_d": "Jan-2010", "last_pymnt_d": "Jun-2010"}, {"id": "5", "issue_d": "Jun-2010"}
    )
    with spooled([whole], "a.csv") as read:
        cut = read.within(june)
        assert (cut.rows_in, cut.rows_landed, cut.rejected.height) == (2, 1, 1)
        assert cut.rejected["reason"][0] == "outside --from/--to (2010-06-01 to 2010-06-30)"
        assert cut.rows("loan_terms", june.first)["loan_id"].to_list() == ["5"]
        assert cut.rows("loan_performance", june.first)["loan_id"].to_list() == ["101"]


@settings(max_examples=25, deadline=None)
@given(months=st.integers(0, 40), status=st.sampled_from(["Fully Paid", "Charged Off", "Current", "Default"]))
def test_no_event_comes_before_origination(tmp_path_factory: pytest.TempPathFactory, months: int, status: str) -> None:
    last = add_months(date(2009, 1, 1), months).strftime("%b-%Y")
    path = tmp_path_factory.mktemp("raw") / "a.csv"
    read = book(path, {"issue_d": "Jan-2010", "last_pymnt_d": last, "loan_status": status})
    assert all(day >= originated(read) for day, _, _ in events(read))


def test_the_real_file_of_2007_to_2010_is_read_whole() -> None:
    read = LendingClub().read([shared("LoanStats_2007_2010.csv.gz")], None, None)
    assert (read.rows_in, read.rows_landed, read.rejected.height) == (20816, 20814, 2)
    assert all(read.feeds[feed.name].height == 20814 for feed in APPLICATION_FEEDS)
    statuses = dict(read.feeds["loan_performance"]["status"].value_counts().rows())
    assert statuses == {"FULLY_PAID": 17680, "LATE": 3134, "DEFAULT": 3134, "CHARGED_OFF": 3134 + 3098}
    recovered = read.feeds["loan_performance"].filter(pl.col("recovery_received").is_not_null())
    assert recovered.height == 3098  # one event more, of what came in after the charge-off
    days = read.days()
    assert days is not None
    assert (days.first.year, days.first.month) == (2007, 6)
    by_month = read.feeds["loan_terms"].group_by(pl.col("snapshot_date").dt.strftime("%b-%Y")).len()
    assert dict(by_month.rows())["Dec-2010"] == 1335
    perf = read.feeds["loan_performance"].join(
        read.feeds["loan_terms"].select("loan_id", originated="snapshot_date"), on="loan_id"
    )
    assert perf.filter(pl.col("snapshot_date") < pl.col("originated")).height == 0


def test_the_real_sample_to_2018_is_read_whole() -> None:
    read = LendingClub().read([shared("accepted_2007_to_2018_sample.csv.gz")], None, None)
    assert (read.rows_in, read.rows_landed, read.rejected.height) == (2002, 2000, 2)
    assert read.feeds["credit_history"]["fico_low"].null_count() == 0
    late = read.feeds["loan_performance"].filter(pl.col("status") == "CURRENT")["snapshot_date"].max()
    assert isinstance(late, date)
    assert late <= month_end(date(2019, 3, 1))


@pytest.mark.parametrize(
    ("month", "reason"),
    [
        ("Jan-0000", "unreadable issue_d 'Jan-0000'"),
        ("Dec-٢٠١١", "unreadable issue_d 'Dec-٢٠١١'"),
        ("Dec-1969", "issue_d 'Dec-1969' lies before 1970"),
        ("Jan-1600", "issue_d 'Jan-1600' lies before 1970"),
    ],
)
def test_a_month_in_which_nobody_lent_is_rejected_and_lands_no_empty_centuries(
    tmp_path: Path, month: str, reason: str
) -> None:
    found = book(tmp_path / "a.csv", {}, {"id": "102", "issue_d": month})
    assert found.rejected["reason"].to_list() == [reason]
    days = found.days()
    assert days is not None
    assert days.first == date(2010, 1, 1)


def test_an_id_in_digits_of_another_script_is_an_id_like_any_text(tmp_path: Path) -> None:
    found = book(tmp_path / "a.csv", {"id": "١٢٣"})
    assert found.feeds["loan_terms"]["loan_id"].to_list() == ["١٢٣"]


def test_a_download_that_ends_inside_a_loan_is_refused_and_one_that_ends_inside_a_summary_line_is_not(
    tmp_path: Path,
) -> None:
    assert book(tmp_path / "a.csv", {}, foot="Total amount funded in policy code 1: 5").rows_in == 2
    path = raw(tmp_path / "b.csv", {}, {"id": "102"})
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableFileError, match=r"b\.csv ends in the middle of record 2"):
        LendingClub().read([path], None, None)


def test_what_is_made_from_a_later_status_is_rebuilt_and_what_the_status_says_is_not(tmp_path: Path) -> None:
    loans = [
        {"id": "101", "loan_status": "Charged Off", "last_pymnt_d": "Mar-2010"},
        {"id": "102", "loan_status": "Fully Paid", "last_pymnt_d": "Mar-2010"},
        {"id": "103", "loan_status": "Current", "last_pymnt_d": "Mar-2010"},
        {"id": "104", "loan_status": "Late (31-120 days)", "last_pymnt_d": "Mar-2010"},
        {"id": "105", "loan_status": "Current", "last_pymnt_d": "Dec-2010"},
    ]
    found = book(tmp_path / "a.csv", *loans).feeds["loan_performance"]
    assert found.sort("loan_id", "event_date").select("loan_id", "status", "rebuilt").rows() == [
        ("101", "LATE", "yes"),
        ("101", "DEFAULT", "yes"),
        ("101", "CHARGED_OFF", "no"),
        ("102", "FULLY_PAID", "no"),
        ("103", "CURRENT", "no"),
        ("104", "LATE", "yes"),
        ("105", "CURRENT", "no"),
    ]

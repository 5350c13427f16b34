"""Copies of LendingClub's file, as data frames and spreadsheets write them, land as the file itself does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from p2pcredit.errors import SourceError, UnreadableFileError
from p2pcredit.platforms.lendingclub.profile import LendingClub
from p2pcredit.platforms.loan_book import RawBook

HEADER = "id,loan_amnt,term,issue_d,loan_status,last_pymnt_d,earliest_cr_line,annual_inc,dti,int_rate"
LOANS = (
    "101,5000, 36 months,{},Fully Paid,{},{},24000,27.65,10.65",
    "102,2500, 60 months,{},Charged Off,{},{},30000,1.0,15.27",
    "103,9000, 36 months,{},Current,{},{},61000,0.5,7.1",
)
MONTHS = (
    ("Dec-2011", "Jan-2015", "Jan-1985"),
    ("Mar-2008", "Apr-2013", "Aug-1968"),
    ("Jan-2014", "Feb-2016", "May-2003"),
)
TWO_DIGITS = [("Dec-11", "Jan-15", "Jan-85"), ("Mar-08", "Apr-13", "Aug-68"), ("Jan-14", "Feb-16", "May-03")]
SWAPPED = [("11-Dec", "15-Jan", "Jan-85"), ("8-Mar", "13-Apr", "Aug-68"), ("14-Jan", "16-Feb", "3-May")]
ISO = [("2011-12-01", "2015-01-01", "1985-01-01"), ("2008-03-01", "2013-04-01", "1968-08-01")]
ISO += [("2014-01-01 00:00:00", "2016-02-01 00:00:00", "2003-05-01 00:00:00")]
LONG = [("December-2011", "january-2015", "JAN-1985"), ("march-2008", "APR-2013", "Aug-1968")]
LONG += [("1-Jan-2014", "01-Feb-2016", "01-May-03")]
SLASHED = [
    ("12/1/2011", "1/1/2015", "1/1/1985"),
    ("3/1/2008", "4/1/2013", "8/1/1968"),
    ("1/1/2014", "2/1/2016", "5/1/2003"),
]
DAY_FIRST = [("01/12/2011", "01/01/15", "01/01/85"), ("01/03/2008", "01/04/13", "01/08/68")]
DAY_FIRST += [("01/01/2014", "01/02/2016", "01/05/2003")]


def read(path: Path, months: object = MONTHS, text: str = "") -> RawBook:
    rows = [loan.format(*of_loan) for loan, of_loan in zip(LOANS, months, strict=True)]  # type: ignore[call-overload]
    path.write_text(text or "\n".join([HEADER, *rows]), encoding="utf-8")
    return LendingClub().read([path], None, None)


def same(one: RawBook, other: RawBook) -> bool:
    return one.days() == other.days() and all(one.feeds[name].equals(other.feeds[name]) for name in one.feeds)


@pytest.mark.parametrize(
    "months",
    [TWO_DIGITS, SWAPPED, ISO, LONG, SLASHED, DAY_FIRST],
    ids=["two digits", "day and month swapped", "ISO", "full names", "month first", "day first"],
)
def test_months_are_read_however_a_copy_writes_them(tmp_path: Path, months: object) -> None:
    assert same(read(tmp_path / "copy.csv", months), read(tmp_path / "file.csv"))


def test_a_first_credit_line_of_two_digits_is_never_in_the_future_of_its_loan(tmp_path: Path) -> None:
    months = [("Dec-11", "", "Dec-11"), ("Dec-11", "", "Jan-12"), ("Dec-11", "", "Jan-68")]
    found = read(tmp_path / "copy.csv", months).feeds["credit_history"].sort("loan_id")["earliest_credit_line"]
    assert found.to_list() == ["2011-12-01", "Jan-12", "1968-01-01"]


def test_a_first_credit_line_of_two_digits_goes_no_century_back_to_a_history_that_nobody_has(tmp_path: Path) -> None:
    """`Jan-14` of a loan of December 2013 is neither 2014 nor 1914; it lands as it stands, and is no date."""
    months = [("Dec-13", "", "Jan-14"), ("Dec-13", "", "Nov-33"), ("Dec-13", "", "Dec-33")]
    found = read(tmp_path / "copy.csv", months).feeds["credit_history"].sort("loan_id")["earliest_credit_line"]
    assert found.to_list() == ["Jan-14", "Nov-33", "1933-12-01"]


def test_a_first_credit_line_of_four_digits_stays_in_the_century_that_is_written(tmp_path: Path) -> None:
    months = [("Dec-2013", "", "Jan-2014"), ("Dec-2013", "", "Jan-1914"), ("Dec-2013", "", "Dec-1933")]
    found = read(tmp_path / "copy.csv", months).feeds["credit_history"].sort("loan_id")["earliest_credit_line"]
    assert found.to_list() == ["2014-01-01", "1914-01-01", "1933-12-01"]


@pytest.mark.parametrize(
    ("issued", "says"),
    [
        (("11-Dec", "Mar-08", "14-Jan"), "a spreadsheet took a year for a day, and 'Mar-08', which does not fit"),
        (("11-Dec", "25-Mar", "14-Jan"), "'25-Mar', which does not fit; save the column issue_d as text"),
        (("12/1/2011", "1/3/2008", "1/1/2014"), "it is not clear which number is the month"),
    ],
)
def test_a_file_that_does_not_say_which_month_is_meant_is_refused_by_name(
    tmp_path: Path, issued: tuple[str, ...], says: str
) -> None:
    with pytest.raises(UnreadableFileError, match=r"copy\.csv has months of issue such as") as caught:
        read(tmp_path / "copy.csv", [(month, "", "") for month in issued])
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sign", ["NA", "nan", "NULL", "#N/A"])
def test_a_sign_of_a_missing_month_is_a_missing_month(tmp_path: Path, sign: str) -> None:
    marked, blank = ([(issued, text, text) for issued, *_ in MONTHS] for text in (sign, ""))
    one, other = read(tmp_path / "copy.csv", marked), read(tmp_path / "file.csv", blank)
    assert one.feeds["loan_performance"].equals(other.feeds["loan_performance"])
    assert one.days() == other.days()


@pytest.mark.parametrize(
    "odd", ["13/13/2011", "12/2/2011", "2011-13-01", "Dez-11", "00-Dec-2011", "31-Dec-2011", "40543"]
)
def test_what_is_no_month_is_rejected_with_its_text(tmp_path: Path, odd: str) -> None:
    book = read(tmp_path / "copy.csv", [(odd, "", ""), *MONTHS[1:]])
    assert book.rejected.select("kind", "value").rows() == [("unreadable issue_d", odd)]
    assert "Dec-2011" in book.rejected["remedy"][0]


@pytest.mark.parametrize(
    "change", [str.upper, str.title, lambda name: name.replace("_", " "), lambda name: f" {name} "]
)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_letters_of_the_header_and_the_separator_may_differ(tmp_path: Path, change: object, separator: str) -> None:
    rows = [loan.format(*months) for loan, months in zip(LOANS, MONTHS, strict=True)]
    header = ",".join(change(name) for name in HEADER.split(","))  # type: ignore[operator]
    text = "\n".join([header, *rows]).replace(",", separator)
    assert same(read(tmp_path / "copy.csv", text=text), read(tmp_path / "file.csv"))


def test_two_names_that_differ_in_capitals_only_are_two_columns(tmp_path: Path) -> None:
    text = f"ID,{HEADER}\n9," + LOANS[0].format(*MONTHS[0])
    assert read(tmp_path / "copy.csv", text=text).feeds["loan_terms"]["loan_id"].to_list() == ["101"]


def test_byte_order_marks_before_the_header_do_not_count(tmp_path: Path) -> None:
    text = "\ufeff\ufeff" + "\n".join([HEADER, LOANS[0].format(*MONTHS[0])])
    assert read(tmp_path / "copy.csv", text=text).rows_landed == 1


def test_amounts_lose_signs_of_thousands_and_of_currency(tmp_path: Path) -> None:
    text = f'{HEADER}\n101,"5,000.00", 36 months,Dec-2011,Fully Paid,Jan-2015,Jan-1985,"$24,000",27.65,10.65%\n'
    book = read(tmp_path / "copy.csv", text=text)
    assert book.feeds["loan_terms"].select("loan_amount", "interest_rate").rows() == [("5000.00", "10.65%")]
    assert book.feeds["financial"]["annual_income"].to_list() == ["24000"]


def test_decimal_commas_are_refused_with_what_to_do(tmp_path: Path) -> None:
    rows = [
        loan.format(*months).replace(",", ";").replace(".", ",") for loan, months in zip(LOANS, MONTHS, strict=True)
    ]
    with pytest.raises(
        SourceError, match=r"'27,65' in the column dti, .* save it with decimal points, or .*decimal: \",\""
    ):
        read(tmp_path / "copy.csv", text="\n".join([HEADER.replace(",", ";"), *rows]))


@pytest.mark.parametrize("kind", ["Joint App", "JOINT", "joint app "])
def test_a_joint_application_has_the_figures_of_the_household(tmp_path: Path, kind: str) -> None:
    header = f"{HEADER},application_type,annual_inc_joint,dti_joint,verification_status,verification_status_joint"
    rows = [
        LOANS[0].format(*MONTHS[0]) + f",{kind},62151,31.01,Not Verified,Verified",
        LOANS[1].format(*MONTHS[1]) + ",Individual,62151,31.01,Not Verified,Verified",
        LOANS[2].format(*MONTHS[2]) + f",{kind},,NA,Not Verified,",
    ]
    found = read(tmp_path / "copy.csv", text="\n".join([header, *rows])).feeds["financial"].sort("loan_id")
    assert found.select("annual_income", "debt_to_income", "income_verification").rows() == [
        ("62151", "31.01", "Verified"),
        ("30000", "1.0", "Not Verified"),
        ("61000", "0.5", "Not Verified"),
    ]


@pytest.mark.parametrize(
    ("kind", "income", "dti", "has"),
    [
        ("", "62151", "31.01", ("62151", "31.01", "Verified")),  # a copy that lost the kind keeps the figures
        ("NA", '"$62,151"', "31.01", ("62151", "31.01", "Verified")),
        ("", "", "", ("24000", "27.65", "Not Verified")),
        ("", "0.0", "0.0", ("24000", "27.65", "Not Verified")),  # a data frame filled blanks with 0
        ("Joint App", "0", "0", ("24000", "27.65", "Not Verified")),
        ("Joint App", '"62,151"', "0", ("62151", "0", "Verified")),
        ("Joint App", "much", "31.01", ("much", "31.01", "Verified")),  # unreadable is no reason to take another's
        ("Individual", "62151", "31.01", ("24000", "27.65", "Not Verified")),
    ],
)
def test_figures_of_a_household_are_taken_where_they_are_given_and_the_kind_says_nothing_else(
    tmp_path: Path, kind: str, income: str, dti: str, has: tuple[str, str, str]
) -> None:
    header = f"{HEADER},application_type,annual_inc_joint,dti_joint,verification_status,verification_status_joint"
    row = LOANS[0].format(*MONTHS[0]) + f",{kind},{income},{dti},Not Verified,Verified"
    found = read(tmp_path / "copy.csv", text=f"{header}\n{row}").feeds["financial"]
    assert found.select("annual_income", "debt_to_income", "income_verification").row(0) == has


def test_a_copy_without_the_kind_of_application_has_the_figures_of_the_household(tmp_path: Path) -> None:
    row = LOANS[0].format(*MONTHS[0]) + ",62151,31.01"
    found = read(tmp_path / "copy.csv", text=f"{HEADER},annual_inc_joint,dti_joint\n{row}").feeds["financial"]
    assert found.select("annual_income", "debt_to_income").row(0) == ("62151", "31.01")


def test_a_frame_with_dates_as_dates_lands_too(tmp_path: Path) -> None:
    rows = [loan.format(*months) for loan, months in zip(LOANS, ISO, strict=True)]
    frame = pl.read_csv("\n".join([HEADER, *rows]).encode(), infer_schema=False)
    dates = [pl.col(name).str.slice(0, 10).str.to_date() for name in ("issue_d", "last_pymnt_d", "earliest_cr_line")]
    frame.with_columns(*dates, pl.col("id").cast(pl.Float64)).write_parquet(tmp_path / "copy.parquet")
    assert same(LendingClub().read([tmp_path / "copy.parquet"], None, None), read(tmp_path / "file.csv"))

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
from bench.loan_files import enlarge, read_loans, stretch, write_loans

from p2pcredit.platforms.lendingclub.profile import LendingClub

LOANS = pl.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "loan_amnt": ["1000", "2000", "3000", "4000"],
        "issue_d": ["Jan-2010", "Jan-2010", "Feb-2010", "Mar-2010"],
        "last_pymnt_d": ["Mar-2010", None, "May-2010", "Mar-2011"],
        "earliest_cr_line": ["Dec-2000", "Jan-1999", None, "Mar-1990"],
        "last_credit_pull_d": ["Oct-2017"] * 4,
        "desc": ["a, b\nc", None, '"quoted"', ""],
    }
)


def months(frame: pl.DataFrame, name: str) -> pl.Series:
    return frame.select(pl.format("01-{}", name).str.to_date("%d-%b-%Y")).to_series()


def test_an_enlarged_file_has_as_many_loans_each_with_an_id_of_its_own() -> None:
    found = pl.concat(enlarge(LOANS, 1000))
    assert found.height == 1000
    assert found["id"].n_unique() == 1000
    assert found.columns == LOANS.columns


def test_enlarging_is_the_same_each_time_and_later_months_have_more_loans() -> None:
    first, again = (pl.concat(enlarge(LOANS, 2000)) for _ in range(2))
    assert first.equals(again)
    issued = months(first, "issue_d")
    assert issued.is_sorted()
    assert (issued.dt.year() == 2018).sum() > 5 * (issued.dt.year() == 2010).sum()


def test_dates_move_with_the_month_of_issue_and_gaps_stay() -> None:
    found = stretch(LOANS, 120)
    moved = months(found, "last_pymnt_d").dt.year() * 12 + months(found, "last_pymnt_d").dt.month()
    issued = months(found, "issue_d").dt.year() * 12 + months(found, "issue_d").dt.month()
    assert (moved - issued).to_list() == [2, None, 3, 12]
    assert found["earliest_cr_line"].is_null().to_list() == [False, False, True, False]


def test_stretching_keeps_each_loan_once_and_spreads_the_months_evenly() -> None:
    found = stretch(LOANS, 120)
    assert sorted(found["loan_amnt"]) == ["1000", "2000", "3000", "4000"]
    assert found["issue_d"].to_list() == ["Jun-2007", "Feb-2009", "Oct-2010", "Feb-2014"]


def test_texts_with_commas_quotes_and_line_breaks_come_back(tmp_path: Path) -> None:
    path = write_loans([LOANS, LOANS], tmp_path / "loans.csv")
    back = read_loans(path)
    assert back["desc"].to_list()[:3] == ["a, b\nc", None, '"quoted"']
    assert back.height == 8


def test_the_note_above_the_header_and_the_totals_below_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "LoanStats.csv.gz"
    body = "Notes offered by Prospectus\n" + LOANS.write_csv() + "Total amount funded: 1,,,,,,\n"
    path.write_bytes(gzip.compress(body.encode()))
    assert read_loans(path).height == 4


def test_synthetic_loans_land_as_lendingclubs_do(tmp_path: Path) -> None:
    path = write_loans(enlarge(read_loans(None), 300), tmp_path / "loans.csv")
    book = LendingClub().read([path], None, None)
    assert (book.rows_landed, book.rejected.height) == (300, 0)
    assert set(book.feeds["loan_performance"]["status"]) == {"LATE", "DEFAULT", "CHARGED_OFF", "FULLY_PAID"}

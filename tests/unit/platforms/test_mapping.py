"""What a mapping makes of a download: columns, dates, signs of missing values, and its own mistakes."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.unit.platforms.mapped_lender import HEADER, MAPPING, mapping_file, performance

from p2pcredit.errors import HeaderError, UsageError
from p2pcredit.platforms.mapped import warnings
from p2pcredit.platforms.mapped.profile import load_mapping
from p2pcredit.platforms.mapped.shipped import prosper
from p2pcredit.platforms.registry import PLATFORMS, profile_named

PROSPER = Path(__file__).resolve().parents[4] / "shared" / "data" / "prosper" / "prosperLoanData_sample.csv.gz"


def test_columns_are_mapped_replaced_multiplied_and_dated(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(
        f"{HEADER}\n7,03.02.2020,500,12,0.1234,Miete,,Tirol,open,,\n8,03.02.2020,x,12,n/a,Burg,Wien,,open,,\n"
    )
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    terms = book.feeds["loan_terms"].select("loan_id", "origination_date", "loan_amount", "interest_rate").rows()
    assert terms == [("7", "2020-02-03", "500", "12.34"), ("8", "2020-02-03", "x", "n/a")]
    assert book.feeds["demographic"].select("home_ownership", "state").rows() == [("RENT", "Tirol"), ("Burg", "Wien")]
    assert book.feeds["financial"]["loan_id"].to_list() == ["7", "8"]


def test_the_signs_of_missing_that_a_mapping_names_land_as_blanks(tmp_path: Path) -> None:
    own = MAPPING.replace("events:\n", "file: {missing: [n.v., 9999]}\nevents:\n").replace(
        "interest_rate: {column: Rate,", "interest_rate: {column: Rate, missing: [-1, 'keine'],"
    )
    raw = tmp_path / "raw.csv"
    raw.write_text(
        f"{HEADER}\n7,03.02.2020,500,12, N.V. ,9999,n.v.,Tirol,open,,\n8,03.02.2020,-1,12,-1,keine,99990,,open,,\n"
        "9,03.02.2020,700,12,9999.0,Miete,,9999,open,,\nn.v.,03.02.2020,700,12,1,,,,open,,\n"
    )
    book = load_mapping(mapping_file(tmp_path, own)).read([raw], None, None)
    assert book.feeds["loan_terms"].select("loan_id", "loan_amount", "interest_rate").rows() == [
        ("7", "500", None),
        ("8", "-1", None),
        ("9", "700", None),
    ]
    home = book.feeds["demographic"].select("home_ownership", "state").rows()
    assert home == [(None, "Tirol"), ("keine", "99990"), ("RENT", None)]
    assert book.rejected["reason"].to_list() == ["no id"]


def test_a_date_that_means_no_value_is_not_the_day_on_which_statuses_were_read(tmp_path: Path) -> None:
    own = MAPPING.replace("  read_on: 2020-12-31\n", "").replace(
        "events:\n", "file: {missing: ['31.12.2999']}\nevents:\n"
    )
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n1,01.01.2020,5,12,1,,,,paid,01.06.2020,\n2,01.01.2020,5,12,1,,,,slow,31.12.2999,40\n")
    book = load_mapping(mapping_file(tmp_path, own)).read([raw], None, None)
    days = book.feeds["loan_performance"]["event_date"].to_list()
    assert days == ["2020-05-22", "2020-06-01", "2020-06-01"]  # late, paid, and late still on the last day there is


@pytest.mark.parametrize("sign", ["NA", "n/a", "-", "NULL", "#N/A"])
def test_of_several_columns_one_that_holds_a_sign_of_missing_gives_way_to_the_next(tmp_path: Path, sign: str) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,03.02.2020,500,12,1,,{sign},Tirol,open,,\n")
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert book.feeds["demographic"]["state"].to_list() == ["Tirol"]


def test_rows_without_id_or_origination_are_rejected(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n,01.01.2020,5,12,1,,,,open,,\n2,2020,5,12,1,,,,open,,\n3,01.01.2020\n")
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert (book.rows_in, book.rows_landed) == (3, 0)
    assert book.rejected["reason"].to_list() == ["no id", "unreadable Start", "2 fields, the header has 11"]


def test_a_raw_file_of_another_platform_names_the_missing_columns(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text("Nr,Start,Amount,Months\n1,2,3,4\n")
    with pytest.raises(HeaderError, match=r"lacks the columns State \(it has Nr, Start, Amount, Months\)"):
        load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    raw.write_text("Nr,Start,Amount,Months,STATUS\n1,2,3,4,5\n")
    with pytest.raises(HeaderError, match=r"lacks the columns State \(it has 'STATUS' for State\)"):
        load_mapping(mapping_file(tmp_path)).read([raw], None, None)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("loan_id: Nr", "loan_id: [1]", "key 'loan_id'"),
        (
            "loan_id: Nr",
            "loan_ident: Nr",
            r"key 'loan_ident' is unknown, perhaps 'loan_id' was meant; allowed here are name",
        ),
        ("name: lender", "name: ../up", "key 'name'"),
        ("    term: Months", "    terms: Months", "feeds.loan_terms.terms is no column"),
        ("    term: Months\n", "", "feeds.loan_terms.term is missing"),
        ("  demographic:", "  people:", "feeds.people is no feed"),
        ("status: FULLY_PAID", "status: DONE", r"key 'events\.rules\.paid"),
        ("times: 100", "times: much", r"key 'feeds\.loan_terms\.interest_rate\.times'"),
        ("{columns: [Region, Land]}", "{}", "give either 'column' or 'columns'"),
        ("name: lender", "name: lender\nfile: {encoding: utf-16}", r"key 'file\.encoding': .*'utf-16' is no encoding"),
        ("name: lender", "name: lender\nfile: {decimal: ;}", r"key 'file\.decimal'"),
        ("name: lender", "name: lender\nfile: {missing: n.v.}", r"key 'file\.missing': .*write a list of texts"),
        ("times: 100", "times: 100, date: iso", "'date' and 'times' cannot both hold"),
        ("name: lender", "name: [", "is not YAML"),
        ("name: lender", "name: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_wrong_mapping_names_its_key_in_one_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPING
    with pytest.raises(UsageError, match=says) as caught:
        load_mapping(mapping_file(tmp_path, MAPPING.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_profiles_are_found_by_name_or_by_path(tmp_path: Path) -> None:
    assert all(profile_named(name).name == name for name in PLATFORMS.built_in)
    assert profile_named(str(mapping_file(tmp_path))).name == "lender"
    with pytest.raises(UsageError, match="known are bondora, lendingclub, loan_tape, mintos, prosper, synthetic"):
        profile_named("zopa")
    with pytest.raises(UsageError, match="cannot be read"):
        profile_named(str(tmp_path / "absent.yaml"))


def test_real_prosper_loans_are_read_whole() -> None:
    if not PROSPER.is_file():
        pytest.skip("the real Prosper file is not on this machine")
    book = prosper().read([PROSPER], None, None)
    assert (book.rows_in, book.rows_landed, book.rejected["kind"].to_list()) == (2764, 2761, ["id stands twice"] * 3)
    statuses = dict(book.feeds["loan_performance"]["status"].value_counts().rows())
    # Loans that go on, 1,455 as agreed, 15 late and 10 in default, have an event with their totals; 114 were recovered.
    told = {"FULLY_PAID": 892, "CHARGED_OFF": 388 + 114, "DEFAULT": 398 + 10, "LATE": 413 + 15, "CURRENT": 1455}
    assert statuses == {**told, "unknown: Cancelled": 1}
    days = book.days()
    assert days is not None
    assert days.last <= date(2014, 3, 11)
    rates = book.feeds["loan_terms"]["interest_rate"].cast(pl.Float64)
    assert 0 <= rates.min() < rates.max() < 50  # type: ignore[operator]


PUBLIC = "LoanNumber,LoanOriginationDate,LoanOriginalAmount,Term,LoanStatus,DebtToIncomeRatio,StatedMonthlyIncome,"


PUBLIC += "IncomeVerifiable,IsBorrowerHomeowner,RevolvingCreditBalance,CreditScoreRangeLower,CreditScoreRangeUpper"


def test_the_marks_of_prospers_public_file_are_read_as_what_they_stand_for(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    rows = [
        "7,2013-12-24 00:00:00,9000,36,Current,.36,8000,True,False,3989,740,759",
        '8,12/24/2013 0:00,"9,000",36,Current,10.01,0.083333,FALSE,TRUE,"$1,444.00",0,19',
        "9,2013-12-24,9000,36,Current,0.2,2000,false,true,100,0.0,19.0",
    ]
    raw.write_text("\n".join([PUBLIC, *rows]))
    feeds = prosper().read([raw], None, None).feeds
    assert feeds["loan_terms"].select("origination_date", "loan_amount").rows() == [("2013-12-24", "9000")] * 3
    assert feeds["financial"].select(
        "debt_to_income", "annual_income", "income_verification", "revolving_balance"
    ).rows() == [
        ("36.0", "96000.0", "Verifiable", "3989"),
        ("1000.0", "1.0", "Not Verifiable", "1444.00"),
        ("20.0", "24000.0", "Not Verifiable", "100"),
    ]
    assert feeds["demographic"]["home_ownership"].to_list() == ["NOT_OWNER", "OWNER", "OWNER"]
    assert feeds["credit_history"].select("fico_low", "fico_high").rows() == [("740", "759"), ("", ""), ("", "")]


def test_a_year_of_two_digits_in_a_mapping_is_never_after_the_loan(tmp_path: Path) -> None:
    text = MAPPING.replace(
        "  demographic:", '  credit_history: {earliest_credit_line: {column: Home, date: "%m/%d/%y"}}\n  demographic:'
    )
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,03.02.2020,5,12,,01/05/68,,,open,,\n8,03.02.2020,5,12,,01/05/19,,,open,,\n")
    book = load_mapping(mapping_file(tmp_path, text)).read([raw], None, None)
    assert book.feeds["credit_history"]["earliest_credit_line"].to_list() == ["1968-01-05", "2019-01-05"]


def test_a_value_that_the_pattern_means_otherwise_is_no_date_of_silver(tmp_path: Path) -> None:
    text = MAPPING.replace(
        "  demographic:", '  credit_history: {earliest_credit_line: {column: Home, date: "%Y-%d-%m"}}\n  demographic:'
    )
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,03.02.2020,5,12,,2010-02-15,,,open,,\n8,03.02.2020,5,12,,2010-15-02,,,open,,\n")
    found = load_mapping(mapping_file(tmp_path, text)).read([raw], None, None).feeds["credit_history"]
    assert found["earliest_credit_line"].to_list() == ["2010-02-15, no date as the mapping says", "2010-02-15"]


@pytest.mark.parametrize("patterns", ['"%m/%d/%y"', '["%m/%d/%Y", "%m/%d/%y"]', '["%m/%d/%y", "%m/%d/%Y"]'])
def test_only_a_year_of_two_digits_is_moved_and_only_into_a_credible_past(tmp_path: Path, patterns: str) -> None:
    """In 2020, `21` is neither 2021 nor 1921; four digits stay what they are, which is in the future here."""
    text = MAPPING.replace(
        "  demographic:",
        f"  credit_history: {{earliest_credit_line: {{column: Home, date: {patterns}}}}}\n  demographic:",
    )
    written = ["03/05/20", "01/05/39", "02/01/40", "01/05/68", "02/03/20", "2045-01-05", "2020-03-05"]
    raw = tmp_path / "raw.csv"
    lines = [f"{n},03.02.2020,5,12,,{opened},,,open,," for n, opened in enumerate(written)]
    raw.write_text("\n".join([HEADER, *lines]))
    found = load_mapping(mapping_file(tmp_path, text)).read([raw], None, None).feeds["credit_history"]
    assert found["earliest_credit_line"].to_list() == [
        *("03/05/20", "01/05/39", "1940-02-01", "1968-01-05", "2020-02-03", "2045-01-05", "2020-03-05")
    ]


def test_a_meaning_given_to_a_blank_holds(tmp_path: Path) -> None:
    text = MAPPING.replace("    term: Months", '    term: {column: Months, values: {"": "36", "1 year": "12"}}')
    text = text.replace("    open: []", '    open: []\n    "": []')
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,03.02.2020,500,,,,,,,,\n8,03.02.2020,500,1 year,,,,,,,\n9,03.02.2020,500,n/a,,,,,,,\n")
    book = load_mapping(mapping_file(tmp_path, text)).read([raw], None, None)
    assert book.feeds["loan_terms"]["term"].to_list() == ["36", "12", "36"]
    assert book.feeds["loan_performance"].height == 0


def test_dates_outside_all_calendars_of_the_contract_are_unreadable(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,01.01.0000,5,12,0.1,,,,open,,\n8,01.01.1969,5,12,0.1,,,,open,,\n")
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert book.rejected["reason"].to_list() == ["unreadable Start", "Start lies before 1970"]
    found = performance(tmp_path, "7,03.02.2020,500,12,0.1,,,,paid,31.12.9999,")
    assert found == [("7", "31.12.9999", "FULLY_PAID", "0")]


def test_a_day_that_the_pattern_means_otherwise_is_never_read_as_iso(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,2020-03-02,5,12,,,,,open,,\n8,2020-02-25,5,12,,,,,open,,\n")
    swapped = MAPPING.replace('Start, date: "%d.%m.%Y"', 'Start, date: "%Y-%d-%m"')
    book = load_mapping(mapping_file(tmp_path, swapped)).read([raw], None, None)
    assert book.feeds["loan_terms"]["origination_date"].to_list() == ["2020-02-03"]
    assert book.rejected["reason"].to_list() == ["unreadable Start"]


def test_every_column_of_a_download_can_be_looked_at(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"a note, with a comma\n{HEADER.replace(',', ';')};More\n7;03.02.2020;5;12;;;;;open;;;1,5\n")
    table = load_mapping(mapping_file(tmp_path)).columns(raw)
    assert table.columns == [*HEADER.split(","), "More"]
    assert table["More"].to_list() == ["1,5"]


def test_a_column_that_the_mapping_names_and_the_file_lacks_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n7,03.02.2020,5,12,,,,,open,,\n".replace("Home", "House").replace("Region", "R"))
    book = load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert book.rows_landed == 1
    assert [record.message for record in caplog.records] == [
        "raw.csv has no column Home, which the mapping names; check how it is written, else its values are missing"
    ]

    caplog.clear()
    raw.write_text("Nr,Start,Amount,Months,State\n7,03.02.2020,5,12,open\n")
    monkeypatch.setattr(warnings, "MOST_ABSENT_NAMED", 2)
    load_mapping(mapping_file(tmp_path)).read([raw], None, None)
    assert "no column Rate, Home and 3 others, which" in caplog.records[0].message

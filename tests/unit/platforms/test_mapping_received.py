"""What loans have paid in all, as a mapping names it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.errors import UsageError
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.mapped.profile import load_mapping

MAPPING = """
name: lender
loan_id: Nr
origination_date: Start
feeds:
  loan_terms: {loan_amount: Amount, term: Months, interest_rate: Rate}
events:
  status: State
  "on": Since
  days_past_due: Late
  read_on: 2020-12-31
  received:
    principal: Principal
    interest: [Interest, Extra]
    recoveries: [Gross, -Net]
    last_on: Last
  rules:
    paid: [{status: FULLY_PAID}]
    lost: [{status: DEFAULT, days_past_due: 90, after_days: -30}, {status: CHARGED_OFF, days_past_due: 120}]
    open: []
    slow: past_due
    void: unknown
"""
HEADER = "Nr,Start,Amount,Months,Rate,State,Since,Late,Principal,Interest,Extra,Gross,Net,Last"
SHOWN = (
    *("loan_id", "event_date", "status", "days_past_due", "principal_received", "interest_received"),
    *("recovery_received", "totals_to_date", "last_payment_date", "rebuilt"),
)


def read(tmp_path: Path, *lines: str, mapping: str = MAPPING) -> RawBook:
    profile, raw = tmp_path / "lender.yaml", tmp_path / "raw.csv"
    profile.write_text(mapping)
    raw.write_text("\n".join([HEADER, *lines]))
    return load_mapping(profile).read([raw], None, None)


def events(book: RawBook) -> list[tuple[str | None, ...]]:
    return book.feeds["loan_performance"].select(SHOWN).rows()


def test_totals_stand_on_the_event_that_closes_the_loan(tmp_path: Path) -> None:
    book = read(tmp_path, "1,2020-01-15,1000,12,12,paid,2020-07-03,,1000,40.126,,,,")
    assert events(book) == [
        ("1", "2020-07-03", "FULLY_PAID", "0", "1000.0", "40.13", None, "yes", "2020-07-03", "no"),
    ]
    assert book.feeds["loan_terms"]["payments"].to_list() == ["SCHEDULED"]


def test_columns_are_added_up_and_taken_off_and_recoveries_come_after_the_charge_off(tmp_path: Path) -> None:
    lost = "1,2020-01-15,1000,12,12,lost,2020-06-20,,80,9,1.5,900,870,2020-02-15"
    assert events(read(tmp_path, lost)) == [
        ("1", "2020-05-21", "DEFAULT", "90", None, None, None, None, None, "yes"),
        ("1", "2020-06-20", "CHARGED_OFF", "120", "80.0", "10.5", None, "yes", "2020-02-15", "no"),
        ("1", "2020-12-17", "CHARGED_OFF", "300", None, None, "30.0", None, None, "yes"),
    ]
    soon = MAPPING.replace("    last_on: Last\n", "    recovered_after_days: 400\n")
    *_, closed, recovered = events(read(tmp_path, lost, mapping=soon))
    assert closed[8] == "2020-02-21"  # nothing came in since the first instalment missed
    assert recovered[1] == "2020-12-31"  # no later than the day of the file


def test_a_loan_that_goes_on_has_its_totals_from_the_day_of_the_file(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        "1,2020-01-15,1000,12,12,open,,,300,40,,,,2020-12-15",
        "2,2020-01-15,1000,12,12,slow,,45,200,30,,,,",
        "3,2020-01-15,1000,12,12,slow,,95,100,20,,,,",
        "4,2020-01-15,1000,12,12,slow,,5,100,20,,,,",
    )
    found = sorted(events(book))
    assert [(row[0], row[1], row[2], row[3], row[4]) for row in found] == [
        ("1", "2020-12-31", "CURRENT", "0", "300.0"),
        ("2", "2020-12-16", "LATE", "30", None),
        ("2", "2020-12-31", "LATE", "45", "200.0"),
        ("3", "2020-10-27", "LATE", "30", None),
        ("3", "2020-12-26", "DEFAULT", "90", None),
        ("3", "2020-12-31", "DEFAULT", "95", "100.0"),
        ("4", "2020-12-31", "CURRENT", "5", "100.0"),
    ]
    assert found[0][8] == "2020-12-15"


def test_a_loan_without_a_total_or_with_a_status_that_says_nothing_has_none(tmp_path: Path) -> None:
    book = read(
        tmp_path,
        "1,2020-01-15,1000,12,12,open,,,,,,,,",
        "2,2020-01-15,1000,12,12,void,,,100,5,,,,",
        "3,2020-01-15,1000,12,12,strange,2020-03-01,,100,5,,,,",
    )
    assert [(row[0], row[2], row[7]) for row in events(book)] == [("2", "unknown: void", None), ("3", "strange", None)]
    assert book.feeds["loan_terms"].select("loan_id", "payments").rows()[0] == ("1", None)


def test_a_mapping_without_totals_gives_the_events_that_it_gave(tmp_path: Path) -> None:
    start, end = MAPPING.index("  received:"), MAPPING.index("  rules:")
    book = read(tmp_path, "1,2020-01-15,1000,12,12,open,,,300,40,,,,", mapping=MAPPING[:start] + MAPPING[end:])
    assert events(book) == []
    assert book.feeds["loan_terms"]["payments"].to_list() == [None]


def test_totals_without_principal_are_refused_with_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"events\.received\.principal"):
        read(tmp_path, mapping=MAPPING.replace("    principal: Principal\n", ""))


def test_prospers_totals_are_those_of_its_file() -> None:
    path = Path(__file__).resolve().parents[4] / "shared" / "data" / "prosper" / "prosperLoanData_sample.csv.gz"
    if not path.is_file():
        pytest.skip("the real loan file is not on this machine")
    from p2pcredit.platforms.mapped.shipped import prosper

    book = prosper().read([path], None, None)
    money = pl.col("principal_received", "interest_received").cast(pl.Float64)
    found = book.feeds["loan_performance"].filter(pl.col("totals_to_date") == "yes").select(money)
    raw = pl.read_csv(path, infer_schema_length=5000).unique("LoanNumber").filter(pl.col("LoanStatus") != "Cancelled")
    assert found.height == raw.height == 2760
    assert found["principal_received"].sum() == pytest.approx(raw["LP_CustomerPrincipalPayments"].sum(), abs=0.005)
    assert found["interest_received"].sum() == pytest.approx(raw["LP_InterestandFees"].round(2).sum(), abs=0.005)
    last = book.feeds["loan_performance"]["snapshot_date"].max()
    assert isinstance(last, date)
    assert last <= date(2014, 3, 12)

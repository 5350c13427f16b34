"""A servicing tape, or snapshots of a whole book, become events: by what changed, what was paid and how it ended."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from tests.unit.platforms.mapped_lender import mapping_file

from p2pcredit.errors import UsageError
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.mapped.profile import load_mapping

MAPPING = """
name: lender
tape:
  files: "tape*.csv"
  loan_id: Loan
  day: Month
  days_past_due: Late
  balance: Owed
  principal: Principal
  interest: Interest
  status: State
  statuses: {A: CURRENT, C: FULLY_PAID, W: CHARGED_OFF}
  steady: [Sum]
loan_id: Nr
origination_date: Start
feeds:
  loan_terms: {loan_amount: Amount, term: Months}
"""
LOANS = "Nr,Start,Amount,Months\n1,2020-01-01,300,3\n2,2020-01-01,300,3\n3,2020-01-02,300,3\n4,2020-01-02,300,3\n"
HEADER = "Loan,Month,Late,Owed,Principal,Interest,State,Sum"
PAID_BACK = ["1,2020-01-31,0,200,100,9,A,300", "1,2020-02-29,0,100,100,9,A,300", "1,2020-03-31,0,0,100,9,C,300"]
LOST = [
    "2,2020-01-31,0,200,100,9,A,300",
    "2,2020-02-29,30,200,0,0,A,300",
    "2,2020-03-31,61,200,0,0,A,300",
    "2,2020-04-30,91,200,0,0,A,300",
    "2,2020-05-31,122,200,0,0,W,300",
    "2,2020-06-30,152,150,50,0,W,300",
]


def read(tmp_path: Path, *lines: str, text: str = MAPPING, header: str = HEADER) -> RawBook:
    loans, tape = tmp_path / "loans.csv", tmp_path / "tape.csv"
    loans.write_text(LOANS)
    tape.write_text("\n".join([header, *lines, ""]))
    return load_mapping(mapping_file(tmp_path, text), date(2021, 1, 1)).read([tape, loans], None, None)


def events(book: RawBook, loan: str) -> list[tuple[str | None, ...]]:
    rows = book.feeds["loan_performance"].filter(loan_id=loan).sort("event_date", maintain_order=True)
    return rows.select("event_date", "status", "days_past_due").rows()


def test_a_loan_that_pays_as_agreed_has_its_payments_and_its_end(tmp_path: Path) -> None:
    book = read(tmp_path, *PAID_BACK)
    rows = book.feeds["loan_performance"].filter(loan_id="1")
    columns = ("event_date", "status", "principal_received", "interest_received", "principal_outstanding", "rebuilt")
    assert rows.select(columns).rows() == [
        ("2020-01-31", "CURRENT", "100.0", "9.0", "200.0", "no"),
        ("2020-02-29", "CURRENT", "100.0", "9.0", "100.0", "no"),
        ("2020-03-31", "FULLY_PAID", "100.0", "9.0", "0.0", "no"),
    ]


def test_a_loan_that_stops_paying_is_late_in_default_charged_off_and_recovered(tmp_path: Path) -> None:
    book = read(tmp_path, *LOST)
    assert events(book, "2") == [
        ("2020-01-31", "CURRENT", "0"),
        ("2020-02-29", "LATE", "30"),
        ("2020-03-31", "LATE", "61"),
        ("2020-04-30", "DEFAULT", "91"),
        ("2020-05-31", "CHARGED_OFF", "122"),
        ("2020-06-30", "CHARGED_OFF", "152"),
    ]
    last = book.feeds["loan_performance"].filter(loan_id="2", event_date="2020-06-30")
    assert last.select("principal_received", "recovery_received").rows() == [(None, "50.0")]


def test_rows_in_any_order_and_over_any_files_say_the_same(tmp_path: Path) -> None:
    whole = events(read(tmp_path, *PAID_BACK, *LOST), "2")
    assert events(read(tmp_path, *reversed([*LOST, *PAID_BACK])), "2") == whole
    (tmp_path / "tape.csv").write_text("\n".join([HEADER, *PAID_BACK, *LOST[3:], ""]))
    (tmp_path / "tape_2.csv").write_text("\n".join([HEADER, *LOST[:3], ""]))
    profile = load_mapping(mapping_file(tmp_path, MAPPING), date(2021, 1, 1))
    book = profile.read([tmp_path / name for name in ("tape.csv", "tape_2.csv", "loans.csv")], None, None)
    assert events(book, "2") == whole


def test_default_may_begin_on_the_first_day_past_due(tmp_path: Path) -> None:
    early = MAPPING.replace("  balance", "  default_days: 1\n  balance")
    lines = ("3,2020-01-31,0,300,0,0,A,300", "3,2020-02-29,1,300,0,0,A,300", *PAID_BACK)
    assert events(read(tmp_path, *lines, text=early), "3") == [("2020-02-29", "DEFAULT", "1")]


def test_a_loan_whose_rows_end_early_or_that_has_none_is_unknown_and_never_good(tmp_path: Path) -> None:
    book = read(tmp_path, *PAID_BACK, "3,2020-01-31,0,200,100,9,A,300")
    assert events(book, "3") == [("2020-01-31", "CURRENT", "0"), ("2020-02-29", "left the tape", None)]
    assert events(book, "4") == [("2020-01-02", "not on the tape", None)]
    paid = MAPPING.replace("  balance", "  gone: FULLY_PAID\n  balance")
    book = read(tmp_path, *PAID_BACK, "3,2020-01-31,0,200,100,9,A,300", text=paid)
    assert events(book, "3")[-1] == ("2020-02-29", "FULLY_PAID", "0")


def test_loans_that_began_long_before_the_tape_are_left_out_unless_the_mapping_says_that_nothing_had_happened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    seen = ["1,2020-03-31,0,100,100,9,A,300", "1,2020-04-30,0,0,100,9,C,300", "3,2020-03-31,0,100,0,0,A,300"]
    assert read(tmp_path, *seen).rows_landed == 4  # 90 days old, no more
    late = [line.replace("2020-03-31", "2020-04-01") for line in seen]
    with caplog.at_level(logging.WARNING):
        book = read(tmp_path, *late)
    assert book.feeds["loan_terms"]["loan_id"].to_list() == ["3", "4"]
    assert book.rejected["kind"].to_list() == ["began long before the tape"] * 2
    assert events(book, "1") == []
    assert "2 loans began more than 90 days before the tape, 2020-04-01, and are left out" in caplog.text
    for more in ("before: CURRENT", "default_days: 120"):
        assert read(tmp_path, *late, text=MAPPING.replace("  steady", f"  {more}\n  steady")).rows_landed == 4


def test_a_tape_with_amounts_only_counts_days_from_the_first_row_overdue(tmp_path: Path) -> None:
    text = MAPPING.replace("  days_past_due: Late\n", "  overdue: Late\n").replace("  status: State\n", "")
    text = text.replace("  statuses: {A: CURRENT, C: FULLY_PAID, W: CHARGED_OFF}\n", "")
    lines = ("3,2020-01-31,0,300,0,0,,300", "3,2020-02-29,9,300,0,0,,300", "3,2020-05-31,9,300,0,0,,300")
    assert events(read(tmp_path, *lines, "3,2020-06-30,0,300,0,0,,300", text=text), "3") == [
        ("2020-02-29", "LATE", "1"),
        ("2020-05-31", "DEFAULT", "93"),
        ("2020-06-30", "CURRENT", "0"),
    ]


def test_snapshots_of_a_whole_book_have_their_day_in_the_name_and_become_events_by_difference(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = MAPPING.replace("  day: Month\n", '  day_in_name: "%Y_%m"\n').replace("tape*", "book*")
    profile = load_mapping(mapping_file(tmp_path, text), date(2021, 1, 1))
    (tmp_path / "loans.csv").write_text(LOANS)
    (tmp_path / "book_2020_01.csv").write_text(f"{HEADER}\n1,,0,300,,,A,300\n2,,0,300,,,A,300\n")
    (tmp_path / "book_2020_02.csv").write_text(f"{HEADER}\n1,,31,300,,,A,310\n2,,0,0,,,C,300\n9,,0,0,,,C,300\n")
    files = [tmp_path / f"{name}.csv" for name in ("loans", "book_2020_01", "book_2020_02")]
    with caplog.at_level(logging.WARNING):
        book = profile.read(files, None, None)
    assert events(book, "1") == [("2020-02-29", "LATE", "31")]
    assert events(book, "2") == [("2020-02-29", "FULLY_PAID", "0")]
    said = [record.getMessage() for record in caplog.records]
    assert "1 loans have more than one Sum on the tape, which should not change" in said
    assert "1 loans of the tape are not among the loans landed; their rows are left out" in said


def test_what_a_tape_cannot_say_is_rejected_or_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [",2020-01-31,0,1,,,A,300", "3,soon,0,1,,,A,300", "3,2029-01-01,0,1,,,A,300", "3,2020-01-31"]
    with caplog.at_level(logging.WARNING):
        book = read(tmp_path, *PAID_BACK, PAID_BACK[2], "1,2020-04-30,45,0,0,0,A,300", *lines)
    assert (book.rows_in, book.rows_landed, book.rejected.height) == (8, 4, 4)
    kinds = ["no id on the tape", "no day on the tape", "a day of the tape in the future"]
    assert set(book.rejected["kind"].to_list()) == {*kinds, "another number of fields than the header"}
    assert "1 rows of the tape repeat a loan and a day; the last of them counts" in caplog.text
    assert "1 loans have days past due on the tape after they were paid back" in caplog.text


def test_a_status_without_a_meaning_and_days_that_are_none_are_never_guessed_at(tmp_path: Path) -> None:
    book = read(tmp_path, "3,2020-01-31,0,300,,,Z,300", "4,2020-01-31,x,300,,,,300", *PAID_BACK[:1])
    assert [status for _, status, _ in events(book, "3")] == ["Z"]
    assert [status for _, status, _ in events(book, "4")] == [None]


def test_a_tape_may_compute_its_days_and_write_commas(tmp_path: Path) -> None:
    text = MAPPING.replace("name: lender", 'name: lender\nfile: {decimal: ","}')
    text = text.replace("day: Month", "day: {expression: \"last_day(as_date(Month || '-01'))\"}")
    header = HEADER.replace(",", ";")
    book = read(tmp_path, "1;2020-02;0;1.234,50;0,5;0;A;300", text=text, header=header)
    rows = book.feeds["loan_performance"].filter(loan_id="1")
    assert rows.select("event_date", "principal_outstanding", "principal_received").rows() == [
        ("2020-02-29", "1234.5", "0.5")
    ]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  day: Month\n", "", "give one of 'day', a column, and 'day_in_name'"),
        ("  day: Month\n", '  day_in_name: "month"\n', "'day_in_name' is made of %Y, %m and %d"),
        ("  days_past_due: Late\n", "  days_late: Late\n", "key 'tape.days_late' is unknown, perhaps 'days_past_due'"),
        ("A: CURRENT", "A: OPEN", "key 'tape.statuses.A': found 'OPEN'; write what its texts mean"),
        ("  status: State\n", "", "'status' and 'statuses' go together"),
        ("loan_id: Nr", "events: {status: X, rules: {a: []}}\nloan_id: Nr", "'tape' and 'events' both say what became"),
        ("  loan_id: Loan\n", "", "key 'tape.loan_id' is missing; write its column of ids"),
    ],
)
def test_a_slip_in_a_tape_says_what_to_write(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in MAPPING
    with pytest.raises(UsageError, match=says):
        load_mapping(mapping_file(tmp_path, MAPPING.replace(old, new, 1)))


@pytest.mark.parametrize("written", ["90+", "61-90", "-30", "30.5"])
def test_days_past_due_that_are_no_whole_days_stand_in_their_event_as_they_were_written(
    tmp_path: Path, written: str
) -> None:
    book = read(tmp_path, "1,2020-01-31,0,200,100,9,A,300", f"1,2020-02-29,{written},200,0,0,A,300")
    assert events(book, "1")[-1] == ("2020-02-29", "CURRENT", f"{written} is no whole number of days")
    remedy = load_mapping(mapping_file(tmp_path, MAPPING), date(2021, 1, 1)).remedies["days_past_due"]
    assert (
        "write whole days into Late, such as 45, and name it in the mapping (tape: {days_past_due: COLUMN})" in remedy
    )


@pytest.mark.parametrize(
    ("counted", "asked"), [(lambda month: month, True), (lambda month: 30 * month, False), (lambda month: 4, False)]
)
def test_months_past_due_in_place_of_days_are_asked_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, counted: Callable[[int], int], asked: bool
) -> None:
    """A loan that pays nothing in a month is thirty days later at its end, and not one."""
    lines = [
        f"{loan},2020-{month:02}-28,{counted(month - 1)},300,0,0,A,300"
        for loan in (1, 2, 3, 4)
        for month in range(1, 6)
    ]
    read(tmp_path, *lines)
    said = [message for message in caplog.messages if "later" in message]
    assert len(said) == asked
    if asked:
        assert said[0].startswith("Late: in 12 of 12 months in which a late loan became later it did so by less than a")
        assert said[0].endswith("'days_past_due: {column: Late, times: 30}'")


def test_months_past_due_become_days_by_times(tmp_path: Path) -> None:
    text = MAPPING.replace("days_past_due: Late", "days_past_due: {column: Late, times: 30}")
    book = read(tmp_path, "1,2020-01-31,0,200,100,9,A,300", "1,2020-04-30,3,200,0,0,A,300", text=text)
    assert events(book, "1")[-1] == ("2020-04-30", "DEFAULT", "90")


def test_a_file_without_any_days_past_due_beside_files_with_them_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All its loans would count as their status says, which in many books is the same for late ones."""
    for name, month, late in (("tape_1", 1, 0), ("tape_2", 2, ""), ("tape_3", 3, "")):
        rows = [f"{loan},2020-{month:02}-28,{late},300,0,0,A,300" for loan in range(1, 21)]
        (tmp_path / f"{name}.csv").write_text("\n".join([HEADER, *rows, ""]))
    loans = tmp_path / "loans.csv"
    loans.write_text(LOANS)
    lender = load_mapping(mapping_file(tmp_path, MAPPING), date(2021, 1, 1))
    lender.read([loans, tmp_path / "tape_1.csv"], None, None)
    assert not [message for message in caplog.messages if "no row has days past due" in message]
    lender.read([loans, *sorted(tmp_path.glob("tape_*.csv"))], None, None)
    (said,) = [message for message in caplog.messages if "no row has days past due" in message]
    assert said.startswith("tape_2.csv and 1 more: no row has days past due, which other files of the tape have")

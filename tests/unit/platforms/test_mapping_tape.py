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


def monthly(loan: str, *said: tuple[int, float], first: int = 1) -> list[str]:
    """Write rows of month ends from January 2020 on, each with its days past due and balance."""
    ends = ["01-31", "02-29", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31"][first - 1 :]
    return [f"{loan},2020-{end},{late},{owed},,,A,300" for end, (late, owed) in zip(ends, said, strict=False)]


def told(caplog: pytest.LogCaptureFixture, tmp_path: Path, *lines: str, text: str = MAPPING) -> tuple[RawBook, str]:
    with caplog.at_level(logging.WARNING):
        book = read(tmp_path, *lines, text=text)
    return book, caplog.text


def test_days_past_due_that_jump_up_and_back_make_no_default(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, later = monthly("1", (999, 300), (0, 200), (0, 100)), monthly("2", (0, 300), (0, 250), (999, 200), (5, 150))
    book, said = told(caplog, tmp_path, *first, *later, *monthly("3", (0, 300), (29, 300), (60, 300), (91, 300)))
    assert [row for row in events(book, "1") + events(book, "2") if row[1] == "DEFAULT"] == []
    assert ("2020-04-30", "DEFAULT", "91") in events(book, "3")
    assert "2 rows of the tape have more days past due than the loan is old, or than the time since the row" in said


def test_days_past_due_that_go_on_count_though_they_came_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    returned = monthly("2", (0, 300), (0, 300), (0, 300), (0, 300), (100, 300), (131, 300))
    book, said = told(caplog, tmp_path, *returned)
    assert ("2020-05-31", "DEFAULT", "100") in events(book, "2")
    assert "days past due than" not in said


@pytest.mark.parametrize(("early", "lost"), [(5, 1), (0, 0)])
def test_a_loan_is_two_buckets_later_in_a_month_only_where_few_days_are_never_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, early: int, lost: int
) -> None:
    book, said = told(caplog, tmp_path, *monthly("1", (0, 300), (60, 300), (0, 200)), *monthly("2", (early, 300)))
    assert (len([row for row in events(book, "1") if row[2] == "60"]), "1 rows of" in said) == (1 - lost, bool(lost))


def test_a_negative_balance_is_no_end_and_one_that_was_overpaid_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    negated, overpaid = monthly("1", (0, 300), (0, -200), (0, 100)), monthly("2", (0, 300), (0, 200), (0, -1))
    book, said = told(caplog, tmp_path, *negated, *overpaid)
    assert [status for _, status, _ in events(book, "1")] == []
    assert events(book, "2") == [("2020-03-31", "FULLY_PAID", "0")]
    assert "1 rows of the tape have a balance below zero; it is left out, and says of no loan that it is" in said


def test_a_balance_of_ten_times_those_beside_it_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [line.replace(",,,A", ",1,1,A") for line in monthly("1", (0, 300), (0, 25000), (0, 200), (0, 100))]
    book, said = told(caplog, tmp_path, *lines)
    rows = book.feeds["loan_performance"].filter(loan_id="1").sort("event_date")
    assert rows["principal_outstanding"].to_list() == ["300.0", None, "200.0", "100.0"]
    assert "1 rows of the tape have ten times the balance of the rows before and after" in said


def test_months_without_a_row_are_told_unless_a_tape_has_rows_of_changes_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = [line for loan in "123" for line in monthly(loan, (0, 300), (0, 200), (0, 100))]
    _, said = told(caplog, tmp_path, *whole, *[monthly("4", (0, 300), (0, 200), (0, 100))[place] for place in (0, 2)])
    assert "1 of 4 loans have no row of a month between their first and their last on the tape" in said
    caplog.clear()
    _, sparse = told(
        caplog, tmp_path, *[monthly(loan, (0, 300), (0, 9), (0, 8))[place] for loan in "123" for place in (0, 2)]
    )
    assert "no row of a month" not in sparse


def test_amounts_of_another_unit_than_the_balances_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [line for loan in "1234" for line in monthly(loan, (0, 3.0), (0, 2.5))]
    _, said = told(caplog, tmp_path, *lines)
    assert "4 of 4 loans have an amount that is five times their first balance on the tape, or a fifth of it" in said
    caplog.clear()
    _, sound = told(caplog, tmp_path, *[line for loan in "1234" for line in monthly(loan, (0, 290), (0, 250))])
    assert "five times" not in sound


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

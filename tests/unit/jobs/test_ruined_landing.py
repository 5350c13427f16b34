"""A landing of which most is rejected, or nothing lands, is refused in one line and changes nothing of the home."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.errors import QuarantineError, SourceError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.periods import DateRange
from p2pcredit.settings import LandingSettings, Settings
from p2pcredit.storage.layout import Layout

MAPPING = """
name: lender
loan_id: Nr
origination_date: {column: Start, date: "%d.%m.%Y"}
feeds:
  loan_terms: {loan_amount: Amount, term: Months}
  financial: {annual_income: Income}
events:
  status: State
  "on": Since
  rules: {open: [], paid: [{status: FULLY_PAID}]}
"""
HEADER = "Nr,Start,Amount,Months,Income,State,Since"
SOUND = [f"{n},0{n}.02.2020,500,12,9000,open," for n in range(1, 10)]
TOTAL = "Total amount funded in policy code 1: 5"


@pytest.fixture
def ctx(tmp_path: Path) -> JobContext:
    return JobContext(Layout(tmp_path / "home"), Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC))


def land_rows(ctx: JobContext, tmp_path: Path, *rows: str, mapping: str = MAPPING, **days: date) -> dict[str, object]:
    (tmp_path / "lender.yaml").write_text(mapping)
    raw = tmp_path / "raw.csv"
    raw.write_text("\n".join([HEADER, *rows]))
    return land(ctx, str(tmp_path / "lender.yaml"), [raw], days.get("first"), days.get("last"))


def refusal(ctx: JobContext, tmp_path: Path, *rows: str, mapping: str = MAPPING) -> str:
    with pytest.raises(SourceError) as caught:
        land_rows(ctx, tmp_path, *rows, mapping=mapping)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def files(ctx: JobContext) -> list[str]:
    return [str(path.relative_to(ctx.layout.home)) for path in ctx.layout.home.rglob("*") if path.is_file()]


def changed(rows: list[str], column: str, text: str, times: int) -> list[str]:
    place = HEADER.split(",").index(column)
    cut = [row.split(",") for row in rows]
    return [",".join([*r[:place], text, *r[place + 1 :]]) if at < times else ",".join(r) for at, r in enumerate(cut)]


@pytest.mark.parametrize(
    ("column", "text", "says"),
    [
        (
            "Start",
            "2020/02/25",
            r"5 of 9 records are rejected, most often \(5\): unreadable Start, such as '2020/02/25'; say in the "
            r"mapping how it is written, origination_date: \{column: Start, date: '%Y/%m/%d'\}; nothing landed",
        ),
        ("Start", "43886", "such as '43886'; it is how a spreadsheet counts days; give the column a date format there"),
        ("Start", "", r"\(5\): no Start; fill column 'Start', or name the column .*, origination_date: COLUMN"),
        ("Start", " n/a ", r"\(5\): no Start, such as 'n/a'; fill column 'Start', or name the column"),
        (
            "Start",
            "1582588800000",
            r"unreadable Start, such as '1582588800000'; it counts milliseconds since 1970, which no mapping reads; "
            r"write days into column 'Start', such as 2020-02-25; nothing landed",
        ),
        (
            "Start",
            "25.02.1921",
            "Start lies before 1970, such as '25.02.1921'; say in the mapping how it is written, origination_date: ",
        ),
        ("Nr", "", "no id; the ids are looked for in the column 'Nr'"),
        ("Nr", "7.1E+05", r"lost its digits, such as '7\.1E\+05'; export the column 'Nr' as text"),
        ("Nr", "9", "id stands twice, such as '9'; it looks like one row per loan and month"),
        ("Start", "25.02.2099", "originated after 2021-01-01, in the future, such as '2099-02-25'"),
        ("Amount", "abc", "5 of 9 values of loan_terms.loan_amount cannot be read, such as 'abc'; name another column"),
        ("Amount", "-5", "values of loan_terms.loan_amount cannot be read, such as '-5'"),
        ("Amount", "", "values of loan_terms.loan_amount cannot be read, such as 'blank'"),
        ("Months", "three years", r"loan_terms.term cannot be read, such as 'three years'; Months holds whole months"),
    ],
)
def test_the_commonest_reason_its_count_an_example_and_the_remedy_are_named(
    ctx: JobContext, tmp_path: Path, column: str, text: str, says: str
) -> None:
    message = refusal(ctx, tmp_path, *changed(SOUND, column, text, 5))
    assert message.startswith("raw.csv: ")
    assert re.search(says, message), message


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("1582588800", "it counts seconds since 1970, which no mapping reads; write days into column '{}', such as"),
        ("1582588800000", "it counts milliseconds since 1970, which no mapping reads; write days into column '{}'"),
        ("1.5825888e12", "it counts milliseconds since 1970, which no mapping reads; write days into column '{}'"),
        ("43886", "it is how a spreadsheet counts days; give the column a date format there"),
        ("25.02.2020", "say in the mapping how it is written"),
    ],
)
def test_dates_beside_the_origination_that_cannot_be_read_are_named_with_what_to_write(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture, written: str, says: str
) -> None:
    mapping = MAPPING.replace("financial: {annual_income: Income}", "credit_history: {earliest_credit_line: Income}")
    rows = [f"{n},0{n}.02.2020,500,12,{written},paid,{written}" for n in range(1, 10)]
    land_rows(ctx, tmp_path, *rows, mapping=mapping, last=date(2020, 6, 30))
    opened, ended = (line for line in caplog.messages if "cannot be read" in line)
    assert opened.startswith(
        f"9 of 9 values of credit_history.earliest_credit_line cannot be read, such as '{written}'"
    )
    assert says.format("Income") in opened
    assert ended.startswith(f"9 of 9 values of loan_performance.event_date cannot be read, such as '{written}'")
    assert f"what became of a loan is unknown; it is the date in column 'Since', which holds '{written}': " in ended
    assert says.format("Since") in ended


def test_only_the_rejected_records_are_left_behind_and_their_file_is_named(ctx: JobContext, tmp_path: Path) -> None:
    message = refusal(ctx, tmp_path, *changed(SOUND, "Start", "soon", 9))
    (left,) = files(ctx)
    assert left.startswith("data/rejected/lender_")
    assert str(ctx.layout.home / left) in message
    assert len((ctx.layout.home / left).read_text().splitlines()) == 9


def test_a_refused_landing_leaves_an_earlier_one_as_it_was(ctx: JobContext, tmp_path: Path) -> None:
    land_rows(ctx, tmp_path, *SOUND)
    before = {path: (ctx.layout.home / path).read_bytes() for path in files(ctx)}
    refusal(ctx, tmp_path, *changed(SOUND, "Amount", "x", 9))
    assert {path: (ctx.layout.home / path).read_bytes() for path in files(ctx)} == before


def test_a_few_rejected_records_are_counted_and_the_rest_lands(ctx: JobContext, tmp_path: Path) -> None:
    receipt = land_rows(ctx, tmp_path, *changed(SOUND, "Start", "soon", 1), "9,01.02.2020,1,12,,open,")
    assert receipt["reasons"] == {
        "unreadable Start": {"count": 1, "example": "soon"},
        "id stands twice": {"count": 1, "example": "9"},
    }
    assert (receipt["rows_in"], receipt["rows_landed"], receipt["rows_rejected"]) == (10, 8, 2)


def test_the_limit_is_a_setting_and_nothing_landed_is_refused_under_any(ctx: JobContext, tmp_path: Path) -> None:
    lenient = Settings(landing=LandingSettings(max_rejected_share=1))
    ctx = JobContext(ctx.layout, lenient, ctx.run_id, ctx.at)
    assert "9 of 9 records are rejected" in refusal(ctx, tmp_path, *changed(SOUND, "Start", "soon", 9))
    assert land_rows(ctx, tmp_path, *changed(SOUND, "Start", "soon", 8))["rows_landed"] == 1


def test_values_that_silver_will_not_read_are_counted_by_column(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = changed(changed(SOUND, "Income", "lots", 4), "Amount", "x", 1)
    receipt = land_rows(ctx, tmp_path, *changed(rows, "State", "gone", 3))
    assert receipt["unreadable"] == {
        "financial.annual_income": {"count": 4, "example": "lots"},
        "loan_performance.status": {"count": 3, "example": "gone"},
        "loan_performance.days_past_due": {"count": 3, "example": "blank"},
        "loan_terms.loan_amount": {"count": 1, "example": "x"},
    }
    said = [record.message for record in caplog.records]
    assert said == [
        "4 of 9 values of financial.annual_income cannot be read, such as 'lots'",
        "3 of 3 values of loan_performance.status cannot be read, such as 'gone'; say under events.rules what each "
        "text of State means",
    ]


def test_a_file_with_a_header_alone_or_totals_alone_is_refused(ctx: JobContext, tmp_path: Path) -> None:
    assert "the file has a header and no loan" in refusal(ctx, tmp_path)
    raw = tmp_path / "club.csv"
    raw.write_text(f"id,loan_amnt,term,issue_d,loan_status,last_pymnt_d\n{TOTAL},,,,,\n")
    with pytest.raises(SourceError, match=r"club\.csv: the file has a header and no loan"):
        land(ctx, "lendingclub", [raw], None, None)


def test_summary_lines_and_loans_of_other_days_are_not_counted_against_a_file(ctx: JobContext, tmp_path: Path) -> None:
    raw = tmp_path / "club.csv"
    loans = "1,500, 36 months,Jan-2010,Fully Paid,Mar-2010\n2,600, 36 months,Mar-2010,Fully Paid,Mar-2010\n"
    raw.write_text(f"id,loan_amnt,term,issue_d,loan_status,last_pymnt_d\n{loans}{TOTAL}\n{TOTAL}\n{TOTAL}\n")
    receipt = land(ctx, "lendingclub", [raw], date(2010, 2, 1), date(2010, 3, 31))
    assert (receipt["rows_landed"], receipt["rows_rejected"]) == (1, 4)
    quiet = land(ctx, "lendingclub", [raw], date(2010, 2, 1), date(2010, 2, 3))
    assert (quiet["rows_landed"], quiet["feeds"]["loan_terms"]) == (0, 0)


@pytest.mark.parametrize(
    ("first", "last", "says"),
    [
        (date(2020, 3, 1), None, "no loan or event lies in 2020-03-01 to 2020-02-09; the files hold 2020-02-01 to"),
        (None, date(2019, 1, 1), "the files hold 2020-02-01 to 2020-02-09; ask for days of those"),
        (None, date(2030, 1, 1), "--to 2030-01-01 lies in the future, after 2021-01-01; the files hold 2020-02-01"),
        (date(2031, 1, 1), date(2031, 2, 1), "--from 2031-01-01 lies in the future"),
    ],
)
def test_days_that_the_files_do_not_reach_are_refused_with_those_that_they_hold(
    ctx: JobContext, tmp_path: Path, first: date | None, last: date | None, says: str
) -> None:
    days: dict[str, Any] = {name: day for name, day in (("first", first), ("last", last)) if day is not None}
    with pytest.raises(UsageError) as caught:
        land_rows(ctx, tmp_path, *SOUND, **days)
    assert says in str(caught.value)
    assert files(ctx) == []


def test_a_named_column_without_any_value_is_said_by_its_name(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for sign in ("", "None"):
        rows = changed(SOUND, "Income", sign, len(SOUND))
        assert land_rows(ctx, tmp_path, *rows)["never_given"] == ["Income"]
        assert "no row has a value in column Income" in caplog.text
        caplog.clear()
    assert land_rows(ctx, tmp_path, *changed(SOUND, "Income", "", len(SOUND) - 1))["never_given"] == []
    assert "no row has a value" not in caplog.text


def test_days_after_the_statuses_were_read_are_said(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read = MAPPING.replace('"on": Since', '"on": Since\n  read_on: 2020-03-31')
    land_rows(ctx, tmp_path, *SOUND, mapping=read, last=date(2020, 3, 31))
    assert not caplog.text
    land_rows(ctx, tmp_path, *SOUND, mapping=read, last=date(2020, 12, 31))
    assert "the statuses were read on 2020-03-31 and 2020-12-31 lands after it" in caplog.text
    caplog.clear()
    land_rows(ctx, tmp_path, *SOUND, last=date(2020, 12, 31))
    assert "read on 2020-02-09" in caplog.text


def test_statuses_read_before_the_last_loan_are_said(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    land_rows(ctx, tmp_path, *SOUND, mapping=MAPPING.replace('"on": Since', '"on": Since\n  read_on: 2020-02-05'))
    assert "mend events.read_on" in caplog.text


def test_a_term_from_a_column_of_days_is_said(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [HEADER.replace("Months", "Term (days)"), *SOUND]
    (tmp_path / "days.csv").write_text("\n".join(rows))
    (tmp_path / "lender.yaml").write_text(MAPPING.replace("term: Months", "term: Term (days)"))
    land(ctx, str(tmp_path / "lender.yaml"), [tmp_path / "days.csv"], None, None)
    assert "which is in months" in caplog.text


DAYS_LATE = (
    MAPPING.replace("rules: {", "read_on: 2020-12-31\n  days_past_due: Since\n  rules: {late: past_due, ")
    .replace('  "on": Since\n', "")
    .replace("paid: [{status: FULLY_PAID}]", "paid: []")
)


def test_days_past_due_that_were_written_in_words_are_named_and_not_called_missing(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = [row.replace("open,", "late,sixty") for row in SOUND]
    found = land_rows(ctx, tmp_path, *rows, mapping=DAYS_LATE)
    unreadable = found["unreadable"]
    assert isinstance(unreadable, dict)
    place = "loan_performance.days_past_due"
    assert unreadable[place] == {"count": 9, "example": "sixty is no whole number of days"}
    assert f"values of {place} cannot be read, such as 'sixty is no whole number of days'; without them" in caplog.text
    assert "write whole days into Since" in caplog.text


def test_blank_days_past_due_are_not_told_beside_the_status_that_lacks_them(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    land_rows(ctx, tmp_path, *[row.replace("open,", "slow,") for row in SOUND], mapping=DAYS_LATE)
    assert "values of loan_performance.status cannot be read, such as 'slow'" in caplog.text
    assert "values of loan_performance.days_past_due cannot be read" not in caplog.text


DATED = MAPPING.replace("rules: {", "read_on: 2020-12-31\n  rules: {lost: [{status: DEFAULT, days_past_due: 90}], ")


@pytest.mark.parametrize(
    ("since", "rule"),
    [
        ("", "'event_date: missing' (3 rows)"),
        ("soon", "'event_date: not a date (YYYY-MM-DD)' (3 rows, such as 'soon')"),
    ],
)
def test_a_loss_without_a_date_that_can_be_read_is_told_by_its_date_at_landing_and_at_preprocessing(
    ctx: JobContext, tmp_path: Path, caplog: pytest.LogCaptureFixture, since: str, rule: str
) -> None:
    rows = [row.replace("open,", f"lost,{since}") for row in SOUND[:3]]
    rows += [row.replace("open", "") for row in SOUND[3:5]]
    land_rows(ctx, tmp_path, *rows, mapping=DATED)
    said = (
        f"3 of 5 values of loan_performance.event_date cannot be read, such as '{since or 'blank'}'; without its date"
    )
    assert said in caplog.text
    with pytest.raises(QuarantineError) as caught:
        preprocess(ctx, DateRange(date(2020, 2, 1), date(2020, 2, 5)))
    assert f"most often by {rule}: without the date of its event, what became of a loan is unknown; " in str(
        caught.value
    )
    assert "unknown value" not in str(caught.value)


def test_loans_that_a_file_before_has_are_told_by_that_and_not_called_a_panel(ctx: JobContext, tmp_path: Path) -> None:
    (tmp_path / "lender.yaml").write_text(MAPPING)
    months = [tmp_path / "january.csv", tmp_path / "february.csv"]
    months[0].write_text("\n".join([HEADER, *SOUND]))
    months[1].write_text("\n".join([HEADER, *(row.replace("open,", "paid,2020-03-01") for row in SOUND)]))
    with pytest.raises(SourceError, match=r"a file before has these loans; land each file by itself, the newest last"):
        land(ctx, str(tmp_path / "lender.yaml"), months, None, None)

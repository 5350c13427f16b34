"""The events that follow from a status, its date, and the day on which it was read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.unit.platforms.mapped_lender import HEADER, MAPPING, mapping_file, performance

from p2pcredit.errors import UsageError
from p2pcredit.platforms.mapped.profile import load_mapping
from p2pcredit.platforms.mapped.shipped import prosper
from p2pcredit.platforms.mapped.statuses.events import build_events
from p2pcredit.platforms.registry import profile_named


def test_statuses_become_the_events_of_their_rules(tmp_path: Path) -> None:
    assert performance(
        tmp_path,
        "1,01.01.2020,5,12,1,,,,paid,01.06.2020,",
        "2,01.01.2020,5,12,1,,,,lost,01.06.2020,",
        "3,01.01.2020,5,12,1,,,,open,,",
        "4,01.01.2020,5,12,1,,,,slow,,40",
        "5,01.01.2020,5,12,1,,,,slow,,95",
        "6,01.01.2020,5,12,1,,,,slow,,8",
        "7,01.01.2020,5,12,1,,,,slow,,0",
    ) == [
        ("2", "2020-03-03", "LATE", "30"),
        ("1", "2020-06-01", "FULLY_PAID", "0"),
        ("2", "2020-06-01", "CHARGED_OFF", "120"),
        ("5", "2020-10-27", "LATE", "30"),
        ("4", "2020-12-21", "LATE", "30"),
        ("5", "2020-12-26", "DEFAULT", "90"),
        ("4", "2020-12-31", "LATE", "40"),
        ("5", "2020-12-31", "DEFAULT", "95"),
        ("6", "2020-12-31", "LATE", "8"),
    ]


def test_a_status_without_rule_is_landed_as_it_stands(tmp_path: Path) -> None:
    assert performance(tmp_path, "1,01.01.2020,5,12,1,,,,gone,,", "3,01.01.2020,5,12,1,,,,,,") == [
        ("1", "2020-01-01", "gone", None),
        ("3", "2020-01-01", None, None),
    ]


def test_a_status_without_the_date_it_needs_is_at_fault_by_that_date_and_has_its_last_event(tmp_path: Path) -> None:
    assert performance(
        tmp_path,
        "1,01.01.2020,5,12,1,,,,lost,,",
        "2,01.01.2020,5,12,1,,,,lost,31.02.2020,",
        "3,01.01.2020,5,12,1,,,,paid, N/A ,",
        "4,01.01.2020,5,12,1,,,,slow,,",
    ) == [
        ("1", None, "CHARGED_OFF", "120"),
        ("2", "31.02.2020", "CHARGED_OFF", "120"),
        ("3", None, "FULLY_PAID", "0"),
        ("4", "2020-01-01", "LATE", None),
    ]


@pytest.mark.parametrize("written", ["2019-12-31", " 2019-12-31 ", "2019-12-31 00:00:00"])
def test_a_day_that_the_pattern_means_otherwise_is_no_day_of_a_status_either(tmp_path: Path, written: str) -> None:
    """It lies before the loan: as a date it would pass for one seen on the loan's first day."""
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n1,01.01.2020,5,12,1,,,,lost,{written},\n")
    swapped = MAPPING.replace('Since, date: "%d.%m.%Y"', 'Since, date: "%Y-%d-%m"')
    found = load_mapping(mapping_file(tmp_path, swapped)).read([raw], None, None).feeds["loan_performance"]
    assert found["event_date"].to_list() == [f"{written.strip()}, no date as the mapping says"]


def test_no_event_comes_before_origination(tmp_path: Path) -> None:
    rows = performance(tmp_path, "2,01.05.2020,5,12,1,,,,lost,01.06.2020,")
    assert [row[1] for row in rows] == ["2020-05-01", "2020-06-01"]


def test_a_status_dated_in_the_future_has_no_date_and_moves_no_other_event(tmp_path: Path) -> None:
    text = MAPPING.replace("  read_on: 2020-12-31\n", "")
    raw = tmp_path / "raw.csv"
    lines = ["1,01.01.2020,5,12,1,,,,paid,01.06.2062,", "2,01.01.2020,5,12,1,,,,slow,01.07.2020,40"]
    raw.write_text("\n".join([HEADER, *lines]))
    found = profile_named(str(mapping_file(tmp_path, text)), date(2020, 12, 31)).read([raw], None, None)
    rows = found.feeds["loan_performance"].select("loan_id", "event_date", "status").rows()
    assert rows == [
        ("1", "01.06.2062, in the future", "FULLY_PAID"),
        ("2", "2020-06-21", "LATE"),
        ("2", "2020-07-01", "LATE"),
    ]


def test_a_status_that_no_rule_names_is_told_as_one_also_where_the_contract_has_its_name(tmp_path: Path) -> None:
    """`CURRENT` in a book whose mapping says `open`: its fault is no missing number of days."""
    rows = performance(tmp_path, "1,01.01.2020,5,12,1,,,,Current,,", "2,01.01.2020,5,12,1,,,,strange,,")
    assert [row[2:] for row in rows] == [("Current, not under events.rules", None), ("strange", None)]


def test_a_status_dated_long_after_it_was_read_has_no_date(tmp_path: Path) -> None:
    """A loss of 2021 cannot stand in a file of 2020: whichever of the two days is wrong, its loan is no good."""
    lines = ["1,01.01.2020,5,12,1,,,,lost,01.02.2021,", "2,01.01.2020,5,12,1,,,,paid,31.01.2021,"]
    rows = performance(tmp_path, *lines)
    assert [row[:3] for row in rows] == [
        ("1", "01.02.2021, after the statuses were read on 2020-12-31", "CHARGED_OFF"),
        ("2", "2021-01-31", "FULLY_PAID"),
    ]
    raw = tmp_path / "raw.csv"
    raw.write_text("\n".join([HEADER, *lines]))
    lender = load_mapping(mapping_file(tmp_path))
    lender.read([raw], None, None)
    said = lender.remedies["event_date"]
    assert "which holds '01.02.2021' though the statuses were read on 2020-12-31: write under events" in said


def test_loans_made_after_their_statuses_were_read_are_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    performance(tmp_path, "1,31.12.2020,5,12,1,,,,open,,")
    assert not caplog.messages
    performance(tmp_path, "1,31.12.2020,5,12,1,,,,open,,", "2,01.02.2021,5,12,1,,,,open,,")
    (said,) = caplog.messages
    assert "1 loan was made after 2020-12-31" in said
    assert "the last on 2021-02-01; write under events the day on which this file was made" in said


def test_statuses_read_in_the_future_are_refused(tmp_path: Path) -> None:
    raw = tmp_path / "raw.csv"
    raw.write_text(f"{HEADER}\n1,01.01.2020,5,12,1,,,,open,,\n")
    lender = profile_named(str(mapping_file(tmp_path)), date(2020, 12, 30))
    with pytest.raises(UsageError, match=r"read on 2020-12-31, in the future; .* 2020-12-30 at the latest"):
        lender.read([raw], None, None)


def test_a_status_older_than_its_loan_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines = [
        "1,10.01.2020,100,36,0.1,Miete,A,,lost,05.01.2019,",
        "2,10.01.2020,100,36,0.1,Miete,A,,lost,20.01.2020,",  # was late 90 days before, which a rule says and no file
        "3,10.01.2020,100,36,0.1,Miete,A,,open,05.01.2019,",
        "4,10.01.2020,100,36,0.1,Miete,A,,paid,09.01.2020,",
    ]
    assert ("1", "2020-01-10", "CHARGED_OFF", "120") in {
        (row[0], row[1], *row[2:]) for row in performance(tmp_path, *lines)
    }
    said = [record.message for record in caplog.records if "before they were made" in record.message]
    assert len(said) == 1
    assert said[0].startswith("raw.csv: 2 loans have a status of a day before they were made, such as 1 of 2020-01-10")


def test_an_event_before_the_day_of_its_status_is_rebuilt(tmp_path: Path) -> None:
    steps = (("LATE", 30), ("CHARGED_OFF", 90))
    late, lost = (f"{{status: {what}, days_past_due: {days}, after_days: {days}}}" for what, days in steps)
    mapping = MAPPING.replace("    open: []\n", f"    open: []\n    last paid: [{late}, {lost}]\n")
    raw = tmp_path / "raw.csv"
    lines = [
        "1,01.01.2020,5,12,1,,,,paid,01.06.2020,",
        "2,01.01.2020,5,12,1,,,,lost,01.06.2020,",
        "3,01.01.2020,5,12,1,,,,last paid,01.03.2020,",  # reached 90 days after it, and late on the way
        "4,01.01.2020,5,12,1,,,,slow,,100",
        "5,01.01.2020,5,12,1,,,,slow,,30",  # seen on the very day
    ]
    raw.write_text("\n".join([HEADER, *lines]))
    found = load_mapping(mapping_file(tmp_path, mapping)).read([raw], None, None).feeds["loan_performance"]
    assert found.sort("loan_id", "event_date").select("loan_id", "status", "rebuilt").rows() == [
        ("1", "FULLY_PAID", "no"),
        ("2", "LATE", "yes"),
        ("2", "CHARGED_OFF", "no"),
        ("3", "LATE", "yes"),
        ("3", "CHARGED_OFF", "no"),
        ("4", "LATE", "yes"),
        ("4", "DEFAULT", "yes"),
        ("4", "DEFAULT", "no"),
        ("5", "LATE", "no"),
    ]


def test_prosper_closes_its_losses_at_120_days_so_what_came_before_is_rebuilt() -> None:
    rules = dict(prosper().mapping.events.rules)
    day = date(2012, 6, 1)
    loans = pl.DataFrame(
        {
            "snapshot_date": [date(2011, 1, 5)] * 3,
            "loan_id": ["1", "2", "3"],
            "status": ["Chargedoff", "Defaulted", "Completed"],
            "on": [day] * 3,
            "on_text": pl.Series([None] * 3, dtype=pl.String),
            "days_past_due": pl.Series([None] * 3, dtype=pl.Int64),
            "days_text": pl.Series([None] * 3, dtype=pl.String),
        }
    )
    found = build_events(loans, rules, day).select("loan_id", "status", "rebuilt").rows()
    steps = [("LATE", "yes"), ("DEFAULT", "yes"), ("CHARGED_OFF", "no")]
    assert found == [*(("1", *s) for s in steps), *(("2", *s) for s in steps), ("3", "FULLY_PAID", "no")]


def lost(count: int, on: Callable[[date], date]) -> list[str]:
    """Loans of a row of days, all lost on a day that follows from their first one."""
    days = [date(2020, 1, 1) + timedelta(days=3 * n) for n in range(count)]
    return [f"{n},{day:%d.%m.%Y},5,12,1,,,,lost,{on(day):%d.%m.%Y}," for n, day in enumerate(days)]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (lost(8, lambda day: day), "8 of 8 losses are dated within a month of their loan by column Since"),
        (lost(8, lambda day: day + timedelta(days=31)), "8 of 8 losses are dated within a month of their loan"),
        (lost(8, lambda day: date(2020, 12, 1)), "all 8 losses are dated 2020-12-01 by column Since; is it the day"),
        (lost(7, lambda day: day), ""),
        (lost(8, lambda day: day + timedelta(days=32)), ""),
        ([*lost(7, lambda day: date(2020, 12, 1)), "9,01.01.2020,5,12,1,,,,lost,02.12.2020,"], ""),
        ([line.replace("lost", "paid") for line in lost(8, lambda day: day)], ""),
    ],
)
def test_losses_dated_by_a_column_of_something_else_are_asked_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, lines: list[str], said: str
) -> None:
    performance(tmp_path, *lines)
    asked = [message for message in caplog.messages if "losses are dated" in message]
    assert len(asked) == bool(said)
    assert not said or said in asked[0]

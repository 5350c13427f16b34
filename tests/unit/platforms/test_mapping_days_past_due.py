"""Days past due as downloads give them: whole days, missing ones, and texts that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.platforms.mapped_lender import performance


@pytest.mark.parametrize("late", ["inf", "1e2", "1e30", "999999999999", "-5", "45.7", "sixty", "٤٥"])
def test_days_past_due_that_are_no_whole_days_are_never_guessed_at_and_their_text_is_kept(
    tmp_path: Path, late: str
) -> None:
    found = performance(tmp_path, f"7,03.02.2020,500,12,0.1,,,,slow,,{late}")
    assert found == [("7", "2020-02-03", "LATE", f"{late} is no whole number of days")]


def test_days_past_due_of_longer_than_the_loan_exists_say_nothing_of_it(tmp_path: Path) -> None:
    """It was made on 2020-12-01, and 30 days later its status was read."""
    lines = [f"{late},01.12.2020,500,12,0.1,,,,slow,,{late}" for late in (30, 31, 3000)]
    assert sorted(performance(tmp_path, *lines)) == [
        ("30", "2020-12-31", "LATE", "30"),
        ("3000", "2020-12-01", "LATE", "3000 days past due of a loan 30 days old"),
        ("31", "2020-12-01", "LATE", "31 days past due of a loan 30 days old"),
    ]


@pytest.mark.parametrize("late", ["", "nan", "NA", "-"])
def test_days_past_due_that_are_not_given_are_missing(tmp_path: Path, late: str) -> None:
    assert performance(tmp_path, f"7,03.02.2020,500,12,0.1,,,,slow,,{late}") == [("7", "2020-02-03", "LATE", None)]


def test_unreadable_days_past_due_are_looked_at_only_where_the_status_needs_them(tmp_path: Path) -> None:
    assert performance(tmp_path, "7,03.02.2020,500,12,0.1,,,,other,,sixty") == [("7", "2020-02-03", "other", None)]


@pytest.mark.parametrize("late", ["40", " 40 ", "40.0", "+40", "00040"])
def test_days_past_due_are_read_however_a_whole_number_is_spelled(tmp_path: Path, late: str) -> None:
    spelled = performance(tmp_path, f"7,03.02.2020,500,12,0.1,,,,slow,,{late}")
    assert spelled == performance(tmp_path, "7,03.02.2020,500,12,0.1,,,,slow,,40")
    assert None not in {row[3] for row in spelled}

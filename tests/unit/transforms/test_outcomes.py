from __future__ import annotations

from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.periods import months_on_book
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.outcomes import _months_between, build_outcomes
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS

BORN = date(2010, 1, 31)
SETTINGS = LabelSettings()
EVENTS = {
    "loan_id": pl.String,
    "event_date": pl.Date,
    "status": pl.String,
    "days_past_due": pl.Int64,
    "snapshot_date": pl.Date,
}


def outcome(
    as_of: date, *events: tuple[str, date], label: tuple[int, date] | None = None, set_aside: date | None = None
) -> dict[str, Any]:
    """What is known of one loan of the last of January 2010."""
    terms = pl.LazyFrame({"loan_id": ["a"], "origination_date": [BORN], "snapshot_date": [BORN]})
    seen = [
        {"loan_id": "a", "event_date": on, "status": status, "days_past_due": 0, "snapshot_date": on}
        for status, on in events
    ]
    stored = [] if label is None else [
        {"loan_id": "a", "definition": "pd12", "label": label[0], "origination_date": BORN, "known_on": label[1],
         "snapshot_date": label[1]}
    ]  # fmt: skip
    events_seen, labels = pl.LazyFrame(seen, schema=EVENTS), pl.LazyFrame(stored, schema=LABEL_STORE.schema)
    broken = [] if set_aside is None else [
        {"feed": "loan_performance", "snapshot_date": set_aside, "rules": "status: missing", "kind": "row",
         "column": None, "loan_id": "a"}
    ]  # fmt: skip
    quarantine = pl.LazyFrame(broken, schema={name: QUARANTINE.schema[name] for name in QUARANTINE_COLUMNS})
    tables = (nw.from_native(table) for table in (terms, events_seen, labels, quarantine))
    frame = collect(build_outcomes(*tables, as_of=as_of, settings=SETTINGS))
    rows = frame.to_dicts()
    return rows[0] if rows else {}


def watched(as_of: date, *events: tuple[str, date]) -> tuple[int, int | None, bool]:
    row = outcome(as_of, *events)
    return row["months_observed"], row["defaulted_in_month"], row["closed"]


@pytest.mark.parametrize(
    ("as_of", "months"),
    [
        (BORN, 0),
        (date(2010, 2, 27), 0),
        (date(2010, 2, 28), 1),
        (date(2010, 3, 30), 1),
        (date(2010, 3, 31), 2),
        (date(2011, 1, 31), 12),
        (date(2013, 1, 31), 12),
    ],
)
def test_an_open_loan_was_watched_for_whole_months_up_to_the_window(as_of: date, months: int) -> None:
    assert watched(as_of) == (months, None, False)


def test_a_loan_not_yet_originated_is_not_there() -> None:
    assert outcome(date(2010, 1, 30)) == {}


@pytest.mark.parametrize(
    ("on", "observed", "month"),
    [(date(2010, 2, 1), 0, 1), (date(2010, 2, 28), 1, 2), (date(2010, 7, 15), 5, 6), (date(2011, 1, 30), 11, 12)],
)
def test_a_default_ends_the_watch_in_its_month(on: date, observed: int, month: int) -> None:
    assert watched(date(2012, 1, 1), ("DEFAULT", on)) == (observed, month, False)


def test_a_default_on_the_last_day_of_the_window_is_in_its_last_month() -> None:
    row = outcome(date(2012, 1, 1), ("DEFAULT", date(2011, 1, 31)))
    assert row["defaulted_in_month"] == 12


def test_a_default_after_the_window_is_no_default_of_the_window() -> None:
    assert watched(date(2012, 1, 1), ("DEFAULT", date(2011, 2, 1))) == (12, None, False)


def test_what_is_only_seen_later_is_not_known_yet() -> None:
    assert watched(date(2010, 7, 14), ("DEFAULT", date(2010, 7, 15))) == (5, None, False)
    assert watched(date(2010, 7, 14), ("FULLY_PAID", date(2010, 7, 15))) == (5, None, False)


def test_a_loan_paid_off_is_closed_and_no_longer_watched() -> None:
    assert watched(date(2012, 1, 1), ("FULLY_PAID", date(2010, 5, 10))) == (3, None, True)
    assert watched(date(2012, 1, 1), ("FULLY_PAID", date(2011, 6, 10))) == (12, None, False)


@pytest.mark.parametrize("status", ["CURRENT", "LATE"])
def test_a_loan_that_still_pays_or_is_late_is_not_closed(status: str) -> None:
    assert watched(date(2010, 7, 31), (status, date(2010, 5, 10))) == (6, None, False)
    assert outcome(date(2010, 7, 31), ("CURRENT", date(2010, 5, 10)))["late_in_month"] is None


def test_an_event_dated_before_its_loan_falls_in_the_first_month() -> None:
    row = outcome(date(2012, 1, 1), ("DEFAULT", date(2010, 1, 15)))
    assert (row["months_observed"], row["defaulted_in_month"], row["late_in_month"]) == (0, 1, 1)
    assert outcome(date(2012, 1, 1), ("DEFAULT", date(2010, 7, 15)))["late_in_month"] == 6


def test_a_charge_off_is_a_default_and_not_paid_off() -> None:
    assert watched(date(2012, 1, 1), ("CHARGED_OFF", date(2010, 5, 10))) == (3, 4, False)


def test_the_label_is_there_only_once_the_window_has_closed() -> None:
    closed = date(2011, 3, 2)
    bad = (1, date(2010, 6, 1))
    assert outcome(date(2011, 3, 1), label=bad)["label"] is None
    row = outcome(closed, label=bad)
    assert (row["label"], row["window_closed_on"]) == (1, closed)
    assert outcome(closed)["label"] is None


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(0, 1200))
def test_months_between_equal_months_on_book(born: date, days: int) -> None:
    day = date.fromordinal(born.toordinal() + days)
    loan = nw.from_native(pl.DataFrame({"born": [born], "day": [day]}))
    assert loan.select(_months_between(nw.col("born"), nw.col("day"))).item() == months_on_book(born, day)


def test_a_loan_with_an_event_in_quarantine_was_watched_for_nothing_and_has_no_event() -> None:
    day, late, default = date(2010, 12, 1), ("LATE", date(2010, 5, 1)), ("DEFAULT", date(2010, 7, 1))
    known, unknown = (outcome(day, late, default, set_aside=on) for on in (None, date(2010, 3, 1)))
    assert (known["months_observed"], known["defaulted_in_month"], known["unknown_outcome"]) == (5, 6, False)
    assert (unknown["months_observed"], unknown["closed"], unknown["unknown_outcome"]) == (0, False, True)
    assert (unknown["defaulted_in_month"], unknown["late_in_month"], unknown["label"]) == (None, None, None)
    still_sound = outcome(date(2010, 2, 28), set_aside=date(2010, 3, 1))
    assert (still_sound["months_observed"], still_sound["unknown_outcome"]) == (1, False)


def test_a_matured_label_of_a_loan_with_an_event_in_quarantine_is_not_learned_from() -> None:
    closed = date(2011, 3, 2)
    label = (1, date(2010, 7, 1))
    assert outcome(closed, label=label)["label"] == 1
    assert outcome(closed, label=label, set_aside=date(2010, 9, 1))["label"] is None

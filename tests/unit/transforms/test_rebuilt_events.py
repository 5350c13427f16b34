"""An event made from a later status counts for nothing before the day on which the outcome was public."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.transforms.labels import build_labels, default_events, early_delinquency, late_loans, rebuilt_signs
from p2pcredit.transforms.outcomes import build_outcomes
from p2pcredit.transforms.unknown_outcomes import QUARANTINE_COLUMNS

BORN = date(2010, 1, 10)
MISSED = date(2010, 4, 10)
LATE_ON, BAD_ON, OFF_ON = (MISSED + timedelta(days=days) for days in (30, 90, 150))
SETTINGS = LabelSettings()
SCHEMA = {
    "loan_id": pl.String,
    "snapshot_date": pl.Date,
    "event_date": pl.Date,
    "status": pl.String,
    "days_past_due": pl.Int64,
    "rebuilt": pl.Boolean,
}
Event = tuple[str, date, str, int, bool | None]
LOSS: tuple[Event, ...] = (
    ("a", LATE_ON, "LATE", 30, True),
    ("a", BAD_ON, "DEFAULT", 90, True),
    ("a", OFF_ON, "CHARGED_OFF", 150, False),
)
"""A loan charged off, as a profile rebuilds it."""


def frame(*events: Event) -> nw.LazyFrame[Any]:
    rows = [(loan, on, on, status, days, rebuilt) for loan, on, status, days, rebuilt in events]
    return nw.from_native(pl.LazyFrame(rows, schema=SCHEMA, orient="row"))


def outcome(as_of: date, *events: Event, settings: LabelSettings = SETTINGS) -> dict[str, Any]:
    """What is known of loan `a`."""
    terms = pl.LazyFrame({"loan_id": ["a"], "origination_date": [BORN], "snapshot_date": [BORN], "term_months": [36]})
    labels = pl.LazyFrame(schema=LABEL_STORE.schema)
    quarantine = pl.LazyFrame(schema={name: QUARANTINE.schema[name] for name in QUARANTINE_COLUMNS})
    first, *others = (nw.from_native(table) for table in (terms, labels, quarantine))
    return collect(build_outcomes(first, frame(*events), *others, as_of=as_of, settings=settings)).to_dicts()[0]


def bads(days: DateRange, *events: Event, settings: LabelSettings = SETTINGS) -> list[tuple[str, date]]:
    """Definition and day of every bad that becomes known."""
    terms = pl.LazyFrame({"loan_id": ["a"], "origination_date": [BORN], "snapshot_date": [BORN], "term_months": [36]})
    quarantine = pl.LazyFrame(schema={name: QUARANTINE.schema[name] for name in QUARANTINE_COLUMNS})
    made = collect(build_labels(nw.from_native(terms), frame(*events), nw.from_native(quarantine), days, settings))
    return made.filter(pl.col("label") == 1).sort("definition").select("definition", "known_on").rows()


def test_a_rebuilt_sign_is_none_and_the_default_that_it_was_made_from_counts_on_its_own_day() -> None:
    for day in (LATE_ON, BAD_ON - timedelta(days=1)):
        assert outcome(day, *LOSS)["late_in_month"] is None
    row = outcome(BAD_ON, *LOSS)
    assert (row["late_in_month"], row["defaulted_in_month"], row["sign_rebuilt"]) == (6, 6, True)
    assert collect(late_loans(frame(*LOSS), SETTINGS)).select("late_on", "late_known_on").rows() == [(BAD_ON, BAD_ON)]
    assert collect(rebuilt_signs(frame(*LOSS)))["loan_id"].to_list() == ["a"]


@pytest.mark.parametrize("rebuilt", [False, None])
def test_a_sign_that_was_seen_or_of_which_nothing_is_known_counts_on_its_day(rebuilt: bool | None) -> None:
    seen = ("a", LATE_ON, "LATE", 30, rebuilt)
    row = outcome(LATE_ON, seen)
    assert (row["late_in_month"], row["sign_rebuilt"]) == (5, False)
    lacking = nw.from_native(collect(frame(seen)).lazy().drop("rebuilt"))
    assert collect(late_loans(lacking, SETTINGS))["late_on"].to_list() == [LATE_ON]


def test_a_default_of_thirty_days_is_known_when_the_status_it_was_made_from_is() -> None:
    """With `default_days = 30` the rebuilt LATE is the default: it happened on its day and is known 60 days later."""
    settings = LabelSettings(default_days=30, lifetime_terms_months=())
    all_days = DateRange(BORN, date(2012, 12, 31))
    assert bads(all_days, *LOSS, settings=settings) == [("pd12", BAD_ON)]
    assert bads(all_days, ("a", LATE_ON, "LATE", 30, False), settings=settings) == [("pd12", LATE_ON)]
    assert bads(all_days, ("a", LATE_ON, "LATE", 30, True), settings=settings) == []  # its outcome is not public yet
    assert outcome(BAD_ON - timedelta(days=1), *LOSS, settings=settings)["defaulted_in_month"] is None
    assert outcome(BAD_ON, *LOSS, settings=settings)["defaulted_in_month"] == 5
    events = collect(default_events(frame(*LOSS), settings)).sort("event_date")
    assert events.select("event_date", "known_on").rows() == [(LATE_ON, BAD_ON), (BAD_ON, BAD_ON), (OFF_ON, OFF_ON)]


def test_defaults_of_the_main_definition_are_labels_on_the_day_they_were() -> None:
    assert bads(DateRange(BORN, date(2012, 12, 31)), *LOSS) == [("pd12", BAD_ON), ("pd36", BAD_ON)]


@pytest.mark.parametrize(
    ("events", "cured"),
    [
        ((("a", date(2010, 5, 24), "CURRENT", 0, False),), 1),
        ((("a", date(2010, 5, 24), "FULLY_PAID", 0, False),), 1),
        ((("a", date(2010, 5, 24), "CURRENT", 30, False),), None),  # still 30 days past due
        ((("a", LATE_ON, "CURRENT", 0, False),), None),  # the same day says nothing of what came next
        ((("a", date(2010, 4, 1), "CURRENT", 0, False),), None),  # before it was late
        ((("a", BAD_ON, "DEFAULT", 90, False),), 0),
        ((("a", BAD_ON, "DEFAULT", 90, False), ("a", date(2010, 9, 1), "CURRENT", 0, False)), 0),  # cured too late
        ((("a", date(2010, 5, 24), "CURRENT", 0, False), ("a", date(2010, 12, 1), "DEFAULT", 90, False)), 1),
        ((), None),
    ],
)
def test_a_late_loan_cured_where_it_paid_again_before_any_default(events: tuple[Event, ...], cured: int | None) -> None:
    late = ("a", LATE_ON, "LATE", 30, False)
    assert collect(late_loans(frame(late, *events), SETTINGS))["late_cured"].to_list() == [cured]
    assert outcome(date(2011, 6, 1), late, *events)["late_cured"] == cured


def test_the_fate_of_a_late_loan_is_counted_once_a_default_would_be_known() -> None:
    """60 days from 30 to 90 days past due, and 30 of reporting lag: until then mostly cures are known."""
    events = (("a", LATE_ON, "LATE", 30, False), ("a", LATE_ON + timedelta(days=10), "CURRENT", 0, False))
    assert outcome(LATE_ON + timedelta(days=89), *events)["late_cured"] is None
    assert outcome(LATE_ON + timedelta(days=90), *events)["late_cured"] == 1


EVENTS = st.lists(
    st.tuples(
        st.just("a"),
        st.dates(BORN, date(2011, 12, 31)),
        st.sampled_from(["CURRENT", "LATE", "DEFAULT", "CHARGED_OFF", "FULLY_PAID"]),
        st.sampled_from([0, 29, 30, 60, 90, 120]),
        st.sampled_from([True, False, None]),
    ),
    max_size=7,
)


@given(EVENTS, st.dates(BORN, date(2011, 12, 31)), st.sampled_from([30, 60, 90]))
def test_signs_whose_outcome_is_not_public_change_nothing(events: list[Event], day: date, days: int) -> None:
    """Whatever a book holds: without its rebuilt signs, all is the same until a default or a closing is known."""
    settings = LabelSettings(default_days=days, lifetime_terms_months=())
    closing = {"DEFAULT", "CHARGED_OFF", "FULLY_PAID"}
    public = any(status in closing and on <= day for _, on, status, _, _ in events)
    signs = [event for event in events if event[4] and event[2] not in {"DEFAULT", "CHARGED_OFF"} and event[3] >= 30]
    others = [event for event in events if event not in signs]
    known = {**outcome(day, *events, settings=settings), "sign_rebuilt": None}
    without = {**outcome(day, *others, settings=settings), "sign_rebuilt": None}
    days_to_then = DateRange(BORN, day)
    if not public:
        assert known == without
        assert bads(days_to_then, *events, settings=settings) == bads(days_to_then, *others, settings=settings)
    assert without["late_in_month"] is None or known["late_in_month"] is not None
    found = collect(early_delinquency(frame(*events), settings))
    assert (found["known_on"] >= found["snapshot_date"]).all()


@given(EVENTS, st.dates(BORN, date(2011, 12, 31)), st.sampled_from([30, 90]))
def test_what_became_known_by_a_day_is_the_same_whatever_came_later(events: list[Event], day: date, days: int) -> None:
    settings = LabelSettings(default_days=days, lifetime_terms_months=())
    by_then = [event for event in events if event[1] <= day]
    assert outcome(day, *events, settings=settings) == outcome(day, *by_then, settings=settings)
    both = bads(DateRange(BORN, date(2011, 12, 31)), *events, settings=settings)
    assert bads(DateRange(BORN, day), *by_then, settings=settings) == [bad for bad in both if bad[1] <= day]

"""Cash flows built in parts are those of one build, whatever the history; a day opens no more in an old home."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.jobs.silver_home import (
    FIRST,
    LAST,
    PERFORMANCE,
    SPAN,
    TERMS,
    Rows,
    context,
    event,
    flows,
    loan,
    silver_of,
    totals,
    without_flows,
    write,
)
from tests.watched_opens import Opened, watched_opens

from p2pcredit.contracts.tables import CASH_FLOWS, QUARANTINE, Table
from p2pcredit.engines.protocol import Engine
from p2pcredit.jobs.preprocessing import cash_flows
from p2pcredit.jobs.preprocessing.cash_flows import build_cash_flows
from p2pcredit.periods import DateRange, add_months
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.open_tables import forget
from p2pcredit.transforms.cash_flows import stretches
from p2pcredit.transforms.unknown_outcomes import Frame

DAYS = st.dates(FIRST, LAST)
NAMES = st.sampled_from("abc")
AMOUNTS = st.integers(0, 130_000).map(lambda cents: cents / 100)
LOANS = st.builds(
    loan,
    NAMES,
    st.dates(FIRST, date(2016, 12, 31)),
    term_months=st.integers(1, 24),
    interest_rate_share=st.sampled_from([0.0, 0.12, None]),
    payments=st.sampled_from(["SCHEDULED", "SCHEDULED", "SCHEDULED", "REPORTED", None]),
)
SAID = st.one_of(
    st.builds(totals, AMOUNTS, AMOUNTS),
    st.builds(lambda amount: {"amount_received": amount}, AMOUNTS),
    st.builds(lambda amount: {"recovery_received": amount}, AMOUNTS),
    st.just({}),
)
STATUSES = st.sampled_from(
    [("CURRENT", 0), ("LATE", 40), ("LATE", 95), ("DEFAULT", 90), ("CHARGED_OFF", 150), ("FULLY_PAID", 0)]
)
EVENTS = st.builds(
    lambda name, on, status, said, rebuilt: event(name, on, *status, **said, rebuilt=rebuilt),
    st.sampled_from("abcd"),
    DAYS,
    STATUSES,
    SAID,
    st.sampled_from([True, False, None]),
)
BROKEN = st.builds(
    lambda name, on: {"feed": "loan_performance", "snapshot_date": on, "rules": "status: x", "loan_id": name},
    NAMES,
    DAYS,
)


@settings(max_examples=30)
@given(
    loans=st.lists(LOANS, min_size=1, max_size=5, unique_by=lambda row: (row["loan_id"], row["snapshot_date"])),
    events=st.lists(EVENTS, max_size=7),
    broken=st.lists(BROKEN, max_size=1),
    cuts=st.sets(st.dates(FIRST + timedelta(days=1), LAST), min_size=1, max_size=4),
)
def test_a_build_in_parts_gives_the_flows_of_one_build(
    loans: Rows, events: Rows, broken: Rows, cuts: set[date]
) -> None:
    with silver_of(loans, events, broken) as home:
        build_cash_flows(context(home), SPAN)
        whole = flows(home)
        without_flows(home)
        starts = [FIRST, *sorted(cuts)]
        ends = [*(day - timedelta(days=1) for day in starts[1:]), LAST]
        for first, last in zip(starts, ends, strict=True):
            build_cash_flows(context(home), DateRange(first, last))
        assert flows(home).equals(whole)


def test_what_comes_years_after_the_schedule_settles_what_was_assumed() -> None:
    # 1,200 at 12% over twelve months: an annuity of 106.62, so that 79.42 of interest is assumed in all.
    late = date(2018, 6, 15)
    events = [event("a", late, "FULLY_PAID", **totals(1200.0, 80.0))]
    with silver_of([loan("a", date(2010, 3, 1)), loan("b", date(2017, 9, 1))], events) as home:
        build_cash_flows(context(home), DateRange(FIRST, late - timedelta(days=1)))
        build_cash_flows(context(home), DateRange(late, LAST))
        found = flows(home).filter(pl.col("loan_id") == "a")
        by_then = found.filter(pl.col("known_on") == late).select("kind", "amount").rows()
        assert by_then == [("interest", 0.58)]
        assert round(found.filter(kind="interest")["amount"].sum(), 2) == 80.0
        assert round(found.filter(kind="principal")["amount"].sum(), 2) == 1200.0


def test_a_loan_that_landed_twice_within_a_year_is_one_and_an_id_used_again_later_is_another() -> None:
    loans = [loan("a", date(2010, 3, 1)), loan("a", date(2011, 2, 1)), loan("a", date(2012, 3, 1), loan_amount=600.0)]
    with silver_of(loans, []) as home:
        for year in range(2010, 2019):
            build_cash_flows(context(home), DateRange(date(year, 1, 1), min(date(year, 12, 31), LAST)))
        found = flows(home)
        assert found.filter(kind="disbursed").select("paid_on", "amount").rows() == [
            (date(2010, 3, 1), -1200.0),
            (date(2012, 3, 1), -600.0),
        ]
        assert round(found.filter(kind="principal")["amount"].sum(), 2) == 1800.0


def test_an_event_of_a_day_before_its_loan_was_made_is_none_of_it() -> None:
    paid = event("a", date(2010, 2, 1), "FULLY_PAID", **totals(1200.0, 0.0))
    with silver_of([loan("a", date(2010, 3, 1))], [paid]) as home:
        build_cash_flows(context(home), SPAN)
        assert round(flows(home).filter(kind="principal")["amount"].sum(), 2) == 1200.0
        assert flows(home)["known_on"].min() == date(2010, 3, 1)


def old_home(home: Path, years: int, *late: dict[str, Any]) -> None:
    """A loan every ten days for so many years up to LAST, each over twelve months and paid off in the eleventh."""
    first = add_months(LAST, -12 * years)
    days = DateRange(first, LAST)
    born = [first + timedelta(days=number) for number in range(0, len(days), 10)]
    loans = [loan(f"{day:%Y%m%d}", day) for day in born]
    ends = [(day, add_months(day, 11)) for day in born]
    paid = [event(f"{day:%Y%m%d}", end, "FULLY_PAID", **totals(1200.0, 79.0)) for day, end in ends if end <= LAST]
    write(home, TERMS, loans, days)
    write(home, PERFORMANCE, [*paid, *late], days)
    write(home, QUARANTINE, [], days)


MORE_YEARS, LOGS, LINE_BYTES = 26, 2, 3_000
"""Years that the oldest home has more, the tables that have rows in them, and a line of a log with its statistics."""


def opened_by(home: Path, day: date) -> Opened:
    """What building a day's flows opens, in a process that has no table open yet."""
    for table in (TERMS, PERFORMANCE, QUARANTINE, CASH_FLOWS):
        forget(Layout(home).table(table.name))
    with watched_opens(home) as opened:
        build_cash_flows(context(home), DateRange(day, day))
    return opened


def data_files(opened: Opened, table: Table) -> set[str]:
    return {name for name in opened.files if table.name in name and name.endswith(".parquet") and "_log" not in name}


def test_a_day_opens_the_files_of_a_few_years_whatever_lies_before(tmp_path: Path) -> None:
    days = [LAST - timedelta(days=back) for back in (40, 11, 10, 0)]
    opened = []
    for years in (4, 8, 30):
        home = tmp_path / str(years)
        old_home(home, years)
        opened.append([opened_by(home, day) for day in days])
    young, *older = opened
    for of_old in older:
        for one, other in zip(young, of_old, strict=True):
            for table in (TERMS, PERFORMANCE, QUARANTINE):
                assert len(data_files(other, table)) == len(data_files(one, table))
            # What grows is what Delta itself reads of each table: a line of its log for each year.
            assert other.read_bytes < one.read_bytes + MORE_YEARS * LOGS * LINE_BYTES
    read = {
        name.split("snapshot_month=")[1][:4]
        for day in older[-1]
        for name in day.files
        if "silver/" in name and "=" in name
    }
    assert read == {"2015", "2016", "2017", "2018"}  # twelve months, 16 after them, and a year for loans landed twice


def test_only_a_day_with_an_event_of_a_loan_long_over_looks_through_all_loans(tmp_path: Path) -> None:
    home = tmp_path / "home"
    long_over = f"{add_months(LAST, -12 * 30):%Y%m%d}"
    old_home(home, 30, event(long_over, LAST, "FULLY_PAID", **totals(1200.0, 90.0)))
    before, on = opened_by(home, LAST - timedelta(days=1)), opened_by(home, LAST)
    assert len(data_files(before, TERMS)) < 20 < 30 <= len(data_files(on, TERMS))
    assert flows(home).filter(known_on=LAST, loan_id=long_over)["amount"].to_list() == [11.0]


def test_days_with_more_flows_than_are_held_at_once_are_built_in_parts_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[DateRange] = []
    cut: list[DateRange] = []
    write_part = cash_flows._write_part

    def watched(engine: Engine, told: Any, days: DateRange, default_days: int) -> tuple[int, bool]:
        built.append(days)
        return write_part(engine, told, days, default_days)

    def watched_stretches(loans: Frame, performance: Frame, quarantine: Frame, days: DateRange, *more: Any) -> Frame:
        cut.append(days)
        return stretches(loans, performance, quarantine, days, *more)

    monkeypatch.setattr(cash_flows, "_write_part", watched)
    monkeypatch.setattr(cash_flows, "stretches", watched_stretches)
    events = [event("a", date(2010, 7, 15), "FULLY_PAID", **totals(1200.0, 50.0))]
    with silver_of([loan(name, date(2010, 3, 1)) for name in "abc"], events) as home:
        one = build_cash_flows(context(home), SPAN)
        whole = flows(home)
        without_flows(home)
        assert built == [SPAN]
        monkeypatch.setattr(cash_flows, "FLOWS_TOGETHER", 72)  # of three loans those of a year
        assert build_cash_flows(context(home), SPAN) == one
        assert flows(home).equals(whole)
        assert built[1:] == [DateRange(FIRST, date(2011, 2, 28)), DateRange(date(2011, 3, 1), LAST)]
        assert cut == [SPAN, SPAN]  # lives are cut once for all parts

        without_flows(home)
        monkeypatch.setattr(cash_flows, "LOANS_TOGETHER", 2)
        assert build_cash_flows(context(home), SPAN) == one
        assert flows(home).equals(whole)
    assert [days.last for days in cut[2:]] == [*(date(year, 12, 31) for year in range(2010, 2018)), LAST]

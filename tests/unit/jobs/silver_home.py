"""A home whose silver is written by hand, for the tests of cash flows: loans of 1,200 at 12% a year over 12 months."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, LOAN_TERMS
from p2pcredit.contracts.tables import CASH_FLOWS, QUARANTINE, Table, silver
from p2pcredit.jobs.context import JobContext
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.open_tables import forget

TERMS, PERFORMANCE = silver(LOAN_TERMS), silver(LOAN_PERFORMANCE)
FIRST, LAST = date(2010, 1, 1), date(2018, 6, 30)
"""Long enough for a loan of a year to be followed no more, and for an event to come years after that."""
SPAN = DateRange(FIRST, LAST)
Rows = Sequence[dict[str, Any]]


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), Settings(threads=1), "parts", datetime(2018, 7, 1, 2, tzinfo=UTC))


def write(home: Path, table: Table, rows: Rows, days: DateRange = SPAN) -> None:
    """Write silver as a job does that is given years of it: closed years lie in one file each."""
    ordered = sorted(rows, key=lambda row: row["snapshot_date"])
    numbered = [{"row_number": place, **row} for place, row in enumerate(ordered)]
    Lake(Layout(home)).replace(table, pl.DataFrame(numbered, schema=table.schema, orient="row"), days)


def flows(home: Path) -> pl.DataFrame:
    return Lake(Layout(home)).read(CASH_FLOWS)


def without_flows(home: Path) -> None:
    path = Layout(home).table(CASH_FLOWS.name)
    shutil.rmtree(path, ignore_errors=True)
    forget(path)


def loan(name: str, born: date, **more: Any) -> dict[str, Any]:
    terms = {"loan_amount": 1200.0, "term_months": 12, "interest_rate_share": 0.12, "payments": "SCHEDULED"}
    return {"loan_id": name, "snapshot_date": born, "origination_date": born, **terms, **more}


def event(name: str, on: date, status: str, past_due: int = 0, **more: Any) -> dict[str, Any]:
    days = {"snapshot_date": on, "event_date": on}
    return {"loan_id": name, "status": status, "days_past_due": past_due, **days, **more}


def totals(principal: float, interest: float) -> dict[str, Any]:
    return {"totals_to_date": True, "principal_received": principal, "interest_received": interest}


@contextmanager
def silver_of(loans: Rows, events: Rows, broken: Rows = ()) -> Iterator[Path]:
    with TemporaryDirectory() as place:
        home = Path(place) / "home"
        write(home, TERMS, loans)
        write(home, PERFORMANCE, events)
        write(home, QUARANTINE, broken)
        yield home

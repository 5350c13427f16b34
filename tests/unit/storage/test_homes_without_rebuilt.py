"""A home made before servicing events said whether they were rebuilt goes on: there it is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE
from p2pcredit.contracts.tables import Table, silver
from p2pcredit.engines.local import collect
from p2pcredit.periods import DateRange
from p2pcredit.settings import LabelSettings
from p2pcredit.storage.home_format import HOME_FORMAT, read_identity
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import late_loans

EVENTS = silver(LOAN_PERFORMANCE)
BEFORE = replace(EVENTS, columns=tuple(column for column in EVENTS.columns if column.name != "rebuilt"))
"""The table as it was."""
OLD, NEW = date(2020, 1, 6), date(2020, 1, 7)


def late(table: Table, loan: str, day: date, **more: bool) -> pl.DataFrame:
    values = {"loan_id": loan, "snapshot_date": day, "event_date": day, "status": "LATE", "days_past_due": 30, **more}
    return pl.DataFrame([{**dict.fromkeys(table.schema), **values}], schema=table.schema)


def test_rows_of_an_older_home_read_as_not_known_and_newer_rows_stand_beside_them(tmp_path: Path) -> None:
    lake = Lake(Layout(tmp_path))
    lake.replace(BEFORE, late(BEFORE, "a", OLD), DateRange(OLD, OLD))
    assert lake.read(EVENTS)["rebuilt"].to_list() == [None]
    assert not lake.replace(EVENTS, lake.read(EVENTS), DateRange(OLD, OLD))  # nothing to migrate
    assert lake.replace(EVENTS, late(EVENTS, "b", NEW, rebuilt=True), DateRange(NEW, NEW))
    assert lake.read(EVENTS).select("loan_id", "rebuilt").rows() == [("a", None), ("b", True)]
    identity = read_identity(tmp_path)
    assert identity is not None
    assert identity.format == HOME_FORMAT
    assert collect(late_loans(lake.frame(EVENTS), LabelSettings()))["loan_id"].to_list() == ["a"]

"""What the log of a table says of a column, file by file."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.feeds import LOAN_TERMS
from p2pcredit.contracts.tables import silver
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.column_bounds import ColumnBounds, bounded_files, last_day_there
from p2pcredit.storage.tables.lake import Lake

TERMS = silver(LOAN_TERMS)


def write(lake: Lake, day: date, *rows: dict[str, Any]) -> None:
    keyed = [{"loan_id": f"{place}", "snapshot_date": day, **row} for place, row in enumerate(rows)]
    lake.replace(TERMS, pl.DataFrame(keyed, schema=TERMS.schema), DateRange(day, day))


def test_bounds_are_those_of_each_file_and_a_column_without_a_value_is_absent(tmp_path: Path) -> None:
    lake = Lake(Layout(tmp_path))
    assert bounded_files(lake, TERMS, "term_months") == []
    assert last_day_there(lake, TERMS) is None
    write(lake, date(2020, 1, 5), {"term_months": 36, "payments": "SCHEDULED"}, {"term_months": 60})
    write(lake, date(2020, 2, 6), {"term_months": 12})
    found = {file.low: file for file in bounded_files(lake, TERMS, "term_months", "payments")}
    assert set(found) == {date(2020, 1, 5), date(2020, 2, 6)}
    january, february = (found[day].columns for day in sorted(found, key=str))
    assert (january["term_months"].highest, february["term_months"].highest) == (60, 12)
    assert january["payments"].may_hold("SCHEDULED")
    assert not january["payments"].may_hold("REPORTED")
    assert february["payments"].absent
    assert last_day_there(lake, TERMS) == date(2020, 2, 6)


def test_what_the_log_does_not_say_may_be_anything() -> None:
    assert ColumnBounds().may_hold("SCHEDULED")
    assert ColumnBounds("A", None).may_hold("SCHEDULED")
    assert not ColumnBounds(absent=True).may_hold("SCHEDULED")
    assert not ColumnBounds("A", "B").may_hold("C")

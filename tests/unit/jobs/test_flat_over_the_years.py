"""What a day opens must not grow with the years behind it: counted, never timed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
from deltalake import DeltaTable

from p2pcredit.contracts.tables import LABEL_STORE
from p2pcredit.periods import DateRange, add_months
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake

TODAY = date(2019, 5, 1)


def home_with_history(home: Path, months: int) -> Lake:
    """A table that closed its months, then wrote the last one day by day."""
    lake = Lake(Layout(home))
    first = add_months(TODAY, -months)
    for place in range(months):
        month = add_months(first, place)
        put(lake, DateRange(month, add_months(month, 1) - timedelta(days=1)))
        lake.close_periods(LABEL_STORE, add_months(month, 1))
    for day in range(20):
        put(lake, DateRange(TODAY + timedelta(days=day), TODAY + timedelta(days=day)))
    return lake


def put(lake: Lake, days: DateRange) -> None:
    rows = pl.DataFrame(
        [
            {
                "loan_id": f"l{day}",
                "definition": "pd12",
                "label": 0,
                "origination_date": days.first,
                "known_on": day,
                "snapshot_date": day,
            }
            for day in days
        ],
        schema=LABEL_STORE.schema,
    )
    lake.replace(LABEL_STORE, rows, days)


def active_files(lake: Lake) -> int:
    return len(DeltaTable(str(lake.layout.table(LABEL_STORE.name))).file_uris())


def commits_to_read(lake: Lake) -> int:
    log = lake.layout.table(LABEL_STORE.name) / "_delta_log"
    newest = max(path.name for path in log.glob("*.checkpoint.parquet"))[:20]
    return sum(path.name[:20] > newest for path in log.glob("*.json"))


def test_ten_years_leave_one_file_a_year_and_a_log_that_opens_by_a_few_commits(tmp_path: Path) -> None:
    young, old = home_with_history(tmp_path / "young", 1), home_with_history(tmp_path / "old", 120)
    assert active_files(young) == 1 + 20
    assert active_files(old) <= 10 + 15 + 20
    assert max(commits_to_read(young), commits_to_read(old)) <= 10
    assert old.read(LABEL_STORE).height == (TODAY - add_months(TODAY, -120)).days + 20

"""What a day opens must not grow with the years behind it: counted, never timed."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from p2pcredit.contracts.feeds import LOAN_PERFORMANCE, LOAN_TERMS
from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE, Table, silver
from p2pcredit.jobs.preprocessing.checks.unmatched_rows import loans_seen_before
from p2pcredit.jobs.training.unknown_outcomes import commonest_reason, count_of_no_loan
from p2pcredit.periods import DateRange, add_months
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.closing import close_periods
from p2pcredit.storage.tables.lake import Lake

TODAY = date(2019, 5, 1)


def home_with_history(home: Path, months: int) -> Lake:
    """A table that closed its months, then wrote the last one day by day."""
    lake = Lake(Layout(home))
    first = add_months(TODAY, -months)
    for place in range(months):
        month = add_months(first, place)
        put(lake, DateRange(month, add_months(month, 1) - timedelta(days=1)))
        close_periods(lake, LABEL_STORE, add_months(month, 1))
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


def rows_of(table: Table, days: list[date], **values: object) -> pl.DataFrame:
    rows = [{**values, "loan_id": f"l{place}", "snapshot_date": day} for place, day in enumerate(days)]
    return pl.DataFrame(rows, schema_overrides=table.schema).select(
        pl.col(name) if name in (*values, "loan_id", "snapshot_date") else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in table.schema.items()
    )


def with_years(home: Path, years: int) -> Lake:
    """A loan, an event and an event set aside in each month of these years, each month in a file of its own."""
    lake = Lake(Layout(home))
    aside = {"feed": LOAN_PERFORMANCE.name, "kind": "row", "rules": "loan_id: missing", "raw": "{}"}
    for place in range(12 * years):
        month = add_months(TODAY, -place)
        for table, values in ((silver(LOAN_TERMS), {}), (silver(LOAN_PERFORMANCE), {}), (QUARANTINE, aside)):
            lake.replace(table, rows_of(table, [month], **values), DateRange(month, month))
    return lake


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every file of a table that is looked into."""
    found: list[str] = []
    from p2pcredit.engines.local import scan_files
    from p2pcredit.storage.tables import active_files as module

    scan = scan_files

    def counted(paths: list[str], schema: pl.Schema) -> pl.LazyFrame:
        found.extend(paths)
        return scan(paths, schema)

    monkeypatch.setattr(module, "scan_files", counted)
    return found


def test_looking_for_loans_of_earlier_days_and_for_why_outcomes_are_unknown_opens_the_files_of_the_history_only(
    tmp_path: Path, opened: list[str]
) -> None:
    today, history = DateRange(TODAY, TODAY), DateRange(add_months(TODAY, -11), TODAY)
    counts = []
    for years in (1, 3):
        lake = with_years(tmp_path / f"{years}", years)
        opened.clear()
        assert loans_seen_before(lake, today, history) == {"seen_before": 1, "events_before": 0}
        counts.append([len(opened)])
        opened.clear()
        assert count_of_no_loan(lake, TODAY, history) == 12
        assert commonest_reason(lake, TODAY, history) == "'loan_id: missing' (12 events)"
        counts[-1].append(len(opened))
    assert counts == [[1 + 12 + 12, 12 + 12]] * 2
    assert count_of_no_loan(lake, TODAY) == 36

"""Which files of a table are opened for some days, and what is read of a table that another tool has changed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable, TableFeatures

from p2pcredit.contracts.tables import LABEL_STORE
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.active_files import active_files
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.open_tables import forget

DAYS = [date(2009, 12, 31), date(2010, 1, 1), date(2010, 1, 2)]


def label_of(day: date) -> pl.DataFrame:
    row = {"loan_id": f"{day}", "definition": "pd12", "label": 0, "snapshot_date": day}
    return pl.DataFrame([row], schema=LABEL_STORE.schema)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(Layout(tmp_path / "home"))
    for day in DAYS:
        lake.replace(LABEL_STORE, label_of(day), DateRange(day, day))
    return lake


def test_a_day_is_in_its_own_file_and_a_span_in_those_of_its_days(lake: Lake) -> None:
    opened = lake.opened(LABEL_STORE)
    assert [file.part for file in active_files(opened)] == ["2009-12", "2010-01", "2010-01"]
    for day in DAYS:
        (only,) = active_files(opened, DateRange(day, day))
        assert pl.read_parquet(only.below(opened), hive_partitioning=False)["loan_id"].to_list() == [f"{day}"]
    assert len(active_files(opened, DateRange(DAYS[0], DAYS[1]))) == 2
    assert active_files(opened, DateRange(date(2010, 1, 3), date(2010, 1, 31))) == []


def test_a_file_without_statistics_may_hold_any_day_of_its_month(lake: Lake) -> None:
    table = lake.opened(LABEL_STORE)
    table.alter.set_table_properties({"delta.dataSkippingNumIndexedCols": "0"})
    day = date(2010, 2, 1)
    lake.replace(LABEL_STORE, label_of(day), DateRange(day, day))
    assert len(active_files(lake.opened(LABEL_STORE), DateRange(date(2010, 2, 5), date(2010, 2, 6)))) == 1
    assert lake.read(LABEL_STORE, DateRange(day, day))["loan_id"].to_list() == [f"{day}"]


def test_a_table_that_asks_more_of_its_readers_is_read_by_who_knows_how(lake: Lake) -> None:
    path = lake.layout.table(LABEL_STORE.name)
    changed = DeltaTable(str(path))
    changed.alter.add_feature(TableFeatures.DeletionVectors, allow_protocol_versions_increase=True)
    forget(path)
    assert DeltaTable(str(path)).protocol().min_reader_version > 1
    assert lake.read(LABEL_STORE)["snapshot_date"].to_list() == DAYS
    assert lake.read(LABEL_STORE, DateRange(DAYS[1], DAYS[1]))["snapshot_date"].to_list() == [DAYS[1]]


def test_whether_there_are_rows_is_told_without_opening_a_file(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_scan(*_: object) -> pl.LazyFrame:
        raise AssertionError("a file was opened")

    with monkeypatch.context() as closed:
        closed.setattr(Lake, "scan", no_scan)
        assert lake.has_rows(LABEL_STORE, DateRange(DAYS[0], DAYS[2]))
        assert lake.has_rows(LABEL_STORE, DateRange(date(2010, 1, 1), date(2010, 1, 31)))
    assert not lake.has_rows(LABEL_STORE, DateRange(date(2010, 1, 3), date(2010, 1, 31)))
    lake.replace(LABEL_STORE, label_of(DAYS[1]).clear(), DateRange(DAYS[1], DAYS[2]))
    assert not lake.has_rows(LABEL_STORE, DateRange(DAYS[1], DAYS[2]))


def test_whether_there_are_rows_between_the_first_and_last_of_a_file_is_looked_up(tmp_path: Path) -> None:
    lake = Lake(Layout(tmp_path / "home"))
    assert not lake.has_rows(LABEL_STORE, DateRange(DAYS[0], DAYS[2]))
    month = DateRange(date(2010, 1, 1), date(2010, 1, 31))
    lake.replace(LABEL_STORE, pl.concat([label_of(month.first), label_of(month.last)]), month)
    assert not lake.has_rows(LABEL_STORE, DateRange(date(2010, 1, 2), date(2010, 1, 30)))
    assert lake.has_rows(LABEL_STORE, DateRange(date(2010, 1, 2), date(2010, 1, 31)))


def test_files_of_a_table_that_stays_open_are_those_of_its_newest_version(lake: Lake) -> None:
    path = lake.layout.table(LABEL_STORE.name)
    opened = DeltaTable(str(path))
    before = active_files(opened)
    lake.replace(LABEL_STORE, label_of(date(2010, 3, 1)), DateRange(date(2010, 3, 1), date(2010, 3, 1)))
    assert active_files(opened) == before
    opened.update_incremental()
    assert len(active_files(opened)) == len(before) + 1

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tests.processes_at_once import run_at_once

from p2pcredit.contracts.tables import LABEL_STORE, TABLES, TableColumn
from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.closing import join_closed_years
from p2pcredit.storage.tables.external_files import replace_with_files
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.storage.tables.open_tables import forget, known_table

FIRST = date(2010, 1, 1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Layout(tmp_path / "home"))


def put(lake: Lake, day: date, loan: str | None = None) -> None:
    row = {
        "loan_id": loan or f"l{day}",
        "definition": "pd12",
        "label": 0,
        "origination_date": FIRST,
        "known_on": day,
        "snapshot_date": day,
    }
    lake.replace(LABEL_STORE, pl.DataFrame([row], schema=LABEL_STORE.schema), DateRange(day, day))


def path_of(lake: Lake) -> Path:
    return lake.layout.table(LABEL_STORE.name)


def test_a_table_stays_known_until_somebody_else_commits_and_is_then_read_on(lake: Lake, tmp_path: Path) -> None:
    put(lake, FIRST)
    assert known_table(path_of(lake)) is not None
    imports = (
        "from pathlib import Path; from datetime import date\nimport polars as pl\n"
        "from p2pcredit.contracts.tables import LABEL_STORE; from p2pcredit.periods import DateRange\n"
        "from p2pcredit.storage.tables.lake import Lake; from p2pcredit.storage.layout import Layout\n"
    )
    code = (
        "day = date(2010, 1, 2)\n"
        "row = {'loan_id': 'theirs', 'definition': 'pd12', 'label': 0, 'origination_date': day, 'known_on': day,"
        " 'snapshot_date': day}\n"
        "Lake(Layout(Path(sys.argv[1]))).replace(LABEL_STORE, pl.DataFrame([row], schema=LABEL_STORE.schema),"
        " DateRange(day, day))\n"
    )
    run_at_once(imports, code, (str(lake.layout.home),))
    assert known_table(path_of(lake)) is None
    assert lake.read(LABEL_STORE)["loan_id"].to_list() == [f"l{FIRST}", "theirs"]
    assert known_table(path_of(lake)) is not None


def test_a_home_put_in_the_place_of_another_is_read_anew(lake: Lake, tmp_path: Path) -> None:
    put(lake, FIRST, "before")
    shutil.copytree(lake.layout.home, tmp_path / "copy")
    put(lake, FIRST, "after")
    assert lake.read(LABEL_STORE)["loan_id"].to_list() == ["after"]
    shutil.rmtree(lake.layout.home)
    assert not lake.exists(LABEL_STORE)
    shutil.copytree(tmp_path / "copy", lake.layout.home)
    assert lake.read(LABEL_STORE)["loan_id"].to_list() == ["before"]


def test_an_older_version_is_readable_when_its_log_is_older_than_delta_would_keep_it(lake: Lake) -> None:
    import os
    import time

    put(lake, FIRST)
    version = lake.version(LABEL_STORE)
    assert version is not None
    for place in range(1, 12):
        put(lake, FIRST + timedelta(days=place))
    two_months_ago = time.time() - 60 * 86_400
    for file in (path_of(lake) / "_delta_log").iterdir():
        os.utime(file, (two_months_ago, two_months_ago))
    forget(path_of(lake))
    for place in range(12, 34):
        put(lake, FIRST + timedelta(days=place))
    then = Lake(lake.layout, pinned={LABEL_STORE.name: version})
    assert then.read(LABEL_STORE)["loan_id"].to_list() == [f"l{FIRST}"]


def test_years_are_joined_when_they_have_closed_and_every_row_stays(lake: Lake) -> None:
    days = [date(2008, 11, 3), date(2008, 12, 31), date(2009, 1, 1), date(2009, 6, 1), date(2010, 3, 1)]
    for day in days:
        put(lake, day)
    before = lake.read(LABEL_STORE)
    assert join_closed_years(lake, LABEL_STORE, date(2010, 3, 31)) == 2  # 2008 only: 2009 may still be added to
    assert join_closed_years(lake, LABEL_STORE, date(2010, 4, 1)) == 2
    assert join_closed_years(lake, LABEL_STORE, date(2010, 4, 1)) == 0
    assert lake.read(LABEL_STORE).equals(before)
    assert lake.read(LABEL_STORE, DateRange(days[1], days[2]))["snapshot_date"].to_list() == days[1:3]


def test_a_day_that_comes_late_for_a_joined_year_replaces_its_rows_and_is_joined_with_the_next(lake: Lake) -> None:
    for day in (date(2008, 11, 3), date(2008, 12, 31)):
        put(lake, day)
    join_closed_years(lake, LABEL_STORE, date(2010, 1, 1))
    put(lake, date(2008, 11, 3), "late")
    put(lake, date(2008, 11, 3), "late")
    assert lake.read(LABEL_STORE)["loan_id"].to_list() == ["late", "l2008-12-31"]
    assert join_closed_years(lake, LABEL_STORE, date(2010, 1, 1)) == 2
    assert lake.read(LABEL_STORE)["loan_id"].to_list() == ["late", "l2008-12-31"]


def test_a_pipe_in_the_place_of_the_next_commit_is_an_error_and_no_wait(lake: Lake) -> None:
    import os

    put(lake, FIRST)
    version = lake.version(LABEL_STORE)
    assert version is not None
    os.mkfifo(path_of(lake) / "_delta_log" / f"{version + 1:020d}.json")
    with pytest.raises(StorageError, match="not an ordinary file"):
        lake.read(LABEL_STORE)


def test_a_table_with_columns_of_a_later_version_is_not_written_to_and_named_with_them(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    table = TABLES["gold/predictions"]
    days = DateRange(date(2020, 1, 1), date(2020, 1, 1))
    more = (TableColumn("next_score", "Float64"), TableColumn("next_band", "String"))
    later = replace(table, columns=(*table.columns, *more))
    rows = pl.DataFrame(schema=later.schema)
    assert Lake(layout).replace(later, rows, days) is False  # the table is there, with its columns
    said = r"table gold/predictions has 2 columns that this version does not know \(next_band, next_score\).*install"
    writes: list[Callable[[], object]] = [
        lambda: Lake(layout).replace(table, pl.DataFrame(schema=table.schema), days),
        lambda: replace_with_files(Lake(layout), table, days, lambda old, new: False),
    ]
    for write in writes:
        with pytest.raises(StorageError, match=said) as told:
            write()
        assert "\n" not in str(told.value)
    assert Lake(layout).read(table).columns == list(table.schema)
    ctx = JobContext(layout, Settings(), "cli", datetime(2021, 1, 1, tzinfo=UTC))
    found = examine(ctx)["checks"]["tables"]
    assert (found["status"], "next_band, next_score" in found["finding"]) == ("fail", True)

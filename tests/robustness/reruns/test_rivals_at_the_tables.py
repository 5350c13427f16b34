"""Several processes at the tables of one home: no row lost, no row twice, no process stuck."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from tests.robustness.reruns.daily_book import DAYS, differences, land, unbalanced

Race = Callable[..., None]
pytestmark = pytest.mark.torture
BACKFILL_UNTIL = date(2010, 2, 20)
FIRST_NIGHT = date(2010, 2, 21)


def test_the_same_date_by_several_processes_at_once_is_done_once(
    tmp_path: Path, reference: Path, race: Race, torture: Any
) -> None:
    rivals, rounds, found = torture.times(3, 6), torture.times(1, 5), []
    for number in range(rounds):
        home = tmp_path / f"home-{number}"
        land(home, DAYS)
        race(*[("preprocess(context(sys.argv[1]), DAYS)", home)] * rivals)
        found += differences(home, reference) + unbalanced(home)
    torture.record("preprocessing the same days by rivals at once", rivals * rounds, len(found))
    assert found == []


def test_a_backfill_beside_the_daily_run_gives_the_tables_of_one_run(
    home: Path, reference: Path, race: Race, torture: Any
) -> None:
    race(
        ("preprocess(context(sys.argv[1]), span(*sys.argv[2:]))", home, DAYS.first, BACKFILL_UNTIL),
        ("day_by_day(*sys.argv[1:])", home, FIRST_NIGHT, DAYS.last),
    )
    found = differences(home, reference) + unbalanced(home)
    torture.record("a backfill beside the daily run", len(DAYS), len(found))
    assert found == []


def test_two_backfills_and_two_daily_runs_on_overlapping_days(
    home: Path, reference: Path, race: Race, torture: Any
) -> None:
    nights = ("day_by_day(*sys.argv[1:])", home, FIRST_NIGHT, DAYS.last)
    fill = ("preprocess(context(sys.argv[1]), span(*sys.argv[2:]))", home, DAYS.first)
    race(nights, nights, (*fill, BACKFILL_UNTIL), (*fill, date(2010, 2, 27)))
    found = differences(home, reference) + unbalanced(home)
    torture.record("overlapping backfills beside overlapping daily runs", 2 * len(DAYS), len(found))
    assert found == []


READER = """
import time
from p2pcredit.contracts.tables import table_named
lake, looks = Lake(Layout(Path(sys.argv[1]))), 0
table = table_named("silver/loan_terms")
expected = {day: rows for day, rows in
            Lake(Layout(Path(sys.argv[2]))).read(table).group_by("snapshot_date").len().iter_rows()}
until = Path(sys.argv[1], "writer-is-done")
while True:
    last_look = until.exists()
    for day, rows in lake.scan(table).group_by("snapshot_date").len().collect().iter_rows():
        assert rows == expected[day], (day, rows, expected[day])
    looks += 1
    if last_look:
        break
assert looks > 3
Path(sys.argv[1], f"looks-{sys.argv[3]}").write_text(str(looks))
"""
WRITER = """
from p2pcredit.storage.tables.closing import compact
home = sys.argv[1]
for day in span(*sys.argv[2:]):
    preprocess(context(home), DateRange(day, day))
    for table in TABLES.values():
        compact(Lake(Layout(Path(home))), table, day.replace(day=1))
Path(home, "writer-is-done").touch()
"""


def test_a_reader_during_writes_and_compaction_sees_whole_days_only(
    home: Path, reference: Path, race: Race, torture: Any
) -> None:
    first = torture.times(FIRST_NIGHT, DAYS.first)
    race((WRITER, home, first, DAYS.last), (READER, home, reference, "one"), (READER, home, reference, "two"))
    looks = sum(int(path.read_text()) for path in home.glob("looks-*"))
    torture.record("looks of readers during writes and compaction", looks)
    assert unbalanced(home) == []

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from p2pcredit.contracts.tables import LABEL_STORE
from p2pcredit.errors import P2PCreditError
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.external_files import paths_of_rows, replace_with_files
from p2pcredit.storage.tables.lake import Lake

FIRST, SECOND = date(2010, 1, 5), date(2010, 1, 6)
DAY = DateRange(FIRST, FIRST)


def labels(*days: date, label: int = 0) -> pl.DataFrame:
    rows = [{"loan_id": f"l{d.day}", "definition": "pd12", "label": label, "snapshot_date": d} for d in days]
    return pl.DataFrame(rows, schema=LABEL_STORE.schema)


def writing(rows: pl.DataFrame) -> Callable[[Sequence[str], Path], bool]:
    """An engine that keeps rows of other days and puts these in the place of the first day's."""

    def write(replaced: Sequence[str], directory: Path) -> bool:
        kept = [pl.read_parquet(path, hive_partitioning=False) for path in replaced]
        whole = pl.concat([*(frame.filter(pl.col("snapshot_date") != FIRST) for frame in kept), rows])
        place = directory / "snapshot_month=2010-01"
        place.mkdir(parents=True)
        whole.write_parquet(place / "part-0.parquet")
        return True

    return write


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    lake = Lake(Layout(tmp_path / "home of loans"))
    lake.replace(LABEL_STORE, labels(FIRST, SECOND), DateRange(FIRST, SECOND))
    return lake


def test_one_commit_replaces_the_days_and_keeps_the_others(lake: Lake) -> None:
    before = lake.version(LABEL_STORE)

    assert replace_with_files(lake, LABEL_STORE, DAY, writing(labels(FIRST, label=1)))

    assert before is not None
    assert lake.version(LABEL_STORE) == before + 1
    assert lake.read(LABEL_STORE)["label"].to_list() == [1, 0]
    assert len(paths_of_rows(lake, LABEL_STORE)) == 1


def test_statistics_let_readers_skip_the_file(lake: Lake) -> None:
    replace_with_files(lake, LABEL_STORE, DAY, writing(labels(FIRST, label=1)))

    (action,) = pl.DataFrame(lake.opened(LABEL_STORE).get_add_actions(flatten=True)).to_dicts()

    assert action["num_records"] == 2
    assert (action["min.snapshot_date"], action["max.snapshot_date"]) == (FIRST, SECOND)
    assert (action["min.label"], action["max.label"]) == (0, 1)
    assert paths_of_rows(lake, LABEL_STORE, DateRange(date(2010, 1, 7), date(2010, 1, 31))) == []


def test_a_job_that_dies_before_its_commit_changes_nothing(lake: Lake) -> None:
    def dies(replaced: Sequence[str], directory: Path) -> bool:
        writing(labels(FIRST, label=1))(replaced, directory)
        raise KeyboardInterrupt

    before = lake.version(LABEL_STORE)
    with pytest.raises(KeyboardInterrupt):
        replace_with_files(lake, LABEL_STORE, DAY, dies)

    assert lake.version(LABEL_STORE) == before
    assert lake.read(LABEL_STORE)["label"].to_list() == [0, 0]


def test_a_rival_that_commits_first_is_seen_and_its_rows_are_kept(lake: Lake) -> None:
    looked: list[Sequence[str]] = []

    def slow(replaced: Sequence[str], directory: Path) -> bool:
        done = writing(labels(FIRST, label=1))(replaced, directory)
        if not looked:
            lake.replace(LABEL_STORE, labels(SECOND, label=1), DateRange(SECOND, SECOND))
        looked.append(replaced)
        return done

    assert replace_with_files(lake, LABEL_STORE, DAY, slow)

    assert len(looked) == 2
    assert lake.read(LABEL_STORE)["label"].to_list() == [1, 1]


def test_a_disk_that_refuses_is_told_in_one_line(lake: Lake) -> None:
    def full(replaced: Sequence[str], directory: Path) -> bool:
        raise OSError(28, "No space left on device")

    with pytest.raises(P2PCreditError, match="No space left") as caught:
        replace_with_files(lake, LABEL_STORE, DAY, full)

    assert "\n" not in str(caught.value)

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from tests.processes_at_once import run_at_once

from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE
from p2pcredit.errors import MissingTableError, OutsideHomeError, StorageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.closing import close_periods, compact, join_closed_years
from p2pcredit.storage.tables.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Layout(tmp_path))


def span(first: str, last: str | None = None) -> DateRange:
    return DateRange(date.fromisoformat(first), date.fromisoformat(last or first))


def labels(*rows: tuple[str, str]) -> pl.DataFrame:
    """Labels of (loan, day known)."""
    days = [date.fromisoformat(day) for _, day in rows]
    return pl.DataFrame(
        {
            "loan_id": [loan for loan, _ in rows],
            "definition": "pd12",
            "label": 0,
            "origination_date": date(2009, 1, 1),
            "known_on": days,
            "snapshot_date": days,
        },
        schema=LABEL_STORE.schema,
    )


def loans(lake: Lake, days: DateRange | None = None) -> list[str]:
    return lake.read(LABEL_STORE, days)["loan_id"].to_list()


def test_an_unwritten_table_has_no_rows_and_says_that_it_is_missing(lake: Lake) -> None:
    assert lake.read(LABEL_STORE).schema == pl.Schema(LABEL_STORE.schema)
    assert lake.read(LABEL_STORE).is_empty()
    assert lake.version(LABEL_STORE) is None
    assert compact(lake, LABEL_STORE, date(2010, 1, 1)) == 0
    with pytest.raises(MissingTableError, match="gold/label_store has not been written yet; run 'p2pcredit preproc"):
        lake.require(LABEL_STORE)


def test_a_span_is_replaced_in_one_commit(lake: Lake) -> None:
    days = span("2010-01-30", "2010-02-02")
    assert lake.replace(LABEL_STORE, labels(("a", "2010-01-30"), ("b", "2010-02-02")), days)
    before = lake.version(LABEL_STORE)
    assert before is not None
    assert lake.replace(LABEL_STORE, labels(("c", "2010-01-31")), days)
    assert lake.version(LABEL_STORE) == before + 1
    assert loans(lake) == ["c"]


def test_the_same_rows_in_any_order_make_no_commit(lake: Lake) -> None:
    days = span("2010-01-30", "2010-01-31")
    rows = labels(("a", "2010-01-30"), ("b", "2010-01-30"), ("c", "2010-01-31"))
    lake.replace(LABEL_STORE, rows, days)
    before = lake.version(LABEL_STORE)
    assert not lake.replace(LABEL_STORE, rows.reverse(), days)
    assert lake.version(LABEL_STORE) == before


def test_only_the_days_asked_for_are_replaced(lake: Lake) -> None:
    lake.replace(LABEL_STORE, labels(("a", "2010-01-30"), ("b", "2010-01-31")), span("2010-01-30", "2010-01-31"))
    lake.replace(LABEL_STORE, labels(("c", "2010-01-31")), span("2010-01-31"))
    assert loans(lake) == ["a", "c"]
    assert loans(lake, span("2010-01-31")) == ["c"]


def test_a_day_without_rows_becomes_empty_and_the_table_still_exists(lake: Lake) -> None:
    assert not lake.replace(LABEL_STORE, labels(), span("2010-01-30"))
    lake.require(LABEL_STORE)
    lake.replace(LABEL_STORE, labels(("a", "2010-01-30")), span("2010-01-30"))
    assert lake.replace(LABEL_STORE, labels(), span("2010-01-30"))
    assert loans(lake) == []


@pytest.mark.parametrize("day", ["2010-01-29", "2010-01-31", "2011-01-30"])
def test_rows_outside_the_days_are_refused_and_nothing_is_written(lake: Lake, day: str) -> None:
    with pytest.raises(StorageError, match="1 rows for gold/label_store lie outside 2010-01-30 to 2010-01-30"):
        lake.replace(LABEL_STORE, labels(("a", "2010-01-30"), ("b", day)), span("2010-01-30"))
    assert loans(lake) == []


def test_a_row_without_a_date_is_outside_every_day(lake: Lake) -> None:
    dateless = labels(("a", "2010-01-30")).with_columns(pl.lit(None, dtype=pl.Date).alias("snapshot_date"))
    with pytest.raises(StorageError, match="lie outside"):
        lake.replace(LABEL_STORE, dateless, span("2010-01-30"))


def test_rows_that_do_not_fit_the_contract_are_refused_in_one_line(lake: Lake) -> None:
    good = labels(("a", "2010-01-30"))
    with pytest.raises(StorageError, match="lack the column 'label'"):
        lake.replace(LABEL_STORE, good.drop("label"), span("2010-01-30"))
    with pytest.raises(StorageError, match="do not fit its columns") as caught:
        lake.replace(LABEL_STORE, good.with_columns(pl.lit("x").alias("label")), span("2010-01-30"))
    assert "\n" not in str(caught.value)


def test_the_quarantine_is_replaced_feed_by_feed(lake: Lake) -> None:
    def broken(feed: str, raw: str) -> pl.DataFrame:
        row = {"feed": feed, "snapshot_date": date(2010, 1, 30), "row_number": 1, "rules": "r", "raw": raw}
        return pl.DataFrame([row], schema=QUARANTINE.schema)

    lake.replace(QUARANTINE, broken("financial", "old"), span("2010-01-30"), feed="financial")
    lake.replace(QUARANTINE, broken("loan_terms", "kept"), span("2010-01-30"), feed="loan_terms")
    lake.replace(QUARANTINE, broken("financial", "new"), span("2010-01-30"), feed="financial")
    assert lake.read(QUARANTINE)["raw"].to_list() == ["new", "kept"]
    lake.replace(QUARANTINE, broken("financial", "").clear(), span("2010-01-30"), feed="financial")
    assert lake.read(QUARANTINE)["raw"].to_list() == ["kept"]


def test_writers_of_different_days_at_once_lose_nothing(lake: Lake, tmp_path: Path) -> None:
    imports = (
        "from pathlib import Path; from datetime import date; import polars as pl\n"
        "from p2pcredit.contracts.tables import LABEL_STORE as T; from p2pcredit.storage.tables.lake import Lake\n"
        "from p2pcredit.storage.layout import Layout; from p2pcredit.periods import DateRange\n"
    )
    code = (
        "for n in range(1, 9, 2):\n"
        "    day = date(2010, 1, n + int(sys.argv[2]))\n"
        "    row = {'loan_id': str(day), 'definition': 'pd12', 'label': 0, 'origination_date': day,\n"
        "           'known_on': day, 'snapshot_date': day}\n"
        "    Lake(Layout(Path(sys.argv[1]))).replace(T, pl.DataFrame([row], schema=T.schema), DateRange(day, day))\n"
    )
    run_at_once(imports, code, (str(tmp_path), "0"), (str(tmp_path), "1"))
    assert loans(lake) == [f"2010-01-0{n}" for n in range(1, 9)]


def test_compaction_joins_the_files_of_a_month_and_keeps_every_row(lake: Lake) -> None:
    for day in range(1, 6):
        lake.replace(LABEL_STORE, labels((f"l{day}", f"2010-01-0{day}")), span(f"2010-01-0{day}"))
    lake.replace(LABEL_STORE, labels(("feb", "2010-02-01")), span("2010-02-01"))
    before = lake.read(LABEL_STORE)
    assert compact(lake, LABEL_STORE, date(2010, 1, 1)) == 5
    assert lake.read(LABEL_STORE).equals(before)
    assert compact(lake, LABEL_STORE, date(2010, 1, 1)) == 0
    assert compact(lake, LABEL_STORE, date(2010, 2, 1)) == 0


def test_a_pinned_version_is_read_as_it_was_then(lake: Lake) -> None:
    lake.replace(LABEL_STORE, labels(("old", "2010-01-30")), span("2010-01-30"))
    then = lake.version(LABEL_STORE)
    assert then is not None
    lake.replace(LABEL_STORE, labels(("new", "2010-01-30")), span("2010-01-30"))
    compact(lake, LABEL_STORE, date(2010, 1, 1))
    pinned = Lake(lake.layout, {LABEL_STORE.name: then})
    assert loans(pinned) == ["old"]
    assert pinned.version(LABEL_STORE) == then
    assert loans(lake) == ["new"]


def test_a_column_that_joins_a_table_later_is_missing_on_older_rows(lake: Lake) -> None:
    kept = tuple(column for column in LABEL_STORE.columns if column.name != "label")
    older, row = replace(LABEL_STORE, columns=kept), labels(("old", "2010-01-30"))
    lake.replace(older, row.drop("label"), span("2010-01-30"))
    assert lake.read(LABEL_STORE).select("loan_id", "label").rows() == [("old", None)]
    lake.replace(LABEL_STORE, labels(("new", "2010-01-31")), span("2010-01-31"))
    assert lake.read(LABEL_STORE).select("loan_id", "label").rows() == [("old", None), ("new", 0)]
    assert lake.replace(LABEL_STORE, row, span("2010-01-30"))
    assert lake.read(LABEL_STORE)["label"].to_list() == [0, 0]


def test_the_helper_column_of_the_files_is_never_shown(lake: Lake) -> None:
    lake.replace(LABEL_STORE, labels(("a", "2010-01-30")), span("2010-01-30"))
    assert lake.scan(LABEL_STORE).collect_schema().names() == list(LABEL_STORE.schema)
    assert lake.read(LABEL_STORE, span("2010-01-30")).columns == list(LABEL_STORE.schema)


def test_a_damaged_table_is_a_storage_error_in_one_line(lake: Lake) -> None:
    lake.replace(LABEL_STORE, labels(("a", "2010-01-30")), span("2010-01-30"))
    for line in (lake.layout.table(LABEL_STORE.name) / "_delta_log").glob("*.json"):
        line.write_text("garbage")
    with pytest.raises(StorageError) as caught:
        lake.scan(LABEL_STORE)
    assert "\n" not in str(caught.value)
    with pytest.raises(StorageError):
        lake.replace(LABEL_STORE, labels(("b", "2010-01-30")), span("2010-01-30"))


def test_years_closed_by_the_end_of_a_span_are_written_as_one_file_each(lake: Lake, tmp_path: Path) -> None:
    days = ["2008-12-31", "2009-01-01", "2009-07-04", "2009-12-31", "2010-01-01", "2010-03-31"]
    lake.replace(LABEL_STORE, labels(*((day, day) for day in days)), span("2008-06-01", "2010-04-01"))
    path = tmp_path / "scripts/datamart/gold/label_store"
    parts = ["2008-12", "2009", "2010-01", "2010-03"]  # of 2008 the span has a half, and 2010 has not closed
    assert sorted(file.parent.name for file in path.glob("*/*.parquet")) == [f"snapshot_month={part}" for part in parts]
    assert loans(lake) == days
    assert loans(lake, span("2009-07-01", "2010-01-01")) == ["2009-07-04", "2009-12-31", "2010-01-01"]
    lake.replace(LABEL_STORE, labels(("x", "2009-07-05")), span("2009-07-04", "2009-07-05"))
    assert loans(lake) == [*days[:2], "x", *days[3:]]
    assert join_closed_years(lake, LABEL_STORE, date(2010, 4, 1)) == 3  # 2008's month, 2009's file and its late month
    assert loans(lake) == [*days[:2], "x", *days[3:]]


@pytest.mark.parametrize("name", ["..", "../x", "/etc", "gold/../../x", "", "."])
def test_a_table_or_model_name_that_leads_out_of_its_place_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutsideHomeError):
        Layout(tmp_path).table(name)
    with pytest.raises(OutsideHomeError):
        Layout(tmp_path).model(name)


def test_a_link_that_leads_out_of_the_bank_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model_bank").mkdir()
    (tmp_path / "model_bank" / "m1").symlink_to(tmp_path)
    with pytest.raises(OutsideHomeError):
        Layout(tmp_path).model("m1")


@pytest.mark.parametrize("said", ["IO: No space left on device (os error 28)", "\x1b[31mDisk quota exceeded\x1b[0m"])
def test_a_full_disk_is_one_plain_line_that_says_what_to_do(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DeltaError(said)

    monkeypatch.setattr("p2pcredit.storage.tables.lake.write_deltalake", full)
    with pytest.raises(StorageError, match=r"^cannot write .*label_store: [A-Z][a-z ]+; free some space and run it"):
        lake.replace(LABEL_STORE, labels(("a", "2010-01-30")), span("2010-01-30"))
    assert loans(lake) == []


@pytest.mark.parametrize("name", ["a blank", "50%", "straße", "a#b", "a+b=c"])
def test_a_home_of_any_name_is_written_and_read(tmp_path: Path, name: str) -> None:
    lake = Lake(Layout(tmp_path / name))
    lake.replace(LABEL_STORE, labels(("a", "2010-01-30")), span("2010-01-30"))
    lake.replace(LABEL_STORE, labels(("b", "2010-02-02")), span("2010-02-02"))
    assert loans(lake) == ["a", "b"]
    assert loans(lake, span("2010-02-02")) == ["b"]
    assert Lake(lake.layout, pinned={LABEL_STORE.name: 1}).read(LABEL_STORE)["loan_id"].to_list() == ["a"]
    assert not lake.replace(LABEL_STORE, labels(("b", "2010-02-02")), span("2010-02-02"))
    lake.replace(LABEL_STORE, labels(), span("2010-01-30", "2010-02-02"))
    assert lake.read(LABEL_STORE).is_empty()


def test_a_table_made_before_keeps_its_history_from_the_next_month_on(lake: Lake, tmp_path: Path) -> None:
    lake.replace(LABEL_STORE, labels(("a", "2010-01-30")), span("2010-01-30"))
    path = tmp_path / "scripts/datamart/gold/label_store"
    DeltaTable(str(path)).alter.set_table_properties({"delta.enableExpiredLogCleanup": "true"})
    close_periods(lake, LABEL_STORE, date(2010, 2, 1))
    assert DeltaTable(str(path)).metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    version = lake.version(LABEL_STORE)
    close_periods(lake, LABEL_STORE, date(2010, 2, 1))
    assert (lake.version(LABEL_STORE), loans(lake)) == (version, ["a"])

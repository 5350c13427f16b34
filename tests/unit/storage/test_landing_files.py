from __future__ import annotations

import gzip
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.landed_frame import write_landing

from p2pcredit.contracts.feeds import DEMOGRAPHIC, FINANCIAL, LOAN_TERMS
from p2pcredit.errors import HeaderError, MissingFeedError, SourceError, UnreadableFileError, UsageError
from p2pcredit.periods import DateRange
from p2pcredit.storage import files
from p2pcredit.storage.landing import files as landing_files
from p2pcredit.storage.landing.files import find_landing_file, landed_bytes, landed_state
from p2pcredit.storage.landing.read import check_landing, read_landing
from p2pcredit.storage.layout import Layout

DAY = date(2010, 12, 31)
HEADER = "loan_id,origination_date,loan_amount,term"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


def put(layout: Layout, name: str, content: bytes | str) -> Path:
    path = layout.landing / "loan_terms" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read_day(layout: Layout, day: date = DAY) -> pl.DataFrame:
    return read_landing(layout, LOAN_TERMS, DateRange(day, day)).frame


def rows(*items: tuple[str, date]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "snapshot_date": [day for _, day in items],
            "loan_id": [loan for loan, _ in items],
            "origination_date": [str(day) for _, day in items],
            "loan_amount": ["1000"] * len(items),
            "term": [" 36 months"] * len(items),
        },
        schema_overrides={"snapshot_date": pl.Date, "loan_id": pl.String, "origination_date": pl.String},
    )


def test_a_day_file_comes_with_its_source_and_every_column_of_the_feed(layout: Layout) -> None:
    path = put(layout, "loan_terms_2010_12_31.csv", f"{HEADER},surprise\n7,2010-12-31,1000,,x\n8,2010-12-31, ,36,y\n")
    read = read_landing(layout, LOAN_TERMS, DateRange(DAY, DAY))
    assert read.ignored_columns == ("surprise",)
    assert read.missing == []
    keys = ["snapshot_date", "source_file", "row_number", "source_digest"]
    assert read.frame.columns == [*keys, *LOAN_TERMS.sources, "unparsed"]
    first, second = read.frame.rows(named=True)
    assert first["snapshot_date"] == DAY
    assert first["source_file"] == "loan_terms/loan_terms_2010_12_31.csv"
    assert first["source_digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (first["row_number"], second["row_number"]) == (1, 2)
    assert (first["loan_amount"], first["term"], first["grade"], first["unparsed"]) == ("1000", None, None, None)
    assert second["loan_amount"] is None


def test_text_with_commas_quotes_and_line_breaks_survives_with_crlf_and_byte_order_mark(layout: Layout) -> None:
    text = f'\ufeff{HEADER},description\r\n7,2010-12-31,1000,36,"a, ""b""\nc"\r\n'
    put(layout, "loan_terms_2010_12_31.csv", text)
    assert read_day(layout)["description"].to_list() == ['a, "b"\nc']


def test_a_ragged_row_comes_through_marked_with_its_raw_text(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_31.csv", f"{HEADER}\n1,2010-12-31,1000\n2,2010-12-31,5,36\n3,2010-12-31,5,36,9\n")
    frame = read_day(layout)
    assert frame["row_number"].to_list() == [1, 2, 3]
    assert frame["loan_id"].to_list() == ["1", "2", "3"]
    assert frame["term"].to_list() == [None, "36", "36"]
    assert frame["unparsed"].to_list() == ["1,2010-12-31,1000", None, "3,2010-12-31,5,36,9"]


def test_columns_named_like_ours_in_a_landing_file_are_ignored(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_31.csv", f"{HEADER},row_number,unparsed\n1,2010-12-31,5,36,77,x\n")
    read = read_landing(layout, LOAN_TERMS, DateRange(DAY, DAY))
    assert read.frame.select("row_number", "unparsed").row(0) == (1, None)
    assert read.ignored_columns == ("row_number", "unparsed")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("loan_terms_2010_12_31.csv", b"", "even a day without loans has the header line"),
        ("loan_terms_2010_12_31.csv.gz", b"", "even a day without loans has the header line"),
        ("loan_terms_2010_12_31.csv.gz", gzip.compress(HEADER.encode() * 9, mtime=0)[:40], "middle of the gzip stream"),
        ("loan_terms_2010_12_31.csv", HEADER.encode() + b"\n\xff,2010-12-31,1,36\n", "not UTF-8"),
        ("loan_terms_2010_12_31.csv", bytes(range(256)) * 4, "not"),
        ("loan_terms_2010_12_31.parquet", b"", "0 bytes"),
        ("loan_terms_2010_12_31.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
        ("loan_terms_2010_12.parquet", b"PAR1 and then nothing", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(layout: Layout, name: str, content: bytes, says: str) -> None:
    put(layout, name, content)
    with pytest.raises(UnreadableFileError, match=says) as caught:
        check_landing(layout, LOAN_TERMS, DAY)
    assert "\n" not in str(caught.value)
    assert name in str(caught.value)


def test_a_wrong_header_names_the_missing_columns(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_31.csv", "loan_id,origination_date,amount\n1,2010-12-31,5\n")
    with pytest.raises(HeaderError, match="lacks the required columns loan_amount, term of feed 'loan_terms'"):
        read_day(layout)
    put(layout, "loan_terms_2010_12_31.csv", "\n")
    with pytest.raises(HeaderError, match="loan_id"):
        read_day(layout)


def test_a_missing_feed_says_what_was_expected_and_may_heal(layout: Layout) -> None:
    with pytest.raises(MissingFeedError) as caught:
        check_landing(layout, FINANCIAL, DAY)
    assert str(caught.value) == (
        "feed 'financial' has not landed for 2010-12-31: expected data/financial/financial_2010_12_31.csv or "
        "data/financial/financial_2010_12.parquet; land it or wait"
    )
    assert caught.value.retryable


def test_check_says_file_rows_and_bytes(layout: Layout) -> None:
    path = put(layout, "loan_terms_2010_12_31.csv", f"{HEADER}\n1,2010-12-31,5,36\n")
    facts = check_landing(layout, LOAN_TERMS, DAY)
    assert facts == {"file": "loan_terms/loan_terms_2010_12_31.csv", "rows": 1, "bytes": path.stat().st_size}


def test_a_day_file_goes_before_its_month_however_it_is_written(layout: Layout) -> None:
    write_landing(layout, LOAN_TERMS, rows(("month", DAY)), DateRange(date(2010, 12, 1), DAY))
    for ending, content in ((".parquet", None), (".csv.gz", gzip.compress), (".csv", bytes)):
        name = f"loan_terms_2010_12_31{ending}"
        text = f"{HEADER}\n{ending},2010-12-31,5,36\n".encode()
        if content is None:
            pl.DataFrame(
                {"loan_id": [ending], "origination_date": [DAY], "loan_amount": [5], "term": [36]}
            ).write_parquet(layout.landing / "loan_terms" / name)
        else:
            put(layout, name, content(text))
        assert read_day(layout)["loan_id"].to_list() == [ending]
        assert find_landing_file(layout, "loan_terms", DAY) == layout.landing / "loan_terms" / name
        (layout.landing / "loan_terms" / name).unlink()
    assert read_day(layout, date(2010, 12, 30)).height == 0


def test_what_lies_under_the_name_of_a_month_is_looked_at_where_a_day_needs_it(layout: Layout) -> None:
    of_day = put(layout, "loan_terms_2010_12_31.csv", HEADER)
    (layout.landing / "loan_terms" / "loan_terms_2010_12.parquet").mkdir()
    assert find_landing_file(layout, "loan_terms", DAY) == of_day
    with pytest.raises(UnreadableFileError, match="move it away"):
        find_landing_file(layout, "loan_terms", date(2010, 12, 30))


def test_typed_values_of_a_parquet_file_become_text(layout: Layout) -> None:
    frame = pl.DataFrame(
        {"loan_id": [1], "origination_date": [DAY], "loan_amount": [5.5], "term": [36], "grade": ["A"]}
    )
    path = put(layout, "loan_terms_2010_12_31.parquet", b"")
    frame.write_parquet(path)
    assert read_day(layout).select("loan_id", "origination_date", "loan_amount", "term").row(0) == (
        "1",
        "2010-12-31",
        "5.5",
        "36",
    )


def test_a_month_file_without_days_or_with_days_of_another_month_is_refused(layout: Layout) -> None:
    path = put(layout, "loan_terms_2010_12.parquet", b"")
    rows(("1", DAY)).drop("snapshot_date").write_parquet(path)
    with pytest.raises(HeaderError, match="snapshot_date"):
        read_day(layout)
    rows(("1", DAY), ("2", date(2011, 1, 1))).write_parquet(path)
    with pytest.raises(UnreadableFileError, match="1 rows without a snapshot_date in its month"):
        read_day(layout)


def test_days_without_a_file_are_reported_missing_and_days_without_rows_are_not(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_30.csv", f"{HEADER}\n")
    read = read_landing(layout, LOAN_TERMS, DateRange(date(2010, 12, 29), DAY))
    assert read.missing == [date(2010, 12, 29), DAY]
    assert read.frame.height == 0


def test_whole_months_land_as_parquet_and_other_days_as_csv(layout: Layout) -> None:
    span = DateRange(date(2010, 11, 30), date(2011, 1, 2))
    frame = rows(("3", date(2011, 1, 1)), ("1", date(2010, 11, 30)), ("2", date(2010, 12, 5)))
    assert write_landing(layout, LOAN_TERMS, frame, span) == 3
    assert sorted(path.name for path in (layout.landing / "loan_terms").iterdir()) == [
        "loan_terms_2010_11_30.csv",
        "loan_terms_2010_12.parquet",
        "loan_terms_2011_01_01.csv",
        "loan_terms_2011_01_02.csv",
    ]
    read = read_landing(layout, LOAN_TERMS, span)
    assert read.missing == []
    assert read.frame["loan_id"].to_list() == ["1", "2", "3"]
    assert read.frame["row_number"].to_list() == [1, 1, 1]


def test_a_new_month_replaces_older_day_files_and_a_new_day_goes_before_its_month(layout: Layout) -> None:
    december = DateRange(date(2010, 12, 1), DAY)
    put(layout, "loan_terms_2010_12_31.csv.gz", gzip.compress(f"{HEADER}\nold,2010-12-31,5,36\n".encode()))
    write_landing(layout, LOAN_TERMS, rows(("new", DAY)), december)
    assert read_day(layout)["loan_id"].to_list() == ["new"]
    write_landing(layout, LOAN_TERMS, rows(("newer", DAY)), DateRange(DAY, DAY))
    assert read_day(layout)["loan_id"].to_list() == ["newer"]


def test_the_names_of_many_months_are_synced_once_but_before_files_of_days_go(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    did: list[str] = []
    real_sync, real_unlink = files.sync, Path.unlink

    def sync(path: Path) -> None:
        did.append("names" if path.is_dir() else "file")
        real_sync(path)

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        did.append("removed")
        real_unlink(path, missing_ok=missing_ok)

    for module in (files, landing_files):
        monkeypatch.setattr(module, "sync", sync)
    monkeypatch.setattr(Path, "unlink", unlink)
    autumn, day = DateRange(date(2010, 10, 1), DAY), DateRange(DAY, DAY)
    write_landing(layout, LOAN_TERMS, rows(("1", DAY)), autumn)
    assert did == ["file"] * 3 + ["names"]
    write_landing(layout, LOAN_TERMS, rows(("2", DAY)), day)
    did.clear()
    write_landing(layout, LOAN_TERMS, rows(("1", DAY)), autumn)
    assert did == ["file"] * 3 + ["names", "removed", "names"]


def test_rows_outside_the_days_are_refused(layout: Layout) -> None:
    with pytest.raises(UsageError, match="1 rows of feed 'loan_terms' lie outside"):
        write_landing(layout, LOAN_TERMS, rows(("1", date(2010, 12, 30))), DateRange(DAY, DAY))


def test_only_the_days_asked_for_are_read_from_a_month(layout: Layout) -> None:
    days = [date(2010, 12, 5), date(2010, 12, 6), date(2010, 12, 6), date(2010, 12, 7)]
    frame = rows(*((str(place), day) for place, day in enumerate(days)))
    write_landing(layout, LOAN_TERMS, frame, DateRange(date(2010, 12, 1), DAY))
    read = read_day(layout, date(2010, 12, 6))
    assert read["loan_id"].to_list() == ["1", "2"]
    assert read["row_number"].to_list() == [2, 3]


TEXT = st.one_of(st.none(), st.text(st.sampled_from('ab1 ,"\n\r\té\0'), max_size=6))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(titles=st.lists(TEXT, max_size=5), whole_month=st.booleans())
def test_what_is_written_is_read_back_and_twice_gives_equal_bytes(
    layout: Layout, titles: list[str | None], whole_month: bool
) -> None:
    span = DateRange(date(2010, 12, 1), DAY) if whole_month else DateRange(DAY, DAY)
    frame = pl.DataFrame(
        {"loan_id": [str(i) for i in range(len(titles))], "employment_title": titles},
        schema={"loan_id": pl.String, "employment_title": pl.String},
    ).with_columns(pl.lit(DAY).alias("snapshot_date"))
    write_landing(layout, DEMOGRAPHIC, frame, span)
    written = find_landing_file(layout, "demographic", DAY)
    assert written is not None
    before = written.read_bytes()
    read = read_landing(layout, DEMOGRAPHIC, DateRange(DAY, DAY)).frame
    assert read["employment_title"].to_list() == [t if t is not None and t.strip() else None for t in titles]
    assert read["unparsed"].null_count() == len(titles)
    write_landing(layout, DEMOGRAPHIC, frame, span)
    assert written.read_bytes() == before
    written.unlink()


@pytest.mark.parametrize("name", ["loan_terms_2010_12_31.csv.gz", "loan_terms_2010_12.parquet"])
def test_a_directory_in_the_place_of_a_file_is_no_missing_feed(layout: Layout, name: str) -> None:
    (layout.landing / "loan_terms" / name).mkdir(parents=True)
    with pytest.raises(UnreadableFileError, match=f"{name} is no file"):
        check_landing(layout, LOAN_TERMS, DAY)


def test_a_landing_file_that_ends_inside_a_record_is_refused(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_31.csv", f"{HEADER}\n1,2010-12-31,5,36\n2,2010-12")
    with pytest.raises(UnreadableFileError, match=r"31\.csv ends in the middle of record 2"):
        read_day(layout)


def test_a_record_of_blanks_keeps_its_raw_text(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_31.csv", f"{HEADER}\n \t\n1,2010-12-31,5,36\n")
    assert read_day(layout)["unparsed"].to_list() == [" \t", None]


@pytest.mark.parametrize(
    ("column", "says"),
    [({"title": [["a"]]}, "title"), ({"title": [{"a": 1}]}, "title"), ({"loan_id": [7.0]}, "id 7 reads 7.0")],
)
def test_parquet_values_that_no_text_shows_are_refused(layout: Layout, column: dict[str, Any], says: str) -> None:
    path = put(layout, "loan_terms_2010_12_31.parquet", b"")
    sound = {"loan_id": [1], "origination_date": [DAY], "loan_amount": [5], "term": [36]}
    pl.DataFrame(sound | column).write_parquet(path)
    with pytest.raises(HeaderError, match=says):
        read_day(layout)


def test_a_home_whose_name_looks_like_a_pattern_is_read_like_any_other(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "home[1]*")
    write_landing(layout, LOAN_TERMS, rows(("1", DAY)), DateRange(date(2010, 12, 1), DAY))
    assert read_day(layout)["loan_id"].to_list() == ["1"]


def test_a_text_that_is_not_utf8_in_parquet_is_refused(layout: Layout) -> None:
    names = ("loan_id", "origination_date", "loan_amount", "term")
    broken = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())
    path = put(layout, "loan_terms_2010_12_31.parquet", b"")
    pq.write_table(pa.table({name: broken if name == "term" else pa.array(["1"]) for name in names}), path)
    with pytest.raises(UnreadableFileError, match="UTF8"):
        read_day(layout)


@pytest.mark.parametrize("other", [".csv.gz", ".parquet", ".CSV"])
@pytest.mark.parametrize(
    "look",
    [
        lambda layout: read_day(layout),
        lambda layout: check_landing(layout, LOAN_TERMS, DAY),
        lambda layout: landed_state(layout, "loan_terms", DateRange(date(2010, 12, 1), DAY)),
        lambda layout: landed_bytes(layout, DateRange(DAY, DAY)),
    ],
    ids=["read", "check", "state", "bytes"],
)
def test_two_files_for_one_day_are_refused_by_both_names(layout: Layout, other: str, look: Any) -> None:
    put(layout, "loan_terms_2010_12_31.csv", f"{HEADER}\n1,2010-12-31,5,36\n")
    put(layout, f"loan_terms_2010_12_31{other}", b"whatever it holds")
    with pytest.raises(SourceError, match="keep one, move the rest away") as caught:
        look(layout)
    assert "data/loan_terms/loan_terms_2010_12_31.csv and" in str(caught.value)
    assert f"loan_terms_2010_12_31{other} hold" in str(caught.value)
    assert not caught.value.retryable


def test_landing_a_day_again_leaves_one_file_of_it(layout: Layout) -> None:
    put(layout, "loan_terms_2010_12_31.csv", f"{HEADER}\n1,2010-12-31,5,36\n")
    put(layout, "loan_terms_2010_12_31.csv.gz", b"an earlier delivery")
    write_landing(layout, LOAN_TERMS, rows(("2", DAY)), DateRange(DAY, DAY))
    assert read_day(layout)["loan_id"].to_list() == ["2"]

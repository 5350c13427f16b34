"""A download in Parquet lands as its twin in CSV does, whatever types its columns have, or is refused in one line."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from p2pcredit.errors import HeaderError, SourceError, UnreadableFileError
from p2pcredit.platforms import downloads as raw_files
from p2pcredit.platforms.lendingclub.profile import LendingClub
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.mapped.profile import MappedPlatform, load_mapping
from p2pcredit.readers import parquet as raw_parquet

MAPPING = """
name: lender
loan_id: Nr
origination_date: Start
feeds:
  loan_terms: {loan_amount: Amount, term: Months, interest_rate: {column: Rate, times: 100, round: 2}}
  demographic: {state: Region}
events:
  status: State
  days_past_due: Late
  read_on: 2020-12-31
  rules: {open: [], slow: past_due}
"""


def plain_mapping(tmp_path: Path) -> Path:
    path = tmp_path / "lender.yaml"
    path.write_text(MAPPING)
    return path


@pytest.fixture
def lender(tmp_path: Path) -> MappedPlatform:
    return load_mapping(plain_mapping(tmp_path))


def columns(rows: int = 3) -> dict[str, pa.Array]:
    return {
        "Nr": pa.array([7.0, 8.0, 9.0][:rows]),  # whole numbers that became floats on the way
        "Start": pa.array([date(2020, 2, 3)] * rows),
        "Amount": pa.array([Decimal("1500.50"), Decimal("900.00"), None][:rows], pa.decimal128(12, 2)),
        "Months": pa.array([12, 36, 60][:rows], pa.int16()),
        "Rate": pa.array([0.1234, float("nan"), None][:rows]),
        "Region": pa.array(["Tirol", " ", "K\u00fcste"][:rows]).dictionary_encode(),
        "State": pa.array(["slow", "open", "open"][:rows], pa.large_string()),
        "Late": pa.array([40, None, 0][:rows], pa.int64()),
    }


def put(path: Path, found: dict[str, pa.Array], **options: object) -> Path:
    pq.write_table(pa.table(found), path, **options)
    return path


def same(one: RawBook, other: RawBook) -> bool:
    equal = all(one.feeds[name].equals(other.feeds[name]) for name in one.feeds)
    return equal and one.rejected.equals(other.rejected) and one.rows_in == other.rows_in


def test_types_become_the_texts_that_a_csv_file_would_hold(tmp_path: Path, lender: MappedPlatform) -> None:
    book = lender.read([put(tmp_path / "raw.parquet", columns())], None, None)
    text = tmp_path / "raw.csv"
    lines = ["7,2020-02-03,1500.50,12,0.1234,Tirol,slow,40", "8,2020-02-03,900.00,36,,,open,"]
    text.write_text(
        "\n".join(["Nr,Start,Amount,Months,Rate,Region,State,Late", *lines, "9,2020-02-03,,60,,Küste,open,0"])
    )
    assert same(book, lender.read([text], None, None))
    assert book.feeds["loan_terms"]["loan_id"].to_list() == ["7", "8", "9"]


@pytest.mark.parametrize("value", [datetime(2020, 2, 3, 14, 5), datetime(2020, 2, 3, 14, 5, tzinfo=UTC), "2020-02-03"])
def test_a_day_may_be_an_instant_or_a_text(tmp_path: Path, lender: MappedPlatform, value: object) -> None:
    path = put(tmp_path / "raw.parquet", columns() | {"Start": pa.array([value] * 3)})
    assert lender.read([path], None, None).feeds["loan_terms"]["origination_date"].to_list() == ["2020-02-03"] * 3


@pytest.mark.parametrize("pattern", ["%d.%m.%Y", "%Y/%m/%d"])
def test_the_mapping_of_a_csv_file_serves_its_twin_in_parquet(tmp_path: Path, pattern: str) -> None:
    mapping = tmp_path / "dated.yaml"
    mapping.write_text(
        MAPPING.replace("origination_date: Start", f'origination_date: {{column: Start, date: "{pattern}"}}')
    )
    platform = load_mapping(mapping)
    typed = put(tmp_path / "typed.parquet", columns())
    texts = put(tmp_path / "texts.parquet", columns() | {"Start": pa.array([f"{date(2020, 2, 3):{pattern}}"] * 3)})
    assert same(platform.read([texts], None, None), load_mapping(plain_mapping(tmp_path)).read([typed], None, None))
    assert same(platform.read([typed], None, None), platform.read([texts], None, None))


def test_a_decimal_sign_speaks_of_texts_and_not_of_numbers(tmp_path: Path) -> None:
    mapping = tmp_path / "comma.yaml"
    mapping.write_text(f'{MAPPING}\nfile: {{decimal: ","}}\n')
    found = columns() | {"Rate": pa.array(["0,1234", None, "12.5"])}
    book = load_mapping(mapping).read([put(tmp_path / "raw.parquet", found)], None, None)
    rates = ["12.34", None, "12.5 is no number with a decimal comma"]
    assert book.feeds["loan_terms"]["interest_rate"].to_list() == rates
    assert book.feeds["loan_terms"]["loan_amount"][0] == "1500.50"
    assert book.rejected.is_empty()


def test_a_built_in_platform_reads_it_too_and_all_columns_can_be_looked_at(tmp_path: Path) -> None:
    names = ("id", "loan_amnt", "term", "issue_d", "loan_status", "last_pymnt_d", "last_credit_pull_d")
    row = ("1", 5000, " 36 months", "Dec-2010", "Current", "Jan-2011", "Feb-2011")
    path = put(tmp_path / "raw.parquet", {name: pa.array([value]) for name, value in zip(names, row, strict=True)})
    assert LendingClub().read([path], None, None).rows_landed == 1
    assert LendingClub().columns(path)["loan_amnt"].to_list() == ["5000"]


def test_it_is_read_in_parts_that_make_the_same_book(
    tmp_path: Path, lender: MappedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = {name: pa.concat_arrays([array.cast(array.type)] * 40) for name, array in columns().items()}
    many["Nr"] = pa.array(range(120))
    path = put(tmp_path / "raw.parquet", many, row_group_size=50)
    whole = lender.read([path], None, None)
    monkeypatch.setattr(raw_parquet, "ROWS_TOGETHER", 7)
    monkeypatch.setattr(raw_files, "PART_BYTES", 1000)
    assert len(list(lender.parts([path], None, None))) > 3
    assert same(lender.read([path], None, None), whole)
    assert sorted(whole.origins["row_number"]) == list(range(1, 121))


def test_a_file_without_rows_is_a_book_without_loans(tmp_path: Path, lender: MappedPlatform) -> None:
    book = lender.read([put(tmp_path / "raw.parquet", columns(0))], None, None)
    assert (book.rows_in, book.rows_landed) == (0, 0)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"Region": pa.array([["a"]] * 3)}, r"the column 'Region' is of type list<element: string>; write one text"),
        ({"Region": pa.array([b"a"] * 3)}, "the column 'Region' is of type binary"),
        ({"Amount": None}, "lacks the columns Amount"),
    ],
)
def test_columns_that_cannot_be_used_are_named(
    tmp_path: Path, lender: MappedPlatform, changed: dict[str, pa.Array | None], says: str
) -> None:
    found = {name: array for name, array in (columns() | changed).items() if array is not None}
    with pytest.raises(HeaderError, match=says):
        lender.read([put(tmp_path / "raw.parquet", found)], None, None)
    if "Amount" in found:
        assert "Region" not in lender.columns(tmp_path / "raw.parquet").columns


def test_a_column_that_stands_twice_is_refused(tmp_path: Path, lender: MappedPlatform) -> None:
    found = columns()
    table = pa.Table.from_arrays([*found.values(), found["Months"]], names=[*found, "Months"])
    pq.write_table(table, tmp_path / "raw.parquet")
    with pytest.raises(HeaderError, match="the column 'Months' stands twice"):
        lender.read([tmp_path / "raw.parquet"], None, None)


@pytest.mark.parametrize("keep", [4, 100, -1])
def test_a_cut_file_is_refused_in_one_line(tmp_path: Path, lender: MappedPlatform, keep: int) -> None:
    path = put(tmp_path / "raw.parquet", columns())
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UnreadableFileError, match="cannot be read as Parquet") as caught:
        lender.read([path], None, None)
    assert "\n" not in str(caught.value)


def test_a_small_file_that_says_it_holds_much_is_not_read(tmp_path: Path, lender: MappedPlatform) -> None:
    rows = 3_000_000
    found = {name: pa.repeat(array[0], rows) for name, array in columns().items() if name != "Region"}
    with pytest.raises(SourceError, match="no loan data packs so well"):
        lender.read([put(tmp_path / "raw.parquet", found, compression="zstd")], None, None)


def test_an_absent_file_is_told(tmp_path: Path, lender: MappedPlatform) -> None:
    with pytest.raises(SourceError, match="there is no file"):
        lender.read([tmp_path / "absent.parquet"], None, None)


def test_every_value_is_a_text(tmp_path: Path, lender: MappedPlatform) -> None:
    table = lender.columns(put(tmp_path / "raw.parquet", columns() | {"Paid": pa.array([True, None, False])}))
    assert set(table.dtypes) == {pl.String()}
    assert table["Paid"].to_list() == ["true", None, "false"]

"""Ids that became numbers are read as the ids they are or refused, and one loan never lands twice."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.errors import HeaderError
from p2pcredit.platforms import downloads as raw_files
from p2pcredit.platforms.lendingclub.profile import LendingClub
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.platforms.loan_ids import plain_ids

HEADER = "id,loan_amnt,term,issue_d,loan_status,last_pymnt_d"


def put(path: Path, *ids: str) -> Path:
    rows = [f'"{id_}",{1000 + at},36 months,Dec-2015,Fully Paid,Jan-2017' for at, id_ in enumerate(ids)]
    path.write_text("\n".join([HEADER, *rows]))
    return path


def read(*files: Path) -> RawBook:
    return LendingClub().read(list(files), None, None)


def ids(book: RawBook) -> list[str]:
    return book.feeds["loan_terms"].sort("loan_amount")["loan_id"].to_list()


@pytest.mark.parametrize(
    ("written", "landed"),
    [
        (["68407277.0", "68355089.00"], ["68407277", "68355089"]),
        (["68407277.0", "68355089"], ["68407277", "68355089"]),
        (["68407277,0", "68355089,00"], ["68407277", "68355089"]),
        (["68407277,0", "68355089", "7.0"], ["68407277", "68355089", "7"]),
        (["1,000", "7"], ["1000", "7"]),
        (["2.0", "2.1", "3.0"], ["2.0", "2.1", "3.0"]),
        (["68,407,277", "7"], ["68407277", "7"]),
        (["1,007", "A-7"], ["1,007", "A-7"]),
        (["33E8847", "1e5", "007"], ["33E8847", "1e5", "007"]),
        (["7e7", "a3f", "8.0"], ["7e7", "a3f", "8"]),
        (["7e7", "2.5"], ["7e7", "2.5"]),
    ],
)
def test_how_ids_are_read_is_decided_for_the_whole_file(tmp_path: Path, written: list[str], landed: list[str]) -> None:
    assert ids(read(put(tmp_path / "a.csv", *written))) == landed


def test_the_decision_does_not_depend_on_how_the_file_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw_files, "PART_BYTES", 1)
    assert ids(read(put(tmp_path / "a.csv", *(f"{n}.0" for n in range(50)), "7.5"))) == [
        *(f"{n}.0" for n in range(50)),
        "7.5",
    ]
    assert ids(read(put(tmp_path / "b.csv", *(f"{n}.0" for n in range(50)), "x"))) == [
        *(f"{n}" for n in range(50)),
        "x",
    ]


def test_a_file_with_float_ids_lands_on_the_days_of_its_twin(tmp_path: Path) -> None:
    whole, floats = (read(put(tmp_path / f"{end}.csv", f"68407277{end}", f"68355089{end}")) for end in ("", ".0"))
    assert all(whole.feeds[name].equals(floats.feeds[name]) for name in whole.feeds)


@pytest.mark.parametrize("id_", ["NA", "nan", " - ", "#N/A"])
def test_a_sign_of_a_missing_value_is_no_id(tmp_path: Path, id_: str) -> None:
    assert read(put(tmp_path / "a.csv", id_, "8")).rejected["kind"].to_list() == ["no id"]


@pytest.mark.parametrize(
    "id_", ["12345678901234567.0", "6.84E07", "6.84E+07", "6.84e+07", "6,84E+07", "7E+7", "1.2345678901234567e+18"]
)
def test_an_id_that_lost_its_digits_is_rejected_with_what_to_do(tmp_path: Path, id_: str) -> None:
    book = read(put(tmp_path / "a.csv", id_, "8"))
    assert book.rejected.select("kind", "value").rows() == [("id is a number that lost its digits", id_)]
    assert book.rejected["remedy"][0] == "export the column 'id' as text, so that every digit of an id is kept"
    assert ids(book) == ["8"]


@pytest.mark.parametrize("id_", ["7e7", "7E7", " 684e5 ", "1e05", "7e100"])
@pytest.mark.parametrize("other", ["8", "8.0", "1,008", "9e7"])
def test_a_power_without_decimals_is_no_id_where_all_ids_are_numbers(tmp_path: Path, id_: str, other: str) -> None:
    book = read(put(tmp_path / "a.csv", id_, other, "5"))
    lost = [id_.strip(), *([other] if "e" in other else [])]
    assert book.rejected.select("kind", "value").rows() == [("id is a number that lost its digits", x) for x in lost]
    assert book.rejected["remedy"][0] == "export the column 'id' as text, so that every digit of an id is kept"
    assert ids(book) == [*([] if "e" in other else [other.replace(",", "").removesuffix(".0")]), "5"]


def test_whether_a_power_is_a_number_does_not_depend_on_how_the_file_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(raw_files, "PART_BYTES", 1)
    numbers = [str(n) for n in range(50)]
    book = read(put(tmp_path / "a.csv", "7e7", *numbers, "7e7", "3", "9e9"))
    assert book.rejected.select("row_number", "kind", "value").rows() == [
        (1, "id is a number that lost its digits", "7e7"),
        (52, "id is a number that lost its digits", "7e7"),
        (53, "id stands twice", "3"),
        (54, "id is a number that lost its digits", "9e9"),
    ]
    assert ids(book) == numbers
    assert ids(read(put(tmp_path / "b.csv", "7e7", *numbers, "x"))) == ["7e7", *numbers, "x"]


@pytest.mark.parametrize("unseen", ["\0", "\x1c", "\x7f", "\u200b", "\u2060", "\ufeff", "\u202e", "\u00ad"])
@pytest.mark.parametrize("where", ["A{}", "{}A", "A{}7"])
def test_an_id_with_a_character_that_cannot_be_seen_is_rejected(tmp_path: Path, unseen: str, where: str) -> None:
    book = read(put(tmp_path / "a.csv", "A", "A7", where.format(unseen), "Ä-7 b/é"))
    assert book.rejected.select("row_number", "kind", "value").rows() == [
        (3, "id holds a character that cannot be seen", where.format("\ufffd"))
    ]
    assert book.rejected["remedy"][0] == (
        "write the ids in the column 'id' without control characters and without zero-width ones"
    )
    assert ids(book) == ["A", "A7", "Ä-7 b/é"]


def test_an_id_lands_once_however_it_is_spelt_and_in_whatever_file(tmp_path: Path) -> None:
    one, other = put(tmp_path / "a.csv", "7", " 8 ", "7"), put(tmp_path / "b.csv", "8.0", "9.0", "7.00")
    book = read(one, other)
    assert book.feeds["loan_terms"].select("loan_id", "loan_amount").sort("loan_id").rows() == [
        ("7", "1000"),
        ("8", "1001"),
        ("9", "1001"),
    ]
    assert book.rejected.select("file", "row_number", "kind", "value").rows() == [
        ("a.csv", 3, "id stands twice", "7"),
        ("b.csv", 1, "id stands twice", "8"),
        ("b.csv", 3, "id stands twice", "7"),
    ]


def test_ids_that_repeat_all_over_look_like_a_row_per_loan_and_month(tmp_path: Path) -> None:
    book = read(put(tmp_path / "a.csv", *["1", "2"] * 6))
    assert book.rejected.height == 10
    assert "one row per loan and month" in book.rejected["remedy"][0]


@given(
    numbers=st.lists(st.integers(0, 40), min_size=1, max_size=30), spelling=st.lists(st.sampled_from(["", ".0", " "]))
)
def test_every_number_stays_once_the_first_time_it_stands(numbers: list[int], spelling: list[str]) -> None:
    texts = [f"{n}{spelling[at % len(spelling)] if spelling else ''}" for at, n in enumerate(numbers)]
    assert plain_ids(pl.Series(texts)).to_list() == [str(n) for n in numbers]


def test_short_floats_of_parquet_are_refused_and_long_ones_are_whole_numbers(tmp_path: Path) -> None:
    rows = pl.read_csv(put(tmp_path / "a.csv", "68407277", "7"), infer_schema=False)
    path = tmp_path / "a.parquet"
    rows.with_columns(pl.col("id").cast(pl.Float32)).write_parquet(path)
    with pytest.raises(HeaderError, match=r"the ids in 'id' are numbers of at most 7 digits .* write them as text"):
        read(path)
    rows.with_columns(pl.col("id").cast(pl.Float64)).write_parquet(path)
    assert ids(read(path)) == ["68407277", "7"]
    rows.with_columns(id=pl.Series([1.5, 1e17])).write_parquet(path)
    assert read(path).rejected["kind"].to_list() == ["id is a number that lost its digits"] * 2

"""A raw file in the shape of the public one: few descriptions, and columns that begin on the way."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from bench.loan_files import enlarge, write_loans
from bench.public_shape import ADDED
from tests.unit.bench.test_loan_files import LOANS, months

from p2pcredit.platforms.lendingclub.columns import COLUMNS
from p2pcredit.platforms.lendingclub.profile import LendingClub

WIDE = LOANS.with_columns(
    pl.lit("a text").alias("desc"), *(pl.lit(None, dtype=pl.String).alias(name) for name in ADDED)
)


@pytest.fixture(scope="module")
def made() -> pl.DataFrame:
    return pl.concat(enlarge(WIDE, 20_000, public_shape=True))


def test_one_loan_in_eighteen_has_a_description_and_none_after_march_2014(made: pl.DataFrame) -> None:
    described = made.filter(pl.col("desc").is_not_null())
    assert described.height / made.height == pytest.approx(1 / 18, abs=0.006)
    assert months(described, "issue_d").max().isoformat() == "2014-03-01"  # type: ignore[union-attr]
    assert pl.concat(enlarge(WIDE, 2_000))["desc"].null_count() == 0


@pytest.mark.parametrize("name", sorted(ADDED))
def test_a_column_that_was_added_is_empty_before_and_filled_after(made: pl.DataFrame, name: str) -> None:
    column, issued = ADDED[name], months(made, "issue_d")
    assert made.filter(issued < column.since)[name].null_count() == (issued < column.since).sum()
    after = made.filter(issued >= column.since)[name]
    assert after.is_not_null().mean() == pytest.approx(column.filled, abs=0.03)
    numbers = after.drop_nulls().cast(pl.Float64)
    assert numbers.min() >= 0.0  # type: ignore[operator]
    assert numbers.quantile(0.5) == pytest.approx(column.sizes[1], rel=0.1, abs=1)
    assert column.most is None or numbers.max() <= column.most  # type: ignore[operator]


def test_a_loan_keeps_its_own_value_from_the_first_month_on_and_columns_that_lack_are_not_added() -> None:
    own = LOANS.with_columns(pl.lit("7.0").alias("mort_acc"))
    found = pl.concat(enlarge(own, 2_000, public_shape=True))
    assert found.columns == own.columns
    later = months(found, "issue_d") >= ADDED["mort_acc"].since
    assert set(found.filter(later)["mort_acc"]) == {"7.0"}
    assert found.filter(~later)["mort_acc"].null_count() == (~later).sum()


def test_the_same_file_is_made_each_time_and_nothing_else_of_a_loan_changes() -> None:
    first, again = (pl.concat(enlarge(WIDE, 500, public_shape=True)) for _ in range(2))
    assert first.equals(again)
    plain = pl.concat(enlarge(WIDE, 500))
    others = [name for name in WIDE.columns if name not in ADDED and name != "desc"]
    assert first.select(others).equals(plain.select(others))


def test_it_lands_whole_with_the_columns_that_features_come_from(tmp_path: Path) -> None:
    needed = {name for feed in COLUMNS.values() for name in feed.values()} - set(WIDE.columns)
    loans = WIDE.with_columns(
        pl.lit(" 36 months").alias("term"),
        pl.lit("Fully Paid").alias("loan_status"),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in sorted(needed - {"term"})),
    )
    path = write_loans(enlarge(loans, 300, public_shape=True), tmp_path / "loans.csv")
    book = LendingClub().read([path], None, None)
    assert (book.rows_landed, book.rejected.height) == (300, 0)
    balances = book.feeds["financial"]["total_current_balance"]
    assert 0 < balances.null_count() < 150

"""Texts that Rust and Java read apart: blanks of Unicode, ends of lines, letters whose capitals are two letters."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, Table, bronze, silver
from p2pcredit.engines.spark.session import spark_session
from p2pcredit.settings import SparkSettings
from p2pcredit.transforms.features import build_features
from p2pcredit.transforms.silver import refine

DAY = date(2010, 1, 5)
BLANKS = ["\u00a0", "\u2003", "\t", " ", "\n", "\x0b", "\x1c", "\u3000", "\u200b", "\x85", "\u2028", ""]
TEXTS = [
    *(
        "36 months",
        " 60 Months",
        "36.0",
        "10.65%",
        "10.65\u00a0%",
        "< 1 year",
        "<\u20031 year",
        "10+ years",
        "n/a",
        "NULL",
    ),
    *(
        "2010-02-29",
        "2010-01-05",
        "1899-01-01",
        "1e5",
        ".5",
        "5.",
        "-1",
        "+7",
        "999999999999999",
        "1e99",
        "٣",
        "",
        "  ",
    ),
    *(
        "24,000.00",
        "$1,000",
        "1\u202f234",
        "12,5 %",
        ".125",
        "5.%",
        "1e1",
        "2.5E-3%",
        "1e3",
        "3.5",
        "+36",
        "NaN",
        "\\N",
    ),
    *("68407277.0", "6.84E+07", "1234567890123456.0", "A\0", "A\u00ad7", "7e7", "\u2013", "#N/A", "None", "."),
    "not available",
    *("straße", "İstanbul", "ΑΣ ΑΣ.", "ǆ", "ﬁn", "😀 é", "0.1", "123.456789012345", "0.30000000000000004", "101%"),
    *(
        "Credit card PLEASE",
        "Borrower added on 03/12/10 > never missed<br/>thanks",
        "payday\u0085loan",
        "a\r\n2",
        "apr",
    ),
]
SOUND = {
    Kind.DATE: "2010-01-05",
    Kind.NUMBER: "100.5",
    Kind.COUNT: "3",
    Kind.PERCENT: "9.87%",
    Kind.TERM: "36 months",
    Kind.YEARS: "5 years",
    Kind.FLAG: "yes",
    Kind.CATEGORY: "CURRENT",
    Kind.TEXT: "some text",
    Kind.ID: "77.0",
}


def raw(feed: str, count: int = 250) -> pl.DataFrame:
    chance = random.Random(feed)
    rows = []
    for number in range(count):
        row: dict[str, Any] = {"snapshot_date": DAY, "row_number": number}
        for column in FEEDS[feed].columns:
            text = SOUND[column.kind] if chance.random() < 0.8 else chance.choice(TEXTS)
            row[column.source] = chance.choice(BLANKS) + text + chance.choice(BLANKS)
        if chance.random() < 0.8:
            row["loan_id"] = f"l{chance.randrange(200)}"
        rows.append(row)
    return pl.DataFrame(rows, schema=bronze(FEEDS[feed]).schema)


def on_spark(frame: pl.DataFrame, settings: SparkSettings) -> nw.LazyFrame[Any]:
    return nw.from_native(spark_session(settings).createDataFrame(frame.to_arrow()))


def collected(frame: nw.LazyFrame[Any], table: Table | None = None) -> pl.DataFrame:
    native = nw.to_native(frame)
    found = native.collect() if isinstance(native, pl.LazyFrame) else pl.DataFrame(native.toArrow())
    return found.cast({name: dtype for name, dtype in (table.schema if table else {}).items() if name in found.columns})


@pytest.mark.parametrize("feed", ["loan_terms", "demographic", "financial", "credit_history", "loan_performance"])
def test_hard_texts_are_typed_and_set_aside_alike(feed: str, spark_here: SparkSettings) -> None:
    rows = raw(feed)
    local = refine(nw.from_native(rows.lazy()), FEEDS[feed])
    spark = refine(on_spark(rows, spark_here), FEEDS[feed])

    for ours, theirs in zip(local, spark, strict=True):
        expected = collected(ours).sort("row_number")
        assert expected.height
        found = collected(theirs).sort("row_number").cast(expected.schema)
        assert_frame_equal(found, expected, check_exact=True)


def test_features_of_hard_texts_are_the_same(spark_here: SparkSettings) -> None:
    chance = random.Random(4)
    local: dict[str, nw.LazyFrame[Any]] = {}
    spark: dict[str, nw.LazyFrame[Any]] = {}
    for feed in APPLICATION_FEEDS:
        rows = []
        for number in range(120):
            row = {name: _typed(dtype, chance) for name, dtype in silver(feed).schema.items()}
            rows.append({**row, "loan_id": f"l{number}", "snapshot_date": DAY, "row_number": number})
        frame = pl.DataFrame(rows, schema=silver(feed).schema)
        local[feed.name], spark[feed.name] = nw.from_native(frame.lazy()), on_spark(frame, spark_here)

    record = {"snapshot_date": DAY, "kind": "value", "column": "months_since_delinquency"}
    records = [{**record, "loan_id": f"l{n}"} for n in range(9)]
    quarantine = pl.DataFrame(records, schema=QUARANTINE.schema)
    expected = collected(build_features(local, nw.from_native(quarantine.lazy())), FEATURE_STORE).sort("loan_id")
    found = collected(build_features(spark, on_spark(quarantine, spark_here)), FEATURE_STORE).sort("loan_id")

    assert_frame_equal(found, expected, check_exact=True)


def _typed(dtype: pl.DataType, chance: random.Random) -> Any:
    if chance.random() < 0.15:
        return None
    if dtype == pl.String():
        return chance.choice(BLANKS) + chance.choice(TEXTS)
    if dtype == pl.Date():
        return date(chance.randrange(1990, 2010), chance.randrange(1, 13), 28)
    if dtype == pl.Int64():
        return chance.choice([0, 1, 36, 60])
    return chance.choice([0.0, 1.0, chance.uniform(0, 1e5), chance.uniform(0, 1)])

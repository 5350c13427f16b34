"""Rows of random texts: each is sound or set aside, and each value is used, a sign of nothing, or kept as lost."""

from __future__ import annotations

import json
import random
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.robustness.fuzz.meanings import BROKEN, contradicts, is_same, may_be_refused, meaning
from tests.robustness.fuzz.meanings import given as text_given

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import FEEDS, Feed
from p2pcredit.jobs.lake_engines import as_quarantined
from p2pcredit.transforms.silver import refine

DAY = date(2010, 1, 5)
SOUND = {
    Kind.ID: ["l1", "l2", "77.0", "77", "007"],
    Kind.TEXT: ["Pay off cards", "none", "NULL", "n/a"],
    Kind.CATEGORY: ["rent", "CURRENT", "None", "NA", "LATE"],
    Kind.DATE: ["2010-01-05", "1985-06-01"],
    Kind.NUMBER: ["100.5", "7", "0", "1e3", "NaN"],
    Kind.COUNT: ["3", "3.0", "0", "-"],
    Kind.PERCENT: ["9.87%", ".125", "12", "1e1"],
    Kind.TERM: [" 36 months", "60"],
    Kind.YEARS: ["10+ years", "< 1 year", "n/a", "4"],
    Kind.FLAG: ["yes", "No", "TRUE", "0", "n/a"],
}
HOSTILE = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.text("0123456789.,+-eE% ", max_size=8),
    st.sampled_from(
        ["24,000.00", "-1", "1e99", "6.84E+07", "2010-02-30", "2010-01-06", "9" * 20, "\\N", "#N/A", "?", ""]
    ),
)


def raw_rows(feed: Feed, hostile: list[str | None], height: int, seed: int) -> list[dict[str, Any]]:
    """Rows of mostly sound texts; the first date is mostly the day itself."""
    chance = random.Random(seed)
    rows = []
    for number in range(1, height + 1):
        row: dict[str, Any] = {"snapshot_date": DAY, "row_number": number, "unparsed": None}
        for column in feed.columns:
            row[column.source] = chance.choice(hostile if chance.random() < 0.2 else SOUND[column.kind])
        row[feed.date_column] = chance.choice(hostile) if chance.random() < 0.1 else DAY.isoformat()
        if chance.random() < 0.8:
            row["loan_id"] = f"l{number}"
        if chance.random() < 0.05:
            row["unparsed"] = "1,2"
        rows.append(row)
    return rows


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(list(FEEDS.values())), st.lists(HOSTILE, min_size=2, max_size=8), st.integers(1, 25), st.integers()
)
@example(FEEDS["financial"], ["24,000.00", "-1"], 25, 1)
@example(FEEDS["loan_performance"], ["x", "y"], 25, 1)
def test_nothing_of_a_row_vanishes(feed: Feed, hostile: list[str | None], height: int, seed: int) -> None:
    rows = raw_rows(feed, hostile, height, seed)
    types: dict[str, Any] = {"snapshot_date": pl.Date, "row_number": pl.Int64, "unparsed": pl.String}
    schema = types | dict.fromkeys(feed.sources, pl.String)
    refined = refine(nw.from_native(pl.LazyFrame(rows, schema=schema)), feed)
    sound = {row["row_number"]: row for row in nw.to_native(refined.sound).collect().iter_rows(named=True)}
    records = as_quarantined(feed, nw.to_native(refined.faulty).collect()).to_dicts()
    broken = {record["row_number"]: record for record in records if record["kind"] == "row"}
    lost = {(record["row_number"], record["column"]): record for record in records if record["kind"] == "value"}

    assert len(broken) + len(lost) == len(records)
    assert sorted([*sound, *broken]) == list(range(1, height + 1))
    assert {number for number, _ in lost} <= set(sound)
    for row in rows:
        number = row["row_number"]
        if number in broken:
            raw = json.loads(broken[number]["raw"])
            assert {name: raw[name] for name in feed.sources} == {name: row[name] for name in feed.sources}
            assert broken[number]["rules"]
            continue
        for column in feed.columns:
            text, value = row[column.source], sound[number][column.typed_name]
            if (number, column.source) not in lost:
                assert is_same(value, meaning(column, text)), (column.source, text)
                continue
            record = lost[number, column.source]
            assert not column.required
            assert value is None
            assert text_given(column, text) is not None
            assert json.loads(record["raw"]) == {column.source: text}
            assert record["rules"].startswith(f"{column.source}: ")
            assert record["loan_id"] == sound[number]["loan_id"]
            alone = meaning(column, text) is BROKEN or may_be_refused(column, text, DAY)
            assert alone or contradicts(column, row, feed.columns)
    if feed.one_row_per_loan:
        assert len({row["loan_id"] for row in sound.values()}) == len(sound)

"""How many rows of each table a day's receipt counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import QUARANTINE, silver
from p2pcredit.jobs.preprocessing.completeness.day_receipts import rows_per_day, write_receipts
from p2pcredit.jobs.preprocessing.set_aside import VALUES_MISSING
from p2pcredit.jobs.scoring.score import _loans_of, _pieces
from p2pcredit.periods import DateRange
from p2pcredit.storage.tables.day_receipts import read_receipt

FIRST, SECOND, THIRD = "2022-05-30", "2022-05-31", "2022-06-01"


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    """Rows of three days in four tables and two feeds in quarantine; of the third day the receipt is not asked for."""
    home = written_home(tmp_path)
    home.features(("a", FIRST), ("b", FIRST), ("c", SECOND), ("d", THIRD))
    home.labels(("x", 1, "2021-01-01", FIRST), ("x", 1, "2021-01-01", FIRST), ("y", 0, "2021-01-01", THIRD))
    home.events(("a", FIRST, 0), ("a", SECOND, 10), ("b", SECOND, 0))
    home.put(silver(FEEDS["financial"]), [row("a", FIRST, 1), row("b", FIRST, 2), row("c", SECOND, 1)])
    quarantined = (("financial", FIRST, 3), ("financial", FIRST, 4), ("loan_terms", SECOND, 1))
    values = [{"feed": "financial", "kind": "value", "column": "debt_to_income", **row("a", FIRST, n)} for n in (1, 2)]
    home.put(
        QUARANTINE, [*({"feed": feed, "kind": "row", **row("q", day, n)} for feed, day, n in quarantined), *values]
    )
    return home


def row(loan: str, day: str, number: int) -> dict[str, Any]:
    return {"loan_id": loan, "snapshot_date": of(day), "row_number": number}


def write(home: WrittenHome, days: DateRange) -> None:
    write_receipts(home.ctx, days, {day: {} for day in days})


def rows_of(home: WrittenHome, day: str) -> dict[str, int]:
    receipt = read_receipt(home.ctx.layout, of(day))
    assert receipt is not None
    assert receipt["snapshot_date"] == day
    return dict(receipt["rows"])


def test_a_receipt_counts_the_rows_of_its_own_day_by_table_and_feed(home: WrittenHome) -> None:
    write(home, DateRange(of(FIRST), of(SECOND)))
    assert rows_of(home, FIRST) == {
        "features": 2,
        "labels": 2,
        "loan_performance": 1,
        "financial": 2,
        "quarantined:financial": 2,
        f"{VALUES_MISSING}financial:debt_to_income": 2,
    }
    assert rows_of(home, SECOND) == {"features": 1, "loan_performance": 2, "financial": 1, "quarantined:loan_terms": 1}
    assert read_receipt(home.ctx.layout, of(THIRD)) is None


def test_a_day_without_rows_is_complete_with_none(home: WrittenHome) -> None:
    write(home, DateRange(of("2022-04-01"), of("2022-04-01")))
    assert rows_of(home, "2022-04-01") == {}


def test_days_are_scored_in_pieces_of_at_most_so_many_loans_as_the_receipts_count(home: WrittenHome) -> None:
    days = [of(day) for day in (FIRST, SECOND, THIRD)]
    write(home, DateRange(days[0], days[-1]))
    layout = home.ctx.layout
    assert [_loans_of(layout, day) for day in days] == [2, 1, 1]
    assert _loans_of(layout, of("2022-01-01")) == 0
    whole = [DateRange(days[0], days[-1])]
    assert _pieces(layout, days, None) == _pieces(layout, days, 4) == whole
    assert _pieces(layout, days, 3) == [DateRange(days[0], days[1]), DateRange(days[2], days[2])]
    assert _pieces(layout, [days[0], days[2]], 9) == [DateRange(day, day) for day in (days[0], days[2])]


def test_rows_are_counted_in_the_order_of_days_and_names(home: WrittenHome) -> None:
    counts = rows_per_day(home.ctx, DateRange(of(FIRST), of(THIRD)))
    assert list(counts) == [of(FIRST), of(SECOND), of(THIRD)]
    for named in counts.values():
        assert list(named) == sorted(named)
    assert len(counts[of(FIRST)]) > 3

"""Which loans have matured as of a day, with what came of them; how many others wait, are unknown or refused."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import PREDICTIONS, QUARANTINE, silver
from p2pcredit.jobs.monitoring.matured_loans import matured_loans
from p2pcredit.settings import LabelSettings, Settings

AS_OF = date(2022, 6, 30)
"""Labels close three months after origination, with no lag: by this day those of loans up to the end of March."""

BORN = {
    "old": "2021-12-31",
    "good": "2022-01-15",
    "bad": "2022-03-30",
    "last": "2022-03-31",
    "waits": "2022-04-01",
    "unknown": "2022-02-01",
    "silent": "2022-02-02",
    "refused": "2022-02-03",
}


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    home = written_home(tmp_path, Settings(labels=LabelSettings(window_months=3, reporting_lag_days=0)))
    home.features(*BORN.items(), term_months=[36.0] * 8, platform_sub_grade=["B1"] * 8)
    home.put(silver(FEEDS["loan_terms"]), [
        {"loan_id": loan, "snapshot_date": of(day), "origination_date": of(day), "row_number": n}
        for n, (loan, day) in enumerate(BORN.items())
    ])  # fmt: skip
    scored = [
        {"loan_id": loan, "snapshot_date": of(day), "model_id": "now", "score": 500, "grade": "C"}
        | {"probability_of_default": None if loan == "refused" else 0.1}
        | {"decision": "refuse" if loan == "refused" else "approve"}
        for loan, day in BORN.items()
    ]
    again = {**scored[1], "snapshot_date": of("2022-01-20"), "probability_of_default": 0.9}
    home.put(PREDICTIONS, [*scored, again])
    home.labels(
        ("old", 0, BORN["old"], "2022-03-31"),
        ("good", 1, BORN["good"], "2022-02-15"),
        ("good", 0, BORN["good"], "2022-04-15"),
        ("bad", 1, BORN["bad"], "2022-06-30"),
        ("last", 0, BORN["last"], "2022-06-30"),
        ("last", 1, BORN["last"], "2022-07-01"),
        ("waits", 1, BORN["waits"], "2022-05-01"),
        ("unknown", 0, BORN["unknown"], "2022-05-01"),
        definition="pd3",
    )
    row = {"feed": "loan_performance", "snapshot_date": of("2022-03-01"), "rules": "status: missing", "kind": "row"}
    home.put(QUARANTINE, [{**row, "loan_id": "unknown", "row_number": 1}])
    return home


def test_matured_are_loans_whose_window_has_closed_with_the_newest_label_known_by_the_day(home: WrittenHome) -> None:
    found = matured_loans(home.ctx, AS_OF)
    columns = ("loan_id", "snapshot_date", "probability_of_default", "label", "term_months", "platform_sub_grade")
    assert found.loans.select(columns).rows() == [
        ("old", date(2021, 12, 31), 0.1, 0, 36.0, "B1"),
        ("good", date(2022, 1, 15), 0.1, 0, 36.0, "B1"),
        ("bad", date(2022, 3, 30), 0.1, 1, 36.0, "B1"),
        ("last", date(2022, 3, 31), 0.1, 0, 36.0, "B1"),
    ]
    assert (found.as_of, found.waiting, found.unknown, found.without_label, found.refused) == (AS_OF, 1, 1, 1, 1)
    assert repr(found) == (
        "<4 matured loans with 1 bads as of 2022-06-30; left out 1 waiting, 1 of unknown outcome, 1 without a label, "
        "1 refused>"
    )


def test_of_the_newest_months_those_originated_after_their_first_day_count(home: WrittenHome) -> None:
    assert matured_loans(home.ctx, AS_OF, months=3).loans["loan_id"].to_list() == ["good", "bad", "last"]
    two = matured_loans(home.ctx, AS_OF, months=2)
    assert two.loans["loan_id"].to_list() == ["bad", "last"]
    assert (two.waiting, two.unknown, two.without_label, two.refused) == (1, 1, 1, 1)
    one = matured_loans(home.ctx, AS_OF, months=1)
    assert (one.waiting, one.unknown, one.without_label, one.refused) == (1, 0, 0, 0)


def test_as_of_an_earlier_day_later_rows_are_not_there(home: WrittenHome) -> None:
    early = matured_loans(home.ctx, date(2022, 3, 31))
    assert early.loans.select("loan_id", "label").rows() == [("old", 0)]
    assert (early.waiting, early.unknown, early.without_label, early.refused) == (4, 1, 0, 1)
    assert matured_loans(home.ctx, date(2022, 2, 2)).unknown == 0

"""What a week gathers of each scored loan over its term, from a home written by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from tests.unit.gathering.written_home import WrittenHome, of, written_home

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.contracts.tables import FEATURE_STORE, QUARANTINE, silver
from p2pcredit.jobs.monitoring.over_term import default_over_term, with_platform_risk
from p2pcredit.models.term_structure.structure import TERM_STRUCTURE_FILE, ProductCurve, TermStructure
from p2pcredit.settings import LabelSettings, Settings
from p2pcredit.storage.tables.lake import Lake

SETTINGS = Settings(labels=LabelSettings(window_months=3, reporting_lag_days=30, lifetime_terms_months=(6,)))
WEEK_END = date(2022, 6, 4)
LEVEL = ProductCurve((1 / 3,) * 6, typical=0.1, loans=9, defaults=3, watched_months=6)
STEEP = ProductCurve((0.0, 0.0, 1.0, 1.0, 1.0, 1.0), typical=0.1, loans=9, defaults=3, watched_months=6)


def curve(product: ProductCurve) -> dict[str, bytes]:
    return {TERM_STRUCTURE_FILE: TermStructure(3, {6: product}, product, (1.0,)).to_bytes()}


@pytest.fixture
def home(tmp_path: Path) -> WrittenHome:
    """Loans of two models with curves of their own, of one without, and of one that is gone."""
    home = written_home(tmp_path, SETTINGS)
    loans = {
        "open": ("2022-02-01", "level", 6.0),  # watched until 5 May: three whole months
        "bad": ("2022-02-01", "steep", 6.0),
        "late bad": ("2022-02-01", "level", 6.0),  # defaulted in the days that are not counted yet
        "paid": ("2022-01-01", "level", 6.0),
        "new": ("2022-05-01", "level", 6.0),
        "unknown": ("2022-02-01", "level", 6.0),
        "no term": ("2022-02-01", "level", None),
        "old model": ("2022-02-01", "old", 6.0),
        "gone": ("2022-02-01", "gone", 6.0),
        "after": ("2022-06-05", "level", 6.0),
    }
    home.features(*[(loan, day) for loan, (day, _, _) in loans.items()], term_months=[t for _, _, t in loans.values()])
    home.predictions(*[(loan, day, model, 0.1) for loan, (day, model, _) in loans.items()])
    home.put(
        silver(FEEDS["loan_terms"]),
        [
            {"loan_id": loan, "snapshot_date": of(day), "origination_date": of(day), "row_number": n, "term_months": 6}
            for n, (loan, (day, _, _)) in enumerate(loans.items())
        ],
    )
    home.put(
        silver(FEEDS["loan_performance"]),
        [
            {"loan_id": loan, "snapshot_date": of(day), "event_date": of(day), "days_past_due": late, "row_number": n}
            | {"status": status}
            for n, (loan, day, late, status) in enumerate(
                [
                    ("bad", "2022-04-20", 90, "DEFAULT"),
                    ("late bad", "2022-05-20", 90, "DEFAULT"),
                    ("paid", "2022-03-01", 0, "FULLY_PAID"),
                ]
            )
        ],
    )
    home.put(
        QUARANTINE,
        [
            {"feed": "loan_performance", "snapshot_date": of("2022-03-01"), "row_number": 1, "rules": "status: unknown"}
            | {"kind": "row", "raw": "{}", "loan_id": "unknown"}
        ],
    )
    home.model("level", files=curve(LEVEL))
    home.model("steep", files=curve(STEEP))
    home.model("old")
    return home


def test_each_loan_is_expected_to_default_by_the_curve_of_the_model_that_scored_it(home: WrittenHome) -> None:
    found = default_over_term(home.ctx, WEEK_END)
    by_loan = {row["loan_id"]: row for row in found.iter_rows(named=True)}
    assert set(by_loan) == {"open", "bad", "late bad", "paid"}
    told = {loan: (row["months"], row["defaulted"]) for loan, row in by_loan.items()}
    assert told == {"open": (3, 0), "bad": (3, 1), "late bad": (3, 0), "paid": (4, 0)}
    assert by_loan["open"]["expected"] == pytest.approx(0.1), "the window is over: what the model said"
    assert by_loan["bad"]["expected"] == pytest.approx(0.1)
    assert by_loan["paid"]["expected"] == pytest.approx(1 - 0.9 ** (4 / 3)), "a month more, at a third a month"


def test_of_a_loan_that_defaulted_early_all_is_expected_that_was_by_now(home: WrittenHome) -> None:
    """Else the sum of what is expected lacks what defaulted loans would have added, and every book looks too bad."""
    early = {"loan_id": "open", "snapshot_date": of("2022-02-20"), "event_date": of("2022-02-20"), "row_number": 9}
    home.put(silver(FEEDS["loan_performance"]), [early | {"days_past_due": 90, "status": "DEFAULT"}])
    rows = {row["loan_id"]: row for row in default_over_term(home.ctx, WEEK_END).iter_rows(named=True)}
    assert (rows["open"]["months"], rows["open"]["defaulted"]) == (3, 1)
    assert rows["open"]["expected"] == pytest.approx(0.1), "by its present month, not by the first in which it ended"


def test_no_default_is_expected_of_months_in_which_none_is_looked_for(tmp_path: Path) -> None:
    """Outcomes are followed for as long as the settings name terms; a longer contract is held against that much."""
    home = written_home(tmp_path, SETTINGS)
    home.features(("long", "2021-10-01"), term_months=[9.0])
    home.predictions(("long", "2021-10-01", "level", 0.1))
    row = {"loan_id": "long", "snapshot_date": of("2021-10-01"), "origination_date": of("2021-10-01")}
    home.put(silver(FEEDS["loan_terms"]), [{**row, "row_number": 1, "term_months": 9}])
    home.model("level", files=curve(LEVEL))
    (told,) = default_over_term(home.ctx, WEEK_END).iter_rows(named=True)
    assert told["months"] == 6, "7 whole months by then, of which 6 are looked at"
    assert told["expected"] == pytest.approx(1 - 0.9**2), "six months at a third of the window's a month"


def test_the_platforms_own_grade_comes_as_a_number_that_grows_with_risk(home: WrittenHome) -> None:
    graded = {"paid": "B2", "open": "A5"}
    grade = pl.col("loan_id").replace_strict(graded, default=None, return_dtype=pl.String)
    features = Lake(home.ctx.layout).read(FEATURE_STORE).with_columns(platform_sub_grade=grade)
    told = with_platform_risk(features)
    assert dict(told.select("loan_id", "platform_risk").drop_nulls().iter_rows()) == {"open": 5.0, "paid": 102.0}
    assert (
        with_platform_risk(features.with_columns(platform_sub_grade=None))["platform_risk"].null_count() == told.height
    )
    assert default_over_term(home.ctx, WEEK_END)["platform_risk"].null_count() == 4


def test_nothing_scored_gives_no_rows_and_the_columns(tmp_path: Path) -> None:
    found = default_over_term(written_home(tmp_path, SETTINGS).ctx, WEEK_END)
    assert found.height == 0
    assert found.schema["expected"] == pl.Float64


def test_a_week_sees_no_default_of_later(home: WrittenHome) -> None:
    found = default_over_term(home.ctx, date(2022, 4, 30))
    assert found["defaulted"].sum() == 0
    assert found.filter(pl.col("loan_id") == "bad")["months"].to_list() == [1], "31 March is the last day reported of"

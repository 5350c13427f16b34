"""What the default policy triggers on, measured by hand: ranking within cohorts, calibration of products."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.alerts import finding_of
from p2pcredit.monitoring.inputs import NONE_JUDGED, OVER_TERM_SCHEMA, MonitoringInputs
from p2pcredit.monitoring.metrics.triggers import measure_triggers
from p2pcredit.settings import MonitoringSettings, Settings

FEW = {"min_matured_loans": 20, "min_matured_bads": 2}
SPRING, SUMMER = date(2009, 4, 1), date(2009, 7, 1)


def judged(*loans: tuple[date, int | None, int, float, float, bool]) -> pl.DataFrame:
    """Lay out loans: origination, term, label, risk, chance as served, matured since the champion was set."""
    rows = [(f"J{place}", *loan) for place, loan in enumerate(loans)]
    return pl.DataFrame(rows, schema=NONE_JUDGED, orient="row")


def measured(loans: pl.DataFrame, **limits: Any) -> dict[tuple[str, str], MetricResult]:
    inputs: MonitoringInputs = make_inputs(30, champion_judged=loans)
    found = measure_triggers(inputs, Settings(monitoring=MonitoringSettings(**{**FEW, **limits})))
    return {(result.metric, result.segment): result for result in found}


def test_only_pairs_of_one_quarter_and_term_count_for_the_ranking() -> None:
    """Within each of two cohorts the bad ranks above 9 of 10 goods; across them the order is the wrong way round."""
    first = [(SPRING, 36, 0, 0.1 + place / 100, 0.1, False) for place in range(10)]
    second = [(SUMMER, 36, 0, 0.6 + place / 100, 0.1, False) for place in range(10)]
    bads = [(SPRING, 36, 1, 0.185, 0.1, False), (SUMMER, 36, 1, 0.685, 0.1, False)]
    found = measured(judged(*first, *second, *bads))
    within, pooled = found["auc_within_cohort", "champion"], found["auc_of_champion", "champion"]
    assert within.value == pytest.approx(0.9)
    assert pooled.value == pytest.approx((9 + 19) / 40)
    assert (within.n, within.threshold, within.status) == (22, 0.58, Status.UNDETERMINED)
    assert pooled.threshold is None


def test_a_ranking_the_wrong_way_round_fails_beyond_the_error_of_a_week_and_alerts() -> None:
    rows = [
        (SPRING, 36, int(place % 5 == 0), 0.5 - 0.3 * (place % 5 == 0) + place / 1e4, 0.1, False)
        for place in range(300)
    ]
    low = measured(judged(*rows))["auc_within_cohort", "champion"]
    assert low.status is Status.FAIL
    assert "a week's error is 0.00094" in low.note
    assert str(finding_of(low)) == "ranking"
    mild = [(SPRING, 36, int(place % 5 == 0), ((place * 37) % 100) / 100, 0.1, False) for place in range(100)]
    unsure = measured(judged(*mild), within_cohort_auc_threshold=0.62)["auc_within_cohort", "champion"]
    assert unsure.value is not None
    assert unsure.value < 0.62
    assert unsure.status is Status.UNDETERMINED


def test_too_few_loans_measure_nothing_and_say_so() -> None:
    found = measured(judged())
    for key in (("auc_within_cohort", "champion"), ("auc_of_champion", "champion"), ("auc_within_cohort", "all")):
        assert found[key].value is None
        assert "20 and 2 needed" in found[key].note or key[1] == "all"
    one = [(SPRING, None, int(place < 3), 0.5, 0.1, False) for place in range(25)]
    assert measured(judged(*one))["auc_within_cohort", "champion"].value == 0.5


def products(term: int, defaults: int, expected: float, *, since: bool = True) -> list[Any]:
    return [(SPRING, term, int(place < defaults), 0.5, expected / 500, since) for place in range(500)]


def test_a_product_is_judged_on_the_loans_that_matured_since_the_champion_was_set() -> None:
    rows = [*products(36, 100, 100.0), *products(60, 100, 40.0), *products(60, 0, 300.0, since=False)]
    found = measured(judged(*rows))
    right, wrong = found["product_ratio_matured", "term=36"], found["product_ratio_matured", "term=60"]
    assert (right.value, right.status, right.note) == (pytest.approx(1.0), Status.PASS, "100 defaults, 100.0 expected")
    assert (wrong.value, wrong.status, wrong.threshold) == (pytest.approx(2.5), Status.FAIL, 1.25)
    assert wrong.note.startswith("100 defaults, 40.0 expected; so far by chance")
    assert str(finding_of(wrong)) == "calibration"


def test_a_product_beyond_its_bounds_within_the_error_of_a_year_is_undetermined() -> None:
    """52 of 30 expected has a chance of 0.014 at 1.25 x 30: beyond a week by itself, within its part of a year."""
    found = measured(judged(*products(60, 52, 30.0)))["product_ratio_matured", "term=60"]
    assert (found.value, found.status) == (pytest.approx(52 / 30), Status.UNDETERMINED)
    assert "so far by chance 0.014, a week's error is 0.00094" in found.note
    assert (
        measured(judged(*products(60, 52, 30.0)), yearly_error=0.9999)["product_ratio_matured", "term=60"].status
        is Status.UNDETERMINED
    )


def test_default_to_date_counts_the_loans_that_the_champion_itself_scored() -> None:
    inputs = make_inputs(30)
    own = inputs.predictions.filter(pl.col("model_id") == inputs.champion_id)["loan_id"].head(2).to_list()
    assert len(own) == 2
    others = inputs.predictions.filter(pl.col("model_id") != inputs.champion_id)["loan_id"].head(1).to_list()
    rows = [(loan, SPRING, 60, 3, 1, 0.25, None) for loan in (*own, *others, "stranger")]
    over_term = pl.DataFrame(rows, schema=OVER_TERM_SCHEMA, orient="row")
    ratio = to_date(over_term, to_date_months=30)
    assert (ratio.segment, ratio.n, ratio.value) == ("term=60", 2, pytest.approx(2 / 0.5))


def to_date(over_term: pl.DataFrame, **limits: Any) -> MetricResult:
    found = measure_triggers(
        make_inputs(30, over_term=over_term), Settings(monitoring=MonitoringSettings(**{**FEW, **limits}))
    )
    (ratio,) = [result for result in found if result.metric == "product_ratio_to_date"]
    return ratio


def test_a_drift_of_new_loans_is_not_hidden_by_older_ones_of_the_same_champion() -> None:
    """Of 27 older loans none defaulted where 13.5 were expected: with them 3 of 14 expected came, without 3 of 0.5."""
    inputs = make_inputs(30)
    own = inputs.predictions.sort("snapshot_date")["loan_id"].to_list()
    day = inputs.week_end
    rows = [(loan, date(2009, 4, 1), 60, 12, 0, 0.5, None) for loan in own[:27]]
    rows += [(loan, date(day.year, day.month, 1), 60, 1, 1, 0.5 / 3, None) for loan in own[27:]]
    over_term = pl.DataFrame(rows, schema=OVER_TERM_SCHEMA, orient="row")
    assert (to_date(over_term).n, to_date(over_term).value) == (3, pytest.approx(6.0))
    assert to_date(over_term, to_date_months=60).n == 30

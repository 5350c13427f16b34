"""The week's measurements of who applied: none without applications, three outcomes with them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import WEEK_END, make_inputs

from p2pcredit.contracts.results import MetricResult
from p2pcredit.errors import MonitoringError
from p2pcredit.models.population.decisions import SCHEMA
from p2pcredit.monitoring.metrics.population import measure_population
from p2pcredit.settings import PopulationSettings, Settings


def _applications(*parts: tuple[int, dict[str, Any]]) -> pl.DataFrame:
    usual = {"outcome": "APPROVED", "overridden": False, "exploration": False, "decided_on": WEEK_END, "score": 600.0}
    rows = [{**usual, **more} for number, more in parts for _ in range(number)]
    told = [{name: row.get(name) for name in SCHEMA} | {"application_id": f"A{i}"} for i, row in enumerate(rows)]
    return pl.DataFrame(told, schema=SCHEMA)


def _measured(applications: pl.DataFrame, **settings: Any) -> dict[tuple[str, str], MetricResult]:
    chosen = Settings(population=PopulationSettings(**settings))
    found = measure_population(make_inputs(60, applications=applications), chosen)
    return {(one.metric, one.segment): one for one in found}


def test_a_home_without_applications_has_no_row_of_them() -> None:
    assert measure_population(make_inputs(60), Settings()) == []


def test_rates_rest_on_the_newest_days_and_are_held_against_nothing() -> None:
    old = {"outcome": "DECLINED", "decided_on": WEEK_END - timedelta(days=28)}
    found = _measured(
        _applications((60, {}), (20, {"outcome": "DECLINED"}), (20, {"outcome": "WITHDRAWN"}), (500, old))
    )
    approved, withdrawn = found["approval_rate", "all"], found["withdrawal_rate", "all"]
    assert (approved.value, approved.n, approved.threshold) == (0.75, 80, None)
    assert (withdrawn.value, withdrawn.n) == (0.2, 100)


def test_overrides_on_one_side_fail_beyond_the_limit_and_few_are_undetermined() -> None:
    found = _measured(
        _applications((30, {"overridden": True}), (70, {"outcome": "DECLINED"}), (20, {})), max_override_share=0.1
    )
    low, high = found["override_rate", "side=low"], found["override_rate", "side=high"]
    assert (str(low.status), low.value, low.n) == ("fail", 0.3, 100)
    assert (str(high.status), high.value) == ("undetermined", None)
    assert "20 applications that the policy approves, 50 needed" in high.note


def test_overrides_that_paid_far_worse_fail_and_those_that_paid_alike_pass() -> None:
    policy = [(950, {"label": 0}), (50, {"label": 1})]
    worse = _measured(
        _applications(*policy, (60, {"label": 0, "overridden": True}), (40, {"label": 1, "overridden": True}))
    )
    assert str(worse["override_default_ratio", "side=low"].status) == "fail"
    alike = _measured(
        _applications(*policy, (950, {"label": 0, "overridden": True}), (50, {"label": 1, "overridden": True}))
    )
    assert str(alike["override_default_ratio", "side=low"].status) == "pass"
    few = _measured(
        _applications(*policy, (9, {"label": 0, "overridden": True}), (4, {"label": 1, "overridden": True}))
    )
    paid = few["override_default_ratio", "side=low"]
    assert (paid.value, str(paid.status)) == (None, "undetermined")
    assert "4 of 13 approved against the policy defaulted" in paid.note


def test_applicants_who_score_lower_than_those_of_the_year_before_are_a_shift() -> None:
    before = {"decided_on": WEEK_END - timedelta(days=100)}
    spread = [(40, {"score": 500.0 + 10 * place, **before}) for place in range(10)]
    moved = _measured(_applications(*spread, *((40, {"score": 450.0 + 5 * place}) for place in range(10))))
    assert str(moved["through_the_door_psi", "against=year_before"].status) == "fail"
    stayed = _measured(_applications(*spread, *((40, {"score": 500.0 + 10 * place}) for place in range(10))))
    assert str(stayed["through_the_door_psi", "against=year_before"].status) == "pass"


def test_a_decision_after_the_week_is_refused() -> None:
    with pytest.raises(MonitoringError, match="1 rows of applications have decided_on after"):
        make_inputs(60, applications=_applications((1, {"decided_on": WEEK_END + timedelta(days=1)})))


@pytest.mark.parametrize("factors", [(0.5, 2.0), (2.0, 1.0), (2.0, 2.0)])
def test_factors_that_do_not_rise_from_one_are_refused(factors: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="write factors from 1 on that rise"):
        PopulationSettings(reject_factors=factors)

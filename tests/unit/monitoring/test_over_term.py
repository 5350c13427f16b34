"""Defaults seen against expected by now, by term and vintage: by hand, and how often a right book fails."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.inputs import OVER_TERM_SCHEMA
from p2pcredit.monitoring.metrics.over_term import Seen, judge_cells, measure_over_term
from p2pcredit.settings import MonitoringSettings, Settings

LIMITS = MonitoringSettings()


def frame(*loans: tuple[date, int, int, int, float]) -> pl.DataFrame:
    """Lay out loans: origination, term, months watched, 1 where it defaulted, expected by now."""
    rows = [(f"L{place}", *loan, None) for place, loan in enumerate(loans)]
    return pl.DataFrame(rows, schema=OVER_TERM_SCHEMA, orient="row")


def measured(loans: pl.DataFrame) -> dict[str, MetricResult]:
    found = measure_over_term(make_inputs(30, over_term=loans), Settings())
    return {result.segment: result for result in found}


def test_seen_over_expected_by_hand() -> None:
    old, young = date(2010, 2, 1), date(2010, 5, 1)
    found = measured(
        frame(
            *[(old, 36, 12, 1, 0.25)] * 3,
            *[(old, 36, 12, 0, 0.25)] * 21,
            *[(young, 60, 6, 1, 0.1)] * 2,
            *[(young, 36, 6, 0, 0.5)] * 2,
        )
    )
    assert list(found) == [
        "all",
        "term=36",
        "term=60",
        "vintage=2010Q1",
        "vintage=2010Q2",
        "term=36,vintage=2010Q1",
        "term=36,vintage=2010Q2",
        "term=60,vintage=2010Q2",
    ]
    assert found["all"].value == pytest.approx(5 / 7.2)
    assert found["term=36"].value == pytest.approx(3 / 7.0)
    assert found["term=60"].value == pytest.approx(2 / 0.2)
    cell = found["term=36,vintage=2010Q1"]
    assert (cell.value, cell.n) == (pytest.approx(0.5), 24)
    # Garwood's 90% interval of 3 seen is 0.818 to 7.754.
    assert (cell.low, cell.high) == (pytest.approx(0.8177 / 6, rel=1e-3), pytest.approx(7.7537 / 6, rel=1e-3))
    assert cell.note == "3 defaults seen, 6.0 expected by now"
    assert found["all"].status is Status.UNDETERMINED
    assert found["all"].threshold is None, "for information: one term can make up for another"


def test_a_drift_in_one_term_fails_in_its_own_cells_alone() -> None:
    quarters = [date(2010, month, 1) for month in (1, 4, 7, 10)]
    loans = [
        (quarter, term, 12, int(place < seen), 0.05)
        for quarter in quarters
        for term, seen in ((36, 100), (60, 200))  # of 2,000 loans of each 100 are expected; of the longer twice as many
        for place in range(2000)
    ]
    found = measured(frame(*loans))
    failed = {segment for segment, result in found.items() if result.status is Status.FAIL}
    assert failed == {f"term=60,vintage=2010Q{quarter}" for quarter in (1, 2, 3, 4)}
    assert found["term=36,vintage=2010Q1"].status is Status.PASS, "90% of 100 seen: 0.84 to 1.18"


def test_a_cell_passes_only_where_its_whole_interval_does() -> None:
    (few,) = judge_cells([("term=36,vintage=2010Q1", Seen(50, 40, 40.0))], LIMITS)
    assert (few.status, few.value) == (Status.UNDETERMINED, 1.0), "Garwood's 90% of 40 seen: 30.2 to 52.1"
    assert (few.low, few.high) == (pytest.approx(30.196 / 40, rel=1e-3), pytest.approx(52.069 / 40, rel=1e-3))
    (none,) = judge_cells([("term=36,vintage=2010Q1", Seen(50, 0, 0.0))], LIMITS)
    assert (none.status, none.value) == (Status.UNDETERMINED, None)
    (enough,) = judge_cells([("term=36,vintage=2010Q1", Seen(900, 80, 80.0))], LIMITS)
    assert enough.status is Status.PASS


def test_no_scored_loans_are_said() -> None:
    (nothing,) = measure_over_term(make_inputs(30), Settings())
    assert (nothing.segment, nothing.status, nothing.value) == ("all", Status.UNDETERMINED, None)
    assert (nothing.n, nothing.note) == (0, "no scored loan has been watched for a month with a curve of its model")


def test_too_few_defaults_fail_as_well_as_too_many() -> None:
    few, right = judge_cells([("a,b", Seen(900, 10, 40.0)), ("c,d", Seen(9000, 380, 400.0))], LIMITS)
    assert (few.status, few.threshold, right.status) == (Status.FAIL, 0.8, Status.PASS)


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.25])
def test_of_weeks_in_which_every_cell_is_right_at_most_one_in_twenty_has_a_failure(ratio: float) -> None:
    draw, weeks, cells = np.random.default_rng(11), 400, 30
    expected = draw.uniform(2.0, 60.0, size=(weeks, cells))
    seen = draw.poisson(expected * ratio)
    wrong = 0
    for week in range(weeks):
        judged = judge_cells(
            [
                (f"c{n},", Seen(1000, int(s), float(e)))
                for n, (s, e) in enumerate(zip(seen[week], expected[week], strict=True))
            ],
            LIMITS,
        )
        wrong += any(result.status is Status.FAIL for result in judged)
    # 0.05 of 400 weeks, and three standard deviations of that count.
    assert wrong <= 20 + 3 * (400 * 0.05 * 0.95) ** 0.5

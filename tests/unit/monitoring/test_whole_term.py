"""Default within the whole term, of loans whose term is over: against pairs counted one by one, and by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from tests.unit.monitoring.monitoring_world import make_inputs

from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.monitoring.chart_summaries import lifetime_profile
from p2pcredit.monitoring.inputs import OVER_TERM_SCHEMA
from p2pcredit.monitoring.metrics.whole_term import WHOLE_TERM_METRICS, measure_whole_term
from p2pcredit.settings import MonitoringSettings, Settings

SETTINGS = Settings(monitoring=MonitoringSettings(min_matured_loans=50, min_matured_bads=5))


def book(loans: int, *, seed: int = 1, factor: float = 1.0, term: int = 36, months: int = 36) -> pl.DataFrame:
    """Draw loans of two quarters whose chance of default within the term is `factor` times what is expected."""
    draw = np.random.default_rng([seed, term, months])
    expected = draw.uniform(0.02, 0.4, loans)
    rows = {
        "loan_id": [f"{term}-{months}-{place}" for place in range(loans)],
        "snapshot_date": [date(2006, 1 + 3 * (place % 2), 15) for place in range(loans)],
        "term_months": [term] * loans,
        "months": [months] * loans,
        "defaulted": (draw.random(loans) < np.minimum(1.0, factor * expected)).astype(np.int8),
        "expected": expected,
        "platform_risk": np.round(expected + draw.normal(0.0, 0.2, loans), 1),
    }
    return pl.DataFrame(rows, schema=OVER_TERM_SCHEMA)


def measured(loans: pl.DataFrame, settings: Settings = SETTINGS) -> dict[tuple[str, str], MetricResult]:
    found = measure_whole_term(make_inputs(30, over_term=loans), settings)
    return {(result.metric, result.segment): result for result in found}


def share_of_pairs(loans: pl.DataFrame, column: str) -> float:
    """Count the pairs of a bad and a good loan of one quarter and term that the column orders rightly."""
    right = pairs = 0.0
    for part in loans.partition_by("snapshot_date", "term_months"):
        bads = part.filter(pl.col("defaulted") == 1)[column].to_list()
        goods = part.filter(pl.col("defaulted") == 0)[column].to_list()
        right += sum((bad > good) + 0.5 * (bad == good) for bad in bads for good in goods)
        pairs += len(bads) * len(goods)
    return right / pairs


def test_ranking_is_the_share_of_pairs_within_quarter_and_term_beside_the_platform() -> None:
    loans = pl.concat([book(300), book(200, term=60, months=60)])
    found = measured(loans)
    assert {metric for metric, _ in found} == set(WHOLE_TERM_METRICS)
    assert {segment for _, segment in found} == {"all", "term=36", "term=60"}
    for segment, part in (("all", loans), ("term=60", loans.filter(pl.col("term_months") == 60))):
        own, theirs = share_of_pairs(part, "expected"), share_of_pairs(part, "platform_risk")
        assert found["lifetime_auc_within_cohort", segment].value == pytest.approx(own)
        assert found["lifetime_auc_minus_platform", segment].value == pytest.approx(own - theirs)
        low, high = (getattr(found["lifetime_auc_within_cohort", segment], bound) for bound in ("low", "high"))
        assert low < own < high


def test_only_loans_whose_whole_term_is_over_count_defaulted_or_not() -> None:
    """Bads of a young vintage are known years before its goods: with them each book would look too bad."""
    over, young = book(300), book(300, seed=2, months=35).with_columns(defaulted=pl.lit(1, dtype=pl.Int8))
    short = book(100, term=12, months=12)
    alone, together = measured(over), measured(pl.concat([over, young, short]))
    assert together == alone
    assert alone["lifetime_ratio", "all"].value == pytest.approx(
        over["defaulted"].to_numpy().sum() / over["expected"].to_numpy().sum()
    )
    assert measured(young) == {}, "what does not apply has no row"


def test_a_term_of_which_twice_as_many_default_fails_and_the_other_does_not_hide_it() -> None:
    found = measured(pl.concat([book(1500), book(400, term=60, months=60, factor=2.0)]))
    assert found["lifetime_ratio", "term=60"].status is Status.FAIL
    assert found["lifetime_ratio", "term=36"].status is Status.PASS
    assert found["lifetime_ratio", "all"].status is Status.UNDETERMINED, "for information"
    assert found["lifetime_ratio", "all"].threshold is None


def test_terms_are_judged_together() -> None:
    """Fifteen defaults more than the bound allows are chance where five terms are looked at, and none where one is."""
    bound = SETTINGS.monitoring.over_term_ratio_bounds[1]
    loans = book(400).with_columns(expected=pl.lit(0.25))
    mean = 400 * 0.25 * bound
    place = pl.int_range(pl.len())
    loans = loans.with_columns(defaulted=(place < round(mean + 2.0 * mean**0.5)).cast(pl.Int8))
    one = measured(loans)["lifetime_ratio", "term=36"]
    assert one.status is Status.FAIL
    right = [book(400, term=term, months=term).with_columns(expected=pl.lit(0.2)) for term in (18, 24, 48, 60)]
    exact = [part.with_columns(defaulted=(place < 80).cast(pl.Int8)) for part in right]
    of_five = measured(pl.concat([loans, *exact]))["lifetime_ratio", "term=36"]
    assert of_five.status is Status.UNDETERMINED
    assert of_five.note.endswith("outside by its own interval, within chance of 5 checks")
    assert of_five.low == one.low, "the interval is the same: only the light is corrected"


def test_too_few_loans_or_bads_are_undetermined_and_say_how_many() -> None:
    found = measured(book(49))
    for metric in ("lifetime_auc_within_cohort", "lifetime_calibration_slope"):
        told = found[metric, "all"]
        assert (told.value, told.status) == (None, Status.UNDETERMINED)
        assert told.note.startswith("49 loans whose term is over with")
    assert lifetime_profile(make_inputs(30, over_term=book(49)), SETTINGS) == []


def test_a_book_without_grades_of_a_platform_has_no_row_against_them() -> None:
    loans = book(300).with_columns(platform_risk=pl.lit(None, dtype=pl.Float64))
    assert {metric for metric, _ in measured(loans)} == set(WHOLE_TERM_METRICS) - {"lifetime_auc_minus_platform"}
    assert measured(loans) == measured(loans.drop("platform_risk"))


def test_slope_is_one_where_probabilities_are_right_and_a_half_where_they_are_spread_twice_as_far() -> None:
    loans = book(20_000)
    slope = measured(loans)["lifetime_calibration_slope", "all"]
    assert slope.value == pytest.approx(1.0, abs=0.1)
    odds = pl.col("expected") / (1 - pl.col("expected"))
    wide = loans.with_columns(expected=odds**2 / (1 + odds**2))
    assert measured(wide)["lifetime_calibration_slope", "all"].value == pytest.approx((slope.value or 0.0) / 2)


def test_the_picture_shows_the_same_loans_in_bands_of_equal_number() -> None:
    loans = pl.concat([book(400), book(300, seed=3, months=20)])
    profile = lifetime_profile(make_inputs(30, over_term=loans), SETTINGS)
    assert [row["band"] for row in profile] == list(range(1, 11))
    assert sum(row["n"] for row in profile) == 400
    over = loans.filter(pl.col("months") == 36)
    assert sum(row["bads"] for row in profile) == over["defaulted"].sum()
    assert sum(row["expected"] * row["n"] for row in profile) == pytest.approx(over["expected"].sum())

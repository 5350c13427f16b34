"""Which features enter a scorecard, and what is said of the others."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from p2pcredit.contracts.feature import Feature
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning.bins import fit_binning
from p2pcredit.models.binning.counts import Counts
from p2pcredit.models.binning.partition import Cells
from p2pcredit.models.binning.product import bins_of_product
from p2pcredit.models.binning.selection import measure_stability, select_binnings, variance_inflation
from p2pcredit.models.reference_borrower import feature_named
from p2pcredit.models.scorecard.fit import fit_scorecard
from p2pcredit.models.training.candidates import TrainingRun
from p2pcredit.models.training.fit import Learner
from p2pcredit.settings import SelectionSettings, Settings

RNG = np.random.default_rng(12)
SIZE = 3000
RISK = RNG.normal(size=SIZE)
BADS = (RNG.random(SIZE) < 1 / (1 + np.exp(1.5 - RISK))).astype(float)
NEWER = np.arange(SIZE) >= SIZE // 2


def _select(columns: dict[str, np.ndarray], **bars: float) -> tuple[list[str], dict[str, str]]:
    frame = pl.DataFrame(columns)
    binnings = [fit_binning(Feature(name, "numeric", 0, "", ""), frame[name], BADS, 1 - BADS) for name in columns]
    kept, left_out = select_binnings(binnings, frame, BADS, 1 - BADS, SelectionSettings(**bars), {})
    return [binning.feature for binning in kept], left_out


def test_a_feature_that_tells_nothing_goes_with_its_information_value() -> None:
    kept, left_out = _select(
        {"risk": RISK + RNG.normal(size=SIZE), "noise": RNG.normal(size=SIZE)}, min_information_value=0.04
    )
    assert kept == ["risk"]
    assert "information value" in left_out["noise"]


def test_a_feature_whose_bins_moved_goes_with_its_stability_index() -> None:
    moved = RISK + RNG.normal(size=SIZE) + 2.0 * NEWER
    kept, left_out = _select({"risk": RISK + RNG.normal(size=SIZE), "moved": moved})
    assert kept == ["risk"]
    assert "stability index" in left_out["moved"]
    assert _select({"moved": moved}, max_feature_psi=99.0)[0] == ["moved"]


def test_a_feature_that_ranks_the_other_way_among_newer_loans_goes() -> None:
    turned = np.where(NEWER, -0.5, 2.0) * RISK + RNG.normal(size=SIZE)
    kept, left_out = _select({"turned": turned}, max_feature_psi=99.0)
    assert kept == []
    assert "newer half of the defaults" in left_out["turned"]
    assert _select({"turned": turned}, max_feature_psi=99.0, min_half_information_value=-9.0)[0] == ["turned"]


def test_of_two_features_that_say_the_same_the_less_telling_goes() -> None:
    first = RISK + 0.5 * RNG.normal(size=SIZE)
    kept, left_out = _select({"echo": first + 0.1 * RNG.normal(size=SIZE), "first": first})
    assert len(kept) == 1
    assert "variance inflation" in left_out[({"echo", "first"} - set(kept)).pop()]


def test_variance_inflation_equals_one_over_what_the_others_leave_unsaid() -> None:
    weights = RNG.normal(size=(400, 4))
    weights[:, 3] += 0.8 * weights[:, 0] - 0.5 * weights[:, 1]
    for column, found in enumerate(variance_inflation(weights)):
        others = np.column_stack([np.delete(weights, column, axis=1), np.ones(400)])
        fitted = others @ np.linalg.lstsq(others, weights[:, column], rcond=None)[0]
        unsaid = ((weights[:, column] - fitted) ** 2).sum() / ((weights[:, column].var()) * 400)
        assert found == pytest.approx(1 / unsaid)
    assert variance_inflation(weights[:, :1]).tolist() == [1.0]


def test_stability_index_equals_the_sum_over_bins_and_is_zero_for_halves_that_are_equal() -> None:
    column = pl.Series(np.tile(np.repeat([1.0, 2.0], [300, 700]), 2))
    bads = np.tile((np.arange(1000) % 5 == 0) | (np.arange(1000) < 150), 2).astype(float)
    binning = fit_binning(Feature("x", "numeric", 0, "", ""), column, bads, 1 - bads)
    place = binning.bin_of(column)
    same = measure_stability(binning, place, bads, 1 - bads)
    assert same.psi == pytest.approx(0.0, abs=1e-12)
    assert same.older == pytest.approx(binning.information_value, rel=0.05)
    turned = np.concatenate([np.zeros(1000, int), np.repeat([0, 1], [500, 500])])
    shares = np.array([[1000.5, 0.5, 0.5], [500.5, 500.5, 0.5]]) / 1001.5
    by_hand = ((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum()
    assert measure_stability(binning, turned, bads, 1 - bads).psi == pytest.approx(by_hand)


def test_halves_without_defaults_are_undetermined_and_keep_the_feature() -> None:
    column = pl.Series(np.repeat([1.0, 2.0], [50, 50]))
    bads = np.repeat([0.0, 1.0], [50, 50])
    binning = fit_binning(Feature("x", "numeric", 0, "", ""), column, bads, 1 - bads)
    found = measure_stability(binning, binning.bin_of(column), np.append(np.zeros(99), 1.0), 1 - bads)
    assert found.newer is None


def test_every_feature_is_in_the_scorecard_or_left_out_with_a_reason(run: TrainingRun) -> None:
    for candidate in run.candidates:
        details = run.details[f"{candidate.family}_{candidate.target}"]
        if candidate.family == "scorecard":
            told = set(candidate.model.feature_names) | set(details["left_out"])
            assert {"annual_income", "inquiries_6m_count", "open_accounts_count", "purpose"} <= told
            assert not set(candidate.model.feature_names) & set(details["left_out"])
            assert all(details["left_out"].values())


def test_a_coefficient_against_its_weights_is_named_with_its_value() -> None:
    other = 0.7 * RISK + 0.7 * RNG.normal(size=SIZE)  # riskier alone, safer beside the first
    bads = (RNG.random(SIZE) < 1 / (1 + np.exp(1.5 - 2.0 * RISK + 0.9 * other))).astype(float)
    frame = pl.DataFrame({"annual_income": -RISK, "revolving_balance": other})
    features = (
        Feature("annual_income", "numeric", -1, "Income is low", ""),
        Feature("revolving_balance", "numeric", 1, "Balance", ""),
    )
    bars = SelectionSettings(max_variance_inflation=99.0, min_half_information_value=-9.0)
    card = fit_scorecard(frame, features, bads, selection=bars)
    assert card.feature_names == ("annual_income",)
    assert "coefficient -" in card.left_out["revolving_balance"]


def test_a_scorecard_of_nothing_is_refused_with_the_bar() -> None:
    noise = pl.DataFrame({"annual_income": RNG.normal(size=SIZE)})
    with pytest.raises(TrainingError, match="none of 1 features tells good from bad beyond chance"):
        fit_scorecard(
            noise,
            (Feature("annual_income", "numeric", -1, "", ""),),
            BADS,
            selection=SelectionSettings(min_information_value=0.04),
        )


def test_the_bars_of_the_settings_reach_the_scorecard(book: tuple[pl.DataFrame, pl.DataFrame]) -> None:
    loans = book[1].join(book[0], on="loan_id").filter(pl.col("label").is_not_null()).sort("origination_date")
    features = tuple(Feature(n, "numeric", 0, "", "") for n in ("annual_income", "inquiries_6m_count"))
    assert Learner("scorecard", features, Settings()).on_labels(loans).feature_names
    strict = Settings(selection=SelectionSettings(min_information_value=9.0))
    with pytest.raises(TrainingError, match=r"information value 9\.0"):
        Learner("scorecard", features, strict).on_labels(loans)


def test_a_product_has_a_weight_however_few_its_loans_shrunk_by_its_defaults() -> None:
    """By hand: 100 defaults; 36 months 90 of 95 expected, 60 months 10 of 5; five are added to each number."""
    counts = Counts(
        np.array([36.0, 60.0]),
        (),
        Cells(np.array([9_700.0, 300.0]), np.array([90.0, 10.0]), np.array([95.0, 5.0])),
        (0.0, 0.0, 0.0),
    )
    found = bins_of_product(feature_named("term_months"), counts, 100.0, 100.0)
    assert found is not None
    assert found.woe == pytest.approx((np.log(95 / 100), np.log(15 / 10)))
    assert 36.0 <= found.edges[0] < 60.0
    assert found.shares == pytest.approx((0.97, 0.03, 0.0))


def test_a_longer_term_is_never_weighed_as_safer_and_a_single_one_is_no_product() -> None:
    cells = Cells(np.array([500.0, 500.0]), np.array([60.0, 40.0]), np.array([50.0, 50.0]))
    longer_is_safer = Counts(np.array([36.0, 60.0]), (), cells, (0.0, 0.0, 0.0))
    assert bins_of_product(feature_named("term_months"), longer_is_safer, 100.0, 100.0) is None
    one = Counts(np.array([36.0]), (), Cells(*(part[:1] for part in (cells.loans, cells.bads, cells.goods))), (0, 0, 0))
    assert bins_of_product(feature_named("term_months"), one, 60.0, 50.0) is None

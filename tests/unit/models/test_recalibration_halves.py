"""Which loans a recalibration is fitted on and which judge it, with models whose margin is a column."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from p2pcredit.errors import TooLittleDataError
from p2pcredit.models.calibration import Calibration, fit_calibration
from p2pcredit.models.champion.recalibration import Recalibration, _verdict, paired_log_loss_gain, recalibrate
from p2pcredit.models.evaluation.intervals import Estimate, Floats
from p2pcredit.settings import Settings, TrainingSettings

START = date(2020, 1, 1)
SETTINGS = Settings(training=TrainingSettings(min_evaluation_bads=2))


@dataclass(frozen=True)
class ColumnModel:
    """A model whose margin is a column of the loans."""

    column: str
    calibration: Calibration = field(default_factory=Calibration)
    neutral: dict[str, Any] = field(default_factory=dict)
    family: str = "scorecard"
    target: str = "matured"
    feature_names: tuple[str, ...] = ("fico",)

    def margin(self, loans: pl.DataFrame) -> Floats:
        return loans[self.column].to_numpy()

    def predict(self, loans: pl.DataFrame) -> Floats:
        return self.calibration.probability(self.margin(loans))

    def calibrated(self, calibration: Calibration, neutral: dict[str, Any] | None = None) -> ColumnModel:
        return replace(self, calibration=calibration, neutral=self.neutral if neutral is None else neutral)


def half(bads: int, goods: int, first: date) -> list[dict[str, Any]]:
    """Loans at the odds one to nine by the model, one a day."""
    labels = [1] * bads + [0] * goods
    return [
        {"loan_id": f"{first:%m}-{n:03}", "origination_date": first + timedelta(days=n), "label": label}
        | {"measured": -2.2, "served": -2.0, "fico": 600.0 + n}
        for n, label in enumerate(labels)
    ]


def done_on(*loans: dict[str, Any], settings: Settings = SETTINGS, unseen_from: date = START) -> Recalibration:
    frame = pl.DataFrame(list(loans)).with_columns(pl.col("label").cast(pl.Int8))
    served, measured = ColumnModel("served", neutral={"fico": 700.0}), ColumnModel("measured")
    return recalibrate(served, measured, frame, unseen_from=unseen_from, settings=settings)  # type: ignore[arg-type]


def test_a_map_that_only_its_own_half_asks_for_does_not_take_over() -> None:
    """The older half has three times the bads expected, the newer as many as expected: the old map stays."""
    newer = half(11, 89, START + timedelta(days=100))
    done = done_on(*half(33, 67, START), *newer)
    assert not done.promote
    assert done.candidate.evaluation["loan_id"].to_list() == [loan["loan_id"] for loan in newer]
    assert done.candidate.evaluation["probability_of_default"].to_list() == pytest.approx([0.33] * 100)
    assert (done.gain.n, done.gain.bads) == (100, 11)
    assert done.gain.value is not None
    assert done.gain.value < 0
    assert done.ratio.value == pytest.approx(11 / 33)


def test_a_map_that_the_newer_half_asks_for_too_takes_over() -> None:
    done = done_on(*half(33, 67, START), *half(30, 70, START + timedelta(days=100)))
    assert done.promote
    assert done.gain.low is not None
    assert done.gain.low > 0
    assert done.ratio.value == pytest.approx(30 / 33)
    # the champion's map on the same loans: margins of the fit that had not seen them, moved to its own level
    assert done.champion_pd.tolist() == pytest.approx([1 / (1 + np.exp(2.0))] * 100)
    assert done.champion_ratio.value == pytest.approx(0.30 * (1 + np.exp(2.0)))


def test_the_model_that_is_kept_has_its_map_set_on_both_halves_and_the_evaluation_model_on_the_older() -> None:
    done = done_on(*half(33, 67, START), *half(30, 70, START + timedelta(days=100)))
    assert float(done.candidate.model.predict(frame_of(done)).sum()) == pytest.approx(0.315 * 100)
    assert done.candidate.evaluation_model.calibration == fit_calibration([1.0] * 33 + [0.0] * 67, [-2.2] * 100)
    assert done.candidate.model.neutral == {
        "fico": 700.0
    }  # its own: another reference borrower would change the ranking
    assert (done.candidate.model.column, done.candidate.evaluation_model.column) == ("served", "measured")  # type: ignore[attr-defined]


def frame_of(done: Recalibration) -> pl.DataFrame:
    return done.candidate.evaluation.with_columns(served=pl.lit(-2.0))


def test_loans_that_the_evaluation_model_had_seen_play_no_part() -> None:
    seen = half(90, 10, START - timedelta(days=100))
    unseen = [*half(33, 67, START), *half(30, 70, START + timedelta(days=100))]
    done = done_on(*seen, *unseen)
    assert done.periods == {
        "calibrate": {"first": "2020-01-01", "last": "2020-04-09", "n": 100, "bads": 33},
        "evaluate": {"first": "2020-04-10", "last": "2020-07-18", "n": 100, "bads": 30},
    }
    assert done.gain == done_on(*unseen).gain


def test_a_day_in_the_middle_belongs_to_the_newer_half() -> None:
    one_day = [{**loan, "origination_date": START + timedelta(days=60)} for loan in half(20, 20, START)]
    done = done_on(*half(10, 20, START), *one_day, *half(10, 10, START + timedelta(days=90)))
    assert (done.periods["calibrate"]["n"], done.periods["evaluate"]["n"]) == (30, 60)


def test_loans_come_in_any_order() -> None:
    loans = [*half(33, 67, START), *half(30, 70, START + timedelta(days=100))]
    assert done_on(*reversed(loans)).periods == done_on(*loans).periods


@pytest.mark.parametrize(
    ("older", "newer", "says"),
    [
        ((1, 50), (9, 42), "1 bads among the 51 loans of the older half since 2020-01-01"),
        ((9, 42), (1, 50), "1 bads among the 51 loans of the newer half since 2020-01-01"),
        ((50, 1), (9, 42), "50 bads among the 51 loans of the older half"),
        ((9, 42), (50, 1), "50 bads among the 51 loans of the newer half"),
    ],
)
def test_each_half_needs_bads_and_as_many_goods(older: tuple[int, int], newer: tuple[int, int], says: str) -> None:
    first = START + timedelta(days=100)
    with pytest.raises(TooLittleDataError, match=says):
        done_on(*half(*older, START), *half(*newer, first))
    assert done_on(*half(2, 49, START), *half(2, 49, first)).gain.n == 51


def test_a_gain_with_a_ratio_further_off_does_not_take_over() -> None:
    """Log-loss falls, since bads are ranked worse than chance; the level goes from slightly low to much too high."""
    loans = [*half(60, 40, START), *half(30, 70, START + timedelta(days=100))]
    done = done_on(*({**loan, "served": -0.9, "measured": -0.9} for loan in loans))
    assert not done.promote
    assert "no gain beyond its 90% interval; the calibration stays" in done.reason


def test_the_gain_has_the_normal_interval_of_paired_differences() -> None:
    labels, better, worse = [0, 1, 1], [0.5, 0.5, 0.8], [0.75, 0.75, 0.4]
    gains = np.array([np.log(0.5 / 0.25), np.log(0.5 / 0.75), np.log(0.8 / 0.4)])
    half_width = 1.6448536 * gains.std(ddof=1) / np.sqrt(3)
    found = paired_log_loss_gain(labels, better, worse, 0.9)
    assert (found.value, found.n, found.bads) == (pytest.approx(gains.mean()), 3, 2)
    assert (found.low, found.high) == (
        pytest.approx(gains.mean() - half_width, rel=1e-5),
        pytest.approx(gains.mean() + half_width, rel=1e-5),
    )


def test_a_single_loan_or_one_difference_for_all_has_no_interval() -> None:
    assert paired_log_loss_gain([], [], []) == Estimate(None, None, None, 0, 0)
    assert paired_log_loss_gain([1], [0.5], [0.25]).low is None
    alike = paired_log_loss_gain([1, 1], [0.5, 0.5], [0.25, 0.25])
    assert (alike.value, alike.low, alike.high) == (pytest.approx(np.log(2)), None, None)
    none = paired_log_loss_gain([1, 0], [0.5, 0.5], [0.5, 0.5])
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)
    two = paired_log_loss_gain([1, 0], [0.5, 0.4], [0.25, 0.4])
    assert two.low is not None


def test_what_it_gained_is_told_in_words_and_as_json() -> None:
    done = done_on(*half(33, 67, START), *half(30, 70, START + timedelta(days=100)))
    told = done.as_json()
    assert (told["log_loss_gain"], told["low"], told["high"]) == (done.gain.value, done.gain.low, done.gain.high)
    assert (told["n"], told["bads"], told["confidence"], told["promote"]) == (100, 30, 0.9, True)
    assert told["calibration_ratio"] == done.ratio.value
    assert told["champion_calibration_ratio"] == done.champion_ratio.value
    assert done.gain.value is not None
    assert f"log-loss {-done.gain.value:+.5f} per loan on 100 loans with 30 bads" in done.reason
    assert "observed over expected bads 0.91, before 2.52; the ranking stays" in done.reason


@pytest.mark.parametrize(
    ("ratio", "before", "promote"),
    [(0.8, 1.5, True), (0.5, 1.5, False), (0.5, 0.8, False), (2.0, 0.4, True), (2.0, 0.5, True), (None, 9.0, False)],
)
def test_a_level_too_high_is_as_far_off_as_one_too_low(ratio: float | None, before: float, promote: bool) -> None:
    """Two bads for each expected are as far from one as a half; what cannot be told is furthest."""
    gain = Estimate(0.01, 0.001, 0.02, 900, 90)
    level, level_before = (Estimate(value, None, None, 900, 90) for value in (ratio, before))
    assert _verdict(gain, level, level_before, 0.9)[0] is promote

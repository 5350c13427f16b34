"""The level of the probabilities that serve: that of the newest matured loans, of today, or of a whole cycle.

Ranking and spread come from the fit and its calibration, whatever the level. A level other than that of the newest
matured loans is one number, the scalar, added to the log-odds of every loan. The evaluation model keeps the level of
the newest matured loans, since that is what it is judged by; the card states the scalar beside what was judged.

Source:
    EBA/GL/2017/16, paragraphs 81 to 83, for the long-run average of one-year default rates as an arithmetic mean over
    time; Regulation (EU) 575/2013, article 180(2)(e), for five years as the least length of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from scipy.optimize import brentq

from p2pcredit.models.calibration import Calibration, level_of
from p2pcredit.models.evaluation.intervals import Floats, logistic
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.hazard import measure_exposure, observed_by
from p2pcredit.settings import Settings

RECENT, POINT_IN_TIME, THROUGH_THE_CYCLE = "recent", "point_in_time", "through_the_cycle"
SHRINK_BY = 10.0
"""A scalar of the younger loans counts for half where so many of their defaults are expected."""
LEAST_EXPECTED = 5.0
"""Quarters are put together until so many defaults are expected in each period."""
QUARTERS_OF_A_CYCLE = 20
"""Fewer quarters than in five years are no cycle."""
WIDEST = 20.0
"""No scalar lies further out, in log-odds."""


@dataclass(frozen=True, slots=True)
class Level:
    """Where the level of a model lies against that of the newest matured loans.

    Args:
        choice: `recent`, `point_in_time` or `through_the_cycle`.
        scalar: Added to the log-odds of every loan.
        facts: What it rests on, as JSON values: loans, defaults seen and expected, first and last origination date.
        limit: Why it rests on too little, in one line; None where it does not.
    """

    choice: str = RECENT
    scalar: float = 0.0
    facts: dict[str, Any] | None = None
    limit: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return {"choice": self.choice, "scalar": self.scalar, **(self.facts or {}), "limit": self.limit}

    def moved(self, calibration: Calibration) -> Calibration:
        """Move a calibration from the level of the newest matured loans to this one.

        Examples:
            >>> Level(POINT_IN_TIME, 0.5).moved(Calibration(2.0, -1.0))
            Calibration(slope=2.0, intercept=-0.5)
        """
        return Calibration(calibration.slope, calibration.intercept + self.scalar)


def at_level(
    candidate: Candidate,
    loans: pl.DataFrame,
    matured: pl.DataFrame,
    *,
    as_of: date,
    settings: Settings,
    hazards: Floats | None = None,
) -> Candidate:
    """Move the model that would serve to the level of the settings; the evaluation model stays as it was judged.

    Args:
        candidate: At the level of the newest matured loans.
        loans: All loans known, with the features and what was observed of them: `origination_date`, `months_observed`,
            `defaulted_in_month`.
        matured: The matured among them, with `label`.
        as_of: The training date.
        settings: The choice, and the definition of default.
        hazards: What `hazards_of_level` gives, which is the same for every candidate; None to measure it.
    """
    level = measure_level(candidate.model, loans, matured, as_of=as_of, settings=settings, hazards=hazards)
    model, details = candidate.model, {**candidate.details, "level": level.as_json()}
    if level.scalar:
        model = model.calibrated(level.moved(model.calibration))
    if level.limit is not None:
        details["limits"] = [*candidate.details.get("limits", []), level.limit]
    return replace(candidate, model=model, details=details)


def hazards_of_level(loans: pl.DataFrame, *, as_of: date, settings: Settings) -> Floats | None:
    """Measure the book's hazard of each month of the window, where the level that the settings choose needs it.

    Args:
        loans: All loans known, as in `at_level`.
        as_of: The training date.
        settings: The choice, and the definition of default.
    """
    return _hazards(loans, as_of, settings) if settings.training.level == POINT_IN_TIME else None


def _hazards(loans: pl.DataFrame, as_of: date, settings: Settings) -> Floats:
    window, lag = settings.labels.window_months, settings.labels.reporting_lag_days
    book = observed_by(loans, as_of, window_months=window, lag_days=lag)
    return np.array(measure_exposure(book, window_months=window).hazards) if book.height else np.zeros(window)


def measure_level(
    model: ScoringModel,
    loans: pl.DataFrame,
    matured: pl.DataFrame,
    *,
    as_of: date,
    settings: Settings,
    hazards: Floats | None = None,
) -> Level:
    """Measure the scalar from the level of the newest matured loans to the one that the settings choose.

    Args:
        model: Calibrated on the newest matured loans.
        loans: All loans known, as in `at_level`.
        matured: The matured among them, with `label`.
        as_of: The training date.
        settings: The choice, and the definition of default.
        hazards: As of `at_level`.
    """
    if settings.training.level == THROUGH_THE_CYCLE:
        return _through_the_cycle(model, matured)
    if settings.training.level == POINT_IN_TIME:
        younger = loans.join(matured, on="loan_id", how="anti", maintain_order="left")
        known = _hazards(loans, as_of, settings) if hazards is None else hazards
        return _point_in_time(model, younger, known, as_of, settings)
    return Level()


def _through_the_cycle(model: ScoringModel, matured: pl.DataFrame) -> Level:
    """Find the scalar at which expected and seen default rates agree on average over the quarters of origination.

    Each quarter counts as much as another, however many loans were made in it. Quarters with few defaults expected are
    put together with those after them, and count as often as there are quarters in them.
    """
    log_odds = model.calibration.log_odds(model.margin(matured))
    labels = matured["label"].cast(pl.Float64).to_numpy()
    days = matured["origination_date"]
    quarter = (days.dt.year() * 4 + days.dt.quarter().cast(pl.Int32)).to_numpy()
    names, place = np.unique(quarter, return_inverse=True)
    period = _periods(np.bincount(place, weights=logistic(log_odds)).astype(np.float64))
    share = np.bincount(period) / names.size
    weight = (share / np.bincount(period[place]))[period[place]]
    seen = max(float(weight @ labels), float(weight.min()) / 2)

    def excess(scalar: float) -> float:
        return float(weight @ logistic(log_odds + scalar)) - seen

    scalar = float(brentq(excess, -WIDEST, WIDEST))
    quarters = int(names[-1] - names[0]) + 1
    span = _from_to(days)
    facts = {
        "loans": matured.height,
        "defaults": int(labels.sum()),
        "quarters": int(names.size),
        "default_rate": seen,
        "expected_rate": float(weight @ logistic(log_odds)),
        **span,
    }
    short = None
    if quarters < QUARTERS_OF_A_CYCLE:
        short = (
            f"the level through the cycle rests on {quarters} quarters of origination, {span['first']} to "
            f"{span['last']}; five years are the least that a cycle takes"
        )
    return Level(THROUGH_THE_CYCLE, scalar, facts, short)


def _point_in_time(
    model: ScoringModel, younger: pl.DataFrame, hazards: Floats, as_of: date, settings: Settings
) -> Level:
    """Find the scalar at which the loans too young to have matured default as often to date as is expected of them.

    Expected is each loan's cumulative hazard by the months it was watched, which the book's life table divides over the
    window. The ratio of seen to expected is shrunk to 1 by `SHRINK_BY` defaults.
    """
    labels = settings.labels
    lag, window = labels.reporting_lag_days, labels.window_months
    watched = observed_by(younger, as_of, window_months=window, lag_days=lag)
    facts: dict[str, Any] = {"loans": watched.height, "defaults": int(watched["defaulted"].sum() or 0), "expected": 0.0}
    cumulative = np.cumsum(-np.log1p(-hazards))
    if not watched.height or not cumulative[-1] > 0.0:
        reason = (
            "no loan too young to have matured was watched for a month: the level is that of the newest matured ones"
        )
        return Level(POINT_IN_TIME, 0.0, facts, reason)
    rows = watched.select("loan_id", "months").join(younger, on="loan_id", how="left", maintain_order="left")
    log_odds = model.calibration.log_odds(model.margin(rows))
    hazard = np.logaddexp(0.0, log_odds)  # -ln(1 - chance)
    expected = float((hazard * cumulative[rows["months"].to_numpy() - 1] / cumulative[-1]).sum())
    ratio = (facts["defaults"] + SHRINK_BY) / (expected + SHRINK_BY)
    scalar = level_of(log_odds, float(-np.expm1(-ratio * hazard).sum()))
    return Level(POINT_IN_TIME, scalar, {**facts, "expected": expected, **_from_to(rows["origination_date"])})


def _periods(expected: Floats) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Count the periods, and give each quarter its number; one ends once enough defaults are expected in it.

    Examples:
        >>> _periods(np.array([1.0, 4.5, 6.0, 2.0])).tolist()
        [0, 0, 1, 1]
    """
    periods, number, held = np.zeros(expected.size, dtype=np.int64), 0, 0.0
    for place, one in enumerate(expected):
        periods[place], held = number, held + float(one)
        if held >= LEAST_EXPECTED:
            number, held = number + 1, 0.0
    if held and number:
        periods[periods == number] = number - 1
    return periods


def _from_to(days: pl.Series) -> dict[str, str]:
    return {"first": str(days.min()), "last": str(days.max())}

"""The level of what serves is that of the newest matured loans, of today, or of a whole cycle, as settings choose."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast

import numpy as np
import polars as pl
import pytest

from p2pcredit.models.calibration import Calibration, as_probability
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.models.training.level import Level, at_level, measure_level
from p2pcredit.settings import Settings


@dataclass(frozen=True)
class Simple:
    """A model whose margin is a column."""

    calibration: Calibration = field(default_factory=Calibration)

    def margin(self, loans: pl.DataFrame) -> Floats:
        return loans["margin"].to_numpy()

    def calibrated(self, calibration: Calibration, neutral: object = None) -> Simple:
        return Simple(calibration)

    def predict(self, loans: pl.DataFrame) -> Floats:
        return as_probability(self.calibration.log_odds(self.margin(loans)))


SIMPLE = cast(ScoringModel, Simple())


def choosing(level: str) -> Settings:
    return Settings.model_validate({"training": {"level": level}})


def log_odds(chance: float) -> float:
    return math.log(chance / (1.0 - chance))


def quarter(year: int, number: int, loans: int, bads: int, chance: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "loan_id": [f"{year}{number}{n}" for n in range(loans)],
            "origination_date": [date(year, 3 * number - 1, 1)] * loans,
            "label": [1] * bads + [0] * (loans - bads),
            "margin": [log_odds(chance)] * loans,
        },
        schema_overrides={"label": pl.Int8},
    )


def test_recent_is_the_level_that_the_calibration_set() -> None:
    matured = quarter(2010, 1, 100, 20, 0.1)
    found = measure_level(SIMPLE, matured, matured, as_of=date(2012, 1, 1), settings=choosing("recent"))
    assert (found.scalar, found.limit) == (0.0, None)
    assert found.moved(Calibration(0.9, -0.2)) == Calibration(0.9, -0.2)


def test_through_the_cycle_each_quarter_counts_as_much_as_another_however_many_loans_it_made() -> None:
    matured = pl.concat(
        [quarter(2009, 1, 1000, 200, 0.06), quarter(2009, 2, 100, 10, 0.06), quarter(2009, 3, 500, 30, 0.06)]
    )
    settings = choosing("through_the_cycle")
    found = measure_level(SIMPLE, matured, matured, as_of=date(2012, 1, 1), settings=settings)
    assert found.facts is not None
    assert found.facts["default_rate"] == pytest.approx((0.20 + 0.10 + 0.06) / 3)
    assert found.facts["expected_rate"] == pytest.approx(0.06)
    assert found.scalar == pytest.approx(log_odds(0.12) - log_odds(0.06))
    assert found.limit is not None
    assert "3 quarters of origination, 2009-02-01 to 2009-08-01" in found.limit


def test_through_the_cycle_a_quarter_of_few_loans_counts_with_the_one_after_it() -> None:
    matured = pl.concat([quarter(2009, 1, 10, 5, 0.1), quarter(2009, 2, 90, 5, 0.1), quarter(2009, 3, 100, 20, 0.1)])
    settings = choosing("through_the_cycle")
    found = measure_level(SIMPLE, matured, matured, as_of=date(2012, 1, 1), settings=settings)
    assert found.facts is not None
    assert found.facts["default_rate"] == pytest.approx((2 * 10 / 100 + 1 * 20 / 100) / 3)


def test_through_the_cycle_without_a_bad_half_a_loan_counts_as_one() -> None:
    """No scalar brings expected defaults to none: of 100 loans half of one is taken to have defaulted."""
    matured = quarter(2009, 1, 100, 0, 0.1)
    settings = choosing("through_the_cycle")
    found = measure_level(SIMPLE, matured, matured, as_of=date(2012, 1, 1), settings=settings)
    assert found.scalar == pytest.approx(log_odds(0.005) - log_odds(0.1))


def test_five_years_of_quarters_are_a_cycle() -> None:
    matured = pl.concat([quarter(2005 + n // 4, n % 4 + 1, 100, 10, 0.1) for n in range(20)])
    settings = choosing("through_the_cycle")
    assert measure_level(SIMPLE, matured, matured, as_of=date(2012, 1, 1), settings=settings).limit is None
    fewer = matured.filter(pl.col("origination_date") >= date(2005, 4, 1))
    limit = measure_level(SIMPLE, fewer, fewer, as_of=date(2012, 1, 1), settings=settings).limit
    assert limit is not None
    assert "19 quarters" in limit


def watched(prefix: str, origination: date, months: int, defaults: list[int], loans: int) -> pl.DataFrame:
    """Loans of 10% each, watched for some months, but those that default in a month."""
    month = [*defaults, *[None] * (loans - len(defaults))]
    return pl.DataFrame(
        {
            "loan_id": [f"{prefix}{n}" for n in range(loans)],
            "origination_date": [origination] * loans,
            "months_observed": [months if m is None else m - 1 for m in month],
            "defaulted_in_month": pl.Series(month, dtype=pl.Int32),
            "margin": [log_odds(0.1)] * loans,
        }
    )


def test_point_in_time_follows_the_defaults_to_date_of_loans_too_young_to_have_matured() -> None:
    old = watched("old", date(2009, 1, 1), 12, [month for month in range(1, 13) for _ in range(10)], 1200)
    young = watched("young", date(2010, 5, 1), 6, [6] * 60, 1000)
    matured = old.with_columns(label=pl.col("defaulted_in_month").is_not_null().cast(pl.Int8))
    settings = choosing("point_in_time")
    as_of = date(2010, 12, 10)  # 30 days for late reports before it lies the seventh month of the young
    found = measure_level(SIMPLE, pl.concat([old, young]), matured, as_of=as_of, settings=settings)
    assert found.facts is not None
    assert (found.facts["loans"], found.facts["defaults"]) == (1000, 60)
    # by the life table of all: 10 of 2200, 2190, ... in months 1 to 5, 70 of 2150 in the sixth, then 10 of 1140, ...;
    # that of the code has the levels of the two quarters taken out, which moves the sixth month a little
    at_risk = [2200 - 10 * n for n in range(6)] + [1140 - 10 * n for n in range(6)]
    events = [10] * 5 + [70] + [10] * 6
    cumulative = np.cumsum([-math.log1p(-e / n) for e, n in zip(events, at_risk, strict=True)])
    assert found.facts["expected"] == pytest.approx(1000 * -math.log(0.9) * cumulative[5] / cumulative[11], rel=0.05)
    ratio = (60 + 10) / (found.facts["expected"] + 10)
    assert found.scalar == pytest.approx(log_odds(1 - 0.9**ratio) - log_odds(0.1))
    assert found.scalar > 0.0


def test_point_in_time_without_younger_loans_stays_and_says_so() -> None:
    old = watched("old", date(2009, 1, 1), 12, [3] * 50, 500)
    matured = old.with_columns(label=pl.col("defaulted_in_month").is_not_null().cast(pl.Int8))
    found = measure_level(SIMPLE, old, matured, as_of=date(2011, 1, 1), settings=choosing("point_in_time"))
    assert found.scalar == 0.0
    assert found.limit is not None
    assert found.limit.startswith("no loan too young to have matured")


AS_OF = date(2012, 1, 1)
RISE = date(2010, 10, 1)
"""From here on loans default three times as often as before."""
BEFORE, AFTER = 0.06, 0.18


def turning_book(seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Features and outcomes of five years, 120 loans a month, whose level triples for the last fifteen months."""
    rng = np.random.default_rng(seed)
    months, size = 60, 120
    origin = np.repeat(np.arange(months), size)
    days = [date(2007 + m // 12, m % 12 + 1, 1) for m in origin]
    fico = rng.normal(700, 40, origin.size)
    level = np.where(np.array(days) >= RISE, AFTER, BEFORE)
    chance = as_probability(np.log(level / (1 - level)) - 0.02 * (fico - 700) - 0.3)
    bad, month = rng.random(origin.size) < chance, rng.integers(1, 13, origin.size)
    elapsed = months - origin
    seen = bad & (month <= elapsed)
    window = [date(d.year + 1 + d.month // 12, d.month % 12 + 1, 1) for d in days]  # thirteen months later
    ids = [f"L{n:05d}" for n in range(origin.size)]
    outcomes = pl.DataFrame(
        {
            "loan_id": ids,
            "origination_date": days,
            "window_closed_on": window,
            "label": pl.Series(np.where(elapsed >= 13, bad, -1), dtype=pl.Int8).replace(-1, None),
            "months_observed": pl.Series(np.where(seen, month - 1, np.minimum(elapsed, 12)), dtype=pl.Int32),
            "defaulted_in_month": pl.Series(np.where(seen, month, -1), dtype=pl.Int32).replace(-1, None),
            "late_in_month": pl.Series([None] * origin.size, dtype=pl.Int32),
            "closed": [False] * origin.size,
        }
    )
    features = pl.DataFrame({"loan_id": ids, "snapshot_date": days, "known_on": days, "fico": fico})
    return features, outcomes


@pytest.mark.parametrize("seed", [1, 2])
def test_where_the_level_has_turned_each_choice_lies_where_it_should(seed: int) -> None:
    features, outcomes = turning_book(seed)
    lengths: dict[str, Any] = {}
    for choice in ("recent", "point_in_time", "through_the_cycle"):
        settings = Settings.model_validate({"training": {"level": choice, "families": ["scorecard"]}})
        run = train_candidates(features, outcomes, as_of=AS_OF, settings=settings, only_target="hazard")
        (candidate,) = run.candidates
        mean = float(candidate.model.predict(features).mean())
        lengths[choice] = mean
        assert candidate.details["level"]["choice"] == choice
        judged = candidate.evaluation["probability_of_default"].to_numpy()
        lengths.setdefault("judged", judged)
        assert np.array_equal(judged, lengths["judged"]), "what is judged is the same by any choice"
    now, cycle = (_mean_chance(features, level) for level in (AFTER, (45 * BEFORE + 3 * AFTER) / 48))
    assert abs(lengths["point_in_time"] - now) < 0.33 * abs(lengths["recent"] - now)
    assert abs(lengths["through_the_cycle"] - cycle) < 0.15 * cycle


def _mean_chance(features: pl.DataFrame, level: float) -> float:
    return float(as_probability(np.log(level / (1 - level)) - 0.02 * (features["fico"].to_numpy() - 700) - 0.3).mean())


def test_the_model_that_would_serve_is_moved_and_the_limit_joins_its_card() -> None:
    matured = pl.concat([quarter(2009, 1, 200, 40, 0.1), quarter(2009, 2, 200, 40, 0.1)])
    given = Candidate(SIMPLE, SIMPLE, pl.DataFrame(), {}, details={"limits": ["one"]})
    moved = at_level(given, matured, matured, as_of=AS_OF, settings=choosing("through_the_cycle"))
    assert moved.model.predict(matured) == pytest.approx([0.2] * 400)
    assert moved.evaluation_model is given.evaluation_model
    assert moved.details["limits"][0] == "one"
    assert moved.details["limits"][1].startswith("the level through the cycle rests on 2 quarters")
    assert moved.details["level"]["scalar"] == pytest.approx(log_odds(0.2) - log_odds(0.1))
    assert Level("point_in_time", 0.3).as_json() == {"choice": "point_in_time", "scalar": 0.3, "limit": None}

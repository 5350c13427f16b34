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


def measure_level(
    log_odds: Floats, chosen: Level | str, loans: pl.DataFrame, matured: pl.DataFrame, *, as_of: date, settings: Settings
) -> Level:
    """Measure the scalar of the level that the settings choose."""
    raise NotImplementedError

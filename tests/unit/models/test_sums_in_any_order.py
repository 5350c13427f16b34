"""A scorecard is the same whoever adds the loans up: expected defaults have sums that no order changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.binning.counts import Counts, count_values, summable
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import LOCAL, LocalBackend
from p2pcredit.models.scorecard.fit import fit_scorecard

RANDOM = np.random.default_rng(3)
FICO, HOMES = RANDOM.integers(600, 800, 3000).astype(float), RANDOM.choice(["OWN", "RENT"], 3000)
LOANS = pl.DataFrame({"fico": FICO, "home_ownership": HOMES.tolist()})
FEATURES = (Feature("fico", "numeric", -1, "", ""), Feature("home_ownership", "category", 0, "", ""))
BADS = (RANDOM.random(3000) < (820 - LOANS["fico"].to_numpy()) / 800).astype(float)
EXPECTED = RANDOM.uniform(0.01, 0.3, 3000)


class BackwardsBackend(LocalBackend):
    """Counts the values of the loans from the last to the first."""

    def count(
        self, columns: pl.DataFrame, features: Sequence[Feature], bads: Floats, goods: Floats
    ) -> Iterator[Counts]:
        return (count_values(feature, columns[feature.name].reverse(), bads[::-1], goods[::-1]) for feature in features)


def test_a_scorecard_has_the_same_bytes_whoever_adds_the_expected_defaults_up() -> None:
    forwards, backwards = (
        fit_scorecard(LOANS, FEATURES, BADS, expected=EXPECTED, backend=backend)
        for backend in (LOCAL, BackwardsBackend())
    )

    assert len(forwards.binnings) > 0
    assert backwards.to_files() == forwards.to_files()


def test_sums_of_millions_of_loans_are_exact() -> None:
    parts = summable(RANDOM.uniform(0.0, 4.0, 3_000_000))

    assert parts.sum() == parts[::-1].cumsum()[-1] == float(sum(int(part * 2**30) for part in parts.tolist())) / 2**30

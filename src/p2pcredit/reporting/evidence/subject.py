"""What an evidence pack is about: the model, the loans that judge it, and how it came to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.models.evaluation.intervals import Estimate, Floats
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.settings import Settings


@dataclass(frozen=True)
class Subject:
    """One banked model and everything its evidence is measured on; every row was known by the day of its card.

    Args:
        card: What the model is, how it came to be, and whether it takes over.
        settings: All settings.
        model: What would serve.
        evaluation_model: The fit that had seen none of the evaluation loans.
        evaluation: The newest matured loans, with `loan_id`, `origination_date`, `label`, the features, and the
            `probability_of_default` that `evaluation_model` gives.
        earlier: The matured loans before them, with the same columns but the last.
        newest: Features of the newest loans, matured or not.
        flow: How many loans and rows came in, step by step: `step`, `n`, `note`.
        swap_set: `matured` and `newest` as `build_swap_set` gives them, or None where no champion served.
        promotions: What the promotions of the past brought, as `Realised.as_json` gives it, oldest first.
        provenance: `delta_versions`, `landing`, `files` (name to SHA-256), `settings`, `software`.
        catalogue: The features that there were.
    """

    card: Mapping[str, Any]
    settings: Settings
    model: ScoringModel
    evaluation_model: ScoringModel
    evaluation: pl.DataFrame
    earlier: pl.DataFrame
    newest: pl.DataFrame
    flow: Sequence[Mapping[str, Any]]
    swap_set: Mapping[str, Any] | None
    promotions: Sequence[Mapping[str, Any]] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    catalogue: FeatureCatalogue = BUILT_IN

    @property
    def confidence(self) -> float:
        """The confidence level of every interval."""
        return self.settings.monitoring.confidence

    @property
    def labels(self) -> Floats:
        """One per evaluation loan, 1 = bad."""
        return labels_of(self.evaluation)

    @property
    def chances(self) -> Floats:
        """Probability of default per evaluation loan, by the evaluation model."""
        return np.asarray(self.evaluation["probability_of_default"].to_numpy(), dtype=np.float64)

    @property
    def matured(self) -> pl.DataFrame:
        """All matured loans, the evaluation loans last."""
        return pl.concat([self.earlier, self.evaluation.drop("probability_of_default")])


def labels_of(loans: pl.DataFrame) -> Floats:
    """Give the labels as floats, 1 = bad."""
    return np.asarray(loans["label"].cast(pl.Float64).to_numpy(), dtype=np.float64)


def measured(found: Estimate) -> dict[str, Any]:
    """Give an estimate as plain JSON values: `value`, `low`, `high`, `n`, `bads`."""
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "bads": found.bads}

"""The family of gradient boosting: shallow trees, monotone where credit sense is plain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import polars as pl

from p2pcredit.models.boosting.model import BOOSTER_FILE, BoostingModel, fit_boosting
from p2pcredit.models.boosting.tuning import search_trees
from p2pcredit.models.export.formula import Formula
from p2pcredit.models.export.of_boosting import formula_of_boosting
from p2pcredit.models.family import Family, TrainingExamples, Tuning
from p2pcredit.models.training_support import contract_of
from p2pcredit.settings import Settings


class Boosting(Family):
    """Trees grown by XGBoost."""

    name: ClassVar[str] = BoostingModel.family
    title: ClassVar[str] = "gradient boosting"
    is_slow: ClassVar[bool] = True
    complexity: ClassVar[int] = 3

    def tune(self, examples: TrainingExamples) -> Tuning:
        """Search how to grow the trees, judged on loans of months that they were not grown on."""
        trees, tried = search_trees(
            examples.loans,
            examples.features,
            examples.bads,
            examples.loans["origination_date"],
            expected=examples.expected,
            **_machine(examples),
        )
        return Tuning(trees, tuple(one.as_json() for one in tried))

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> BoostingModel:
        """Grow the trees."""
        return fit_boosting(
            examples.loans,
            examples.features,
            examples.bads,
            expected=examples.expected,
            log_cumulative_hazard=examples.log_cumulative_hazard,
            trees=tuning.choice,
            **_machine(examples),
        )

    def load(self, content: Mapping[str, Any], files: Mapping[str, bytes]) -> BoostingModel:
        """Read `model.json` and the trees beside it."""
        return BoostingModel.from_json(dict(content), files[BOOSTER_FILE])

    def describe(self, model: BoostingModel, matured: pl.DataFrame, settings: Settings) -> dict[str, Any]:
        """Say how large the booster is, and which share of its gain each feature brings."""
        found = model.booster.get_score(importance_type="total_gain")
        gain = {int(key[1:]): float(np.sum(value)) for key, value in found.items()}
        shares: list[dict[str, Any]] = []
        start, total = 0, sum(gain.values()) or 1.0
        for name, width in zip(model.feature_names, model.encoding.widths, strict=True):
            share = sum(gain.get(i, 0.0) for i in range(start, start + width)) / total
            shares.append({"feature": name, "share": share})
            start += width
        monotone = {name for name in model.feature_names if contract_of(model.support, name).direction}
        trees = {
            "rounds": int(model.booster.num_boosted_rounds()),
            "gain_shares": sorted(shares, key=lambda row: (-row["share"], row["feature"])),
            "monotone_features": sum(name in monotone for name in model.feature_names),
        }
        return {"trees": trees}

    def formula(self, model: BoostingModel, settings: Settings) -> Formula:
        """Write the model as the steps that an export writes."""
        return formula_of_boosting(model, settings)


def _machine(examples: TrainingExamples) -> dict[str, Any]:
    training = examples.settings.training
    return {
        "seed": training.seed,
        "threads": examples.threads,
        "device": training.device,
        "backend": examples.backend,
    }


__all__ = ["Boosting"]

"""The family of points scorecards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import polars as pl

from p2pcredit.models.export.formula import Formula
from p2pcredit.models.export.of_scorecard import formula_of_scorecard
from p2pcredit.models.family import Family, TrainingExamples, Tuning
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.settings import ScoreSettings, Settings

_NO_BIN = ("missing", "not seen before")


class Scorecard(Family):
    """Whole points per bin of each feature, and a probability of default that follows from their sum."""

    name: ClassVar[str] = ScorecardModel.family
    title: ClassVar[str] = "points scorecard"
    complexity: ClassVar[int] = 1
    not_chosen: ClassVar[str] = "tried, not chosen: too little information, or against credit sense beside the others"

    def fit(self, examples: TrainingExamples, tuning: Tuning) -> ScorecardModel:
        """Choose and bin features, and regress on their weights of evidence."""
        from p2pcredit.models.scorecard.fit import fit_scorecard  # scoring fits nothing

        return fit_scorecard(
            examples.loans,
            examples.features,
            examples.bads,
            expected=examples.expected,
            log_cumulative_hazard=examples.log_cumulative_hazard,
            selection=examples.settings.selection,
            scale=PointScale.of(examples.settings.scores),
            backend=examples.backend,
            by_hand=examples.by_hand,
            seed=examples.settings.training.seed,
        )

    def load(self, content: Mapping[str, Any], files: Mapping[str, bytes]) -> ScorecardModel:
        """Read a scorecard, all of which is in its `model.json`."""
        return ScorecardModel.from_json(dict(content))

    def describe(self, model: ScorecardModel, matured: pl.DataFrame, settings: Settings) -> dict[str, Any]:
        """Give the points table, with the matured loans and bads in each bin."""
        columns = columns_of(matured, model.feature_names)
        bads = np.asarray(matured["label"].cast(pl.Float64).to_numpy(), dtype=np.float64)
        counts: dict[tuple[str, str], tuple[int, int]] = {}
        for binning in model.binnings:
            place = binning.bin_of(columns[binning.feature])
            for index, name in enumerate((*binning.bin_names(), *_NO_BIN)):
                inside = place == index
                counts[(binning.feature, name)] = (int(inside.sum()), int(bads[inside].sum()))
        rows = model.points_table(settings.scores).to_dicts()
        for row in rows:
            row["n"], row["bads"] = counts.get((row["feature"], row["bin"]), (0, 0))
        return {"points": rows}

    def explain(self, model: ScorecardModel, loan: pl.DataFrame, scores: ScoreSettings) -> dict[str, dict[str, Any]]:
        """Give the bin of each feature and its points."""
        bins = model.bins_of(loan)
        table = {(row["feature"], row["bin"]): row["points"] for row in model.points_table(scores).to_dicts()}
        found = {}
        for binning in model.binnings:
            name = (*binning.bin_names(), *_NO_BIN)[int(bins[binning.feature][0])]
            found[binning.feature] = {"bin": name, "points": table.get((binning.feature, name))}
        return found

    def formula(self, model: ScorecardModel, settings: Settings) -> Formula:
        """Write the model as the steps that an export writes."""
        return formula_of_scorecard(model, settings)


__all__ = ["Scorecard"]

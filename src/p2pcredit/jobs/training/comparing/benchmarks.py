"""Hold a trained or recalibrated model against the standing benchmarks, for its card and its pack."""

from __future__ import annotations

from typing import Any

import polars as pl

from p2pcredit.jobs.training.comparing.promotion import unseen_by_champion
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.benchmarks import against_champion, standing_benchmarks
from p2pcredit.models.champion.gate import Gate
from p2pcredit.models.evaluation.intervals import Floats


def benchmarks_for_card(
    evaluation: pl.DataFrame, floor: Gate, snapshot: TrainingSnapshot, champion_pd: Floats | None
) -> list[dict[str, Any]]:
    """Measure the champion of the day on the loans that judge a model and that it had not seen; the floor did the rest.

    Args:
        evaluation: `loan_id`, `label`, `probability_of_default` of the loans that judge, by the evaluation model.
        floor: What the floor said of them: nothing is fitted anew.
        snapshot: What is known, and the champion.
        champion_pd: The probabilities of the same loans by the champion's evaluation model; None without a champion.
    """
    if snapshot.champion is None or champion_pd is None:
        return standing_benchmarks(floor, None)
    unseen = unseen_by_champion(evaluation.with_columns(pl.Series("champion_pd", champion_pd)), snapshot)
    held = against_champion(
        unseen["label"].to_numpy(),
        unseen["probability_of_default"].to_numpy(),
        unseen["champion_pd"].to_numpy(),
        snapshot.settings.monitoring.confidence,
    )
    return standing_benchmarks(floor, held, model_id=snapshot.champion.model_id)


__all__ = ["benchmarks_for_card"]

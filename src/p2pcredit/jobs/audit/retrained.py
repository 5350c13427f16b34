"""Train the one candidate that a banked model was, again, on the snapshot that its card names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import train_candidates


def of_one_family(snapshot: TrainingSnapshot, family: str) -> TrainingSnapshot:
    """Copy the snapshot with settings that train this family alone."""
    return with_training(snapshot, families=(family,), preferred_family="simplest")


def with_training(snapshot: TrainingSnapshot, **changed: Any) -> TrainingSnapshot:
    """Copy the snapshot with other settings of the group `training`."""
    training = snapshot.settings.training.model_copy(update=changed)
    return replace(snapshot, settings=snapshot.settings.model_copy(update={"training": training}))


def retrained(
    snapshot: TrainingSnapshot,
    target: str,
    *,
    without: dict[str, HandBins] | None = None,
    outcomes: pl.DataFrame | None = None,
) -> Candidate | str:
    """Train the one candidate of this target; why there is none where there is none.

    Args:
        snapshot: What it sees, with settings of one family.
        target: `matured`, `hazard` or `early_delinquency`.
        without: Features that are left out, as bins by hand.
        outcomes: Those of some of the loans; None for all.
    """
    out = without or {}
    forced = [name for name in out if (hand := snapshot.by_hand.get(name)) is not None and hand.use == "in"]
    if forced:
        return f"{forced[0]} is forced in by hand"
    try:
        run = train_candidates(
            snapshot.features,
            snapshot.outcomes if outcomes is None else outcomes,
            as_of=snapshot.day,
            settings=snapshot.settings,
            by_hand={**snapshot.by_hand, **out},
            only_target=target,
            catalogue=snapshot.catalogue,
        )
    except P2PCreditError as error:
        return str(error)
    return run.candidates[0] if run.candidates else "; ".join(run.missing_because) or "it could not be fitted"


def judged_loans(snapshot: TrainingSnapshot, found: Candidate) -> pl.DataFrame:
    """Give the evaluation loans of a candidate with all features and the day of origination, in the order judged."""
    return found.evaluation.join(snapshot.matured.drop("label"), on="loan_id", how="left", maintain_order="left")


def chances_on(judged: pl.DataFrame, found: Candidate) -> pl.Series | str:
    """Give a candidate's probability of default of each of these loans in order, or why it has none."""
    own = judged.select("loan_id").join(found.evaluation, on="loan_id", how="left", maintain_order="left")
    if own["probability_of_default"].null_count() or own.height != found.evaluation.height:
        return "it was judged on other loans"
    return own["probability_of_default"]


__all__ = ["chances_on", "judged_loans", "of_one_family", "retrained", "with_training"]

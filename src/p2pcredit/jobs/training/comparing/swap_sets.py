"""The swap set of two models: at training, and again when a person changes the champion."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.tables import FEATURE_STORE
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.swap_set import Swap, build_swap_set
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.outside_training import count_undecided
from p2pcredit.models.scoring import load_model
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.usable import NEWEST_DAYS
from p2pcredit.storage.files import write_json_atomically
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank
from p2pcredit.storage.tables.lake import Lake


def newest_loans(snapshot: TrainingSnapshot) -> pl.DataFrame:
    """Return the features of the loans of the newest days, matured or not."""
    return snapshot.features.filter(pl.col("snapshot_date") > snapshot.day - timedelta(days=NEWEST_DAYS))


def swap_set(
    snapshot: TrainingSnapshot,
    champion: ModelArtifacts,
    model: ScoringModel,
    evaluated: pl.DataFrame,
    held: Floats,
    chances: Floats,
) -> dict[str, Any]:
    """Count the loans that would be approved or declined anew.

    Args:
        snapshot: Where the newest loans come from.
        champion: The model that serves.
        model: The one that would serve; both score the newest loans as they would.
        evaluated: Matured loans with features and `label`.
        held, chances: Their probabilities by the evaluation models of champion and model, which had not seen them.

    Returns:
        `champion_id`, and `matured` and `newest` as `build_swap_set` gives them, each with `undecided`: how many of the
        loans `champion` and `challenger` would refer or refuse, whatever cell their probability puts them in.
    """
    newest = newest_loans(snapshot)
    unknown = newest.with_columns(pl.lit(None, dtype=pl.Int8).alias("label"))
    serves = load_model(champion.files)
    swaps = {
        "matured": Swap(evaluated, held, chances),
        "newest": Swap(unknown, serves.predict(newest), model.predict(newest)),
    }
    return {
        "champion_id": champion.model_id,
        **{
            when: {
                **build_swap_set(swap, snapshot.settings),
                "undecided": {
                    "champion": count_undecided(serves, swap.loans, snapshot.settings),
                    "challenger": count_undecided(model, swap.loans, snapshot.settings),
                },
            }
            for when, swap in swaps.items()
        },
    }


def swap_on_promotion(ctx: JobContext, model_id: str, replaces: str | None, day: date) -> Path | None:
    """Write the swap set of a change of champion that a person decided, as of a day.

    Matured are the loans that neither evaluation model had seen.

    Returns:
        The file in `reports/`; None where there was no champion, nothing is preprocessed, or a model has no evaluation
        model.
    """
    if replaces is None or not Lake(ctx.layout).exists(FEATURE_STORE):
        return None
    bank = ModelBank(ctx.layout)
    new, old = bank.get(model_id), bank.get(replaces)
    if not (new.evaluation_files and old.evaluation_files):
        return None
    snapshot = TrainingSnapshot.as_of(ctx, day)
    unseen_from = max(date.fromisoformat(banked.card["periods"]["evaluate"]["first"]) for banked in (new, old))
    loans = snapshot.matured.filter(pl.col("origination_date") >= unseen_from)
    held, chances = (load_model(banked.evaluation_files).predict(loans) for banked in (old, new))
    found = {"model_id": model_id, **swap_set(snapshot, old, load_model(new.files), loans, held, chances)}
    path = ctx.layout.swap_set(model_id, replaces)
    write_json_atomically(path, found)
    return path

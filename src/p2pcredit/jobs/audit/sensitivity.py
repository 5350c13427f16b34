"""Say how a model depends on chance, on its window, on values that may be lost, and on each feature."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import polars as pl
from threadpoolctl import threadpool_limits

from p2pcredit.contracts.results import worst_of
from p2pcredit.errors import BankError, UsageError
from p2pcredit.jobs.audit.retrained import chances_on, judged_loans, of_one_family, retrained, with_training
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.page import write_page
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.realised import cohorts_of
from p2pcredit.models.evaluation.sensitivity import compared, effects, shocks
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.splits import Split, split_by_time
from p2pcredit.monitoring.status import status_at_least
from p2pcredit.reporting.sensitivity import render_sensitivity
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank

MOST_SEEDS = 20
WINDOWS = (
    ("without the oldest quarter", 0.0, 0.25),
    ("without the oldest half", 0.0, 0.5),
    ("without the newest quarter", 0.75, 1.0),
)
"""What is left out of the loans that come before those of calibration and evaluation, from which to which part."""


def measure_sensitivity(ctx: JobContext, model_id: str, *, seeds: int = 3) -> Receipt:
    """Train the model again with other seeds and windows, take values away from it, and move them.

    All are judged on the loans that judged the model, which no fit learned from, by the cut-off and margin of today's
    settings.

    Args:
        ctx: The context.
        model_id: A model of the bank.
        seeds: How many other seeds; each is a training, and so is each of the three windows.

    Returns:
        `home_id`, `model_id`, `as_of`, `family`, `target`, `evaluation_loans`, `bads`, `auc` (within quarter and term)
        with `low` and `high`, `ratio`, `margin`, `cutoff`, `confidence`, `status` (the worst of seeds and windows),
        `seeds` and `windows` (as `models.evaluation.sensitivity.compared`, with `changed` and `missing_because`, None
        where it was trained), `shocks`, `effects`. Statuses: pass where the ranking is no worse by more than the
        margin, fail where it is worse by more, else undetermined.

    Raises:
        UsageError: If the number of seeds is none.
        BankError: If there is no such model, it was altered, or it cannot be made again.
    """
    if not 1 <= seeds <= MOST_SEEDS:
        raise UsageError(f"{seeds} other seeds would take as many trainings; give 1 to {MOST_SEEDS}")
    banked = ModelBank(ctx.layout).get(model_id)
    with threadpool_limits(limits=1, user_api="blas"):
        return _measured(ctx, banked, seeds)


def write_sensitivity(ctx: JobContext, model_id: str, out: Path | None = None, *, seeds: int = 3) -> Receipt:
    """Write what a model is sensitive to as a page, into `reports/` or another file.

    Returns:
        What `measure_sensitivity` gives, and `page`, its path.
    """
    found = measure_sensitivity(ctx, model_id, seeds=seeds)
    return write_page(ctx, f"sensitivity_{model_id}", found, render_sensitivity(found), out)


def _measured(ctx: JobContext, banked: ModelArtifacts, seeds: int) -> Receipt:
    family, target = str(banked.card["family"]), str(banked.card["target"])
    snapshot = of_one_family(TrainingSnapshot.from_card(ctx, banked), family)
    total = 1 + seeds + len(WINDOWS)
    ctx.progress("as it was", 0, total)
    base = retrained(snapshot, target)
    if not isinstance(base, Candidate):
        raise BankError(f"model {banked.model_id} cannot be made again: {base}")
    judged = judged_loans(snapshot, base)
    cohorts, before = cohorts_of(judged), judged["probability_of_default"].to_numpy()
    settings = ctx.settings

    def told(changed: str, found: Candidate | str) -> dict[str, Any]:
        chances = found if isinstance(found, str) else chances_on(judged, found)
        if isinstance(chances, str):
            return {"changed": changed, **_NOTHING, "missing_because": chances}
        return {
            "changed": changed,
            **with_status(compared(judged["label"], chances.to_numpy(), before, cohorts, settings)),
            "missing_because": None,
        }

    def with_status(row: dict[str, Any]) -> dict[str, Any]:
        status = status_at_least(row["low"], row["high"], -settings.training.noninferiority_margin)
        return {**row, "status": str(status)}

    first = snapshot.settings.training.seed
    by_seed: list[dict[str, Any]] = []
    for seed in range(first + 1, first + 1 + seeds):
        ctx.progress(f"seed {seed}", len(by_seed) + 1, total)
        by_seed.append(told(f"seed {seed}", retrained(with_training(snapshot, seed=seed), target)))
    split = split_by_time(snapshot.matured, as_of=snapshot.day, settings=snapshot.settings.training)
    by_window: list[dict[str, Any]] = []
    for name, start, end in WINDOWS:
        ctx.progress(name, 1 + seeds + len(by_window), total)
        by_window.append(told(*_within(snapshot, split, target, name, (start, end))))
    auc = auc_within_cohorts(judged["label"], before, cohorts, settings.monitoring.confidence)
    return {
        "home_id": short_id_of(ctx.layout.home),
        "model_id": banked.model_id,
        "as_of": snapshot.day.isoformat(),
        "family": family,
        "target": target,
        "evaluation_loans": judged.height,
        "bads": int(judged["label"].sum() or 0),
        "auc": auc.value,
        "low": auc.low,
        "high": auc.high,
        "ratio": base.metrics["calibration_ratio"],
        "margin": settings.training.noninferiority_margin,
        "cutoff": settings.scores.approval_cutoff,
        "confidence": settings.monitoring.confidence,
        "status": str(worst_of(row["status"] for row in (*by_seed, *by_window))),
        "seeds": by_seed,
        "windows": by_window,
        "shocks": [with_status(row) for row in shocks(base.evaluation_model, judged, cohorts, settings)],
        "effects": effects(base.evaluation_model, judged),
    }


_NOTHING: dict[str, Any] = {
    **dict.fromkeys(("auc", "change", "low", "high", "ratio", "moved", "decided_otherwise")),
    "status": "undetermined",
}


def _within(
    snapshot: TrainingSnapshot, split: Split, target: str, name: str, left_out: tuple[float, float]
) -> tuple[str, Candidate | str]:
    """Train without a part of the loans learned from; those of calibration and evaluation stay what they were."""
    days = split.fit["origination_date"]
    start, end = (math.floor(part * len(days)) for part in left_out)
    later = split.calibrate if split.calibrate.height else split.evaluate
    first, until = days[start], days[end] if end < len(days) else later["origination_date"][0]
    gone = (pl.col("origination_date") >= first) & (pl.col("origination_date") < until)
    kept = split.all.filter(~gone).height
    changed = f"{name} ({first} to before {until})"
    if kept == split.all.height:
        return changed, "all loans learned from are of one day"
    shares = {
        "evaluation_share": (split.evaluate.height - 0.5) / kept,
        "calibration_share": split.calibrate.height / kept,
    }
    outcomes = snapshot.outcomes.filter(~gone)
    return changed, retrained(with_training(snapshot, **shares), target, outcomes=outcomes)


__all__ = ["MOST_SEEDS", "measure_sensitivity", "write_sensitivity"]

"""Propose grades and a cut-off for a book from the loans that a model of it learned from."""

from __future__ import annotations

from dataclasses import asdict

import polars as pl

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.evaluation.grade_scale import (
    ObservedGrade,
    Steps,
    cutoff_that_approves,
    observed_grades,
    propose_bounds,
    status_of_order,
)
from p2pcredit.models.scoring import load_model
from p2pcredit.settings.scores import MOST_GRADES
from p2pcredit.storage.state.model_bank import ModelBank


def propose_grades(
    ctx: JobContext, model_id: str, *, count: int = 7, steps: Steps = "quantiles", approve: float | None = None
) -> Receipt:
    """Propose `scores.grade_bounds` and `scores.approval_cutoff` from the matured loans that a model learned from.

    Nothing is set: a person writes what is signed into `p2pcredit.toml`.

    Args:
        ctx: The context; today's grades and cut-off stand beside the proposal.
        model_id: A model of the bank.
        count: How many grades.
        steps: See `propose_bounds`.
        approve: Share of the loans to be approved, in (0, 1); None leaves the cut-off of the settings.

    Returns:
        `model_id`, `as_of`, `loans`, `bads`, `grade_bounds`, `approval_cutoff`, `approved` (share of the loans up to
        it), `status` (whether each proposed grade has more bads than the better ones, see `status_of_order`), and
        `proposed` and `today`: rows of `grade`, `up_to` (None for the last), `n`, `share`, `bads`, `bad_share` with
        `low` and `high` (None without loans).

    Raises:
        UsageError: If there are fewer than 2 or more than 26 grades, or the share is none.
        BankError: If there is no such model or it was altered.
        TooLittleDataError: If the loans are too few or too alike.
    """
    if not 2 <= count <= MOST_GRADES:
        raise UsageError(f"{count} grades cannot be told apart by letters; give 2 to {MOST_GRADES}")
    if approve is not None and not 0.0 < approve < 1.0:
        raise UsageError(f"--approve {approve:g} is no share of loans; give one between 0 and 1, such as 0.7")
    banked = ModelBank(ctx.layout).get(model_id)
    matured = TrainingSnapshot.from_card(ctx, banked).matured
    chances = load_model(banked.files).predict(matured)
    bounds = propose_bounds(chances, count, steps)
    scores, confidence = ctx.settings.scores, ctx.settings.monitoring.confidence
    cutoff = scores.approval_cutoff if approve is None else cutoff_that_approves(chances, approve)
    bads = matured["label"].cast(pl.Float64).to_numpy()
    proposed = observed_grades(chances, bads, bounds, confidence)
    return {
        "model_id": model_id,
        "as_of": str(banked.card["as_of"]),
        "loans": matured.height,
        "bads": int(matured["label"].sum() or 0),
        "grade_bounds": list(bounds),
        "approval_cutoff": cutoff,
        "approved": float((chances <= cutoff).mean()),
        "status": str(status_of_order(proposed)),
        "proposed": _as_rows(proposed, matured.height),
        "today": _as_rows(observed_grades(chances, bads, scores.grade_bounds, confidence), matured.height),
    }


def _as_rows(observed: list[ObservedGrade], loans: int) -> list[Receipt]:
    return [{**asdict(one), "share": one.n / loans, "bad_share": one.bad_share} for one in observed]


__all__ = ["propose_grades"]

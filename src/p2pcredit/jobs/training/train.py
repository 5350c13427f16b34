"""Train or recalibrate as of a day, judge, and bank what came of it. Whether one is due is for `retraining` to say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training.artifacts import Made, make_challenger, make_recalibrated
from p2pcredit.jobs.training.backends import fitter_of
from p2pcredit.jobs.training.snapshot import study_now
from p2pcredit.storage.state.model_bank import ModelBank


@dataclass(frozen=True, slots=True)
class Trained:
    """A model that was trained and banked, and whether it earned its place.

    Args:
        model_id: Its name.
        promoted: Whether it takes over.
        reason: Why or why not, in one line.
        metrics: As its card has them.
        matured_bads: Matured bads known by its day.
        remedy: What was done: `recalibrate` where nothing but a new calibration was tried, else `retrain`.
        form: `matured`, `hazard`, or `recalibrated` where the champion with a new calibration came out ahead.
        comparison: The challenger against the champion, as the ledger keeps it; None without a champion.
        recalibration: What the cheaper remedy gained or would have gained; None without a champion.
        challenger_id: A full challenger that was banked too and did not take over.
        gate: What the floor says of the model, as its card has it.
    """

    model_id: str
    promoted: bool
    reason: str
    metrics: dict[str, Any]
    matured_bads: int | None = None
    remedy: str = "retrain"
    form: str | None = None
    comparison: dict[str, Any] | None = None
    recalibration: dict[str, Any] | None = None
    challenger_id: str | None = None
    gate: dict[str, Any] | None = None


def train_model(ctx: JobContext, day: date) -> Trained:
    """Train all candidates as of a day, compare the best with the champion, and put it into the bank.

    The cheaper remedy is tried beside it: where no challenger ranks better, but a new calibration makes the champion
    better beyond chance, the recalibrated champion takes over, as a model of its own.

    Raises:
        TooLittleDataError: If too few loans have matured, in one line with the numbers found and needed.
        LeakError: If a single feature predicts too well to be honest.
    """
    study = study_now(ctx, day)
    with fitter_of(ctx) as fitter:
        challenger = make_challenger(study, fitter, ctx.progress)
    _bank(ctx, challenger)
    recalibration = challenger.recalibration
    if challenger.promoted or recalibration is None or not recalibration["promote"]:
        return _trained(challenger, "retrain", challenger)
    recalibrated = make_recalibrated(study)
    _bank(ctx, recalibrated)
    return _trained(recalibrated, "retrain", challenger)


def recalibrate_champion(ctx: JobContext, day: date) -> Trained:
    """Set the champion's calibration anew on the newest matured loans, and train nothing.

    Raises:
        TooLittleDataError: If too few loans have matured since the champion was judged, or there is no champion.
    """
    made = make_recalibrated(study_now(ctx, day))
    _bank(ctx, made)
    return _trained(made, "recalibrate", None)


def _bank(ctx: JobContext, made: Made) -> None:
    ModelBank(ctx.layout).add(made.model_id, made.files, made.card, made.beside)


def _trained(made: Made, remedy: str, challenger: Made | None) -> Trained:
    other = challenger is not None and challenger.model_id != made.model_id
    return Trained(
        made.model_id,
        made.promoted,
        made.reason,
        dict(made.card["metrics"]),
        made.card["matured_bads"],
        remedy,
        made.card["form"],
        None if challenger is None else challenger.comparison,
        made.recalibration,
        challenger.model_id if other and challenger is not None else None,
        made.gate,
    )

"""Train or recalibrate as of a day, and bank what comes of it. Whether one is due is for `retrain` to say."""

from __future__ import annotations

from datetime import date

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training.backends import fit_backend_of
from p2pcredit.jobs.training.challengers import make_challenger, make_recalibrated
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank


def train_model(ctx: JobContext, day: date) -> tuple[ModelArtifacts, ...]:
    """Train all candidates as of a day, compare the best with the champion, and put it into the bank.

    A recalibration of the champion is tried as well: where no challenger ranks better, but a new calibration makes the
    champion better beyond chance, the recalibrated champion takes over, as a model of its own.

    Returns:
        The models that were banked, the outcome last: the challenger alone, or the challenger that stays one and the
        recalibrated champion.

    Raises:
        TooLittleDataError: If too few loans have matured, in one line with the numbers found and needed.
        LeakError: If a single feature predicts too well to be honest.
    """
    snapshot = TrainingSnapshot.as_of(ctx, day)
    with fit_backend_of(ctx) as backend:
        challenger = make_challenger(snapshot, backend, ctx.progress)
    _bank(ctx, challenger)
    recalibration = challenger.card["recalibration"]
    if challenger.promoted or recalibration is None or not recalibration["promote"]:
        return (challenger,)
    recalibrated = make_recalibrated(snapshot)
    _bank(ctx, recalibrated)
    return challenger, recalibrated


def recalibrate_champion(ctx: JobContext, day: date) -> tuple[ModelArtifacts]:
    """Set the champion's calibration anew on the newest matured loans, and train nothing.

    Returns:
        The recalibrated champion, which was banked.

    Raises:
        TooLittleDataError: If too few loans have matured since the champion was measured, or there is no champion.
    """
    recalibrated = make_recalibrated(TrainingSnapshot.as_of(ctx, day))
    _bank(ctx, recalibrated)
    return (recalibrated,)


def _bank(ctx: JobContext, made: ModelArtifacts) -> None:
    ModelBank(ctx.layout).add(made.model_id, made.files, made.card, made.attachments)

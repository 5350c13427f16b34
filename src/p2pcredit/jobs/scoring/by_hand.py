"""The scoring steps of the inference pipeline over a range of days, for the command line."""

from __future__ import annotations

from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.walking import do_step
from p2pcredit.periods import DateRange


def infer(ctx: JobContext, days: DateRange) -> Receipt:
    """Do the scoring steps of the inference pipeline: check the champion's files, and score the days together.

    Returns:
        The receipt of `run_inference`.

    Raises:
        BankError: If the files of the champion of the last day are missing, incomplete or altered.
    """
    receipts = {
        step.name: run_inference(ctx, days) if step.name == "run_inference" else do_step(ctx, step, days)
        for step in INFERENCE.by_hand("infer")
    }
    return receipts["run_inference"]

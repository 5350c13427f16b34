"""Scoring: probability alone and with score, grade and reasons, for both families, against the bare booster."""

from __future__ import annotations

from functools import partial

from bench.running import OUR_PYTHON, Run
from bench.works.training import prepared_loans

PART = "scoring"
CHILD = (OUR_PYTHON, "-m", "bench.works.scoring_loans")
LOANS_EACH = 10
"""One of so many loans of the raw file is scored."""


def run(run: Run) -> None:
    """Run both families with and without reasons, and the floors."""
    score(run, run.rows // LOANS_EACH, PART, floors=True)


def score(run: Run, rows: int, part: str, *, floors: bool) -> None:
    """Score so many loans in one batch."""
    prepared, _ = prepared_loans(run)
    contenders = [
        (f"{family}, {words}", "ours", "ours", (what, family))
        for family in ("boosting", "scorecard")
        for what, words in (("alone", "probability alone"), ("reasons", "score, grade and reasons"))
    ]
    if floors:
        for what, who in (("made", "bare predict, matrix made"), ("ready", "bare predict, matrix ready")):
            contenders.append(("boosting, probability alone", who, "floor", (what, "boosting")))
    for work, who, role, arguments in contenders:
        run.contend((part, work, who, role), rows, partial(run.measure, *CHILD, *arguments, prepared, str(rows)))

"""Train a model again without features that tell groups apart, and say what is lost and how the groups move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.jobs.audit.retrained import chances_on, judged_loans, of_one_family, retrained
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.fairness import approval_rates
from p2pcredit.models.champion.realised import cohorts_of
from p2pcredit.models.evaluation.within_cohort import auc_within_cohorts, paired_difference_within_cohorts
from p2pcredit.models.population.groups import worst_gap
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.monitoring.status import status_at_least
from p2pcredit.storage.state.model_bank import ModelArtifacts

_WHY = "left out to see what is lost without it"


def measure_alternatives(
    ctx: JobContext, banked: ModelArtifacts, groups: pl.DataFrame, names: Sequence[str]
) -> dict[str, Any]:
    """Train the model's family and target without each feature, then without the best with each of the others.

    The best leaves the lowest impact ratio of any group highest, of those that lose no more than the margin. All are
    judged on the same evaluation loans, which none of them learned from.

    Args:
        ctx: The context.
        banked: The model, made again from what its card names.
        groups: `loan_id`, `group` of loans.
        names: Features, the most telling first.

    Returns:
        `evaluation_loans`, `with_group` (of them, those whose group is known), `auc` (within quarter and term, of the
        model with all features) with `low` and `high`, `worst_ratio` (its lowest impact ratio at the present cut-off;
        None where no two groups of 100 are among those loans), `margin`, and `rows`: per alternative `without`, `auc`,
        `change` with `low` and `high`, `status` (pass: no worse by more than the margin; fail: worse by more;
        undetermined), `worst_ratio`, `ratios` (group -> impact ratio), `missing_because` (None where it was trained).
    """
    with threadpool_limits(limits=1, user_api="blas"):
        return _measured(ctx, banked, groups, names)


def _measured(ctx: JobContext, banked: ModelArtifacts, groups: pl.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    snapshot = TrainingSnapshot.from_card(ctx, banked)
    family, target = str(banked.card["family"]), str(banked.card["target"])
    snapshot = of_one_family(snapshot, family)
    base = retrained(snapshot, target)
    if not isinstance(base, Candidate):
        return {"missing_because": base, "rows": []}
    judged = judged_loans(snapshot, base).join(groups, on="loan_id", how="left", maintain_order="left")
    confidence, cutoff = ctx.settings.monitoring.confidence, ctx.settings.scores.approval_cutoff
    margin = snapshot.settings.training.noninferiority_margin
    measure = _Measure(judged, confidence, cutoff, margin)
    rows: list[dict[str, Any]] = []
    asked: list[tuple[str, ...]] = [(name,) for name in names]
    done = 0
    while asked:
        for without in asked:
            ctx.progress(f"without {' and '.join(without)}", done, 2 * len(names))
            found = retrained(snapshot, target, without=_left_out(without))
            rows.append(measure.row(without, found))
            done += 1
        best = _best([row for row in rows if len(row["without"]) == 1])
        asked = [(best, name) for name in names if name != best] if best and len(asked[0]) == 1 else []
    auc = auc_within_cohorts(judged["label"], judged["probability_of_default"], cohorts_of(judged), confidence)
    return {
        "missing_because": None,
        "evaluation_loans": judged.height,
        "with_group": int(judged["group"].is_not_null().sum()),
        "auc": auc.value,
        "low": auc.low,
        "high": auc.high,
        "worst_ratio": measure.gap(judged["probability_of_default"]),
        "ratios": measure.ratios(judged["probability_of_default"]),
        "margin": margin,
        "rows": rows,
    }


def _left_out(without: Sequence[str]) -> dict[str, HandBins]:
    return {name: HandBins(name, _WHY, use="out") for name in without}


class _Measure:
    """Measures alternatives on the evaluation loans of the model with all features."""

    def __init__(self, judged: pl.DataFrame, confidence: float, cutoff: float, margin: float) -> None:
        self._judged, self._cohorts = judged, cohorts_of(judged)
        self._confidence, self._cutoff, self._margin = confidence, cutoff, margin

    def row(self, without: Sequence[str], found: Candidate | str) -> dict[str, Any]:
        """Measure one alternative."""
        told: dict[str, Any] = {"without": list(without), "status": "undetermined", "missing_because": None}
        told |= dict.fromkeys(("auc", "change", "low", "high", "worst_ratio", "ratios"))
        chances = found if isinstance(found, str) else chances_on(self._judged, found)
        if isinstance(chances, str):
            return {**told, "missing_because": chances}
        labels, before = self._judged["label"], self._judged["probability_of_default"]
        change = paired_difference_within_cohorts(labels, chances, before, self._cohorts, self._confidence)
        auc = auc_within_cohorts(labels, chances, self._cohorts, self._confidence)
        return {
            **told,
            "auc": auc.value,
            "change": change.value,
            "low": change.low,
            "high": change.high,
            "status": str(status_at_least(change.low, change.high, -self._margin)),
            "worst_ratio": self.gap(chances),
            "ratios": self.ratios(chances),
        }

    def gap(self, chances: pl.Series) -> float | None:
        """Give the lowest impact ratio of a group."""
        known = self._judged["group"].is_not_null()
        return worst_gap(self._judged["group"].filter(known), _numbers(chances.filter(known)), self._cutoff)

    def ratios(self, chances: pl.Series) -> dict[str, float | None]:
        """Give the impact ratio of each group."""
        known = self._judged["group"].is_not_null()
        approved = _numbers(chances.filter(known)) <= self._cutoff
        rows = approval_rates(self._judged["group"].filter(known), approved)
        return {row["group"]: row["ratio"] for row in rows}


def _numbers(values: pl.Series) -> Any:
    return values.to_numpy().astype(np.float64)


def _best(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Choose the feature whose absence leaves the lowest ratio highest, of those that lose no more than the margin."""
    fitting = [row for row in rows if row["status"] != "fail" and row["worst_ratio"] is not None]
    if not fitting:
        return None
    best = max(fitting, key=lambda row: (row["worst_ratio"], row["change"], row["without"]))
    name: str = best["without"][0]
    return name


__all__ = ["measure_alternatives"]

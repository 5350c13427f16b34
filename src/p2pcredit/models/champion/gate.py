"""The floor under every model: nothing serves that is not better than chance, or worse than doing nothing.

Doing nothing means two things that cost no model: to go by the platform's own grade, and a plain logistic regression on
the same earlier loans. A model need not be shown to beat them, since a few dozen bads cannot show it; it must not be
shown to be worse. One function holds first models, challengers and recalibrated champions to it, on the loans that
judged them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.results import Status
from p2pcredit.models.evaluation.discrimination import auc_interval, paired_auc_difference
from p2pcredit.models.evaluation.intervals import Estimate, Floats, checked_pair
from p2pcredit.models.evaluation.platform_grades import GRADES, platform_risk
from p2pcredit.models.training.baseline import logistic_baseline

CHANCE = 0.5
LOGISTIC = "logistic"
LEAST_RANKED_SHARE = 0.5
"""A benchmark that ranks a smaller share of the loans, with too few bads among them, is taken as not given."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What costs no model: a name, and a risk per evaluation loan, NaN where it says nothing of one."""

    key: str
    name: str
    risk: Floats


@dataclass(frozen=True, slots=True)
class Held:
    """A model held against one benchmark on the loans that both rank.

    Args:
        key, name: The benchmark.
        auc, model_auc: Of the benchmark and of the model on these loans.
        difference: AUC of the model minus that of the benchmark, paired.
        status: Fail where the whole interval of the difference lies below zero, undetermined with too few bads.
        given: Whether it ranks enough loans to be asked for; one that is not given fails nothing.
    """

    key: str
    name: str
    auc: Estimate
    model_auc: Estimate
    difference: Estimate
    status: Status
    given: bool


@dataclass(frozen=True, slots=True)
class Gate:
    """What the floor says of a model.

    Args:
        status: Pass, fail or undetermined; only a pass may come to serve by itself.
        reason: Why, in one line with the figures.
        confidence: Two-sided, of every interval.
        auc: Of the model on the evaluation loans.
        against: One entry for each benchmark.
        enough: Whether there are as many bads, and goods, as are needed to judge.
    """

    status: Status
    reason: str
    confidence: float
    auc: Estimate
    against: tuple[Held, ...]
    enough: bool = True

    @property
    def passed(self) -> bool:
        """Whether the model may come to serve by itself."""
        return self.status is Status.PASS

    @property
    def above_chance(self) -> bool:
        """Whether the lower bound of the AUC lies above a half."""
        return self.auc.low is not None and self.auc.low > CHANCE

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, for card, ledger and evidence."""
        return {
            "status": str(self.status),
            "reason": self.reason,
            "confidence": self.confidence,
            "chance": CHANCE,
            **_measured("auc", self.auc),
            "n": self.auc.n,
            "bads": self.auc.bads,
            "against": [
                {
                    "key": held.key,
                    "name": held.name,
                    "status": str(held.status),
                    "given": held.given,
                    "n": held.difference.n,
                    "bads": held.difference.bads,
                    "auc": held.auc.value,
                    "model_auc": held.model_auc.value,
                    **_measured("difference", held.difference),
                }
                for held in self.against
            ],
        }


def benchmarks_of(
    evaluation: pl.DataFrame,
    earlier: pl.DataFrame,
    feature_sets: Collection[str],
    catalogue: FeatureCatalogue = BUILT_IN,
) -> tuple[Benchmark, ...]:
    """Rank the evaluation loans by what costs no model.

    Args:
        evaluation: The loans that judge, with the features and the platform's grades.
        earlier: The matured loans before them, with `label` and the same columns.
        feature_sets: Which features the logistic regression may use: those of the model.
        catalogue: The features that there are.

    Returns:
        The platform's own grade where it gives one that has an order (the sub-grade where it gives that), and a plain
        logistic regression fitted on the earlier loans where one can be fitted.
    """
    found: list[Benchmark] = []
    graded = platform_risk(evaluation)
    if graded is not None:
        column, risk = graded
        found.append(Benchmark(column.removeprefix("platform_"), GRADES[column], risk))
    compared = catalogue.to_compare_with(feature_sets)
    names = tuple(feature.name for feature in compared if feature.name in earlier.columns)
    plain = logistic_baseline(earlier, evaluation, names)
    if plain is not None:
        found.append(Benchmark(LOGISTIC, "a plain logistic regression", plain))
    return tuple(found)


def hold_to_floor(
    labels: npt.ArrayLike,
    chances: npt.ArrayLike,
    benchmarks: Sequence[Benchmark],
    *,
    confidence: float,
    least_bads: int,
) -> Gate:
    """Hold a model to the floor on loans that neither it nor a benchmark had seen.

    It passes where the lower bound of its AUC lies above a half, and for no benchmark the upper bound of the paired
    difference of AUCs lies below zero. With too few bads or goods it is undetermined, and does not serve either.

    Args:
        labels: One per loan, 1 = bad, 0 = good.
        chances: The model's probabilities of default of the same loans.
        benchmarks: What it is held against, of the same loans in the same order.
        confidence: Two-sided, of every interval.
        least_bads: How many bads, and goods, are needed to judge.

    Raises:
        TrainingError: If a label or probability is missing.

    Source:
        DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44, for both intervals.
    """
    truth, risk = checked_pair(labels, chances)
    auc = auc_interval(truth, risk, confidence)
    against = tuple(_held(truth, risk, benchmark, confidence, least_bads) for benchmark in benchmarks)
    on = f"on {auc.n:,} later loans with {auc.bads:,} bads"
    if auc.value is None or auc.low is None or auc.high is None or min(auc.bads, auc.n - auc.bads) < least_bads:
        reason = f"the floor is undetermined: {auc.bads} bads among {auc.n} later loans, {least_bads} needed, and goods"
        return Gate(Status.UNDETERMINED, reason, confidence, auc, against, enough=False)
    told = f"AUC {auc.value:.3f} [{auc.low:.3f}, {auc.high:.3f}] at {confidence:.0%} {on}"
    failing = [held for held in against if held.status is Status.FAIL]
    if auc.low <= CHANCE or failing:
        said = [f"{told} is not above chance"] if auc.low <= CHANCE else [told]
        said += [f"it ranks worse than {held.name} ({_against(held)}), beyond noise" for held in failing]
        shown_worse = auc.value <= CHANCE or bool(failing)
        return Gate(Status.FAIL if shown_worse else Status.UNDETERMINED, "; ".join(said), confidence, auc, against)
    waiting = [held for held in against if held.status is Status.UNDETERMINED and held.given]
    if waiting:
        few = ", ".join(f"{held.difference.bads} bads with {held.name}" for held in waiting)
        reason = f"{told} is above chance, but the floor is undetermined: {few}, {least_bads} needed, and goods"
        return Gate(Status.UNDETERMINED, reason, confidence, auc, against)
    leads = [f"{_against(held)} against {held.name}" for held in against if held.status is Status.PASS]
    beside = f"not shown worse: {', '.join(leads)}" if leads else "there was no benchmark to hold it against"
    return Gate(Status.PASS, f"{told} is above chance; {beside}", confidence, auc, against)


def _held(truth: Floats, risk: Floats, benchmark: Benchmark, confidence: float, least_bads: int) -> Held:
    ranked = np.isfinite(benchmark.risk)
    labels, own, other = truth[ranked], risk[ranked], benchmark.risk[ranked]
    lead = paired_auc_difference(labels, own, other, confidence)
    enough = lead.high is not None and min(lead.bads, lead.n - lead.bads) >= least_bads
    status = Status.UNDETERMINED
    if enough and lead.high is not None:
        status = Status.FAIL if lead.high < 0.0 else Status.PASS
    given = enough or float(ranked.mean()) >= LEAST_RANKED_SHARE
    aucs = [auc_interval(labels, side, confidence) for side in (other, own)]
    return Held(benchmark.key, benchmark.name, aucs[0], aucs[1], lead, status, given)


def _against(held: Held) -> str:
    lead = held.difference
    return f"{lead.value or 0.0:+.3f} [{lead.low or 0.0:+.3f}, {lead.high or 0.0:+.3f}]"


def _measured(name: str, found: Estimate) -> dict[str, float | None]:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}

"""How much a missing value may move a score: as far as the loans that had none say, and no further.

A loan without a value is scored as the reference borrower's value would be, moved by one number per column. Where
enough training loans lacked it, the numbers are learned together after the model itself, by a regression on these
loans, each pulled to 0. Where too few did, it is what brings the mean chance at the reference to that of the training
loans' own values, where that raises the risk: the reference borrower is the usual one at the approval cut-off, and in
a book with many bads such a borrower is among the best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from p2pcredit.models.evaluation.intervals import Floats, logistic, normal_quantile
from p2pcredit.models.reference_borrower import ReferenceBorrower
from p2pcredit.models.training_support import AbsenceEffect, ColumnSupport, Support

PENALTY = 10.0
"""How strongly an effect is pulled to 0: as by ten bads whose margin is right."""
CONFIDENCE = 0.9
STEPS = 50
LEAST_STEP = 1e-9
LONGEST_STEP = 2.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of the training loans, as a fit sees it.

    Args:
        bads: 1.0 for a loan that turned bad, else 0.0.
        expected: For the hazard target: the default expected of each loan for the time it was watched.
        log_cumulative_hazard: For the hazard target: the margin of a loan of average risk.
    """

    bads: Floats
    expected: Floats | None = None
    log_cumulative_hazard: float = 0.0


Absent = dict[tuple[str, str], npt.NDArray[np.bool_]]
"""(feature, `missing` or `rare`) -> which loans."""


def with_effects(support: Support, absent: Absent, margin: Floats, outcomes: Outcomes) -> Support:
    """Learn the effect of each absence that enough loans show; the others stay as they are.

    Where it lowers the risk, an effect goes no further than the bound of its interval that is nearer to 0: a missing
    value improves a score only as far as is beyond chance. Where it raises the risk, the pulled estimate holds.

    Args:
        support: What the training loans held.
        absent: Which loans lack what; states without loans may be left out.
        margin: Of each training loan, with the reference borrower's value where it lacks one, and the effects that
            are known already.
        outcomes: What came of them.
    """
    known = {key: rows for key, rows in absent.items() if _is_known(support[key[0]], key[1])}
    if not known:
        return support
    found = dict(support)
    for (name, state), learned in zip(known, estimate_effects(known, margin, outcomes), strict=True):
        held = found[name]
        if state == "missing":
            found[name] = replace(held, missing=replace(learned, n=held.missing.n, bads=held.missing.bads))
        else:
            found[name] = replace(held, rare=replace(learned, n=held.rare.n, bads=held.rare.bads))
    return found


def with_usual_effects(
    support: Support, neutral: ReferenceBorrower, margin: Floats, added: Floats, present: npt.NDArray[np.bool_]
) -> Support:
    """Move each absence that too few loans show so far that the mean chance is what it is with the loans' own values.

    It is what the loans would show had they lacked the value by chance. An effect is at least 0: no such absence
    improves a score over the reference borrower's value, nor, taken over all training loans, over their own values.

    Args:
        support: What the training loans held, in the order of the columns of `added`; no effects yet.
        neutral: The reference borrower; absences of a value that it lacks too are the fit's own, and stay.
        margin: Of each loan, (loans,).
        added: What each loan's value adds to the margin over the reference borrower's, (loans, features).
        present: Which loans have a value, (loans, features).

    Examples:
        >>> held = {"fico": ColumnSupport(1000), "dti": ColumnSupport(1000)}
        >>> added = np.array([[0.6, -0.3], [0.2, 0.1]])
        >>> found = with_usual_effects(
        ...     held, {"fico": 760.0, "dti": 9.0}, np.array([-2.0, -2.0]), added, np.ones((2, 2), dtype=bool)
        ... )
        >>> [round(one.missing.effect, 2) for one in found.values()]
        [0.38, 0.0]
    """
    found = dict(support)
    for place, (name, held) in enumerate(support.items()):
        if neutral.get(name) is None or (held.knows_missing and (held.levels is None or held.knows_rare)):
            continue
        some = present[:, place]
        effect = _usual_effect(margin[some], margin[some] - added[some, place])
        missing = held.missing if held.knows_missing else replace(held.missing, effect=effect)
        rare = held.rare if held.levels is None or held.knows_rare else replace(held.rare, effect=effect)
        found[name] = replace(held, missing=missing, rare=rare)
    return found


def _usual_effect(own: Floats, reference: Floats) -> float:
    """Find by halving what makes the mean chance at the reference that of the loans' own values, at least 0."""
    wanted = float(logistic(own).sum())
    low, high = 0.0, float((own - reference).max(initial=0.0))
    if float(logistic(reference).sum()) >= wanted:
        return low
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if float(logistic(reference + middle).sum()) < wanted else (low, middle)
    return high


def estimate_effects(absent: Absent, margin: Floats, outcomes: Outcomes) -> list[AbsenceEffect]:
    """Estimate the effects of all absences together, in their order.

    Newton's steps of a ridge regression without an intercept, the margin as offset: logistic, or Poisson with the
    expected default as exposure. The bounds are those of a normal posterior of 90%.

    Source:
        Hoerl & Kennard (1970), Ridge regression, Technometrics 12; its normal prior, Lindley & Smith (1972), JRSS B 34.

    Examples:
        >>> few, many = (
        ...     estimate_effects(
        ...         {("fico", "missing"): np.ones(n, dtype=bool)},
        ...         np.full(n, -2.0),
        ...         Outcomes(np.zeros(n)),
        ...     )[0]
        ...     for n in (5, 2000)
        ... )
        >>> few.effect, round(many.effect, 1)
        (0.0, -2.1)
    """
    wanting = np.column_stack(list(absent.values())).astype(np.float64)
    some = wanting.any(axis=1)
    wanting, bads, start = wanting[some], outcomes.bads[some], margin[some]
    expected = None if outcomes.expected is None else outcomes.expected[some]
    if expected is not None:
        start = start - outcomes.log_cumulative_hazard
    effects = np.zeros(wanting.shape[1])
    curvature = PENALTY * np.eye(effects.size)
    for _ in range(STEPS):
        value = start + wanting @ effects
        chance = logistic(value) if expected is None else expected * np.exp(np.minimum(value, 50.0))
        weight = chance * (1.0 - chance) if expected is None else chance
        curvature = (wanting * weight[:, None]).T @ wanting + PENALTY * np.eye(effects.size)
        step = np.linalg.solve(curvature, wanting.T @ (bads - chance) - PENALTY * effects)
        longest = float(np.abs(step).max())
        effects = effects + step * min(1.0, LONGEST_STEP / max(longest, LEAST_STEP))
        if longest < LEAST_STEP:
            break
    reach = normal_quantile(CONFIDENCE) * np.sqrt(np.diag(np.linalg.inv(curvature)))
    return [
        AbsenceEffect(effect=max(value, min(0.0, value + half)), low=value - half, high=value + half)
        for value, half in zip(effects.tolist(), reach.tolist(), strict=True)
    ]


def _is_known(held: ColumnSupport, state: str) -> bool:
    return held.knows_missing if state == "missing" else held.knows_rare

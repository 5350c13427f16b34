"""Bounds of grades that fit a book, and whether those of the settings do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from p2pcredit.contracts.results import Status
from p2pcredit.errors import TooLittleDataError
from p2pcredit.models.evaluation.intervals import Floats, wilson_interval
from p2pcredit.settings import ScoreSettings

Steps = Literal["quantiles", "odds"]
DIGITS = 2
"""Significant digits of a bound: it is to be read, signed and written into settings."""
SPREAD = (0.05, 0.95)
"""Between which quantiles the odds of the bounds rise in equal steps; the tails belong to the first and last grade."""
MOST_IN_ONE_GRADE = 0.6
LEAST_BESIDE_CUTOFF = 0.05
LEAST_LOANS = 30
"""Fewer loans say nothing of how the book is spread."""


def grade_places(chances: Floats, bounds: Sequence[float]) -> npt.NDArray[np.int64]:
    """Give the place of each chance's grade, the best 0. A bound belongs to the better grade."""
    return np.searchsorted(np.array(bounds), chances, side="left")


def letters_of_grades(bounds: Sequence[float]) -> tuple[str, ...]:
    """Name the grades that these bounds part, best first.

    Examples:
        >>> letters_of_grades((0.02, 0.3))
        ('A', 'B', 'C')
    """
    return tuple(chr(ord("A") + place) for place in range(len(bounds) + 1))


def propose_bounds(chances: Floats, count: int, steps: Steps) -> tuple[float, ...]:
    """Propose the upper bounds of all grades but the last.

    Args:
        chances: Probability of default of each loan of the book, in (0, 1).
        count: How many grades, 2 to 26.
        steps: `quantiles` puts about as many loans into each grade; `odds` is a master scale: each bound has so many
            times the odds of the one before, from the 5% to the 95% quantile.

    Returns:
        Rising bounds of two significant digits; fewer than asked for where two would be the same.

    Raises:
        TooLittleDataError: If the loans are too few, or so alike that no bound lies between them.

    Examples:
        >>> book = np.linspace(0.02, 0.4, 100)
        >>> propose_bounds(book, 4, "quantiles"), propose_bounds(book, 4, "odds")
        ((0.11, 0.21, 0.31), (0.039, 0.14, 0.38))
    """
    if chances.size < LEAST_LOANS:
        raise TooLittleDataError(f"{chances.size} loans say too little of a book's grades; {LEAST_LOANS} are needed")
    if steps == "quantiles":
        exact = np.quantile(chances, np.arange(1, count) / count)
    else:
        low, high = np.quantile(chances, SPREAD)
        log_odds = np.linspace(np.log(low / (1 - low)), np.log(high / (1 - high)), count - 1)
        exact = 1.0 / (1.0 + np.exp(-log_odds))
    rounded = sorted({float(f"{bound:.{DIGITS}g}") for bound in exact.tolist()})
    found = tuple(bound for bound in rounded if chances.min() <= bound < chances.max())
    if not found:
        raise TooLittleDataError("the loans' probabilities of default are so alike that no bound lies between them")
    return found


def cutoff_that_approves(chances: Floats, share: float) -> float:
    """Find the probability of default up to which this share of the loans lies, in two significant digits.

    Examples:
        >>> cutoff_that_approves(np.linspace(0.02, 0.4, 100), 0.5)
        0.21
    """
    return float(f"{np.quantile(chances, share):.{DIGITS}g}")


def grade_doubts(chances: Floats, scores: ScoreSettings) -> list[str]:
    """Say where grades and cut-off of the settings do not fit a book.

    Args:
        chances: Probability of default of each of its loans.
        scores: The settings.

    Returns:
        A line for a grade that holds more than 60% of the loans, and one for a cut-off with fewer than 5% of them on a
        side; none of fewer than 30 loans.

    Examples:
        >>> for line in grade_doubts(np.full(100, 0.3), ScoreSettings()):
        ...     print(line)
        grade G holds 100% of 100 loans, so scores.grade_bounds do not fit this book; see 'p2pcredit models grades'
        scores.approval_cutoff 0.08 declines 100% of 100 loans; see 'p2pcredit models grades'
    """
    if chances.size < LEAST_LOANS:
        return []
    found = []
    counts = np.bincount(grade_places(chances, scores.grade_bounds))
    largest = int(counts.argmax())
    share = counts[largest] / chances.size
    if share > MOST_IN_ONE_GRADE:
        found.append(
            f"grade {letters_of_grades(scores.grade_bounds)[largest]} holds {share:.0%} of {chances.size} loans, so "
            "scores.grade_bounds do not fit this book; see 'p2pcredit models grades'"
        )
    approved = float((chances <= scores.approval_cutoff).mean())
    if not LEAST_BESIDE_CUTOFF <= approved <= 1 - LEAST_BESIDE_CUTOFF:
        what = f"approves {approved:.0%}" if approved > 1 - LEAST_BESIDE_CUTOFF else f"declines {1 - approved:.0%}"
        found.append(
            f"scores.approval_cutoff {scores.approval_cutoff:g} {what} of {chances.size} loans; "
            "see 'p2pcredit models grades'"
        )
    return found


@dataclass(frozen=True, slots=True)
class ObservedGrade:
    """The loans of a grade: how many turned bad, and between which bounds that share may lie; None without loans."""

    grade: str
    up_to: float | None
    n: int
    bads: int
    low: float | None
    high: float | None

    @property
    def bad_share(self) -> float | None:
        """Share of the loans that turned bad."""
        return self.bads / self.n if self.n else None


def observed_grades(chances: Floats, bads: Floats, bounds: Sequence[float], confidence: float) -> list[ObservedGrade]:
    """Count loans and bads of each grade, best first, with Wilson's interval of the share; also grades without loans.

    Examples:
        >>> [(one.grade, one.n, one.bads) for one in observed_grades(
        ...     np.array([0.01, 0.02, 0.5]), np.array([0.0, 0.0, 1.0]), (0.02, 0.3), 0.95)]
        [('A', 2, 0), ('B', 0, 0), ('C', 1, 1)]
    """
    places = grade_places(chances, bounds)
    found = []
    for place, (letter, bound) in enumerate(zip(letters_of_grades(bounds), [*bounds, None], strict=True)):
        inside = places == place
        n, bad = int(inside.sum()), int(bads[inside].sum())
        low, high = wilson_interval(bad / n, n, confidence) if n else (None, None)
        found.append(ObservedGrade(letter, bound, n, bad, low, high))
    return found


def status_of_order(observed: Sequence[ObservedGrade]) -> Status:
    """Judge whether each grade has more bads than the better ones.

    Returns:
        `fail` where the interval of a grade lies wholly below that of a better one, `undetermined` where its share is
        lower but the intervals overlap, else `pass`. Grades without loans do not count.

    Examples:
        >>> better, worse = ObservedGrade("A", 0.1, 900, 90, 0.08, 0.12), ObservedGrade("B", None, 900, 9, 0.005, 0.02)
        >>> str(status_of_order([better, worse])), str(status_of_order([worse, better]))
        ('fail', 'pass')
    """
    found = Status.PASS
    for better, worse in combinations([one for one in observed if one.n], 2):
        if worse.high is not None and better.low is not None and worse.high < better.low:
            return Status.FAIL
        if (worse.bad_share or 0.0) < (better.bad_share or 0.0):
            found = Status.UNDETERMINED
    return found


__all__ = [
    "ObservedGrade",
    "Steps",
    "cutoff_that_approves",
    "grade_doubts",
    "grade_places",
    "letters_of_grades",
    "observed_grades",
    "propose_bounds",
    "status_of_order",
]

"""What we set out to reach, as ratios within one run, and whether it was reached. Nothing here is ever asserted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.records import Record


@dataclass(frozen=True)
class Target:
    """One promise about a ratio, or about a plain figure where `against` is empty.

    Args:
        part, work: Whose records are compared.
        who, against: The ratio is the figure of `who` over that of `against`.
        measure: `seconds`, `work_seconds` or `peak_mb`.
        bound: What the ratio (or figure) should be.
        at_least: Whether it should be at least that; else at most.
        words: What is promised.
    """

    part: str
    work: str
    who: str
    against: str
    measure: str
    bound: float
    at_least: bool
    words: str


@dataclass(frozen=True)
class Outcome:
    """A target and what came of it; `found` is None where one of the two was not measured at this size."""

    target: Target
    rows: int | None
    found: float | None

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None where that is not known."""
        if self.found is None:
            return None
        return self.found >= self.target.bound if self.target.at_least else self.found <= self.target.bound

    @property
    def verdict(self) -> str:
        """Met or missed, and by how much.

        Examples:
            >>> goal = Target("day", "a day", "ours", "ours before", "seconds", 1.2, False, "flat")
            >>> Outcome(goal, 10, 1.5).verdict
            'missed: 1.25 times the bound'
        """
        if self.found is None:
            return "not measured"
        return "met" if self.met else f"missed: {self.found / self.target.bound:.3g} times the bound"


TO_GOLD, EACH = "raw file to gold", "seconds"
TARGETS = (
    Target("raw-to-gold", TO_GOLD, "ours", "bare Polars", EACH, 4.0, False, "at most 4 times the bare conversion"),
    Target("raw-to-gold", TO_GOLD, "PySpark", "ours", EACH, 8.0, True, "at least 8 times faster than PySpark"),
    Target("raw-to-gold", TO_GOLD, "pandas", "ours", EACH, 8.0, True, "at least 8 times faster than pandas"),
    Target("raw-to-gold", TO_GOLD, "ours", "", "peak_mb", 3000.0, False, "peak memory under 3,000 MB"),
    Target(
        "training", "train", "ours", "bare library fits", EACH, 1.3, False, "at most 1.3 times the bare library fits"
    ),
    Target(
        "training", "one boosting fit", "ours", "bare xgboost.train", "work_seconds", 1.3, False, "at most 1.3 times"
    ),
    Target(
        "training",
        "one scorecard fit",
        "ours",
        "bare logistic regression",
        "work_seconds",
        1.3,
        False,
        "at most 1.3 times",
    ),
    Target(
        "scoring",
        "boosting, probability alone",
        "ours",
        "bare predict, matrix made",
        "work_seconds",
        1.5,
        False,
        "at most 1.5 times bare predict with the making of its matrix",
    ),
    Target(
        "scoring",
        "boosting, probability alone",
        "ours",
        "bare predict, matrix ready",
        "work_seconds",
        1.5,
        False,
        "at most 1.5 times bare predict on a ready matrix",
    ),
    Target(
        "monitoring",
        "drift of the same columns",
        "Evidently",
        "ours",
        "work_seconds",
        30.0,
        True,
        "at least 30 times faster, reading and imports apart",
    ),
    Target(
        "monitoring",
        "drift of the same columns",
        "Evidently",
        "ours, the whole week by command",
        EACH,
        30.0,
        True,
        "at least 30 times faster, our whole week against drift alone, whole processes",
    ),
    Target(
        "day",
        "a day's preprocess and infer",
        "ours, after ten years",
        "ours, after one month",
        "work_seconds",
        1.2,
        False,
        "at most 1.2 times, inside a running process",
    ),
    Target(
        "day",
        "a day's preprocess and infer",
        "ours, after ten years",
        "ours, after one month",
        EACH,
        1.2,
        False,
        "at most 1.2 times, whole processes",
    ),
    Target("replay", "ten years day by day", "ours", "", EACH, 120.0, False, "at most 120 s"),
)


def judge(records: Iterable[Record], targets: Sequence[Target] = TARGETS) -> list[Outcome]:
    """Judge each target, once for each size at which both sides were measured; else once, as unknown."""
    known = list(records)
    outcomes: list[Outcome] = []
    for target in targets:
        of_work = [r for r in known if (r.part, r.work) == (target.part, target.work)]
        mine = {r.rows: r.figure(target.measure) for r in of_work if r.who == target.who}
        theirs = {r.rows: r.figure(target.measure) for r in of_work if r.who == target.against}
        found = [
            Outcome(target, rows, ratio)
            for rows, figure in sorted(mine.items())
            if (ratio := ratio_of(figure, theirs.get(rows) if target.against else 1.0)) is not None
        ]
        outcomes += found or [Outcome(target, None, None)]
    return outcomes


def ratio_of(figure: float | None, other: float | None) -> float | None:
    """Calculate how many times the other a figure is; None where either is missing or the other is nothing.

    Examples:
        >>> ratio_of(3.0, 2.0), ratio_of(None, 2.0), ratio_of(1.0, 0.0)
        (1.5, None, None)
    """
    return None if figure is None or not other else figure / other

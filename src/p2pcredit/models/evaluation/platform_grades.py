"""The platform's own grades as numbers that grow with risk, to be held against a model on the same loans."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.intervals import Floats

_LETTER_AND_NUMBER = re.compile(r"([A-Z])(\d{1,2})?")
GRADES = {
    "platform_sub_grade": "the platform's own sub-grade",
    "platform_grade": "the platform's own grade",
}
"""Column -> its name, the finer one first."""


def grade_ranks(grades: list[str]) -> dict[str, float]:
    """Order a platform's own grades by risk.

    A letter with a number (`A1` to `G5`) goes by letter, then number; `AA` lies before `A` and `HR` (high risk) after
    every letter. Any other grade has no place in the order and is left out.

    Args:
        grades: Distinct grades, as the platform writes them.

    Returns:
        Rank of each grade that has one; more is riskier.

    Examples:
        >>> sorted(ranks := grade_ranks(["HR", "B2", "AA", "A", "B10", "7"]), key=ranks.get)
        ['AA', 'A', 'B2', 'B10', 'HR']
    """
    ranks: dict[str, float] = {}
    for grade in grades:
        plain = grade.strip().upper()
        match = _LETTER_AND_NUMBER.fullmatch(plain)
        if plain in ("AA", "HR"):
            ranks[grade] = -1.0 if plain == "AA" else 2600.0
        elif match:
            ranks[grade] = (ord(match[1]) - ord("A")) * 100.0 + float(match[2] or 0)
    return ranks


def platform_risk(loans: pl.DataFrame) -> tuple[str, Floats] | None:
    """Rank loans by the platform's own grade: the column that ranks most of them, the finer one where both do.

    Returns:
        The column, and one number per loan, more is riskier, NaN without a grade; None where no loan has one.

    Examples:
        >>> platform_risk(pl.DataFrame({"platform_grade": ["A", None, "HR"]}))
        ('platform_grade', array([   0.,   nan, 2600.]))
    """
    best: tuple[str, Floats] | None = None
    for column in GRADES:
        if column not in loans.columns or loans[column].dtype != pl.String:
            continue
        ranks = grade_ranks(loans[column].drop_nulls().unique().to_list())
        found = loans[column].replace_strict(ranks, default=None, return_dtype=pl.Float64).to_numpy()
        risk = np.asarray(found, dtype=np.float64)
        ranked = int(np.isfinite(risk).sum())
        if ranked and (best is None or ranked > int(np.isfinite(best[1]).sum())):
            best = column, risk
    return best

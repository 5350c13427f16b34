"""Find the columns of a raw download that were not known at application, by how well they predict the loan's end.

Each column is held to three kinds of evidence: what it alone would score, whether it is filled only once a loan has run
or ended, and how much better a quick model would look with it. What a platform's profile knows comes first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
import xgboost as xgb

from p2pcredit.contracts.feature import Feature
from p2pcredit.models.evaluation.discrimination import auc
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.leakage.features import single_feature_auc

FILLED_AFTERWARDS_AUC = 0.6
FILLED_GAP = 0.3
LEAST_LOANS = 20
AGE_GROUPS = 20
NUMERIC_SHARE = 0.95
FOLDS = 3
_TREES = {"tree_method": "hist", "max_depth": 3, "eta": 0.15, "min_child_weight": 2.0, "nthread": 1, "verbosity": 0}
_ROUNDS = 40
_MONTH = r"^[A-Z][a-z]{2}-\d{4}$"
_NOTHING = ("", "0", "0.0", "0.00", "n", "N", "f", "no", "No", "None")


@dataclass(frozen=True, slots=True)
class Finding:
    """What one raw column would give away.

    Args:
        column: Its name in the raw file.
        auc: How well it ranks bads alone, missing as information, in [0.5, 1]; None where it holds one value only.
        filled_share: Loans with a value that is not zero or a plain no, in [0, 1].
        filled_auc: How well being filled alone ranks bads, in [0.5, 1].
        filled_open, filled_ended: The filled shares of loans still running and of ended ones, None with too few.
        filled_age: How being filled goes with the origination day: rank correlation in [-1, 1]; None where constant.
        auc_inflation: How much AUC a quick model gains by it; None where not tried.
        forbidden: Whether it must not be used.
        why: The reason in words; for a column that may be used, what it is.
    """

    column: str
    auc: float | None
    filled_share: float
    filled_auc: float | None
    filled_open: float | None
    filled_ended: float | None
    filled_age: float | None
    auc_inflation: float | None
    forbidden: bool
    why: str

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, shares and AUCs to three places."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def find_raw_leaks(
    raw: pl.DataFrame,
    labels: Floats,
    *,
    running: Floats,
    age: Floats,
    known_after: Callable[[str], str | None],
    at_application: Mapping[str, str],
    apart: Sequence[str] = (),
    limit: float,
) -> tuple[list[Finding], float | None]:
    """Find the columns that must not be used, with the reasons.

    Args:
        raw: One row per loan, every column as text.
        labels: 1.0 bad, 0.0 good, NaN while it is not known.
        running: 1.0 where the loan has not ended, else 0.0.
        age: A number that rises with the origination date.
        known_after: What the platform's profile knows of a column that exists only after origination; else None.
        at_application: Column -> what it is, for those that the profile lands as known at application.
        apart: Of these, the columns that the quick model leaves out, such as the platform's price.
        limit: The AUC above which a single column is taken for a leak.

    Returns:
        The findings, forbidden ones first, then by AUC; and the AUC of the quick model on what is left of the columns
        known at application, None where it cannot be measured.
    """
    known = ~np.isnan(labels)
    truth = labels[known]
    values = {name: _as_values(raw[name]) for name in raw.columns}
    found: list[Finding] = []
    for name, (feature, column) in values.items():
        filled = _filled(raw[name])
        told = single_feature_auc(feature, column.filter(pl.Series(known)), truth) if truth.size else None
        by_filling = auc(truth, filled[known]) if truth.size else None
        strength = None if by_filling is None else max(by_filling, 1.0 - by_filling)
        shares = (_share(filled, running == 1.0), _share(filled, running == 0.0))
        gap = filled_gap(filled, running, age)
        why = _why_forbidden(name, told, strength, gap, known_after(name), name in at_application, limit)
        found.append(
            Finding(
                name,
                told if column.n_unique() > 1 else None,
                float(filled.mean()) if filled.size else 0.0,
                strength,
                *shares,
                _rank_correlation(filled, age),
                None,
                why is not None,
                why or at_application.get(name, "no evidence against it; look at where it comes from before using it"),
            )
        )
    honest = [f.column for f in found if not f.forbidden and f.column in set(at_application) - set(apart)]
    base = {name: _codes(*values[name]) for name in honest}
    quick = _quick_auc(list(base.values()), known, truth)
    inflating = [
        f
        if quick is None or f.auc is None or not f.forbidden
        else _with_inflation(f, _quick_auc([*base.values(), _codes(*values[f.column])], known, truth), quick)
        for f in found
    ]
    return sorted(inflating, key=lambda f: (not f.forbidden, -(f.auc or 0.0), f.column)), quick


def _why_forbidden(
    name: str,
    told: float | None,
    by_filling: float | None,
    gap: float | None,
    knowledge: str | None,
    landed: bool,
    limit: float,
) -> str | None:
    if knowledge is not None:
        return f"exists only after origination: {knowledge}"
    if told is not None and told > limit:
        return f"alone it scores {told:.2f}, above {limit}: hardly known at application"
    if landed:
        return None
    if by_filling is not None and by_filling > FILLED_AFTERWARDS_AUC:
        return f"whether it is filled alone scores {by_filling:.2f}: filled by how the loan went"
    if gap is not None and abs(gap) > FILLED_GAP:
        more = "ended" if gap > 0 else "running"
        return f"filled for {abs(gap):.0%} more of {more} loans of the same age: filled by how far the loan is"
    return None


def filled_gap(filled: Floats, running: Floats, age: Floats) -> float | None:
    """Compare how often ended loans and running ones of the same age are filled. None where none compare.

    A column that a platform began to publish one day is filled for young loans, more of which are still running; so the
    loans are compared inside twenty groups of about equal count by age.

    Returns:
        The difference of shares in [-1, 1], each group weighted by the smaller of its two kinds; None with fewer than
        20 such loans.

    Examples:
        >>> filled_gap(np.array([1.0, 0.0] * 40), np.array([0.0, 1.0] * 40), np.zeros(80))
        1.0
    """
    order = np.unique(age, return_inverse=True)[1]
    group = np.searchsorted(np.quantile(order, np.arange(1, AGE_GROUPS) / AGE_GROUPS), order, side="left")
    kinds = [running == 0.0, running == 1.0]
    counts = [np.bincount(group[kind], minlength=AGE_GROUPS) for kind in kinds]
    sums = [np.bincount(group[kind], weights=filled[kind], minlength=AGE_GROUPS) for kind in kinds]
    weight = np.minimum(*counts)
    if weight.sum() < LEAST_LOANS:
        return None
    ended, still = (total / np.maximum(count, 1) for total, count in zip(sums, counts, strict=True))
    return float(((ended - still) * weight).sum() / weight.sum())


def _with_inflation(finding: Finding, with_it: float | None, without: float) -> Finding:
    gain = None if with_it is None else with_it - without
    words = "" if gain is None or with_it is None else f"; a quick model would brag of {with_it:.2f}, not {without:.2f}"
    return Finding(**{**asdict(finding), "auc_inflation": gain, "why": finding.why + words})


def _as_values(text: pl.Series) -> tuple[Feature, pl.Series]:
    """Read the column as numbers where nearly all of it are numbers, months or percents, else as a category."""
    clean = text.str.strip_chars()
    clean = clean.to_frame("x").select(pl.when(pl.col("x") != "").then("x"))["x"]
    present = clean.drop_nulls()
    month = clean.to_frame("x").select(
        pl.when(pl.col("x").str.contains(_MONTH)).then(pl.format("01-{}", "x")).str.to_date("%d-%b-%Y", strict=False)
    )["x"]
    day = clean.str.head(10).str.to_date("%Y-%m-%d", strict=False)
    number = clean.str.replace(r"(%| months?)$", "").cast(pl.Float64, strict=False)
    for values in (number, month.cast(pl.Int32).cast(pl.Float64), day.cast(pl.Int32).cast(pl.Float64)):
        if present.len() and values.count() >= NUMERIC_SHARE * present.len():
            return Feature(text.name, "numeric", 0, "", ""), values
    return Feature(text.name, "category", 0, "", ""), clean


def _codes(feature: Feature, values: pl.Series) -> Floats:
    """Encode a feature for trees: a number as it is, a category as the frequency of its level (no outcome is used)."""
    if feature.kind == "numeric":
        return np.asarray(values.cast(pl.Float64).fill_null(float("nan")).to_numpy(), dtype=np.float64)
    frame = values.fill_null("\0missing").to_frame("level")
    order = frame.group_by("level").len().sort("len", "level", descending=[True, False]).with_row_index("code")
    return np.asarray(
        frame.join(order, on="level", how="left", maintain_order="left")["code"].to_numpy(), dtype=np.float64
    )


def _quick_auc(columns: Sequence[Floats], known: np.ndarray[Any, Any], truth: Floats) -> float | None:
    """Measure how well a small booster ranks unseen loans, fold by fold. None where it cannot be measured."""
    if not columns or min(truth.sum(), (1.0 - truth).sum()) < FOLDS * 5:
        return None
    matrix = np.column_stack(columns)[known]
    fold, out = np.arange(truth.size) % FOLDS, np.zeros(truth.size)
    for place in range(FOLDS):
        seen = fold != place
        data = xgb.DMatrix(matrix[seen], label=truth[seen], missing=np.nan, nthread=1)
        booster = xgb.train({**_TREES, "objective": "binary:logistic", "seed": 1}, data, num_boost_round=_ROUNDS)
        out[~seen] = booster.inplace_predict(matrix[~seen], missing=np.nan)
    return auc(truth, out)


def _filled(text: pl.Series) -> Floats:
    clean = text.str.strip_chars().fill_null("")
    return np.asarray((~clean.is_in(_NOTHING)).cast(pl.Float64).to_numpy(), dtype=np.float64)


def _share(filled: Floats, chosen: np.ndarray[Any, Any]) -> float | None:
    return float(filled[chosen].mean()) if int(chosen.sum()) >= LEAST_LOANS else None


def _rank_correlation(filled: Floats, age: Floats) -> float | None:
    """Calculate Somers' D of the day by filling: 2 AUC - 1, the rank-biserial correlation."""
    ranked = auc(filled, age)
    return None if ranked is None else 2.0 * ranked - 1.0

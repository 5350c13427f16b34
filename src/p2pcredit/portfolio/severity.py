"""Loss given default from a book's own recoveries, by months since default, developed for young defaults.

Of a default the principal owed on its day is the exposure; what comes in later is recovered. Per month since default

    r(j) = recovered in month j / exposure, both of the defaults that have been in default for the whole month
    loss given default = 1 - sum of r(j)

so that a young default counts in the months that it has been through, and in no other. A default that is a months old
has recovered its own share so far, and the sum of r(j) from month a on is still to come.

Source:
    Schmidt (2006), Methods and models of loss reserving based on run-off triangles, CAS Forum, for the additive method;
    Bornhuetter & Ferguson (1972), The actuary and IBNR, PCAS 59, for what young ones still recover.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.economics.experience import Experience, ProductExperience, of_setting
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.portfolio.projection import experience_of, with_months
from p2pcredit.portfolio.vintage_curves import Months, months_seen

LEAST_SEEN = 10
"""A month since default counts from so many defaults on that have been through it."""
MOST_MONTHS = 120
_DRAWS = 400
_GROUPS = 2000
"""Defaults are drawn anew in at most so many groups, so that the interval costs the same for any book."""
_SEED = 20220115


@dataclass(frozen=True, slots=True)
class Triangle:
    """Recoveries of defaults by month since default.

    Args:
        exposure: Principal owed at default, per default.
        seen: Whole months since the default that have passed, per default.
        recovered: (defaults, months), in currency; what came in the first month stands first.
    """

    exposure: Floats
    seen: Months
    recovered: Floats

    def of(self, rows: Floats | Sequence[bool]) -> Triangle:
        """Select some defaults."""
        kept = np.asarray(rows, dtype=np.bool_)
        return Triangle(self.exposure[kept], self.seen[kept], self.recovered[kept])


@dataclass(frozen=True, slots=True)
class Severity:
    """Loss given default of some defaults.

    Args:
        value: The share of exposure that does not come back, developed; None without a default to tell.
        low, high: Its interval, from defaults drawn anew; None for fewer than two.
        defaults: How many.
        exposure: What they owed.
        recovered: Received so far.
        pattern: Per month since default the share of exposure recovered in it.
        seen: Per month the defaults that have been through it.
    """

    value: float | None
    low: float | None
    high: float | None
    defaults: int
    exposure: float
    recovered: float
    pattern: tuple[float, ...]
    seen: tuple[int, ...]

    @property
    def months(self) -> int:
        """Months since default after which nothing is known."""
        return len(self.pattern)

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON, with what is recovered by each month and the factor by which that still grows."""
        by_then = np.cumsum(self.pattern)
        total = float(by_then[-1]) if self.pattern else 0.0
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "defaults": self.defaults,
            "exposure": round(self.exposure, 2),
            "recovered": round(self.recovered, 2),
            "development": [
                {
                    "months_since_default": month,
                    "recovered_share": float(share),
                    "development_factor": total / float(share) if share > 0 else None,
                    "defaults": seen,
                }
                for month, (share, seen) in enumerate(zip(by_then, self.seen, strict=True), start=1)
            ],
        }


def triangle_of(defaults: pl.DataFrame, flows: pl.DataFrame, until: date) -> Triangle:
    """Lay recoveries out by month since default.

    Args:
        defaults: `loan_id`, `defaulted_on`, `lost` (principal owed at default), one row per default. Those that owed
            something are laid out in the order of ids.
        flows: `loan_id`, `paid_on`, `kind`, `amount`; those of other loans do not count.
        until: The last day of which all payments are known.
    """
    known = defaults.filter(pl.col("defaulted_on") <= until, pl.col("lost") > 0)
    known = known.sort("loan_id").with_row_index("_row")
    seen = known.select(months_seen(pl.col("defaulted_on"), pl.lit(until))).to_series().to_numpy().astype(np.int64)
    months = int(min(max(seen.max(initial=0) + 1, 1), MOST_MONTHS))
    kind, late = pl.col("kind"), pl.col("paid_on") > pl.col("defaulted_on")
    back = (kind == "recovery") | (late & kind.is_in(["principal", "received"]))
    came = (
        flows.join(known.select("loan_id", "_row", "defaulted_on"), on="loan_id", how="inner")
        .filter(back, pl.col("paid_on") <= until)
        .with_columns(months_seen(pl.col("defaulted_on"), pl.col("paid_on")).alias("_month"))
        .filter(pl.col("_month") < months)
        .sort("_row", "_month", "amount")  # added up in one order, so that the same rows give the same bytes
    )
    recovered = np.zeros((known.height, months))
    np.add.at(recovered, (came["_row"].to_numpy(), came["_month"].to_numpy()), came["amount"].to_numpy())
    return Triangle(known["lost"].to_numpy().astype(np.float64), seen, recovered)


def severity_of(triangle: Triangle, confidence: float) -> Severity:
    """Estimate the loss given default, with an interval from 400 draws of the defaults with replacement."""
    size = triangle.exposure.size
    through = np.array([(triangle.seen > month).sum() for month in range(triangle.recovered.shape[1])], dtype=np.int64)
    months = int((through >= min(LEAST_SEEN, max(size, 1))).sum())
    in_all = float(triangle.exposure.sum()), float(triangle.recovered.sum())
    if not months:
        return Severity(None, None, None, size, *in_all, (), ())
    came, owed = _by_month(triangle, months)
    pattern = came.sum(axis=0) / owed.sum(axis=0)
    low, high = _drawn(came, owed, confidence) if size > 1 else (None, None)
    value = _as_share(1.0 - float(pattern.sum()))
    return Severity(
        value,
        None if low is None else min(low, value),
        None if high is None else max(high, value),
        size,
        *in_all,
        tuple(float(share) for share in pattern),
        tuple(int(count) for count in through[:months]),
    )


def developed(triangle: Triangle, whole: Severity) -> float | None:
    """Give the loss given default of some defaults: what they recovered, and what is still to come of the young ones.

    Args:
        triangle: The defaults, such as those of one year.
        whole: Of all defaults, whose pattern young ones go on by.
    """
    owed = float(triangle.exposure.sum())
    if not owed or whole.value is None:
        return None
    left = np.concatenate([np.cumsum(np.array(whole.pattern)[::-1])[::-1], [0.0]])
    to_come = left[np.minimum(triangle.seen, whole.months)]
    return _as_share(1.0 - float(triangle.recovered.sum() + (triangle.exposure * to_come).sum()) / owed)


def learn_experience(
    loans: pl.DataFrame,
    defaults: pl.DataFrame,
    flows: pl.DataFrame,
    *,
    as_of: date,
    until: date,
    fallback: float,
    least_defaults: int,
    confidence: float,
    lag_months: int,
) -> tuple[Experience, dict[str, Severity]]:
    """Learn from a book what each contract term loses at default, and how often it is paid off early.

    Args:
        loans: As `with_months` wants them: `origination_date`, `term_months`, `defaulted_on`, `paid_off_on`.
        defaults: As `triangle_of` wants them, with `term_months`.
        flows: Their cash flows; none where the book knows no payments.
        as_of: The day of asking.
        until: The last day of which all payments are known.
        fallback: The loss given default of a book with too few defaults.
        least_defaults: From how many on a book or a product has one of its own.
        confidence: Of the intervals.
        lag_months: Months from the first missed instalment to default.

    Returns:
        The experience, and what it rests on: `all`, and each term in months with a default.
    """
    triangle = triangle_of(defaults, flows, until)
    owing = defaults.filter(pl.col("defaulted_on") <= until, pl.col("lost") > 0).sort("loan_id")
    terms = owing["term_months"].to_numpy()
    found = {"all": severity_of(triangle, confidence)}
    found |= {str(int(term)): severity_of(triangle.of(terms == term), confidence) for term in np.unique(terms)}
    pooled = of_setting(fallback)
    if found["all"].defaults >= least_defaults and found["all"].value is not None:
        pooled = _shown(found["all"], "book")
    hazards = experience_of(with_months(loans, pl.lit(until)))
    products = {}
    for term, hazard in sorted(hazards.items()):
        own = found.get(str(term))
        enough = own is not None and own.value is not None and own.defaults >= least_defaults
        base = _shown(own, "product") if enough and own is not None else pooled
        early = tuple(float(share) for share in hazard.early)
        products[term] = replace(base, early=early)
    return Experience(as_of, products, pooled, lag_months), found


def _shown(severity: Severity, source: str) -> ProductExperience:
    value = 0.0 if severity.value is None else severity.value
    return ProductExperience(value, severity.low, severity.high, severity.defaults, source, recovered=severity.pattern)


def _by_month(triangle: Triangle, months: int) -> tuple[Floats, Floats]:
    """Give per default and month what came and what was owed, nothing of months that it has not been through."""
    through = triangle.seen[:, None] > np.arange(months)[None, :]
    return triangle.recovered[:, :months] * through, triangle.exposure[:, None] * through


def _drawn(came: Floats, owed: Floats, confidence: float) -> tuple[float, float]:
    random = np.random.default_rng(_SEED)
    group = np.arange(came.shape[0]) % _GROUPS
    groups = int(group.max()) + 1
    sums = [np.zeros((groups, came.shape[1])) for _ in range(2)]
    for total, rows in zip(sums, (came, owed), strict=True):
        np.add.at(total, group, rows)
    weights = random.multinomial(groups, np.full(groups, 1.0 / groups), size=_DRAWS).astype(np.float64)
    top, bottom = weights @ sums[0], weights @ sums[1]
    shares = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0).sum(axis=1)
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(1.0 - shares, [tail, 1.0 - tail])
    return _as_share(float(low)), _as_share(float(high))


def _as_share(value: float) -> float:
    return min(max(value, 0.0), 1.0)


__all__ = ["Severity", "Triangle", "developed", "learn_experience", "severity_of", "triangle_of"]

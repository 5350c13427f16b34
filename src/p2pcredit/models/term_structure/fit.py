"""Learn the term structure from what loans were watched for, with each cohort's own level taken out.

Late months on book are known of old loans only, and a product that was launched in good years is known of good years
only. Were hazards pooled over cohorts, either would pass for an effect of age or product. So expected defaults are

    E(loan, month) = level(quarter of origination) * share(product, month) * L * (L / typical) ** (power(band) - 1)

with L the cumulative hazard within the window that the model gives the loan. Shares and levels are set in turn until
they meet the defaults seen (iterative proportional fitting, the maximum of the Poisson likelihood); powers by Newton's
steps on the likelihood of who defaulted among those at risk in a month. Each is shrunk by its own number of defaults:
levels to 1, a product's shares to those of all products, powers to 1.

Source:
    Holford (1983), The estimation of age, period and cohort effects for vital rates, Biometrics 39, for the product of
    age and cohort; Breslow (1974), Biometrics 30, for ties.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.term_structure.structure import BAND_MONTHS, Months, ProductCurve, TermStructure, band_of
from p2pcredit.models.training.hazard import months_on_book

LEAST_DEFAULTS = 10
"""Below so many defaults of all products no curve is learned."""
LEVEL_DEFAULTS = 5.0
"""A cohort's level counts for half where it has so many defaults."""
SHARE_DEFAULTS = 1.0
"""A product's share of a month counts for half where it has so many defaults in it."""
POWER_SPREAD = 0.5
"""Standard deviation of the normal prior of a power around 1."""
LEAST_WATCHED = 50
"""A month on book counts as watched from so many loans on."""
ROUNDS = 30
STEPS = 12
MOST_POWER = 1.5


@dataclass(frozen=True, slots=True)
class Watched:
    """Loans with the months for which they were watched.

    Args:
        terms: Contract term in months.
        cohorts: Quarter of origination, as a number that grows by 1 a quarter.
        months: Months on book watched: until the default, else until the horizon or the day; at least 1.
        defaulted: 1.0 where the loan defaulted in the last of them, else 0.0.
        hazard: Cumulative hazard within the main window that the model gives the loan; positive.
        loan_ids: Their ids, where they were kept.
    """

    terms: Months
    cohorts: Months
    months: Months
    defaulted: Floats
    hazard: Floats
    loan_ids: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))


def watch(outcomes: pl.DataFrame, chances: pl.DataFrame, *, until: date, window_months: int) -> Watched:
    """Say for how long each loan was watched, by the day up to which defaults have been reported.

    Args:
        outcomes: `loan_id`, `origination_date`, `term_months`, `defaulted_in_month` (null without one),
            `unknown_outcome`, one row per loan.
        chances: `loan_id`, `probability_of_default` within the main window.
        until: The day up to which defaults have been reported.
        window_months: The main window.

    Returns:
        The loans that were watched for at least a month and have a term, in the order of `outcomes`. A loan that was
        paid off stays among them until its horizon, since it can no longer default.
    """
    origin, elapsed = pl.col("origination_date"), months_on_book(until)
    horizon = pl.max_horizontal("term_months", pl.lit(window_months))
    month = pl.col("defaulted_in_month")
    seen = (month <= elapsed) & (month <= horizon)
    found = (
        outcomes.filter(~pl.col("unknown_outcome"), pl.col("term_months") >= 1)
        .join(chances, on="loan_id", how="inner", maintain_order="left")
        .with_columns(seen.fill_null(False).alias("seen"))
        .with_columns(pl.when("seen").then(month).otherwise(pl.min_horizontal(elapsed, horizon)).alias("months"))
        .filter(pl.col("months") >= 1)
    )
    quarter = origin.dt.year() * 4 + origin.dt.quarter().cast(pl.Int32) - 1
    return Watched(
        found["term_months"].to_numpy().astype(np.int64),
        found.select(quarter).to_series().to_numpy().astype(np.int64),
        found["months"].to_numpy().astype(np.int64),
        found["seen"].to_numpy().astype(np.float64),
        -np.log1p(-found["probability_of_default"].to_numpy()),
        found["loan_id"],
    )


def watched_later(watched: Watched, window_months: int) -> dict[str, Any]:
    """Say what the months after the main window are known from, for the card.

    Returns:
        `quarters` of origination of which loans were watched there, `first` and `last` of them (such as `2007Q3`; None
        without any), and the `defaults` seen there.
    """
    later = watched.months > window_months
    quarters = np.unique(watched.cohorts[later]).tolist()
    first, last = (f"{one // 4}Q{one % 4 + 1}" for one in (quarters[0], quarters[-1])) if quarters else (None, None)
    defaults = int(watched.defaulted[later].sum())
    return {"quarters": len(quarters), "first": first, "last": last, "defaults": defaults}


def fit_term_structure(watched: Watched, *, window_months: int) -> TermStructure | None:
    """Fit shares, levels of cohorts and powers.

    Args:
        watched: The loans.
        window_months: The main window.

    Returns:
        The curves; None where fewer than `LEAST_DEFAULTS` defaults were seen.
    """
    if watched.defaulted.sum() < LEAST_DEFAULTS:
        return None
    terms, product = np.unique(watched.terms, return_inverse=True)
    _, cohort = np.unique(watched.cohorts, return_inverse=True)
    last = max(int(terms.max()), window_months)
    bands = band_of(np.arange(1, last + 1), window_months)
    means = np.bincount(product, weights=watched.hazard) / np.bincount(product)
    excess = np.log(watched.hazard / means[product])
    powers = np.ones(int(bands.max()) + 1)
    level = np.ones(int(cohort.max()) + 1)
    events = _counts(product, watched.months, watched.defaulted, len(terms), last)
    for _ in range(2 if len(powers) > 1 else 0):
        level, _ = _balance(watched, product, cohort, excess, powers, bands, events, level)
        powers = _fit_powers(watched, product, excess, level[cohort], bands, last)
    level, shares = _balance(watched, product, cohort, excess, powers, bands, events, level)
    at_risk = _at_risk(product, watched.months, np.ones(product.size), len(terms), last)
    together = np.zeros_like(product)
    (exposed,) = _carried(watched.months, level[cohort] * watched.hazard, excess, powers, bands, together, 1)
    pooled = _carried_on(_rate(events.sum(axis=0), exposed), exposed > 0.0)
    curves = {}
    for place, term in enumerate(terms.tolist()):
        horizon = max(term, window_months)
        curves[term] = _curve(
            shares[place, :horizon], float(means[place]), at_risk[place, :horizon], events[place], window_months
        )
    everyone = _curve(pooled, float(watched.hazard.mean()), at_risk.sum(axis=0), events.sum(axis=0), window_months)
    return TermStructure(window_months, curves, everyone, tuple(float(power) for power in powers[1:]))


def _curve(shares: Floats, typical: float, at_risk: Floats, events: Floats, window_months: int) -> ProductCurve:
    within = float(shares[:window_months].sum())
    watched = int((at_risk >= LEAST_WATCHED).sum())
    return ProductCurve(
        tuple(float(share) for share in shares / within),
        typical,
        int(at_risk[0]),
        int(events[: shares.size].sum()),
        watched,
    )


def _balance(
    watched: Watched,
    product: Months,
    cohort: Months,
    excess: Floats,
    powers: Floats,
    bands: Months,
    events: Floats,
    level: Floats,
) -> tuple[Floats, Floats]:
    """Set levels of cohorts and shares of months in turn until they stay, for these powers."""
    products, last = events.shape
    cohorts, cell = level.size, cohort * products + product
    carried = _carried(watched.months, watched.hazard, excess, powers, bands, cell, cohorts * products)
    weight = carried.reshape(cohorts, products, last)
    seen = np.bincount(cohort, weights=watched.defaulted, minlength=cohorts)
    shares = np.zeros_like(events)
    for _ in range(ROUNDS):
        exposed = np.einsum("c,cpm->pm", level, weight)
        shares = _shares_of(events, events.sum(axis=0), exposed, exposed.sum(axis=0))
        expected = np.einsum("pm,cpm->c", shares, weight)
        new = (seen + LEVEL_DEFAULTS) / (expected + LEVEL_DEFAULTS)
        done = bool(np.abs(np.log(new / level)).max() < 1e-9)
        level = new
        if done:
            break
    return level, shares


def _carried(
    months: Months, hazard: Floats, excess: Floats, powers: Floats, bands: Months, group: Months, groups: int
) -> Floats:
    """Add up the hazard at stake in each month, by group, its excess to the power of the month: (groups, months)."""
    found = np.empty((groups, bands.size))
    for band in np.unique(bands):
        inside = bands == band
        weight = hazard * np.exp((powers[band] - 1.0) * excess)
        found[:, inside] = _at_risk(group, months, weight, groups, bands.size)[:, inside]
    return found


def _shares_of(events: Floats, all_events: Floats, exposed: Floats, all_exposed: Floats) -> Floats:
    """Divide defaults by exposure, each product's month shrunk to that of all products."""
    pooled = _carried_on(_rate(all_events, all_exposed), all_exposed > 0.0)
    known = pooled > 0.0  # else no product had a default in that month
    prior = SHARE_DEFAULTS / np.where(known, pooled, 1.0)
    return np.where(known, (events + SHARE_DEFAULTS) / (exposed + prior), 0.0)


def _rate(events: Floats, exposed: Floats) -> Floats:
    return np.where(exposed > 0.0, events / np.where(exposed > 0.0, exposed, 1.0), 0.0)


def _carried_on(shares: Floats, known: np.ndarray) -> Floats:
    """Give months in which no loan was watched the mean of the last twelve that were."""
    if known.all() or not known.any():
        return shares
    last = int(np.flatnonzero(known).max()) + 1
    filled = shares.copy()
    filled[last:] = shares[max(0, last - BAND_MONTHS) : last].mean()
    return filled


def _fit_powers(watched: Watched, product: Months, excess: Floats, level: Floats, bands: Months, last: int) -> Floats:
    """Find by Newton's steps to which power the excess risk of each band after the window is carried on."""
    products = int(product.max()) + 1
    powers = np.ones(int(bands.max()) + 1)
    for band in range(1, powers.size):
        inside = np.flatnonzero(bands == band)
        later = watched.months > inside[0]
        if not watched.defaulted[later].sum():
            continue
        z, months, group = excess[later], watched.months[later], product[later]
        base = level[later] * watched.hazard[later]
        bads = watched.defaulted[later] * (months <= inside[-1] + 1)
        events = _counts(group, months, bads, products, last)[:, inside]
        seen = float((bads * z).sum())
        power = 1.0
        for _ in range(STEPS):
            weight = base * np.exp((power - 1.0) * z)
            total, first, second = (
                _at_risk(group, months, weight * part, products, last)[:, inside]
                for part in (np.ones_like(z), z, z * z)
            )
            mean = _rate(first, total)
            spread = np.maximum(_rate(second, total) - mean**2, 0.0)
            gradient = seen - float((events * mean).sum()) - (power - 1.0) / POWER_SPREAD**2
            curvature = float((events * spread).sum()) + 1.0 / POWER_SPREAD**2
            step = float(np.clip(gradient / curvature, -0.5, 0.5))
            power = float(np.clip(power + step, 0.0, MOST_POWER))
            if abs(step) < 1e-9:
                break
        powers[band] = power
    return powers


def _counts(group: Months, months: Months, weight: Floats, groups: int, last: int) -> Floats:
    """Add up weights by group and month, (groups, months)."""
    place = group * last + np.minimum(months, last) - 1
    found = np.bincount(place, weights=weight, minlength=groups * last)
    return np.asarray(found, dtype=np.float64).reshape(groups, last)


def _at_risk(group: Months, months: Months, weight: Floats, groups: int, last: int) -> Floats:
    """Add up the weights of the loans watched in each month, by group, (groups, months)."""
    return np.cumsum(_counts(group, months, weight, groups, last)[:, ::-1], axis=1)[:, ::-1]


__all__ = ["Watched", "fit_term_structure", "watch", "watched_later"]

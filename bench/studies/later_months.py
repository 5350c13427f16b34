"""Which way of learning the months after the window gives the right default over the whole term? As of past dates.

    .venv/bin/python bench/studies/later_months.py --home loans 2009-08-13 2010-02-14 2010-08-15 2011-01-01

At each date but the last a scorecard on the hazard target is trained on what was known by then, and each way gives the
curve; the loans from there to the next date are held against all that came within their terms. The home must be
preprocessed to the end of the longest term (`bench/studies/honest_replay.py` does that). Nothing knows a later day.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from p2pcredit.contracts.tables import FEATURE_STORE
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.evaluation.within_cohort import paired_difference_within_cohorts
from p2pcredit.models.term_structure.fit import fit_term_structure
from p2pcredit.models.term_structure.structure import TermStructure
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.vintages import cohort_name

LONGEST, ROUNDS, PRIOR, HALF_WEIGHT = 60, 200, 5.0, 10.0
"""A level counts for half at `PRIOR` defaults, as in the product; a month, band or scalar at `HALF_WEIGHT`."""
NEWEST_QUARTERS = 4


@dataclass(frozen=True)
class Cells:
    """What was known by a day: by quarter of origination, term and month on book, (quarters, terms, months).

    Args:
        terms: Contract terms.
        events: Defaults.
        exposed: Hazard within the window of those watched, with the powers of the product's fit.
        watched: Loans watched.
        still_open: Of them, those that had neither defaulted nor been paid off.
        period: The calendar quarter of each quarter of origination and month, (quarters, months).
    """

    terms: list[int]
    events: np.ndarray
    exposed: np.ndarray
    watched: np.ndarray
    still_open: np.ndarray
    period: np.ndarray


def cells_of(snapshot: TrainingSnapshot, model: object, fitted: TermStructure) -> Cells:
    """Count what was known, in the cells of quarter of origination, term and month on book."""
    watched = snapshot.watched(model)  # type: ignore[arg-type]
    outcomes = snapshot.lifetime_outcomes.select("loan_id", "months_observed")
    order = pl.DataFrame({"loan_id": watched.loan_ids}).join(outcomes, on="loan_id", how="left", maintain_order="left")
    lived = np.where(watched.defaulted > 0, watched.months, order["months_observed"].to_numpy())
    terms, product = np.unique(watched.terms, return_inverse=True)
    quarters, cohort = np.unique(watched.cohorts, return_inverse=True)
    shape = (quarters.size, terms.size, LONGEST)
    events, exposed, seen, still = (np.zeros(shape) for _ in range(4))
    np.add.at(events, (cohort, product, watched.months - 1), watched.defaulted)
    typical = np.array([fitted.products[int(term)].typical for term in terms])
    excess = np.log(watched.hazard / typical[product])
    for month in range(1, LONGEST + 1):
        at = watched.months >= month
        band = 0 if month <= fitted.window_months else 1 + (month - fitted.window_months - 1) // 12
        weight = watched.hazard[at] * np.exp((fitted.power_of(band) - 1.0) * excess[at])
        place = (cohort[at], product[at], np.full(int(at.sum()), month - 1))
        np.add.at(exposed, place, weight)
        np.add.at(seen, place, 1.0)
        np.add.at(still, place, (lived[at] >= month).astype(float))
    period = (quarters - quarters.min())[:, None] + (np.arange(1, LONGEST + 1)[None, :] + 1) // 3
    return Cells([int(term) for term in terms], events, exposed, seen, still, period)


def rate(events: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """Divide, 0 where nothing was exposed."""
    return np.where(exposed > 0, events / np.where(exposed > 0, exposed, 1.0), 0.0)


def exposure_at_levels(cells: Cells, *, cohorts: bool, periods: bool) -> np.ndarray:
    """Set levels of quarters of origination, of calendar quarters, or both; give the exposure times its level."""
    of_cohort, of_period = np.ones(cells.events.shape[0]), np.ones(int(cells.period.max()) + 1)
    for _ in range(ROUNDS):
        levels = of_cohort[:, None] * of_period[cells.period]
        exposure = levels[:, None, :] * cells.exposed
        expected = rate(cells.events.sum((0, 1)), exposure.sum((0, 1)))[None, None, :] * cells.exposed
        if cohorts:
            there = (of_period[cells.period][:, None, :] * expected).sum((1, 2))
            of_cohort = (cells.events.sum((1, 2)) + PRIOR) / (there + PRIOR)
        if periods:
            there = np.bincount(cells.period.ravel(), (of_cohort[:, None] * expected.sum(1)).ravel(), of_period.size)
            seen = np.bincount(cells.period.ravel(), cells.events.sum(1).ravel(), of_period.size)
            of_period = (seen + PRIOR) / (there + PRIOR)
    levels = of_cohort[:, None] * of_period[cells.period]
    return np.asarray(levels[:, None, :] * cells.exposed)


def carried_on(shares: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """Give months that no loan reached the mean of the twelve before."""
    last = int(np.flatnonzero(exposed > 0).max()) + 1
    return np.append(shares[:last], np.full(shares.size - last, shares[max(0, last - 12) : last].mean()))


def share_open(cells: Cells) -> np.ndarray:
    """Give the share of loans still open by month, beyond the months seen at the yearly rate of the last twelve."""
    watched, still = cells.watched.sum((0, 1)), cells.still_open.sum((0, 1))
    known = int((watched >= 50).sum())
    share = rate(still, watched)
    monthly = (share[known - 1] / share[known - 13]) ** (1 / 12)
    share[known:] = share[known - 1] * monthly ** np.arange(1, share.size - known + 1)
    return share


def pooled_by(way: str, cells: Cells, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Give the share of each month of all terms together, and the exposure of each term it rests on."""
    kinds = {"calendar quarters": (False, True), "both": (True, True)}
    cohorts, periods = kinds.get(way, (True, False))
    exposure = exposure_at_levels(cells, cohorts=cohorts, periods=periods)
    events, exposed = cells.events.sum((0, 1)), exposure.sum((0, 1))
    shares = carried_on(rate(events, exposed), exposed)
    months = np.arange(1, LONGEST + 1)
    if way == "newest quarters":
        reached = np.cumsum((cells.watched.sum(1) >= 50)[::-1], axis=0)[::-1] <= NEWEST_QUARTERS
        some, there = (cells.events.sum(1) * reached).sum(0), (exposure.sum(1) * reached).sum(0)
        shares = np.where(months > window, (some + HALF_WEIGHT * rate(events, exposed)) / (there + HALF_WEIGHT), shares)
        shares = carried_on(np.where(exposed > 0, shares, 0.0), exposed)
    if way == "scalar of the last year":
        newest = cells.period > int(cells.period[:, 0].max()) - 4
        late = (months > window)[None, :] & newest
        expected = float((shares[None, :] * exposure.sum(1) * late).sum())
        scalar = (float((cells.events.sum(1) * late).sum()) + HALF_WEIGHT) / (expected + HALF_WEIGHT)
        shares = np.where(months > window, shares * scalar, shares)
    if way == "constant hazard of open loans":
        shape = np.where(months >= 5, share_open(cells), 0.0)  # 90 days late on an instalment due after a month
        base = events[:window].sum() / (exposed * shape)[:window].sum()
        for first in range(window, LONGEST, 12):
            at = slice(first, first + 12)
            usual = shape[at] * base
            usual = usual * (events[at].sum() + HALF_WEIGHT) / ((usual * exposed[at]).sum() + HALF_WEIGHT)
            shares[at] = (events[at] + HALF_WEIGHT) / (exposed[at] + HALF_WEIGHT / usual)
    return shares, exposure.sum(0)


def curve_by(way: str, cells: Cells, fitted: TermStructure) -> TermStructure:
    """Put the shares of a way into the product's structure: each term's month shrunk to that of all by one default."""
    if way == "as it is":
        return fitted
    pooled, exposed = pooled_by(way, cells, fitted.window_months)
    products = {}
    for place, term in enumerate(cells.terms):
        own = np.where(
            pooled > 0, (cells.events.sum(0)[place] + 1) / (exposed[place] + 1 / np.maximum(pooled, 1e-12)), 0
        )
        own = own[: max(term, fitted.window_months)]
        products[term] = replace(fitted.products[term], shares=tuple(own / own[: fitted.window_months].sum()))
    everyone = replace(fitted.pooled, shares=tuple(pooled / pooled[: fitted.window_months].sum()))
    return replace(fitted, products=products, pooled=everyone)


WAYS = (
    "as it is",
    "calendar quarters",
    "both",
    "newest quarters",
    "scalar of the last year",
    "constant hazard of open loans",
)


def observed_over_expected(loans: pl.DataFrame) -> float:
    """Divide the defaults within the term by those expected."""
    return float(loans["bad"].to_numpy().sum() / loans["chance"].to_numpy().sum())


def main() -> None:
    """Print one row per way: observed over expected within the term, by champion date and term, and in all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("dates", nargs="+", type=date.fromisoformat)
    asked = parser.parse_args()
    lake, settings = Lake(Layout(asked.home)), load_settings(asked.home)
    end = lake.scan(FEATURE_STORE).select(pl.col("snapshot_date").max()).collect().item()
    truth = TrainingSnapshot(lake, date(9998, 1, 1), settings, None).lifetime_outcomes
    features = TrainingSnapshot(lake, end, settings, None).features
    parts: dict[str, list[pl.DataFrame]] = {way: [] for way in WAYS}
    for day, until in itertools.pairwise(asked.dates):
        snapshot = TrainingSnapshot(lake, day, settings, None)
        run = train_candidates(snapshot.features, snapshot.outcomes, as_of=day, settings=settings)
        model = next(c.model for c in run.candidates if (c.family, c.target) == ("scorecard", "hazard"))
        fitted = fit_term_structure(snapshot.watched(model), window_months=settings.labels.window_months)
        assert fitted is not None
        cells = cells_of(snapshot, model, fitted)
        later = features.filter(pl.col("snapshot_date") >= day, pl.col("snapshot_date") < until)
        months = later.select("loan_id").join(truth, on="loan_id", how="left", maintain_order="left")
        bad = (months["defaulted_in_month"] <= months["term_months"]).fill_null(value=False).cast(pl.Int8)
        risk = later["platform_sub_grade"].rank("dense").alias("sub_grade")
        loans = later.select("term_months", cohort=cohort_name(later, "snapshot_date")).with_columns(
            bad.alias("bad"), risk, pl.lit(str(day)).alias("day")
        )
        chances = model.predict(later)
        for way in WAYS:
            lifetime = curve_by(way, cells, fitted).lifetime(chances, later["term_months"])
            parts[way].append(loans.with_columns(chance=pl.Series(lifetime)))
    for way, found in parts.items():
        loans = pl.concat(found)
        of = [("all", loans), *((f"{key[0]:.0f}", part) for key, part in sorted(loans.group_by("term_months")))]
        of += [(f"{key[0]} {key[1]:.0f}", part) for key, part in sorted(loans.group_by("day", "term_months"))]
        ratios = ", ".join(f"{name}: {observed_over_expected(part):.2f}" for name, part in of)
        before = pl.concat(parts[WAYS[0]])["chance"].to_numpy()
        moved = paired_difference_within_cohorts(loans["bad"], loans["chance"], before, loans["cohort"])
        print(f"| {way} | {ratios} | {moved.value:+.4f} ({moved.low:+.4f} to {moved.high:+.4f}) |", flush=True)


if __name__ == "__main__":
    main()

"""What a cut-off approves, loses and earns: curves over cut-offs, with intervals by vintages drawn anew.

A loan is approved where its probability of default lies at or below the cut-off. What is expected of it comes from the
term structure, its schedule, the book's loss given default and early repayments, and costs. Two things are drawn anew
for an interval: the vintages that the next loans are like, and by what factor probabilities were off, by vintages of
matured loans scored on their day.

    break-even probability = gain of a good loan / (gain of a good loan + cost of a bad one)

over the term. A band earns above it where its own probability lies below. Approve where its profit lies above zero with
its whole interval, decline where below, refer to a person in between.

Source:
    Thomas, Edelman, Crook (2002), Credit Scoring and Its Applications, SIAM, on strategy curves and the marginal
    good-bad ratio at which a lender breaks even; Efron (1979) for the bootstrap, by cluster.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.intervals import Floats

FACTORS = (0.4, 0.6, 0.8, 1.0, 1.25, 1.6, 2.2, 3.0)
"""Multipliers of the hazard at which what is expected is calculated; between them it is interpolated."""
SUMS = ("loans", "amount", "chance", "default", "loss", "income", "years", "profit")
"""Per loan: 1, amount lent, probability within the main window and within the term, expected loss, interest less loss
and servicing, principal at work times years, profit; all but the first three in currency."""
DRAWS = 400
_SEED = 20220322
_MOST_CUTOFFS = 100
APPROVE, REFER, DECLINE = "approve", "refer", "decline"


@dataclass(frozen=True, slots=True)
class Ratios:
    """Defaults seen and expected of each vintage of matured loans that were scored on their day.

    Args:
        vintages: Their names.
        seen, expected: Within the main window.
    """

    vintages: tuple[str, ...]
    seen: Floats
    expected: Floats

    def draws(self, random: np.random.Generator, number: int) -> Floats:
        """Draw by what factor probabilities are off; one where fewer than two vintages tell, or none defaulted."""
        if len(self.vintages) < 2 or not self.seen.sum() or not self.expected.sum():
            return np.ones(number)
        size = len(self.vintages)
        weights = random.multinomial(size, np.full(size, 1.0 / size), size=number)
        # Within a vintage defaults come by chance too.
        came = random.poisson(weights * self.seen[None, :]).sum(axis=1)
        off = came / np.maximum(weights @ self.expected, 1e-12)
        return np.asarray(np.clip(off, FACTORS[0], FACTORS[-1]), dtype=np.float64)


def cutoffs_for(chances: Floats, wanted: Sequence[float]) -> Floats:
    """Choose the cut-offs to look at: at each percent of the loans, and those that are asked for."""
    steps = np.quantile(chances, np.linspace(0.0, 1.0, _MOST_CUTOFFS + 1)[1:], method="higher")
    return np.unique(np.concatenate([steps, np.asarray(wanted, dtype=np.float64)]))


@dataclass(frozen=True, slots=True)
class Tables:
    """What loans add up to by factor, vintage and cut-off.

    Args:
        cutoffs: Rising.
        sums: Name of `SUMS` -> (factors, vintages, cut-offs): of the loans at or below the cut-off.
    """

    cutoffs: Floats
    sums: Mapping[str, Floats]

    @classmethod
    def of(cls, loans: Mapping[float, pl.DataFrame], cutoffs: Floats) -> Tables:
        """Add up loans.

        Args:
            loans: Factor -> the same loans in the same order with `vintage`, `probability_of_default` (as it stands,
                by which they are approved) and `SUMS` but for `loans`.
            cutoffs: Rising.
        """
        any_frame = next(iter(loans.values()))
        _, vintage = np.unique(any_frame["vintage"].to_numpy().astype(str), return_inverse=True)
        place = np.searchsorted(cutoffs, any_frame["probability_of_default"].to_numpy(), side="left")
        shape = (int(vintage.max()) + 1, cutoffs.size + 1)
        cell = vintage * shape[1] + place
        sums = {name: np.stack([_added(frame, name, cell, shape) for frame in loans.values()]) for name in SUMS}
        return cls(cutoffs, sums)

    def drawn(self, weights: Floats, factor: float) -> dict[str, Floats]:
        """Add up the vintages with their weights, at a factor of the hazard."""
        if next(iter(self.sums.values())).shape[0] == 1:
            return {name: weights @ values[0] for name, values in self.sums.items()}
        spot = np.interp(np.log(factor), np.log(FACTORS), np.arange(len(FACTORS)))
        low = min(int(spot), len(FACTORS) - 2)
        part = spot - low
        return {
            name: weights @ ((1.0 - part) * values[low] + part * values[low + 1]) for name, values in self.sums.items()
        }

    @property
    def vintages(self) -> int:
        """How many."""
        return int(next(iter(self.sums.values())).shape[1])

    def band(self, low: int | None, high: int) -> Tables:
        """Give the loans above one cut-off and at or below another, as tables with one cut-off."""
        sums = {
            name: values[..., high : high + 1] - (0.0 if low is None else values[..., low : low + 1])
            for name, values in self.sums.items()
        }
        return Tables(self.cutoffs[high : high + 1], sums)


def _added(frame: pl.DataFrame, name: str, cell: Any, shape: tuple[int, int]) -> Floats:
    weights = None if name == "loans" else frame[name].to_numpy().astype(np.float64)
    added = np.bincount(cell, weights=weights, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
    return np.asarray(np.cumsum(added, axis=1)[:, :-1])


@dataclass(frozen=True, slots=True)
class Draws:
    """Vintages and factors drawn anew, the same for every table of these vintages, so that differences are paired.

    Args:
        weights: (draws, vintages).
        factors: One per draw.
        confidence: Of intervals.
    """

    weights: Floats
    factors: Floats
    confidence: float

    @classmethod
    def of(cls, vintages: int, ratios: Ratios | None, confidence: float) -> Draws:
        """Draw 400 times from a fixed seed."""
        random = np.random.default_rng(_SEED)
        weights = random.multinomial(vintages, np.full(vintages, 1.0 / vintages), size=DRAWS).astype(np.float64)
        factors = np.ones(DRAWS) if ratios is None else ratios.draws(random, DRAWS)
        return cls(weights, factors, confidence)

    def over(self, tables: Tables) -> list[dict[str, Floats]]:
        """Add a table up in each draw."""
        return [
            tables.drawn(weights, float(factor)) for weights, factor in zip(self.weights, self.factors, strict=True)
        ]

    def around(self, point: Floats | float, values: Floats) -> tuple[Floats, Floats]:
        """Give the bounds over the draws, widened to hold the point: it stands at a factor of one, draws at others."""
        low, high = self.interval(values)
        return np.fmin(low, point), np.fmax(high, point)

    def interval(self, values: Floats) -> tuple[Floats, Floats]:
        """Give the bounds over the draws, the first axis; NaN draws don't count."""
        tail = (1.0 - self.confidence) / 2.0
        low, high = np.nanquantile(values, [tail, 1.0 - tail], axis=0)
        return np.asarray(low), np.asarray(high)


def measures_of(sums: Mapping[str, Floats], loans: float, amount: float) -> dict[str, Floats]:
    """Turn sums into shares and rates.

    Returns:
        `approval_rate` (of loans), `amount_share`, `default_rate` (within the main window), `lifetime_default_rate`,
        `loss_share` (over the amount lent), `net_return` (a year), `profit`; NaN where no loan is approved.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "approval_rate": sums["loans"] / loans,
            "amount_share": sums["amount"] / amount,
            "default_rate": sums["chance"] / sums["loans"],
            "lifetime_default_rate": sums["default"] / sums["loans"],
            "loss_share": sums["loss"] / sums["amount"],
            "net_return": sums["income"] / sums["years"],
            "profit": sums["profit"],
        }


def curve_of(tables: Tables, draws: Draws) -> list[dict[str, Any]]:
    """Give what each cut-off approves, loses and earns, with intervals.

    Returns:
        Per cut-off `cutoff`, `loans`, `amount`, and what `measures_of` gives, each with `..._low` and `..._high`.
    """
    whole = _totals(tables)
    point = measures_of(whole, float(whole["loans"][-1]), float(whole["amount"][-1]))
    drawn = [
        measures_of(one, max(float(one["loans"][-1]), 1.0), float(one["amount"][-1])) for one in draws.over(tables)
    ]
    bounds = {name: draws.around(point[name], np.stack([one[name] for one in drawn])) for name in point}
    return [
        {
            "cutoff": float(tables.cutoffs[place]),
            "loans": int(whole["loans"][place]),
            "amount": _rounded(whole["amount"][place]),
            **{name: _number(values[place]) for name, values in point.items()},
            **{f"{name}_low": _number(bounds[name][0][place]) for name in point},
            **{f"{name}_high": _number(bounds[name][1][place]) for name in point},
        }
        for place in range(tables.cutoffs.size)
    ]


def best_of(tables: Tables, draws: Draws, present: float, loss_limit: float | None) -> dict[str, dict[str, Any] | None]:
    """Find the cut-off of most profit, that of most profit under a loss limit, and what the present one costs.

    Args:
        tables: Of the loans.
        draws: For the intervals.
        present: The cut-off that is set; one of those of the tables.
        loss_limit: The most of the amount lent that may be expected to be lost; None for no limit.

    Returns:
        `by_profit`, `under_limit` (None without a limit or where no cut-off keeps it) and `present`: each `cutoff`
        (0 where the best is to approve nothing), `approval_rate`, shares and rates, `profit`, `cutoff_low` and
        `cutoff_high` (over the draws, not of `present`), and `gain`, `gain_low`, `gain_high` (profit beyond that of the
        present cut-off).
    """
    whole, drawn = _totals(tables), draws.over(tables)
    here = int(np.argmin(np.abs(tables.cutoffs - present)))
    found: dict[str, dict[str, Any] | None] = {"present": _at(tables, whole, here, draws, drawn, here)}
    best = _most(whole, None)
    # Of cut-offs that earn the same the one that is set is the best: nothing would be gained by a change.
    same = best is not None and whole["profit"][here] >= whole["profit"][best]
    found["by_profit"] = _at(tables, whole, here if same else best, draws, drawn, here)
    found["under_limit"] = None
    if loss_limit is not None and (_kept(whole, loss_limit)).any():
        found["under_limit"] = _at(tables, whole, _most(whole, loss_limit), draws, drawn, here, loss_limit)
    return found


def bands_of(tables: Tables, goods: Tables, draws: Draws, bounds: Sequence[float]) -> list[dict[str, Any]]:
    """Look at the loans between cut-offs: what each band earns, at which probability it breaks even, what to do.

    Args:
        tables: Of the loans.
        goods: Of the same loans; `profit` is there what loans that will not default bring, `default` as it is.
        draws: For the intervals.
        bounds: Upper bounds of the bands, rising, each a cut-off of the tables.

    Returns:
        Per band with a loan `above`, `up_to`, `loans`, `amount`, `default_rate`, `lifetime_default_rate`, `break_even`
        (null where a bad loan costs nothing or a good one brings nothing), `loss_share`, `net_return`, `profit` with
        bounds, `profit_share` (of the amount lent) and `verdict`.
    """
    found, before = [], None
    for bound in bounds:
        place = int(np.searchsorted(tables.cutoffs, bound))
        own = tables.band(before, place)
        whole = _totals(own)
        if whole["loans"][0] > 0:
            low, high = draws.around(whole["profit"], np.stack([one["profit"] for one in draws.over(own)]))
            good = _totals(goods.band(before, place))
            measures = measures_of(whole, float(whole["loans"][0]), float(whole["amount"][0]))
            verdict = APPROVE if low[0] > 0 else DECLINE if high[0] < 0 else REFER
            found.append(
                {
                    "above": 0.0 if before is None else float(tables.cutoffs[before]),
                    "up_to": float(bound),
                    "loans": int(whole["loans"][0]),
                    "amount": _rounded(whole["amount"][0]),
                    **{
                        name: _number(measures[name][0])
                        for name in ("default_rate", "lifetime_default_rate", "loss_share", "net_return", "profit")
                    },
                    "profit_low": _number(low[0]),
                    "profit_high": _number(high[0]),
                    "profit_share": _number(whole["profit"][0] / whole["amount"][0]),
                    "break_even": break_even(
                        float(good["profit"][0]),
                        float(whole["profit"][0]),
                        float(whole["default"][0]),
                        whole["loans"][0],
                    ),
                    "verdict": verdict,
                }
            )
        before = place
    return found


def break_even(profit_good: float, profit: float, default: float, loans: float) -> float | None:
    """Give the probability of default within the term at which loans earn nothing; None where there is none.

    Args:
        profit_good: What loans that will not default bring, added up with their probability.
        profit: What all bring.
        default: Probabilities of default within the term, added up.
        loans: How many.

    Examples:
        A good loan brings 100, a bad one costs 300: at one in four nothing is earned.

        >>> break_even(90.0, 60.0, 0.1, 1.0)
        0.25
    """
    if not 0.0 < default < loans:
        return None
    gain, cost = profit_good / (loans - default), -(profit - profit_good) / default
    return gain / (gain + cost) if gain > 0 and cost > 0 else None


def three_ways(bands: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """Draw two lines: approve up to the first, decline above the second, refer in between.

    Returns:
        `approve_up_to` (None where not even the safest band surely earns) and `decline_above` (None where not even the
        riskiest surely loses).
    """
    approve: float | None = None
    for band in bands:
        if band["verdict"] != APPROVE:
            break
        approve = band["up_to"]
    decline: float | None = None
    for band in reversed(bands):
        if band["verdict"] != DECLINE:
            break
        decline = band["above"]
    return {"approve_up_to": approve, "decline_above": decline}


def _totals(tables: Tables) -> dict[str, Floats]:
    return tables.drawn(np.ones(tables.vintages), 1.0)


def _kept(whole: Mapping[str, Floats], loss_limit: float) -> Any:
    return whole["loss"] <= loss_limit * whole["amount"] * (1.0 + 1e-12)


def _most(whole: Mapping[str, Floats], loss_limit: float | None) -> int | None:
    """Find the place of most profit; None where approving nothing earns more."""
    profit = whole["profit"] if loss_limit is None else np.where(_kept(whole, loss_limit), whole["profit"], -np.inf)
    place = int(np.argmax(profit))
    return place if profit[place] > 0 else None


def _at(
    tables: Tables,
    whole: Mapping[str, Floats],
    place: int | None,
    draws: Draws,
    drawn: Sequence[Mapping[str, Floats]],
    here: int,
    loss_limit: float | None = None,
) -> dict[str, Any]:
    measures = measures_of(whole, float(whole["loans"][-1]), float(whole["amount"][-1]))
    profit = 0.0 if place is None else float(whole["profit"][place])
    gains = np.array([(0.0 if place is None else one["profit"][place]) - one["profit"][here] for one in drawn])
    gain = profit - float(whole["profit"][here])
    low, high = draws.around(gain, gains)
    found: dict[str, Any] = {
        "cutoff": 0.0 if place is None else float(tables.cutoffs[place]),
        **{
            name: 0.0
            if place is None and name == "approval_rate"
            else None
            if place is None
            else _number(measures[name][place])
            for name in ("approval_rate", "default_rate", "lifetime_default_rate", "loss_share", "net_return")
        },
        "profit": _rounded(profit),
        "gain": _rounded(gain),
        "gain_low": _rounded(float(low)),
        "gain_high": _rounded(float(high)),
    }
    if place != here:
        places = [_most(one, loss_limit) for one in drawn]
        chosen = np.array([0.0 if one is None else tables.cutoffs[one] for one in places])
        least, most = draws.around(found["cutoff"], chosen)
        found |= {"cutoff_low": float(least), "cutoff_high": float(most)}
    return found


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rounded(value: float) -> float:
    return round(float(value), 2) + 0.0


__all__ = [
    "APPROVE",
    "DECLINE",
    "FACTORS",
    "REFER",
    "SUMS",
    "Draws",
    "Ratios",
    "Tables",
    "bands_of",
    "best_of",
    "break_even",
    "curve_of",
    "cutoffs_for",
    "measures_of",
    "three_ways",
]

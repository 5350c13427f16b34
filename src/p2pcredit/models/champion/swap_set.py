"""The swap set: who would now be approved or declined, because one model takes over from another.

Approved is who has a probability of default at or below the cut-off. Two rules are shown: the same cut-off for both
models, and the same number of approvals (the challenger then approves as many of its safest loans as the champion did),
which tells a better ranking from a different level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.models.evaluation.intervals import Floats, wilson_interval
from p2pcredit.models.scoring import grades, score_points
from p2pcredit.settings import Settings

SCORE_BAND_POINTS = 20
CELLS = ("approved_by_both", "swapped_in", "swapped_out", "declined_by_both")
RULES = ("equal_cutoff", "equal_approval_rate")


@dataclass(frozen=True, slots=True)
class Swap:
    """What the tables of a swap set are made of.

    Args:
        loans: `loan_id`, `loan_amount`, `term_months`, `state` where there, and `label` (1 bad, 0 good, null unknown).
        champion_pd, challenger_pd: Probabilities of default of the same loans in the same order.
    """

    loans: pl.DataFrame
    champion_pd: Floats
    challenger_pd: Floats


def build_swap_set(swap: Swap, settings: Settings) -> dict[str, Any]:
    """Build the swap set: the loans swapped in and out at the approval cut-off, with expected and observed loss.

    Args:
        swap: The loans and both models' probabilities.
        settings: Cut-off, loss given default, points, grades, confidence.

    Returns:
        `n`, `cutoff`, `loss_given_default`, and for each of `equal_cutoff` and `equal_approval_rate`: `approvals` of
        both models, `cells` (per cell of CELLS: `n`, `amount`, `expected_defaults`, `expected_loss`, by the
        `challenger` and by the `champion`, and of the loans whose label is known `observed_n`, `observed_bads`,
        `observed_rate` with bounds), and `parts` (the same for the loans swapped in and out by `score_band`, `grade`,
        `term` and `state`). Expected loss is the sum of probability x amount x loss given default.
    """
    cutoff = settings.scores.approval_cutoff
    before = swap.champion_pd <= cutoff
    table = _table(swap, settings)
    found: dict[str, Any] = {
        "n": table.height,
        "cutoff": cutoff,
        "loss_given_default": settings.scores.loss_given_default,
    }
    for rule in RULES:
        after = swap.challenger_pd <= cutoff if rule == "equal_cutoff" else _safest(swap, int(before.sum()))
        celled = table.with_columns(pl.Series("cell", _cells(before, after), dtype=pl.String))
        found[rule] = {
            "approvals": {"champion": int(before.sum()), "challenger": int(after.sum())},
            "cells": {cell: _sums(celled.filter(pl.col("cell") == cell), settings) for cell in CELLS},
            "parts": [
                {"by": by, "level": level, "cell": cell, **_sums(part, settings)}
                for cell in ("swapped_in", "swapped_out")
                for by in ("score_band", "grade", "term", "state")
                for level, part in _parted(celled.filter(pl.col("cell") == cell), by)
            ],
        }
    return found


def _table(swap: Swap, settings: Settings) -> pl.DataFrame:
    scores, loans = settings.scores, swap.loans
    bands = np.floor(score_points(swap.challenger_pd, scores) / SCORE_BAND_POINTS).astype(np.int64) * SCORE_BAND_POINTS
    empty = pl.lit(None)
    return pl.DataFrame(
        {
            "score_band": [f"{low} to {low + SCORE_BAND_POINTS - 1}" for low in bands.tolist()],
            "grade": grades(swap.challenger_pd, scores),
            "champion_pd": swap.champion_pd,
            "challenger_pd": swap.challenger_pd,
        },
        schema_overrides={"score_band": pl.String, "grade": pl.String},
    ).with_columns(
        loans["loan_amount"].cast(pl.Float64).fill_nan(None).fill_null(0.0).alias("amount"),
        loans["label"].cast(pl.Int8).alias("label"),
        _term(loans["term_months"]) if "term_months" in loans.columns else empty.cast(pl.String).alias("term"),
        loans["state"].cast(pl.String).alias("state")
        if "state" in loans.columns
        else empty.cast(pl.String).alias("state"),
    )


def _term(months: pl.Series) -> pl.Series:
    whole = months.cast(pl.Float64).fill_nan(None).round().cast(pl.Int64).cast(pl.String)
    return (whole + " months").alias("term")


def _safest(swap: Swap, count: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Select the `count` loans with the lowest probability of the challenger; equal ones by loan id."""
    place = swap.loans["loan_id"].rank("ordinal").to_numpy()
    chosen = np.zeros(swap.challenger_pd.size, dtype=np.bool_)
    chosen[np.lexsort((place, swap.challenger_pd))[:count]] = True
    return chosen


def _cells(before: Any, after: Any) -> list[str]:
    place = np.where(before, np.where(after, 0, 2), np.where(after, 1, 3))
    return [CELLS[int(cell)] for cell in place]


def _parted(loans: pl.DataFrame, by: str) -> list[tuple[str, pl.DataFrame]]:
    parts: Mapping[tuple[object, ...], pl.DataFrame] = loans.partition_by(by, as_dict=True)
    named = [("not known" if level is None else str(level), part) for (level,), part in parts.items()]
    return sorted(named, key=lambda pair: (-pair[1].height, pair[0]) if by == "state" else (0, pair[0]))


def _sums(loans: pl.DataFrame, settings: Settings) -> dict[str, Any]:
    known = loans["label"].drop_nulls()
    n, bads = known.len(), int(known.sum() or 0)
    low, high = wilson_interval(bads / n, n, settings.monitoring.confidence) if n else (None, None)
    amounts, loss = loans["amount"].to_list(), settings.scores.loss_given_default
    by_model = {
        name: {
            "expected_defaults": math.fsum(loans[column].to_list()),
            "expected_loss": loss
            * math.fsum(chance * amount for chance, amount in zip(loans[column].to_list(), amounts, strict=True)),
        }
        for name, column in (("challenger", "challenger_pd"), ("champion", "champion_pd"))
    }
    return {
        "n": loans.height,
        "amount": math.fsum(amounts),
        **by_model,
        "observed_n": n,
        "observed_bads": bads,
        "observed_rate": bads / n if n else None,
        "observed_low": low,
        "observed_high": high,
    }

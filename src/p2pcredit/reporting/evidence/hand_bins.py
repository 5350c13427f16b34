"""Bins by hand beside the best bins: what each tells on the loans of the fit and on newer ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.catalogue import FeatureCatalogue
from p2pcredit.contracts.hand_bins import HandBins, parse_hand_bins
from p2pcredit.models.binning.bins import Binning, fit_binning
from p2pcredit.models.binning.by_hand import bins_by_hand, directed
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.reporting.evidence.subject import Subject, labels_of


def hand_bin_facts(subject: Subject) -> list[dict[str, Any]]:
    """Hold the bins that a person fixed against the best ones.

    Both are fitted on the matured loans before the evaluation loans. The information on those is that of the fit; on
    the evaluation loans it is the mean fitted weight of their bads less that of their goods.

    Returns:
        Per feature `name`, `use`, `direction`, `reason`, `in_model`, and, where loans have it, `by_hand` (None where
        the bins are not fixed) and `best`: each `information_fit`, `information_newer` and `bins` (`bin`, `weight`, and
        `n`, `bads` on either side).
    """
    found = []
    for name, table in sorted(subject.card.get("bins_by_hand", {}).items()):
        hand = _hand(name, table, subject.catalogue)
        contract = subject.catalogue.named(name)
        assert contract is not None, "what names no feature was refused as it was read"
        feature = directed(contract, hand)
        row: dict[str, Any] = {
            "name": name,
            "use": hand.use,
            "direction": hand.direction,
            "reason": hand.reason,
            "in_model": name in subject.model.feature_names,
            "by_hand": None,
            "best": None,
        }
        earlier, newer = (_column(loans, name) for loans in (subject.earlier, subject.evaluation))
        if earlier is not None and newer is not None and earlier.null_count() < earlier.len():
            bads = labels_of(subject.earlier)
            if 0.0 < bads.sum() < bads.size:
                best = fit_binning(contract, earlier, bads, 1.0 - bads)
                row["best"] = _told(best, subject, earlier, newer)
                if hand.has_bins:
                    fixed = bins_by_hand(feature, hand, earlier, bads, 1.0 - bads)
                    row["by_hand"] = _told(fixed, subject, earlier, newer)
        found.append(row)
    return found


def _hand(name: str, table: dict[str, Any], catalogue: FeatureCatalogue) -> HandBins:
    kept = {key: value for key, value in table.items() if value and key != "feature"}
    return parse_hand_bins({name: kept}, "the card", catalogue)[name]


def _column(loans: pl.DataFrame, name: str) -> pl.Series | None:
    return columns_of(loans, [name])[name] if name in loans.columns else None


def _told(binning: Binning, subject: Subject, earlier: pl.Series, newer: pl.Series) -> dict[str, Any]:
    sides = [
        _counts(binning, column, labels_of(loans))
        for column, loans in ((earlier, subject.earlier), (newer, subject.evaluation))
    ]
    names = (*binning.bin_names(), "missing", "not seen before")
    rows = []
    for place, (name, weight) in enumerate(zip(names, binning.weights.tolist(), strict=True)):
        n, bads = ([int(side[kind][place]) for side in sides] for kind in (0, 1))
        if place < len(binning.woe) or any(n):
            rows.append(
                {
                    "bin": name,
                    "weight": weight,
                    "n_fit": n[0],
                    "bads_fit": bads[0],
                    "n_newer": n[1],
                    "bads_newer": bads[1],
                }
            )
    return {
        "information_fit": binning.information_value,
        "information_newer": _information(binning, *sides[1]),
        "bins": rows,
    }


def _counts(binning: Binning, column: pl.Series, bads: Floats) -> tuple[Floats, Floats]:
    place, size = binning.bin_of(column), len(binning.woe) + 2
    return tuple(np.bincount(place, part, size).astype(np.float64) for part in (np.ones(bads.size), bads))  # type: ignore[return-value]


def _information(binning: Binning, loans: Floats, bads: Floats) -> float | None:
    goods = loans - bads
    if bads.sum() <= 0.0 or goods.sum() <= 0.0:
        return None
    return float((bads / bads.sum() - goods / goods.sum()) @ binning.weights)


__all__ = ["hand_bin_facts"]

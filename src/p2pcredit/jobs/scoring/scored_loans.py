"""How many loans of some days were scored, and how many of them lie outside what their model was trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw

from p2pcredit.contracts.features import NEW_TERM

LEAST_PRESENT = 2
"""A single loan of a day is no alarm where no value of it is missing: some loan always is the largest so far, or the
first of its state. It is counted, and referred where that matters, all the same."""


@dataclass(frozen=True, slots=True)
class _Alike:
    """So many loans of a day with one decision, with or without a return, outside training in the same ways."""

    day: date
    decision: str
    outside: tuple[str, ...]
    priced: bool
    loans: int


@dataclass(frozen=True, slots=True)
class ScoredLoans:
    """What predictions hold, counted.

    Args:
        parts: Loans that are alike, each with their number.
    """

    parts: tuple[_Alike, ...] = ()

    def __add__(self, other: ScoredLoans) -> ScoredLoans:
        """Add the counts of both."""
        return ScoredLoans((*self.parts, *other.parts))

    @property
    def loans(self) -> int:
        """All loans, refused ones too."""
        return sum(part.loans for part in self.parts)

    @property
    def per_day(self) -> Counter[date]:
        """Loans of each day."""
        counts: Counter[date] = Counter()
        for part in self.parts:
            counts[part.day] += part.loans
        return counts

    @property
    def referred(self) -> int:
        """Loans that a person must decide."""
        return sum(part.loans for part in self.parts if part.decision == "refer")

    @property
    def refused(self) -> int:
        """Loans that got no probability."""
        return sum(part.loans for part in self.parts if part.decision == "refuse")

    @property
    def unpriced(self) -> int:
        """Loans that got a probability and no expected return."""
        return sum(part.loans for part in self.parts if part.decision != "refuse" and not part.priced)

    @property
    def columns(self) -> dict[str, int]:
        """Column -> loans of which it lies outside what the model was trained on, most first."""
        counts: Counter[str] = Counter()
        for part in self.parts:
            counts.update({entry.partition(":")[0]: part.loans for entry in part.outside})
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def alarming(self, model_id: str, most: float) -> Iterator[str]:
        """Say of each day whose share of loans outside training exceeds a limit which columns it is, one line a day.

        Args:
            model_id: The model that scored them.
            most: The limit, a share.
        """
        for day in sorted({part.day for part in self.parts}):
            parts = [part for part in self.parts if part.day == day]
            loans, outside = sum(part.loans for part in parts), [part for part in parts if part.outside]
            count = sum(part.loans for part in outside)
            lacking = any(entry.endswith((": missing", NEW_TERM)) for part in outside for entry in part.outside)
            if not count or count <= most * loans or (count < LEAST_PRESENT and not lacking):
                continue
            entries: Counter[str] = Counter()
            for part in outside:
                entries.update(dict.fromkeys(part.outside, part.loans))
            named = ", ".join(f"{entry} ({n})" for entry, n in sorted(entries.items(), key=lambda e: (-e[1], e[0])))
            yield (
                f"{count} of the {loans} loans of {day} ({count / loans:.0%}, limit {most:.0%}) lie outside what "
                f"{model_id} was trained on: {named}; look at the feeds of that day"
                + ("; loans of a new term are known once a training has learned from some" if NEW_TERM in named else "")
            )


def count_scored(predictions: nw.LazyFrame[Any]) -> ScoredLoans:
    """Count predictions by day, decision, what lies outside training and whether they have a return, lazily."""
    keys = ["snapshot_date", "decision", "outside_training", "priced"]
    told = predictions.with_columns((~nw.col("expected_annual_return").is_null()).alias("priced"))
    rows = told.group_by(keys).agg(nw.len().alias("loans")).collect("polars").rows()
    parts = (
        _Alike(day, str(decision), tuple(outside or ()), bool(priced), int(loans))
        for day, decision, outside, priced, loans in rows
    )
    return ScoredLoans(tuple(sorted(parts, key=lambda part: (part.day, part.decision, part.outside, part.priced))))

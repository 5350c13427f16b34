"""The shape of a feed on a day, and of its last days: rows, filled columns and the names in its header."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from math import exp, lgamma
from typing import Any

from p2pcredit.monitoring.feeds.compared_payments import Compared


@dataclass(frozen=True, slots=True)
class FeedDay:
    """The shape of a feed on one day.

    Args:
        rows: How many rows are in silver.
        filled: Column as landed -> in how many of them it has a value; what is not named has none.
        absent: Columns of the contract that the header does not name; None where the header is not known.
        unknown: Columns of the header that no contract names; None where it is not known.
        loans: How many loans came in that day, by the other feeds about applications; 0 where that says nothing.
        covered: For how many of them the feed has a row.
        levels: Column -> the smallest of its values, the deciles and the largest, in order of size; all of its values
            where there are eleven or fewer. Of a date, its age in days. Columns of texts are left out.
        texts: Category -> its texts, and in how many rows each stands; see `monitoring.feeds.texts`.
        payments: How instalment, term, amount and income stand to each other; see `compared_payments`.
    """

    rows: int
    filled: Mapping[str, int] = field(default_factory=dict)
    absent: tuple[str, ...] | None = None
    unknown: tuple[str, ...] | None = None
    loans: int = 0
    covered: int = 0
    levels: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    texts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    payments: Mapping[str, Compared] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Give the shape as a day's receipt keeps it."""
        filled = {name: number for name, number in self.filled.items() if number}
        payments = {name: list(one) for name, one in self.payments.items() if one.loans}
        return {
            "rows": self.rows,
            "filled": filled,
            "absent": None if self.absent is None else list(self.absent),
            "unknown": None if self.unknown is None else list(self.unknown),
            "loans": self.loans,
            "covered": self.covered,
            "levels": {name: list(map(_shortest, values)) for name, values in self.levels.items()},
            "texts": {name: dict(counts) for name, counts in self.texts.items()},
            **({"payments": payments} if payments else {}),
        }

    @staticmethod
    def from_json(content: Any) -> FeedDay | None:
        """Read what `as_json` gave; None where it is anything else, such as a receipt of an older version.

        Examples:
            >>> FeedDay.from_json(FeedDay(3, {"term": 2}, (), ("extra",)).as_json()) == FeedDay(
            ...     3, {"term": 2}, (), ("extra",)
            ... )
            True
            >>> FeedDay.from_json({"rows": 3}) is None
            True
        """
        try:
            names = {key: content[key] for key in ("absent", "unknown")}
            headers = {key: None if value is None else tuple(map(str, value)) for key, value in names.items()}
            filled = {str(name): int(number) for name, number in content["filled"].items()}
            rows, loans, covered = (int(content[key]) for key in ("rows", "loans", "covered"))
            kept = content.get("levels", {})  # a receipt of an older version keeps none
            levels = {str(name): tuple(map(float, values)) for name, values in kept.items()}
            texts = {
                str(name): {str(text): int(number) for text, number in counts.items()}
                for name, counts in content.get("texts", {}).items()
            }
            payments = {
                str(name): Compared(int(number), int(below), int(above), float(middle))
                for name, (number, below, above, middle) in content.get("payments", {}).items()
            }
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        return FeedDay(rows, filled, headers["absent"], headers["unknown"], loans, covered, levels, texts, payments)


def _shortest(number: float) -> float:
    return int(number) if number.is_integer() else number


RECENT = 6
"""So many days before at most are taken together with a day on which too few rows differ to say."""

LEAST_WITH_ROWS = 7
"""So many days with rows are looked for further back, where the last days have fewer: a lender may pause."""

FURTHEST = 1_100
"""So many days back at most: three years."""


class UsualDays:
    """The last days of a feed, oldest first, with running sums, so that a day costs the same however many they are.

    Args:
        most: How many days are kept; older ones are dropped as others are added, unless fewer than `LEAST_WITH_ROWS`
            days with rows would be left. What a feed held before a pause is what it usually holds.
    """

    def __init__(self, most: int, days: Iterable[tuple[date, FeedDay]] = ()) -> None:
        self._most = most
        self._with_rows = 0
        self.days: deque[tuple[date, FeedDay]] = deque()
        self.filled: dict[str, int] = {}
        self.rows = 0
        for day, shape in days:
            self.add(day, shape)

    def add(self, day: date, shape: FeedDay) -> None:
        """Append the newest day."""
        self.days.append((day, shape))
        self._count(shape, 1)
        while len(self.days) > self._most and self._is_spare(self.days[0][1]):
            self._count(self.days.popleft()[1], -1)

    @property
    def reaches_far_enough(self) -> bool:
        """Whether older days would change nothing."""
        return len(self.days) >= self._most and self._with_rows >= min(LEAST_WITH_ROWS, self._most)

    def since(self, day: date | None) -> list[FeedDay]:
        """Give the days from `day` on; all of them where it is None."""
        return [shape for at, shape in self.days if day is None or at >= day]

    def _is_spare(self, shape: FeedDay) -> bool:
        left = self._with_rows - bool(shape.rows)
        return len(self.days) > FURTHEST or left >= min(LEAST_WITH_ROWS, self._most)

    def _count(self, shape: FeedDay, sign: int) -> None:
        self.rows += sign * shape.rows
        self._with_rows += sign * bool(shape.rows)
        for name, number in shape.filled.items():
            self.filled[name] = self.filled.get(name, 0) + sign * number


def chance_of_so_few(filled: int, rows: int, usual_filled: int, usual_rows: int) -> float:
    """Give the chance that so few of today's rows are filled, were all rows alike (hypergeometric, lower tail).

    Examples:
        >>> round(chance_of_so_few(0, 3, 84, 84), 7), round(chance_of_so_few(0, 3, 20, 100), 3)
        (9.4e-06, 0.52)

    Source:
        Fisher's exact test, one-sided.
    """
    total, everything = filled + usual_filled, rows + usual_rows
    whole = _log_choose(everything, total)
    least = max(0, total - usual_rows)
    ways = (_log_choose(rows, n) + _log_choose(usual_rows, total - n) for n in range(least, filled + 1))
    return min(1.0, sum(exp(number - whole) for number in ways))


def _log_choose(n: int, k: int) -> float:
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) if 0 <= k <= n else float("-inf")


__all__ = ["FURTHEST", "RECENT", "FeedDay", "UsualDays", "chance_of_so_few"]

"""Compare the level of a feed's numbers on a day with the usual one: another unit, all zero, all the same.

Of each column that is a number or a date, a day keeps the smallest value, the nine deciles and the largest: the sizes
of the numbers, in a few hundred bytes whatever the rows. A column is `low` (`high`) where at least `EFFECT` more of
today's values than of the usual ones lie at or below (above) some value. It is `constant` where all of today's values
are one and the same. Either is a finding where an exact test (hypergeometric) says that it is rarer than a setting,
were today's and the usual values drawn alike. Between two kept values it is not known how many lie where: the count is
then taken that makes chance likelier, so that the chance is never understated.

Days just before that lie wholly where today's values do count as one with today: with two loans a day, a wrong unit is
found after a few days.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import islice
from typing import Literal

import numpy as np
import numpy.typing as npt

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import Feed, feed_named
from p2pcredit.monitoring.feeds.findings import Finding
from p2pcredit.monitoring.feeds.shapes import FeedDay, chance_of_so_few

POINTS = 11
"""So many values of a column a day keeps: all of them where there are no more."""

EFFECT = 0.75
"""A column is at another level where so large a share more of its values lie on one side of some value than usually."""

_WITHOUT_SIZE = frozenset({Kind.ID, Kind.TEXT, Kind.CATEGORY, Kind.FLAG})
_PLAIN = 0.95
"""Where so many more do, and chance is still too likely, the level is undetermined."""

_CHANCE_WORTH_A_LOOK = -5.0
"""Logarithm of the chance that a day's values are one, above which no exact test is made."""

Side = Literal["low", "high", "constant"]
Kept = tuple[tuple[float, ...], int]
"""The values of a column that a day keeps, in order of size, and of how many."""

_Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LevelComparison:
    """What came of comparing the levels of a feed's columns.

    Args:
        findings: Columns at another level: `low`, `high` or `constant`, with the medians of today and of the
            days before.
        undetermined: Columns that cannot be judged: values plainly off, but too few; or none to compare with.
    """

    findings: tuple[Finding, ...] = ()
    undetermined: tuple[str, ...] = ()


@cache
def sized(feed: str | Feed) -> tuple[str, ...]:
    """Name the columns of a feed whose values have a size: numbers, and dates but those near the day itself.

    Examples:
        >>> sized("demographic"), sized("loan_terms")
        (('employment_length',), ('loan_amount', 'term', 'interest_rate', 'installment', 'amount_disbursed'))
    """
    contract = feed_named(feed) if isinstance(feed, str) else feed
    dates = {contract.date_column, "origination_date", "last_payment_date"}
    return tuple(c.source for c in contract.columns if c.kind not in _WITHOUT_SIZE and c.source not in dates)


@cache
def ranks_of(count: int) -> tuple[int, ...]:
    """Give the places, in order of size from 0, of the values that are kept of so many.

    Examples:
        >>> ranks_of(3), ranks_of(101)
        ((0, 1, 2), (0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100))
    """
    kept = min(count, POINTS)
    return tuple(place * (count - 1) // max(kept - 1, 1) for place in range(kept))


def most_up_to(kept: Kept, bound: float) -> int:
    """Give how many values are `bound` or less at most.

    Examples:
        >>> most_up_to(((1.0, 2.0, 3.0), 3), 2.0), most_up_to((tuple(range(11)), 101), 4.5)
        (2, 50)
    """
    points, count = kept
    place = bisect_right(points, bound)
    return count if place == len(points) else ranks_of(count)[place]


def most_from(kept: Kept, bound: float) -> int:
    """Give how many values are `bound` or more at most.

    Examples:
        >>> most_from(((1.0, 2.0, 3.0), 3), 2.0), most_from((tuple(range(11)), 101), 5.5)
        (2, 50)
    """
    points, count = kept
    place = bisect_left(points, bound)
    return count - ranks_of(count)[place - 1] - 1 if place else count


class UsualLevels:
    """The kept values of a feed's last days with rows, oldest first, as arrays, so that a day costs a few comparisons.

    Args:
        columns: The names of the columns, in the order of the arrays.
        most: How many days are kept; older ones are dropped as others are added.
    """

    def __init__(self, columns: Sequence[str], most: int, days: Iterable[tuple[date, FeedDay]] = ()) -> None:
        self.columns = tuple(columns)
        self.days: deque[tuple[date, FeedDay]] = deque(maxlen=most)
        self._most, self._end = most, 0
        self._laid_out: tuple[FeedDay, tuple[_Array, _Array]] | None = None
        # Room for twice as many days as are kept: these lie one after the other, and move to the front now and then.
        self._points = np.full((POINTS, 2 * most, len(self.columns)), np.nan)
        self._counts = np.zeros((2 * most, len(self.columns)))
        for day, shape in days:
            self.add(day, shape)

    def add(self, day: date, shape: FeedDay) -> None:
        """Append the newest day; one that keeps no values is passed over."""
        if not shape.levels:
            return
        if self._end == 2 * self._most:
            kept = self._there()
            self._points[:, : self._most], self._counts[: self._most] = self._points[:, kept], self._counts[kept]
            self._end = self._most
        self._points[:, self._end], self._counts[self._end] = self.arrays(shape)
        self._end += 1
        self.days.append((day, shape))

    def _there(self) -> slice:
        return slice(self._end - len(self.days), self._end)

    def arrays(self, shape: FeedDay) -> tuple[_Array, _Array]:
        """Lay a day's values out as points by columns, NaN where there is none, and how many values each column has."""
        if self._laid_out is not None and self._laid_out[0] is shape:
            return self._laid_out[1]  # a day is judged, and then added
        values = [shape.levels.get(column, ()) for column in self.columns]
        points = [(*kept, *_NOTHING[len(kept) :]) for kept in values]
        counts = [shape.filled.get(column, 0) if kept else 0 for column, kept in zip(self.columns, values, strict=True)]
        arrays = np.array(points, dtype=np.float64).reshape(-1, POINTS).T, np.array(counts, dtype=np.float64)
        self._laid_out = shape, arrays
        return arrays

    def suspects(self, shape: FeedDay) -> list[str]:
        """Name the columns that may be at another level: quick, since most columns of most days are not."""
        if not self.days or not shape.levels:
            return []
        points, counts = self.arrays(shape)
        kept = np.minimum(counts, POINTS).astype(int)
        at = np.floor(EFFECT * np.maximum(kept - 1, 0)).astype(int)  # few of today's values lie beyond this one
        columns = np.arange(len(self.columns))
        high_end, low_end = points[at, columns], points[np.maximum(kept - 1 - at, 0), columns]
        usual, of_usual = self._points[:, self._there()], self._counts[self._there()]
        with np.errstate(invalid="ignore", divide="ignore"):
            weights = of_usual / np.minimum(of_usual, POINTS) / of_usual.sum(0)
            weights[of_usual == 0] = 0.0
            below = (_how_many(usual < high_end) * weights).sum(0)
            above = (_how_many(usual > low_end) * weights).sum(0)
            equal = (_how_many(usual == points[0]) * weights).sum(0)
            rare = counts * np.log(np.minimum(equal, 1.0)) < _CHANCE_WORTH_A_LOOK
        one_value = points[0] == points[np.maximum(kept - 1, 0), columns]
        off = (below <= 1 - EFFECT + 1 / POINTS) | (above <= 1 - EFFECT + 1 / POINTS) | (one_value & rare)
        return [column for column, is_off in zip(self.columns, off & (counts > 0), strict=True) if is_off]


_NOTHING = (float("nan"),) * POINTS


def _how_many(marks: npt.NDArray[np.bool_]) -> npt.NDArray[np.int8]:
    """Count the points of each day and column that are marked: eleven at most."""
    counted: npt.NDArray[np.int8] = marks.view(np.int8).sum(0, dtype=np.int8)
    return counted


def compare_levels(
    feed: str,
    day: date,
    today: FeedDay,
    usual: UsualLevels,
    chance: float,
    accepted: Mapping[str, date] | None = None,
) -> LevelComparison:
    """Find the columns of a feed that are at another level than in its last days.

    Args:
        feed: Its name.
        day: The day.
        today: Its shape on the day.
        usual: Its last days before.
        chance: What happens by chance less often than this is a finding.
        accepted: Column -> the day from which its new level was accepted: what was before is forgotten, and the day
            itself is not judged.
    """
    accepted = accepted or {}
    if today.levels and not usual.days:
        return LevelComparison(undetermined=tuple(today.levels))
    findings, undetermined = [], []
    for column in usual.suspects(today):
        since = accepted.get(column)
        if since == day:
            continue
        shapes = [shape for at, shape in usual.days if since is None or at >= since]
        before = [(shape.levels[column], shape.filled[column]) for shape in shapes if shape.levels.get(column)]
        found = _judge((today.levels[column], today.filled[column]), before, chance)
        if found == "undetermined":
            undetermined.append(column)
        elif found is not None:
            medians = [points[len(points) // 2] for points, count in before for _ in range(min(count, POINTS))]
            own = today.levels[column]
            findings.append(Finding(feed, column, found, own[len(own) // 2], float(np.median(medians))))
    return LevelComparison(tuple(findings), tuple(undetermined))


def _judge(today: Kept, before: Sequence[Kept], chance: float) -> Side | Literal["undetermined"] | None:
    if not before:
        return "undetermined"
    found = [*_apart(today, before, "low"), *_apart(today, before, "high"), *_same(today, before)]
    rare = [side for likely, side, _ in found if likely < chance]
    if rare:
        return rare[0]
    return "undetermined" if any(effect >= _PLAIN for _, _, effect in found) else None


def _apart(today: Kept, before: Sequence[Kept], side: Side) -> Iterator[tuple[float, Side, float]]:
    """Give the chance and the effect of so many of today's values up to (or from) each bound, where they are many."""
    points, count = today
    usual_within, edge = (most_up_to, -1) if side == "low" else (most_from, 0)
    of_all = sum(number for _, number in before)
    for rank, bound in zip(ranks_of(count), points, strict=True):
        within = rank + 1 if side == "low" else count - rank
        if within / count < EFFECT:
            continue
        rows, everything, days = count, of_all, len(before)
        while days and _is_within(before[days - 1], bound, edge):
            days -= 1  # days wholly there count as one with today
            within, rows, everything = within + before[days][1], rows + before[days][1], everything - before[days][1]
        if not everything:
            continue
        usual, most = 0, (within / rows - EFFECT) * everything + 1  # more than this leaves too small an effect
        for kept in islice(before, days):
            usual += usual_within(kept, bound)
            if usual > most:
                break
        if (effect := within / rows - usual / everything) >= EFFECT:
            yield chance_of_so_few(rows - within, rows, everything - usual, everything), side, effect


def _is_within(kept: Kept, bound: float, edge: int) -> bool:
    return kept[0][edge] <= bound if edge else kept[0][edge] >= bound


def _same(today: Kept, before: Sequence[Kept]) -> Iterator[tuple[float, Side, float]]:
    """Give the chance that all of today's values are one, where they are."""
    points, count = today
    if points[0] != points[-1]:
        return
    everything = sum(number for _, number in before)
    equal = sum(most_up_to(kept, points[0]) + most_from(kept, points[0]) - kept[1] for kept in before)
    if equal < everything:
        yield chance_of_so_few(0, count, everything - equal, everything), "constant", 0.0


__all__ = ["EFFECT", "POINTS", "LevelComparison", "UsualLevels", "compare_levels", "most_from", "most_up_to", "sized"]

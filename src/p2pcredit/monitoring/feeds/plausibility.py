"""Find columns whose numbers are of no plausible size, where nothing need be known of the days before.

A column is `one_value` where all of its values are one and no value has so large a share in a book (of a day only where
that is 0: of days alone it is soon known what is usual); `too_low`
(`too_high`) where more than half of its values lie below (above) the bounds of `contracts.plausible`. Either is a
finding where it would come by chance less often than a setting, were the book a plausible one: one in which a value has
at most its share, and at most half of the values lie beyond a bound. Zeros are no low values: half of all borrowers may
have no balance.

What most loans of a day contradict together (`monitoring.feeds.payments`) is judged alike. A value above the bounds,
or of nines alone and the largest, that several loans have, a tenth of them or more, is `repeated`: it may stand for a
missing one. Of fewer loans a day keeps too little to tell.

Days just before that are off alike count as one with today, so that two loans a day are found after some days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb, exp, nextafter

from p2pcredit.contracts.plausible import NINES, PLAUSIBLE, Plausible
from p2pcredit.monitoring.feeds.compared_payments import COLUMNS, FEEDS, Compared, Doubt, doubt_of
from p2pcredit.monitoring.feeds.findings import Finding, What
from p2pcredit.monitoring.feeds.levels import most_from, most_up_to
from p2pcredit.monitoring.feeds.shapes import FeedDay

_EXACT_UP_TO = 1_000
_REPEATED_AT_LEAST = 3
_LIMITS = Plausible(0.0, 0.0, 1.0, "")
"""Of comparisons, of which only counts are known."""
_ABOVE_ZERO = nextafter(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of a column's values, counted.

    Args:
        count: How many values there are.
        positive: At most so many of them are above 0.
        below: At least so many lie above 0 and below the plausible.
        above: At least so many lie above the plausible.
        one: The one value that all of them are; None where they are several.
    """

    count: int
    positive: int
    below: int
    above: int
    one: float | None

    def wrong(self) -> What | None:
        """Say in which way the values are off; None where they are not."""
        if self.one is not None:
            return "one_value"
        if 2 * self.above > self.count:
            return "too_high"
        return "too_low" if 2 * self.below > self.positive else None


def judge(column: Plausible, sizes: Sequence[Sizes], chance: float) -> tuple[What, Sizes] | None:
    """Judge the newest of some days, with those before it that are off alike.

    Args:
        column: What is plausible.
        sizes: The sizes of each day, the newest first.
        chance: What comes by chance less often than this is a finding.

    Returns:
        In which way the column is off, and the sizes of all days that count for it; None where it is not.

    Examples:
        >>> judge(PLAUSIBLE["financial", "annual_income"], [Sizes(60, 0, 0, 0, 0.0)], 1e-5)[0]
        'one_value'
    """
    for what in (sizes[0].wrong(), _side(sizes[0])):
        alike = []
        for one in sizes:
            if not _is_alike(what, one, sizes[0]):
                break
            alike.append(one)
        if what is not None and alike:
            together = Sizes(
                sum(one.count for one in alike),
                sum(one.positive for one in alike),
                sum(one.below for one in alike),
                sum(one.above for one in alike),
                sizes[0].one,
            )
            if _likely(what, together, column) < chance:
                return what, together
    return None


def implausible(
    feed: str,
    today: FeedDay,
    before: Sequence[FeedDay],
    chance: float,
    bounds: Mapping[tuple[str, str], Plausible] = PLAUSIBLE,
) -> list[Finding]:
    """Find the columns of a feed that are of no plausible size on a day.

    Args:
        feed: Its name.
        today: Its shape on the day.
        before: Its shapes on days before, oldest first.
        chance: What comes by chance less often than this is a finding.
        bounds: Feed and column -> what is plausible.
    """
    found = []
    for column, values in today.levels.items():
        plausible = bounds.get((feed, column))
        own = None if plausible is None else _sizes(plausible, today, column)
        if plausible is None or own is None:
            continue
        declared = None if (feed, column) in PLAUSIBLE else plausible
        earlier = (_sizes(plausible, shape, column) for shape in reversed(before) if shape.rows)
        judged = None
        if own.wrong() is not None or _side(own) is not None:
            judged = judge(plausible, [own, *_while_alike(earlier, own)], chance)
        if judged is None and (sign := _repeated(values, own.count, plausible.high)) is not None:
            found.append(Finding(feed, column, "repeated", sign, plausible=declared))
        if judged is not None:
            found.append(Finding(feed, column, judged[0], values[len(values) // 2], plausible=declared))
    earlier_days = [shape.payments for shape in reversed(before) if shape.rows]
    for name, doubt in doubts_of(today.payments, chance, earlier_days).items():
        if FEEDS[name] == feed:
            found.append(Finding(feed, COLUMNS[name], doubt, today.payments[name].middle))
    return found


def doubts_of(
    today: Mapping[str, Compared], chance: float, before: Sequence[Mapping[str, Compared]] = ()
) -> dict[str, Doubt]:
    """Find what most of the newest loans contradict, with those of the days just before that contradict it alike.

    Args:
        today: Comparison -> how the loans stand.
        chance: What comes by chance less often than this is a finding, were at most half of the loans to contradict it.
        before: The same of days before, the newest first.
    """
    found: dict[str, Doubt] = {}
    for name, loans in today.items():
        own = _as_sizes(loans)
        earlier = (_as_sizes(day[name]) if name in day else None for day in before)
        judged = judge(_LIMITS, [own, *_while_alike(earlier, own)], chance) if loans.loans else None
        if judged is not None:
            found[name] = doubt_of(name, judged[0])
    return found


def _as_sizes(loans: Compared) -> Sizes:
    return Sizes(loans.loans, loans.loans, loans.below, loans.above, None)


def _repeated(points: Sequence[float], count: int, high: float) -> float | None:
    """Return the largest value where it is above `high`, or of nines alone, and several have it; None where not."""
    largest = points[-1]
    have = count - most_up_to((tuple(points), count), nextafter(largest, 0.0))
    is_far = largest > high or largest in NINES
    return largest if is_far and have >= _REPEATED_AT_LEAST else None


def _while_alike(sizes: Iterable[Sizes | None], newest: Sizes) -> Iterator[Sizes]:
    """Give the days before that may count as one with the newest, as long as there is none that may not."""
    ways = {newest.wrong(), _side(newest)}
    for one in sizes:
        if one is None or not any(_is_alike(way, one, newest) for way in ways):
            return
        yield one


def _sizes(column: Plausible, shape: FeedDay, name: str) -> Sizes | None:
    points = shape.levels.get(name)
    if not points:
        return None
    kept = points, shape.filled.get(name, 0)
    count = kept[1]
    not_positive_at_most, below_at_least = most_up_to(kept, 0.0), count - most_from(kept, column.low)
    return Sizes(
        count,
        most_from(kept, _ABOVE_ZERO),
        max(below_at_least - not_positive_at_most, 0),
        count - most_up_to(kept, column.high),
        0.0 if points[0] == points[-1] == 0.0 else None,
    )


def _side(sizes: Sizes) -> What | None:
    """Say on which side values that may be one lie."""
    if 2 * sizes.above > sizes.count:
        return "too_high"
    return "too_low" if 2 * sizes.below > sizes.positive else None


def _is_alike(what: What | None, sizes: Sizes, newest: Sizes) -> bool:
    if what == "one_value":
        return sizes.one is not None and sizes.one == newest.one
    return what is not None and _side(sizes) == what


def _likely(what: What, sizes: Sizes, column: Plausible) -> float:
    if what == "one_value":
        return float(column.one_value**sizes.count)
    return _at_least(sizes.above, sizes.count) if what == "too_high" else _at_least(sizes.below, sizes.positive)


def _at_least(number: int, of: int) -> float:
    """Give the chance that at least so many of `of` lie on one side, where half do (binomial; of many, its bound).

    Examples:
        >>> _at_least(10, 10) == 0.5**10, _at_least(0, 4), _at_least(2_000, 2_000) < 1e-200
        (True, 1.0, True)

    Source:
        Hoeffding (1963), Probability inequalities for sums of bounded random variables, JASA 58, theorem 1.
    """
    if of > _EXACT_UP_TO:
        return exp(-2 * of * max(number / of - 0.5, 0.0) ** 2)
    return float(sum(comb(of, some) for some in range(number, of + 1)) / 2**of)


__all__ = ["Sizes", "doubts_of", "implausible", "judge"]

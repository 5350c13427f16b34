"""Look, part by part, whether the numbers of a raw file are of a plausible size: nothing is known of files before."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import FEEDS, OWN_COLUMNS
from p2pcredit.contracts.plausible import NINES, PLAUSIBLE, Plausible
from p2pcredit.jobs.landing.plausibility.numbers import number_of
from p2pcredit.monitoring.feeds.findings import What
from p2pcredit.monitoring.feeds.plausibility import Sizes, judge
from p2pcredit.platforms.loan_book import RawBook
from p2pcredit.transforms.typing import trimmed_text, typed_value

logger = logging.getLogger("p2pcredit")
_WORDED = frozenset({Kind.TERM, Kind.YEARS})
_KINDS = frozenset({Kind.NUMBER, Kind.COUNT, Kind.PERCENT}) | _WORDED
_COLUMNS = tuple(
    (name, column)
    for name, feed in FEEDS.items()
    for column in feed.columns
    if column.kind in _KINDS and (name, column.source) in PLAUSIBLE
)
_Place = tuple[str, str]
_SIGNS_AT_LEAST, _SIGNS_SHARE = 3, 0.01
_MOST_KEPT = 1_000


@dataclass(slots=True)
class LandedSizes:
    """Counts, part by part, the sizes of the numbers of a book, by feed and column.

    `catalogue`: the features that there are, of which own ones may have bounds. `far`: how often each value above what
    is plausible occurs, or of nines alone, the commonest of each part. `largest`: the largest value.
    """

    catalogue: FeatureCatalogue = BUILT_IN
    sizes: dict[_Place, Sizes] = field(default_factory=dict)
    far: dict[_Place, Counter[float]] = field(default_factory=dict)
    largest: dict[_Place, float] = field(default_factory=dict)

    def look_at(self, book: RawBook) -> None:
        """Add a part of the book."""
        bounds = self.catalogue.plausible
        own = [(OWN_COLUMNS.name, one) for one in self.catalogue.columns if (OWN_COLUMNS.name, one.source) in bounds]
        for feed, column in (*_COLUMNS, *own):
            texts = book.feeds[feed][column.source]
            if texts.null_count() == texts.len():
                continue
            plausible = bounds[feed, column.source]
            values = _numbers(column, texts, percent=plausible.percent)
            if len(values):
                sized, place = values / 100 if plausible.percent else values, (feed, column.source)
                counted = _counted(sized, plausible)
                far = sized.filter((sized > plausible.high) | sized.is_in(list(NINES)))
                self.largest[place] = max(self.largest.get(place, 0.0), float(str(sized.max())))
                if len(far):
                    commonest = far.value_counts(sort=True).head(_MOST_KEPT)
                    self.far.setdefault(place, Counter()).update(dict(commonest.iter_rows()))
                before = self.sizes.get(place)
                self.sizes[place] = counted if before is None else _together(before, counted)

    def findings(self, chance: float, right: Collection[str]) -> dict[_Place, tuple[What, Sizes]]:
        """Find the columns of no plausible size, but those (as `feed.column`) whose sizes are known to be right."""
        bounds = self.catalogue.plausible
        judged = {place: judge(bounds[place], [sizes], chance) for place, sizes in self.sizes.items()}
        places = [(feed, column.source) for feed, column in _COLUMNS]
        named = (place for place in dict.fromkeys((*places, *judged)) if place in judged)
        return {place: found for place in named if ".".join(place) not in right and (found := judged[place])}

    def signs(self, right: Collection[str]) -> dict[_Place, tuple[float, int, int]]:
        """Find values that may be signs of missing ones: far above what is plausible, or nines and the largest of all.

        Such a value is one in a hundred or more.

        Returns:
            Feed and column -> the value, how often it occurs, and how many values there are; but for columns (as
            `feed.column`) whose sizes are known to be right.
        """
        found = {}
        for place, values in self.far.items():
            high, most = self.catalogue.plausible[place].high, self.largest[place]
            beyond = [(value, times) for value, times in values.most_common() if value > high or value == most]
            value, times = beyond[0] if beyond else (0.0, 0)
            enough = times >= max(_SIGNS_AT_LEAST, _SIGNS_SHARE * self.sizes[place].count)
            if enough and ".".join(place) not in right:
                found[place] = (value, times, self.sizes[place].count)
        return found


def warn_of_signs(
    found: Mapping[_Place, tuple[float, int, int]],
    expected: Mapping[_Place, str],
    bounds: Mapping[_Place, Plausible] = PLAUSIBLE,
) -> dict[str, dict[str, Any]]:
    """Warn of each value that may be a sign of a missing one, by the raw columns that give it.

    Returns:
        `feed.column` -> `what`, `values`, `beyond` (how many have the value).
    """
    told = {}
    for (feed, column), (value, times, count) in found.items():
        place, shown = f"{feed}.{column}", bounds[feed, column].shown(value)
        logger.warning(
            "%s (%s): %d of %d values are %s, %s; does it stand for a missing value? Then name it "
            "under 'missing' in the mapping; where it is right, name '%s' in the setting preprocessing.own_sizes",
            expected.get((feed, column), column),
            place,
            times,
            count,
            shown,
            "above what is plausible" if value > bounds[feed, column].high else "the largest of all",
            place,
        )
        told[place] = {"what": "repeated", "values": count, "beyond": times}
    return told


def warn_of_sizes(
    found: Mapping[_Place, tuple[What, Sizes]],
    expected: Mapping[_Place, str],
    bounds: Mapping[_Place, Plausible] = PLAUSIBLE,
) -> dict[str, dict[str, Any]]:
    """Warn of each column of no plausible size, by the raw columns that give it.

    Returns:
        `feed.column` -> `what`, `values`, `beyond` (how many lie outside what is plausible, or are the one value).
    """
    told = {}
    for (feed, column), (what, sizes) in found.items():
        plausible, place = bounds[feed, column], f"{feed}.{column}"
        raw = expected.get((feed, column), column)
        beyond = {"one_value": sizes.count, "too_high": sizes.above, "too_low": sizes.below}[what]
        if what == "one_value" and sizes.one is not None:
            said = f"all {sizes.count} values are {plausible.shown(sizes.one)}; is the column filled, and from where?"
        else:
            bound = f"above {plausible.shown(plausible.high)}" if what == "too_high" else _low(plausible)
            said = f"{beyond} of {sizes.count} values lie {bound}; another unit (thousands, shares for percents)?"
        logger.warning(
            "%s (%s): %s Where that is right, name '%s' in the setting preprocessing.own_sizes", raw, place, said, place
        )
        told[place] = {"what": what, "values": sizes.count, "beyond": beyond}
    return told


def _numbers(column: Column, texts: pl.Series, *, percent: bool) -> pl.Series:
    """Read the texts as far as they are numbers; terms and years, of which words may be part, as silver does."""
    if column.kind in _WORDED:
        distinct = nw.from_native(texts.alias(column.source).unique().drop_nulls().to_frame())
        read = distinct.with_columns(typed_value(column, trimmed_text(column)).alias("number")).to_native()
        return texts.replace_strict(read[column.source], read["number"].cast(pl.Float64)).drop_nulls()
    return texts.to_frame().select(number_of(pl.col(texts.name), percent=percent)).to_series().drop_nulls()


def _low(plausible: Plausible) -> str:
    return f"below {plausible.shown(plausible.low)} and above 0"


def _counted(values: pl.Series, plausible: Plausible) -> Sizes:
    least, most = values.min(), values.max()
    one = float(least) if isinstance(least, (int, float)) and least == most else None
    below = ((values > 0) & (values < plausible.low)).sum()
    return Sizes(len(values), int((values > 0).sum()), int(below), int((values > plausible.high).sum()), one)


def _together(one: Sizes, other: Sizes) -> Sizes:
    return replace(
        one,
        count=one.count + other.count,
        positive=one.positive + other.positive,
        below=one.below + other.below,
        above=one.above + other.above,
        one=one.one if one.one == other.one else None,
    )


__all__ = ["LandedSizes", "warn_of_signs", "warn_of_sizes"]

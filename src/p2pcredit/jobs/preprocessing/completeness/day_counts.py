"""Hold the counts of a day against each other: what landed, bronze, silver and quarantine; loans and features.

Pure: counts come in as numbers. `jobs.preprocessing.completeness.reconciliation` reads them, and has
`find_holes(ctx, days)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from p2pcredit.contracts.feeds import ALL_FEEDS, FEEDS, LOAN_TERMS, OPTIONAL_FEEDS

_STAGES = ("landed", "bronze", "silver", "quarantined")


class Completeness(StrEnum):
    """Whether all that landed for a day is in its tables; undetermined never counts as complete."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    UNDETERMINED = "undetermined"


class Lost(StrEnum):
    """Between which two places rows differ, or what else a day lacks.

    `not_landed`: other feeds of the day landed, this one did not. `unreadable`: what landed cannot be read. `bronze`:
    landed and bronze. `silver`: bronze, and silver with quarantine. `features`: loans and features. `not_built`: a
    table, and what it rests on. `receipt`: all rows are there, and the day was not said to be complete. `changed`: the
    tables, and what the receipt says of them. `landed_anew`: the landing file, and what was taken in before.
    `not_kept`: the receipt does not keep the counts.
    """

    NOT_LANDED = "not_landed"
    UNREADABLE = "unreadable"
    BRONZE = "bronze"
    SILVER = "silver"
    FEATURES = "features"
    NOT_BUILT = "not_built"
    RECEIPT = "receipt"
    CHANGED = "changed"
    LANDED_ANEW = "landed_anew"
    NOT_KEPT = "not_kept"


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """Rows of a feed on a day; `landed` is None where no file is there and none is remembered."""

    landed: int | None
    bronze: int = 0
    silver: int = 0
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Counts of a day.

    Args:
        feeds: Feed -> its rows; one that is optional only where it landed.
        loans: Rows of `loan_terms` in silver.
        features: Rows of the feature store.
        matched: Loans that have a row in the feature store, by their ids; None where ids were not compared.
    """

    feeds: Mapping[str, FeedCounts]
    loans: int = 0
    features: int = 0
    matched: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Give them as a day's receipt keeps them.

        Examples:
            >>> DayCounts({"loan_terms": FeedCounts(3, 3, 2, 1)}, 2, 2).as_json()["quarantined"]
            {'loan_terms': 1}
        """
        stages = {stage: {name: getattr(feed, stage) for name, feed in self.feeds.items()} for stage in _STAGES}
        return {**stages, "loans": self.loans, "features": self.features}

    @staticmethod
    def from_json(content: object) -> DayCounts | None:
        """Read them back; None where a receipt does not keep them, or not as numbers.

        Examples:
            >>> DayCounts.from_json({"rows": {}}) is None
            True
        """
        if not isinstance(content, dict):
            return None
        try:
            feeds = {name: FeedCounts(*(content[stage][name] for stage in _STAGES)) for name in content["landed"]}
            found = DayCounts(feeds, content["loans"], content["features"])
        except (KeyError, TypeError):
            return None
        numbers: list[int | None] = [found.loans, found.features]
        numbers += [n for feed in feeds.values() for n in (feed.landed, feed.bronze, feed.silver, feed.quarantined)]
        named = set(FEEDS) <= set(feeds) <= set(ALL_FEEDS)
        return found if named and all(n is None or type(n) is int for n in numbers) else None


@dataclass(frozen=True, slots=True)
class Hole:
    """Rows of a day that are not where they should be, or of which it is not known.

    Args:
        day: The day.
        what: Where they went.
        feed: The feed; empty where the whole day is meant.
        expected, found: Both numbers; None where one is not known.
        counts: All counts of the feed, where it is one.
        table: The table that was not built; empty where it is no such hole.
    """

    day: date
    what: Lost
    feed: str = ""
    expected: int | None = None
    found: int | None = None
    counts: FeedCounts | None = None
    table: str = ""

    @property
    def kind(self) -> Completeness:
        """`undetermined` where receipt or file do not say, else `incomplete`."""
        unsure = self.what is Lost.NOT_KEPT or (self.what is Lost.BRONZE and self.expected is None and self.found)
        return Completeness.UNDETERMINED if unsure else Completeness.INCOMPLETE

    @property
    def landed(self) -> int | None:
        """The number of rows landed; None where it is not known."""
        return None if self.counts is None else self.counts.landed

    @property
    def sentence(self) -> str:
        """The hole in one line, without what to do.

        Examples:
            >>> Hole(date(2024, 1, 5), Lost.BRONZE, "loan_terms", 46, 0).sentence
            "feed 'loan_terms' of 2024-01-05: 46 rows landed, bronze has 0"
        """
        whose = f"feed '{self.feed}' of {self.day}" if self.feed else f"{self.day}"
        return f"{whose}: {self._what}"

    @property
    def _what(self) -> str:
        expected, found = (f"{number:,}" if number is not None else "unknown" for number in (self.expected, self.found))
        match self.what:
            case Lost.NOT_LANDED:
                return f"no file has landed, bronze has {found} rows"
            case Lost.UNREADABLE:
                return f"what landed cannot be read, bronze has {found} rows"
            case Lost.BRONZE if self.expected is None and not self.found:
                return "its file has landed, bronze has 0 rows"
            case Lost.BRONZE if self.expected is None:
                return f"bronze has {found} rows, and no landing file says how many landed"
            case Lost.BRONZE:
                return f"{expected} rows landed, bronze has {found}"
            case Lost.SILVER:
                return f"bronze has {expected} rows, silver and quarantine together {found}"
            case Lost.FEATURES:
                return f"{expected} loans in silver, features of {found}"
            case Lost.NOT_BUILT:
                return f"{self.table} was not built of what the tables that it rests on hold now"
            case Lost.RECEIPT:
                return "its rows are in the tables, and the last step of preprocessing has not ended"
            case Lost.CHANGED:
                return f"its receipt counts {expected} rows, the tables have {found}"
            case Lost.LANDED_ANEW if self.found in {None, self.expected}:
                return f"{expected} other rows lie in the landing file now than were taken in"
            case Lost.LANDED_ANEW:
                return f"{expected} rows lie in the landing file now, {found} were taken in"
            case _:
                return "preprocessed before receipts kept counts"

    @property
    def task(self) -> str:
        """The task of preprocessing to clear, with those after it."""
        match self.what:
            case Lost.SILVER:
                return f"silver_processing.{self.feed}"
            case Lost.FEATURES:
                return "gold_processing.feature_store"
            case Lost.NOT_BUILT:
                layer, _, name = self.table.partition("/")
                return f"{layer}_processing.{name}"
            case Lost.RECEIPT | Lost.CHANGED | Lost.NOT_KEPT:
                return "start"
            case _:
                return f"source_data_checks.{self.feed}"

    @property
    def remedy(self) -> str:
        """The command that fills it."""
        if self.what in {Lost.NOT_LANDED, Lost.UNREADABLE}:
            return f"land the file of {self.day}, then: p2pcredit preprocess --date {self.day}"
        return f"p2pcredit preprocess --date {self.day}"


def holes_of(day: date, counts: DayCounts) -> list[Hole]:
    """Compare the counts of a day: per feed landed = bronze = silver + quarantined, and loans = features.

    Examples:
        >>> even = {name: FeedCounts(2, 2, 2) for name in FEEDS}
        >>> holes_of(date(2024, 1, 5), DayCounts(even, 2, 2))
        []
        >>> [hole.sentence for hole in holes_of(date(2024, 1, 5), DayCounts(even, 2, 0))]
        ["feed 'loan_terms' of 2024-01-05: 2 loans in silver, features of 0"]
    """
    return list(_found(day, counts))


def changed_since(day: date, kept: DayCounts, now: DayCounts) -> list[Hole]:
    """Compare what a receipt counts with what the tables hold now, where both add up by themselves."""
    found = []
    for name, before in kept.feeds.items():
        feed = now.feeds.get(name, FeedCounts(None))
        for expected, there in ((before.silver, feed.silver), (before.quarantined, feed.quarantined)):
            if expected != there:
                found.append(Hole(day, Lost.CHANGED, name, expected, there, feed))
                break
    return found


def _found(day: date, counts: DayCounts) -> Iterator[Hole]:
    for name, feed in counts.feeds.items():
        kept = feed.silver + feed.quarantined
        if feed.landed is None and not feed.bronze:
            if name not in OPTIONAL_FEEDS:
                yield Hole(day, Lost.NOT_LANDED, name, None, 0, feed)
        elif feed.landed != feed.bronze:
            yield Hole(day, Lost.BRONZE, name, feed.landed, feed.bronze, feed)
        if feed.bronze != kept:
            yield Hole(day, Lost.SILVER, name, feed.bronze, kept, feed)
    terms = counts.feeds.get(LOAN_TERMS.name)
    if counts.loans != counts.features:
        yield Hole(day, Lost.FEATURES, LOAN_TERMS.name, counts.loans, counts.features, terms)
    elif counts.matched is not None and counts.matched != counts.loans:
        yield Hole(day, Lost.FEATURES, LOAN_TERMS.name, counts.loans, counts.matched, terms)


__all__ = ["Completeness", "DayCounts", "FeedCounts", "Hole", "Lost", "changed_since", "holes_of"]

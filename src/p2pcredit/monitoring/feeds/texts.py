"""Compare the texts of a feed's categories on a day with the usual ones: words spelled anew, codes, all the same.

Of each category a day keeps its texts and in how many rows each stands; of more than `MOST_TEXTS` those of the smallest
checksum, which is a sample of texts that is the same on every day. A category has `new_texts` where at least `EFFECT`
more of today's rows than of the usual ones hold a text that no other row held. Of a usual row too it is asked whether
another usual row holds its text, so that a column of many rare texts is compared with what it always is. It is
`constant` where all of today's rows hold one and the same. Either is a finding where an exact test (hypergeometric)
says that it is rarer than a setting.

Today is taken together with up to `RECENT` days before, so that new texts on few rows a day add up, and a day with the
texts of a faulty one before is found too.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from math import log
from operator import countOf
from zlib import crc32

from p2pcredit.contracts.columns import Kind
from p2pcredit.contracts.feeds import Feed, feed_named
from p2pcredit.monitoring.feeds.findings import Finding
from p2pcredit.monitoring.feeds.shapes import RECENT, FeedDay, chance_of_so_few

MOST_TEXTS = 64
"""So many texts of a column a day keeps."""

EFFECT = 0.1
"""A category has new texts where so large a share more of its rows hold them than usually."""

_SHOWN = 3
_CHANCE_WORTH_A_LOOK = -5.0
"""Logarithm of the chance that a day's texts are one, above which no exact test is made."""

Texts = Mapping[str, int]
"""Text -> in how many rows it stands."""


@cache
def worded(feed: str | Feed) -> tuple[str, ...]:
    """Name the columns of a feed that are categories; not those that may hold a few known texts only.

    Examples:
        >>> worded("demographic"), worded("loan_performance")
        (('home_ownership', 'state', 'zip3'), ())
    """
    contract = feed_named(feed) if isinstance(feed, str) else feed
    return tuple(c.source for c in contract.columns if c.kind is Kind.CATEGORY and not c.allowed)


def kept_texts(texts: Texts) -> dict[str, int]:
    """Choose what a day keeps of a column's texts, in order.

    Examples:
        >>> kept_texts({"RENT": 3, "OWN": 1})
        {'OWN': 1, 'RENT': 3}
    """
    if len(texts) <= MOST_TEXTS:
        return dict(sorted(texts.items()))
    return {text: texts[text] for text in sorted(sorted(texts, key=_place)[:MOST_TEXTS])}


class UsualTexts:
    """The texts of a feed's last days with rows, oldest first, with running sums.

    Args:
        most: How many days are kept; older ones are dropped as others are added.
    """

    def __init__(self, most: int, days: Iterable[tuple[date, FeedDay]] = ()) -> None:
        self._most = most
        self.days: deque[tuple[date, FeedDay]] = deque()
        self._sums: dict[str, Counter[str]] = {}
        self._recent: dict[str, Counter[str]] = {}
        for day, shape in days:
            self.add(day, shape)

    def add(self, day: date, shape: FeedDay) -> None:
        """Append the newest day; one that keeps no texts is passed over."""
        if not shape.texts:
            return
        self.days.append((day, shape))
        _count(self._sums, shape, 1)
        _count(self._recent, shape, 1)
        if len(self.days) > RECENT:
            _count(self._recent, self.days[-RECENT - 1][1], -1)
        if len(self.days) > self._most:
            _count(self._sums, self.days.popleft()[1], -1)

    def counts(self, column: str) -> Counter[str]:
        """Give in how many rows of all days each text of a column stands."""
        return self._sums.get(column, Counter())

    def suspects(self, today: FeedDay) -> list[str]:
        """Name the columns that may differ: quick, since most columns of most days do not."""
        return [column for column, texts in today.texts.items() if self._may_differ(column, texts)]

    def _may_differ(self, column: str, texts: Texts) -> bool:
        before, recent = self.counts(column), self._recent.get(column, Counter[str]())
        if not before or not texts:
            return False
        rows = sum(texts.values())
        new = sum(number for text, number in texts.items() if before.get(text, 0) <= recent.get(text, 0))
        if new >= EFFECT * rows:
            return True
        (one, *others) = texts
        share = before[one] / before.total()
        return not others and share < 1 and (share == 0 or rows * log(share) < _CHANCE_WORTH_A_LOOK)


def _count(sums: dict[str, Counter[str]], shape: FeedDay, sign: int) -> None:
    """Add the texts of a day to sums by column, or take them away; a text that no day holds is not in them."""
    for column, texts in shape.texts.items():
        counts = sums.setdefault(column, Counter())
        if sign > 0:
            counts.update(texts)
        else:
            _take_away(counts, texts)


def _take_away(counts: Counter[str], texts: Texts) -> None:
    for text, number in texts.items():
        left = counts[text] - number
        if left:
            counts[text] = left
        else:
            del counts[text]


@dataclass(frozen=True, slots=True)
class _Compared:
    """Rows of today and of the usual days by whether another row before holds their text.

    Args:
        new, rows: Of today.
        usual_new, usual_rows: Of the days before.
    """

    new: int
    rows: int
    usual_new: int
    usual_rows: int

    @property
    def effect(self) -> float:
        """By how much the share of new texts is larger than usual."""
        return self.new / self.rows - self.usual_share

    @property
    def usual_share(self) -> float:
        """Share of the usual rows whose text no other of them holds."""
        return self.usual_new / self.usual_rows

    @property
    def chance(self) -> float:
        """How likely so many are by chance."""
        known, usually = self.rows - self.new, self.usual_rows - self.usual_new
        return chance_of_so_few(known, self.rows, usually, self.usual_rows)


def compare_texts(
    feed: str,
    day: date,
    today: FeedDay,
    usual: UsualTexts,
    chance: float,
    accepted: Mapping[str, date] | None = None,
) -> list[Finding]:
    """Find the categories of a feed whose texts are new, or all the same and usually not.

    Args:
        feed: Its name.
        day: The day.
        today: Its shape on the day.
        usual: Its last days before.
        chance: What happens by chance less often than this is a finding.
        accepted: Column -> the day from which its new texts were accepted: what was before is forgotten, and the day
            itself is not judged.
    """
    accepted = accepted or {}
    findings = []
    for column in usual.suspects(today):
        since = accepted.get(column)
        if since == day:
            continue
        before = [s.texts[column] for at, s in usual.days if s.texts.get(column) and (since is None or at >= since)]
        found = _judge(feed, column, today.texts[column], before, chance)
        if found is not None:
            findings.append(found)
    return findings


def _judge(feed: str, column: str, today: Texts, before: Sequence[Texts], chance: float) -> Finding | None:
    if not before:
        return None
    place = min(map(_last_place, (today, *before)))
    own, before = _within(today, place), [_within(texts, place) for texts in before]
    if not own:
        return None
    usual, together = _sum(before), Counter(own)
    for back in range(min(RECENT, len(before) - 1) + 1):
        if back:
            newest = before[len(before) - back]
            _take_away(usual, newest)
            together.update(newest)
        if not usual:
            continue
        of_usual = countOf(usual.values(), 1), usual.total()
        if _compare(own, usual, of_usual).effect < EFFECT:
            continue
        if (compared := _compare(together, usual, of_usual)).effect < EFFECT:
            continue
        if compared.chance < chance:
            new = {text: number for text, number in together.items() if text not in usual}
            share = sum(own.get(text, 0) for text in new) / sum(own.values())
            shown, usually = _most_frequent(new), _most_frequent(usual)
            return Finding(feed, column, "new_texts", share, compared.usual_share, texts=shown, usual_texts=usually)
    if len(today) == 1:
        usual = _sum(before)
        (one, rows), everything = next(iter(own.items())), usual.total()
        if chance_of_so_few(0, rows, everything - usual[one], everything) < chance:
            texts, usually = _most_frequent(own), _most_frequent(usual)
            return Finding(feed, column, "one_text", 1.0, usual[one] / everything, texts=texts, usual_texts=usually)
    return None


def _compare(today: Texts, usual: Texts, of_usual: tuple[int, int]) -> _Compared:
    new = sum(number for text, number in today.items() if text not in usual)
    return _Compared(new, sum(today.values()), *of_usual)


def _sum(days: Iterable[Texts]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for texts in days:
        counts.update(texts)
    return counts


def _within(texts: Texts, place: int) -> Texts:
    return texts if place == _NO_END else {text: number for text, number in texts.items() if _place(text) <= place}


_NO_END = 1 << 32


def _last_place(texts: Texts) -> int:
    """Give up to which checksum a day keeps all of its texts."""
    return _NO_END if len(texts) < MOST_TEXTS else max(map(_place, texts))


@lru_cache(maxsize=1 << 16)
def _place(text: str) -> int:
    return crc32(text.encode())


def _most_frequent(texts: Texts) -> tuple[str, ...]:
    """Name the texts to be shown, of those that several rows share: one of a single row may be a borrower's own."""
    shared = sorted((text for text, number in texts.items() if number > 1), key=lambda text: (-texts[text], text))
    return tuple(shared[:_SHOWN])


__all__ = ["EFFECT", "MOST_TEXTS", "UsualTexts", "compare_texts", "kept_texts", "worded"]

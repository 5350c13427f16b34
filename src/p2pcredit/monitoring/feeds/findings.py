"""One way in which a feed of a day differs from what it usually is, as data and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from p2pcredit.contracts.plausible import PLAUSIBLE, Plausible
from p2pcredit.text import one_line

_Payments = Literal["underpaid", "overpaid", "unaffordable"]
_Shape = Literal["absent", "empty", "sparse", "no_rows", "few_rows", "quiet", "unknown"]
_Level = Literal["low", "high", "constant", "new_texts", "one_text"]
What = _Shape | _Level | _Payments | Literal["one_value", "too_low", "too_high", "repeated"]

LOSSES = frozenset({"absent", "empty", "no_rows"})
"""What leaves nothing of a column: these stop a day by default where the champion uses the column."""

DRIFT = LOSSES | {"sparse", "few_rows", "quiet"}
"""What is lost in part or whole."""

TEXTS = frozenset({"new_texts", "one_text"})
"""Categories whose texts are there, and other ones than usual."""

LEVELS = frozenset({"low", "high", "constant"}) | TEXTS
"""Columns whose values are there, and of another size than usual; or other texts."""

PAYMENTS = frozenset({"underpaid", "overpaid", "unaffordable"})
"""What instalment, term, amount and income of most loans contradict together."""

IMPLAUSIBLE = frozenset({"one_value", "too_low", "too_high", "repeated"}) | PAYMENTS
"""Columns whose values are of a size that no book has, whatever the days before: said, and no day stops for it."""

_OF_ANOTHER_UNIT = 5.0
_LONGEST_TEXT = 30


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which a feed differs from what it usually is.

    Args:
        feed: Its name.
        column: The column as landed; empty where the whole feed is meant.
        what: `absent` from the header, `empty` in all rows, `sparse` (filled in far fewer than usual),
            `no_rows` or `few_rows` where loans came in, `quiet` (no row, unlike on such weekdays before), `unknown` to
            the contract and new; `low` or `high` where nearly all values are smaller or larger than usual, `constant`
            where all are one and usually are not; `new_texts` where rows of a category hold texts that none held
            before, `one_text` where all hold one and usually do not; `one_value` where all are one, `too_low` or
            `too_high` where most lie outside what is plausible, `repeated` where several have one value above it;
            `underpaid` or `overpaid` where the instalments of the whole term are far from the amount, `unaffordable`
            where they take up much of the income.
        today: Share of rows in which it is filled, or that hold new texts or the one text, or of loans that the feed
            has; rows where it is `quiet`; the median of the values where they are of another size.
        usual: The same in the days before; None where there are none.
        likely_name: Of the columns that no contract names, the one that may be its new name; else empty.
        harmless: Whether no loan of the day is touched, because none came in.
        texts: Of a category, the most frequent of its new texts, or its one text; none that a single row holds.
        usual_texts: Of a category, the most frequent of the days before; likewise.
    """

    feed: str
    column: str
    what: What
    today: float = 0.0
    usual: float | None = None
    likely_name: str = ""
    harmless: bool = False
    texts: tuple[str, ...] = ()
    usual_texts: tuple[str, ...] = ()
    plausible: Plausible | None = None

    @property
    def sentence(self) -> str:
        """The finding in a sentence, without the day and without a borrower's values.

        Examples:
            >>> print(Finding("financial", "annual_income", "absent", 0.0, 0.98, "annual_inc").sentence)
            feed 'financial' lacks column 'annual_income' (usually filled in 98% of rows); is it now 'annual_inc'?
            >>> print(Finding("financial", "debt_to_income", "low", 0.00018, 0.18).sentence)
            feed 'financial' has values in column 'debt_to_income' about 1,000 times smaller than usual; another unit?
            >>> from dataclasses import replace
            >>> changed = Finding("financial", "income_verification", "new_texts", 1.0, 0.0, texts=("YES", "NO"))
            >>> print(replace(changed, usual_texts=("VERIFIED", "NOT VERIFIED")).sentence)
            feed 'financial' has texts in column 'income_verification' in 100% of rows that it did not have before, \
such as 'YES', 'NO' (usually 'VERIFIED', 'NOT VERIFIED'); spelled anew?
        """
        usually = ""
        if self.usual is not None and self.what == "quiet":
            usually = f" (on such weekdays {self.usual:.0f} on average)"
        elif self.usual is not None and self.what not in LEVELS | IMPLAUSIBLE:
            filled, of = ("filled in ", "rows") if self.column else ("", "the loans")
            usually = f" (usually {filled}{self.usual:.0%} of {of})"
        renamed = f"; is it now '{self.likely_name}'?" if self.likely_name else ""
        said = {
            "absent": f"lacks column '{self.column}'{usually}{renamed}",
            "empty": f"has no value in column '{self.column}'{usually}{renamed}",
            "sparse": f"has a value in column '{self.column}' in {self.today:.0%} of rows only{usually}{renamed}",
            "no_rows": f"has no row though loans came in{usually}",
            "few_rows": f"has rows for {self.today:.0%} of the day's loans only{usually}",
            "quiet": f"has no row{usually}",
            "unknown": f"has a new column '{self.column}' that no contract names",
            "low": f"has values in column '{self.column}' {self._times('smaller')}",
            "high": f"has values in column '{self.column}' {self._times('larger')}",
            "new_texts": f"has texts in column '{self.column}' in {self.today:.0%} of rows that it did not have before"
            f"{_listed(', such as ', self.texts, '')}{_listed(' (usually ', self.usual_texts, ')')}; spelled anew?",
            "one_text": f"has one and the same text{_listed(', ', self.texts, ',')} in column '{self.column}' in all "
            f"rows, which is not usual{_listed(' (usually ', self.usual_texts, ')')}",
            "constant": f"has one and the same value in column '{self.column}' in all rows, which is not usual",
        }
        return f"feed '{self.feed}' {said[self.what] if self.what in said else self._of_no_size()}"

    def _of_no_size(self) -> str:
        if self.what in PAYMENTS:
            return _asked(self.what, self.today)
        plausible = self.plausible or PLAUSIBLE[self.feed, self.column]
        if self.what == "one_value":
            shown = plausible.shown(self.today)
            return f"has {shown} for every loan in column '{self.column}'; is it filled, and from where?"
        if self.what == "repeated":
            above = f"above the plausible {plausible.bounds}" if self.today > plausible.high else "the largest of all"
            shown, asked = plausible.shown(self.today), "does it stand for a missing value?"
            return f"has {shown}, {above}, for several loans in column '{self.column}'; {asked}"
        beyond = "above" if self.what == "too_high" else "below"
        return (
            f"has values in column '{self.column}' that mostly lie {beyond} the plausible {plausible.bounds}, their "
            f"median being {plausible.shown(self.today)}; another unit?"
        )

    def _times(self, compared: str) -> str:
        small, large = sorted(map(abs, (self.today, self.usual or 0.0)))
        ratio = large / small if small > 0 and self.today * (self.usual or 0.0) > 0 else 0.0
        if ratio >= _OF_ANOTHER_UNIT:
            return f"about {float(f'{ratio:.2g}'):,.0f} times {compared} than usual; another unit?"
        return f"nearly all {compared} than those of the days before"

    def as_json(self) -> dict[str, Any]:
        """Give it as receipts do; shares have four digits, medians six significant ones."""
        rounded = _significant if self.what in (LEVELS - TEXTS) | IMPLAUSIBLE else _four_digits
        texts = {"texts": list(self.texts), "usual_texts": list(self.usual_texts)} if self.what in TEXTS else {}
        return {
            "feed": self.feed,
            "column": self.column or None,
            "what": self.what,
            "today": rounded(self.today),
            "usual": None if self.usual is None else rounded(self.usual),
            "likely_name": self.likely_name or None,
            **texts,
        }


def _asked(what: str, today: float) -> str:
    if what == "unaffordable":
        return (
            f"has incomes in column 'annual_income' of which instalments, or else amounts over their terms, take "
            f"up {today:.0%} a month (median); is it the income of a month, or the term in years?"
        )
    unit = "years" if what == "underpaid" else "days or weeks"
    return (
        f"has loans whose instalments over the term in column 'term' come to {today:.2g} times the amount (median); is "
        f"the term in {unit}?"
    )


def _listed(begin: str, texts: Sequence[str], end: str) -> str:
    """List texts in quotes; empty where there are none."""
    quoted = ", ".join(f"'{one_line(text, _LONGEST_TEXT)}'" for text in texts)
    return f"{begin}{quoted}{end}" if texts else ""


def _four_digits(share: float) -> float:
    return round(share, 4)


def _significant(number: float) -> float:
    return float(f"{number:.6g}")


__all__ = ["DRIFT", "IMPLAUSIBLE", "LEVELS", "LOSSES", "PAYMENTS", "TEXTS", "Finding", "What"]

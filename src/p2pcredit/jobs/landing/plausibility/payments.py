"""Look, part by part, whether the instalments of a raw file pay back its loans, and whether its borrowers can pay them.

A term in years, or the income of a month, is of a plausible size by itself; see `monitoring.feeds.payments`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from p2pcredit.jobs.landing.plausibility.numbers import number_of
from p2pcredit.monitoring.feeds.compared_payments import BURDEN, COLUMNS, FEEDS, REPAID, Compared, Doubt
from p2pcredit.monitoring.feeds.payments import MOST_BURDEN, compared
from p2pcredit.monitoring.feeds.plausibility import doubts_of
from p2pcredit.platforms.loan_book import RawBook

logger = logging.getLogger("p2pcredit")
_Place = tuple[str, str]

_SAID: Mapping[Doubt, str] = {
    "underpaid": "in {beyond} of {count} loans all instalments come to less than half of the amount; is the term in "
    "years? Then write in the mapping 'term: {{column: {term}, times: 12}}', or else give it in months",
    "overpaid": "in {beyond} of {count} loans all instalments come to more than five times the amount; is the term in "
    "days or weeks? Then give it in months, in a mapping by 'values' or an expression",
    "unaffordable": f"in {{beyond}} of {{count}} loans the instalment, or else the amount over its term, is above "
    f"{MOST_BURDEN:.0%} of the monthly income; is the income that of a month? Then write in the mapping "
    "'annual_income: {{column: {income}, times: 12}}'; or is the term in years? Then 'term: {{column: {term}, times: "
    "12}}'",
}


@dataclass(slots=True)
class LandedPayments:
    """Counts, part by part, how instalment, term, amount and income of a book stand to each other."""

    found: dict[str, Compared] = field(default_factory=dict)

    def look_at(self, book: RawBook) -> None:
        """Add a part of the book."""
        terms, incomes = book.feeds["loan_terms"], book.feeds["financial"]
        loans = terms.select(
            "loan_id",
            number_of(pl.col("loan_amount")),
            pl.col("term").str.extract(r"^\s*\+?([0-9]{1,4})").cast(pl.Float64).alias("term_months"),
            number_of(pl.col("installment")),
            (number_of(pl.col("interest_rate"), percent=True) / 100).alias("interest_rate_share"),
        )
        if loans["installment"].null_count() < loans.height:
            self._add(REPAID, loans)
        income = incomes.select("loan_id", number_of(pl.col("annual_income")))
        if income["annual_income"].null_count() < income.height:
            alike = loans["loan_id"].equals(income["loan_id"])
            both = loans.hstack(income.select("annual_income")) if alike else loans.join(income, on="loan_id")
            self._add(BURDEN, both)

    def _add(self, name: str, loans: pl.DataFrame) -> None:
        self.found[name] = self.found.get(name, Compared()) + compared(name, loans)

    def findings(self, chance: float, right: Collection[str]) -> dict[_Place, tuple[Doubt, Compared]]:
        """Find what most loans contradict, but of columns (as `feed.column`) whose sizes are known to be right."""
        return {
            (FEEDS[name], COLUMNS[name]): (doubt, self.found[name])
            for name, doubt in doubts_of(self.found, chance).items()
            if f"{FEEDS[name]}.{COLUMNS[name]}" not in right
        }


def warn_of_payments(
    found: Mapping[_Place, tuple[Doubt, Compared]], expected: Mapping[_Place, str]
) -> dict[str, dict[str, Any]]:
    """Ask about each, by the raw columns that give them, with the line of a mapping to write.

    Returns:
        `feed.column` -> `what`, `values` (loans of which enough is known), `beyond` (how many contradict).
    """
    told = {}
    for (feed, column), (doubt, loans) in found.items():
        place, beyond = f"{feed}.{column}", loans.below if doubt == "underpaid" else loans.above
        said = _SAID[doubt].format(
            beyond=beyond,
            count=loans.loans,
            term=expected.get(("loan_terms", "term"), "COLUMN"),
            income=expected.get(("financial", "annual_income"), "COLUMN"),
        )
        raw = expected.get((feed, column), column)
        logger.warning(
            "%s (%s): %s; where that is right, name '%s' in the setting preprocessing.own_sizes",
            raw,
            place,
            said,
            place,
        )
        told[place] = {"what": doubt, "values": loans.loans, "beyond": beyond}
    return told


__all__ = ["LandedPayments", "warn_of_payments"]

"""Between which bounds the numbers of most loans of a consumer loan book lie, per landed column, and why.

These are no rules: a value outside stands. A whole column outside is another unit, or another column, more often than
another kind of book, and is said. Money is in a currency of about the worth of a dollar, a euro or a pound; a book in
another one names its columns in the setting `preprocessing.own_sizes`.

Source:
    Medians of quarters with 30 loans or more of the public books of LendingClub (2007 to 2018) and Prosper (2005 to
    2014): amounts of money lie inside the bounds by a factor of six or more, months and numbers of accounts by three
    or more, shares of 100% by 1.3; the lower bound of a count is 1, the FICO score has its own scale.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plausible:
    """What most loans of a book hold in a column of numbers.

    Args:
        low: Of the values above 0 at least half are as large as this. In the unit of silver: shares, not percents.
        high: At least half of all values are no larger than this.
        one_value: The largest share of loans that any one value has; 1 where all loans may have the same.
        why: Why so.
        percent: Whether the column lands in percent.
    """

    low: float
    high: float
    one_value: float
    why: str
    percent: bool = False

    @property
    def bounds(self) -> str:
        """The bounds as the column lands.

        Examples:
            >>> Plausible(0.005, 0.8, 0.9, "", percent=True).bounds, Plausible(50, 250_000, 0.5, "").bounds
            ('0.5% to 80%', '50 to 250,000')
        """
        return f"{self.shown(self.low)} to {self.shown(self.high)}"

    def shown(self, value: float) -> str:
        """Write a value of silver as it lands.

        Examples:
            >>> Plausible(0, 1, 1, "", percent=True).shown(18.0), Plausible(0, 1, 1, "").shown(0.25)
            ('1,800%', '0.25')
        """
        return f"{float(f'{100 * value:.6g}'):,.6g}%" if self.percent else f"{value:,.10g}"


def _percent(low: float, high: float, one_value: float, why: str) -> Plausible:
    return Plausible(low, high, one_value, why, percent=True)


def _rare(most: float, one_value: float, why: str = "Most borrowers have none.") -> Plausible:
    return Plausible(1, most, one_value, why)


_INCOME = "A year's income of one household; below 1,000 it is one in thousands, or no yearly one."
_BALANCE = "A household's credit: from one small card to a mortgage."
_USED = "Part of a limit; a little above 100% for a few who overdrew. A median below 2% is a share, not a percent."
_AGO = "Counted in months within the bureau's memory of about 20 years; 12 months ago is a value like any other."
_HELD = "A household's accounts."

PLAUSIBLE: Mapping[tuple[str, str], Plausible] = {
    ("loan_terms", "loan_amount"): Plausible(50, 250_000, 0.5, "From microloans to loans to small firms."),
    ("loan_terms", "term"): Plausible(
        1, 120, 1.0, "A month to ten years; beyond it are days or weeks. One term is usual."
    ),
    ("loan_terms", "interest_rate"): _percent(0.005, 0.8, 0.9, "Below 0.5% it is a share; some lenders have one rate."),
    ("loan_terms", "installment"): Plausible(1, 20_000, 0.5, "An amount over its months."),
    ("loan_terms", "amount_disbursed"): Plausible(50, 250_000, 0.5, "As much as was lent, or somewhat less."),
    ("demographic", "employment_length"): Plausible(
        0.25, 30, 0.7, "Years; platforms cut them off at ten. Else months."
    ),
    ("financial", "annual_income"): Plausible(1_000, 1_000_000, 0.3, _INCOME),
    ("financial", "debt_to_income"): _percent(0.01, 1.0, 0.3, "Lenders refuse most above 50%; below 1% it is a share."),
    ("financial", "revolving_balance"): Plausible(50, 100_000, 0.6, _BALANCE),
    ("financial", "revolving_utilisation"): _percent(0.02, 1.0, 0.6, _USED),
    ("financial", "total_current_balance"): Plausible(100, 2_000_000, 0.6, _BALANCE),
    ("financial", "bankcard_utilisation"): _percent(0.02, 1.0, 0.6, _USED),
    ("financial", "bankcard_open_to_buy"): Plausible(50, 200_000, 0.6, _BALANCE),
    ("financial", "revolving_limit"): Plausible(100, 500_000, 0.6, _BALANCE),
    ("financial", "average_current_balance"): Plausible(50, 500_000, 0.6, _BALANCE),
    ("financial", "collections_owed"): Plausible(1, 50_000, 0.98, "Most borrowers owe none."),
    ("credit_history", "fico_low"): Plausible(300, 850, 0.3, "The scale of FICO scores."),
    ("credit_history", "fico_high"): Plausible(300, 850, 0.3, "The scale of FICO scores."),
    ("credit_history", "delinquencies_2y_count"): _rare(10, 0.97),
    ("credit_history", "inquiries_6m_count"): _rare(20, 0.8, "A few at most; many borrowers have none."),
    ("credit_history", "months_since_delinquency"): Plausible(1, 240, 0.6, _AGO),
    ("credit_history", "months_since_record"): Plausible(1, 300, 0.6, _AGO),
    ("credit_history", "open_accounts_count"): Plausible(1, 60, 0.5, _HELD),
    ("credit_history", "public_records_count"): _rare(10, 0.98),
    ("credit_history", "total_accounts_count"): Plausible(1, 150, 0.5, _HELD),
    ("credit_history", "bankruptcies_count"): _rare(10, 0.98),
    ("credit_history", "tax_liens_count"): _rare(10, 0.995),
    ("credit_history", "collections_12m_count"): _rare(10, 1.0, "Older books have none at all."),
    ("credit_history", "mortgage_accounts_count"): _rare(30, 0.9, _HELD),
    ("credit_history", "accounts_opened_24m_count"): _rare(40, 0.7, _HELD),
    ("credit_history", "inquiries_12m_count"): _rare(40, 0.8, "A few at most; many borrowers have none."),
    ("credit_history", "months_since_inquiry"): Plausible(1, 240, 0.7, _AGO),
    ("credit_history", "months_since_newest_account"): Plausible(1, 240, 0.6, _AGO),
    ("credit_history", "months_since_major_derogatory"): Plausible(1, 300, 0.6, _AGO),
    ("credit_history", "accounts_ever_120_days_count"): _rare(20, 0.97),
    ("credit_history", "accounts_never_late"): _percent(0.02, 1.0, 0.95, "Most accounts were never late."),
    ("credit_history", "bankcards_nearly_full"): _percent(0.02, 1.0, 0.95, "Of a few cards, none or some."),
}
"""Feed and column -> what is plausible. Servicing events have none: what they hold depends on how the loans went."""

NINES = frozenset(10.0**digits - 1 for digits in range(3, 10))
"""999 to 999,999,999, as systems write for what is missing: where it is the largest of a column, several times."""

__all__ = ["NINES", "PLAUSIBLE", "Plausible"]

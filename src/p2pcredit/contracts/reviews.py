"""The review of a feature: who says the value, since when it is given, and on what basis it may be used.

A feature that may not be used carries a review too, since tables of older homes hold it and models made from it go on
scoring.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

FeatureSet = Literal["application", "price", "wording", "state", "prohibited"]


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer found of a feature.

    Args:
        source: Who says the value.
        available_since: Since when loans have it, and until when where it ended.
        basis: Why it may be used in a credit decision, or why not.
    """

    source: str
    available_since: str
    basis: str

    def as_json(self) -> dict[str, str]:
        """Return it as plain JSON values."""
        return asdict(self)


FEATURE_SETS: dict[FeatureSet, str] = {
    "application": "facts of the application and of the credit report",
    "price": "the platform's own price and grade",
    "wording": "how and what the borrower writes: lengths, capitals, topics of free text",
    "state": "the state or region of residence; learned from only where the redlining test passes",
    "prohibited": "words that stand for religion, marital status or health; never learned from",
}
"""Every set of features -> what is in it. The setting `training.feature_sets` names those that may be learned from."""

UNREVIEWED = Review("not said", "not said", "not reviewed")
"""Of a feature that is in no contract."""

_EVER = "LendingClub: since 2007, the first loans"
_STATED = "the borrower, in the application"
_BUREAU = "the credit bureau's report"
_PLATFORM = "the platform"
_CAPACITY = "capacity to repay: income, debts and the payment asked for"
_HISTORY = "history of credit: how the borrower has used and repaid it"
_PUBLIC = "public record of unpaid debts, which a credit report may hold"
_WORDS = (
    "none found: how people write is not what they can repay, and may stand for education, national origin or age; "
    "left out unless a setting names it"
)

STATED = Review(_STATED, _EVER, _CAPACITY)
EMPLOYMENT = Review(_STATED, _EVER, "stability of income, for which length of employment is an accepted factor")
HOUSING = Review(_STATED, _EVER, "housing costs and stability")
PURPOSE = Review(
    f"{_STATED}, chosen from a list",
    _EVER,
    "use of the money; levels that name a medical use or a wedding may weigh no more than like ones, see their bins",
)
JOINT = Review(
    _STATED,
    "LendingClub: since the fourth quarter of 2015; individual before",
    "number of people who owe the debt; whether they are married is not asked",
)
VERIFIED = Review(_PLATFORM, _EVER, "whether the income that the decision rests on was verified")
CAPACITY_BY_REPORT = Review(f"{_STATED}, and {_BUREAU}", _EVER, _CAPACITY)
HISTORY = Review(_BUREAU, _EVER, _HISTORY)
SCORE = Review(_BUREAU, "LendingClub: since 2007 in the layout `accepted`, never in `LoanStats`", _HISTORY)
PUBLIC_RECORD = Review(_BUREAU, _EVER, _PUBLIC)
HISTORY_2012Q2 = Review(_BUREAU, "LendingClub: since the second quarter of 2012", _HISTORY)
HISTORY_2012Q3 = Review(_BUREAU, "LendingClub: since the third quarter of 2012", _HISTORY)
HISTORY_2015Q4 = Review(_BUREAU, "LendingClub: since the fourth quarter of 2015", _HISTORY)
REGION = Review(
    _STATED,
    _EVER,
    "none by itself: residence can stand for race or national origin (redlining). It may be learned from only where "
    "the test passes on the book",
)
PRICE = Review(_PLATFORM, _EVER, "the platform's own decision, which a model of the borrower's risk does not need")
WORDING = Review(f"{_STATED}, in free text", _EVER, _WORDS)
WORDING_OF_DESCRIPTION = Review(
    f"{_STATED}, in free text", "LendingClub: since 2007, ended in the first quarter of 2014", _WORDS
)
PROHIBITED_WORDS = Review(
    f"{_STATED}, in free text",
    _EVER,
    "prohibited: the words stand for religion, marital status or health",
)

__all__ = ["FEATURE_SETS", "FeatureSet", "Review"]

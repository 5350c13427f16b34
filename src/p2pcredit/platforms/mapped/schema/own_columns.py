"""Columns of the lender's own that are features."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from p2pcredit.contracts.catalogue import declare
from p2pcredit.contracts.feature import Feature
from p2pcredit.platforms.mapped.dates import ISO
from p2pcredit.platforms.mapped.schema.sources import DateSource, Source, SourceOrName, Strict, Text


class OwnColumn(Strict):
    """A column of the lender's own that is a feature: where it stands, what it is, and why it may be used.

    A `date` becomes its age in months on the day the loan was issued, a `text` its length. `direction` is 1 where more
    means riskier, -1 where more means safer, 0 where credit sense does not say; of a date more is longer ago. `reason`
    is the few words of why a score is lower than it could be, `text` and `advice` what a borrower is told and can do.
    `basis` says why the value may be used in a credit decision. `known_on` is the day on which a value was known; one
    that was not known on the day of the loan is missing.
    """

    source: SourceOrName
    kind: Literal["number", "category", "date", "text"] = "number"
    direction: Literal[-1, 0, 1] | None = None
    reason: str = Field(min_length=3, max_length=80)
    basis: str = Field(min_length=10)
    description: str = ""
    text: str = ""
    advice: str = ""
    given_by: Literal["borrower", "bureau", "platform"] = "borrower"
    available_since: Text = "not said"
    known_on: DateSource | None = None
    plausible: tuple[float, float] | None = None
    feature_set: Literal["application", "price", "wording"] = "application"

    @model_validator(mode="after")
    def _consistent(self) -> OwnColumn:
        if self.direction is None and self.kind != "category":
            raise ValueError("lacks 'direction'; write 1 (more is riskier), -1 (more is safer) or 0 (not said)")
        if self.direction and self.kind == "category":
            raise ValueError("is a category, which has no direction; leave 'direction' out")
        if self.plausible is not None and (self.kind != "number" or self.plausible[0] >= self.plausible[1]):
            raise ValueError("'plausible' is the lower and the upper bound of a number, such as [0, 600]")
        if self.kind != "number" and self.source.is_number:
            raise ValueError(f"is a {self.kind}, which is not calculated with; leave out 'times' and 'round'")
        if self.kind != "date" and self.source.date:
            raise ValueError("has 'date' in its source; write 'kind: date'")
        if self.kind == "date" and self.source.default is not None:
            raise ValueError("is a date, which has no 'default'")
        return self

    @property
    def written(self) -> Source:
        """Its source; a date is read as ISO where nothing else is said."""
        if self.kind != "date" or self.source.date:
            return self.source
        return self.source.model_copy(update={"date": (ISO,)})

    def contract(self, name: str) -> Feature:
        """Make the contract of the feature that it is."""
        return declare(
            name,
            self.kind,
            direction=self.direction or 0,
            reason=self.reason.strip().removesuffix("."),
            basis=self.basis.strip(),
            description=self.description.strip(),
            given_by=self.given_by,
            available_since=self.available_since,
            text=self.text.strip(),
            advice=self.advice.strip(),
            plausible=self.plausible,
            group=self.feature_set,
        )


_PROHIBITED = frozenset(
    {"sex", "gender", "race", "racial", "ethnic", "ethnicity", "colour", "religion", "religious", "faith", "marital"}
    | {"married", "divorced", "nationality", "citizenship", "disability", "disabled", "pregnant", "pregnancy", "health"}
    | {"illness", "political", "politics", "sexual", "orientation", "caste", "tribe"}
)
"""Words of grounds on which no credit decision may rest, in whatever law one looks."""


def prohibited_word(*texts: str) -> str | None:
    """Find a word of a prohibited ground among names and texts.

    Examples:
        >>> prohibited_word("BorrowerGender"), prohibited_word("trace_count"), prohibited_word("marital_status")
        ('gender', None, 'marital')
    """
    words = (word.casefold() for text in texts for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text))
    return next((word for word in words if word in _PROHIBITED), None)

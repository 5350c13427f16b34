"""Settings of the labels: when a loan is bad, and when a label is known."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from p2pcredit.settings.group import Group

EARLY_DAYS = 30
"""Days past due from which a loan is early delinquent: a sign of default, and no label. Written here only."""

LONGEST_WINDOW_MONTHS = 60
"""The most that `window_months` may be."""


class LabelTarget(Group):
    """One definition of a label: default within so many months on book.

    `term_months`: only loans of that contract term have this label; None means loans of every term.
    """

    window_months: int
    default_days: int
    reporting_lag_days: int
    term_months: int | None = None

    @property
    def definition(self) -> str:
        """The label's name, with its horizon in it: `pd12`, `pd36`."""
        return f"pd{self.window_months}"


class LabelSettings(Group):
    """When a label exists and is known. Models are learned from and judged by the main definition only."""

    window_months: int = Field(
        12,
        ge=1,
        le=LONGEST_WINDOW_MONTHS,
        description="Months on book within which a default makes a loan bad, by the main definition. It names the "
        "label: `pd12` for 12.",
    )
    default_days: int = Field(90, ge=1, le=180, description="Days past due from which a loan is in default.")
    reporting_lag_days: int = Field(
        30,
        ge=0,
        le=120,
        description="Days after the window closes until a loan without a default counts as good, because servicing "
        "reports late.",
    )
    lifetime_terms_months: tuple[Annotated[int, Field(ge=1, le=120)], ...] = Field(
        (36, 60),
        description="Contract terms in months whose loans get a second label, default within the whole term. No model "
        "is learned from it or judged by it.",
    )

    @model_validator(mode="after")
    def _each_term_is_named_once(self) -> Self:
        terms = self.lifetime_terms_months
        twice = next((term for place, term in enumerate(terms) if term in terms[:place]), None)
        if twice is not None:
            raise ValueError(f"lifetime_terms_months names {twice} twice; name each term once")
        return self

    @property
    def definition(self) -> str:
        """The main label's name, with its horizon in it: `pd12` by default."""
        return f"pd{self.window_months}"

    @property
    def targets(self) -> tuple[LabelTarget, ...]:
        """Every definition in the label store, the main one first; a term as long as its window has none of its own.

        Examples:
            >>> [target.definition for target in LabelSettings().targets]
            ['pd12', 'pd36', 'pd60']
        """
        days = {"default_days": self.default_days, "reporting_lag_days": self.reporting_lag_days}
        terms = sorted(set(self.lifetime_terms_months) - {self.window_months})
        lifetime = (LabelTarget(window_months=term, term_months=term, **days) for term in terms)
        return LabelTarget(window_months=self.window_months, **days), *lifetime

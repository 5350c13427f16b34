"""What is wrong with an application: the row, the field, and what the field may hold."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from p2pcredit.contracts.allowed import allowed_values
from p2pcredit.contracts.catalogue import FeatureCatalogue
from p2pcredit.contracts.columns import Column
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, OWN_COLUMNS, Feed
from p2pcredit.errors import ApplicationError

COLUMNS = {column.source: column for feed in APPLICATION_FEEDS for column in feed.columns}
"""The columns of the four application feeds by the names of landing files, those that all share once."""


def columns_of_home(catalogue: FeatureCatalogue) -> dict[str, Column]:
    """Give them with the own columns that a model learned from, or that a home declares."""
    return {**COLUMNS, **{column.source: column for column in catalogue.columns}} if catalogue.own else COLUMNS


def feeds_of_application(catalogue: FeatureCatalogue) -> tuple[Feed, ...]:
    """List the feeds that say something of an application: that of own columns too, where there are any."""
    return (*APPLICATION_FEEDS, *([catalogue.feed(OWN_COLUMNS.name)] if catalogue.own else []))


LANDED = tuple(COLUMNS)
"""Their names, in the order of the feeds."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong. It never holds the value, which is a borrower's.

    Args:
        row: The place of the application among those given, from 1; None for a column of all of them.
        field: The column or key.
        problem: What is wrong with it, such as `above 100 percent`.
        allowed: What it may hold; by default as the contract says.
    """

    row: int | None
    field: str
    problem: str
    allowed: str = ""

    @property
    def allowed_here(self) -> str:
        """What the field may hold, in words; empty where the contract has no such field."""
        if self.allowed or self.field not in COLUMNS:
            return self.allowed
        return "each loan once" if self.problem == "duplicate" else allowed_values(COLUMNS[self.field])

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON values."""
        return {
            "application": self.row,
            "field": self.field,
            "problem": self.problem,
            "allowed": self.allowed_here,
        }

    def in_words(self) -> str:
        """Write it as part of a line.

        Examples:
            >>> FieldProblem(2, "fico_high", "above 900").in_words()
            'application 2, fico_high: above 900; allowed is a number from 0 to 900'
        """
        where = self.field if self.row is None else f"application {self.row}, {self.field}"
        return f"{where}: {self.problem}" + (f"; allowed is {self.allowed_here}" if self.allowed_here else "")


def in_order_of(columns: Sequence[str], problems: Iterable[FieldProblem]) -> list[FieldProblem]:
    """Sort problems by application, by the place of their field among columns, and by what they say."""
    return sorted(problems, key=lambda one: (one.row or 0, columns.index(one.field), one.problem))


def refuse(problems: Sequence[FieldProblem]) -> None:
    """Refuse applications that have problems; the line names the first.

    Raises:
        ApplicationError: If there are any.
    """
    if problems:
        others = len(problems) - 1
        more = f" ({others} more problem{'' if others == 1 else 's'})" if others else ""
        raise ApplicationError(f"{problems[0].in_words()}{more}", tuple(problem.as_json() for problem in problems))


__all__ = ["COLUMNS", "LANDED", "FieldProblem", "columns_of_home", "feeds_of_application", "in_order_of", "refuse"]

"""What became of loans: statuses and their rules, and what was paid in all."""

from __future__ import annotations

from datetime import date

from pydantic import Field, model_validator

from p2pcredit.platforms.mapped.schema.sources import Amounts, DateSource, SourceOrName, Strict
from p2pcredit.platforms.mapped.statuses.events import PAST_DUE, Rule


class Received(Strict):
    """What a loan has paid in all by the day of the file, where the file has no payments one by one.

    `recoveries` came in after charge-off, so many days after it as `recovered_after_days` says.
    """

    principal: Amounts = Field(min_length=1)
    interest: Amounts = ()
    fees: Amounts = ()
    recoveries: Amounts = ()
    last_on: DateSource | None = None
    recovered_after_days: int = Field(180, ge=0, le=3650)

    @property
    def amounts(self) -> dict[str, tuple[tuple[int, str], ...]]:
        """Per total the signs (1 or -1) and columns that make it."""
        given = {
            "principal": self.principal,
            "interest": self.interest,
            "fees": self.fees,
            "recoveries": self.recoveries,
        }
        return {
            total: tuple((-1, name[1:]) if name.startswith("-") else (1, name) for name in names)
            for total, names in given.items()
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of amounts."""
        return tuple(name for names in self.amounts.values() for _, name in names)


class Events(Strict):
    """What became of loans: which column says so, since when, and what each status means.

    A status means events, none (`[]`) where it says nothing yet, `past_due`, or `unknown` where the loan is then
    neither good nor bad.
    """

    status: SourceOrName
    on: DateSource | None = None
    days_past_due: SourceOrName | None = None
    read_on: date | None = None
    received: Received | None = None
    rules: dict[str, Rule] = Field(min_length=1)

    @model_validator(mode="after")
    def _days_for_past_due(self) -> Events:
        late = [status for status, rule in self.rules.items() if rule == PAST_DUE]
        if late and self.days_past_due is None:
            raise ValueError(
                f"rules.{late[0]} is past_due, which needs the column of days: write 'days_past_due: COLUMN'"
            )
        return self

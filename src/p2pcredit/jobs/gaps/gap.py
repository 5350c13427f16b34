"""A gap of a home: what is not there, of which days, and the command that fills it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from p2pcredit.contracts.results import Status
from p2pcredit.periods import DateRange, count_of_days, spans_of

_MOST_NAMED = 5


class Lack(StrEnum):
    """What is not there."""

    NOT_COMPLETE = "not complete"
    LANDED_IN_PART = "landed in part"
    NOTHING_LANDED = "nothing landed"
    NOT_SCORED = "not scored"
    NOT_MONITORED = "not monitored"
    NOT_DECIDED = "measured, not decided"
    NOT_REPORTED = "decided, its report not written"
    NOT_ALERTED = "decided, its alerts not sent"
    NOT_TRAINED = "retraining due, not begun"
    NOT_CLEARED = "decision acted on, not cleared"
    NOT_LOGGED = "retrained, not logged"


DAYS_NOT_TAKEN_IN = frozenset({Lack.NOT_COMPLETE, Lack.LANDED_IN_PART})
"""What days lack for which something landed."""

WEEKS_LACK = frozenset({Lack.NOT_MONITORED, Lack.NOT_DECIDED, Lack.NOT_REPORTED, Lack.NOT_ALERTED})
TRAININGS_LACK = {
    Lack.NOT_TRAINED: "a retraining was due and did not begin",
    Lack.NOT_CLEARED: "the decision that was acted on is still in the decision file",
    Lack.NOT_LOGGED: "retrained, and the week has no retraining log",
}


@dataclass(frozen=True, slots=True)
class Gap:
    """Days without a gap that lack the same, the last day of a week, or the day of a training.

    Args:
        lack: What is not there.
        days: The days.
        status: FAIL where later ones are done; UNDETERMINED where the next run may still do it, or where it cannot be
            told whether anything is missing.
        feeds: The feeds that did not land, for days that landed in part.
    """

    lack: Lack
    days: DateRange
    status: Status
    feeds: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """The command that fills it."""
        if self.lack in WEEKS_LACK:
            return f"p2pcredit monitor --week-end {self.days.last}"
        if self.lack in TRAININGS_LACK:
            return f"p2pcredit train --as-of {self.days.last}"
        verb = "infer" if self.lack is Lack.NOT_SCORED else "preprocess"
        return f"p2pcredit {verb} {self.days.options}"

    @property
    def line(self) -> str:
        """The gap and what fills it, in one line.

        Examples:
            >>> Gap(Lack.NOT_SCORED, DateRange(date(2024, 1, 3), date(2024, 1, 4)), Status.FAIL).line
            '2024-01-03 to 2024-01-04 (2 days) complete and not scored; fill: p2pcredit infer --from 2024-01-03 --to \
2024-01-04'
        """
        if self.lack in WEEKS_LACK:
            return f"week to {self.days.last} {self.lack}; fill: {self.command}"
        if self.lack in TRAININGS_LACK:
            return f"{self.days.last} {TRAININGS_LACK[self.lack]}; fill: {self.command}"
        only = len(self.days) == 1
        when = (
            f"{self.days.first}" if only else f"{self.days.first} to {self.days.last} ({count_of_days(len(self.days))})"
        )
        match self.lack:
            case Lack.NOT_SCORED:
                return f"{when} complete and not scored; fill: {self.command}"
            case Lack.NOT_COMPLETE:
                return f"{when} landed and not complete; fill: {self.command}"
            case Lack.LANDED_IN_PART:
                return f"{when} landed without {', '.join(self.feeds)}; land it, then fill: {self.command}"
        return f"{when} nothing landed; ask the source, land what there is (a header alone for none): {self.command}"

    def as_json(self) -> dict[str, Any]:
        """Give the gap as JSON values: `lack`, `from`, `to`, `days`, `status`, `command`."""
        return {
            "lack": str(self.lack),
            "from": self.days.first.isoformat(),
            "to": self.days.last.isoformat(),
            "days": len(self.days),
            "status": str(self.status),
            "command": self.command,
        }


def leave_out(gaps: Iterable[Gap], named: Collection[date]) -> list[Gap]:
    """Leave out days that are named elsewhere, with what is missing of each; those of weeks and trainings stay.

    Examples:
        >>> three = Gap(Lack.NOT_COMPLETE, DateRange(date(2024, 1, 3), date(2024, 1, 5)), Status.FAIL)
        >>> [gap.days.options for gap in leave_out([three], {date(2024, 1, 4)})]
        ['--date 2024-01-03', '--date 2024-01-05']
    """
    left: list[Gap] = []
    for gap in gaps:
        if gap.lack in WEEKS_LACK or gap.lack in TRAININGS_LACK:
            left.append(gap)
        else:
            left += [replace(gap, days=span) for span in spans_of([day for day in gap.days if day not in named])]
    return left


def in_lines(gaps: Sequence[Gap]) -> list[str]:
    """Give the first few gaps a line each, and count the others in one line more."""
    lines = [gap.line for gap in gaps[:_MOST_NAMED]]
    more = len(gaps) - _MOST_NAMED
    return [*lines, f"{more} more gaps; see 'p2pcredit status'"] if more > 0 else lines


__all__ = ["DAYS_NOT_TAKEN_IN", "TRAININGS_LACK", "WEEKS_LACK", "Gap", "Lack", "in_lines", "leave_out"]

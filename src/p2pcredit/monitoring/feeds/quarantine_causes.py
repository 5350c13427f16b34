"""Judge whether too many rows were set aside, and say what to write where a rule is broken."""

from __future__ import annotations

from dataclasses import dataclass

from p2pcredit.contracts.feeds import PERFORMANCE_STATUSES

_FEW = 2

_STATUSES = ", ".join(sorted(PERFORMANCE_STATUSES))
_OF_EVENTS = {
    "event_date": "without the date of its event, what became of a loan is unknown; fill it, as YYYY-MM-DD; in a "
    "mapping name its column and how it is written, events: {\"on\": {column: COLUMN, date: '%d.%m.%Y'}}",
    "days_past_due": "without its days past due, what became of a late loan is unknown; write whole days, such as 45; "
    "in a mapping name their column, events: {days_past_due: COLUMN}",
}
"""What to write into the columns without which an event says nothing, where they are missing or cannot be read."""
_ADVICE = {
    "not a date": "write dates as YYYY-MM-DD; in a mapping say how they are written, such as date: '%d.%m.%Y'",
    "years back": "leave a date blank that stands for none, such as 1900-01-01, and write years with four digits",
    "in the future": "check how its dates are written, and that each row is in the file of its own day",
    "not on the day it was landed for": "put each row in the file of its own day",
    "not a term": "write terms in months, such as 36",
    "not a whole number": "write whole numbers such as 45",
    "not a": "write plain numbers such as 1234.56; in a mapping say how numbers are written, such as decimal: ','",
    "lost digits": "a spreadsheet or a column of decimals wrote them; write ids as text",
    "cannot be seen": "write ids without control characters and without zero-width ones",
    "unknown value": f"allowed are {_STATUSES}; in a mapping translate others in events.rules",
    "missing": "fill that column; in a mapping name the column of the download that holds it",
    "duplicate": "deliver each row once",
    "wrong number of fields": "put fields that hold commas or line ends in double quotes",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """The rule that most rows broke.

    Args:
        rule: As the quarantine says it, such as `term: missing`.
        rows: How many rows broke it.
        example: A value that broke it; empty where it is a missing one.
    """

    rule: str
    rows: int
    example: str

    @property
    def sentence(self) -> str:
        """The cause in a sentence, with what to write.

        Examples:
            >>> print(Cause("row: wrong number of fields", 9, "7,8,9").sentence)  # doctest: +ELLIPSIS
            most often by 'row: wrong number of fields' (9 rows, such as '7,8,9'): put fields that hold commas ...
        """
        such_as = f", such as '{self.example}'" if self.example else ""
        rows = f"{self.rows:,} row{'' if self.rows == 1 else 's'}"
        return f"most often by '{self.rule}' ({rows}{such_as}): {advice_on(self.rule)}"


def too_many_set_aside(set_aside: int, rows: int, limit: float, *, few_count: bool = True) -> bool:
    """Return whether a share of rows above the limit was set aside.

    Args:
        set_aside: How many rows were.
        rows: How many came in.
        limit: The share; with 0 any row is too many.
        few_count: Whether one or two rows are too many where they are half of the rows or more; else they never are.

    Examples:
        >>> too_many_set_aside(3, 10, 0.2), too_many_set_aside(1, 4, 0.2), too_many_set_aside(1, 2, 0.2)
        (True, False, True)
        >>> too_many_set_aside(1, 1, 0.2, few_count=False), too_many_set_aside(1, 900, 0.0, few_count=False)
        (False, True)
    """
    if limit == 0:
        return set_aside > 0
    return set_aside > limit * rows and (set_aside > _FEW or (few_count and 2 * set_aside >= rows))


def advice_on(rule: str) -> str:
    """Say what to write so that a rule is kept."""
    column, _, problem = rule.partition(": ")
    if column in _OF_EVENTS and (problem == "missing" or problem.startswith("not a")):
        return _OF_EVENTS[column]
    found = next((advice for words, advice in _ADVICE.items() if words in problem), None)
    return found or f"mend the values of {column}; in a mapping scale them with 'times'"


__all__ = ["Cause", "advice_on", "too_many_set_aside"]

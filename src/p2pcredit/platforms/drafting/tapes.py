"""Draft the part of a mapping that reads a servicing tape."""

from __future__ import annotations

import re

from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.drafting.finding import ONE_EACH, days_past_due, find, meaning_of, same_key
from p2pcredit.platforms.drafting.questions import Draft, Question
from p2pcredit.platforms.drafting.statuses import about_status
from p2pcredit.platforms.drafting.writing import dated, day_in_sql, expression, quoted, scalar
from p2pcredit.platforms.mapped.schema.sources import Source
from p2pcredit.platforms.mapped.values import as_date

_COUNTED = r"month|count|number|times|\bno\b|days"
"""Words of columns that count arrears, so no amount."""


def is_tape(file: FileFacts, loans: FileFacts, key: ColumnFacts) -> bool:
    """Return whether the ids of the loans repeat in a file that has days."""
    other = same_key(file, loans, key)
    return other is not None and other.distinct < ONE_EACH * file.rows.height and find(file, "day") is not None


def draft_tape(draft: Draft, tape: FileFacts, loans: FileFacts, key: ColumnFacts, pattern: str) -> None:
    """Write the part of a tape."""
    say = draft.lines.append
    own, day = same_key(tape, loans, key), find(tape, "day")
    say("tape:")
    say(f"  files: {quoted(pattern)}")
    say(f"  loan_id: {scalar(own.name if own else key.name)}")
    _draft_day(draft, tape, day)
    late = days_past_due(tape)
    if late is not None:
        say(f"  days_past_due: {late[1]}")
    for name in ("overdue", "balance", "principal", "interest", "paid"):
        found = find(tape, name)
        divided = any(find(tape, one) for one in ("principal", "interest"))
        if (
            found is not None
            and not (name == "paid" and divided)
            and not (name == "overdue" and (late or re.search(_COUNTED, found.name.casefold())))
        ):
            say(f"  {name}: {scalar(found.name)}")
    status = find(tape, "status")
    if status is not None and status.levels:
        say(f"  status: {scalar(status.name)}")
        say("  statuses:")
        for text, count in status.levels:
            word = meaning_of(text)
            if word is None:
                further = "It is unknown as long as it is not named"
                word = draft.ask(about_status(text, f"{count} rows", further), "    ")
            if word == "UNKNOWN":
                say(f"    # {quoted(text)} is neither good nor bad  # {count} rows")
            elif word is not None:
                say(f"    {quoted(text)}: {word}  # {count} rows")
    question = "what is a loan whose rows end before the tape does? Where it was paid back, write 'gone: FULLY_PAID'"
    choices = {"paid back": "FULLY_PAID", "not known": "unknown"}
    if (gone := draft.ask(Question("gone", question, "choice", choices), "  ")) is not None:
        say(f"  gone: {gone}")


def _draft_day(draft: Draft, tape: FileFacts, day: ColumnFacts | None) -> None:
    """Write the day of a row; where all are the first of a month, ask whether they stand for its end."""
    written = "COLUMN" if day is None else dated(day)
    if day is not None and day.kind == "date" and _only_first_days(tape, day):
        end = expression(f"last_day({day_in_sql(day)})")
        question = Question(
            "tape.day",
            f"all days in {day.name} are the first of a month; where a row says how the loan stood at its end, write "
            f"'day: {end}'",
            "choice",
            {"how the loan stood at the end of that month": end, "how it stood on that day": written},
        )
        written = draft.ask(question, "  ") or written
    draft.lines.append(f"  day: {written}")


def _only_first_days(tape: FileFacts, day: ColumnFacts) -> bool:
    found = tape.rows.select(as_date(Source(column=day.name, date=(day.patterns[0],))).dt.day().alias("day"))["day"]
    return bool((found.drop_nulls() == 1).all()) and found.count() > 0


__all__ = ["draft_tape", "is_tape"]

"""Draft what the statuses of loans mean, and since when they hold."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from p2pcredit.platforms.drafting.columns import ColumnFacts, FileFacts
from p2pcredit.platforms.drafting.finding import find, meaning_of
from p2pcredit.platforms.drafting.questions import MEANING_WORDS, Draft, Question
from p2pcredit.platforms.drafting.writing import dated, day_in_sql, expression, identifier
from p2pcredit.platforms.missing_signs import is_blank

_HAVE_A_DAY = frozenset({"CHARGED_OFF", "DEFAULT", "FULLY_PAID"})
"""Statuses that say nothing without the day since which they hold: the outcome of such a loan is unknown."""
_MOSTLY = 0.5
_AS_IT_IS = "as it is"


def meanings_of(draft: Draft, loans: FileFacts) -> tuple[ColumnFacts | None, dict[str, str]]:
    """Find the column of statuses, by its name or an answer, and what its texts mean; asks nothing.

    Returns:
        The column, None where there is none; text -> the status of the contract, of those whose meaning is plain or
        was answered.
    """
    status = find(loans, "status")
    if status is None and (named := draft.answers.get("status")) is not None:
        status = loans.column(named)
    texts = [text for text, _ in status.levels] if status is not None else []
    found = {text: meaning_of(text) or draft.answers.get(f"status {text}") for text in texts}
    return status, {text: word for text, word in found.items() if word is not None}


def closing_dates(
    draft: Draft, loans: FileFacts, status: ColumnFacts, since: ColumnFacts, meanings: Mapping[str, str]
) -> str:
    """Write since when a status holds, and ask where a column has that day for some statuses only.

    A column such as a date of charge-off is blank for loans that were paid back. What became of those is unknown
    without a day; that they ran to the end of their term is for a person to say.
    """
    written = dated(since)
    rows = loans.rows.select(
        status=pl.col(status.name).str.strip_chars(), has=(~is_blank(pl.col(since.name))).fill_null(value=False)
    )
    shares = dict(rows.group_by("status").agg(pl.col("has").mean()).iter_rows())
    dayless = [text for text, word in meanings.items() if word in _HAVE_A_DAY and shares.get(text, 0.0) < _MOSTLY]
    if not dayless:
        return written
    made, term = find(loans, "origination_date"), find(loans, "term")
    named = " and ".join(f"'{text}'" for text in dayless)
    blank = f"{since.name} is blank where the status is {named}, so that what became of those loans is not known"
    if made is None or term is None or not made.patterns or not since.patterns:
        draft.ask(Question("on blank", f'{blank}; which day is it for them? Write "on" as an expression'), "  ")
        return written
    end = f"add_months({day_in_sql(made)}, as_number({identifier(term.name)}))"
    at_the_end = expression(f"coalesce({day_in_sql(since)}, {end})")
    question = Question(
        "on blank",
        f"{blank}; where they ended with their term, write '\"on\": {at_the_end}'",
        "choice",
        {"they ended with their term": at_the_end, "it is not known": _AS_IT_IS},
    )
    answer = draft.ask(question, "  ")
    return written if answer in {None, _AS_IT_IS} else str(answer)


def about_status(text: str, count: str, further: str = "") -> Question:
    """Ask what a text of a column of statuses means."""
    question = f"what does the status '{text}' mean ({count})? {further}".strip()
    return Question(f"status {text}", question, "choice", MEANING_WORDS)


def rule_of(word: str | None, *, has_days: bool) -> str:
    """Write the rule of a status of the contract; `unknown` where it is not known which it is."""
    if word in {None, "UNKNOWN"}:
        return "unknown"
    if word == "CURRENT":
        return "[]"
    if word == "LATE":
        return "past_due" if has_days else "[{status: LATE, days_past_due: 30}]"
    late = {"DEFAULT": ", days_past_due: 90", "CHARGED_OFF": ", days_past_due: 120"}.get(word, "")
    return f"[{{status: {word}{late}}}]"


__all__ = ["about_status", "closing_dates", "meanings_of", "rule_of"]

"""The open questions of a drafted mapping: what may be answered, and what an answer becomes in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from p2pcredit.errors import UsageError

Kind = Literal["by hand", "choice", "currency", "day", "months"]
MEANING_WORDS = {
    "still running, nothing has happened": "CURRENT",
    "paid back": "FULLY_PAID",
    "late": "LATE",
    "in default": "DEFAULT",
    "charged off": "CHARGED_OFF",
    "neither good nor bad": "UNKNOWN",
}
"""What a status may mean, as it is offered -> the status of the contract."""
_MOST_MONTHS = 600


@dataclass(frozen=True, slots=True)
class Question:
    """What a draft does not know.

    Args:
        key: What the answer is kept under.
        text: The question.
        kind: What an answer is: a `choice`, a `currency`, a `day`, a choice or a number of `months`; `by hand` where
            the mapping has to be edited.
        choices: What may be answered -> what that is in the draft.
    """

    key: str
    text: str
    kind: Kind = "by hand"
    choices: Mapping[str, str] = field(default_factory=dict)

    @property
    def hint(self) -> str:
        """What may be typed, in a few words."""
        return {
            "by hand": "",
            "choice": "a number of the list",
            "currency": "three letters, such as EUR",
            "day": "a day, such as 2024-12-31",
            "months": "a number of the list, or '36 months' where all loans have one term",
        }[self.kind]

    def answered(self, typed: str) -> str:
        """Read an answer.

        Args:
            typed: The place of a choice in the list, from 1, or its text; or what `hint` says.

        Raises:
            UsageError: If it is none; says what may be typed.

        Examples:
            >>> Question("currency", "which?", "currency").answered(" eur ")
            'EUR'
            >>> Question("gone", "what?", "choice", {"paid back": "FULLY_PAID"}).answered("1")
            'FULLY_PAID'
        """
        bare = typed.strip()
        by_fold = {name.casefold(): value for name, value in self.choices.items()}
        if bare.isascii() and bare.isdigit() and 1 <= int(bare) <= len(self.choices):
            return list(self.choices.values())[int(bare) - 1]
        if bare.casefold() in by_fold:
            return by_fold[bare.casefold()]
        if self.kind == "currency" and re.fullmatch("[A-Za-z]{3}", bare):
            return bare.upper()
        if self.kind == "day" and re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", bare):
            try:
                return date.fromisoformat(bare).isoformat()
            except ValueError:
                pass
        months = re.fullmatch(r"([0-9]{1,3})\s*months?", bare.casefold())
        if self.kind == "months" and months and 1 <= int(months[1]) <= _MOST_MONTHS:
            return f"{{value: {int(months[1])}}}"
        raise UsageError(f"'{bare}' is no answer; type {self.hint}")


@dataclass(slots=True)
class Draft:
    """A drafted mapping.

    Args:
        answers: Key of a question -> its answer.
        lines: The lines of the mapping.
        asked: The questions that are open, which stand in it too.
    """

    answers: Mapping[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)

    def ask(self, question: Question, indent: str = "", *, write: bool = True) -> str | None:
        """Look an answer up; put the question into the draft where there is none, as a line of its own or as told.

        Args:
            question: What is not known.
            indent: What stands before its line.
            write: Whether it gets a line; else the caller writes it.
        """
        answer = self.answers.get(question.key)
        if answer is None:
            self.asked.append(question)
            if write:
                self.lines.append(f"{indent}# QUESTION: {question.text}")
        return answer

    @property
    def questions(self) -> list[str]:
        """The questions that a person has to answer."""
        return [question.text for question in self.asked]

    @property
    def text(self) -> str:
        """The mapping."""
        return "\n".join(self.lines) + "\n"


__all__ = ["MEANING_WORDS", "Draft", "Question"]

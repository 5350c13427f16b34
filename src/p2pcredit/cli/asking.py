"""Ask the open questions of a drafted mapping on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from p2pcredit.errors import UsageError
from p2pcredit.platforms.drafting.questions import Draft, Question
from p2pcredit.text import one_line


def is_conversation(*, no_input: bool) -> bool:
    """Return whether a person reads what is printed and can type an answer: both ends are terminals."""
    return not no_input and sys.stdin.isatty() and sys.stdout.isatty()


def answers_of(draft_with: Callable[[Mapping[str, str]], Draft]) -> dict[str, str]:
    """Ask one question after the other; an answer may bring further ones.

    An empty line leaves a question open, the end of the input (Ctrl-D) all that are left.

    Args:
        draft_with: Drafts the mapping with the answers so far.

    Returns:
        Key of a question -> its answer.
    """
    answers: dict[str, str] = {}
    passed: set[str] = set()
    while (question := _next(draft_with(answers).asked, passed)) is not None:
        passed.add(question.key)
        try:
            answer = _answer(question)
        except EOFError:
            break
        if answer is not None:
            answers[question.key] = answer
    return answers


def _next(asked: Sequence[Question], passed: set[str]) -> Question | None:
    return next((one for one in asked if one.kind != "by hand" and one.key not in passed), None)


def _answer(question: Question) -> str | None:
    sys.stdout.write(f"\n{one_line(question.text)}\n")
    for place, choice in enumerate(question.choices, 1):
        sys.stdout.write(f"  {place:2}  {one_line(choice, 60)}\n")
    while True:
        sys.stdout.write(f"({question.hint}; Enter leaves it open) > ")
        sys.stdout.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        if not line.strip():
            return None
        try:
            return question.answered(line)
        except UsageError as error:
            sys.stdout.write(f"{one_line(error)}\n")


__all__ = ["answers_of", "is_conversation"]

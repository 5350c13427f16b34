"""Habits of the tests themselves: what no test may do, since it would fail on a busy machine and prove nothing."""

from __future__ import annotations

import ast
from pathlib import Path

import hypothesis
from tests.not_none import not_none

TESTS = Path(__file__).resolve().parents[1]


def deadlines(source: str) -> list[int]:
    """Lines of calls that set a deadline other than None, whatever the call is named."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return [
        call.lineno
        for call in calls
        for keyword in call.keywords
        if keyword.arg == "deadline" and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
    ]


def test_properties_have_no_deadline_unless_they_ask_for_one() -> None:
    assert not_none(hypothesis.settings.default).deadline is None


def test_no_property_asks_for_a_deadline() -> None:
    assert deadlines(
        "@settings(deadline=None)\ndef f(): ...\n@bounded(max_examples=9, deadline=200)\ndef g(): ..."
    ) == [3]
    found = [
        f"{path.relative_to(TESTS)}:{line}" for path in TESTS.rglob("*.py") for line in deadlines(path.read_text())
    ]
    found = [place for place in found if not place.startswith("unit/test_test_habits.py")]
    assert not found, "a deadline fails on a busy machine and proves no law; leave it out"

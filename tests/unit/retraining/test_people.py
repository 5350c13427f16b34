from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p2pcredit.errors import UsageError
from p2pcredit.retraining.people import SCHEDULE, is_same_person, person_named


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is blank"),
        (" \t ", "is blank"),
        ("x" * 101, "has 101 characters, of at most 100"),
        ("Ada\u200bLovelace", "does not print"),
        ("SCHEDULE", "stands for scheduled runs"),
    ],
)
def test_a_text_that_is_no_persons_name_is_refused(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        person_named(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ada Lovelace", "ADA  lovelace ", True),
        ("Stra\u00dfe", "STRASSE", True),
        ("\uff21da", "ada", True),
        ("Ada", "Adam", False),
        ("Ada", None, False),
        (None, None, False),
    ],
)
def test_names_are_compared_as_a_reader_would(one: str | None, other: str | None, same: bool) -> None:
    assert is_same_person(one, other) is same
    assert is_same_person(other, one) is same


@settings(deadline=None)
@given(st.text(max_size=120))
def test_a_name_that_is_taken_is_one_printable_line_and_is_taken_again(text: str) -> None:
    try:
        name = person_named(text)
    except UsageError:
        return
    assert name == person_named(name)
    assert name.isprintable()
    assert is_same_person(name, text)
    assert not is_same_person(name, SCHEDULE)

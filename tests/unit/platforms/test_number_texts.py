"""Numbers in any notation of people are read as they were meant, or not at all."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p2pcredit.readers.localized_numbers import DecimalSign, is_number, misread_number, plain_number

GROUPS = {
    ",": [".", " ", "\u00a0", "\u202f", "'", "\u2019", ""],
    ".": [",", " ", "\u00a0", "\u202f", "'", "\u2019", ""],
}
SIGNS: list[DecimalSign] = [",", "."]


def told(text: str, decimal: DecimalSign) -> tuple[str, bool, bool]:
    """The plain form, whether it is a number, and whether it looks like one and is none."""
    column = pl.col("text")
    frame = pl.DataFrame({"text": [text]}).select(
        plain_number(column, decimal), number=is_number(column, decimal), misread=misread_number(column, decimal)
    )
    return frame.row(0)


@given(data=st.data(), decimal=st.sampled_from(SIGNS), value=st.decimals(-(10**9), 10**9, places=2))
def test_a_number_is_read_as_it_was_meant(data: st.DataObject, decimal: DecimalSign, value: object) -> None:
    group = data.draw(st.sampled_from(GROUPS[decimal]))
    shown = f"{value:,.2f}".replace(".", "_").replace(",", group).replace("_", decimal)
    before, after = data.draw(st.sampled_from([("", ""), ("€", ""), ("$ ", ""), ("", " €"), (" ", " "), ("", "%")]))
    plain, number, misread = told(before + shown + after, decimal)
    assert (number, misread) == (True, False)
    assert float(plain.strip().rstrip("%")) == float(str(value))


@given(text=st.text(st.sampled_from("0123456789.,' "), min_size=1, max_size=12), decimal=st.sampled_from(SIGNS))
def test_what_is_made_of_digits_is_a_number_or_misread_and_never_both(text: str, decimal: DecimalSign) -> None:
    plain, number, misread = told(text, decimal)
    assert number + misread == any(letter.isdigit() for letter in text)
    assert number or plain == text
    if number:
        float(plain)


@pytest.mark.parametrize(("text", "decimal"), [(".125", "."), (",125", ","), ("-.5%", "."), ("$.99", ".")])
def test_a_number_may_begin_with_its_decimal_sign(text: str, decimal: DecimalSign) -> None:
    plain, number, misread = told(text, decimal)
    assert (float(plain.rstrip("%")), number, misread) == (
        float(text.replace(",", ".").replace("$", "").rstrip("%")),
        True,
        False,
    )


@pytest.mark.parametrize("text", ["10+ years", "< 1 year", "n/a", "36 months", "", "-", ".", "1e5", "k.A."])
def test_words_stay_as_they_are(text: str) -> None:
    for decimal in SIGNS:
        assert told(text, decimal) == (text, False, False)


@pytest.mark.parametrize(
    ("text", "decimal"),
    [("12.34", ","), ("1.23.4", ","), ("12,34", "."), ("1,2,3", "."), ("1.2.3", "."), ("1,5,0", ","), ("1 23", ",")],
)
def test_a_number_of_the_other_notation_is_told_from_one(text: str, decimal: DecimalSign) -> None:
    assert told(text, decimal) == (text, False, True)

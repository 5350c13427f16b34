"""Numbers as people write them, `1.234,50 €` or `$1,234.50`, turned into the plain form that feeds hold, `1234.50`."""

from __future__ import annotations

from typing import Literal

import polars as pl

DecimalSign = Literal[".", ","]

_SIGN = r"[+\-\u{2212}]?"
_CURRENCY = r"\p{Sc}?"
_APART = r"\s'\u{2019}"
"""Blanks, the narrow ones too, and apostrophes group thousands whatever the decimal sign is."""


def is_number(text: pl.Expr, decimal: DecimalSign) -> pl.Expr:
    """Test for a number with that decimal sign, grouped thousands, a sign of currency or a percent sign.

    Examples:
        >>> found = pl.Series(["1.234,50 €", "12.34", "36 months", None])
        >>> pl.select(is_number(pl.lit(found), ","))[:, 0].to_list()
        [True, False, False, None]
    """
    return text.str.contains(_number(decimal))


def plain_number(text: pl.Expr, decimal: DecimalSign) -> pl.Expr:
    """Strip signs of currency and of thousands, and put a point before the decimals, where a text is such a number.

    Thousands are grouped by threes, with the other one of point and comma, blanks or apostrophes. A percent sign stays.
    What is no number, such as `10+ years`, stays as it is.

    Examples:
        >>> euro = pl.Series(["1.234,50 €", "-7", "12,5%", "10+ years", None])
        >>> pl.select(plain_number(pl.lit(euro), ","))[:, 0].to_list()
        ['1234.50', '-7', '12.5%', '10+ years', None]
        >>> pl.select(plain_number(pl.lit(pl.Series(["$1,234.50", "1 234"])), "."))[:, 0].to_list()
        ['1234.50', '1234']
    """
    bare = text.str.replace_all(rf"[{_thousands(decimal)}\p{{Sc}}]", "").str.replace(",", ".", literal=True)
    bare = bare.str.replace("\u2212", "-", literal=True)
    return pl.when(is_number(text, decimal)).then(bare).otherwise(text)


def misread_number(text: pl.Expr, decimal: DecimalSign) -> pl.Expr:
    """Test for digits, points, commas and group signs that make no number with this decimal sign.

    `12.34` is none with a decimal comma: read as it stands it would be another number.

    Examples:
        >>> found = pl.Series(["12.34", "1.234", "1.23.4", "10+ years", "n/a", None])
        >>> pl.select(misread_number(pl.lit(found), ","))[:, 0].to_list()
        [True, False, True, False, False, None]
    """
    digits = rf"^\s*{_SIGN}\s*{_CURRENCY}\s*{_SIGN}[0-9.,{_APART}]*[0-9][0-9.,{_APART}]*\s*[\p{{Sc}}%]?\s*$"
    return text.str.contains(digits) & ~is_number(text, decimal)


def _thousands(decimal: DecimalSign) -> str:
    return ("." if decimal == "," else ",") + _APART


def _number(decimal: DecimalSign) -> str:
    whole = rf"(?:[0-9]{{1,3}}(?:[{_thousands(decimal)}][0-9]{{3}})+|[0-9]+)"
    point = r"\." if decimal == "." else ","
    digits = rf"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
    return rf"^\s*{_SIGN}\s*{_CURRENCY}\s*{_SIGN}{digits}\s*[\p{{Sc}}%]?\s*$"


__all__ = ["DecimalSign", "is_number", "misread_number", "plain_number"]

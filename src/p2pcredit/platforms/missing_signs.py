"""Texts of a download that mean no value: the usual ones, and those that its mapping names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from p2pcredit.contracts.missing import MISSING_SIGNS

_ZEROS = r"\.0+$"
"""What a whole number gains in a column of numbers with decimals: `9999` is written `9999.0` there."""


def blanked(rows: pl.DataFrame, signs: Mapping[str, Iterable[str]]) -> pl.DataFrame:
    """Blank the texts that are such a sign in their column; blanks around them, case and `.0` do not count.

    Args:
        rows: Raw rows, as text.
        signs: Per column that is there the texts which mean no value.

    Examples:
        >>> rows = pl.DataFrame({"income": ["n.v.", "9999.0", "99990"]})
        >>> blanked(rows, {"income": ["N.V.", "9999"]})["income"].to_list()
        [None, None, '99990']
    """
    return rows.with_columns(
        pl.when(~_bare(pl.col(name)).is_in([_bare_text(sign) for sign in own])).then(pl.col(name)).alias(name)
        for name, own in signs.items()
        if name in rows.columns
    )


def first_given(names: Iterable[str]) -> pl.Expr:
    """Take the first of these columns that gives a value; where none does, the first that is not blank.

    Examples:
        >>> rows = pl.DataFrame({"joint": ["NA", None, "8"], "own": ["5", "6", "7"]})
        >>> rows.select(first_given(["joint", "own"]))["joint"].to_list()
        ['5', '6', '8']
    """
    columns = [pl.col(name) for name in names]
    if len(columns) == 1:
        return columns[0]
    given = [pl.when(~_bare(column).is_in(sorted(MISSING_SIGNS))).then(column) for column in columns]
    return pl.coalesce(*given, *columns)


def is_blank(text: pl.Expr) -> pl.Expr:
    """Mark what gives no value: a null, blanks, or one of the usual signs of a missing value."""
    return text.is_null() | text.str.strip_chars().str.to_lowercase().is_in(["", *sorted(MISSING_SIGNS)])


def _bare(text: pl.Expr) -> pl.Expr:
    return text.str.strip_chars().str.to_lowercase().str.replace(_ZEROS, "")


def _bare_text(sign: str) -> str:
    return str(pl.select(_bare(pl.lit(sign))).item())


__all__ = ["blanked", "first_given", "is_blank"]

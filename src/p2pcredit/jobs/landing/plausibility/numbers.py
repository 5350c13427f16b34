"""Read the texts of a landed column as numbers, whatever blanks stand around them."""

from __future__ import annotations

import polars as pl


def number_of(text: pl.Expr, *, percent: bool = False) -> pl.Expr:
    """Parse a text as Float64; null where it is no number. Silver judges the text itself, by stricter patterns.

    Args:
        text: The text.
        percent: Whether it may end in a percent sign, which is left out: 18% is 18.

    Examples:
        >>> texts = pl.Series("rate", [" 18 ", "18 %", "n.v.", "nan"])
        >>> [pl.select(number_of(pl.lit(texts), percent=sign)).to_series().to_list() for sign in (False, True)]
        [[18.0, None, None, None], [18.0, 18.0, None, None]]
    """
    bare = text.str.strip_chars()
    bare = bare.str.strip_suffix("%").str.strip_chars() if percent else bare
    return bare.cast(pl.Float64, strict=False).fill_nan(None)


__all__ = ["number_of"]

"""Days inside months, for whole columns: platforms publish months, servicing happens on days."""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt
import polars as pl

MONTH_PATTERN = r"^[A-Z][a-z]{2}-(?:1[5-9]|2[0-9])[0-9]{2}$"
_EXACT_INTEGER = r"^[0-9]{1,18}$"


def month_of_text(column: str) -> pl.Expr:
    """Parse a month written `Dec-2011` into its first day; null where the text is anything else."""
    text = pl.col(column).str.strip_chars()
    first = pl.format("01-{}", text).str.to_date("%d-%b-%Y", strict=False)
    return pl.when(text.str.contains(MONTH_PATTERN)).then(first)


def day_in_month(month: pl.Expr, day: pl.Expr) -> pl.Expr:
    """Give the `day` (1 to 31) of the month of `month`; the month's last day where it has fewer days."""
    return pl.date(month.dt.year(), month.dt.month(), pl.min_horizontal(day, month.dt.days_in_month()))


def stable_numbers(ids: pl.Series) -> pl.Series:
    """Hash each id to a number that looks random and is the same on every machine and with every version.

    Whole numbers go through splitmix64; other ids through CRC-32 first.

    Args:
        ids: Ids as text.

    Returns:
        UInt64, of the same length.

    Examples:
        >>> stable_numbers(pl.Series(["1", "2", "A-7"])).to_list()
        [10451216379200822465, 10905525725756348110, 5640893049129041466]

    Source:
        Steele, Lea, Flood (2014), Fast splittable pseudorandom number generators (the finaliser of SplitMix64).
    """
    whole = ids.to_frame("id").select(pl.when(pl.col("id").str.contains(_EXACT_INTEGER)).then("id").cast(pl.UInt64))
    numbers = whole["id"]
    if numbers.null_count():
        checksums = np.array([zlib.crc32((text or "").encode()) for text in ids], dtype=np.uint64)
        numbers = numbers.fill_null(pl.Series(checksums))
    return pl.Series(ids.name, _splitmix(numbers.to_numpy()))


def _splitmix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    result: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result


__all__ = ["MONTH_PATTERN", "day_in_month", "month_of_text", "stable_numbers"]

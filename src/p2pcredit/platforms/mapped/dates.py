"""How dates are written: patterns that a mapping may name, and which of them fits a text that could not be read."""

from __future__ import annotations

import re
from datetime import date

import polars as pl

ISO = "iso"
COMMON_PATTERNS: tuple[str, ...] = (
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d-%b-%Y",
)
COMMON_PATTERNS += ("%d %b %Y", "%d-%b-%y", "%b %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y")
_TIMES = ("", " %H:%M", " %H:%M:%S")
_SAMPLES = (date(2011, 12, 30), date(2008, 2, 29))


def problem_with_pattern(pattern: str) -> str | None:
    """Say why a pattern reads no dates; None where it does. A date is written by it and must be read again the same.

    Examples:
        >>> problem_with_pattern("%d.%m.%Y") is None, problem_with_pattern("yyyy-mm-dd") is None
        (True, False)
    """
    advice = "write it with %Y (or %y), %m (or %b) and %d, such as '%d.%m.%Y', or 'iso'"
    for sample in _SAMPLES:
        try:
            read = _parsed(sample.strftime(pattern), pattern)
        except ValueError:
            read = None
        if read != sample:
            return f"'{pattern}' is no pattern of a date; {advice}"
    return None


def patterns_for(text: str) -> list[str]:
    """List the common patterns that read this text as a date.

    Examples:
        >>> patterns_for("31/12/2011"), patterns_for("12/24/2013 0:00"), patterns_for("soon")
        (['%d/%m/%Y'], ['%m/%d/%Y %H:%M'], [])
    """
    patterns = (day + time for day in COMMON_PATTERNS for time in _TIMES)
    return [pattern for pattern in patterns if (found := _parsed(text.strip(), pattern)) and 1970 <= found.year < 2100]


def date_remedy(key: str, column: str, text: str | None) -> str:
    """Suggest what to write in a mapping so that dates such as `text` are read."""
    if text and re.fullmatch(r"[1-9][0-9]{4}(\.[0-9]+)?", text.strip()):
        return "it is how a spreadsheet counts days; give the column a date format there, such as 2024-12-31"
    fitting = patterns_for(text) if text else []
    shown = " or ".join(f"{key}: {{column: {column}, date: '{pattern}'}}" for pattern in fitting[:2])
    return f"say in the mapping how it is written, {shown or f'{key}: {{column: {column}, date: PATTERN}}'}"


def _parsed(text: str, pattern: str) -> date | None:
    try:
        found = pl.Series([text]).str.to_date(pattern, strict=False).item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
        return None
    return found if isinstance(found, date) else None


__all__ = ["COMMON_PATTERNS", "ISO", "date_remedy", "patterns_for", "problem_with_pattern"]

"""How dates are written: patterns that a mapping may name, and which of them fits a text that could not be read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import permutations

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
COMMON_PATTERNS += ("%d %b %Y", "%d-%b-%y", "%b %d, %Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%y%m%d")
_TIMES = ("", " %H:%M", " %H:%M:%S")
_UNITS_OF_A_SECOND = {"seconds": 1, "milliseconds": 10**3, "microseconds": 10**6, "nanoseconds": 10**9}
_COUNT = re.compile(r"[0-9]+(\.[0-9]*)?([eE]\+?[0-9]{1,2})?")
_COUNTED_FROM, _COUNTED_TO = 10**8, 4_102_444_800
"""From 1973 on a count of one unit is none of another; up to 2100."""
_SAMPLES = (date(2011, 12, 30), date(2008, 2, 29))
_TWO_WAYS = (date(2010, 11, 12), date(2005, 4, 3))
"""Days whose parts may be taken for each other."""


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


def problem_with_patterns(patterns: Sequence[str]) -> str | None:
    """Say which two patterns read one text as two days, each of them credible; None where none do.

    No row of a file says which is meant, and the first would read some of its days as others.

    Examples:
        >>> problem_with_patterns(["iso", "%m/%d/%Y %H:%M", "%m/%d/%Y"]) is None
        True
        >>> problem_with_patterns(["%d/%m/%Y", "%m/%d/%Y"])
        "'%d/%m/%Y' and '%m/%d/%Y' read '12/11/2010' as two days, 2010-11-12 and 2010-12-11; keep the one by which ..."
    """
    for one, other in permutations(dict.fromkeys("%Y-%m-%d" if each == ISO else each for each in patterns), 2):
        for sample in _TWO_WAYS:
            text = sample.strftime(one)
            read = _parsed(text, other)
            if read is not None and read != sample and 1900 <= read.year < 2100:
                return (
                    f"'{one}' and '{other}' read '{text}' as two days, {sample} and {read}; keep the one by which the "
                    "file is written; files that are written otherwise need a mapping of their own"
                )
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
    """Suggest what to write in a mapping, or in the column, so that dates such as `text` are read.

    Args:
        key: What the mapping names the date.
        column: The raw column.
        text: What was found there; None where all that was not read is blank.

    Examples:
        >>> date_remedy("origination_date", "made", "1322697600000")
        "it counts milliseconds since 1970, which no mapping reads; write days into column 'made', such as 2011-12-01"
        >>> date_remedy("origination_date", "made", None)
        "fill column 'made', or name the column that holds the date in the mapping, origination_date: COLUMN"
    """
    if text is None:
        return f"fill column '{column}', or name the column that holds the date in the mapping, {key}: COLUMN"
    if counted := _counted_since_1970(text.strip()):
        unit, day = counted
        return f"it counts {unit} since 1970, which no mapping reads; write days into column '{column}', such as {day}"
    if re.fullmatch(r"[1-9][0-9]{4}(\.[0-9]+)?", text.strip()):
        return "it is how a spreadsheet counts days; give the column a date format there, such as 2024-12-31"
    fitting = patterns_for(text)
    shown = " or ".join(f"{key}: {{column: {column}, date: '{pattern}'}}" for pattern in fitting[:2])
    return f"say in the mapping how it is written, {shown or f'{key}: {{column: {column}, date: PATTERN}}'}"


def _counted_since_1970(text: str) -> tuple[str, date] | None:
    """Find the unit in which a text counts the time since 1970, and the day that it means."""
    if not _COUNT.fullmatch(text):
        return None
    for unit, factor in _UNITS_OF_A_SECOND.items():
        if _COUNTED_FROM <= (seconds := float(text) / factor) < _COUNTED_TO:
            return unit, datetime.fromtimestamp(seconds, tz=UTC).date()
    return None


def _parsed(text: str, pattern: str) -> date | None:
    try:
        found = pl.Series([text]).str.to_date(pattern, strict=False).item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError):
        return None
    return found if isinstance(found, date) else None


__all__ = ["COMMON_PATTERNS", "ISO", "date_remedy", "patterns_for", "problem_with_pattern", "problem_with_patterns"]

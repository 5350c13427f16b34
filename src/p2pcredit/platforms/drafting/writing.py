"""Write names, texts and days of a drafted mapping as YAML reads them."""

from __future__ import annotations

import re
from pathlib import Path

from p2pcredit.platforms.drafting.columns import ColumnFacts


def dated(one: ColumnFacts, pattern: str | None = None) -> str:
    """Write where a day stands, and how it is written."""
    if one.kind == "month":
        return expression(f"last_day(as_date({identifier(one.name)} || '-01'))")
    written = pattern or next(iter(one.patterns), "iso")
    if written == "iso":
        return scalar(one.name)
    return f"{{column: {scalar(one.name)}, date: {quoted(written)}}}"


def expression(sql: str) -> str:
    """Write a value that is calculated.

    Examples:
        >>> expression("as_number(Income)")
        '{expression: "as_number(Income)"}'
    """
    return f"{{expression: {quoted(sql)}}}"


def day_in_sql(one: ColumnFacts) -> str:
    """Write the day of a column as SQL reads it, by the first pattern that its texts fit."""
    pattern = "" if one.patterns[0] == "iso" else f", '{one.patterns[0]}'"
    return f"as_date({identifier(one.name)}{pattern})"


def name_of(path: Path) -> str:
    """Make a plain name of that of a file or directory."""
    plain = re.sub(r"[^a-z0-9]+", "_", path.name.partition(".")[0].casefold()).strip("_")
    plain = re.sub(r"_?[0-9_]*$", "", plain) or "lender"
    return plain[:40] if plain[0].isalpha() else f"f_{plain}"[:40]


def pattern_of(path: Path) -> str:
    """Write the name of a file without the number at its end, which next month is another."""
    stem, dot, ending = path.name.partition(".")
    return re.sub(r"[0-9][0-9_\-]*$", "", stem) + "*" + dot + ending


def scalar(text: str) -> str:
    """Write a text of YAML, in quotes where it would be read as something else."""
    is_word = re.fullmatch(r"[A-Za-z][A-Za-z0-9_ ]*", text) and text.casefold() not in {
        "yes",
        "no",
        "on",
        "off",
        "y",
        "n",
        "true",
        "false",
        "null",
    }
    return text if is_word else quoted(text)


def quoted(text: str) -> str:
    """Write a text of YAML in quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def identifier(name: str) -> str:
    """Write the name of a column as SQL reads it, whatever its letters.

    Examples:
        >>> identifier("Days late")
        '"Days late"'
    """
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


__all__ = ["dated", "day_in_sql", "expression", "identifier", "name_of", "pattern_of", "quoted", "scalar"]

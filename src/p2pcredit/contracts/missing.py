"""The usual signs of a missing value: what programs and people write where there is nothing to write."""

from __future__ import annotations

from p2pcredit.contracts.columns import Column, Kind

MISSING_SIGNS = frozenset(
    {
        *("na", "n/a", "n.a.", "n.a", "#n/a", "#n/a n/a", "#na", "<na>", "n\\a", "nan", "-nan", "nat", "null", "nil"),
        *("none", "undefined", "not available", "not applicable", "missing", "\\n", "(null)", "<null>", "(blank)"),
        *("#null!", "#value!", "#ref!", "#num!", "#name?", "#div/0!"),
        *("1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
        *("-", "--", "---", "\N{EN DASH}", "\N{EM DASH}", ".", "..", "...", "?", "??", "???", "*", "_"),
    }
)
"""Texts that mean nothing, in small letters: each is compared without the blanks around it and without case."""

TEXT_MISSING_SIGNS = frozenset({"NA", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "\\N", "#NULL!", "#VALUE!", "#REF!"})
"""What means nothing in a borrower's own words, letter by letter: programs write it and people do not.

People do write `none`, `None`, `n/a`, `.` and `?` where they are asked for a title, so those stay what they wrote.
"""


def missing_signs(column: Column) -> frozenset[str]:
    """List the texts that are missing in a column, as they are compared with its trimmed text.

    In small letters for every kind but TEXT. What the contract names as a level of a category is a value.

    Examples:
        >>> home = Column("home_ownership", Kind.CATEGORY, levels=frozenset({"NONE", "OWN"}))
        >>> "none" in missing_signs(home), "null" in missing_signs(home)
        (False, True)
        >>> "none" in missing_signs(Column("title", Kind.TEXT)), "NULL" in missing_signs(Column("title", Kind.TEXT))
        (False, True)
    """
    if column.kind is Kind.TEXT:
        return TEXT_MISSING_SIGNS
    return MISSING_SIGNS - {level.lower() for level in (*column.levels, *column.allowed)}


__all__ = ["MISSING_SIGNS", "TEXT_MISSING_SIGNS", "missing_signs"]

"""How a value of a table is written on a page."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

_SHORTENED = {"pd": "PD", "auc": "AUC", "ks": "KS", "ece": "ECE", "psi": "PSI", "fico": "FICO", "n": "n"}
"""What is no word of the language."""


def cell_text(value: Any) -> str:
    """Write a value for a reader: numbers with the digits that tell, control characters as their escapes.

    Examples:
        >>> cell_text(1234567), cell_text(0.123456789), cell_text(None), cell_text(["a", "b"]), cell_text(True)
        ('1,234,567', '0.1235', '', 'a; b', 'yes')
        >>> cell_text("a\\x1bb"), cell_text(12000.0), cell_text(float("nan"))
        ('a\\\\x1bb', '12,000', 'not a number')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return "; ".join(map(cell_text, value))
    if isinstance(value, dict):
        return "; ".join(f"{plain_name(name)}: {cell_text(inner)}" for name, inner in value.items())
    text = value.isoformat() if isinstance(value, date | datetime) else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def plain_name(name: str) -> str:
    """Write the name of a column as words.

    Examples:
        >>> plain_name("probability_of_default"), plain_name("loan_id"), plain_name("auc_low")
        ('Probability of default', 'Loan id', 'AUC low')
    """
    words = [_SHORTENED.get(word, word) for word in str(name).replace("_", " ").split(" ")]
    text = " ".join(words)
    return text if text in _SHORTENED.values() else text[:1].upper() + text[1:]


def _number(value: float) -> str:
    if value != value:
        return "not a number"
    if value == round(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    return f"{value:,.2f}" if abs(value) >= 1_000 else f"{value:.4g}"


__all__ = ["cell_text", "plain_name"]

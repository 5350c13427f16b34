"""What does the text of a column mean? The promise of the contract, read with decimals instead of patterns."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation

from p2pcredit.contracts.columns import Column, Kind

BROKEN = object()
"""The text means nothing of its kind."""

_BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NOTHING = {
    *(
        "na",
        "n/a",
        "n.a.",
        "n.a",
        "#n/a",
        "#n/a n/a",
        "#na",
        "<na>",
        "n\\a",
        "nan",
        "-nan",
        "nat",
        "null",
        "nil",
        "none",
    ),
    *("undefined", "missing", "\\n", "(null)", "<null>", "(blank)", "not available", "not applicable"),
    *("#null!", "#value!", "#ref!", "#num!", "#name?", "#div/0!", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    *("-", "--", "---", "\u2013", "\u2014", ".", "..", "...", "?", "??", "???", "*", "_"),
}
_NOTHING_IN_TEXT = {"NA", "#N/A", "<NA>", "NaN", "nan", "NaT", "NULL", "\\N", "#NULL!", "#VALUE!", "#REF!"}
_HOMES = {"NONE"}
"""What looks like nothing and is a level: LendingClub writes it for a home that is neither rented nor owned."""


def trimmed(text: str | None) -> str | None:
    """Trim the text of blanks; None where nothing is left."""
    return (text or "").strip(_BLANKS) or None


def given(column: Column, text: str | None) -> str | None:
    """Trim the text; None where it is blank or a sign that there is no value."""
    text = trimmed(text)
    if text is None or (column.kind is Kind.TEXT and text in _NOTHING_IN_TEXT):
        return None
    if column.kind is Kind.TEXT or (column.source == "home_ownership" and text.upper() in _HOMES):
        return text
    return None if text.lower() in _NOTHING else text


_SIGNS_OF_NUMBERS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"


def _cannot_be_seen(letter: str) -> bool:
    """Return whether a letter of the basic plane is a control or leaves no mark; signs before Arabic numbers do."""
    kind = unicodedata.category(letter)
    return kind in {"Cc", "Zl", "Zp"} or (kind == "Cf" and letter < "\uffff" and letter not in _SIGNS_OF_NUMBERS)


def _loan(text: str) -> object:
    """Read an id: the whole number that it was where it gained a point; none where its digits are lost or unseen."""
    if any(map(_cannot_be_seen, text)):
        return BROKEN
    digits = re.fullmatch(r"([0-9]+)\.0*", text)
    if digits:
        return digits[1] if len(digits[1]) <= 15 else BROKEN
    powers = re.fullmatch(r"[+-]?[0-9]([.,][0-9]+)?[eE]([+-]?)[0-9]+", text)
    return BROKEN if powers and (powers[1] or powers[2] == "+") else text


def _number(text: str, parts: int = 1) -> object:
    if not _DECIMAL.fullmatch(text):
        return BROKEN
    try:
        return float(Decimal(text) / parts)
    except (InvalidOperation, OverflowError):
        return BROKEN


def _whole(text: str) -> object:
    value = _number(text)
    return int(value) if isinstance(value, float) and math.isfinite(value) and value == int(value) else BROKEN


def _years(text: str) -> object:
    if re.fullmatch(rf"<[{_BLANKS}]*1[{_BLANKS}]*\+?[{_BLANKS}]*(?:[yY]ears?)?", text):
        return 0.0
    found = re.fullmatch(rf"(\+?[0-9.]+)[{_BLANKS}]*\+?[{_BLANKS}]*(?:[yY]ears?)?", text)
    return _number(found[1]) if found else BROKEN


_FLAGS = dict.fromkeys(("yes", "y", "true", "1"), True) | dict.fromkeys(("no", "n", "false", "0"), False)


def meaning(column: Column, text: str | None) -> object:
    """Read the value in this text as a person does: None where it is blank, `BROKEN` where it is none of the kind."""
    text = given(column, text)
    if text is None or column.kind is Kind.TEXT:
        return text
    match column.kind:
        case Kind.ID:
            return _loan(text)
        case Kind.CATEGORY:
            return text.upper()
        case Kind.DATE:
            try:
                return dt.date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else BROKEN
            except ValueError:
                return BROKEN
        case Kind.NUMBER:
            return _number(text)
        case Kind.COUNT:
            return _whole(text)
        case Kind.PERCENT:
            return _number(text.removesuffix("%").rstrip(_BLANKS), 100)
        case Kind.TERM:
            return _whole(re.sub(rf"[{_BLANKS}]*[mM]onths?$", "", text))
        case Kind.YEARS:
            return _years(text)
        case Kind.FLAG:
            return _FLAGS.get(text.lower() if text.isascii() else text, BROKEN)
    raise AssertionError(column.kind)


def is_same(value: object, other: object) -> bool:
    """Return whether a typed value is what the text means."""
    return value == other and value is not BROKEN


def contradicts(column: Column, texts: Mapping[str, str | None], columns: Iterable[Column]) -> bool:
    """Return whether the value contradicts another of its row: a lower end above the upper, debts of no income."""
    others = {other.source: other for other in columns}

    def number(source: str) -> float:
        found = meaning(others[source], texts.get(source)) if source in others else None
        return float(found) if isinstance(found, int | float) else math.nan

    value = number(column.source)
    above = bool(column.not_above) and number(column.not_above) >= 0 and value > number(column.not_above)
    return above or (bool(column.positive_with) and value == 0 and number(column.positive_with) > 0)


def may_be_refused(column: Column, text: str | None, day: dt.date) -> bool:
    """Return whether this value alone is reason enough not to use it: to quarantine its row where it is required."""
    value = meaning(column, text)
    if value is BROKEN or (value is None and column.required):
        return True
    if isinstance(value, dt.date):
        return value != day if column.required else value > day or not 1500 <= value.year < 3000
    if isinstance(value, int | float):
        exotic = re.search(r"[0-9]{13}|[eE][+-]?[0-9]{3}", trimmed(text) or "") is not None
        low, high = column.minimum, column.maximum
        return exotic or (low is not None and value < low) or (high is not None and value > high)
    return bool(column.allowed) and value is not None and value not in column.allowed

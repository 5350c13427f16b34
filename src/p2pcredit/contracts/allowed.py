"""Word what a value of an application may be, and describe it as JSON Schema."""

from __future__ import annotations

from typing import Any

from p2pcredit.contracts.columns import Column, Kind

_KIND = {
    Kind.ID: "text without invisible characters, or a whole number",
    Kind.TEXT: "text",
    Kind.CATEGORY: "text",
    Kind.DATE: "a day such as 2021-03-31",
    Kind.NUMBER: "a number",
    Kind.COUNT: "a whole number",
    Kind.PERCENT: "a percent",
    Kind.TERM: "a whole number of months",
    Kind.YEARS: "a number of years",
    Kind.FLAG: "yes or no",
}
_SUCH_AS = {
    Kind.PERCENT: ", such as 10.65 or 10.65%",
    Kind.TERM: ", such as 36 or 36 months",
    Kind.YEARS: ", such as 3, < 1 year or 10+ years",
}
_TYPES: dict[Kind, list[str]] = {
    Kind.ID: ["string", "integer"],
    Kind.TEXT: ["string"],
    Kind.CATEGORY: ["string"],
    Kind.DATE: ["string"],
    Kind.NUMBER: ["number", "string"],
    Kind.COUNT: ["number", "string"],
    Kind.PERCENT: ["number", "string"],
    Kind.TERM: ["number", "string"],
    Kind.YEARS: ["number", "string"],
    Kind.FLAG: ["boolean", "string"],
}


def allowed_values(column: Column) -> str:
    """Word what a column may hold, as one phrase.

    Examples:
        >>> from p2pcredit.contracts.feeds import FINANCIAL, LOAN_TERMS
        >>> allowed_values(LOAN_TERMS.columns[4])
        'a percent from 0 to 100, such as 10.65 or 10.65%'
        >>> allowed_values(LOAN_TERMS.columns[3])
        'a whole number of months from 1 to 480, such as 36 or 36 months; it must be there'
        >>> allowed_values(FINANCIAL.columns[2])
        'a number from 0 to 1000000000, above 0 where debt_to_income is'
        >>> allowed_values(LOAN_TERMS.columns[7])
        'one of REPORTED, SCHEDULED'
    """
    words = f"one of {', '.join(sorted(column.allowed))}" if column.allowed else _KIND[column.kind]
    low, high = _bounds(column)
    if low is not None and high is not None:
        words += f" from {low:.12g} to {high:.12g}"
    words += _SUCH_AS.get(column.kind, "")
    if column.most_years_ago is not None:
        words += f", at most {column.most_years_ago} years back"
    if column.not_above:
        words += f", not above {column.not_above}"
    if column.positive_with:
        words += f", above 0 where {column.positive_with} is"
    return f"{words}; it must be there" if column.required else words


def value_schema(column: Column) -> dict[str, Any]:
    """Describe a value as JSON Schema; what one schema cannot say, such as a bound set by another value, it leaves out.

    Examples:
        >>> from p2pcredit.contracts.feeds import LOAN_TERMS
        >>> value_schema(LOAN_TERMS.columns[2])["maximum"], value_schema(LOAN_TERMS.columns[4])["type"]
        (1000000000.0, ['number', 'string', 'null'])
    """
    schema: dict[str, Any] = {
        "type": [*_TYPES[column.kind], *([] if column.required else ["null"])],
        "description": f"{column.description} Allowed is {allowed_values(column)}.",
    }
    if column.kind is Kind.DATE and column.required:
        schema["format"] = "date"
    low, high = _bounds(column)
    if low is not None and high is not None:
        schema |= {"minimum": low, "maximum": high}
    return schema


def json_types(column: Column) -> frozenset[str]:
    """Name the JSON types that a value may have, `null` apart."""
    return frozenset(_TYPES[column.kind])


def _bounds(column: Column) -> tuple[float | None, float | None]:
    """Give the bounds as values are written: those of a percent in percent."""
    times = 100 if column.kind is Kind.PERCENT else 1
    low, high = column.minimum, column.maximum
    return None if low is None else low * times, None if high is None else high * times


__all__ = ["allowed_values", "json_types", "value_schema"]

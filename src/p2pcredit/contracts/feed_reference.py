"""Describe every feed and its columns from the contracts: type, unit, rules, and the signs of a missing value."""

from __future__ import annotations

from typing import Any

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.columns import Column, Kind
from p2pcredit.contracts.feeds import ALL_FEEDS
from p2pcredit.contracts.missing import MISSING_SIGNS, TEXT_MISSING_SIGNS

KINDS: dict[Kind, str] = {
    Kind.ID: "text without invisible characters; 68407277.0 is the whole number it was, and a number in scientific "
    "notation is none",
    Kind.TEXT: "text as it stands",
    Kind.CATEGORY: "text, put in capitals",
    Kind.DATE: "YYYY-MM-DD",
    Kind.NUMBER: "decimal with a point, such as 1234.56",
    Kind.COUNT: "whole number: 3, 3.0, 3e0",
    Kind.PERCENT: "percent, 10.65% or 10.65, which becomes the share 0.1065",
    Kind.TERM: "months, 36 or 36 months",
    Kind.YEARS: "years: 10+ years, < 1 year, 3 years, 7",
    Kind.FLAG: "yes or no; also true or false, y or n, 1 or 0",
}
"""How the text of a landing file is read, per kind of column."""


def describe_feeds(catalogue: FeatureCatalogue = BUILT_IN) -> list[dict[str, Any]]:
    """List every feed with its columns, own ones as the home of this catalogue declares them.

    Returns:
        Per feed `feed`, `description`, `optional`, `date_column`, `columns`: per column `column` (in landing files),
        `in_silver`, `type`, `unit`, `required`, `minimum`, `maximum` (of the typed value), `allowed`, `description`.

    Examples:
        >>> describe_feeds()[0]["columns"][3]["unit"], describe_feeds()[4]["columns"][2]["allowed"]
        ('months', ['CHARGED_OFF', 'CURRENT', 'DEFAULT', 'FULLY_PAID', 'LATE'])
    """
    return [
        {
            "feed": feed.name,
            "description": feed.description,
            "optional": feed.optional,
            "date_column": feed.date_column,
            "columns": [_described(column) for column in feed.columns],
        }
        for feed in map(catalogue.feed, ALL_FEEDS)
    ]


def describe_values() -> dict[str, Any]:
    """Give what holds for the values of all feeds: how each type is written, and the signs of a missing value."""
    return {
        "types": {str(kind): words for kind, words in KINDS.items()},
        "missing": sorted(MISSING_SIGNS),
        "missing_in_text": sorted(TEXT_MISSING_SIGNS),
    }


def unit_of(column: Column) -> str:
    """Name the unit of a typed value, empty where it has none.

    Examples:
        >>> unit_of(Column("amount", Kind.NUMBER, description="Amount lent, in currency."))
        'currency'
    """
    units = {Kind.PERCENT: "share", Kind.TERM: "months", Kind.YEARS: "years", Kind.DATE: "day"}
    if column.kind in units:
        return units[column.kind]
    if column.source.startswith("months_"):
        return "months"
    if column.source.startswith("days_"):
        return "days"
    if column.kind is Kind.COUNT:
        return "count"
    return "currency" if "in currency" in column.description else ""


def _described(column: Column) -> dict[str, Any]:
    return {
        "column": column.source,
        "in_silver": column.typed_name,
        "type": str(column.kind),
        "unit": unit_of(column),
        "required": column.required,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "allowed": sorted(column.allowed),
        "description": column.description,
    }


def rules_in_words(column: Column) -> str:
    """Word what a value must be, for a table.

    Examples:
        >>> rules_in_words(Column("term", Kind.TERM, required=True, minimum=1, maximum=480))
        'required, 1 to 480'
    """
    rules = ["required"] if column.required else []
    if column.minimum is not None or column.maximum is not None:
        low = "" if column.minimum is None else f"{column.minimum:,.6g} "
        rules.append(f"{low}to {column.maximum:,.10g}" if column.maximum is not None else f"from {low.strip()}")
    if column.most_years_ago is not None:
        rules.append(f"at most {column.most_years_ago} years back")
    if column.allowed:
        rules.append("one of " + ", ".join(sorted(column.allowed)))
    return ", ".join(rules)


__all__ = ["KINDS", "describe_feeds", "describe_values", "rules_in_words", "unit_of"]

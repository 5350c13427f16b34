"""Write the page of a week's results as JSON from the model that writes them."""

from __future__ import annotations

import types
from datetime import date
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from tools.docs.markdown import code, page, table

from p2pcredit.jobs.tracking.week_results import DecisionOfWeek, MeasuredModel, Measurement, WeekResults

_PARTS = (("model", MeasuredModel), ("measurements", Measurement), ("decision", DecisionOfWeek))
_NAMES = {
    "str": "text",
    "int": "whole number",
    "float": "number",
    "bool": "true or false",
    "date": "date",
    "tuple": "list",
}


def results_page() -> str:
    """Write the page of a week's results, a table of fields for each part."""
    parts = [
        "`p2pcredit results --week-end D` prints a week's results as one JSON document, and each review posts them "
        "where `tracking.results_url` is set ([how](../how-to/tell-other-servers.md)). Dates are written `YYYY-MM-DD`, "
        "numbers are finite, and what is not known is null. No loan is in it. A field may be added; one that changes "
        "its meaning or goes makes `format` grow. The same stands in [a schema](week-results.schema.json).",
        "## The document",
        _fields(WeekResults),
    ]
    for name, model in _PARTS:
        parts += [f"## `{name}`", (model.__doc__ or "").strip(), _fields(model)]
    return page("A week's results as JSON", *parts)


def results_schema() -> dict[str, Any]:
    """Give the JSON schema of the document."""
    return WeekResults.model_json_schema(mode="serialization")


def _fields(model: type[BaseModel]) -> str:
    rows = [
        [code(name), _kind(field.annotation), field.description or ""] for name, field in model.model_fields.items()
    ]
    return table(["field", "values", "sense"], rows)


def _kind(annotation: Any) -> str:
    """Word a type.

    Examples:
        >>> _kind(float | None), _kind(tuple[int, ...])
        ('number or null', 'list')
    """
    if get_origin(annotation) is types.UnionType:
        return " or ".join("null" if part is type(None) else _kind(part) for part in get_args(annotation))
    if get_origin(annotation) is Literal:
        return ", ".join(code(str(value)) for value in get_args(annotation))
    kind = get_origin(annotation) or annotation
    return "date" if kind is date else _NAMES.get(kind.__name__, "object")


__all__ = ["results_page", "results_schema"]

"""How a receipt looks to a person. Programs take `--json`, whose keys are fixed; what is printed here may change."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any, TypeGuard

Receipt = dict[str, Any] | list[dict[str, Any]]

_WIDTH = 100
"""Facts that would be a longer line than this are put one below the other."""


def print_receipt_as(receipt: Receipt, *, as_json: bool) -> None:
    """Print a receipt on standard output: as one JSON object, or for a person."""
    if as_json:
        sys.stdout.write(json.dumps(receipt, ensure_ascii=False, allow_nan=False, default=str) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines_of(receipt))


def lines_of(receipt: Receipt) -> list[str]:
    """The lines that a person sees: a fact each, what belongs to it indented; like rows as a table.

    Examples:
        >>> lines_of({"loans": 3, "auc": 0.7123, "auc_low": 0.68, "auc_high": 0.74, "left": ["too few", "too old"]})
        ['loans  3', 'auc    0.7123 [0.68, 0.74]', 'left:', '  too few', '  too old']
        >>> lines_of([{"model": "a", "loans": 10}, {"model": "second", "loans": None}])
        ['model   loans', 'a       10', 'second  -']
        >>> lines_of([])
        ['nothing yet']
    """
    if isinstance(receipt, dict):
        return _facts(receipt)
    if not receipt:
        return ["nothing yet"]
    if _alike(receipt):
        return _table(receipt)
    return [line for place, item in enumerate(receipt) for line in ([""] * bool(place) + _facts(item))]


def estimate(metrics: Mapping[str, Any], name: str) -> str | None:
    """A measure with its interval, as short as it is read; None where it was not measured.

    Examples:
        >>> estimate({"auc": 0.71234, "auc_low": 0.68, "auc_high": 0.74}, "auc"), estimate({"brier": 0.0412}, "brier")
        ('0.712 [0.680, 0.740]', '0.041')
    """
    value, low, high = (metrics.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    if value is None:
        return None
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _facts(facts: Mapping[str, Any]) -> list[str]:
    told = _with_intervals(facts)
    width = max((len(key) for key in told), default=0)
    lines: list[str] = []
    for key, value in told.items():
        below = _below(value)
        if below is None:
            lines.append(f"{key:<{width}}  {_shown(value)}")
        else:
            lines += [f"{key}:", *(f"  {line}" for line in below)]
    return lines


def _below(value: object) -> list[str] | None:
    """The lines under a fact that is too much for its own; None where it fits."""
    long = len(_shown(value)) > _WIDTH
    if isinstance(value, dict) and len(value) > 1 and _alike(list(value.values())):
        return _table([{"": key, **row} for key, row in value.items()])
    if isinstance(value, dict) and value and (long or any(isinstance(inner, dict) for inner in value.values())):
        return _facts(value)
    if not isinstance(value, list) or not value:
        return None
    if len(value) > 1 and _alike(value):
        return _table(value)
    if all(isinstance(inner, dict) for inner in value):
        return [line for inner in value for line in ([_shown(inner)] if _is_flat(inner) else _facts(inner))]
    if len(value) > 1 and all(isinstance(inner, str) and " " in inner for inner in value):
        return value
    return wrap(_shown(value), _WIDTH, break_long_words=False, break_on_hyphens=False) if long else None


def _with_intervals(facts: Mapping[str, Any]) -> dict[str, Any]:
    """`x`, `x_low` and `x_high` as one fact: the value with its interval."""
    told: dict[str, Any] = {}
    for key, value in facts.items():
        name = str(key)
        of = next((name.removesuffix(end) for end in ("_low", "_high") if name.endswith(end)), None)
        if of is not None and all(f"{of}{end}" in facts for end in ("", "_low", "_high")):
            continue
        if f"{name}_low" in facts and f"{name}_high" in facts:
            value = f"{_shown(value)} [{_shown(facts[f'{name}_low'])}, {_shown(facts[f'{name}_high'])}]"
        told[name] = value
    return told


def _alike(items: Sequence[object]) -> TypeGuard[Sequence[dict[str, Any]]]:
    """Whether they are rows of one table: the same keys, and plain values."""
    first = items[0]
    return isinstance(first, dict) and all(
        isinstance(item, dict) and item.keys() == first.keys() and _is_flat(item) for item in items
    )


def _is_flat(facts: Mapping[str, Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in facts.values())


def _table(items: Sequence[Mapping[str, Any]]) -> list[str]:
    told = [_with_intervals(item) for item in items]
    rows = [list(told[0]), *([_shown(value) for value in item.values()] for item in told)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return ["  ".join(row).rstrip() for row in padded]


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in _with_intervals(value).items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(inner) for inner in value) or "-"
    return str(value)

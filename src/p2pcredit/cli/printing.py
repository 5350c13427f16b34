"""How a receipt looks to a person. Programs take `--json`, whose keys are fixed; what is printed here may change."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from textwrap import wrap
from typing import Any, TypeGuard

from rich.console import Console
from rich.table import Table
from rich.text import Text

Receipt = dict[str, Any] | list[dict[str, Any]]

_ANY_WIDTH = 1_000_000
_LEAST_WIDTH = 60
_MOST_FOLDED = 2
"""Rows of a table so many times wider than the terminal are laid out fact by fact."""
_MOST_DIGITS = 15
"""Of a number of 64 bits; a longer one is written with its exponent."""
_WIDTH = 100
"""Facts that would be a longer line than this are put one below the other."""


def print_receipt_as(receipt: Receipt, *, as_json: bool) -> None:
    """Print a receipt on standard output: as one JSON object, or for a person."""
    if as_json:
        sys.stdout.write(json.dumps(receipt, ensure_ascii=False, allow_nan=False, default=str) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines_of(receipt, width_of_terminal()))


def say(line: str) -> None:
    """Print a line of progress on standard error."""
    sys.stderr.write(f"  {line}\n")


def width_of_terminal() -> int | None:
    """Give how many columns standard output has; None where it is no terminal, so that no table is folded there."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def lines_of(receipt: Receipt, width: int | None = None) -> list[str]:
    """Lay a receipt out for a person: a fact each, what belongs to it indented; like rows as a table.

    Args:
        receipt: Facts, or rows.
        width: Tables fold their cells to be no wider, and rows of more than twice that are laid out fact by fact; None
            lets them be as wide as they are.

    Examples:
        >>> lines_of({"loans": 3, "auc": 0.7123, "auc_low": 0.68, "auc_high": 0.74, "left": ["too few", "too old"]})
        ['loans  3', 'auc    0.7123 [0.68, 0.74]', 'left:', '  too few', '  too old']
        >>> lines_of([{"model": "a", "loans": 10}, {"model": "second", "loans": None}])
        ['model   loans', 'a       10', 'second  -']
        >>> lines_of([])
        ['nothing yet']
    """
    if isinstance(receipt, dict):
        return _facts(receipt, width)
    if not receipt:
        return ["nothing yet"]
    if _alike(receipt):
        lines = _table(receipt, None)
        if width is None or max(map(len, lines)) <= width:
            return lines
        if max(map(len, lines)) <= _MOST_FOLDED * width:
            return _table(receipt, width)
    return [line for place, item in enumerate(receipt) for line in ([""] * bool(place) + _facts(item, width))]


def estimate(metrics: Mapping[str, Any], name: str) -> str | None:
    """Write a measure with its interval, rounded for reading; None where it was not measured.

    Examples:
        >>> estimate({"auc": 0.71234, "auc_low": 0.68, "auc_high": 0.74}, "auc"), estimate({"brier": 0.0412}, "brier")
        ('0.712 [0.680, 0.740]', '0.041')
    """
    value, low, high = (metrics.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    if value is None:
        return None
    return f"{value:.3f}" if low is None or high is None else f"{value:.3f} [{low:.3f}, {high:.3f}]"


def number_text(value: float, digits: int) -> str:
    """Write a number with so many significant digits; a larger one, such as an amount, as a whole number.

    Examples:
        >>> number_text(0.123456, 4), number_text(46197.2, 4), number_text(1e300, 4), number_text(float("nan"), 4)
        ('0.1235', '46197', '1e+300', 'nan')
    """
    return f"{value:.0f}" if 10**digits <= abs(value) < 10**_MOST_DIGITS else f"{value:.{digits}g}"


def _facts(facts: Mapping[str, Any], width: int | None) -> list[str]:
    told = _with_intervals(facts)
    longest = max((len(key) for key in told), default=0)
    lines: list[str] = []
    for key, value in told.items():
        below = _below(value, None if width is None else width - 2)
        if below is None:
            lines.append(f"{key:<{longest}}  {_shown(value)}")
        else:
            lines += [f"{key}:", *(f"  {line}" for line in below)]
    return lines


def _below(value: object, width: int | None) -> list[str] | None:
    """Lay out a fact that is too long for its own line on the lines below it; None where it fits."""
    long = len(_shown(value)) > _WIDTH
    if isinstance(value, dict) and len(value) > 1 and _alike(list(value.values())):
        return _table([{"": key, **row} for key, row in value.items()], width)
    if isinstance(value, dict) and value and (long or any(isinstance(inner, dict) for inner in value.values())):
        return _facts(value, width)
    if not isinstance(value, list) or not value:
        return None
    if len(value) > 1 and _alike(value):
        return _table(value, width)
    if all(isinstance(inner, dict) for inner in value):
        return [line for inner in value for line in ([_shown(inner)] if _is_flat(inner) else _facts(inner, width))]
    if len(value) > 1 and all(isinstance(inner, str) and " " in inner for inner in value):
        return value
    return wrap(_shown(value), _WIDTH, break_long_words=False, break_on_hyphens=False) if long else None


def _with_intervals(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Join `x`, `x_low` and `x_high` in one fact: the value with its interval."""
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
    """Say whether they are rows of one table: the same keys, and plain values."""
    first = items[0]
    return isinstance(first, dict) and all(
        isinstance(item, dict) and item.keys() == first.keys() and _is_flat(item) for item in items
    )


def _is_flat(facts: Mapping[str, Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in facts.values())


def _table(items: Sequence[Mapping[str, Any]], width: int | None) -> list[str]:
    told = [_with_intervals(item) for item in items]
    return table_lines(list(told[0]), ([_shown(value) for value in item.values()] for item in told), width)


def table_lines(header: Sequence[str], rows: Iterable[Sequence[str]], width: int | None = None) -> list[str]:
    """Lay out a table of texts.

    Args:
        header: Names of the columns.
        rows: The cells of each row.
        width: Cells fold so that the table is no wider; None lets it be as wide as it is.

    Examples:
        >>> table_lines(["model", "loans"], [["a", "10"], ["second", "-"]])
        ['model   loans', 'a       10', 'second  -']
    """
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name in header:
        table.add_column(Text(name), overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    written = StringIO()
    at_most = _ANY_WIDTH if width is None else max(width, _LEAST_WIDTH)
    Console(file=written, width=at_most, no_color=True).print(table)
    return [line.rstrip() for line in written.getvalue().splitlines()]


def _shown(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return number_text(value, 4)
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(inner)}" for key, inner in _with_intervals(value).items()) or "-"
    if isinstance(value, list | tuple):
        return ", ".join(_shown(inner) for inner in value) or "-"
    return str(value)

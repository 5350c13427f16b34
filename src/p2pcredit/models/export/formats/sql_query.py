"""A formula as one SQL query of CASE expressions, the same text for DuckDB, PostgreSQL and SQLite."""

from __future__ import annotations

from p2pcredit.models.export.formula import (
    AnyOf,
    ByEdges,
    ByLevel,
    Calc,
    Column,
    Compare,
    Condition,
    Expression,
    Forest,
    Formula,
    If,
    Missing,
    Nothing,
    Number,
    OneOf,
    Ref,
    Text,
    names_in,
)
from p2pcredit.models.export.header import About, header
from p2pcredit.models.export.trees import sql_sum
from p2pcredit.models.scoring import REASONS

NOTES = (
    "Plain SQL for DuckDB, PostgreSQL (12 or later) and SQLite (3.35 or later, with its functions of mathematics): put "
    "the name of your table in the place of feature_store. NULL and NaN are missing.",
    "Numbers are those of p2pcredit to the last digits of exp and ln. SQLite has no 32-bit numbers: the sum of trees "
    "there differs from the seventh digit on, so that a score on the border of two points may be the other one.",
)
ROW = "row_number"
_LARGEST = "1.7976931348623157e308"
_CAST = {"numeric": "DOUBLE PRECISION", "category": "TEXT"}


def as_sql(formula: Formula, about: About, table: str = "feature_store") -> str:
    """Write the formula as one query: `loan_id`, then what it gives of each loan."""
    if formula.has_trees:
        formula = formula.without_reasons()
    head = [f"-- {line}".rstrip() for line in header(about, "sql", formula, NOTES)]
    keep = ('"loan_id"', f'"{ROW}"')
    reads = [f'"loan_id", ROW_NUMBER() OVER () AS "{ROW}"', *(_read(column) for column in formula.columns)]
    parts = [_select("known", reads, table)]
    last = "known"
    for number, names in enumerate(_levels(formula), 1):
        steps = [step for step in formula.steps if step.name in names]
        later = [step for step in formula.steps if _place(formula, step.name) > number]
        needed = {name for step in later for name in names_in(step.value)} | _outputs(formula)
        before = [one.name for one in formula.columns] + [
            step.name for step in formula.steps if _place(formula, step.name) < number
        ]
        kept = [*keep, *(f'"{name}"' for name in before if name in needed)]
        made = [f'CAST({_text(step.value)} AS {_CAST[step.kind]}) AS "{step.name}"' for step in steps]
        parts.append(_select(f"step_{number}", [*kept, *made], last))
        last = f"step_{number}"
    given = ['"probability_of_default"', 'CAST("score" AS INTEGER) AS "score"', '"grade"', '"decision"']
    if not formula.factors:
        columns = ['"loan_id"', *given]
        return "\n".join([*head, "WITH " + ",\n".join(parts), "SELECT\n  " + ",\n  ".join(columns), f"FROM {last}", ""])
    parts += _reasons(formula, last)
    columns = [f'{last}."loan_id"', *given, *(f'"reason_{place}"' for place in range(1, REASONS + 1))]
    tail = [f"FROM {last}", f'LEFT JOIN reasons ON reasons."{ROW}" = {last}."{ROW}"', ""]
    return "\n".join([*head, "WITH " + ",\n".join(parts), "SELECT\n  " + ",\n  ".join(columns), *tail])


def _select(name: str, columns: list[str], table: str) -> str:
    return f"{name} AS MATERIALIZED (\nSELECT\n  " + ",\n  ".join(columns) + f"\nFROM {table}\n)"


def _outputs(formula: Formula) -> set[str]:
    pushes = {name for factor in formula.factors for name in (factor.push, factor.given)}
    return pushes | {"probability_of_default", "score", "grade", "decision"}


def _read(column: Column) -> str:
    value = f'CAST("{column.name}" AS {_CAST[column.kind]})'
    if column.kind == "category":
        return f"NULLIF({value}, '') AS \"{column.name}\""
    is_nan = f"{value} > {_LARGEST} AND -{value} > {_LARGEST}"  # as no number is
    return f'CASE WHEN {is_nan} THEN NULL ELSE {value} END AS "{column.name}"'


def _levels(formula: Formula) -> list[set[str]]:
    """Group the steps: those of a group ask only for columns and for steps of groups before."""
    places = _places(formula)
    groups: list[set[str]] = [set() for _ in range(max(places.values()))]
    for step in formula.steps:
        groups[places[step.name] - 1].add(step.name)
    return groups


def _places(formula: Formula) -> dict[str, int]:
    places = dict.fromkeys((column.name for column in formula.columns), 0)
    for step in formula.steps:
        places[step.name] = 1 + max((places[name] for name in names_in(step.value)), default=0)
    return {step.name: places[step.name] for step in formula.steps}


def _place(formula: Formula, name: str) -> int:
    return _places(formula)[name]


def _reasons(formula: Formula, last: str) -> list[str]:
    """Pick the strongest reasons of each loan: one row per factor, words that two share once, then back to columns."""
    words = sorted({text for factor in formula.factors for text in (factor.reason, factor.missing_reason)})
    rows = []
    for factor in formula.factors:
        told = [f"{words.index(text)}" for text in (factor.missing_reason, factor.reason)]
        which = f'CASE WHEN "{factor.given}" IS NULL THEN {told[0]} ELSE {told[1]} END'
        rows.append(
            f'SELECT "{ROW}", {which} AS "words", "{factor.push}" AS "push" FROM {last} WHERE "{factor.push}" > 0'
        )
    union = "\nUNION ALL ".join(rows)
    pushes = f"pushes AS MATERIALIZED (\n{union}\n)"
    ranked = (
        "ranked AS MATERIALIZED (\n"
        f'SELECT "{ROW}", "words",\n'
        f'  ROW_NUMBER() OVER (PARTITION BY "{ROW}" ORDER BY MAX("push") DESC, "words") AS "place"\n'
        f'FROM pushes\nGROUP BY "{ROW}", "words"\n)'
    )
    cases = "\n    ".join(f"WHEN {place} THEN {_quoted(text)}" for place, text in enumerate(words))
    named = f'SELECT "{ROW}", "place", CASE "words"\n    {cases} END AS "text"'
    told_as = f'told AS MATERIALIZED (\n{named}\nFROM ranked WHERE "place" <= {REASONS}\n)'
    columns = [
        f'MAX(CASE WHEN "place" = {place} THEN "text" END) AS "reason_{place}"' for place in range(1, REASONS + 1)
    ]
    reasons = f'reasons AS (\nSELECT "{ROW}",\n  ' + ",\n  ".join(columns) + f'\nFROM told\nGROUP BY "{ROW}"\n)'
    return [pushes, ranked, told_as, reasons]


def _text(value: Expression) -> str:
    match value:
        case Ref(name):
            return f'"{name}"'
        case Number(number):
            return number_text(number)
        case Text(words):
            return _quoted(words)
        case Nothing():
            return "NULL"
        case Calc():
            return _calc(value)
        case If(condition, then, other):
            return f"CASE WHEN {_condition(condition)} THEN {_text(then)} ELSE {_text(other)} END"
        case ByEdges(of, edges, values):
            told = [number_text(one) if isinstance(one, float) else _quoted(one) for one in values]
            whens = [
                f'WHEN "{of.name}" <= {number_text(edge)} THEN {one}' for edge, one in zip(edges, told, strict=False)
            ]
            return f"CASE {' '.join(whens)} ELSE {told[-1]} END" if whens else told[-1]
        case ByLevel(of, values, other):
            return _by_level(of, values, other)
        case Forest():
            return sql_sum(value, number_text, _quoted)


def _by_level(of: Ref, values: tuple[tuple[str, float], ...], other: float) -> str:
    grouped: dict[float, list[str]] = {}
    for level, number in values:
        grouped.setdefault(number, []).append(_quoted(level))
    whens = [f'WHEN "{of.name}" IN ({", ".join(levels)}) THEN {number_text(one)}' for one, levels in grouped.items()]
    return f"CASE {' '.join(whens)} ELSE {number_text(other)} END" if whens else number_text(other)


def _condition(condition: Condition) -> str:
    match condition:
        case Compare(name, left, right):
            return f"{_text(left)} {name} {_text(right)}"
        case Missing(Ref(name)):
            return f'"{name}" IS NULL'
        case OneOf(Ref(name), levels):
            return f'"{name}" IN ({", ".join(map(_quoted, levels))})' if levels else "1 = 0"
        case AnyOf(of):
            return "(" + " OR ".join(map(_condition, of)) + ")"


def _calc(value: Calc) -> str:
    parts = [_text(one) for one in value.of]
    if value.name in ("ln", "exp", "power", "round"):
        return f"{value.name.upper()}({', '.join(parts)})"
    return f"({parts[0]} {value.name} {parts[1]})"


def number_text(number: float) -> str:
    """Write a number so that every one of them reads it as a 64-bit number."""
    text = repr(number)
    text = text if "e" in text else f"{text}e0"
    return text if number >= 0 else f"({text})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


__all__ = ["as_sql"]

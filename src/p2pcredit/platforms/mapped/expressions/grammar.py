"""What an expression of a mapping may hold: everything that computes one value from one row, and nothing else.

DuckDB parses the text; its tree is walked, and every node must be on a list. Nothing is searched for in the text. What
reads files or tables, looks at other rows, or gives another answer tomorrow is on no list: subqueries, table functions,
aggregates, windows, lambdas, `random()`, `current_date`, `getenv()`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from p2pcredit.names import perhaps
from p2pcredit.platforms.mapped.dates import ISO, problem_with_pattern
from p2pcredit.text import one_line

if TYPE_CHECKING:
    import duckdb

OWN_FUNCTIONS = {
    "as_number": "as_number(x): the number that a text writes, with the decimal sign of the file",
    "as_date": "as_date(x) or as_date(x, '%d.%m.%Y'): the day that a text writes",
    "add_days": "add_days(day, n): n days later, a whole number",
    "add_months": "add_months(day, n): n months later, on the last day where the month is shorter",
}
"""Functions beside those of DuckDB -> what they give."""
FUNCTIONS = frozenset(
    {
        *OWN_FUNCTIONS,
        *("abs", "ceil", "ceiling", "floor", "round", "trunc", "sign", "sqrt", "ln", "exp", "pow", "power"),
        *("greatest", "least", "nullif", "ifnull", "if"),
        *("lower", "upper", "trim", "ltrim", "rtrim", "length", "left", "right", "substr", "substring", "replace"),
        *("split_part", "starts_with", "ends_with", "contains", "strip_accents", "concat"),
        *("regexp_matches", "regexp_extract", "regexp_replace"),
        *("date_diff", "datediff", "date_part", "date_trunc", "last_day", "make_date", "year", "month", "day"),
        *("to_days", "to_weeks", "to_months", "to_years"),
    }
)
_OPERATORS = frozenset({"+", "-", "*", "/", "//", "%", "||", "~~", "!~~", "~~*", "!~~*"})
_CLASSES = frozenset(
    {"COLUMN_REF", "CONSTANT", "FUNCTION", "COMPARISON", "CONJUNCTION", "OPERATOR", "CASE", "BETWEEN", "CAST", "TYPE"}
)
_OPERATOR_TYPES = frozenset(
    {
        *("OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF"),
        *("COMPARE_IN", "COMPARE_NOT_IN"),
    }
)
_CASTS = frozenset({"INTEGER", "INT", "BIGINT", "DOUBLE", "VARCHAR", "TEXT", "DATE", "BOOLEAN", "INTERVAL"})
_NAMED = {
    "SUBQUERY": "a query inside an expression",
    "WINDOW": "a window over other rows",
    "STAR": "a star",
    "LAMBDA": "a lambda",
    "PARAMETER": "a parameter",
}
_MOST_LETTERS = 2_000
_MOST_SAID = 300
_MOST_GROWING, _LONGEST_PUT = 2, 40
_OF_DUCKDB = {("", ""), ("main", ""), ("main", "system")}
_EMPTY = ("where_clause", "having", "sample", "qualify", "group_expressions", "group_sets", "modifiers")
ALLOWED = (
    "columns, numbers, 'texts', + - * / || and comparisons, AND OR NOT, IS NULL, IN, BETWEEN, LIKE, CASE, COALESCE, "
    "CAST to a plain type, and functions of one row"
)
"""What an expression may hold, in words."""
ALLOWED_FUNCTIONS = ", ".join(sorted(FUNCTIONS))


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression.

    Args:
        sql: As DuckDB writes what it understood, without comments.
        columns: The raw columns that it names, each once, in their order.
    """

    sql: str
    columns: tuple[str, ...]


def checked_expression(connection: duckdb.DuckDBPyConnection, text: str) -> Expression:
    """Parse an expression, and refuse what is not on the list.

    Args:
        connection: Any connection; nothing is run on it but the parser.
        text: The expression as the mapping has it.

    Raises:
        ValueError: If it is none, or holds what is not allowed; says what, in one line.
    """
    if len(text) > _MOST_LETTERS:
        raise ValueError(f"has {len(text)} letters, at most {_MOST_LETTERS} are allowed; split it over several columns")
    parsed = _scalar(connection, "SELECT json_serialize_sql(?)", f"SELECT ({text}\n)")
    try:
        tree = json.loads(parsed)
    except RecursionError as error:
        raise ValueError("is nested too deeply; split it over several columns") from error
    if tree.get("error"):
        raise ValueError(f"is no expression: {_one_line(tree['error_message'])}; {_HELP}")
    statements = tree["statements"]
    node = statements[0]["node"]
    alone = len(statements) == 1 and node["type"] == "SELECT_NODE" and len(node["select_list"]) == 1
    if not alone or node["from_table"]["type"] != "EMPTY" or any(node.get(part) for part in _EMPTY):
        raise ValueError("is more than one expression; write what gives one value, such as as_number(Amount) * 12")
    whole = node["select_list"][0]
    if whole["class"] == "CONSTANT" and _kind(whole) == "NULL_LITERAL":
        raise ValueError("is nothing, where one text, number or day belongs")
    columns: dict[str, None] = {}
    try:
        parts = list(_nodes(node["select_list"][0]))
    except RecursionError as error:
        raise ValueError("is nested too deeply; split it over several columns") from error
    for part in parts:
        _check(part)
        if part["class"] == "COLUMN_REF":
            columns[part["column_names"][0]] = None
    if sum(_makes_longer(part) for part in parts) > _MOST_GROWING:
        raise ValueError(f"makes texts longer by more than {_MOST_GROWING} replacements; replace by shorter texts")
    sql = _scalar(connection, "SELECT json_deserialize_sql(?)", parsed)
    return Expression(sql.removeprefix("SELECT "), tuple(columns))


_HELP = "columns with blanks stand in double quotes, texts in single ones, such as \"Paid out\" = 'yes'"


def _scalar(connection: duckdb.DuckDBPyConnection, query: str, value: str) -> str:
    return str(connection.execute(query, [value]).fetchall()[0][0])


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    """Yield every node of a tree of expressions, whatever the version of DuckDB calls their places."""
    if isinstance(tree, Mapping):
        if "class" in tree:
            yield dict(tree)
        for part in tree.values():
            yield from _nodes(part)
    elif isinstance(tree, list):
        for part in tree:
            yield from _nodes(part)


def _check(node: dict[str, Any]) -> None:
    kind, name = node["class"], str(node.get("function_name", ""))
    if kind not in _CLASSES:
        raise ValueError(f"holds {_NAMED.get(kind, kind.lower())}, which is not allowed; allowed are {ALLOWED}")
    if node.get("alias"):
        raise ValueError(f"names a value '{node['alias']}'; write the value alone")
    if kind == "COLUMN_REF" and len(node["column_names"]) > 1:
        whole = ".".join(node["column_names"])
        raise ValueError(f"'{whole}' is read as a column of a table; put one name in double quotes: \"{whole}\"")
    if kind == "FUNCTION":
        _check_function(node, name)
    if kind == "OPERATOR" and node["type"] not in _OPERATOR_TYPES:
        raise ValueError(f"holds {node['type'].lower()}, which is not allowed; allowed are {ALLOWED}")
    if kind == "CAST":
        cast = node.get("type_expr", {}).get("type_name") or node.get("cast_type", {}).get("id", "")
        if str(cast).upper() not in _CASTS:
            raise ValueError(f"casts to {cast}; allowed are {', '.join(sorted(_CASTS))}")
    if kind in {"COMPARISON", "BETWEEN"} or node["type"] in {"COMPARE_IN", "COMPARE_NOT_IN"}:
        _check_compared(node)


def _check_function(node: dict[str, Any], name: str) -> None:
    known = _OPERATORS if node.get("is_operator") else FUNCTIONS | _OPERATORS
    odd = node.get("distinct") or node.get("filter") or node.get("order_bys", {}).get("orders")
    is_own = name.lower() in OWN_FUNCTIONS
    named = (node.get("schema") or "", node.get("catalog") or "")  # DuckDB 1 writes those of its own functions
    if name.lower() not in known or odd or (any(named) if is_own else named not in _OF_DUCKDB):
        meant = perhaps(name.lower(), sorted(FUNCTIONS))
        raise ValueError(f"calls {name}, which is not allowed{meant}; allowed are {ALLOWED_FUNCTIONS}")
    if name.lower() == "as_date" and len(own := _arguments(node)) > 1:
        pattern = _constant(own[1])
        problem = problem_with_pattern(pattern) if pattern else "its pattern is a text in quotes"
        if problem and pattern != ISO:
            raise ValueError(f"as_date: {problem}")


def _check_compared(node: dict[str, Any]) -> None:
    """Refuse to compare a column, which holds texts, with a number: '9' > '10' would hold."""
    sides = [part for part in _nodes([value for key, value in node.items() if key != "class"]) if part is not node]
    direct = [part for part in sides if part in _direct(node)]
    columns = [part["column_names"][0] for part in direct if part["class"] == "COLUMN_REF"]
    constants = [part for part in direct if part["class"] == "CONSTANT"]
    numbers = [part for part in constants if _kind(part) not in {"STRING", "NULL_LITERAL", ""}]
    if columns and numbers:
        raise ValueError(f"compares the text of {columns[0]} with a number; write as_number({_quoted(columns[0])})")


def _makes_longer(node: dict[str, Any]) -> bool:
    """Say whether a replacement may make a text longer: a few of them, nested, would fill any memory.

    Raises:
        ValueError: If what is put in is no short constant.
    """
    if node["class"] != "FUNCTION" or node["function_name"].lower() not in {"replace", "regexp_replace"}:
        return False
    own = _arguments(node)
    if len(own) < 3 or any(part["class"] != "CONSTANT" for part in own[1:]):
        raise ValueError(f"{node['function_name']} takes a value and two texts in quotes, what is replaced and by what")
    searched, put = _constant(own[1]), _constant(own[2])
    if len(put) > _LONGEST_PUT:
        raise ValueError(f"puts {len(put)} letters in place of others, at most {_LONGEST_PUT} are allowed")
    return bool(put) if node["function_name"].lower() == "regexp_replace" else len(put) > len(searched)


def _direct(node: dict[str, Any]) -> list[dict[str, Any]]:
    found = [node[side] for side in ("left", "right", "input", "lower", "upper") if side in node]
    return [*found, *node.get("children", [])]


def _arguments(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [own.get("expression", own) for own in node.get("arguments", node.get("children", []))]


def _kind(constant: dict[str, Any]) -> str:
    """Name the kind of a constant, as this or an earlier DuckDB writes it."""
    if "literal" in constant:
        return str(constant["literal"].get("kind", ""))
    value = constant.get("value", {})
    if value.get("is_null"):
        return "NULL_LITERAL"
    kind = str(value.get("type", {}).get("id", ""))
    return "STRING" if kind == "VARCHAR" else kind


def _constant(node: dict[str, Any]) -> str:
    if node["class"] != "CONSTANT" or _kind(node) != "STRING":
        return ""
    return str(node["literal"]["text"] if "literal" in node else node["value"]["value"])


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.isascii() else f'"{name}"'


def _one_line(text: str) -> str:
    return one_line(text.partition("\n\nLINE")[0].partition("\nLINE")[0], _MOST_SAID)


__all__ = ["ALLOWED", "ALLOWED_FUNCTIONS", "FUNCTIONS", "OWN_FUNCTIONS", "Expression", "checked_expression"]

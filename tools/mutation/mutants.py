"""Change a module in one small place: every change that the operators make of its source, and the changed source.

A change is an edit of the source text at a node of its syntax tree, so that all other lines stay as they are.
Annotations, types of calls, docstrings, imports and the texts of errors are left alone: changing them harms no number.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARED = {
    ast.Lt: ("<", ("<=", ">")),
    ast.LtE: ("<=", ("<", ">=")),
    ast.Gt: (">", (">=", "<")),
    ast.GtE: (">=", (">", "<=")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
_CALCULATED = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
_OPPOSITES = (
    ("min", "max"),
    ("any", "all"),
    ("first", "last"),
    ("head", "tail"),
    ("min_horizontal", "max_horizontal"),
    ("any_horizontal", "all_horizontal"),
    ("is_null", "is_not_null"),
    ("floor", "ceil"),
    ("maximum", "minimum"),
    ("argmin", "argmax"),
    ("cum_min", "cum_max"),
)
_OPPOSITE_NAMES = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}
_OPPOSITE_TEXTS = {
    a: b
    for pair in (("first", "last"), ("left", "right"), ("semi", "anti"), ("forward", "backward"))
    for a, b in (pair, pair[::-1])
}
_JOINS = {"inner": "left", "left": "inner"}
_DROPPED_METHODS = frozenset(
    {"filter", "sort", "unique", "fill_null", "fill_nan", "drop_nulls", "drop_nans", "abs", "clip"}
    | {"strip_chars", "to_lowercase", "to_uppercase"}
)
_TRANSPARENT = frozenset({"abs", "sorted", "set"})


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Args:
        module: Its path below `src`, such as `p2pcredit/jobs/monitoring/week.py`.
        function: The qualified name of the function or class around the change; empty at module level.
        line: Line number of the change, from 1.
        code: That line as it stands, stripped.
        change: What is replaced by what.
        start, end: Offsets of the replaced bytes in the UTF-8 source.
        text: What stands there instead.
        number: Which of several equal changes of equal lines in the function this is, from 0.
    """

    module: str
    function: str
    line: int
    code: str
    change: str
    start: int
    end: int
    text: str
    number: int = 0

    @property
    def key(self) -> str:
        """A name that stays while other places of the module change."""
        named = "\0".join((self.module, self.function, self.code, self.change, str(self.number)))
        return hashlib.sha256(named.encode()).hexdigest()[:16]

    def apply(self, source: bytes) -> bytes:
        """Return the source with this change."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def digest_of_code(source: bytes) -> str:
    """Digest of what a module does: comments, docstrings and line breaks play no part.

    Examples:
        >>> digest_of_code(b"x = 1  # one\\n") == digest_of_code(b"'Words.'\\nx = (1)\\n")
        True
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [part for part in body if not _is_text(part)]  # type: ignore[attr-defined]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()[:16]


def _is_text(statement: ast.AST) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def find_mutants(module: str, source: bytes) -> list[Mutant]:
    """List all changes that the operators make of a module, in order of their place; each still compiles.

    Examples:
        >>> found = find_mutants("m.py", b"def late(days):\\n    return days >= 30\\n")
        >>> [mutant.change for mutant in found]
        ['`days >= 30` -> `days > 30`', '`days >= 30` -> `days <= 30`', '`30` -> `31`', '`30` -> `29`']
    """
    tree = ast.parse(source)
    text = source.decode()
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = text.splitlines()
    found: dict[tuple[str, ...], int] = {}
    mutants: list[Mutant] = []
    for function, node, replacement, *said in _changes(tree):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
        before = source[start:end].decode()
        after = replacement if isinstance(replacement, str) else ast.unparse(replacement)
        if isinstance(node, ast.expr) and isinstance(replacement, ast.expr):
            after = f"({after})"  # its place may bind tighter than it does
        code = lines[node.lineno - 1].strip()
        shown = after[1:-1] if after.startswith("(") and after.endswith(")") and not before.startswith("(") else after
        change = said[0] if said else f"`{_short(before)}` -> `{_short(shown)}`"
        place = (function, code, change)
        number = found.get(place, 0)
        found[place] = number + 1
        mutant = Mutant(module, function, node.lineno, code, change, start, end, after, number)
        try:
            compile(mutant.apply(source), module, "exec")
        except SyntaxError:
            continue
        mutants.append(mutant)
    return sorted(mutants, key=lambda m: (m.start, -m.end))


def _short(code: str) -> str:
    plain = " ".join(code.split())
    return plain if len(plain) <= 110 else f"{plain[:70]} … {plain[-35:]}"


Change = tuple[str, ast.expr | ast.stmt, ast.expr | str] | tuple[str, ast.expr | ast.stmt, ast.expr | str, str]
"""Function, node, what stands there instead, and what is said of it where the two texts would be too long."""


def _changes(tree: ast.Module) -> Iterator[Change]:
    yield from _of_body(tree.body, "")


def _of_body(body: list[ast.stmt], function: str) -> Iterator[Change]:
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            inner = f"{function}.{statement.name}".lstrip(".")
            if not isinstance(statement, ast.ClassDef):
                for default in (*statement.args.defaults, *statement.args.kw_defaults):
                    if default is not None:
                        yield from _of_expression(default, inner)
            yield from _of_body(statement.body, inner)
        elif not _is_left_alone(statement):
            yield from _of_statement(statement, function)


def _is_left_alone(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert | ast.Pass):
        return True
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return True
    if isinstance(statement, ast.If) and isinstance(statement.test, ast.Name):
        return statement.test.id == "TYPE_CHECKING"
    return isinstance(statement, ast.Assign) and (
        any(isinstance(target, ast.Name) and target.id == "__all__" for target in statement.targets)
        or (isinstance(statement.value, ast.Subscript) and ast.unparse(statement.value.value) == "Callable")
    )


def _of_statement(statement: ast.stmt, function: str) -> Iterator[Change]:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        yield function, statement, "pass"
    if isinstance(statement, ast.AugAssign) and isinstance(statement.op, ast.Add | ast.Sub):
        sign = "-=" if isinstance(statement.op, ast.Add) else "="
        yield function, statement, f"{ast.unparse(statement.target)} {sign} {ast.unparse(statement.value)}"
    if isinstance(statement, ast.Continue):
        yield function, statement, "break"
    if isinstance(statement, ast.If | ast.While):
        yield from _of_test(statement, function)
    for _, value in ast.iter_fields(statement):
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.stmt):
                yield from _of_body([part], function)
            elif isinstance(part, ast.ExceptHandler | ast.match_case):
                yield from _of_body(part.body, function)
            elif isinstance(part, ast.withitem):
                yield from _of_expression(part.context_expr, function)
            elif isinstance(part, ast.expr) and part is not getattr(statement, "annotation", None):
                yield from _of_expression(part, function)


def _of_test(statement: ast.If | ast.While, function: str) -> Iterator[Change]:
    """Replace a condition by one that never holds; one that is no comparison is also turned round."""
    if isinstance(statement, ast.If):
        yield function, statement.test, "False"
    if not isinstance(statement.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield function, statement.test, ast.UnaryOp(ast.Not(), statement.test)


def _of_expression(node: ast.expr, function: str) -> Iterator[Change]:
    if isinstance(node, ast.JoinedStr | ast.FormattedValue):
        return  # words
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for other in _COMPARED[type(node.ops[0])][1]:
            left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
            yield function, node, _parsed(f"{_closed(node.left, left)} {other} {_closed(node.comparators[0], right)}")
    elif isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            ops: list[ast.cmpop] = list(node.ops)
            ops[place] = type(_parsed(f"a {_COMPARED[type(op)][1][0]} b").ops[0])()  # type: ignore[attr-defined]
            yield function, node, ast.Compare(node.left, ops, node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield function, node, ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.Not | ast.Invert | ast.USub):
            yield function, node, node.operand
    elif isinstance(node, ast.BinOp):
        yield from _of_calculation(node, function)
    elif isinstance(node, ast.IfExp):
        yield function, node, ast.IfExp(node.test, node.orelse, node.body)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node, function)
    elif isinstance(node, ast.Call):
        yield from _of_call(node, function)
    elif isinstance(node, ast.Attribute) and node.attr in _OPPOSITE_NAMES:
        yield function, node, ast.Attribute(node.value, _OPPOSITE_NAMES[node.attr], ast.Load())
    elif isinstance(node, ast.Name) and node.id in _OPPOSITE_NAMES and isinstance(node.ctx, ast.Load):
        if node.id in ("min", "max", "any", "all"):
            yield function, node, ast.Name(_OPPOSITE_NAMES[node.id], ast.Load())
    elif isinstance(node, ast.Tuple | ast.List | ast.Set) and len(node.elts) > 2 and not function:
        for place in range(len(node.elts)):
            rest = [item for at, item in enumerate(node.elts) if at != place]
            yield function, node, ast.unparse(type(node)(rest))
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from _of_expression(child, function)
        elif isinstance(child, ast.keyword):
            yield from _of_expression(child.value, function)
        elif isinstance(child, ast.comprehension):
            yield from _of_expression(child.iter, function)
            for test in child.ifs:
                yield function, test, "True"
                yield from _of_expression(test, function)


def _of_calculation(node: ast.BinOp, function: str) -> Iterator[Change]:
    texts = (node.left, node.right)
    if type(node.op) not in _CALCULATED or any(
        isinstance(side, ast.JoinedStr | ast.List | ast.ListComp)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in texts
    ):
        return
    other = _CALCULATED[type(node.op)][1]
    op = _parsed(f"a {other} b").op  # type: ignore[attr-defined]
    yield function, node, ast.BinOp(node.left, op, node.right)


def _of_constant(node: ast.Constant, function: str) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield function, node, str(not value)
    elif isinstance(value, int):
        yield function, node, str(value + 1)
        if value:
            yield function, node, str(value - 1)
    elif isinstance(value, float):
        yield function, node, repr(value * 2 if value else 1.0)
    elif isinstance(value, str):
        if value in _OPPOSITE_TEXTS and value != "left":
            yield function, node, repr(_OPPOSITE_TEXTS[value])
        if value in _JOINS:
            yield function, node, repr(_JOINS[value])


def _of_call(node: ast.Call, function: str) -> Iterator[Change]:
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr in _DROPPED_METHODS and ast.unparse(called.value) != "np":
        yield function, node, called.value, f"`.{called.attr}({_short(_listed(node))})` dropped"
        if called.attr == "filter" and len(node.args) > 1:
            for place in range(len(node.args)):
                rest = [item for at, item in enumerate(node.args) if at != place]
                said = f"`{_short(ast.unparse(node.args[place]))}` of `.filter` dropped"
                yield function, node, ast.Call(called, rest, node.keywords), said
    if isinstance(called, ast.Name) and called.id in _TRANSPARENT and len(node.args) == 1:
        kept = ast.Call(ast.Name("list", ast.Load()), node.args, []) if called.id != "abs" else node.args[0]
        yield function, node, kept
    positional = [place for place, item in enumerate(node.args) if isinstance(item, ast.Name | ast.Attribute)]
    if len(positional) > 1 and not (isinstance(called, ast.Name) and called.id == "isinstance"):
        args, (one, two) = list(node.args), positional[:2]
        if type(args[one]) is type(args[two]) and ast.dump(args[one]) != ast.dump(args[two]):
            args[one], args[two] = args[two], args[one]
            first, second, name = (ast.unparse(part) for part in (args[two], args[one], called))
            said = f"`{first}` and `{second}` of `{_short(name)}()` swapped"
            yield function, node, ast.Call(called, args, node.keywords), said


def _listed(call: ast.Call) -> str:
    return ", ".join(ast.unparse(part) for part in (*call.args, *call.keywords))


def _parsed(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


def _closed(node: ast.expr, code: str) -> str:
    return f"({code})" if isinstance(node, ast.BoolOp | ast.Compare | ast.IfExp | ast.Lambda | ast.NamedExpr) else code

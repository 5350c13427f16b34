"""A formula as an ONNX graph, built node by node with the package `onnx` alone. Needs the extra `export`."""

from __future__ import annotations

from typing import Any

import numpy as np

from p2pcredit.errors import MissingExtraError
from p2pcredit.models.export.formula import (
    OUTPUTS,
    AnyOf,
    ByEdges,
    ByLevel,
    Calc,
    Compare,
    Condition,
    Expression,
    Forest,
    Formula,
    If,
    Leaf,
    Missing,
    Nothing,
    Number,
    OneOf,
    Ref,
    Split,
    Text,
    names_in,
)
from p2pcredit.models.export.header import About, header

OPSET, TREES_OPSET, IR_VERSION = 18, 3, 8
"""Of 2023, which every runtime in use reads."""
NOTES = (
    "One input per column, of shape (rows, 1): double, where NaN is missing, or string, where an empty one is. Outputs "
    "have the same shape; what is withheld is NaN or an empty string.",
)
_OPERATORS = {
    "+": "Add",
    "-": "Sub",
    "*": "Mul",
    "/": "Div",
    "power": "Pow",
    "ln": "Log",
    "exp": "Exp",
    "round": "Round",
}
_COMPARISONS = {"<": "Less", "<=": "LessOrEqual", "=": "Equal", ">": "Greater", ">=": "GreaterOrEqual"}


def as_onnx(formula: Formula, about: About) -> bytes:
    """Write the formula as the bytes of an ONNX file.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("an ONNX file", "export") from error
    formula = formula.without_reasons()
    kinds = formula.kinds
    graph = _Graph(onnx, kinds)
    used = {name for step in formula.steps for name in names_in(step.value)}
    for step in formula.steps:
        graph.name(graph.value(step.value), step.name)
    shape = [None, 1]
    types = {"numeric": onnx.TensorProto.DOUBLE, "category": onnx.TensorProto.STRING}
    told = [
        onnx.helper.make_tensor_value_info(one.name, types[one.kind], shape)
        for one in formula.columns
        if one.name in used
    ]
    given = [onnx.helper.make_tensor_value_info(name, types[kinds[name]], shape) for name in OUTPUTS]
    made = onnx.helper.make_graph(graph.nodes, about.model_id, told, given, graph.constants)
    model = onnx.helper.make_model(
        made,
        producer_name="p2pcredit",
        producer_version=about.version,
        doc_string="\n".join(header(about, "onnx", formula, NOTES)),
        opset_imports=[onnx.helper.make_opsetid("", OPSET), onnx.helper.make_opsetid("ai.onnx.ml", TREES_OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.helper.set_model_props(
        model, {"model_id": about.model_id, "card_sha256": about.card_digest, "as_of": about.as_of}
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


class _Graph:
    """Nodes and constants as they are added; every value is a tensor of shape (rows, 1), or (1, 1)."""

    def __init__(self, onnx: Any, kinds: dict[str, Any]) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._helper, self._types, self._kinds = onnx.helper, onnx.TensorProto, kinds
        self._known: dict[Any, str] = {}
        self._count = 0

    def name(self, tensor: str, name: str) -> None:
        """Give a tensor a name of its own."""
        self.nodes.append(self._helper.make_node("Identity", [tensor], [name]))

    def value(self, value: Expression) -> str:
        """Add what calculates an expression; return its tensor."""
        match value:
            case Ref(name):
                return name
            case Number(number):
                return self._constant([[number]], self._types.DOUBLE)
            case Text(words):
                return self._constant([[words]], self._types.STRING)
            case Nothing(kind):
                return self.value(Number(float("nan")) if kind == "numeric" else Text(""))
            case Calc(name, of):
                return self._node(_OPERATORS[name], *(self.value(one) for one in of))
            case If(condition, then, other):
                return self._node("Where", self.condition(condition), self.value(then), self.value(other))
            case ByEdges():
                return self._by_edges(value)
            case ByLevel(of, values, other):
                places = self._labels(of, [(level, place) for place, (level, _) in enumerate(values, 1)])
                table = self._constant([other, *(number for _, number in values)], self._types.DOUBLE)
                return self._node("Gather", table, places)
            case Forest():
                return self._forest(value)

    def condition(self, condition: Condition) -> str:
        """Add what asks a condition; return its tensor of booleans."""
        match condition:
            case Compare(name, left, right):
                return self._node(_COMPARISONS[name], self.value(left), self.value(right))
            case Missing(Ref(name)):
                return self._is_missing(name)
            case OneOf(of, levels):
                places = self._labels(of, [(level, 1) for level in levels])
                return self._node("Cast", places, to=self._types.BOOL)
            case AnyOf(of):
                found = self.condition(of[0])
                for one in of[1:]:
                    found = self._node("Or", found, self.condition(one))
                return found

    def _is_missing(self, name: str) -> str:
        if self._kinds[name] == "numeric":
            return self._node("IsNaN", name)
        return self._node("Cast", self._labels(Ref(name), [("", 1)]), to=self._types.BOOL)

    def _labels(self, of: Ref, places: list[tuple[str, int]]) -> str:
        """Look a text up; 0 where it is none of those."""
        if not places:
            places = [("\n", 0)]
        return self._node(
            "LabelEncoder", of.name, domain="ai.onnx.ml", default_int64=0,
            keys_strings=[text for text, _ in places], values_int64s=[place for _, place in places],
        )  # fmt: skip

    def _by_edges(self, value: ByEdges) -> str:
        of_text = isinstance(value.values[0], str)
        table = self._constant(list(value.values), self._types.STRING if of_text else self._types.DOUBLE)
        if not value.edges:
            zeros = self._node("Cast", self._node("IsNaN", value.of.name), to=self._types.INT64)
            return self._node("Gather", table, self._node("Mul", zeros, self._constant([[0]], self._types.INT64)))
        edges = self._constant([list(value.edges)], self._types.DOUBLE)
        above = self._node("Cast", self._node("Greater", value.of.name, edges), to=self._types.INT64)
        place = self._node("ReduceSum", above, self._constant([1], self._types.INT64), keepdims=1)
        return self._node("Gather", table, place)

    def _forest(self, forest: Forest) -> str:
        """Add the trees with an output each, and a running sum over them: added in the order of the trees."""
        columns = []
        for column in forest.columns:
            if isinstance(column, Ref):
                columns.append(self._node("Cast", column.name, to=self._types.FLOAT))
                continue
            same = self._node("Cast", self._labels(column[0], [(column[1], 1)]), to=self._types.FLOAT)
            lost = self._constant([[float("nan")]], self._types.FLOAT)
            columns.append(self._node("Where", self._is_missing(column[0].name), lost, same))
        rows = self._node("Concat", *columns, axis=1)
        each = self._node("TreeEnsembleRegressor", rows, domain="ai.onnx.ml", **_tree_attributes(forest))
        share = self._node("Cast", self._node("IsNaN", self._first(rows)), to=self._types.FLOAT)
        nothing = self._node("Mul", share, self._constant([[0.0]], self._types.FLOAT))
        base = self._node("Add", nothing, self._constant([[forest.base]], self._types.FLOAT))
        sums = self._node("CumSum", self._node("Concat", base, each, axis=1), self._constant([1], self._types.INT64))
        last = self._constant([len(forest.trees)], self._types.INT64)
        return self._node("Cast", self._node("Gather", sums, last, axis=1), to=self._types.DOUBLE)

    def _first(self, rows: str) -> str:
        return self._node("Gather", rows, self._constant([0], self._types.INT64), axis=1)

    def _node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        key = (kind, inputs, tuple(sorted((name, str(value)) for name, value in attributes.items())))
        if key not in self._known:
            self._count += 1
            self._known[key] = f"t{self._count}"
            self.nodes.append(self._helper.make_node(kind, list(inputs), [self._known[key]], **attributes))
        return self._known[key]

    def _constant(self, values: list[Any], kind: int) -> str:
        key = ("constant", str(values), kind)
        if key not in self._known:
            self._known[key] = f"c{len(self.constants) + 1}"
            flat: list[Any] = np.array(values, dtype=object).ravel().tolist()
            if kind == self._types.STRING:
                flat = [text.encode() for text in flat]
            self.constants.append(self._helper.make_tensor(self._known[key], kind, np.shape(values), flat))
        return self._known[key]


def _tree_attributes(forest: Forest) -> dict[str, Any]:
    nodes: dict[str, list[Any]] = {
        name: []
        for name in (
            "treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids",
            "missing_value_tracks_true",
        )
    }  # fmt: skip
    leaves: dict[str, list[Any]] = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, root in enumerate(forest.trees):
        waiting: list[Split | Leaf] = [root]
        for place, node in enumerate(waiting):
            first = len(waiting)
            if isinstance(node, Split):
                waiting += [node.left, node.right]
                told: list[Any] = [node.column, node.below, "BRANCH_LT", first, first + 1, int(node.missing_left)]
            else:
                told = [0, 0.0, "LEAF", 0, 0, 0]
                for name, one in zip(leaves, (tree, place, tree, node.value), strict=True):
                    leaves[name].append(one)
            for name, part in zip(nodes, (tree, place, *told), strict=True):
                nodes[name].append(part)
    return {
        **{f"nodes_{name}": values for name, values in nodes.items()},
        **{f"target_{name}": values for name, values in leaves.items()},
        "n_targets": len(forest.trees),
        "post_transform": "NONE",
    }


__all__ = ["as_onnx"]

"""A formula as PMML 4.4: a Scorecard, or a sum of tree models, between derived fields and output fields."""

from __future__ import annotations

import xml.etree.ElementTree as ET

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
    Kind,
    Leaf,
    Missing,
    Nothing,
    Number,
    OneOf,
    Ref,
    Split,
    Step,
    Text,
    names_in,
)
from p2pcredit.models.export.header import About, header
from p2pcredit.models.export.trees import double_bound, side_of_level

NAMESPACE = "http://www.dmg.org/PMML-4_4"
NOTES = (
    "Numbers are 64-bit: the sum of trees differs from that of p2pcredit from the seventh digit on, so that a score "
    "on the border of two points may be the other one. Points of a Scorecard are exact.",
)
_FUNCTIONS = {
    "power": "pow",
    "<": "lessThan",
    "<=": "lessOrEqual",
    "=": "equal",
    ">": "greaterThan",
    ">=": "greaterOrEqual",
}
_TYPES: dict[Kind, dict[str, str]] = {
    "numeric": {"optype": "continuous", "dataType": "double"},
    "category": {"optype": "categorical", "dataType": "string"},
}


def as_pmml(formula: Formula, about: About) -> str:
    """Write the formula as the text of a PMML file."""
    formula = formula.without_reasons()
    core = "trees" if formula.has_trees else "points"
    after = _after(formula, core)
    steps = {step.name: step for step in formula.steps}
    root = ET.Element("PMML", {"xmlns": NAMESPACE, "version": "4.4"})
    head = ET.SubElement(root, "Header", {"description": "\n".join(header(about, "pmml", formula, NOTES))})
    ET.SubElement(head, "Application", {"name": "p2pcredit", "version": about.version})
    used = {name for step in formula.steps for name in names_in(step.value)}
    columns = [column for column in formula.columns if column.name in used]
    dictionary = ET.SubElement(root, "DataDictionary", {"numberOfFields": str(len(columns))})
    for column in columns:
        ET.SubElement(
            dictionary, "DataField", {"name": column.name, "displayName": column.description, **_TYPES[column.kind]}
        )
    derived = ET.SubElement(root, "TransformationDictionary")
    parts = names_in(steps["points"].value) if core == "points" else set()
    for step in formula.steps:
        if step.name not in after and step.name != core and step.name not in parts:
            field = ET.SubElement(derived, "DerivedField", {"name": step.name, **_TYPES[step.kind]})
            _write(field, step.value)
    if not len(derived):
        root.remove(derived)
    value = steps[core].value
    model = (
        _mining(value)
        if isinstance(value, Forest)
        else _scorecard(formula, [steps[name] for name in steps if name in parts])
    )
    model.set("modelName", about.model_id)
    root.append(model)
    schema = ET.Element("MiningSchema")
    for column in columns:
        ET.SubElement(schema, "MiningField", {"name": column.name, "invalidValueTreatment": "asIs"})
    model.insert(0, schema)
    output = ET.Element("Output")
    model.insert(1, output)
    base = value.base if isinstance(value, Forest) else None
    _outputs(output, core, base, [step for step in formula.steps if step.name in after])
    ET.indent(root, " ")
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _after(formula: Formula, core: str) -> set[str]:
    """Name the steps that ask for the core, themselves or through others."""
    found: set[str] = set()
    for step in formula.steps:
        if names_in(step.value) & (found | {core}):
            found.add(step.name)
    return found


def _outputs(output: ET.Element, core: str, base: float | None, steps: list[Step]) -> None:
    name = core if base is None else f"{core}_without_base"
    given = {"optype": "continuous", "dataType": "double", "feature": "predictedValue", "isFinalResult": "false"}
    ET.SubElement(output, "OutputField", {"name": name, **given})
    if base is not None:
        steps = [Step(core, Calc("+", (Ref(name), Number(base)))), *steps]
    for step in steps:
        final = {} if step.name in OUTPUTS else {"isFinalResult": "false"}
        field = {"name": step.name, **_TYPES[step.kind], "feature": "transformedValue", **final}
        _write(ET.SubElement(output, "OutputField", field), step.value)


def _scorecard(formula: Formula, parts: list[Step]) -> ET.Element:
    """Write a Scorecard of one characteristic per feature; the first attribute that holds gives the points."""
    how = {"functionName": "regression", "initialScore": "0", "useReasonCodes": "false"}
    model = ET.Element("Scorecard", how)
    characteristics = ET.SubElement(model, "Characteristics")
    for part in parts:
        value = part.value
        assert isinstance(value, If), "points of a feature begin with those of a missing value"
        assert isinstance(value.condition, Missing), "points of a feature begin with those of a missing value"
        name = value.condition.of.name
        characteristic = ET.SubElement(characteristics, "Characteristic", {"name": part.name})
        lost = _attribute(characteristic, value.then)
        ET.SubElement(lost, "SimplePredicate", {"field": name, "operator": "isMissing"})
        inside = value.other
        if isinstance(inside, ByEdges):
            points_of_bins = [float(points) for points in inside.values]
            for edge, points in zip(inside.edges, points_of_bins, strict=False):
                attribute = _attribute(characteristic, Number(points))
                ET.SubElement(
                    attribute, "SimplePredicate", {"field": name, "operator": "lessOrEqual", "value": repr(edge)}
                )
            ET.SubElement(_attribute(characteristic, Number(points_of_bins[-1])), "True")
        elif isinstance(inside, ByLevel):
            for level, number in inside.values:
                attribute = _attribute(characteristic, Number(number))
                ET.SubElement(attribute, "SimplePredicate", {"field": name, "operator": "equal", "value": level})
            ET.SubElement(_attribute(characteristic, Number(inside.other)), "True")
    return model


def _attribute(characteristic: ET.Element, points: Expression) -> ET.Element:
    assert isinstance(points, Number), "the points of a bin are a number"
    return ET.SubElement(characteristic, "Attribute", {"partialScore": repr(points.value)})


def _mining(forest: Forest) -> ET.Element:
    model = ET.Element("MiningModel", {"functionName": "regression"})
    segments = ET.SubElement(model, "Segmentation", {"multipleModelMethod": "sum"})
    names = dict.fromkeys(column.name if isinstance(column, Ref) else column[0].name for column in forest.columns)
    for number, tree in enumerate(forest.trees, 1):
        segment = ET.SubElement(segments, "Segment", {"id": str(number)})
        ET.SubElement(segment, "True")
        how = {
            "functionName": "regression",
            "missingValueStrategy": "defaultChild",
            "noTrueChildStrategy": "returnLastPrediction",
            "splitCharacteristic": "binarySplit",
        }
        grown = ET.SubElement(segment, "TreeModel", how)
        schema = ET.SubElement(grown, "MiningSchema")
        for name in names:
            if name in _asked(forest, tree):
                ET.SubElement(schema, "MiningField", {"name": name})
        _node(ET.SubElement(grown, "Node", {"id": "1"}), forest, tree, "1", ("True", {}))
    return model


def _asked(forest: Forest, node: Split | Leaf) -> set[str]:
    if isinstance(node, Leaf):
        return set()
    column = forest.columns[node.column]
    name = column.name if isinstance(column, Ref) else column[0].name
    return {name} | _asked(forest, node.left) | _asked(forest, node.right)


def _node(
    element: ET.Element, forest: Forest, node: Split | Leaf, place: str, asked: tuple[str, dict[str, str]]
) -> None:
    ET.SubElement(element, *asked)
    if isinstance(node, Leaf):
        element.set("score", repr(node.value))
        return
    left, right = f"{place}0", f"{place}1"
    element.set("score", "0.0")
    element.set("defaultChild", left if node.missing_left else right)
    column = forest.columns[node.column]
    if isinstance(column, Ref):
        sign, middle = double_bound(node.below)
        signs = ("lessThan", "greaterOrEqual") if sign == "<" else ("lessOrEqual", "greaterThan")
        predicates = [{"field": column.name, "operator": one, "value": repr(middle)} for one in signs]
        children = [(left, node.left, predicates[0]), (right, node.right, predicates[1])]
    else:
        name, level = column[0].name, column[1]
        other_left, same_left = side_of_level(node.below)
        same = {"field": name, "operator": "equal", "value": level}
        other = {"field": name, "operator": "notEqual", "value": level}
        if other_left == same_left:  # a bound that splits nothing
            both = node.left if same_left else node.right
            children = [(left, both, same), (right, both, other)]
        else:
            children = [(left, node.left, other), (right, node.right, same)]
    for name, child, predicate in children:
        _node(ET.SubElement(element, "Node", {"id": name}), forest, child, name, ("SimplePredicate", predicate))


def _write(parent: ET.Element, value: Expression | Condition) -> None:
    match value:
        case Ref(name):
            ET.SubElement(parent, "FieldRef", {"field": name})
        case Number(number):
            ET.SubElement(parent, "Constant", {"dataType": "double"}).text = repr(number)
        case Text(words):
            ET.SubElement(parent, "Constant", {"dataType": "string"}).text = words
        case Nothing(kind):
            ET.SubElement(parent, "Constant", {"dataType": _TYPES[kind]["dataType"], "missing": "true"})
        case Calc(name, of):
            _apply(parent, _FUNCTIONS.get(name, name), *of)
        case Compare(name, left, right):
            _apply(parent, _FUNCTIONS[name], left, right)
        case Missing(of):
            _apply(parent, "isMissing", of)
        case OneOf(of, levels):
            _apply(parent, "isIn", of, *map(Text, levels))
        case AnyOf(of):
            _apply(parent, "or", *of) if len(of) > 1 else _write(parent, of[0])
        case If(condition, then, other):
            _apply(parent, "if", condition, then, other)
        case ByEdges():
            _write(parent, _by_edges(value))
        case ByLevel() | Forest():
            raise AssertionError("these are the core of a model, and written as such")


def _by_edges(value: ByEdges) -> Expression:
    values = [Text(one) if isinstance(one, str) else Number(one) for one in value.values]
    found: Expression = values[-1]
    for edge, one in reversed(list(zip(value.edges, values, strict=False))):
        found = If(Compare("<=", value.of, Number(edge)), one, found)
    return found


def _apply(parent: ET.Element, function: str, *of: Expression | Condition) -> None:
    apply = ET.SubElement(parent, "Apply", {"function": function})
    for one in of:
        _write(apply, one)


__all__ = ["as_pmml"]

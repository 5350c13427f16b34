"""The YAML file of a mapping, read so that every slip ends in one line: which key, what was found, what to write.

YAML 1.1 reads `on`, `off`, `yes` and `no` as truth values and lets a key that stands twice overwrite itself. Nothing in
a mapping is a truth value, so each is refused where it stands, by its line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from p2pcredit.contracts.feeds import PERFORMANCE_STATUSES
from p2pcredit.errors import UsageError
from p2pcredit.names import perhaps
from p2pcredit.platforms.mapped.expressions.derived import DerivedColumns, KeyedError, derived_columns
from p2pcredit.platforms.mapped.schema.applications import ApplicationsMapping
from p2pcredit.platforms.mapped.schema.files import FileFormat, Table, Tape
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.schema.outcomes import Events, Received
from p2pcredit.platforms.mapped.schema.own_columns import OwnColumn
from p2pcredit.platforms.mapped.schema.sources import NEAR, LoanId, Source
from p2pcredit.platforms.mapped.statuses.events import EventRules
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_MOST_BYTES = 1 << 20
_FEATURE_DEPTH = 3
"""How many keys lead to what stands under a source of an own column: features, its name, the key."""
_RULE_DEPTH = 3
"""How many keys lead to a rule: events, rules, the status."""
_BOOL, _MERGE, _NULL, _DAY = (f"tag:yaml.org,2002:{kind}" for kind in ("bool", "merge", "null", "timestamp"))
_A_COLUMN = "the name of a column of the download"
_A_CONDITION = "\"State <> 'test'\""
_AN_EXPRESSION = 'SQL over the columns of a row, such as "as_number(Income) * 12"'
_A_SOURCE = '{column: NAME, date: "%d.%m.%Y"} or the name of a column of the download'
_AMOUNTS = 'the name of a column, or a list of columns that are added up, such as [Principal, "-Returned"]'
EXPECTED = {
    "name": "a name of small letters, digits and underscores that begins with a letter, such as my_lender",
    "file": '{encoding: windows-1252, decimal: ","}',
    "file.encoding": "an encoding such as windows-1252",
    "file.missing": 'a list of texts that mean no value, such as ["n.v.", 9999]',
    "file.decimal": 'the sign before decimals in quotes: "." or ","',
    "files": 'how the files of loans are named, so that a directory can be landed, such as "loans_*.csv"',
    "tape": 'files with a row per loan and day, in place of events: {files: "tape*.csv", loan_id: Nr, day: Day}',
    "tables": 'further files and their keys, such as {customer: {files: "people*.csv", key: Id, matches: Customer}}',
    "currency": "the three letters of the currency of all amounts, such as EUR",
    "only": f"a condition in SQL; rows of which it is not true are left out, such as {_A_CONDITION}",
    "loan_id": f"{_A_COLUMN}, {{expression: \"Customer || '-' || Nr\"}}, or {{row_number: file}} where it has no ids",
    "loan_id.column": _A_COLUMN,
    "loan_id.expression": _AN_EXPRESSION,
    "loan_id.row_number": "file, for ids such as loans-17: the file's name and the row; the loan is never met again",
    "origination_date": _A_SOURCE,
    "feeds": "per feed its columns, such as {loan_terms: {loan_amount: COLUMN, term: COLUMN}}",
    "features": "columns of your own as features, such as {tenure: {source: COLUMN, direction: -1, reason: Short time "
    "as a customer, basis: own experience of the lender}}",
    "events": 'status, "on" and rules, such as {status: COLUMN, "on": COLUMN, rules: {paid: [{status: FULLY_PAID}]}}',
    "events.status": f"{_A_COLUMN}, or {{expression: \"CASE WHEN as_number(Late) > 8 THEN 'late' ELSE 'open' END\"}}",
    "events.on": _A_SOURCE,
    "events.days_past_due": f"{_A_COLUMN}, or {{column: NAME, default: 0}}",
    "events.read_on": "the day on which the statuses were read, such as 2024-12-31",
    "events.received": "what loans have paid in all, such as {principal: COLUMN, interest: COLUMN, last_on: COLUMN}",
    "events.received.principal": _AMOUNTS,
    "events.received.interest": _AMOUNTS,
    "events.received.fees": _AMOUNTS,
    "events.received.recoveries": _AMOUNTS,
    "events.received.last_on": _A_SOURCE,
    "events.received.recovered_after_days": "whole days, 0 to 3650",
    "applications": "id, decided_on and outcome of a file of applications, such as {id: COLUMN, decided_on: COLUMN, "
    "outcome: {column: COLUMN, values: {funded: APPROVED, refused: DECLINED}}}",
    "applications.id": _A_COLUMN,
    "applications.decided_on": _A_SOURCE,
    "applications.outcome": "the column, and what its texts mean, such as {column: NAME, values: {funded: APPROVED}}",
    "applications.columns": "columns of the feed, such as {loan_id: COLUMN, loan_amount: COLUMN}",
    "events.rules": "what each means, such as {paid: [{status: FULLY_PAID}], open: [], slow: past_due, void: unknown}",
}
EXPECTED_OF_SOURCE = {
    "column": _A_COLUMN,
    "columns": "a list of names of columns, the best first, such as [Region, Country]",
    "value": "what all rows have, such as 36",
    "expression": _AN_EXPRESSION,
    "one_hot": "a text and the column that says yes to it, such as {RENT: home_rent, OWN: home_own}",
    "values": 'texts of the download and what they become, such as {"Miete": RENT}; "" is a blank',
    "default": "what stands for a missing value, such as 36",
    "unreadable": "missing, so that what cannot be read, or what values does not name, is missing and no finding",
    "flag": "two texts, what yes and no become, such as [OWNER, NOT_OWNER]",
    "times": "a number to multiply by, such as 100",
    "missing": 'a list of texts that mean no value, such as ["n.v.", 9999]',
    "round": "how many decimals to keep, 0 to 9",
    "date": "iso, a pattern such as '%d.%m.%Y', or a list of them",
}
EXPECTED_OF_TABLE = {
    "files": 'how its files are named, such as "customers*.csv"',
    "key": "its column of keys, or a list of them",
    "matches": "the column of the loans' file that holds the key, or a list; left out where the names are the same",
    "duplicates": "first or last, which row counts where a key stands twice; else such a file is refused",
}
EXPECTED_OF_TAPE = {
    "files": 'how its files are named, such as "servicing*.csv"',
    "loan_id": "its column of ids",
    "day": "its column of days, or {expression: \"last_day(as_date(Month || '-01'))\"}",
    "day_in_name": 'how the day stands in the file\'s name, such as "%Y_%m"; a month is its last day',
    "days_past_due": "its column of days past due, or {column: NAME, default: 0}",
    "overdue": "its column of the amount overdue, where it has no days past due",
    "balance": "its column of the principal outstanding; a loan with nothing outstanding is paid back",
    "paid": f"what came in since the row before, {_AMOUNTS}",
    "principal": f"of that the principal, {_AMOUNTS}",
    "interest": f"of that the interest, {_AMOUNTS}",
    "fees": f"of that the fees, {_AMOUNTS}",
    "status": "its column of statuses",
    "statuses": "what its texts mean, such as {Active: CURRENT, Closed: FULLY_PAID, Loss: CHARGED_OFF}",
    "default_days": "days past due from which a loan is in default, 1 to 180",
    "gone": "unknown or FULLY_PAID, what a loan is whose rows end before the tape does",
    "before": "CURRENT where loans that are old as the tape begins were not in default before; else they are left out",
    "steady": "a list of its columns that must not change, such as [Amount, Start]",
}
EXPECTED_OF_OWN = {
    "source": "the name of a column of the download, or {column: NAME, values: {...}}, {expression: SQL} and so on",
    "kind": "number, category, date (it becomes the age in months) or text (it becomes its length)",
    "direction": "1 where more is riskier, -1 where more is safer, 0 where credit sense does not say; of a date longer "
    "ago is more",
    "reason": "the few words of why a score is lower than it could be, such as Short time as a customer",
    "basis": "why it may be used in a credit decision, in a sentence",
    "description": "what it is, in a sentence",
    "text": "what a borrower is told, such as You have not been a customer for long.",
    "advice": "what a borrower can do, in a sentence",
    "given_by": "borrower, bureau or platform",
    "available_since": "since when loans have it, such as 2019",
    "known_on": "the column of the day on which the value was known; a value known only after the loan is missing",
    "plausible": "the lower and the upper bound of most values of a number, such as [0, 600]",
    "feature_set": "application, price or wording: the set that training.feature_sets names",
}
EXPECTED_OF_RULE = {
    "status": f"one of {', '.join(sorted(PERFORMANCE_STATUSES))}",
    "days_past_due": "whole days, 0 to 10000",
    "after_days": "whole days, -3650 to 3650",
}


def read_mapping(path: Path) -> tuple[PlatformMapping, DerivedColumns]:
    """Read a mapping, as one of plain columns and those that it makes.

    Raises:
        UsageError: If there is no such file, or it is no mapping; names the key that is wrong and what to write.
        MissingExtraError: If it holds expressions, and what computes them is not installed.
    """
    where = f"the profile {path}"
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise UsageError(f"{where} has more than {_MOST_BYTES} bytes; a mapping is far smaller")
        text = path.read_text(encoding="utf-8").lstrip("\ufeff")
        content, node = _content(where, text)
        if not isinstance(content, dict):
            raise UsageError(
                f"{where} holds no keys; write 'name: my_lender', 'loan_id: COLUMN' and so on, each on a line"
            )
        mapping = PlatformMapping.model_validate(content)
        try:
            return derived_columns(mapping)
        except KeyedError as error:
            raise UsageError(f"{where}{_line(node, error.key.split('.'))}, {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where} cannot be read; check the path and that it is UTF-8 text") from error
    except RecursionError as error:
        raise UsageError(f"{where} is nested too deeply for a mapping") from error
    except ValidationError as error:
        line, worded = _worded(error.errors())
        raise UsageError(f"{where}{_line(node, line)}, {worded}") from error


def _line(node: yaml.Node | None, path: Sequence[str]) -> str:
    """Word the line of the deepest key on this path; nothing where the first is not there."""
    line = 0
    for part in path:
        keys = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in keys if key.value == part), None)
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return f", line {line}" if line else ""


def _content(where: str, text: str) -> tuple[Any, yaml.Node | None]:
    """Parse YAML text in which no key stands twice and nothing is a truth value; give its tree too."""
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _check(where, node, "", set())
        return yaml.safe_load(text), node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f" in line {mark.line + 1}, column {mark.column + 1}" if mark is not None else ""
        hint = "; indent with blanks, not tabs" if "'\\t'" in str(error.problem) else ""
        problem = " ".join(str(error.problem or error.context).split())
        raise UsageError(f"{where} is not YAML{at}: {problem}{hint}") from error
    except UsageError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise UsageError(f"{where} is not YAML: {' '.join(str(error).split())}") from error


def _check(where: str, node: yaml.Node, key: str, seen: set[int]) -> None:
    """Refuse truth values, days that no calendar has, and keys that stand twice or are no text, below this node.

    Raises:
        UsageError: If there are any.
    """
    if id(node) in seen:  # what an alias points to is looked at once
        return
    seen.add(id(node))
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode) and node.tag == _BOOL:
        raise UsageError(
            f"{where}, line {line}, key '{key}': {node.value} without quotes is read as true or false; put it in "
            f'quotes: "{node.value}"'
        )
    if isinstance(node, yaml.ScalarNode) and node.tag == _DAY:
        try:
            yaml.safe_load(node.value)
        except ValueError as error:
            raise UsageError(
                f"{where}, line {line}, key '{key}': {node.value} is no calendar day; write one such as 2024-12-31"
            ) from error
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _check(where, item, key, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    names: dict[str, int] = {}
    for name, value in node.value:
        if not isinstance(name, yaml.ScalarNode):
            raise UsageError(f"{where}, line {name.start_mark.line + 1}: a key is one word; put it in quotes")
        below = f"{key}.{name.value}" if key else str(name.value)
        _check(where, name, below, seen)
        if name.tag in {_NULL, _DAY}:
            raise UsageError(
                f"{where}, line {name.start_mark.line + 1}, key '{below}': {name.value or 'a key of nothing'} without "
                f'quotes is no text; put it in quotes: "{name.value}"'
            )
        if name.tag != _MERGE and name.value in names:
            raise UsageError(
                f"{where}, line {name.start_mark.line + 1}, key '{below}' stands twice, first in line "
                f"{names[name.value]}; keep one of them"
            )
        names[name.value] = name.start_mark.line + 1
        _check(where, value, below, seen)


def _worded(errors: Sequence[ErrorDetails]) -> tuple[list[str], str]:
    """Give the keys that lead to the first slip, and word it in one line.

    An unknown key goes before a missing one, since it may be that key misspelt.
    """
    missing = [error["loc"] for error in errors if error["type"] == "missing"]
    first = next((error for error in errors if error["type"] == "extra_forbidden"), _deepest(errors))
    path = _plain_path(first["loc"])
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        lacking = [str(loc[-1]) for loc in missing if loc[:-1] == first["loc"][:-1]]
        allowed = _allowed(path)
        meant = perhaps(path[-1], lacking, cutoff=0.4) or perhaps(path[-1], allowed, cutoff=NEAR)
        return path, f"key '{key}' is unknown{meant}; allowed here are {', '.join(allowed)}"
    if first["type"] == "missing":
        return path, f"key '{key}' is missing; write {_expected(path)}"
    if first["type"] == "value_error":
        if key:
            return path, f"key '{key}': {first['ctx']['error']}"
        said = str(first["ctx"]["error"])  # it begins with its key
        return said.partition(" ")[0].split("."), f"key {said}"
    found = first["input"]
    if (first["type"] == "string_type" and isinstance(found, int | float | str)) or _is_date(found):
        return path, f"key '{key}': {found} without quotes is no text; put it in quotes: \"{found}\""
    return path, f"key '{key}': found {one_line(repr(found), LONGEST_EXAMPLE)}; write {_expected(path)}"


def _deepest(errors: Sequence[ErrorDetails]) -> ErrorDetails:
    """Choose the first error; of errors about a value that may be written in several ways, that of the nearest."""
    start = _plain_path(errors[0]["loc"])
    same = [error for error in errors if _plain_path(error["loc"])[: len(start)] == start]
    return max(same, key=lambda error: len(error["loc"]))


def _is_date(value: object) -> bool:
    return hasattr(value, "isoformat")


def _plain_path(loc: Sequence[int | str]) -> list[str]:
    """List the keys that lead to a value, without what the schema calls the choices that it tried."""
    under_rule = tuple(loc[:2]) == ("events", "rules")
    path: list[str] = []
    for place, part in enumerate(loc):
        is_choice = under_rule and place == _RULE_DEPTH
        is_item = isinstance(part, int) and not (under_rule and place == _RULE_DEPTH - 1)
        if not (part == "[key]" or is_choice or is_item):
            path.append(str(part))
    return path


def _model(path: Sequence[str]) -> type[BaseModel]:
    """Return the model of the part of a mapping to which the last key of a path belongs."""
    if len(path) == 1:
        return PlatformMapping
    plain: dict[str, type[BaseModel]] = {
        "file": FileFormat,
        "loan_id": LoanId,
        "tables": Table,
        "tape": Tape if len(path) == 2 else Source,
    }
    if path[0] in plain:
        return plain[path[0]]
    if path[0] == "applications":
        return ApplicationsMapping if len(path) == 2 else Source
    if path[0] == "features":
        return OwnColumn if len(path) <= _FEATURE_DEPTH else Source
    if path[0] == "events":
        known: dict[str, type[BaseModel]] = {"rules": EventRules, "received": Received if len(path) == 3 else Source}
        return Events if len(path) == 2 else known.get(path[1], Source)
    return Source


def _allowed(path: Sequence[str]) -> list[str]:
    return list(_model(path).model_fields)


def _expected(path: Sequence[str]) -> str:
    key = ".".join(path)
    model = _model(path)
    if key in EXPECTED:
        return EXPECTED[key]
    if path and path[0] == "feeds":
        below = path[3:]
        return (
            EXPECTED["feeds"]
            if len(path) <= 2
            else EXPECTED_OF_SOURCE.get(below[0], _A_SOURCE)
            if below
            else "the name of a column of the download, or {column: NAME, values: {...}, times: 100, round: 2}"
        )
    if model is Tape or path[:1] == ["tape"]:
        of_source = EXPECTED_OF_SOURCE.get(path[2]) if len(path) > 2 else None
        return of_source or EXPECTED_OF_TAPE.get(path[1] if len(path) > 1 else "", EXPECTED["tape"])
    if path[:1] == ["features"]:
        of_source = EXPECTED_OF_SOURCE.get(path[_FEATURE_DEPTH]) if len(path) > _FEATURE_DEPTH else None
        return of_source or EXPECTED_OF_OWN.get(path[2] if len(path) > 2 else "", EXPECTED["features"])
    if model is Table:
        return EXPECTED_OF_TABLE.get(path[-1], EXPECTED["tables"])
    if model is EventRules and len(path) > _RULE_DEPTH:
        return EXPECTED_OF_RULE.get(path[-1], EXPECTED["events.rules"])
    if model is Source:
        return next((EXPECTED_OF_SOURCE[part] for part in reversed(path) if part in EXPECTED_OF_SOURCE), _A_SOURCE)
    if path[:2] == ["events", "rules"]:
        return "a list such as [{status: FULLY_PAID}], [] for a loan that goes on, past_due or unknown"
    return EXPECTED.get(path[0] if path else "", "a mapping of keys")


__all__ = [
    "EXPECTED",
    "EXPECTED_OF_OWN",
    "EXPECTED_OF_RULE",
    "EXPECTED_OF_SOURCE",
    "EXPECTED_OF_TABLE",
    "EXPECTED_OF_TAPE",
    "read_mapping",
]

"""Read applications as people and programs send them: JSON, JSON lines or CSV; every number keeps its digits."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from io import StringIO
from typing import Any, Literal, NoReturn

from p2pcredit.errors import UnreadableFileError

Form = Literal["json", "jsonl", "csv"]
Record = Mapping[str, Any]
"""Names with their values: text, `JsonNumber`, true, false or None; of JSON also lists and objects."""

LIST_KEY = "applications"
"""The key of an object that holds a list of applications."""

_SEPARATORS = (",", ";", "\t")
_BOM = "\ufeff"


class JsonNumber(str):
    """A number of a JSON text as it was written, so that no digit is lost before the contract reads it."""

    __slots__ = ()


def parse_applications(data: bytes, form: Form) -> list[Record]:
    """Read the applications of a text.

    Args:
        data: The text in UTF-8.
        form: `json` is an object, a list of objects, or an object with such a list under `applications`; `jsonl` an
            object a line; `csv` has a header.

    Raises:
        UnreadableFileError: If it is not UTF-8, not of that form, or holds no application.

    Examples:
        >>> parse_applications(b'[{"loan_id": "A1", "loan_amount": 1200.50}]', "json")
        [{'loan_id': 'A1', 'loan_amount': '1200.50'}]
        >>> parse_applications(b"loan_id;term\\nA1;36 months\\n", "csv")
        [{'loan_id': 'A1', 'term': '36 months'}]
    """
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"byte {error.start + 1} is not UTF-8; write the applications in UTF-8") from error
    found = {"json": _of_json, "jsonl": _of_lines, "csv": _of_csv}[form](text)
    if not found:
        raise UnreadableFileError("there is no application; give at least one")
    return found


def form_of(name: str, data: bytes) -> Form:
    """Say the form by the file's name, else by the first letter and by whether the first line is whole JSON.

    Examples:
        >>> form_of("new.csv", b""), form_of("-", b' [{"a": 1}]'), form_of("-", b'{"a": 1}\\n{"a": 2}')
        ('csv', 'json', 'jsonl')
        >>> form_of("-", b"loan_id,term")
        'csv'
    """
    ending = name.rpartition(".")[2].lower()
    named: dict[str, Form] = {"json": "json", "jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}
    if ending in named:
        return named[ending]
    bare = data.lstrip(b"\xef\xbb\xbf \t\r\n")
    if bare[:1] not in (b"{", b"["):
        return "csv"
    first, _, rest = bare.partition(b"\n")
    if bare[:1] == b"{" and rest.strip() and first.rstrip().endswith(b"}"):
        return "jsonl"
    return "json"


def parse_json(text: str) -> Any:
    """Parse JSON; numbers keep their text, and what JSON does not have is refused.

    Raises:
        UnreadableFileError: If it is no JSON, is nested too deep, or an object has a key twice.
    """
    try:
        return json.loads(
            text,
            parse_float=JsonNumber,
            parse_int=JsonNumber,
            parse_constant=_no_constant,
            object_pairs_hook=_without_repeats,
        )
    except RecursionError as error:
        raise UnreadableFileError("the JSON is nested too deep; give objects of plain values") from error
    except json.JSONDecodeError as error:
        raise UnreadableFileError(f"line {error.lineno}, column {error.colno} is no JSON: {error.msg}") from error
    except ValueError as error:
        raise UnreadableFileError(str(error)) from error


def records_in(content: Any) -> list[Record]:
    """Take the applications out of parsed JSON: an object, a list of them, or an object with a list of them.

    Raises:
        UnreadableFileError: If it is anything else.
    """
    if isinstance(content, dict) and isinstance(content.get(LIST_KEY), list):
        if len(content) > 1:
            raise UnreadableFileError(f"beside '{LIST_KEY}' there is '{next(k for k in content if k != LIST_KEY)}'")
        content = content[LIST_KEY]
    rows = content if isinstance(content, list) else [content]
    for place, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise UnreadableFileError(f'application {place} is no object; write it as {{"loan_id": "A1", ...}}')
    return rows


def _of_json(text: str) -> list[Record]:
    return records_in(parse_json(text))


def _of_lines(text: str) -> list[Record]:
    found: list[Record] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                row = parse_json(line)
            except UnreadableFileError as error:
                raise UnreadableFileError(f"line {number} is no JSON object: {error}") from error
            if not isinstance(row, dict):
                raise UnreadableFileError(f'line {number} is no object; write it as {{"loan_id": "A1", ...}}')
            found.append(row)
    return found


def _of_csv(text: str) -> list[Record]:
    header = text.partition("\n")[0]
    separator = max(_SEPARATORS, key=header.count)
    try:
        rows = list(csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise UnreadableFileError(f"it is no CSV: {error}; quote texts that hold quotes or line ends") from error
    names = [name.strip() for name in rows[0]] if rows else []
    _refuse_header(names)
    found: list[Record] = []
    for number, row in enumerate(rows[1:], 1):
        if not row:
            continue
        if len(row) != len(names):
            raise UnreadableFileError(f"application {number} has {len(row)} fields, the header {len(names)}; mend it")
        found.append(dict(zip(names, row, strict=True)))
    return found


def _refuse_header(names: Sequence[str]) -> None:
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise UnreadableFileError(f"the header has '{twice}' twice; give each column a name of its own")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for place, name in enumerate(names) if name in names[:place])
        raise ValueError(f"an object has the key '{twice}' twice; keep one of them")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON; write null where there is no value")


__all__ = ["LIST_KEY", "Form", "JsonNumber", "Record", "form_of", "parse_applications", "parse_json", "records_in"]

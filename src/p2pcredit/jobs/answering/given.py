"""Turn applications as they were sent into rows with the columns of landing files, and refuse what none may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl

from p2pcredit.contracts.allowed import json_types
from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.columns import Column
from p2pcredit.errors import UsageError
from p2pcredit.jobs.answering.problems import FieldProblem, columns_of_home, refuse
from p2pcredit.names import perhaps, similar_name
from p2pcredit.platforms.mapped.profile import MappedPlatform
from p2pcredit.platforms.registry import profile_named
from p2pcredit.readers.applications import JsonNumber, Record

_MOST_PROBLEMS = 100
_HALF = "half a character"


def mapping_named(name_or_path: str) -> MappedPlatform:
    """Read the mapping by whose names applications come.

    Args:
        name_or_path: A YAML file, or a built-in platform that is described by one.

    Raises:
        UsageError: If there is none, or the platform is not described by a mapping.
    """
    profile = profile_named(name_or_path)
    if not isinstance(profile, MappedPlatform):
        raise UsageError(f"the platform '{name_or_path}' has no mapping; name a YAML file, or use the feeds' names")
    return profile


def landed_rows(
    records: Sequence[Record], mapping: MappedPlatform | None = None, catalogue: FeatureCatalogue = BUILT_IN
) -> pl.DataFrame:
    """Lay applications out as rows of text with the columns of landing files.

    Args:
        records: Applications: names with their values.
        mapping: By whose names; None for the names of the feeds.
        catalogue: The features that the model knows, whose own columns may be given too.

    Raises:
        ApplicationError: If a name is unknown, or a value is of no type that its field may have.
    """
    if mapping is None:
        return _of_feeds(records, catalogue)
    return _of_mapping(records, mapping)


def _of_feeds(records: Sequence[Record], catalogue: FeatureCatalogue) -> pl.DataFrame:
    refuse_wrong_records(records, catalogue)
    return _texts(records, columns_of_home(catalogue))


def refuse_wrong_records(records: Sequence[Record], catalogue: FeatureCatalogue = BUILT_IN) -> None:
    """Refuse records with names that no feed has, or with values of a type that their column may not have.

    Raises:
        ApplicationError: With all problems, or the first hundred.
    """
    problems: list[FieldProblem] = []
    columns = columns_of_home(catalogue)
    for row, record in enumerate(records, 1):
        for name, value in record.items():
            if name in columns and (value is None or (type(value) is str and value.isascii())):
                continue  # a text of CSV is right for every column
            problem = _wrong_name(name, record, columns) or _wrong_type(columns[name], value)
            if problem is not None:
                problems.append(FieldProblem(row, _printable(name), *problem))
        if len(problems) >= _MOST_PROBLEMS:
            break
    refuse(problems)


def landed_texts(record: Record, catalogue: FeatureCatalogue = BUILT_IN) -> dict[str, str | None]:
    """Write the values of a record as a landing file would have them, with every column of the feeds."""
    texts: dict[str, str | None] = dict.fromkeys(columns_of_home(catalogue))
    for name, value in record.items():
        texts[name] = value if type(value) is str else _text(value)
    return texts


def _wrong_name(name: str, record: Record, columns: Mapping[str, Column]) -> tuple[str, str] | None:
    if name in columns:
        return None
    meant = perhaps(name, [known for known in columns if known not in record])
    return f"no column of a feed{meant}", "the columns that 'p2pcredit feeds' lists"


def _wrong_type(column: Column, value: object) -> tuple[str] | None:
    """Say what is wrong with the JSON type of a value that is no plain text."""
    types = json_types(column)
    if isinstance(value, bool):
        return None if "boolean" in types else ("true or false",)
    if isinstance(value, JsonNumber):
        whole = value.removeprefix("-").isdigit()
        return None if "number" in types or ("integer" in types and whole) else ("a number",)
    if isinstance(value, str):
        return (_HALF,) if _is_broken(value) else None
    return ("a list or an object",)


def _of_mapping(records: Sequence[Record], mapping: MappedPlatform) -> pl.DataFrame:
    names = mapping.application_columns
    given = dict.fromkeys(name for record in records for name in record)
    absent = [name for name in names if name not in given]
    problems = [
        FieldProblem(None, _printable(name), f"no column of the mapping{perhaps(name, absent)}")
        for name in given
        if name not in names and similar_name(name, absent)
    ]
    for row, record in enumerate(records, 1):
        for name in names:
            value = record.get(name)
            if isinstance(value, list | dict):
                problems.append(FieldProblem(row, name, "a list or an object", "a text or a number"))
            if isinstance(value, str) and _is_broken(value):
                problems.append(FieldProblem(row, name, _HALF, "a text or a number"))
    refuse(problems)
    return mapping.applications(_texts(records, names))


def _texts(records: Sequence[Record], names: Iterable[str]) -> pl.DataFrame:
    columns = {name: [_text(record.get(name)) for record in records] for name in names}
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _text(value: object) -> str | None:
    if value is None:
        return None
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _is_broken(text: str) -> bool:
    """Say whether a text holds half a surrogate pair, which no file and no table can hold."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)[:60]


__all__ = ["landed_rows", "landed_texts", "mapping_named", "refuse_wrong_records"]

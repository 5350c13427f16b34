"""Columns that a mapping makes: of expressions, constants, one-hot columns and numbers of rows.

Each becomes a column of text beside the raw ones as soon as a part is read. Everything after that reads a mapping in
which it is a column like any other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from p2pcredit.errors import UsageError
from p2pcredit.platforms.loan_book import LEFT_OUT
from p2pcredit.platforms.mapped.expressions.engine import Engine, columns_once
from p2pcredit.platforms.mapped.expressions.grammar import Expression
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.schema.sources import YES, LoanId, Source
from p2pcredit.platforms.raw_table import RawTable

ID = "the row's number"
_ONLY = "only"
logger = logging.getLogger("p2pcredit")


class KeyedError(UsageError):
    """What is wrong with the value of a key."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        super().__init__(f"key '{key}': {problem}")


@dataclass(frozen=True, slots=True)
class DerivedColumns:
    """The columns that a mapping makes.

    Args:
        constants: Name -> its text.
        one_hot: Name -> text -> the raw column that says yes to it.
        expressions: Name -> the expression.
        only: Whether an expression named `only` says which rows count.
        numbered: Whether ids are made of the file's name and the number of the row.
        engine: What computes the expressions; None where there are none.
    """

    constants: Mapping[str, str]
    one_hot: Mapping[str, Mapping[str, str]]
    expressions: Mapping[str, Expression]
    numbered: bool = False
    engine: Engine | None = None

    @property
    def names(self) -> frozenset[str]:
        """The columns that are made."""
        own = {*self.constants, *self.one_hot, *self.expressions} - {_ONLY}
        return frozenset(own | {ID} if self.numbered else own)

    def inputs(self, name: str) -> tuple[str, ...]:
        """List the raw columns that a column is made of; a raw column is made of itself."""
        if name in self.constants or (name == ID and self.numbered):
            return ()
        if name in self.one_hot:
            return tuple(self.one_hot[name].values())
        return self.expressions[name].columns if name in self.expressions else (name,)

    @property
    def of_filter(self) -> tuple[str, ...]:
        """The raw columns that say which rows count."""
        return self.inputs(_ONLY) if _ONLY in self.expressions else ()

    def added(self, rows: pl.DataFrame, names: frozenset[str] | None = None) -> pl.DataFrame:
        """Add the columns to raw rows, all or those of these names."""
        wanted = self.names if names is None else names
        rows = rows.with_columns(
            *(pl.lit(text, dtype=pl.String).alias(name) for name, text in self.constants.items() if name in wanted),
            *(_hot(levels).alias(name) for name, levels in self.one_hot.items() if name in wanted),
        )
        own = {name: of for name, of in self.expressions.items() if name in wanted}
        if not own or self.engine is None:
            return rows
        return rows.with_columns(self.engine.compute(rows, own).get_columns())

    def added_to(self, table: RawTable) -> RawTable:
        """Add the columns to a part of a file, and set the rows aside that do not count."""
        if _ONLY in self.expressions and self.engine is not None:
            keep = self.engine.compute(table.rows, {_ONLY: self.expressions[_ONLY]})[_ONLY] == "true"
            remedy = "mend the condition under 'only' where they should count"
            table = table.reject(pl.lit(~keep.fill_null(value=False)), LEFT_OUT, remedy=remedy)
        rows = self.added(table.rows, frozenset(name for name in self.names if not name.startswith("tape.")))
        if self.numbered:
            stem = Path(table.file.removesuffix(".gz")).stem
            rows = rows.with_columns(pl.format("{}-{}", pl.lit(stem), "row_number").alias(ID))
        return replace(table, rows=rows, numbers=table.numbers | (self.names - {ID, "loan_id (expression)"}))

    def warn(self, file: str) -> None:
        """Warn of what expressions could not compute in a file, and forget it."""
        if self.engine is None:
            return
        for function, (count, example) in self.engine.unread.texts.items():
            logger.warning(
                "%s: %s could not read %d texts, such as '%s'; the value is missing there",
                file,
                function,
                count,
                example,
            )
        for name, (count, _) in self.engine.unread.failed.items():
            logger.warning(
                "%s: %s cannot be computed in %d rows (a cast that fails, a division by zero, a number too large); "
                "the value is missing there",
                file,
                name,
                count,
            )
        self.engine.unread.texts.clear()
        self.engine.unread.failed.clear()


def derived_columns(mapping: PlatformMapping) -> tuple[PlatformMapping, DerivedColumns]:
    """Check what a mapping makes, and write the mapping as one of plain columns.

    Returns:
        The mapping with a column in place of each source that makes one, and what makes these columns.

    Raises:
        KeyedError: If an expression is none.
        MissingExtraError: If there are expressions and DuckDB is not installed.
    """
    constants, one_hot, texts = dict[str, str](), dict[str, Mapping[str, str]](), dict[str, str]()
    columns: dict[str, str] = {}
    if mapping.loan_id.expression is not None:
        columns["loan_id"] = "loan_id (expression)"
        texts["loan_id (expression)"] = mapping.loan_id.expression
    for key, source in (*mapping.sources, *(mapping.tape.sources if mapping.tape else ())):
        name = f"{key} ({source.made_by})"
        if source.value is not None:
            constants[name] = source.value
        elif source.one_hot:
            one_hot[name] = source.one_hot
        elif source.expression is not None:
            texts[name] = source.expression
        else:
            continue
        columns[key] = name
    keys = {name: f"{key}.expression" for key, name in columns.items()}
    if mapping.only is not None:
        texts[_ONLY], keys[_ONLY] = mapping.only, _ONLY
    engine = Engine(mapping.file.decimal) if texts else None
    expressions = {name: _checked(engine, keys[name], text, name) for name, text in texts.items() if engine is not None}
    numbered = mapping.loan_id.row_number is not None
    made = DerivedColumns(constants, one_hot, expressions, numbered, engine)
    try:
        columns_once(list(expressions.values()))
    except ValueError as error:
        raise KeyedError(next(iter(keys.values())), str(error)) from error
    if not columns and not numbered:
        return mapping, made
    return _of_columns(mapping, columns), made


def _checked(engine: Engine, key: str, text: str, name: str) -> Expression:
    try:
        return engine.check(text, is_condition=name == _ONLY)
    except ValueError as error:
        raise KeyedError(key, str(error)) from error


def _of_columns(mapping: PlatformMapping, columns: Mapping[str, str]) -> PlatformMapping:
    """Put a column in place of each source of these keys."""

    def plain(key: str, source: Source | None) -> Source | None:
        if source is None or key not in columns:
            return source
        return source.model_copy(update={"column": columns[key], "expression": None, "one_hot": {}, "value": None})

    events = mapping.events
    own_id = LoanId.model_construct(column=columns["loan_id"]) if "loan_id" in columns else mapping.loan_id
    received = events.received
    if received is not None:
        received = received.model_copy(update={"last_on": plain("events.received.last_on", received.last_on)})
    changed = {
        "loan_id": LoanId.model_construct(column=ID) if mapping.loan_id.row_number else own_id,
        "origination_date": plain("origination_date", mapping.origination_date),
        "feeds": {
            feed: {name: plain(f"feeds.{feed}.{name}", source) for name, source in own.items()}
            for feed, own in mapping.feeds.items()
        },
        "features": {
            name: own.model_copy(
                update={
                    "source": plain(f"features.{name}.source", own.written),
                    "known_on": plain(f"features.{name}.known_on", own.known_on),
                }
            )
            for name, own in mapping.features.items()
        },
        "tape": mapping.tape
        and mapping.tape.model_copy(
            update={
                "day": plain("tape.day", mapping.tape.day),
                "days_past_due": plain("tape.days_past_due", mapping.tape.days_past_due),
                "status": plain("tape.status", mapping.tape.status),
            }
        ),
        "events": events.model_copy(
            update={
                "status": plain("events.status", events.status),
                "on": plain("events.on", events.on),
                "days_past_due": plain("events.days_past_due", events.days_past_due),
                "received": received,
            }
        ),
    }
    return mapping.model_copy(update=changed)


def _hot(levels: Mapping[str, str]) -> pl.Expr:
    """Give the text of the one column that says yes; nothing where none does, or where several do."""
    bare = {text: pl.col(name).str.strip_chars().str.to_lowercase() for text, name in levels.items()}
    said = {text: own.is_in(YES).fill_null(value=False) for text, own in bare.items()}
    several = pl.sum_horizontal(yes.cast(pl.Int32) for yes in said.values()) > 1
    found = pl.coalesce(*(pl.when(yes).then(pl.lit(text)) for text, yes in said.items()))
    return pl.when(~several).then(found)


__all__ = ["ID", "DerivedColumns", "KeyedError", "derived_columns"]

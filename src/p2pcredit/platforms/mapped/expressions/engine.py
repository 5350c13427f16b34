"""Compute checked expressions over raw rows on DuckDB, which has no access to anything but those rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from p2pcredit.errors import MissingExtraError, SettingsError, SourceError
from p2pcredit.platforms.mapped.dates import ISO
from p2pcredit.platforms.mapped.expressions.grammar import Expression, checked_expression
from p2pcredit.platforms.mapped.schema.sources import Source
from p2pcredit.platforms.mapped.values import as_date
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.readers.localized_numbers import DecimalSign, is_number, plain_number
from p2pcredit.readers.locked_duckdb import LOCKED
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_ROWS, _PLACE = "raw", "_place of a row"
_MACROS = (
    "CREATE MACRO add_days(d, n) AS CASE WHEN n = floor(n) THEN CAST(d + to_days(CAST(n AS INTEGER)) AS DATE) END",
    "CREATE MACRO add_months(d, n) AS CASE WHEN n = floor(n) THEN CAST(d + to_months(CAST(n AS INTEGER)) AS DATE) END",
)
_OLDEST = (1, 3)
"""The first DuckDB that makes a value of what fails in one row (`TRY`) nothing."""
_MOST_SAID = 300
_KINDS: tuple[str, ...] = (
    "VARCHAR",
    "BOOLEAN",
    "DATE",
    "TIMESTAMP",
    "DOUBLE",
    "FLOAT",
    "DECIMAL",
    "TINYINT",
    "SMALLINT",
    "INTEGER",
)
_KINDS += ("BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")


@dataclass(slots=True)
class Unread:
    """What expressions could not compute: how often, and an example.

    `texts`: per function the texts that it read as nothing. `failed`: per key the rows in which its expression fails,
    or gives no finite number.
    """

    texts: dict[str, tuple[int, str]] = field(default_factory=dict)
    failed: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, into: dict[str, tuple[int, str]], name: str, count: int, example: str) -> None:
        """Count; the first example stays."""
        before, first = into.get(name, (0, example))
        into[name] = before + count, first


class Engine:
    """DuckDB with the functions of mappings, for the expressions of one mapping.

    Args:
        decimal: The sign before decimals in the file; None for plain numbers.
    """

    def __init__(self, decimal: DecimalSign | None) -> None:
        try:
            import duckdb
        except ModuleNotFoundError:
            raise MissingExtraError("an expression in a mapping", "sql") from None
        if tuple(int(part) for part in duckdb.__version__.split(".")[:2]) < _OLDEST:
            raise SettingsError(
                f"an expression in a mapping needs DuckDB 1.3 or later, found {duckdb.__version__}: "
                "pip install --upgrade duckdb"
            )
        self._library, self._decimal = duckdb, decimal
        self.unread = Unread()
        self._of_call = Unread()
        self._connection = duckdb.connect(":memory:", config={**LOCKED, "memory_limit": "1GB", "threads": 1})
        text, number, day = "VARCHAR", "DOUBLE", "DATE"
        special: dict[str, Any] = {"type": "arrow", "null_handling": "special"}
        self._connection.create_function("as_number", self._as_number, [text], number, **special)
        self._connection.create_function("_as_date", self._as_date, [text, text], day, **special)
        # A function of DuckDB has one list of arguments, a macro may have several.
        self._connection.execute(f"CREATE MACRO as_date(x) AS _as_date(x, '{ISO}'), (x, p) AS _as_date(x, p)")
        for macro in _MACROS:
            self._connection.execute(macro)
        self._connection.execute("SET lock_configuration = true")

    def check(self, text: str, *, is_condition: bool = False) -> Expression:
        """Check an expression, its types too, before any row is read.

        Raises:
            ValueError: If it cannot be computed; says why in one line.
        """
        expression = checked_expression(self._connection, text)
        self._show(pl.DataFrame(schema={_PLACE: pl.Int64, **dict.fromkeys(expression.columns, pl.String)}))
        try:
            found = self._connection.execute(f"DESCRIBE SELECT {expression.sql} AS v FROM {_ROWS}").fetchall()
        except self._library.Error as error:
            raise ValueError(f"cannot be computed: {self._worded(error)}") from error
        kind = str(found[0][1]).partition("(")[0]
        if is_condition and kind != "BOOLEAN":
            raise ValueError("is no condition; write what is true or false of a row, such as State <> 'test'")
        if kind == "INTERVAL":
            raise ValueError("gives a length of time; count it: date_diff('day', FROM, TO), or take a day less a day")
        if kind not in _KINDS:
            raise ValueError(f"gives {one_line(kind.lower(), 40) or 'nothing'}, where one text, number or day belongs")
        return expression

    def compute(self, rows: pl.DataFrame, wanted: Mapping[str, Expression]) -> pl.DataFrame:
        """Calculate expressions over rows; what cannot be computed in a row is missing there, and counted in `unread`.

        Args:
            rows: The raw columns, as text. Blanks, and the usual signs of a missing value, are nulls to expressions.
            wanted: Name of a new column -> its expression.

        Returns:
            The new columns as text, in the order of the rows.
        """
        inputs = dict.fromkeys(name for expression in wanted.values() for name in expression.columns)
        text = {name: pl.col(name).str.strip_chars() for name in inputs}
        given = rows.select(pl.when(~is_blank(own)).then(own).alias(name) for name, own in text.items())
        place = pl.int_range(rows.height, dtype=pl.Int64, eager=True).alias(_PLACE)
        self._show(pl.DataFrame([place, *given.get_columns()]))
        found = {name: self._texts(name, expression) for name, expression in wanted.items()}
        return pl.DataFrame(found, schema=dict.fromkeys(wanted, pl.String))

    def _texts(self, name: str, expression: Expression) -> pl.Series:
        self._of_call = Unread()
        try:
            values = self._run(expression.sql)
            failed = pl.repeat(value=False, n=len(values), eager=True, dtype=pl.Boolean)
        except self._library.OutOfMemoryException as error:
            raise SourceError(f"{name} needs more than 1 GB for some rows; write a simpler expression") from error
        except self._library.Error:
            self._of_call = Unread()
            boxed = self._run(f"TRY({{'v': {expression.sql}}})")
            values, failed = boxed.struct.field("v"), boxed.is_null()
        if values.dtype.is_float():
            odd = (values.is_nan() | values.is_infinite()).fill_null(value=False)
            values, failed = values.set(odd, None), failed | odd
        if isinstance(values.dtype, pl.Datetime):
            values = values.dt.date()
        for function, (count, example) in self._of_call.texts.items():
            self.unread.add(self.unread.texts, function, count, example)
        if count := int(failed.sum()):
            self.unread.add(self.unread.failed, name, count, "")
        return values.cast(pl.String).alias(name)

    def _run(self, sql: str) -> pl.Series:
        table = self._connection.sql(f'SELECT "{_PLACE}", {sql} AS v FROM {_ROWS}').to_arrow_table()
        frame = pl.from_arrow(table)
        assert isinstance(frame, pl.DataFrame)
        return frame.sort(_PLACE)["v"]

    def _show(self, rows: pl.DataFrame) -> None:
        self._connection.register(_ROWS, rows.to_arrow())

    def _as_number(self, texts: Any) -> Any:
        text = pl.col("x")
        bare = text if self._decimal is None else plain_number(text, self._decimal)
        number = bare.str.strip_chars().cast(pl.Float64, strict=False)
        if self._decimal is not None:
            number = pl.when(is_number(text, self._decimal)).then(number)
        return self._read("as_number", texts, pl.when(number.is_finite()).then(number))

    def _as_date(self, texts: Any, patterns: Any) -> Any:
        pattern = str(patterns[0]) if len(patterns) else ISO
        return self._read("as_date", texts, as_date(Source(column="x", date=(pattern,))))

    def _read(self, function: str, texts: Any, value: pl.Expr) -> Any:
        rows = pl.DataFrame({"x": pl.from_arrow(texts)}, schema={"x": pl.String})
        values = rows.select(value.alias("v"))["v"]
        wrong = rows.filter(values.is_null() & ~is_blank(pl.col("x")))
        if wrong.height:
            example = one_line(str(wrong["x"][0]), LONGEST_EXAMPLE)
            self._of_call.add(self._of_call.texts, function, wrong.height, example)
        return values.to_arrow()

    def _worded(self, error: BaseException) -> str:
        said = str(error).partition("\n\nLINE")[0].partition("\tCandidate")[0].partition("\nCandidate")[0]
        hint = ""
        if "No function matches" in said or "Cannot compare" in said or "Cannot mix" in said:
            hint = "; every column is text: read numbers by as_number(COLUMN) and days by as_date(COLUMN)"
        return one_line(said.replace("You might need to add explicit type casts.", ""), _MOST_SAID).rstrip(" .") + hint


def columns_once(expressions: Sequence[Expression]) -> tuple[str, ...]:
    """List the raw columns of several expressions, each once.

    Raises:
        ValueError: If two names differ in capitals only, which SQL does not tell apart.
    """
    names = dict.fromkeys(name for expression in expressions for name in expression.columns)
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(f"expressions name the columns {other} and {name}; write one spelling")
    return tuple(names)


__all__ = ["Engine", "Unread", "columns_once"]

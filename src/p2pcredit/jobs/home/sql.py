"""Run one SELECT over the tables of a home, on DuckDB, which may read nothing else and write nothing at all.

DuckDB is given each table that the query names as a view; its access to files, to the network, to extensions and to
its own settings is switched off before the query is run. Text of a query is never searched for what it must not do.
The query runs in a thread of its own, so that an interrupt ends it: DuckDB does not look for one by itself.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from p2pcredit.contracts.tables import TABLES, table_named
from p2pcredit.errors import MissingExtraError, UsageError
from p2pcredit.jobs.home.known_rows import read_known_rows
from p2pcredit.names import no_such
from p2pcredit.readers.locked_duckdb import LOCKED
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.text import one_line

if TYPE_CHECKING:
    import duckdb

_NAMES = tuple(name.replace("/", ".") for name in TABLES)
_NO_TABLE = re.compile(r"Table with name (\S+) does not exist")
_SHOW_TABLES = re.compile(r"\s*show\s+(all\s+)?tables\s*;?\s*", re.IGNORECASE)
_LISTS = re.compile(r"\bshow\b|\binformation_schema\b|\bpg_catalog\b|\bduckdb_(tables|views|columns)\b", re.IGNORECASE)
"""What lists tables, which then must all be there."""
_MOST_SAID = 400
_LOOK_SECONDS = 0.05
"""How often an interrupt is looked for: the signal may wake another thread than the one that waits."""
_EPOCH = date(1970, 1, 1)
_IN_A_DAY = {"ms": 86_400_000, "us": 86_400_000_000, "ns": 86_400_000_000_000}
_WHOLE = pl.Decimal(38, 0)
"""What DuckDB makes of a sum of whole numbers."""


def query_tables(lake: Lake, query: str, *, as_of: date | None = None, threads: int = 2) -> pl.DataFrame:
    """Run a query over the tables.

    Args:
        lake: The tables.
        query: One SELECT in DuckDB's SQL; tables are named such as `gold.predictions`.
        as_of: Every table holds only the rows that were known on or before this day; None means all rows.
        threads: How many DuckDB may use.

    Returns:
        The result; sums of whole numbers as Int64 where they fit.

    Raises:
        UsageError: If it is no single SELECT, names a table or column that does not exist, or DuckDB cannot run it.
        MissingTableError: If it names a table to which nothing has been written yet.
        MissingExtraError: If DuckDB is not installed.
    """
    try:
        import duckdb
    except ModuleNotFoundError:
        raise MissingExtraError("SQL over the tables", "sql") from None
    if _SHOW_TABLES.fullmatch(query):
        names = [name for name in _NAMES if lake.exists(table_named(name))]
        return pl.DataFrame({"name": names}, schema={"name": pl.String})
    with duckdb.connect(":memory:", config={**LOCKED, "threads": threads}) as connection:
        try:
            statement = _only_select(duckdb, connection, query)
            for layer in dict.fromkeys(name.partition(".")[0] for name in _NAMES):
                connection.execute(f"CREATE SCHEMA {layer}")
            for name in _tables_in(query):
                if lake.exists(TABLES[name]):
                    _show_table(connection, lake, name, as_of)
            connection.execute("SET lock_configuration = true")
            return _plain_sums(_run(connection, statement))
        except duckdb.OutOfMemoryException as error:
            raise UsageError(
                "SQL: the query needs more memory than there is; ask for fewer rows (where, limit) or sums (group by)"
            ) from error
        except duckdb.Error as error:
            raise UsageError(_in_one_line(str(error), query, lake)) from error
        except pl.exceptions.DuplicateError as error:
            said = one_line(str(error), _MOST_SAID)
            raise UsageError(f"SQL: {said}; give one of the two another name, such as p.loan_id as id_of_p") from error
        except pl.exceptions.PolarsError as error:
            said = one_line(str(error).partition(" Hint:")[0].partition("\n")[0], _MOST_SAID).rstrip(".")
            raise UsageError(f"SQL: {said}; cast that column to text, such as x::varchar") from error


def _only_select(library: object, connection: duckdb.DuckDBPyConnection, query: str) -> duckdb.Statement:
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise UsageError(f"SQL: found {len(statements)} statements; write one SELECT")
    kind = statements[0].type
    if kind != library.StatementType.SELECT:  # type: ignore[attr-defined]
        raise UsageError(f"SQL: {kind.name} is not allowed, tables are only read here; write one SELECT")
    return statements[0]


def _tables_in(query: str) -> list[str]:
    """Name our tables that a query may speak of; one too many costs a view that is never read.

    Examples:
        >>> _tables_in('select * from Gold."predictions" p')
        ['gold/predictions']
    """
    lists = _LISTS.search(query) is not None
    return [name for name in TABLES if lists or name.partition("/")[2] in query.lower()]


def _show_table(connection: duckdb.DuckDBPyConnection, lake: Lake, name: str, as_of: date | None) -> None:
    layer, _, short = name.partition("/")
    connection.register(f"{layer}_{short}_rows", read_known_rows(lake, TABLES[name], as_of))
    connection.execute(f"CREATE VIEW {layer}.{short} AS SELECT * FROM {layer}_{short}_rows")


def _run(connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement) -> pl.DataFrame:
    """Run the query, and stop it where this thread is interrupted."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: _frame(connection.sql(statement)))
        try:
            while not wait([answer], timeout=_LOOK_SECONDS).done:
                pass
        except BaseException:
            connection.interrupt()
            raise
    rows = answer.result()
    for column in rows.iter_columns():
        _refuse_far_days(column)
    return rows


def _refuse_far_days(column: pl.Series) -> None:
    """Refuse days that DuckDB has and no date of Python can name, such as `infinity`.

    Raises:
        UsageError: With the column.
    """
    if not isinstance(column.dtype, pl.Date | pl.Datetime):
        return
    unit = _IN_A_DAY[column.dtype.time_unit] if isinstance(column.dtype, pl.Datetime) else 1
    first, last = (date.min - _EPOCH).days * unit, ((date.max - _EPOCH).days + 1) * unit
    if column.to_physical().is_between(first, last, closed="left").all(ignore_nulls=True):
        return
    raise UsageError(
        f"SQL: the column '{one_line(column.name, 60)}' holds days before the year 1 or after the year 9999; leave "
        "them out, or cast it to text, such as x::varchar"
    )


def _frame(answer: duckdb.DuckDBPyRelation | None) -> pl.DataFrame:
    frame = None if answer is None else pl.from_arrow(answer.to_arrow_table())
    if not isinstance(frame, pl.DataFrame):
        raise UsageError("SQL: the query gives no table; write one SELECT")
    return frame


def _plain_sums(rows: pl.DataFrame) -> pl.DataFrame:
    """Cast sums of whole numbers to Int64, where every one of them fits."""
    sums = [name for name, dtype in rows.schema.items() if dtype == _WHOLE]
    whole = rows.select(pl.col(name).cast(pl.Int64, strict=False) for name in sums)
    return rows.with_columns(whole[name] for name in sums if whole[name].null_count() == rows[name].null_count())


def _in_one_line(said: str, query: str, lake: Lake) -> str:
    """Word DuckDB's error: what is wrong and what may be meant, without the drawing of the place.

    Raises:
        MissingTableError: If what is missing is a table of ours that nothing has been written to yet.
    """
    missing = _NO_TABLE.search(said)
    if missing is None:
        return f"SQL: {one_line(said.partition('LINE ')[0], _MOST_SAID)}"
    short = missing[1].lower().replace('"', "")
    named = re.search(rf"\b(bronze|silver|gold)\.{re.escape(short)}\b", query.replace('"', "").lower())
    name = short if named is None else named[0]
    if name in _NAMES:
        lake.require(table_named(name))
        return f"SQL: write the table as {name}, without quotes around the whole"
    return f"SQL: {no_such('table', name, _NAMES)}"


__all__ = ["query_tables"]

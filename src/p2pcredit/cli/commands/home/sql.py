"""`p2pcredit sql`: one SELECT over the tables of a home."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from p2pcredit.cli.printing import Receipt, number_text, table_lines, width_of_terminal
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context, optional_date
from p2pcredit.errors import UsageError
from p2pcredit.jobs.home.export import plain_for_csv, require_suffix, write_rows
from p2pcredit.jobs.home.sql import query_tables
from p2pcredit.names import no_such
from p2pcredit.storage.tables.lake import Lake

_FORMATS = ("table", "csv", "json")


@command
def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT, such as 'select count(*) from gold.predictions'.", metavar="QUERY")
    ],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Only rows known on this day.", metavar="D")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv or json.", metavar="FORMAT")] = "table",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it to this file, .parquet or .csv.", metavar="FILE")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt | None:
    """Run one SELECT over the tables, named such as gold.predictions.

    It reads the tables of this home and nothing else, and changes nothing.
    """
    if form not in _FORMATS:
        raise UsageError(no_such("choice for --format", form, _FORMATS))
    if out is not None:
        require_suffix(out)
    ctx = job_context(home)
    rows = query_tables(Lake(ctx.layout), query, as_of=optional_date(as_of), threads=ctx.settings.threads)
    if out is not None:
        write_rows(rows, out)
        return {"rows": rows.height, "path": str(out)}
    if as_json or form == "json":
        sys.stdout.write(json.dumps(_as_json(rows), ensure_ascii=False, allow_nan=False, default=str) + "\n")
    elif form == "csv":
        sys.stdout.write(plain_for_csv(rows).write_csv())
    else:
        cells = ([_cell(value) for value in row] for row in rows.iter_rows())
        sys.stdout.writelines(f"{line}\n" for line in table_lines(rows.columns, cells, width_of_terminal()))
        sys.stdout.write(f"{rows.height} row{'' if rows.height == 1 else 's'}\n")
    return None


def _as_json(rows: pl.DataFrame) -> dict[str, Any]:
    """Give the rows as one JSON object; a number that JSON cannot write, such as NaN, as its text."""
    return {"columns": rows.columns, "rows": [[_plain(value) for value in row] for row in rows.iter_rows()]}


def _cell(value: object) -> str:
    """Word a value for a table: a number with six digits or as a whole one, control characters as their escapes."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return number_text(value, 6)
    text = ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _plain(value: object) -> object:
    if isinstance(value, float) and (value != value or value in {float("inf"), float("-inf")}):
        return str(value)
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    return value

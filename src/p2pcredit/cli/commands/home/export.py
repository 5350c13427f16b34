"""`p2pcredit export`: write a table's rows to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import (
    DebugOption,
    FromOption,
    HomeOption,
    JsonOption,
    ToOption,
    job_command,
    job_context,
    optional_date,
)
from p2pcredit.jobs.home import export as exporting


@job_command
def export(
    table: Annotated[str, typer.Argument(help="Such as gold/predictions or gold.predictions.", metavar="TABLE")],
    out: Annotated[Path, typer.Option("--out", help="A file ending in .parquet or .csv.", metavar="FILE")],
    as_of: Annotated[str | None, typer.Option("--as-of", help="Only rows known on this day.", metavar="D")] = None,
    first: FromOption = None,
    last: ToOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Write a table's rows to a Parquet or CSV file."""
    ctx = job_context(home)
    known = optional_date(as_of)
    return exporting.export(ctx, table, out, as_of=known, first=optional_date(first), last=optional_date(last))

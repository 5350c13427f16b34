"""`p2pcredit models points`: a scorecard's points."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.audit.files.points_table import print_points


@command
def points(
    model_id: IdArgument,
    form: Annotated[str, typer.Option("--format", help="table, json, csv or sql.", metavar="FORMAT")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", metavar="FILE")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Print a scorecard's points, bin by bin; as SQL, a query that scores."""
    receipt, text = print_points(job_context(home), model_id, form, out)
    if out is not None or as_json:
        return receipt
    sys.stdout.write(text)
    return {}

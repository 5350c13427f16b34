"""`p2pcredit models bins`: bins by hand, from a scorecard or from a reviewed file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.audit.files.bins_file import write_bins


@command
def bins(
    model_id: Annotated[
        str | None, typer.Argument(help="A scorecard's id, as 'models list' shows it.", metavar="[ID]")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them to this file, .toml or .xlsx.", metavar="FILE")
    ] = None,
    reviewed: Annotated[
        Path | None,
        typer.Option("--from", help="Check this file, .toml or .xlsx, in place of a model.", metavar="FILE"),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Write a scorecard's bins as a file to edit by hand, or check and convert an edited one."""
    receipt, text = write_bins(job_context(home), model_id, reviewed, out)
    if out is not None or as_json:
        return receipt
    sys.stdout.write(text)
    return {}

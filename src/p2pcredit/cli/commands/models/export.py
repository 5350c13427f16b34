"""`p2pcredit models export`: a model as a file that another program scores with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.errors import UsageError
from p2pcredit.jobs.audit.files.model_export import export_model


@command
def export(
    model_id: IdArgument,
    form: Annotated[str, typer.Option("--format", help="onnx, pmml, sql or python.", metavar="FORMAT")],
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", metavar="FILE")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Write a model as a file that another program scores with."""
    if form == "onnx" and out is None:
        raise UsageError("an ONNX file is no text to print; name a file with --out")
    receipt, data = export_model(job_context(home), model_id, form, out)
    if out is not None or as_json:
        return receipt
    sys.stdout.write(data.decode())
    return {}

"""`p2pcredit models reproduce`, `evidence` and `verify`: whether a model holds, calculated again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.audit import evidence as packs
from p2pcredit.jobs.audit import reproduce as again


@command
def reproduce(
    model_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Train a model again from the data it saw, and compare every byte; exit code 1 where one differs."""
    return again.reproduce(job_context(home), model_id)


@command
def evidence(
    model_id: IdArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Make it anew from the lake and write it there.", metavar="DIR")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Write a model's evidence pack with who signed by now, and say where it lies."""
    return packs.find_evidence(job_context(home), model_id, out)


@command
def verify(
    model_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Calculate every number of a model's evidence again from the lake; exit code 1 where one differs."""
    return packs.verify_evidence(job_context(home), model_id)

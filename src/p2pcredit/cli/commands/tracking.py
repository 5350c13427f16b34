"""`p2pcredit mlflow sync` and `p2pcredit results`: what other servers are told of models and weeks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.errors import UsageError
from p2pcredit.jobs.tracking.posting import post_results
from p2pcredit.jobs.tracking.sync import sync_models
from p2pcredit.jobs.tracking.week_results import week_results
from p2pcredit.periods import parse_date
from p2pcredit.storage.files import write_bytes_atomically


@command
def sync(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Bring the MLflow server of the settings up to date with bank and ledger; what is there is left as it is."""
    return sync_models(job_context(home))


@command
def results(
    week_end: Annotated[str, typer.Option("--week-end", help="The last day the week looks at.", metavar="D")],
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", metavar="FILE")] = None,
    post: Annotated[bool, typer.Option("--post", help="Post it to the address of the settings.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt | None:
    """Print a week's results as one JSON document, write it to a file, or post it to the server of the settings."""
    if out is not None and post:
        raise UsageError("--out writes the results and --post sends them; give one or the other")
    ctx, day = job_context(home), parse_date(week_end)
    if post:
        return post_results(ctx, day)
    found = week_results(ctx, day)
    if out is None:
        return dict(json.loads(found.to_bytes()))
    write_bytes_atomically(out, found.to_bytes())
    return {"week_end_date": week_end, "measurements": len(found.measurements), "path": str(out)}

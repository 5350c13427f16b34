"""`p2pcredit vacuum`: give room on the disk back."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, command, job_context
from p2pcredit.jobs.home import vacuum as vacuuming


@command
def vacuum(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Remove table files that nothing has needed for a week; what banked models were made from is kept."""
    return vacuuming.vacuum(job_context(home), dry_run=dry_run)

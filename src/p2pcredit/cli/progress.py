"""Progress of long work: a bar on a terminal's standard error, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from p2pcredit.cli.runtime import job_context
from p2pcredit.progress import Progress as ProgressCallback
from p2pcredit.progress import no_progress

if TYPE_CHECKING:
    from p2pcredit.jobs.context import JobContext


@contextmanager
def job_progress(job: str) -> Iterator[ProgressCallback]:
    """Show how far a job has come; yields the callback that the job reports to."""
    if not sys.stderr.isatty():
        yield no_progress
        return
    name, step = TextColumn("{task.description}"), TextColumn("{task.fields[what]}")
    columns = (name, BarColumn(), MofNCompleteColumn(), step, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(job, total=None, what="")
        yield lambda what, done, of: progress.update(task, total=of, completed=done, what=what)


@contextmanager
def shown_context(
    job: str, home: Path | None, run_id: str = "cli", *, may_be_missing: bool = False, by: str | None = None
) -> Iterator[JobContext]:
    """Build the context of a job called from the command line, with its progress shown."""
    with job_progress(job) as progress:
        yield job_context(home, run_id, progress, may_be_missing=may_be_missing, by=by)

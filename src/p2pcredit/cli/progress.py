"""Progress of long work: a bar on a terminal's standard error, and nothing elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from p2pcredit.periods import DateRange


@contextmanager
def day_progress(what: str, days: DateRange) -> Iterator[Callable[[date], None]]:
    """Show how far a walk over days has come; yields the function to call with each finished day."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[day]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=len(days), day="")
        yield lambda day: progress.update(task, completed=(day - days.first).days + 1, day=day.isoformat())


@contextmanager
def point_progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show how far a crash test has come; yields the function to call with a job, its points tried, and its points."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None)
        yield lambda job, tried, points: progress.update(task, description=job, completed=tried, total=points)

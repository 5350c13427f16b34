"""Report how far a long job has come, to a callback."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""What is being done or was done last, how many steps are done, and of how many; None where that is not known yet.

It may be called from any thread."""


def no_progress(what: str, done: int, of: int | None) -> None:
    """Ignore the progress."""

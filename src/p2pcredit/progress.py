"""How a long job says how far it has come, to whoever may want to know."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int | None], None]
"""What is being done or was done last, how many steps are done, and of how many; None where that is not known yet.

It may be called from any thread."""


def no_progress(what: str, done: int, of: int | None) -> None:
    """Nobody wants to know."""

"""What other packages add to monitoring: their metrics and policies, as their entry points name them."""

from __future__ import annotations

from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoints


@cache
def entry_points(group: str) -> EntryPoints:
    """The entry points of a group. What is installed is looked through once in a process: it takes 10 ms each time."""
    return metadata.entry_points(group=group)


__all__ = ["entry_points"]

"""What a profile makes of a file of applications: rows of the optional feed, and the records that became none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol, runtime_checkable

import polars as pl

from p2pcredit.contracts.feeds import APPLICATIONS


@dataclass(frozen=True, slots=True)
class DecidedApplications:
    """Applications as their platform keeps them.

    Args:
        rows: `snapshot_date` (the day of the decision) and every column of the feed as text, by day and id.
        rejected: Reason -> how many records became no row, and the first value that was found.
    """

    rows: pl.DataFrame
    rejected: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, frame: pl.DataFrame, rejected: Mapping[str, tuple[int, str]] | None = None) -> DecidedApplications:
        """Complete the columns of the feed, in its order; absent ones are missing."""
        columns = [
            (pl.col(source) if source in frame.columns else pl.lit(None)).cast(pl.String).alias(source)
            for source in APPLICATIONS.sources
        ]
        rows = frame.select("snapshot_date", *columns).sort("snapshot_date", APPLICATIONS.key, maintain_order=True)
        return cls(rows, rejected or {})

    @property
    def rejected_count(self) -> int:
        """Records that became no row."""
        return sum(count for count, _ in self.rejected.values())


@runtime_checkable
class GivesApplications(Protocol):
    """A profile that reads applications, with what was decided of each."""

    def decided(self, files: Sequence[Path], first: date | None, last: date | None) -> DecidedApplications:
        """Read them from these files; `first` and `last` are the days asked for, None where open."""


__all__ = ["DecidedApplications", "GivesApplications"]

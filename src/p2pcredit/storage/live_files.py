"""Which files hold the rows of a Delta table now, and which of them may hold rows of some days.

The table's log says it, with the bounds of the dates in each file: nothing is opened to know what need not be opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable

from p2pcredit.engines.local import scan_files
from p2pcredit.periods import DateRange
from p2pcredit.storage.parts import MONTH, parts_of

_LOW, _HIGH = "min.snapshot_date", "max.snapshot_date"
_PLAIN_READER = 1
"""Up to this version of Delta's protocol a table's rows are the rows of its files, and nothing else."""


@dataclass(frozen=True, slots=True)
class LiveFile:
    """A file of a table.

    Args:
        path: Below the table's directory, as the log writes it.
        size: Bytes.
        part: The part of the table that it lies in, such as `2010-01`.
    """

    path: str
    size: int
    part: str

    def below(self, opened: DeltaTable) -> str:
        """Where it lies, given the table."""
        root = unquote(opened.table_uri.removeprefix("file://")).rstrip("/")
        return f"{root}/{unquote(self.path)}"


def live_files(opened: DeltaTable, days: DateRange | None = None) -> list[LiveFile]:
    """The files of a table, by path; with `days`, those whose part and whose dates allow rows of these days."""
    actions = opened.get_add_actions(flatten=True)
    bounds = [_LOW, _HIGH] if {_LOW, _HIGH} <= set(actions.schema.names) else []
    needed = pl.DataFrame(actions.select(["path", "size_bytes", f"partition.{MONTH}", *bounds]))
    rows = needed.sort("path").iter_rows()
    if days is None:
        return [LiveFile(path, size, key) for path, size, key, *_ in rows]
    parts = set(parts_of(days))
    return [
        LiveFile(path, size, key)
        for path, size, key, *dates in rows
        if key in parts and not (dates and _lie_beside(dates[0], dates[1], days))
    ]


def scan_live(opened: DeltaTable, files: Sequence[LiveFile]) -> pl.LazyFrame:
    """The rows of these files of a table, lazily, in its columns but for the one that tells the part."""
    if opened.protocol().min_reader_version > _PLAIN_READER:  # another tool changed it: some rows may be struck out
        return pl.scan_delta(opened).filter(pl.col(MONTH).is_in({file.part for file in files})).drop(MONTH)
    schema = pl.Schema(opened.schema().to_arrow())
    schema.pop(MONTH, None)
    return scan_files([file.below(opened) for file in files], schema)


def _lie_beside(low: date | str | None, high: date | str | None, days: DateRange) -> bool:
    """Whether all dates of a file, which has statistics of them, are others than these."""
    if low is None or high is None:
        return False
    low, high = (date.fromisoformat(bound) if isinstance(bound, str) else bound for bound in (low, high))
    return low > days.last or high < days.first


__all__ = ["LiveFile", "live_files", "scan_live"]

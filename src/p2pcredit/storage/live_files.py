"""Which files hold the rows of a Delta table now, and which of them may hold rows of some days.

The table's log says it, with the bounds of the dates in each file: nothing is opened to know what need not be opened.
"""

from __future__ import annotations

import weakref
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


@dataclass(frozen=True, slots=True)
class _Dated:
    """A file with the first and last date in it, None where its statistics do not tell."""

    file: LiveFile
    low: date | None
    high: date | None

    def may_hold(self, days: DateRange) -> bool:
        if self.low is None or self.high is None:
            return True
        return self.low <= days.last and self.high >= days.first


def live_files(opened: DeltaTable, days: DateRange | None = None) -> list[LiveFile]:
    """The files of a table, by path; with `days`, those whose part and whose dates allow rows of these days."""
    dated = _dated_files(opened)
    if days is None:
        return [found.file for found in dated]
    parts = set(parts_of(days))
    return [found.file for found in dated if found.file.part in parts and found.may_hold(days)]


def scan_live(opened: DeltaTable, files: Sequence[LiveFile]) -> pl.LazyFrame:
    """The rows of these files of a table, lazily, in its columns but for the one that tells the part."""
    if opened.protocol().min_reader_version > _PLAIN_READER:  # another tool changed it: some rows may be struck out
        return pl.scan_delta(opened).filter(pl.col(MONTH).is_in({file.part for file in files})).drop(MONTH)
    schema = pl.Schema(opened.schema().to_arrow())
    schema.pop(MONTH, None)
    return scan_files([file.below(opened) for file in files], schema)


_Known = tuple[weakref.ref[DeltaTable], int, list[_Dated]]
_known: dict[int, _Known] = {}
"""By the identity of a table that is open: it, its version, and its files at that version."""


def _dated_files(opened: DeltaTable) -> list[_Dated]:
    """All files of a table; its log is asked once for each version of a table that stays open."""
    key, version = id(opened), opened.version()
    known = _known.get(key)
    if known is not None and known[0]() is opened and known[1] == version:
        return known[2]
    files = _read_dated_files(opened)
    _known[key] = (weakref.ref(opened, lambda _: _known.pop(key, None)), version, files)
    return files


def _read_dated_files(opened: DeltaTable) -> list[_Dated]:
    actions = opened.get_add_actions(flatten=True)
    bounds = [_LOW, _HIGH] if {_LOW, _HIGH} <= set(actions.schema.names) else []
    needed = pl.DataFrame(actions.select(["path", "size_bytes", f"partition.{MONTH}", *bounds]))
    with_bounds = needed.with_columns(
        (pl.col(name) if name in bounds else pl.lit(None)).cast(pl.Date).alias(name) for name in (_LOW, _HIGH)
    )
    return [_Dated(LiveFile(*row[:3]), *row[3:]) for row in with_bounds.sort("path").iter_rows()]


__all__ = ["LiveFile", "live_files", "scan_live"]

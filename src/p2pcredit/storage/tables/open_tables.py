"""Keep Delta tables open per thread: a table that is asked for again reads only the commits that came since.

To open a table is to read its log from the last checkpoint on. A day asks for the same tables many times, so each
thread keeps what it opened, and checks two things on the disk before it is used again: the commit that it stands at
is the same file as it was, and there is none after it. Anything else, such as a home that was put in the place of
another, is opened anew.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from deltalake import DeltaTable

from p2pcredit.storage.files import file_fingerprint


@dataclass(slots=True)
class _Kept:
    table: DeltaTable
    version: int
    commit: tuple[int, ...]


class _Tables(threading.local):
    def __init__(self) -> None:
        self.by_path: dict[str, _Kept] = {}


_tables = _Tables()


def known_table(path: Path) -> DeltaTable | None:
    """Return the table as this thread has it open, None where that is not, or no longer, its newest version."""
    kept = _holding(path)
    return None if kept is None or os.path.lexists(_commit(path, kept.version + 1)) else kept.table


def open_newest(path: Path) -> DeltaTable:
    """Open the newest version of a table.

    Raises:
        TableNotFoundError, DeltaError, OSError: As Delta says it.
    """
    kept = _holding(path)
    if kept is None:
        return remember(path, DeltaTable(str(path)))
    if not os.path.lexists(_commit(path, kept.version + 1)):
        return kept.table
    forget(path)  # where reading on fails, the next one begins anew
    kept.table.update_incremental()
    return remember(path, kept.table)


def remember(path: Path, table: DeltaTable) -> DeltaTable:
    """Keep a table that is open at the version it stands at now; returns it."""
    version = table.version()
    commit = _commit_state(path, version)
    if not commit:  # its commit is gone from the log, or a link or the like: it is never taken for known
        forget(path)
    else:
        _tables.by_path[str(path)] = _Kept(table, version, commit)
    return table


def forget(path: Path) -> None:
    """Open the table anew the next time."""
    _tables.by_path.pop(str(path), None)


def _holding(path: Path) -> _Kept | None:
    """Return what is kept of a table, if the commit it stands at is the file it was."""
    kept = _tables.by_path.get(str(path))
    if kept is None:
        return None
    if kept.version != kept.table.version() or _commit_state(path, kept.version) != kept.commit:
        forget(path)
        return None
    return kept


def _commit(path: Path, version: int) -> str:
    return f"{path}/_delta_log/{version:020d}.json"


def _commit_state(path: Path, version: int) -> tuple[int, ...]:
    return file_fingerprint(_commit(path, version), follow_links=False)


__all__ = ["forget", "known_table", "open_newest", "remember"]

"""Remove the files of a table that neither its present version nor a version to keep needs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from p2pcredit.contracts.tables import Table
from p2pcredit.storage.tables.lake import Lake

RETENTION_HOURS = 7 * 24
"""What was needed within this time stays: a reader or a training that began then may still come to it. Delta itself
forgets after a week when a file was replaced, so a shorter time could be kept and a longer one could not."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Count the files that no version to keep needs, and their bytes."""

    files: int
    size: int


def require_versions(lake: Lake, table: Table, versions: Collection[int]) -> None:
    """Make sure that these Delta versions of a table can be read.

    Raises:
        StorageError: If one cannot.
    """
    for version in sorted(versions):
        Lake(lake.layout, {table.name: version}).version(table)


def vacuum_table(lake: Lake, table: Table, keep_versions: Collection[int], *, dry_run: bool = False) -> Unneeded:
    """Remove the files of a table that no version needs: replaced a week ago, or left behind by a killed job.

    Its rows stay as they are, those of its versions of the last week and of `keep_versions` too. Other versions cannot
    be read any more. Where there is nothing to remove, nothing is committed.

    Args:
        lake: Where the table lies; it need not exist.
        table: The table.
        keep_versions: Delta versions that can be read afterwards as before; they can be read now.
        dry_run: Only say what would be removed.

    Raises:
        ConflictError: If another process holds the table for too long.
        StorageError: If the disk refuses.
    """
    if not lake.exists(table):
        return Unneeded(0, 0)
    versions = sorted(keep_versions)
    sizes: list[int] = []

    def once() -> bool:
        opened = lake.opened(table)

        def vacuum(*, dry_run: bool) -> list[str]:
            return opened.vacuum(
                RETENTION_HOURS,
                dry_run=dry_run,
                enforce_retention_duration=False,
                full=True,  # else only what was replaced since the last checkpoint
                keep_versions=versions,
            )

        sizes[:] = _sizes(lake.layout.table(table.name), vacuum(dry_run=True))
        if dry_run or not sizes:
            return False
        vacuum(dry_run=False)
        return True

    with lake.lock(table):
        lake.commit_with_retry(table, once)
    return Unneeded(len(sizes), sum(sizes))


def _sizes(root: Path, names: list[str]) -> list[int]:
    """List the sizes, in bytes, of those that are still there; Delta goes on to name those that were removed."""
    paths = [root / unquote(name) for name in names]
    return [path.stat().st_size for path in paths if path.is_file()]


__all__ = ["RETENTION_HOURS", "Unneeded", "require_versions", "vacuum_table"]

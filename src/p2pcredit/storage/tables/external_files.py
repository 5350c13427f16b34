"""Commit rows that an engine wrote as files itself, in place of the active files that they replace.

The engine's executors write Parquet beside the table's own files; until the commit no reader sees any of it, so a job
that is killed leaves files that no commit names, never a half state.
"""

from __future__ import annotations

import json
import shutil
import time
import uuid
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.transaction import AddAction, RemoveAction

from p2pcredit.contracts.tables import Table
from p2pcredit.engines.protocol import Writer
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import disk_error, sync
from p2pcredit.storage.tables.active_files import ActiveFile, active_files
from p2pcredit.storage.tables.lake import Lake, refuse_unknown_columns
from p2pcredit.storage.tables.partitions import MONTH


def paths_of_rows(lake: Lake, table: Table, days: DateRange | None = None) -> list[str]:
    """List the paths of the files that hold the table's rows; with `days`, of those that may hold rows of them."""
    if not lake.exists(table):
        return []
    opened = lake.opened(table)
    return [file.below(opened) for file in active_files(opened, days)]


def rows_in_files(lake: Lake, table: Table, days: DateRange | None = None) -> int:
    """Count the rows of the files that hold the table's rows; with `days`, of those that may hold rows of them.

    The table's log says how many each file holds, so none is opened but those of which it does not say it. A file of a
    month counts whole, also where one of its days is asked for: replacing that day writes all of it anew.
    """
    if not lake.exists(table):
        return 0
    opened = lake.opened(table)
    files = active_files(opened, days)
    return sum(pq.read_metadata(f.below(opened)).num_rows if f.rows is None else f.rows for f in files)


def replace_with_files(lake: Lake, table: Table, days: DateRange, write: Writer) -> bool:
    """Put files that an engine writes in the place of those that hold rows of these days, in one commit.

    Args:
        lake: The tables.
        table: The table.
        days: The snapshot dates replaced.
        write: Writes the new files, the rows of other days that shared a file included; called again where another
            writer committed first.

    Returns:
        Whether a commit was made: False where those rows were there already.

    Raises:
        ConflictError: If other writers kept committing first.
        StorageError: If the disk refuses.
    """

    def once() -> bool:
        opened = _with_all_columns(lake.opened(table), table)
        work = lake.layout.table(table.name) / f"handed-{uuid.uuid4().hex}"
        replaced = active_files(opened, days)
        try:
            if not write([file.below(opened) for file in replaced], work):
                return False
            _commit(opened, replaced, _moved_in(work, table), days)
            return True
        except OSError as error:
            raise disk_error("write", work, error) from error
        finally:
            shutil.rmtree(work, ignore_errors=True)

    return lake.commit_with_retry(table, once)


def _with_all_columns(opened: DeltaTable, table: Table) -> DeltaTable:
    """Add the columns that joined the table's contract after it was made."""
    refuse_unknown_columns(opened, table)
    wanted = Schema.from_arrow(pl.DataFrame(schema=table.schema).to_arrow().schema).fields
    there = {field.name for field in opened.schema().fields}
    new = [field for field in wanted if field.name not in there]
    if new:
        opened.alter.add_columns(new)
    return opened


def _moved_in(work: Path, table: Table) -> list[AddAction]:
    """Move what was written to its place in the table, and say what is in it."""
    added = []
    for source in sorted(work.glob(f"{MONTH}=*/*.parquet")):
        place = work.parent / source.parent.name / f"{work.name}-{source.name}"
        place.parent.mkdir(exist_ok=True)
        sync(source)
        source.replace(place)
        sync(place.parent)
        found = place.stat()
        added.append(
            AddAction(
                path=f"{source.parent.name}/{place.name}",
                size=found.st_size,
                partition_values={MONTH: source.parent.name.removeprefix(f"{MONTH}=")},
                modification_time=int(found.st_mtime * 1000),
                data_change=True,
                stats=json.dumps(_statistics(place, table)),
            )
        )
    return added


def _statistics(file: Path, table: Table) -> dict[str, Any]:
    """Read from the footer the rows, and the bounds of dates and numbers, by which readers skip files."""
    footer = pq.read_metadata(file)
    lows: dict[str, Any] = {}
    highs: dict[str, Any] = {}
    missing: dict[str, int] = {}
    for place in range(len(footer.schema)):
        name = footer.schema.column(place).path
        if name not in table.schema:  # the elements of a list; no reader skips a file by them
            continue
        parts = [footer.row_group(group).column(place).statistics for group in range(footer.num_row_groups)]
        if not parts or any(part is None or not part.has_null_count for part in parts):
            continue
        missing[name] = sum(part.null_count for part in parts)
        bounded = [part for part in parts if part.num_values]
        if table.schema[name] == pl.String() or not bounded or not all(part.has_min_max for part in bounded):
            continue
        lows[name] = _plain(min(part.min for part in bounded))
        highs[name] = _plain(max(part.max for part in bounded))
    return {"numRecords": footer.num_rows, "minValues": lows, "maxValues": highs, "nullCount": missing}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _commit(opened: DeltaTable, replaced: Sequence[ActiveFile], added: list[AddAction], days: DateRange) -> None:
    now = int(time.time() * 1000)  # vacuum counts from here; no row depends on it
    gone = [
        RemoveAction(
            path=file.path,
            data_change=True,
            deletion_timestamp=now,
            partition_values={MONTH: file.part},
            size=file.size,
        )
        for file in replaced
    ]
    rows = sum(int(json.loads(action.stats)["numRecords"]) for action in added)
    about = {"first_date": f"{days.first}", "last_date": f"{days.last}", "rows": str(rows)}
    opened.create_write_transaction(
        [*gone, *added],
        mode="append",
        schema=opened.schema(),
        partition_by=[MONTH],
        commit_properties=CommitProperties(custom_metadata=about, max_commit_retries=0),
    )

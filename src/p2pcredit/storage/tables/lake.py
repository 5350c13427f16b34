"""The lake: Delta tables whose rows are replaced by snapshot date, one commit each.

Files are kept apart by month (the partition column `snapshot_month`, which readers of this module never see). When a
month closes, its daily files are compacted into one, and when a year has closed, its months into one file of the year,
so that the cost of a day does not grow with history. Years that closed long before the end of a span are written so
from the start. Writing rows that are there already makes no commit: running a job twice changes nothing. A column that
joins a table later is missing on the rows written before.
"""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any

import narwhals as nw
import polars as pl
from deltalake import CommitProperties, DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from p2pcredit.contracts.catalogue import MAY_HAVE_OWN_COLUMNS
from p2pcredit.contracts.feeds import feed_named
from p2pcredit.contracts.tables import Table
from p2pcredit.errors import ConflictError, MissingTableError, StorageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import denied, disk_error, full_disk
from p2pcredit.storage.home_format import mark_home
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.locks import exclusive_lock
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.panics import panics_hidden
from p2pcredit.storage.tables.active_files import active_files, count_per_day, scan_live
from p2pcredit.storage.tables.open_tables import forget, known_table, open_newest, remember
from p2pcredit.storage.tables.partitions import MONTH, any_of, part_of_rows, parts_of

_ATTEMPTS = 12
PROPERTIES = {"delta.checkpointInterval": "10", "delta.enableExpiredLogCleanup": "false"}
"""A table opens by its last checkpoint and the few commits after it. Delta by itself would forget after 30 days how to
read an older version, and models name the versions that they learned from."""
_MOST_NAMED = 8
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Lake:
    """The tables under one home directory.

    Args:
        layout: Where they lie.
        pinned: Table name to Delta version: these tables are read as they were then.
    """

    layout: Layout
    pinned: Mapping[str, int] | None = None

    def of_home(self, table: Table) -> Table:
        """Give the contract of a table as this home has it: with the lender's own columns, where it declares any."""
        return read_own_features(self.layout).table(table) if table.name in MAY_HAVE_OWN_COLUMNS else table

    def exists(self, table: Table) -> bool:
        """Return whether anything has been written to the table.

        Raises:
            StorageError: If its log cannot be looked at, or holds something that is no file: a reader would wait for a
                pipe for ever.
        """
        path = self.layout.table(table.name)
        if known_table(path) is not None:
            return True
        log = path / "_delta_log"
        newest: os.DirEntry[str] | None = None
        try:
            with os.scandir(log) as entries:
                for entry in entries:
                    if not entry.name.endswith((".json", ".parquet")):
                        continue
                    if not entry.is_file(follow_symlinks=False):
                        raise StorageError(f"{entry.path} is not an ordinary file; move it away")
                    if newest is None or entry.name > newest.name:
                        newest = entry
            if newest is not None and not newest.stat().st_size:  # a power cut may leave it so; rows would be missing
                raise StorageError(
                    f"{newest.path} is empty; restore it from a backup, or remove it and run the day again"
                )
        except FileNotFoundError:
            return False
        except OSError as error:
            raise disk_error("read", log, error) from error
        return newest is not None

    def version(self, table: Table) -> int | None:
        """Return the Delta version of the table now, None where it does not exist."""
        return self.current(table).version() if self.exists(table) else None

    def state(self, table: Table) -> tuple[str, int] | None:
        """Identify the rows that the table has by its own id and its version; None where it does not exist."""
        if not self.exists(table):
            return None
        opened = self.current(table)
        return str(opened.metadata().id), opened.version()

    def scan(self, table: Table, days: DateRange | None = None) -> pl.LazyFrame:
        """Scan the table's rows lazily; only those of `days` where given. An unwritten table has no rows.

        Raises:
            StorageError: If the table is there and cannot be read.
        """
        table = self.of_home(table)
        if not self.exists(table):
            return pl.LazyFrame(schema=table.schema)
        opened = self.current(table)
        return _scanned(opened, days).select(_columns(opened, table))

    def has_rows(self, table: Table, days: DateRange) -> bool:
        """Return whether the table has any row of these days; mostly its log says so, and no file is opened."""
        if not self.exists(table):
            return False
        return any(file.holds(days) for file in active_files(self.current(table), days)) or not (
            self.scan(table, days).head(1).collect().is_empty()
        )

    def rows_per_day(self, table: Table, days: DateRange | None = None) -> dict[date, int]:
        """Count the rows of each snapshot date that has any; of files of a single day the log says it.

        Raises:
            StorageError: If the table is there and cannot be read.
        """
        if not self.exists(table):
            return {}
        try:
            return dict(count_per_day(self.current(table), days))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StorageError(f"cannot read {table.name}: {_one_line(error)}; see 'p2pcredit doctor'") from error

    def frame(self, table: Table, days: DateRange | None = None) -> nw.LazyFrame[Any]:
        """Return the same rows as transforms take them."""
        return nw.from_native(self.scan(table, days))

    def read(self, table: Table, days: DateRange | None = None) -> pl.DataFrame:
        """Read the table's rows into memory, sorted by snapshot date and the table's own order."""
        try:
            return _ordered(self.scan(table, days).collect(), table)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise StorageError(f"cannot read {table.name}: {_one_line(error)}; see 'p2pcredit doctor'") from error

    def opened(self, table: Table) -> DeltaTable:
        """Open the Delta table as it is now, or make it: for engines that read and write its files themselves.

        Raises:
            StorageError: If it cannot be read or made.
        """
        opened = self._open_or_create(self.of_home(table))
        forget(self.layout.table(table.name))  # an opened table stays at its version, whatever others commit
        return opened

    def require(self, table: Table) -> None:
        """Make sure that the table has been written.

        Raises:
            MissingTableError: If it has not.
        """
        if not self.exists(table):
            raise _unwritten(table)

    def require_files(self, table: Table) -> None:
        """Make sure that the table is there and none of its files was removed.

        Raises:
            MissingTableError: If it has not been written.
            StorageError: If a file is gone, or its log cannot be read.
        """
        self.require(table)
        opened = self.current(table)
        gone = [file.path for file in active_files(opened) if not os.path.exists(file.below(opened))]
        if gone:
            raise StorageError(
                f"version {opened.version()} of {table.name} lost {len(gone)} files, such as {gone[0]}; "
                "restore them from a backup"
            )

    @contextmanager
    def lock(self, table: Table) -> Iterator[None]:
        """Hold a table while its rows are read for, made and written.

        A commit of its own is safe without this: Delta refuses one of two rivals, which tries again. This is for what
        reads one table and writes another. The last writer is then also the last reader, so that a slow run cannot put
        rows made from older sources over those of a later one.

        Raises:
            ConflictError: If another process holds it for too long.
        """
        with exclusive_lock(self.layout.table_lock(table.name), f"table {table.name}"):
            yield

    def replace(self, table: Table, frame: pl.DataFrame, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly those of `frame`, in one commit.

        Args:
            table: The table.
            frame: Its new rows for those days; columns as in the contract.
            days: The snapshot dates replaced; days without rows become empty.
            feed: For the quarantine, which many feeds share: only the rows of this feed are replaced.

        Returns:
            Whether a commit was made: False where those rows were there already.

        Raises:
            ConflictError: If other writers kept committing first.
            StorageError: If the rows do not fit the contract or the disk refuses.
        """
        table = self.of_home(table)
        if feed is not None:
            feed = feed_named(feed).name  # it becomes part of a predicate, so no other text may
        outside = frame.filter(
            ~pl.col("snapshot_date").is_between(pl.lit(days.first), pl.lit(days.last)).fill_null(False)
        )
        if outside.height:
            raise StorageError(f"{outside.height} rows for {table.name} lie outside {days.first} to {days.last}")
        try:
            rows = _ordered(frame.select(_typed(frame, table)), table)
        except pl.exceptions.PolarsError as error:
            raise StorageError(f"rows for {table.name} do not fit its columns: {_one_line(error)}") from error
        return self.commit_with_retry(table, lambda: self._replace_once(table, rows, days, feed))

    def commit_with_retry(self, table: Table, once: Callable[[], bool]) -> bool:
        """Do what looks at a table and commits to it; again, from the look on, where another writer committed first.

        Args:
            table: The table.
            once: Looks and commits; says whether there was anything to commit.

        Raises:
            ConflictError: If other writers kept committing first.
            StorageError: If the disk refuses.
        """
        for attempt in range(_ATTEMPTS):
            try:
                with panics_hidden():
                    return once()
            except CommitFailedError as error:
                if attempt == _ATTEMPTS - 1:
                    raise ConflictError(f"other writers kept changing {table.name}; run it again") from error
                time.sleep(random.uniform(0.02, 0.1) * (attempt + 1))  # spread rivals apart
            except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
                raise self.storage_error("write", table, error) from error
        raise AssertionError("unreachable")

    def _replace_once(self, table: Table, rows: pl.DataFrame, days: DateRange, feed: str | None) -> bool:
        opened = self._open_or_create(table)
        refuse_unknown_columns(opened, table)
        existing = self._rows(opened, table, days, feed)
        if existing.equals(rows):
            return False
        predicate = f"{any_of(parts_of(days))} AND snapshot_date >= '{days.first}' AND snapshot_date <= '{days.last}'"
        if feed is not None:
            predicate += f" AND feed = '{feed}'"
        data = _with_parts(rows, days)
        about = {"first_date": f"{days.first}", "last_date": f"{days.last}", "rows": str(rows.height)}
        properties = CommitProperties(custom_metadata=about, max_commit_retries=0)
        new = set(data.columns) - {field.name for field in opened.schema().fields}
        path = self.layout.table(table.name)
        forget(path)
        write_deltalake(
            opened,
            data,
            mode="overwrite",
            predicate=predicate,
            commit_properties=properties,
            schema_mode="merge" if new else None,
        )
        remember(path, opened)
        return True

    def _rows(self, opened: DeltaTable, table: Table, days: DateRange, feed: str | None) -> pl.DataFrame:
        frame = _scanned(opened, days)
        if feed is not None:
            frame = frame.filter(pl.col("feed") == feed)
        return _ordered(frame.select(_columns(opened, table)).collect(), table)

    def current(self, table: Table) -> DeltaTable:
        """Return the Delta table at its newest version, or at the pinned one, to be looked at and not kept.

        It stays open for the next call of this thread.

        Raises:
            MissingTableError: If it has not been written.
            StorageError: If it cannot be read.
        """
        path = self.layout.table(table.name)
        pinned = (self.pinned or {}).get(table.name)
        try:
            return open_newest(path) if pinned is None else DeltaTable(str(path), version=pinned)
        except TableNotFoundError as error:
            raise _unwritten(table) from error
        except (DeltaError, OSError) as error:
            raise self.storage_error("read", table, error) from error

    def storage_error(self, verb: str, table: Table, error: Exception) -> StorageError:
        """Word an error that a library raised over a table."""
        full = full_disk(error)
        if full is not None:
            return disk_error(verb, self.layout.table(table.name), OSError(full))
        if denied(error):
            refused = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return disk_error(verb, self.layout.table(table.name), refused)
        return StorageError(f"cannot {verb} {table.name}: {_one_line(error)}; mend it and run it again")

    def _open_or_create(self, table: Table) -> DeltaTable:
        if self.exists(table):
            return self.current(table)
        empty = pl.DataFrame(schema={**table.schema, MONTH: pl.String()})
        path = self.layout.table(table.name)
        mark_home(self.layout.home)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error("write", path, error) from error
        return DeltaTable.create(
            str(path),
            schema=empty.to_arrow().schema,
            mode="ignore",
            partition_by=[MONTH],
            configuration=dict(PROPERTIES),
        )


def refuse_unknown_columns(opened: DeltaTable, table: Table) -> None:
    """Refuse to write to a table with columns that its contract lacks: a later version filled them on the other rows.

    Reading goes on: the columns that are known mean the same in every version of one format.

    Raises:
        StorageError: In one line, with the table and the columns.
    """
    unknown = sorted({field.name for field in opened.schema().fields} - {*table.schema, MONTH})
    if unknown:
        named = ", ".join(unknown[:_MOST_NAMED]) + (", ..." if len(unknown) > _MOST_NAMED else "")
        raise StorageError(
            f"table {table.name} has {len(unknown)} columns that this version does not know ({named}): a later version "
            "wrote it; install that version or a later one wherever this home is used"
        )


def _unwritten(table: Table) -> MissingTableError:
    return MissingTableError(f"table {table.name} has not been written yet; run 'p2pcredit {table.made_by}' first")


def _typed(frame: pl.DataFrame, table: Table) -> list[pl.Expr]:
    missing = [name for name in table.schema if name not in frame.columns]
    if missing:
        raise StorageError(f"rows for {table.name} lack the column '{missing[0]}'")
    return [pl.col(name).cast(dtype) for name, dtype in table.schema.items()]


def _columns(opened: DeltaTable, table: Table) -> list[pl.Expr]:
    """Select the table's columns; those that an older version did not write are missing on every row."""
    there = {field.name for field in opened.schema().fields}
    return [
        pl.col(name) if name in there else pl.lit(None, dtype=dtype).alias(name) for name, dtype in table.schema.items()
    ]


def _scanned(opened: DeltaTable, days: DateRange | None) -> pl.LazyFrame:
    """Scan the rows of these days; files that cannot hold any are not opened."""
    frame = scan_live(opened, active_files(opened, days))
    if days is None:
        return frame
    return frame.filter(pl.col("snapshot_date").is_between(pl.lit(days.first), pl.lit(days.last)))


def _with_parts(rows: pl.DataFrame, days: DateRange) -> pl.DataFrame:
    """Add the part that each row goes into; rows lie in the order of their days, and a day's part is named once."""
    dates = rows["snapshot_date"]
    parts = pl.DataFrame({"snapshot_date": dates.rle().struct.field("value")}).select(part_of_rows(days)).to_series()
    return rows.with_columns(parts.gather(dates.rle_id()).alias(MONTH))


def _ordered(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    return frame.sort("snapshot_date", *table.sorted_by, maintain_order=True)


def _one_line(error: BaseException) -> str:
    return " ".join(_COLOUR.sub("", str(error)).split())[:300]

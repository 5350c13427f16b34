"""Join the files of what has closed: a month's days into one file, a year's months into one file of the year.

Rows stay as they are, so readers of days see no difference. What another process writes meanwhile goes first: the next
day's run, or the next month's, joins it.
"""

from __future__ import annotations

from datetime import date

import polars as pl
from deltalake import CommitProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from p2pcredit.contracts.tables import Table
from p2pcredit.periods import month_start
from p2pcredit.storage.panics import panics_hidden
from p2pcredit.storage.tables.active_files import active_files, scan_live
from p2pcredit.storage.tables.lake import PROPERTIES, Lake
from p2pcredit.storage.tables.open_tables import forget, remember
from p2pcredit.storage.tables.partitions import MONTH, any_of, open_since


def close_periods(lake: Lake, table: Table, today: date) -> None:
    """Join what has closed by a day into fewer files: the month before it, and years since long over."""
    _keep_its_history(lake, table)
    compact(lake, table, month_start(date.fromordinal(month_start(today).toordinal() - 1)))
    join_closed_years(lake, table, today)


def compact(lake: Lake, table: Table, month: date) -> int:
    """Join the files of a closed month into one; returns how many files were removed."""
    if not lake.exists(table):
        return 0
    opened = lake.current(table)
    key = f"{month:%Y-%m}"
    if sum(file.part == key for file in active_files(opened)) < 2:
        return 0
    path = lake.layout.table(table.name)
    forget(path)
    try:
        with panics_hidden():
            done = opened.optimize.compact(partition_filters=[(MONTH, "=", key)])
    except CommitFailedError:
        return 0  # another process wrote into that month just now; the next day's run compacts it
    except (DeltaError, OSError) as error:
        raise lake.storage_error("compact", table, error) from error
    remember(path, opened)
    return int(done["numFilesRemoved"])


def join_closed_years(lake: Lake, table: Table, today: date) -> int:
    """Join the months of each year that has closed into one file; returns how many files were removed.

    A year closes three months after its end. Rows that come later for it lie in files of their months until the
    next time. The rows are those that were there: readers of days see no difference.
    """
    if not lake.exists(table):
        return 0
    opened = lake.current(table)
    still_open = str(open_since(today))
    parts = {file.part for file in active_files(opened)}
    months = [part for part in parts if len(part) > len(still_open) and part < still_open]
    return sum(_join_year(lake, table, year) for year in sorted({month[:4] for month in months}))


def _join_year(lake: Lake, table: Table, year: str) -> int:
    path, opened = lake.layout.table(table.name), lake.current(table)
    files = [file for file in active_files(opened) if file.part[:4] == year]
    forget(path)
    try:
        rows = scan_live(opened, files).collect()
        rows = rows.sort("snapshot_date", *table.sorted_by, maintain_order=True)
        with panics_hidden():
            write_deltalake(
                opened,
                rows.with_columns(pl.lit(year).alias(MONTH)),
                mode="overwrite",
                predicate=any_of(sorted({year, *(file.part for file in files)})),
                commit_properties=CommitProperties(max_commit_retries=0),
            )
    except CommitFailedError:
        return 0  # another process wrote into that year just now; the next month's run joins it
    except (DeltaError, OSError, pl.exceptions.PolarsError) as error:
        raise lake.storage_error("compact", table, error) from error
    remember(path, opened)
    return len(files)


def _keep_its_history(lake: Lake, table: Table) -> None:
    """Give a table that was made before the properties that tables are made with now."""
    if not lake.exists(table):
        return
    opened = lake.current(table)
    there = opened.metadata().configuration
    if all(there.get(name) == value for name, value in PROPERTIES.items()):
        return
    path = lake.layout.table(table.name)
    forget(path)
    try:
        opened.alter.set_table_properties(dict(PROPERTIES))
    except CommitFailedError:
        return  # another process wrote just now; the next month's run does it
    except (DeltaError, OSError) as error:
        raise lake.storage_error("change the properties of", table, error) from error

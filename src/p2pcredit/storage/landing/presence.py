"""Look whether a feed has landed for a day, by the names of files alone; light enough for a trigger that asks often.

No file is opened and nothing heavy is imported. What a file holds is for the source check to say.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import date
from pathlib import Path

from p2pcredit.storage.files import disk_error
from p2pcredit.storage.layout import Layout

DAY_ENDINGS = (".csv", ".csv.gz", ".parquet")
"""Endings of a file that holds one day; a month's is a Parquet file."""

Fingerprints = tuple[tuple[str, int, int], ...]
"""Name, bytes and last change (nanoseconds since 1970) of each file that holds a day."""


def day_names(feed_name: str, day: date) -> tuple[str, ...]:
    """Return the names that the file of a feed and day may bear.

    Examples:
        >>> day_names("financial", date(2024, 1, 15))[0]
        'financial_2024_01_15.csv'
    """
    stem = f"{feed_name}_{day:%Y_%m_%d}"
    return tuple(f"{stem}{ending}" for ending in DAY_ENDINGS)


def month_file(layout: Layout, feed_name: str, day: date) -> Path:
    """Return the file of a feed's rows of the month of `day`."""
    return layout.landing / feed_name / f"{feed_name}_{day:%Y_%m}.parquet"


def landed_now(layout: Layout, feed_name: str, day: date) -> Fingerprints:
    """Fingerprint the files that hold a feed of a day; empty where none has landed or none can be looked at.

    Two looks that agree mean that no other process was writing between them.
    """
    directory = layout.landing / feed_name
    found = []
    for path in (*(directory / name for name in day_names(feed_name, day)), month_file(layout, feed_name, day)):
        try:
            seen = path.stat()
        except OSError:
            continue
        found.append((path.name, seen.st_size, seen.st_mtime_ns))
    return tuple(found)


def days_landed(layout: Layout, feed_name: str, days: Collection[date]) -> set[date]:
    """Find those of these days for which a feed has landed, in a file of its own or in that of the month.

    Raises:
        StorageError: If the directory of the feed cannot be looked into.
    """
    directory = layout.landing / feed_name
    try:
        there = set(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise disk_error("look into", directory, error) from error
    return {
        day
        for day in days
        if month_file(layout, feed_name, day).name in there or not there.isdisjoint(day_names(feed_name, day))
    }


__all__ = ["DAY_ENDINGS", "Fingerprints", "day_names", "days_landed", "landed_now", "month_file"]

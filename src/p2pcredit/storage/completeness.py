"""Whether the gold tables are complete for a day: one small receipt per day, cheap to ask for.

Nothing heavy is imported here, because a waiting trigger asks every few seconds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from p2pcredit.errors import StorageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import disk_error, read_whole, write_json_atomically
from p2pcredit.storage.layout import Layout, receipt_name

_BUILT = re.compile(r"labels_(\d{4}_\d{2}_\d{2})_(\d{4}_\d{2}_\d{2})\.built")


def is_complete(layout: Layout, day: date) -> bool:
    """Have all gold tables been written for this day?"""
    return layout.day_receipt(day).is_file()


def mark_complete(layout: Layout, facts: Mapping[date, dict[str, Any]]) -> None:
    """Say that all gold tables are complete for these days. The same facts leave the file of a day as it is."""
    there: dict[Path, tuple[frozenset[str], list[str]]] = {}
    completed = layout.completed_days
    for day, of_day in facts.items():
        path = completed / receipt_name(day)
        if path.parent not in there:
            names = _listed(path.parent)
            there[path.parent] = frozenset(names), [name for name in names if name.startswith(".")]
        known, hidden = there[path.parent]
        if path.name not in known or read_receipt(layout, day) != of_day:
            write_json_atomically(path, of_day, durable=False, among=hidden)


def read_receipt(layout: Layout, day: date) -> dict[str, Any] | None:
    """The facts of a complete day, or None where it is not complete or its receipt is no receipt."""
    try:
        content = json.loads(read_whole(layout.day_receipt(day)))
    except (FileNotFoundError, StorageError, ValueError, RecursionError):
        return None
    rows = content.get("rows", {}) if isinstance(content, dict) else None
    if not isinstance(rows, dict) or not all(type(number) is int for number in rows.values()):
        return None
    return dict(content)


def last_complete(layout: Layout) -> date | None:
    """The newest complete day."""
    for year in sorted(_names(layout.completed_days), reverse=True):
        for name in sorted(_names(layout.completed_days / year), reverse=True):
            with suppress(ValueError):  # a stranger's file among the receipts
                return datetime.strptime(name, "%Y_%m_%d.json").date()
    return None


def mark_labels_built(layout: Layout, days: DateRange) -> None:
    """Say that the labels of these days were built, so that data that come late for an earlier day mend them too.

    Complete days are known to have labels; this is for those between their labels and their completion.
    """
    if not all(is_complete(layout, day) for day in days):
        write_json_atomically(layout.labels_built(days), {}, durable=False)


def forget_labels_built(layout: Layout, days: DateRange) -> None:
    """Take away the marks that lie within these days, which are complete now."""
    for path, marked in _built(layout):
        if days.first <= marked.first and marked.last <= days.last:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise disk_error("remove", path, error) from error


def days_with_labels(layout: Layout, days: DateRange) -> list[date]:
    """Those of these days whose labels were built, in order: complete ones, and those on their way to it."""
    marked = [built for _, built in _built(layout)]
    last = max([last_complete(layout) or days.first, *(built.last for built in marked)])
    return [day for day in days if day <= last and (any(day in built for built in marked) or is_complete(layout, day))]


def _built(layout: Layout) -> Iterator[tuple[Path, DateRange]]:
    for match in filter(None, map(_BUILT.fullmatch, _names(layout.completed_days))):
        with suppress(ValueError):
            first, last = (datetime.strptime(text, "%Y_%m_%d").date() for text in match.groups())
            yield layout.completed_days / match[0], DateRange(first, last)


def _names(directory: Path) -> list[str]:
    return [name for name in _listed(directory) if not name.startswith(".")]


def _listed(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise disk_error("look into", directory, error) from error

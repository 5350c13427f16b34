"""Whether the gold tables are complete for a day: one small receipt per day, cheap to ask for.

Nothing heavy is imported here, because a waiting trigger asks every few seconds.
"""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

from p2pcredit.errors import StorageError
from p2pcredit.storage.files import read_whole, write_json_atomically
from p2pcredit.storage.layout import Layout


def is_complete(layout: Layout, day: date) -> bool:
    """Have all gold tables been written for this day?"""
    return layout.day_receipt(day).is_file()


def mark_complete(layout: Layout, day: date, facts: dict[str, Any]) -> None:
    """Say that all gold tables are complete for a day. The same facts leave the file as it is."""
    path = layout.day_receipt(day)
    if read_receipt(layout, day) != facts:
        write_json_atomically(path, facts, durable=False)


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


def _names(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in directory.iterdir() if not entry.name.startswith(".")]
    except (FileNotFoundError, NotADirectoryError):
        return []

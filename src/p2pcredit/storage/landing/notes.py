"""Note which landing files bronze took in, until the days are complete and their receipts keep it.

Bronze, silver and receipts are written by processes of their own, between which a landing file may change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from p2pcredit.errors import StorageError
from p2pcredit.periods import DateRange
from p2pcredit.storage.files import disk_error, read_small_file, remove, write_json_atomically
from p2pcredit.storage.layout import Layout

_NOTE = re.compile(r"landed_[a-z_]+_(\d{4}_\d{2}_\d{2})_(\d{4}_\d{2}_\d{2})\.json")


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A landing file as it was when it was read.

    Args:
        digest: SHA-256 of its bytes.
        size: How many bytes.
        absent: Columns of the feed that it does not name, in the order of the contract.
        unknown: Columns that it names and the feed does not, in alphabetical order.
    """

    digest: str
    size: int
    absent: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LandedNote:
    """What bronze took in of some days.

    Args:
        files: The file that each day was read from.
        rows: How many rows it had of each day; empty where a note was written before notes said it.
        written_ns: When the note was written, in nanoseconds since 1970; 0 where there is none.
    """

    files: Mapping[date, LandedFile] = field(default_factory=dict)
    rows: Mapping[date, int] = field(default_factory=dict)
    written_ns: int = 0


def note_landed(
    layout: Layout, feed: str, days: DateRange, files: Mapping[date, LandedFile], rows: Mapping[date, int]
) -> None:
    """Write down the file that each of these days was read from, and how many rows it had of the day."""
    distinct = list(dict.fromkeys(files.values()))
    place = {file: number for number, file in enumerate(distinct)}
    content = {
        "files": [asdict(file) for file in distinct],
        "days": {day.isoformat(): place[file] for day, file in sorted(files.items())},
        "rows": {day.isoformat(): rows.get(day, 0) for day in sorted(files)},
    }
    write_json_atomically(layout.landed_note(feed, days), content, durable=False, indent=None)


def noted_landed(layout: Layout, feed: str, days: DateRange) -> LandedNote:
    """Read what was noted of exactly these days; empty where nothing was, or it cannot be read."""
    path = layout.landed_note(feed, days)
    try:
        content = json.loads(read_small_file(path))
        files = [_file(entry) for entry in content["files"]]
        return LandedNote(
            {date.fromisoformat(day): files[place] for day, place in content["days"].items()},
            {date.fromisoformat(day): int(number) for day, number in content.get("rows", {}).items()},
            path.stat().st_mtime_ns,
        )
    except (OSError, StorageError, ValueError, KeyError, IndexError, TypeError, AttributeError):
        return LandedNote()


def forget_landed(layout: Layout, days: DateRange) -> None:
    """Remove the notes that lie within these days, which are complete now."""
    try:
        names = [path.name for path in layout.completed_days.iterdir()]
    except FileNotFoundError:
        return
    except OSError as error:
        raise disk_error("look into", layout.completed_days, error) from error
    for match in filter(None, map(_NOTE.fullmatch, names)):
        with suppress(ValueError):
            first, last = (datetime.strptime(text, "%Y_%m_%d").date() for text in match.groups())
            if days.first <= first and last <= days.last:
                remove(layout.completed_days / match[0])


def _file(entry: Any) -> LandedFile:
    return LandedFile(str(entry["digest"]), int(entry["size"]), tuple(entry["absent"]), tuple(entry["unknown"]))


__all__ = ["LandedFile", "LandedNote", "forget_landed", "note_landed", "noted_landed"]

"""Note which tables were built of which days, and which are due since what they rest on changed.

A task that is marked as success by hand builds nothing, and a table without rows of a day says nothing: a day may have
no label. So what builds a table leaves a note, what changes rows leaves one for each table that rests on them before it
changes them, and the last step of preprocessing looks for both. Complete days keep none but those of what is due.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from p2pcredit.periods import DateRange
from p2pcredit.storage.files import names_in, remove, remove_left_behind, write_json_atomically
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.day_receipts import is_complete

_NOTE = re.compile(r"([a-z_]+)_(\d{4}_\d{2}_\d{2})_(\d{4}_\d{2}_\d{2})\.(built|due)")
_A_DAY = timedelta(days=1)

DueNotes = Mapping[Path, tuple[int, int]]
"""Notes as they lay there: path -> inode and time of writing, so that one written anew meanwhile is told apart."""


@dataclass(slots=True)
class Change:
    """What is about to change rows; `happened` says afterwards whether it did."""

    happened: bool = False


@contextmanager
def noted_due(layout: Layout, tables: Iterable[str], days: DateRange) -> Iterator[Change]:
    """Note that these tables are to be built anew of these days, before the rows that they rest on change and after.

    Before, since a process may be killed between the change and its note. After, since what builds a table meanwhile
    may have read the rows of before. Where nothing changed, the notes that this made go, and others stay as they are.
    """
    paths = [layout.due_note(table, days) for table in tables]
    made = {}
    for path in paths:
        if not path.is_file():
            write_json_atomically(path, {}, durable=False)
            made[path] = _mark(path)
    change = Change()
    yield change
    for path in paths if change.happened else ():
        write_json_atomically(path, {}, durable=False)
    for path, mark in () if change.happened else made.items():
        if _mark(path) == mark:
            remove(path)


def due_notes(layout: Layout, table: str, days: DateRange) -> DueNotes:
    """Find the notes by which a table is due of any of these days; look before what it rests on is read."""
    found = {
        path: _mark(path)
        for path, name, span in _notes(layout, "due")
        if name == _plain(table) and span.first <= days.last and days.first <= span.last
    }
    return {path: mark for path, mark in found.items() if mark is not None}


@contextmanager
def noted_built(layout: Layout, table: str, days: DateRange) -> Iterator[None]:
    """Note that a table was built of these days where the block that reads its rows and writes it ends well."""
    due = due_notes(layout, table, days)
    yield
    note_built(layout, table, days, due)


def note_built(layout: Layout, table: str, days: DateRange, due: DueNotes) -> None:
    """Note that a table was built of these days, unless all are complete, and that it is no longer due of them."""
    note_no_longer_due(layout, table, days, due)
    if not all(is_complete(layout, day) for day in days):
        write_json_atomically(layout.built_note(table, days), {}, durable=False)


def note_no_longer_due(layout: Layout, table: str, days: DateRange, due: DueNotes) -> None:
    """Take away what was due of these days when the building of a table began; other days of a note stay due.

    Args:
        layout: The home.
        table: Its name, such as `gold/label_store`.
        days: The days.
        due: The notes that were there before what it rests on was read.
    """
    for path, _, span in list(_notes(layout, "due")) if due else ():
        if path in due and _mark(path) == due[path]:
            for first, last in ((span.first, days.first - _A_DAY), (days.last + _A_DAY, span.last)):
                if first <= last:
                    write_json_atomically(layout.due_note(table, DateRange(first, last)), {}, durable=False)
            remove(path)


def days_due(layout: Layout, tables: Iterable[str], days: DateRange) -> dict[date, list[str]]:
    """List per day the tables that are due of it, in the order given; days of which none is are left out."""
    spans = _spans_of(layout, "due")
    return _per_day(days, tables, lambda table, day: any(day in span for span in spans.get(_plain(table), ())))


def days_not_built(
    layout: Layout, tables: Iterable[str], days: DateRange, before: Collection[date]
) -> dict[date, list[str]]:
    """List per day the tables that are due of it, or were neither noted as built nor complete before.

    Args:
        layout: The home.
        tables: Their names.
        days: The days.
        before: Those of them that had a receipt: each table was built of them once.
    """
    due, built = _spans_of(layout, "due"), _spans_of(layout, "built")

    def lacks(table: str, day: date) -> bool:
        name = _plain(table)
        if any(day in span for span in due.get(name, ())):
            return True
        return day not in before and not any(day in span for span in built.get(name, ()))

    return _per_day(days, tables, lacks)


def forget_built(layout: Layout, days: DateRange) -> None:
    """Remove the notes of tables built that lie within these days, which are complete now.

    What a run that died left of a note goes too: nothing may write a note of that name again.
    """
    remove_left_behind(layout.completed_days, lambda name: _NOTE.fullmatch(name) is not None)
    for path, _, span in list(_notes(layout, "built")):
        if days.first <= span.first and span.last <= days.last:
            remove(path)


def _per_day(days: DateRange, tables: Iterable[str], lacks: Callable[[str, date], bool]) -> dict[date, list[str]]:
    named = list(tables)
    found = {day: [table for table in named if lacks(table, day)] for day in days}
    return {day: lacking for day, lacking in found.items() if lacking}


def _spans_of(layout: Layout, kind: str) -> dict[str, list[DateRange]]:
    found: dict[str, list[DateRange]] = {}
    for _, name, span in _notes(layout, kind):
        found.setdefault(name, []).append(span)
    return found


def _notes(layout: Layout, kind: str) -> Iterator[tuple[Path, str, DateRange]]:
    for match in filter(None, map(_NOTE.fullmatch, names_in(layout.completed_days))):
        if match[4] == kind:
            with suppress(ValueError):
                first, last = (datetime.strptime(text, "%Y_%m_%d").date() for text in match.group(2, 3))
                yield layout.completed_days / match[0], match[1], DateRange(first, last)


def _mark(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _plain(table: str) -> str:
    return table.replace("/", "_")


__all__ = [
    "Change",
    "DueNotes",
    "days_due",
    "days_not_built",
    "due_notes",
    "forget_built",
    "note_built",
    "note_no_longer_due",
    "noted_built",
    "noted_due",
]

"""Keep one small receipt per day that says its gold tables are complete; it is cheap to look up.

The receipt of a day is a file of its own until all days of its month are complete; those of a whole month are one file.
A day's own file goes before its month's, and is removed after that was written: a reader that looks for
the one and then for the other never misses both.

Nothing heavy is imported here, because a waiting trigger asks every few seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from p2pcredit.periods import DateRange, month_end, month_start
from p2pcredit.storage.files import names_in, read_json_or_none, remove, write_json_atomically
from p2pcredit.storage.layout import Layout

_BEGUN = re.compile(r"labels_(\d{4}_\d{2}_\d{2})_(\d{4}_\d{2}_\d{2})\.(?:begun|built)")
"""The mark of days whose labels were begun; until 0.2.0 it ended in `built`, as the notes of tables built do."""
_RECEIPT = re.compile(r"(\d{4})_(\d{2})(?:_(\d{2}))?\.json")
Facts = dict[str, Any]


def is_complete(layout: Layout, day: date) -> bool:
    """Return whether all gold tables have been written for this day."""
    return layout.day_receipt(day).is_file() or layout.month_receipt(day).is_file()


def mark_complete(layout: Layout, facts: Mapping[date, Facts]) -> None:
    """Say that all gold tables are complete for these days. The same facts leave files as they are."""
    for month, days in groupby(sorted(facts), month_start):
        _mark_month(layout, DateRange(month, month_end(month)), {day: facts[day] for day in days})


def _mark_month(layout: Layout, month: DateRange, facts: dict[date, Facts]) -> None:
    whole = layout.month_receipt(month.first)
    names = frozenset(names_in(whole.parent))
    drafts = [name for name in names if name.startswith(".")]
    paths = {day: layout.day_receipt(day) for day in month}
    apart = [day for day, path in paths.items() if path.name in names]
    if whole.name not in names and len({*apart, *facts}) < len(month):
        for day, of_day in facts.items():
            if day not in apart or read_receipt(layout, day) != of_day:
                write_json_atomically(paths[day], of_day, durable=False, among=drafts, indent=None)
        return
    there = _content(whole) if whole.name in names else None
    content = {**(there or {}), **{f"{day}": _content(paths[day]) for day in apart}}
    content |= {f"{day}": of_day for day, of_day in facts.items()}
    if content != there:
        write_json_atomically(whole, content, durable=False, among=drafts, indent=None)
    for day in apart:
        remove(paths[day])


def withdraw(layout: Layout, days: Iterable[date]) -> None:
    """Take back that these days are complete. Of a month in one file, the other days get files of their own first."""
    for month, of_month in groupby(sorted(days), month_start):
        gone, whole = set(of_month), layout.month_receipt(month)
        content = (_content(whole) or {}) if whole.is_file() else None
        for day in DateRange(month, month_end(month)):
            own = layout.day_receipt(day)
            if day not in gone and content is not None and not own.is_file():
                write_json_atomically(own, content.get(f"{day}", {}), durable=False, indent=None)
        for path in (whole, *map(layout.day_receipt, gone)):
            if path.is_file():
                remove(path)


def read_receipt(layout: Layout, day: date) -> Facts | None:
    """Read the facts of a complete day; None where it is not complete or its receipt is no receipt."""
    own = layout.day_receipt(day)
    found = _content(own)
    if found is None and not own.is_file():
        found = (_content(layout.month_receipt(day)) or {}).get(f"{day}")
    rows = found.get("rows", {}) if isinstance(found, dict) else None
    if not isinstance(rows, dict) or not all(type(number) is int for number in rows.values()):
        return None
    return found


def read_receipts(layout: Layout, days: Iterable[date]) -> dict[date, Facts]:
    """Read the facts of those of these days that are complete: their own files, then that of the month once for all."""
    found: dict[date, Facts] = {}
    years = frozenset(_names(layout.completed_days))
    for month, of_month in groupby(sorted(days), month_start):
        if f"{month:%Y}" not in years:
            continue
        own = {day: _content(layout.day_receipt(day)) for day in of_month}
        whole = {} if all(own.values()) else _content(layout.month_receipt(month)) or {}
        for day, facts in own.items():
            kept = facts or whole.get(f"{day}")
            if isinstance(kept, dict):
                found[day] = kept
    return found


def last_complete_before(layout: Layout, day: date, number: int) -> list[date]:
    """List the newest complete days before a day, at most so many, in order. No receipt is opened."""
    found: set[date] = set()
    for year in sorted(_names(layout.completed_days), reverse=True):
        found |= {one for span in _receipts(layout, year) if span.first < day for one in span if one < day}
        if len(found) >= number:
            break
    return sorted(found)[-number:]


def receipt_written_at(layout: Layout, day: date) -> int:
    """Give when the receipt of a complete day was last written, in nanoseconds since 1970; 0 where it has none."""
    for path in (layout.day_receipt(day), layout.month_receipt(day)):
        with suppress(OSError):
            return path.stat().st_mtime_ns
    return 0


def _content(path: Path) -> Facts | None:
    content = read_json_or_none(path)
    return content if isinstance(content, dict) else None


def days_complete(layout: Layout) -> Iterator[date]:
    """Yield every day that has a receipt, in order."""
    for year in sorted(_names(layout.completed_days)):
        yield from sorted({day for span in _receipts(layout, year) for day in span})


def preprocessed_range(layout: Layout) -> DateRange | None:
    """Return the first and the newest complete day; None where there is none."""
    first, last = first_complete(layout), last_complete(layout)
    return None if first is None or last is None else DateRange(first, last)


def first_complete(layout: Layout) -> date | None:
    """Return the first complete day."""
    for year in sorted(_names(layout.completed_days)):
        if spans := _receipts(layout, year):
            return min(span.first for span in spans)
    return None


def last_complete(layout: Layout) -> date | None:
    """Return the newest complete day."""
    for year in sorted(_names(layout.completed_days), reverse=True):
        if spans := _receipts(layout, year):
            return max(span.last for span in spans)
    return None


def _receipts(layout: Layout, year: str) -> list[DateRange]:
    """List the days of each receipt in the directory of a year; other files among them are passed over."""
    found = []
    for match in filter(None, map(_RECEIPT.fullmatch, _names(layout.completed_days / year))):
        with suppress(ValueError):
            first = date(int(match[1]), int(match[2]), int(match[3] or 1))
            found.append(DateRange(first, first if match[3] else month_end(first)))
    return found


def mark_labels_begun(layout: Layout, days: DateRange) -> None:
    """Mark that labels or cash flows of these days are being built: data that come late for an earlier day mend them.

    The mark is made before the first row is written, and stays if the task is killed: rows may be there. Complete days
    have both and need no mark. That a table was built to its end says a note of `build_notes`.
    """
    if not all(is_complete(layout, day) for day in days):
        write_json_atomically(layout.labels_begun(days), {}, durable=False)


def forget_labels_begun(layout: Layout, days: DateRange) -> None:
    """Take away the marks that lie within these days, which are complete now."""
    for path, marked in _begun(layout):
        if days.first <= marked.first and marked.last <= days.last:
            remove(path)


def days_with_labels_begun(layout: Layout, days: DateRange) -> list[date]:
    """List those of these days whose labels were begun, in order: complete ones, and those being completed."""
    marked = [begun for _, begun in _begun(layout)]
    last = last_with_labels_begun(layout) or days.first
    return [day for day in days if day <= last and (any(day in begun for begun in marked) or is_complete(layout, day))]


def last_with_labels_begun(layout: Layout) -> date | None:
    """Return the newest day whose labels were begun: complete, or being completed; None where there is none."""
    return max(
        [day for day in (last_complete(layout), *(begun.last for _, begun in _begun(layout))) if day], default=None
    )


def _begun(layout: Layout) -> Iterator[tuple[Path, DateRange]]:
    for match in filter(None, map(_BEGUN.fullmatch, _names(layout.completed_days))):
        with suppress(ValueError):
            first, last = (datetime.strptime(text, "%Y_%m_%d").date() for text in match.groups())
            yield layout.completed_days / match[0], DateRange(first, last)


def _names(directory: Path) -> list[str]:
    return [name for name in names_in(directory) if not name.startswith(".")]

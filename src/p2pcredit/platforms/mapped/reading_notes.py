"""What is found while the parts of a download are read, to be warned of or to say what to write in the mapping."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from p2pcredit.platforms.mapped.numbers import Pointed
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.values import as_date, as_flag, dates_after_reading, text_of
from p2pcredit.platforms.mapped.warnings import (
    AFTER_READING,
    LossDates,
    warn_of_flags,
    warn_of_grouped,
    warn_of_late_values,
    warn_of_reading,
)
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.text import LONGEST_EXAMPLE, one_line


@dataclass(slots=True)
class ReadingNotes:
    """Values that are hardly meant, by the columns that hold them.

    Args:
        unread_dates: The first text that is no date as the mapping says, by `on` and `earliest_credit_line`; likewise
            the first date of a status that lies after the day it was read.
        unread_flags: Of columns of yes and no, how many rows hold neither, and the first such text.
        known_late: Of own columns with `known_on`, how many values were not known on the day of the loan, and how many
            there are.
        pointed: Of columns of amounts, how their points stand.
        made_after: Of loans made after the statuses were read their number and last day, part by part.
        loss_dates: By which dates loans were lost.
    """

    unread_dates: dict[str, str] = field(default_factory=dict)
    unread_flags: dict[str, tuple[int, str]] = field(default_factory=dict)
    known_late: dict[str, tuple[int, int]] = field(default_factory=dict)
    pointed: dict[str, Pointed] = field(default_factory=dict)
    made_after: list[tuple[int, date]] = field(default_factory=list)
    loss_dates: LossDates = field(default_factory=LossDates)

    def note_dates(self, mapping: PlatformMapping, rows: pl.DataFrame, needs_date: pl.Expr) -> None:
        """Keep the first text of each column of dates that is none, for the line that says what to write.

        Args:
            mapping: What says how dates are written.
            rows: Raw columns as text.
            needs_date: Whether the status of a row needs its date.
        """
        opened = mapping.feeds.get("credit_history", {}).get("earliest_credit_line")
        for name, source in (("on", mapping.events.on), ("earliest_credit_line", opened)):
            if source is not None and name not in self.unread_dates:
                text = text_of(source)
                needed = needs_date if name == "on" else pl.lit(value=True)
                first = rows.filter(needed & ~is_blank(text) & as_date(source).is_null()).select(text.first()).item()
                if first is not None:
                    self.unread_dates[name] = one_line(first, LONGEST_EXAMPLE)
                late = needed & dates_after_reading(as_date(source), mapping.events.read_on)
                if name == "on" and (after := rows.filter(late).select(text.first()).item()) is not None:
                    self.unread_dates.setdefault(AFTER_READING, one_line(after, LONGEST_EXAMPLE))

    def note_flags(self, mapping: PlatformMapping, rows: pl.DataFrame) -> None:
        """Count the texts in columns of yes and no that are neither."""
        for source in (source for feed in mapping.feeds.values() for source in feed.values() if source.flag):
            text = text_of(source)
            wrong = ~is_blank(text) & as_flag(source, text).is_null()
            found = rows.filter(wrong).select(text.alias("text"))["text"]
            if found.len():
                name = " or ".join(source.names)
                before, example = self.unread_flags.get(name, (0, one_line(found[0], LONGEST_EXAMPLE)))
                self.unread_flags[name] = before + found.len(), example

    def note_late(self, name: str, late: int, values: int) -> None:
        """Add the values of an own column that were not known on the day of their loan, and all of them."""
        before, of = self.known_late.get(name, (0, 0))
        self.known_late[name] = before + late, of + values

    def warn(self, path: Path, mapping: PlatformMapping) -> None:
        """Warn of what was found in a file, and forget it; dates are told by the line on each column of them."""
        warn_of_flags(path, self.unread_flags)
        warn_of_grouped(path, self.pointed)
        warn_of_reading(path, mapping.events.read_on, self.made_after)
        self.loss_dates.warn(path, " or ".join(mapping.events.on.names) if mapping.events.on else "on")
        warn_of_late_values(path, self.known_late)
        for found in (self.unread_flags, self.pointed, self.known_late, self.made_after):
            found.clear()


__all__ = ["ReadingNotes"]

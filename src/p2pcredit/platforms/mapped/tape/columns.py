"""Tell what the columns of a tape hold that is hardly meant: values unreadable or missing, one throughout, nines."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from p2pcredit.contracts.feeds import CLOSING_STATUSES
from p2pcredit.contracts.plausible import NINES
from p2pcredit.platforms.mapped.schema.files import Tape
from p2pcredit.platforms.mapped.values import days_text, total_of, whole_days
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.text import LONGEST_EXAMPLE, one_line

_FEWEST_ROWS = 20
_FEWEST_NINES = 3
_MANY = 0.2
logger = logging.getLogger("p2pcredit")


@dataclass(slots=True)
class TapeColumns:
    """Counts over the rows of a tape, batch by batch.

    Args:
        tape: How it is declared.
        counts: By `what column`: `given`, `unreadable`, `blank` (of loans that go on), and `nines` of each such value;
            `rows`, `said` (rows with a status), `late` (rows whose status says that the loan is late or lost).
        examples: Column -> the first text that could not be read.
        extremes: Column -> its least and its largest number.
        delays: File -> its rows, and those that say how many days past due.
    """

    tape: Tape
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    extremes: dict[str, tuple[float, float]] = field(default_factory=dict)
    delays: dict[str, tuple[int, int]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget all, to read the files again."""
        self.counts.clear()
        self.examples.clear()
        self.extremes.clear()
        self.delays.clear()

    def look_at(self, file: str, rows: pl.DataFrame, said: pl.Expr) -> None:
        """Count what a batch holds, in one pass over it.

        Args:
            file: The name of its file.
            rows: The raw columns as text, amounts written plainly.
            said: The text of the status, null for none.
        """
        word = said.replace_strict(dict(self.tape.statuses), default=None, return_dtype=pl.String)
        goes_on = ~word.is_in(sorted(CLOSING_STATUSES)).fill_null(value=False)
        wanted = {"said": said.is_not_null().sum(), "late": word.is_in(["LATE", "DEFAULT", "CHARGED_OFF"]).sum()}
        for name, text, value in self._values():
            given, read = ~is_blank(text), value.cast(pl.Float64)
            wanted |= {
                f"given {name}": given.sum(),
                f"unreadable {name}": (given & read.is_null()).sum(),
                f"blank {name}": (~given & goes_on).sum(),
                f"least {name}": read.min(),
                f"largest {name}": read.max(),
                f"times {name}": (read == read.max()).sum(),
                f"example {name}": text.filter(given & read.is_null()).first(),
            }
        found = rows.select(**wanted).row(0, named=True)
        self.counts.update({"rows": rows.height, "said": found["said"], "late": found["late"]})
        for name, _, _ in self._values():
            self.counts.update({key: found[key] for key in (f"given {name}", f"unreadable {name}", f"blank {name}")})
            if found[f"example {name}"] is not None:
                self.examples.setdefault(name, one_line(str(found[f"example {name}"]), LONGEST_EXAMPLE))
            least, largest = found[f"least {name}"], found[f"largest {name}"]
            if least is not None:
                before = self.extremes.get(name, (least, largest))
                self.extremes[name] = min(before[0], least), max(before[1], largest)
            if largest in NINES:
                self.counts[f"nines {largest:.0f} {name}"] += found[f"times {name}"]
        for name in self._days:
            before_here, given_here = self.delays.get(file, (0, 0))
            self.delays[file] = before_here + rows.height, given_here + found[f"given {name}"]

    def warn(self) -> None:
        """Warn of what was found."""
        rows = self.counts["rows"]
        if rows and self.tape.status is not None and not self.counts["said"]:
            column = " or ".join(self.tape.status.names)
            logger.warning("no row of the tape has a value in column '%s'; is it another column, or lost?", column)
        for name in dict.fromkeys(name for name, _, _ in self._values()):
            unreadable, blank = self.counts[f"unreadable {name}"], self.counts[f"blank {name}"]
            given = self.counts[f"given {name}"]
            if unreadable:
                logger.warning(
                    "%d of %d values in column '%s' of the tape cannot be read, such as '%s'; they are missing",
                    *(unreadable, given, name, self.examples[name]),
                )
            if rows and not given:
                logger.warning("no row of the tape has a value in column '%s'; is it another column, or lost?", name)
            elif name in self._of_the_loan and blank > _MANY * rows:
                means = "; where a blank means 0, write {column: ..., default: 0}" if name in self._days else ""
                logger.warning(
                    "%d of %d rows of the tape, of loans that go on, have no value in column '%s'%s",
                    *(blank, rows, name, means),
                )
            self._warn_of_numbers(name, given)
        self._warn_of_silent_files()

    def _warn_of_silent_files(self) -> None:
        silent = [name for name, (rows, given) in self.delays.items() if rows >= _FEWEST_ROWS and not given]
        if silent and any(given for _, given in self.delays.values()):
            logger.warning(
                "%s%s: no row has days past due, which other files of the tape have; such a loan counts as its status "
                "says; look for the column under another name, or land the file again",
                silent[0],
                f" and {len(silent) - 1} more" if len(silent) > 1 else "",
            )

    def _warn_of_numbers(self, name: str, given: int) -> None:
        least, largest = self.extremes.get(name, (0.0, 1.0))
        if least == largest and given >= _FEWEST_ROWS:
            if largest != 0 or name in self._never_all_zero:
                logger.warning("all %d rows of the tape have %g in column '%s'; is it filled?", given, largest, name)
            elif self.counts["late"] and name in self._days:
                logger.warning(
                    "no row of the tape has days past due in column '%s', and %d have a status of late or lost loans",
                    *(name, self.counts["late"]),
                )
        times = self.counts[f"nines {largest:.0f} {name}"]
        if largest in NINES and times >= _FEWEST_NINES:
            logger.warning(
                "%d rows of the tape have %.0f in column '%s', its largest value; does it stand for a missing value? "
                'Then name it in the mapping: file: {missing: ["%.0f"]}',
                *(times, largest, name, largest),
            )

    @property
    def _days(self) -> tuple[str, ...]:
        late = self.tape.days_past_due
        return () if late is None else (" or ".join(late.names),)

    @property
    def _never_all_zero(self) -> set[str]:
        """The columns of what is owed and of what comes in: a tape without any of it says nothing."""
        amounts = self.tape.amounts
        paid = {name for total in ("paid", "principal") for _, name in amounts[total]}
        return paid | ({self.tape.balance} if self.tape.balance else set())

    @property
    def _of_the_loan(self) -> tuple[str, ...]:
        """The columns that say how a loan stands, which every row has, beside the money that came in on some."""
        return (*self._days, *(name for name in (self.tape.overdue, self.tape.balance) if name))

    def _values(self) -> list[tuple[str, pl.Expr, pl.Expr]]:
        """List per column its name, its text and its number."""
        late = self.tape.days_past_due
        days = [] if late is None else [(" or ".join(late.names), days_text(late), whole_days(late))]
        return [*days, *((name, pl.col(name), total_of([(1, name)])) for name in self.tape.amount_columns)]


__all__ = ["TapeColumns"]

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
    """

    tape: Tape
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    extremes: dict[str, tuple[float, float]] = field(default_factory=dict)

    def clear(self) -> None:
        """Forget all, to read the files again."""
        self.counts.clear()
        self.examples.clear()
        self.extremes.clear()

    def look_at(self, rows: pl.DataFrame, said: pl.Expr) -> None:
        """Count what a batch holds.

        Args:
            rows: The raw columns as text, amounts written plainly.
            said: The text of the status, null for none.
        """
        words = dict(self.tape.statuses)
        word = said.replace_strict(words, default=None, return_dtype=pl.String)
        goes_on = ~word.is_in(sorted(CLOSING_STATUSES)).fill_null(value=False)
        self.counts["rows"] += rows.height
        self.counts["said"] += int(rows.select(said.is_not_null().sum()).item())
        self.counts["late"] += int(rows.select((word.is_in(["LATE", "DEFAULT", "CHARGED_OFF"])).sum()).item())
        for name, text, value in self._values():
            given, read = ~is_blank(text), value.cast(pl.Float64)
            found = rows.select(
                given=given.sum(),
                unreadable=(given & read.is_null()).sum(),
                blank=(~given & goes_on).sum(),
                least=read.min(),
                largest=read.max(),
                example=text.filter(given & read.is_null()).first(),
            ).row(0, named=True)
            self.counts.update({f"{what} {name}": int(found[what]) for what in ("given", "unreadable", "blank")})
            if found["example"] is not None:
                self.examples.setdefault(name, one_line(str(found["example"]), LONGEST_EXAMPLE))
            if found["least"] is not None:
                least, largest = self.extremes.get(name, (found["least"], found["largest"]))
                self.extremes[name] = min(least, found["least"]), max(largest, found["largest"])
            if found["largest"] is not None and found["largest"] in NINES:
                nines = rows.select((read == found["largest"]).sum()).item()
                self.counts[f"nines {found['largest']:.0f} {name}"] += int(nines)

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

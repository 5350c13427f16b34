"""Read a tape of any length: its rows wait on the disk in groups of loans, and become events a group at a time."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.id_texts import WHOLE_ID
from p2pcredit.errors import UnreadableFileError, UsageError
from p2pcredit.periods import DateRange, month_end
from p2pcredit.platforms.downloads import as_table
from p2pcredit.platforms.headers import open_raw
from p2pcredit.platforms.loan_book import BEFORE_TAPE, ORIGINS_SCHEMA, RawBook, ordered_feeds
from p2pcredit.platforms.mapped.dates import date_remedy
from p2pcredit.platforms.mapped.expressions.derived import DerivedColumns
from p2pcredit.platforms.mapped.schema.files import Tape
from p2pcredit.platforms.mapped.schema.mapping import PlatformMapping
from p2pcredit.platforms.mapped.tape.columns import TapeColumns
from p2pcredit.platforms.mapped.tape.events import RISES, SLOW_RISES, TAPE_SCHEMA, tape_events
from p2pcredit.platforms.mapped.tape.impossible import LOANS_SCHEMA, possible_rows
from p2pcredit.platforms.mapped.values import (
    as_date,
    as_text,
    problem_with_days,
    text_of,
    total_of,
    whole_days,
)
from p2pcredit.platforms.missing_signs import blanked, is_blank
from p2pcredit.platforms.raw_table import RawTable
from p2pcredit.readers.csv.blocks import IrregularError
from p2pcredit.readers.csv.dialect import Dialect
from p2pcredit.readers.localized_numbers import is_number, plain_number
from p2pcredit.readers.spool import Spool

_GROUPS = 64
_A_MONTH = 31
_FEW, _FEW_OF = 2, 0.005
"""So many loans, or this share of them, may have been paid back to a fifth within two months."""
_FEWEST_RISES = 8
_USUAL = 0.5
"""Where more loans than this share lack rows of months, that is how the tape is made."""
_PARTS = {"%Y": r"(?P<Y>\d{4})", "%m": r"(?P<m>\d{2})", "%d": r"(?P<d>\d{2})"}
logger = logging.getLogger("p2pcredit")


@dataclass(slots=True)
class TapeRows:
    """The rows of a tape, waiting by groups of loans.

    Args:
        tape: How it is declared.
        spool: The rows, of which each loan's are in one group.
        rejected: What `REJECTED_SCHEMA` names, of the rows that say nothing.
        days: The days of the tape, in order.
        loans: The hashes of its loans, sorted.
        beside: What is known of the loans beside the tape, as `LOANS_SCHEMA`, part by part.
        told: How often what should not be was found.
        says_few_days: Whether any row says 1 to 29 days past due.
        columns: What its columns hold.
    """

    tape: Tape
    spool: Spool[int]
    rejected: list[pl.DataFrame] = field(default_factory=list)
    days: list[date] = field(default_factory=list)
    loans: np.ndarray[Any, np.dtype[np.uint64]] = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    beside: list[pl.DataFrame] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    says_few_days: bool = False
    columns: TapeColumns = field(init=False)

    def __post_init__(self) -> None:
        self.columns = TapeColumns(self.tape)

    def read(
        self,
        mapping: PlatformMapping,
        derived: DerivedColumns,
        files: Sequence[Path],
        dialect: Dialect,
        today: date | None,
    ) -> None:
        """Read all files.

        Raises:
            UnreadableFileError, HeaderError: Where one cannot be used, or none has a row that says something.
        """
        for exact in (False, True):
            self.spool.clear()
            self.rejected.clear()
            self.columns.clear()
            days, loans = set[date](), [self.loans]
            try:
                for path in sorted(files):
                    for rows in self._batches(mapping, derived, path, dialect, today, exact=exact):
                        days |= set(rows["day"].unique())
                        loans.append(rows["_hash"].unique().to_numpy())
                        self.says_few_days |= bool(rows["days_past_due"].is_between(1, 29).any())
                        for (group,), part in rows.partition_by("_group", as_dict=True, include_key=False).items():
                            self.spool.put(int(group), part.drop("_hash"))
                break
            except IrregularError:
                continue
        self.days, self.loans = sorted(days), np.unique(np.concatenate(loans))
        if not days:
            names = ", ".join(path.name for path in files)
            raise UnreadableFileError(
                f"{names}: no row of the tape has a loan and a day; mend events of the tape or the files"
            )

    def _batches(
        self,
        mapping: PlatformMapping,
        derived: DerivedColumns,
        path: Path,
        dialect: Dialect,
        today: date | None,
        *,
        exact: bool,
    ) -> Iterator[pl.DataFrame]:
        tape = self.tape
        needed = (
            [tape.loan_id, *(raw for raw in _raw_of(derived, tape.day.names) if tape.day)]
            if tape.day
            else [tape.loan_id]
        )
        wanted = list(dict.fromkeys([*needed, *_raw_of(derived, tape.columns), *tape.steady]))
        file = open_raw(path, {"the tape": tuple(needed)}, wanted, dialect)
        absent = [name for name in wanted if name not in file.header]
        if absent:
            logger.warning(
                "%s has no column %s, which the tape names; its values are missing", path.name, ", ".join(absent)
            )
        made = frozenset(name for name in derived.names if name.startswith("tape."))
        of_name = None if tape.day_in_name is None else day_in_name(path, tape.day_in_name)
        for batch in file.batches(exact=exact, in_two_threads=True):
            batch.require_whole(path)
            table = as_table(file, batch, wanted)
            rows = blanked(table.rows, dict.fromkeys(wanted, mapping.file.missing))
            table = RawTable(table.file, derived.added(rows, made), table.rejected)
            yield self._typed(mapping, table, of_name, today)

    def _typed(
        self, mapping: PlatformMapping, table: RawTable, of_name: date | None, today: date | None
    ) -> pl.DataFrame:
        tape = self.tape
        day = pl.lit(of_name, dtype=pl.Date) if tape.day is None else as_date(tape.day)
        table = table.reject(
            is_blank(pl.col(tape.loan_id)), "no id on the tape", remedy=f"fill the column {tape.loan_id}"
        )
        if tape.day is not None:
            text = text_of(tape.day)
            first = table.rows.filter(day.is_null() & ~is_blank(text)).select(text.first()).item()
            remedy = date_remedy("tape: day", " or ".join(tape.day.names), first)
            table = table.reject(day.is_null(), "no day on the tape", value=text, remedy=remedy)
        if today is not None:
            table = table.reject(day > today, "a day of the tape in the future", value=day.cast(pl.String))
        self.rejected.append(table.rejected)
        none = pl.lit(None, dtype=pl.Date)
        rows = _plain(mapping, table.rows, tape)
        loan = _id(tape.loan_id)
        nothing = {name: pl.lit(None, dtype=kind) for name, kind in TAPE_SCHEMA.items()}
        said = as_text(tape.status, none).str.strip_chars() if tape.status else nothing["said"]
        said = pl.when(~is_blank(said)).then(said)
        self.columns.look_at(table.file, rows, said)
        given = {
            "loan_id": loan,
            "day": day,
            "row": pl.col("row_number"),
            "days_past_due": _days(tape) if tape.days_past_due else nothing["days_past_due"],
            "days_text": problem_with_days(tape.days_past_due) if tape.days_past_due else nothing["days_text"],
            "overdue": total_of([(1, tape.overdue)]) if tape.overdue else nothing["overdue"],
            "said": said,
            "balance": total_of([(1, tape.balance)]) if tape.balance else nothing["balance"],
            **{name: total_of(columns) for name, columns in tape.amounts.items()},
        }
        return rows.select(
            *(given[name].cast(kind).alias(name) for name, kind in TAPE_SCHEMA.items()),
            *(pl.col(name).str.strip_chars().alias(f"steady {name}") for name in tape.steady),
            loan.hash().alias("_hash"),
            (loan.hash() % _GROUPS).alias("_group"),
        )

    def has(self, ids: pl.Series) -> pl.Series:
        """Mark the loans that the tape has a row of."""
        bare = ids.str.replace(WHOLE_ID, "${1}").hash().to_numpy()
        return pl.Series(np.isin(bare, self.loans, assume_unique=False))

    def without_unseen(self, table: RawTable, originated: pl.Expr) -> RawTable:
        """Reject the loans whose beginning is not on the tape, unless the mapping says what they were before.

        The first row of a tape speaks of the month before it. A loan that was older than a month and than
        `default_days` by then may have been in default before, and those written off by then may have no row at all:
        the goods among such loans are those that were left over.
        """
        if self.tape.before != "unknown":
            return table
        unseen = originated < self.days[0] - timedelta(days=self._longest_unseen)
        kept = table.reject(unseen, BEFORE_TAPE, remedy="give the earlier files of the tape too")
        self.told["unseen"] += table.rows.height - kept.rows.height
        return kept

    def note_loans(self, rows: pl.DataFrame, loan: str, originated: pl.Expr, amount: pl.Expr) -> None:
        """Keep what a part of the loans' file says of each: the day of origination, and the amount, a plain number."""
        bare, number = _id(loan).hash(), amount.cast(pl.Float64, strict=False)
        self.beside.append(rows.select(bare.alias("_hash"), originated.alias("made"), number.alias("amount")))

    @property
    def _longest_unseen(self) -> int:
        return max(self.tape.default_days, _A_MONTH)

    def books(self, known: np.ndarray[Any, np.dtype[np.uint64]]) -> Iterator[RawBook]:
        """Yield the events of the loans that are known, group by group; other rows are counted and left out."""
        covered = DateRange(self.days[0], self.days[-1])
        rejected = pl.concat(self.rejected)
        beside = pl.concat([pl.DataFrame(schema=LOANS_SCHEMA), *self.beside]).unique("_hash", keep="first")
        for group in sorted(self.spool):
            rows = self.spool.get(group)
            own = pl.Series(np.isin(rows["loan_id"].hash().to_numpy(), known))
            self.told["strange"] += rows.filter(~own)["loan_id"].n_unique()
            rows = rows.filter(own).sort("loan_id", "day", "row", maintain_order=True)
            again = ~pl.struct("loan_id", "day").is_last_distinct()
            self.told["repeated"] += int(rows.select(again.sum()).item())
            rows = rows.filter(~again)
            for name in self.tape.steady:
                changed = rows.group_by("loan_id").agg(pl.col(f"steady {name}").drop_nulls().n_unique().alias("n"))
                self.told[f"changed {name}"] += changed.filter(pl.col("n") > 1).height
            rows = possible_rows(
                rows.select(*TAPE_SCHEMA),
                beside,
                self.told,
                says_few_days=self.says_few_days,
                default_days=self.tape.default_days,
            )
            events = tape_events(self.tape, rows, self.days, self.told)
            origins = pl.DataFrame(schema=ORIGINS_SCHEMA)
            feeds = ordered_feeds({"loan_performance": events})
            yield RawBook(rejected.height, feeds, rejected, origins, covered=covered)
            rejected = rejected.clear()
        self._report()

    def _report(self) -> None:
        self.columns.warn()
        rises, slow = self.told.pop(RISES, 0), self.told.pop(SLOW_RISES, 0)
        if rises >= _FEWEST_RISES and 2 * slow > rises and self.tape.days_past_due is not None:
            column = " or ".join(self.tape.days_past_due.names)
            logger.warning(
                "%s: in %d of %d months in which a late loan became later it did so by less than a tenth of the days "
                "that passed; are these months or instalments past due? Then write under 'tape' "
                "'days_past_due: {column: %s, times: 30}'",
                column,
                slow,
                rises,
                column,
            )
        loans, compared = self.told.pop("of loans", 0), self.told.pop("compared", 0)
        if self.told["gaps"] > _USUAL * loans:
            del self.told["gaps"]  # it has rows where something changed only
        if self.told["amounts"] <= max(_FEW, _FEW_OF * compared):
            del self.told["amounts"]
        words = {
            "strange": "%d loans of the tape are not among the loans landed; their rows are left out",
            "repeated": "%d rows of the tape repeat a loan and a day; the last of them counts",
            "unseen": f"%d loans began more than {self._longest_unseen} days before the tape, {self.days[0]}, and are "
            "left out: no row says what became of them until then; give the earlier files of the tape too, or where "
            "none was in default or written off by then, write 'before: CURRENT' under 'tape'",
            "jumped": "%d rows of the tape have more days past due than the loan is old, or than the time since the "
            "row before allows where the next row has fewer; those of the row before count, or none where it may "
            "have been in default",
            "spiked": "%d rows of the tape have ten times the balance of the rows before and after, or more; it is "
            "left out",
            "amounts": f"%d of {compared} loans have an amount that is five times their first balance on the tape, or "
            "a fifth of it: is one of them in another unit, or mistyped?",
            "negative": "%d rows of the tape have a balance below zero; it is left out, and says of no loan that it "
            "is paid back",
            "gaps": f"%d of {loans} loans have no row of a month between their first and their last on the tape: what "
            "happened in it is not known; is a file missing, or a part of one?",
            "reopened": "%d loans have days past due on the tape after they were paid back; they count as paid back",
        }
        for what, count in self.told.items():
            if count and what.startswith("changed "):
                name = what.removeprefix("changed ")
                logger.warning("%d loans have more than one %s on the tape, which should not change", count, name)
            elif count:
                logger.warning(words[what], count)


def day_in_name(path: Path, pattern: str) -> date:
    """Read the day that a file's name holds; of a month, its last day.

    Raises:
        UsageError: If the name holds none.

    Examples:
        >>> day_in_name(Path("book_2024_02.csv"), "%Y_%m")
        datetime.date(2024, 2, 29)
    """
    found = re.search("".join(_PARTS.get(part, re.escape(part)) for part in re.split("(%[Ymd])", pattern)), path.name)
    try:
        if found is None:
            raise ValueError(path.name)
        parts = found.groupdict()
        day = date(int(parts["Y"]), int(parts["m"]), int(parts.get("d", 1)))
    except (KeyError, ValueError) as error:
        raise UsageError(
            f"{path.name} holds no day as '{pattern}'; say how, tape: {{day_in_name: \"%Y_%m_%d\"}}, or name a column"
        ) from error
    return day if "d" in parts else month_end(day)


def _id(column: str) -> pl.Expr:
    """Give an id as the tape and the loans have it in common."""
    return pl.col(column).str.strip_chars().str.replace(WHOLE_ID, "${1}")


def _raw_of(derived: DerivedColumns, names: Sequence[str]) -> list[str]:
    return [raw for name in names for raw in derived.inputs(name)]


def _days(tape: Tape) -> pl.Expr:
    assert tape.days_past_due is not None
    return whole_days(tape.days_past_due)


def _plain(mapping: PlatformMapping, rows: pl.DataFrame, tape: Tape) -> pl.DataFrame:
    """Write the amounts of a tape plainly; what would be misread is missing."""
    decimal = mapping.file.decimal
    names = [name for name in tape.amount_columns if name in rows.columns]
    if decimal is None:
        return rows
    return rows.with_columns(
        pl.when(is_number(pl.col(name), decimal)).then(plain_number(pl.col(name), decimal)).alias(name)
        for name in names
    )


__all__ = ["TapeRows", "day_in_name"]

"""Loan ids that became numbers on their way, and ids that stand twice: seen before anything of a file is landed.

A spreadsheet or a data frame writes the id 68407277 as `68407277.0`, `68,407,277` or `6.84E+07`. The first two are read
as the whole number they are, the third has lost its digits. Which it is, is decided for a whole file: an id column with
any other decimals, such as `2.1`, holds names with points in them, and they stay as they are; `7e7` is a number that
lost its digits unless some id of the file is a name, such as `a3f`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from p2pcredit.contracts.id_texts import BARE_POWER_ID, INVISIBLE, ROUNDED_ID, SCIENTIFIC_ID, WHOLE_ID
from p2pcredit.errors import HeaderError
from p2pcredit.platforms.missing_signs import is_blank
from p2pcredit.platforms.raw_table import RawTable

if TYPE_CHECKING:
    from p2pcredit.readers.csv.reader import RawFile

TWICE = "id stands twice"
SHORTENED = "id is a number that lost its digits"
UNSEEN = "id holds a character that cannot be seen"
_GROUPED = r"^[0-9]{1,3}(,[0-9]{3})+$"
_WITH_POINT = r"^[0-9]+\.[0-9]+$"
_PANEL_SHARE = 0.5
"""From which share of repeated ids on a file looks like one row per loan and month."""

_Hashes = npt.NDArray[np.uint64]
_Mask = npt.NDArray[np.bool_]


def plain_ids(ids: pl.Series) -> pl.Series:
    """Read the ids of a whole column, those that became numbers as the whole numbers they are.

    Examples:
        >>> plain_ids(pl.Series([" 7.0", "8", None])).to_list(), plain_ids(pl.Series(["2.0", "2.1"])).to_list()
        (['7', '8', None], ['2.0', '2.1'])
        >>> plain_ids(pl.Series(["1,007", "8"])).to_list(), plain_ids(pl.Series(["1,007", "A-1"])).to_list()
        (['1007', '8'], ['1,007', 'A-1'])
        >>> plain_ids(pl.Series(["68407277,0", "8,00"])).to_list(), plain_ids(pl.Series(["7,000"])).to_list()
        (['68407277', '8'], ['7000'])
    """
    ids = ids.str.strip_chars()
    tally = _Tally.of(ids)
    return _bare(ids, floats=tally.are_floats, grouped=tally.are_grouped)


def _bare(ids: pl.Series, *, floats: bool, grouped: bool) -> pl.Series:
    if floats:
        ids = ids.str.replace(WHOLE_ID, "${1}")
    return ids.str.replace_all(",", "", literal=True) if grouped else ids


@dataclass(frozen=True, slots=True)
class _Tally:
    """How the ids of some rows are written.

    Args:
        whole_floats: Those like `7.0`.
        other_decimals: Those like `7.5`.
        grouped: Those like `1,007`.
        bare_powers: Those like `7e7`.
        other_texts: Those that are neither digits nor grouped digits.
    """

    whole_floats: int = 0
    other_decimals: int = 0
    grouped: int = 0
    bare_powers: int = 0
    other_texts: int = 0

    @classmethod
    def of(cls, ids: pl.Series) -> _Tally:
        points, commas = ids.str.contains(".", literal=True).any(), ids.str.contains(",", literal=True).any()
        whole = others = 0
        if points or commas:
            are_whole = ids.str.contains(WHOLE_ID)
            whole, others = int(are_whole.sum()), int((ids.str.contains(_WITH_POINT) & ~are_whole).sum())
        grouped = int(ids.str.contains(_GROUPED).sum()) if commas else 0
        other = ids.filter(~ids.str.contains(r"^[0-9][0-9,]*$"))
        powers = int(other.str.contains(BARE_POWER_ID).sum())
        return cls(whole, others, grouped, powers, len(other))

    @property
    def are_floats(self) -> bool:
        return self.whole_floats > 0 and self.other_decimals == 0

    @property
    def are_grouped(self) -> bool:
        return self.grouped > 0 and self.other_texts == self.bare_powers

    @property
    def have_powers(self) -> bool:
        """Whether those like `7e7` are numbers: no id of the file is a name."""
        return self.bare_powers > 0 and self.bare_powers + self.whole_floats == self.other_texts

    def __add__(self, other: _Tally) -> _Tally:
        return _Tally(
            self.whole_floats + other.whole_floats,
            self.other_decimals + other.other_decimals,
            self.grouped + other.grouped,
            self.bare_powers + other.bare_powers,
            self.other_texts + other.other_texts,
        )


@dataclass(frozen=True, slots=True)
class PartIds:
    """The ids of a part of a file as hashes of 64 bits, in their order: as they stand, and as whole numbers."""

    tally: _Tally
    without_zeros: _Hashes
    without_commas: _Hashes

    def hashes(self, *, grouped: bool) -> _Hashes:
        """Give those under which the ids of the file are compared: `7.0` is `7` to silver in any case."""
        return self.without_commas if grouped else self.without_zeros


@dataclass(slots=True)
class LoanIds:
    """The column of loan ids of a platform, and which ids the files of one landing have had so far.

    Ids are remembered as hashes of 64 bits, 8 bytes a loan: among 10 million loans the chance that two different ids
    are taken for one is 1 in 370,000.
    """

    column: str
    _seen: _Hashes = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))

    @property
    def seen(self) -> _Hashes:
        """The hashes of the ids that the files had so far, without the `.0` of numbers."""
        return self._seen

    def refuse_short_floats(self, file: RawFile) -> None:
        """Make sure that the ids of a Parquet file are no numbers of 24 bits, which tell no ids above 16,777,216 apart.

        Raises:
            HeaderError: If they are.
        """
        if self.column in file.short_floats:
            raise HeaderError(
                f"{file.path}: the ids in '{self.column}' are numbers of at most 7 digits (a short float); write them "
                "as text or as whole numbers"
            )

    def screen(self, table: RawTable) -> RawTable:
        """Reject rows without an id, with one that lost its digits, or with one that only looks like another."""
        name = pl.col(self.column)
        text = name.str.strip_chars()
        table = table.reject(
            is_blank(name),
            "no id",
            remedy=f"the ids are looked for in the column '{self.column}'; give each loan one",
        )
        lost = text.str.contains(SCIENTIFIC_ID) | text.str.contains(ROUNDED_ID)
        if self.column in table.numbers:
            lost = lost | text.str.contains(r"[.eE]")
        remedy = f"write the ids in the column '{self.column}' without control characters and without zero-width ones"
        shown = text.str.replace_all(INVISIBLE, "\ufffd")
        reason = pl.format("id '{}' holds a character that cannot be seen", shown)
        table = table.reject(text.str.contains(INVISIBLE), UNSEEN, reason=reason, value=shown, remedy=remedy)
        return _without_shortened(table, self.column, lost)

    def look_at(self, rows: pl.DataFrame) -> PartIds:
        """Collect what the ids of a part say about their file."""
        ids = rows[self.column].str.strip_chars()
        tally = _Tally.of(ids)
        written = ids.hash().to_numpy()
        zeros = _bare(ids, floats=True, grouped=False).hash().to_numpy() if tally.whole_floats else written
        commas = _bare(ids, floats=False, grouped=True).hash().to_numpy() if tally.grouped else written
        return PartIds(tally, zeros, commas)

    def conclude(self, parts: Sequence[PartIds]) -> IdsOfFile:
        """Decide how the ids of a file are read, and which of its rows repeat an id; they count for later files."""
        tally = sum((part.tally for part in parts), _Tally())
        floats, grouped = tally.are_floats, tally.are_grouped and not tally.are_floats
        own = np.concatenate([part.hashes(grouped=grouped) for part in parts])
        before = self._seen
        every = np.concatenate([before, own])
        order = np.argsort(every, kind="stable")
        again = np.zeros(len(every), dtype=np.bool_)
        again[order[1:]] = every[order[1:]] == every[order[:-1]]
        repeated = again[len(before) :]
        self._seen = every[~again]
        sizes = np.cumsum([len(part.without_zeros) for part in parts])[:-1]
        share = float(repeated.mean()) if len(repeated) else 0.0
        earlier = bool(repeated.any()) and float(np.isin(own[repeated], before).mean()) > _PANEL_SHARE
        masks = tuple(np.split(repeated, sizes))
        return IdsOfFile(self.column, floats, grouped, tally.have_powers, masks, share, earlier)


@dataclass(frozen=True, slots=True)
class IdsOfFile:
    """What is known of the ids of a file once all of it was seen.

    Args:
        column: Their column.
        floats: Whether they are whole numbers that became floats.
        grouped: Whether they are whole numbers with commas between thousands.
        powers: Whether those like `7e7` are numbers that lost digits.
        repeated: Per part which rows have an id that stood in an earlier row, of this file or of one before.
        share: Of all rows, the share that has.
        earlier: Whether most of those stood in a file before.
    """

    column: str
    floats: bool
    grouped: bool
    powers: bool
    repeated: tuple[_Mask, ...]
    share: float
    earlier: bool = False

    def applied(self, place: int, table: RawTable) -> RawTable:
        """Put the ids of a part's rows as they are read; reject rows that repeat an id."""
        ids = pl.col(self.column)
        if self.floats or self.grouped:
            plain = _bare(table.rows[self.column].str.strip_chars(), floats=self.floats, grouped=self.grouped)
            table = replace(table, rows=table.rows.with_columns(plain.alias(self.column)))
        again = self.repeated[place]
        if self.powers:
            lost = table.rows[self.column].str.strip_chars().str.contains(BARE_POWER_ID)
            table, again = _without_shortened(table, self.column, pl.lit(lost)), again[~lost.to_numpy()]
        if not again.any():
            return table
        remedy = "one loan is one row; the first row stays"
        if self.earlier:
            remedy = "a file before has these loans; land each file by itself, the newest last: what lands last stays"
        elif self.share > _PANEL_SHARE:
            remedy = "it looks like one row per loan and month; give one row per loan, the latest"
        value = ids.str.strip_chars()
        reason = pl.format("id '{}' stands twice; the first row stays", value)
        return table.reject(pl.lit(pl.Series(again)), TWICE, reason=reason, value=value, remedy=remedy)


def _without_shortened(table: RawTable, column: str, lost: pl.Expr) -> RawTable:
    text = pl.col(column).str.strip_chars()
    remedy = f"export the column '{column}' as text, so that every digit of an id is kept"
    reason = pl.format("id '{}' is a number that lost its digits", text)
    return table.reject(lost, SHORTENED, reason=reason, value=text, remedy=remedy)


__all__ = ["SHORTENED", "TWICE", "UNSEEN", "IdsOfFile", "LoanIds", "PartIds", "plain_ids"]

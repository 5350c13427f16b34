"""Months as LendingClub's download and its many copies write them, read by one convention per file.

The platform writes `Dec-2011`. Copies of its file have `Dec-11` (two digits of the year), `2011-12-01` (a data frame),
`12/1/2011` or `11-Dec` (a spreadsheet, which took the 11 of `Dec-11` for a day). Every text is looked at once, however
many rows have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from p2pcredit.contracts.feeds import MOST_YEARS_OF_CREDIT
from p2pcredit.contracts.missing import MISSING_SIGNS
from p2pcredit.errors import UnreadableFileError

LENDING_YEARS = range(2007, 2021)
"""The years in which LendingClub issued loans to the public."""
_CENTURY = 100
_NAMES: tuple[str, ...] = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
)
_NAMES += ("November", "December")
_MONTHS = {name.casefold(): number for number, name in enumerate(_NAMES, start=1)}
_MONTHS |= {name[:3].casefold(): number for number, name in enumerate(_NAMES, start=1)} | {"sept": 9}
_YEAR = r"(?P<year>(?:1[5-9]|2[0-9])[0-9]{2})"
_TWO = r"(?P<two>[0-9]{2})"
_NAME = r"(?P<name>[A-Za-z]{3,9})"
_SPELLINGS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:0?1-)?{_NAME}[- ](?:{_YEAR}|{_TWO})",
        rf"{_YEAR}-(?P<month>[0-9]{{2}})(?:-[0-9]{{2}}(?:[T ].*)?)?",
        rf"(?P<swapped>[0-9]{{1,2}})-{_NAME}",
        rf"(?P<one>[0-9]{{1,2}})/(?P<other>[0-9]{{1,2}})/(?:{_YEAR}|{_TWO})(?: .*)?",
    )
)


class _Month(NamedTuple):
    """What a text says by itself.

    Args:
        year: With its century; a year of two digits lies after 1999.
        month: 1 to 12; 0 where only the convention of the file says it.
        two_digits: Whether the year was written with two digits.
        swapped: Whether the year stands where a day does, as in `11-Dec`.
        slashed: The two numbers before the year in `12/1/2011`.
    """

    year: int
    month: int
    two_digits: bool = False
    swapped: bool = False
    slashed: tuple[int, int] | None = None


def _read(text: str) -> _Month | None:
    found = next((match for spelling in _SPELLINGS if (match := spelling.fullmatch(text.strip()))), None)
    if found is None or not text.isascii():
        return None
    said = found.groupdict()
    two = said.get("two") or said.get("swapped")
    year = int(said["year"]) if said.get("year") else 2000 + int(two or 0)
    if said.get("one"):
        slashed = (int(said["one"]), int(said["other"]))
        sound = 1 in slashed and all(1 <= number <= 12 for number in slashed)
        return _Month(year, 0, bool(two), slashed=slashed) if sound else None
    month = _MONTHS.get(said["name"].casefold(), 0) if said.get("name") else int(said["month"])
    if not 1 <= month <= 12:
        return None
    return _Month(year, month, bool(two), swapped=bool(said.get("swapped")))


@dataclass(frozen=True, slots=True)
class MonthTexts:
    """The convention by which the months of a file are read.

    Args:
        swapped: Whether `11-Dec` is December 2011; else it is nothing.
        month_first: Whether `12/1/2011` is December 2011; else it is nothing, and `1/12/2011` is.
    """

    swapped: bool = False
    month_first: bool = True

    @classmethod
    def of_file(cls, path: Path, texts: Iterable[str]) -> MonthTexts:
        """Find the convention of a file in the texts of its months of issue.

        `11-Dec` is read only where every month of issue is written so, and every one means a year in which LendingClub
        lent. `12/1/2011` is read with the month where the numbers are not always 1.

        Args:
            path: The file, for messages.
            texts: The distinct months of issue.

        Raises:
            UnreadableFileError: If the file does not say which of two months is meant.
        """
        found = {text: month for text in texts if (month := _read(text)) is not None}
        swapped = [text for text, month in found.items() if month.swapped]
        strange = [text for text in swapped if found[text].year not in LENDING_YEARS]
        other = [text for text, month in found.items() if not month.swapped]
        doubt = strange or (other if swapped else [])
        if doubt:
            raise UnreadableFileError(
                f"{path} has months of issue such as '{swapped[0]}', in which a spreadsheet took a year for a day, and "
                f"'{doubt[0]}', which does not fit; save the column issue_d as text, such as Dec-2011"
            )
        pairs = [(text, month.slashed) for text, month in found.items() if month.slashed is not None]
        first = [text for text, (one, _) in pairs if one != 1]
        second = [text for text, (_, other_) in pairs if other_ != 1]
        if first and second:
            raise UnreadableFileError(
                f"{path} has months of issue such as '{first[0]}' and '{second[0]}': it is not clear which number is "
                "the month; save the column issue_d as text, such as Dec-2011"
            )
        return cls(bool(swapped), not second)

    def month(self, text: str) -> tuple[date, bool] | None:
        """Read the first day of the month of a text, and whether its century was not written.

        Examples:
            >>> MonthTexts().month("Dec-11"), MonthTexts().month("11-Dec"), MonthTexts(swapped=True).month("11-Dec")
            ((datetime.date(2011, 12, 1), True), None, (datetime.date(2011, 12, 1), True))
        """
        found = _read(text)
        if found is None or (found.swapped and not self.swapped):
            return None
        month = found.month
        if found.slashed is not None:
            month, day = found.slashed if self.month_first else found.slashed[::-1]
            if day != 1:
                return None
        return date(found.year, month, 1), found.two_digits

    def plain(self, rows: pl.DataFrame, columns: Iterable[str]) -> pl.DataFrame:
        """Rewrite the months of these columns as `Dec-2011`; what is no month stays, signs of none go."""
        return rows.with_columns(self._plain(rows, name) for name in columns)

    def _plain(self, rows: pl.DataFrame, name: str) -> pl.Expr:
        plain: dict[str, str | None] = {}
        for text in _distinct(rows[name]):
            found = self.month(text)
            if found is not None:
                plain[text] = month_text(found[0])
            elif text.strip().lower() in MISSING_SIGNS:
                plain[text] = None
        return pl.col(name).replace(plain)

    def plain_past(self, rows: pl.DataFrame, name: str, latest: pl.Expr) -> pl.DataFrame:
        """Rewrite one column of the past: a year of two digits is the last one such that the month is not later.

        Where that lies longer back than any credit history, the text says neither: it stays, and is no date.

        Args:
            rows: Any.
            name: The column.
            latest: Per row the month after which it cannot lie, such as that of issue for a first credit line.
        """
        found = {text: month for text in _distinct(rows[name]) if (month := self.month(text)) is not None}
        bare = {text: month for text, (month, without_century) in found.items() if without_century}
        rows = rows.with_columns(self._plain(rows, name).alias("_plain"))
        if not bare:
            return rows.with_columns(pl.col("_plain").alias(name)).drop("_plain")
        year = pl.col(name).replace_strict(bare, default=None, return_dtype=pl.Date)
        earlier = {text: month_text(month.replace(year=month.year - _CENTURY)) for text, month in bare.items()}
        credible = year >= latest.dt.offset_by(f"{_CENTURY - MOST_YEARS_OF_CREDIT}y")
        past = pl.when(credible).then(pl.col(name).replace(earlier)).otherwise(name)
        plain = pl.when(year > latest).then(past).otherwise("_plain")
        return rows.with_columns(plain.alias(name)).drop("_plain")


def years_of(texts: pl.Series) -> dict[str, int]:
    """List the years of distinct texts that are months under any convention; years of two digits lie after 1999.

    Examples:
        >>> years_of(pl.Series(["Dec-11", "11-Dec", "2011-12-01", "soon", None])) == {
        ...     "Dec-11": 2011, "11-Dec": 2011, "2011-12-01": 2011
        ... }
        True
    """
    return {text: month.year for text in _distinct(texts) if (month := _read(text)) is not None}


def month_text(month: date) -> str:
    """Write a month as the platform does.

    Examples:
        >>> month_text(date(2011, 12, 1))
        'Dec-2011'
    """
    return f"{_NAMES[month.month - 1][:3]}-{month.year}"


def _distinct(texts: pl.Series) -> list[str]:
    return [text for text in texts.unique() if text is not None]


__all__ = ["LENDING_YEARS", "MonthTexts", "month_text", "years_of"]

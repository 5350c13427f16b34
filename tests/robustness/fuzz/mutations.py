"""What can befall the rows and columns of a feed, and its text, on the way from a platform to us."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

ALL = None


@dataclass
class Sheet:
    """A table of texts and how it is written.

    `touched` are the places of the rows whose values may differ from those of the clean file; ALL where any may.
    """

    header: list[str]
    rows: list[list[str]]
    touched: set[int] | None = field(default_factory=set)
    delimiter: str = ","
    line_end: str = "\n"
    quote_all: bool = True
    blank_lines: bool = False

    def touch(self, *places: int) -> None:
        """Say that the values of these rows are no longer those of the clean file."""
        if self.touched is not None:
            self.touched |= set(places)

    def text(self) -> str:
        """Write the sheet as CSV text, quoted as it should be."""

        def cell(value: str) -> str:
            special = any(letter in value for letter in ('"', "\n", "\r", self.delimiter))
            return '"' + value.replace('"', '""') + '"' if special or self.quote_all else value

        lines = [self.delimiter.join(cell(value) for value in row) for row in [self.header, *self.rows]]
        gap = self.line_end * (2 if self.blank_lines else 1)
        return gap.join(lines) + self.line_end


def put_values(*texts: str) -> Callable[[Sheet, Random], None]:
    """Put one of these texts into one to three cells."""

    def change(sheet: Sheet, luck: Random) -> None:
        for _ in range(luck.randint(1, 3)):
            if sheet.rows:
                place = luck.randrange(len(sheet.rows))
                row = sheet.rows[place]
                if row:
                    row[luck.randrange(len(row))] = luck.choice(texts)
                sheet.touch(place)

    return change


def _loan_ids(change: Callable[[str, Random], str]) -> Callable[[Sheet, Random], None]:
    def mutate(sheet: Sheet, luck: Random) -> None:
        if sheet.rows and "loan_id" in sheet.header:
            place, at = luck.randrange(len(sheet.rows)), sheet.header.index("loan_id")
            if at < len(sheet.rows[place]):
                mine = sheet.rows[place][at] = change(sheet.rows[place][at], luck)
                sheet.touch(*(other for other, row in enumerate(sheet.rows) if mine.strip() in row))
            sheet.touch(place)

    return mutate


def _everywhere(change: Callable[[Sheet, Random], None]) -> Callable[[Sheet, Random], None]:
    def mutate(sheet: Sheet, luck: Random) -> None:
        change(sheet, luck)
        sheet.touched = ALL

    return mutate


def _drop_column(sheet: Sheet, luck: Random) -> None:
    at = luck.randrange(len(sheet.header))
    for row in [sheet.header, *sheet.rows]:
        del row[at : at + 1]


def _shift_columns(sheet: Sheet, luck: Random) -> None:
    for row in luck.sample(sheet.rows, min(len(sheet.rows), 2)):
        row.insert(luck.randrange(len(row) + 1), "")
        if luck.random() < 0.5:
            row.pop()


def _rename_column(sheet: Sheet, luck: Random) -> None:
    at = luck.randrange(len(sheet.header))
    name = sheet.header[at]
    sheet.header[at] = luck.choice([name.upper(), f" {name} ", name + "\u200b", "", "х" + name, name.replace("_", " ")])


def _repeat_column(sheet: Sheet, luck: Random) -> None:
    at = luck.randrange(len(sheet.header))
    for row in [sheet.header, *sheet.rows]:
        row.append(row[min(at, len(row) - 1)] if row else "")


def _unnamed_columns(sheet: Sheet, luck: Random) -> None:
    for row in [sheet.header, *sheet.rows]:
        row.extend(["", ""])


def _many_columns(sheet: Sheet, luck: Random) -> None:
    extra = luck.choice([50, 3_000])
    sheet.header += [f"extra_{place}" for place in range(extra)]
    for row in sheet.rows:
        row += ["x"] * extra


def _long_header(sheet: Sheet, luck: Random) -> None:
    sheet.header.append("n" * luck.choice([1_000, 200_000]))
    for row in sheet.rows:
        row.append("1")


def _reorder_columns(sheet: Sheet, luck: Random) -> None:
    order = luck.sample(range(len(sheet.header)), len(sheet.header))
    if all(len(row) == len(order) for row in sheet.rows):
        sheet.header = [sheet.header[at] for at in order]
        sheet.rows = [[row[at] for at in order] for row in sheet.rows]


def _ragged_rows(sheet: Sheet, luck: Random) -> None:
    for row in luck.sample(sheet.rows, min(2, len(sheet.rows))):
        if luck.random() < 0.5 or not row:
            row.extend(["more"] * luck.randint(1, 9))
        else:
            del row[luck.randrange(len(row)) :]


def _swap_cells(sheet: Sheet, luck: Random) -> None:
    if sheet.rows:
        place = luck.randrange(len(sheet.rows))
        luck.shuffle(sheet.rows[place])
        sheet.touch(place)


def _repeat_rows(sheet: Sheet, luck: Random) -> None:
    sheet.rows += [list(row) for row in luck.choices(sheet.rows, k=3)] if sheet.rows else []


def _repeat_file(sheet: Sheet, luck: Random) -> None:
    sheet.rows += [list(sheet.header), *(list(row) for row in sheet.rows)]


def _no_rows(sheet: Sheet, luck: Random) -> None:
    sheet.rows.clear()


def _blank_lines(sheet: Sheet, luck: Random) -> None:
    sheet.blank_lines = True


def _line_end(*ends: str) -> Callable[[Sheet, Random], None]:
    def change(sheet: Sheet, luck: Random) -> None:
        sheet.line_end = luck.choice(ends)

    return change


def _delimiter(sheet: Sheet, luck: Random) -> None:
    sheet.delimiter = luck.choice([";", "\t", "|", " "])


def _quote_less(sheet: Sheet, luck: Random) -> None:
    sheet.quote_all = False


def _decomposed(text: str, luck: Random) -> str:
    return unicodedata.normalize(luck.choice(["NFD", "NFKC"]), text + "é①")


VALUE_MUTATIONS: dict[str, Callable[[Sheet, Random], None]] = {
    "locale decimals": put_values("1.234,56", "1 234,56", "1'234.56", "1,5", "1.234.567", "1\u00a0234", "-1,00"),
    "digits of another script": put_values("١٢٣", "１２３", "۱۲٫۵", "२०११-०१-०१"),
    "formulas": put_values("=1+1", "=cmd|'/C calc'!A0", "@SUM(A1)", "+1+1", "-2+3", '=HYPERLINK("http://x.test")'),
    "odd numbers": put_values(
        "1e400", "NaN", "inf", "-Infinity", "-0", "0x10", "1_000", "1e-400", "--1", "9" * 40, "1e5", "+.5", "5."
    ),
    "odd dates": put_values(
        *("31/02/2011", "2011-13-01", "0000-00-00", "9999-12-31", "40543", "2011-02-29", "1900-02-29", "20110101"),
        *("2010-12-31T00:00:00", "2010-1-1", "Dec-2011", "0001-01-01", "-001-01-01", "12/31/10", "2010-12-31 24:00"),
    ),
    "booleans": put_values("TRUE", "false", "yes", "0", "1"),
    "not available": put_values("n/a", "NA", "NULL", "None", "-", "#N/A", "#REF!", "?", "\\N"),
    "emoji and directions": put_values("💰", "\u202e1000", "36\u200f", "\u200b5", "a\u0301", "\ufeff7"),
    "control letters": put_values(
        "\x00", "1\x00", "\x1b[31m", "a\x08", "\x1c5", "\x85", "\u2028", "\u20295", "a\rb", "a\r\nb"
    ),
    "blanks around": put_values(" 36 ", "\t5\t", "\u00a05\u00a0", "  ", "\u20035"),
    "quotes inside": put_values('"', '""', 'a"b', '"a"', "it's", '",",', '"\n"', "\n", "\r\n\r\n", ",,,", "'"),
    "markup": put_values("<script>alert(1)</script>", "{{7*7}}", "'; DROP TABLE loans; --", "../../etc/passwd", "%s%n"),
    "long values": put_values("x" * 5_000, "9" * 5_000, "é" * 40_000),
    "loan ids with blanks": _loan_ids(
        lambda text, luck: luck.choice([f" {text} ", f"0{text}", f"{text}\u00a0", f"{text}.0"])
    ),
    "long loan ids": _loan_ids(lambda text, luck: text * 900),
    "loan ids in another normal form": _loan_ids(_decomposed),
    "loan id of another loan": _loan_ids(lambda text, luck: text[:-1] + str(luck.randrange(9))),
    "swapped cells": _swap_cells,
}
"""They change cells only: such a file is sound, must be read, and touches no other row."""

SHEET_MUTATIONS: dict[str, Callable[[Sheet, Random], None]] = {
    "dropped column": _everywhere(_drop_column),
    "shifted cells": _everywhere(_shift_columns),
    "renamed column": _everywhere(_rename_column),
    "repeated column": _everywhere(_repeat_column),
    "unnamed columns": _everywhere(_unnamed_columns),
    "many columns": _everywhere(_many_columns),
    "long header": _everywhere(_long_header),
    "ragged rows": _everywhere(_ragged_rows),
    "file twice": _everywhere(_repeat_file),
    "header only": _everywhere(_no_rows),
    "other delimiter": _everywhere(_delimiter),
    "other line ends": _everywhere(_line_end("\r", "\n\r", "\r\r\n", "\u2028", "\x0b", "\x85", "\n\n\n")),
    "reordered columns": _reorder_columns,
    "repeated rows": _repeat_rows,
    "blank lines": _blank_lines,
    "carriage return and line feed": _line_end("\r\n"),
    "quotes where needed": _quote_less,
}

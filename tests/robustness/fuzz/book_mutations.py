"""What can befall the columns and values of a sound book, on the way from a lender to us, that is a fault and no news.

Every mutation leaves a file that can be read as a table. Those of `SAME` change the spelling alone: the numbers must
stay as they were. Those of `VALUES` spoil single cells, those of `COLUMNS` a whole column or file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from random import Random
from types import MappingProxyType

from p2pcredit.contracts.columns import Kind

MISSING_SIGNS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "-", "\\N", ".")
NO_NUMBERS = ("n.v.", "unknown", "24,000.00", "1.234,5", "-1", "12 apples", "1e14", "0x1F", "=A1+B1", "--5", "1/2")
_SEVERAL = 8
RUBBISH = ("?!", "rubbish", "see remarks")
NO_DATES = ("31/12/2009", "2009-13-01", "2109-01-01", "12.2009", "40148", "yesterday")
_WORD = "[a-z0-9_]+"
NUMBERS = frozenset({Kind.NUMBER, Kind.COUNT, Kind.PERCENT})


@dataclass
class Book:
    """Tables of texts by name, the kind of each of their columns, and what a mutation touched.

    Args:
        tables: Table -> (header, rows).
        kinds: Table -> column -> how its text is read.
        key: The column with the loan's id.
        touched: Loans whose values may differ from those of the sound book; None where any may.
        columns: The columns that were changed, as the tables name them, and the tables.
        constant: The text that all filled cells of a table's column were given, for each such column.
        blanked: Whether single values gave way to signs of a missing value, which are to be read as missing.
    """

    tables: dict[str, tuple[list[str], list[list[str]]]]
    kinds: dict[str, dict[str, Kind]]
    key: str = "loan_id"
    touched: set[str] | None = field(default_factory=set)
    columns: set[str] = field(default_factory=set)
    constant: dict[tuple[str, str], str] = field(default_factory=dict)
    blanked: bool = False

    def copied(self) -> Book:
        """Copy the book, to be mutated."""
        tables = {name: (list(header), [list(row) for row in rows]) for name, (header, rows) in self.tables.items()}
        return Book(tables, self.kinds, self.key)

    def pick(self, luck: Random, wanted: Callable[[Kind], bool]) -> tuple[str, str] | None:
        """Draw a table and one of its filled columns of a wanted kind, the key left out; None where there is none."""
        found = [
            (table, column)
            for table, kinds in self.kinds.items()
            for column, kind in kinds.items()
            if column != self.key and wanted(kind) and any(self.cells(table, column))
        ]
        return luck.choice(found) if found else None

    def change(self, luck: Random, table: str, column: str, new: Callable[[str], str], most: int | None = 3) -> None:
        """Change up to so many filled cells of a column, all of them where `most` is None."""
        header, rows = self.tables[table]
        at, key = header.index(column), header.index(self.key)
        filled = [row for row in rows if row[at]]
        for row in filled if most is None else luck.sample(filled, min(len(filled), luck.randint(1, most))):
            row[at] = new(row[at])
            if self.touched is not None:
                self.touched.add(row[key].strip())
        self.columns |= {column, table}

    def is_named_in(self, told: str, other_names: Mapping[str, Collection[str]] = MappingProxyType({})) -> bool:
        """Return whether what was said names a column that was changed, or a table of which all was.

        A name counts where it is quoted, follows its table and a point, or stands in a list after `column`: words such
        as `loans`, `status` or `amount` stand in many a warning that means something else. The table's name alone says
        nothing of one column of it.

        Args:
            told: What was said.
            other_names: Changed column -> how else the product names it.
        """
        whole = {table for table, kinds in self.kinds.items() if kinds.keys() <= self.columns}
        changed = {name for name in self.columns if name not in self.tables}
        names = whole | changed | {other for name in changed for other in other_names.get(name, ())}
        listed = rf"columns? (?:{_WORD}(?:, | and | or ))*"
        return any(re.search(rf"(?:['\"]|\b{_WORD}\.|{listed}){re.escape(name)}(?![a-z0-9_])", told) for name in names)

    def cells(self, table: str, column: str) -> list[str]:
        """Give the texts of a column, in the order of the rows; none where it is gone."""
        header, rows = self.tables[table]
        return [row[header.index(column)] for row in rows] if column in header else []


Mutation = Callable[[Book, Random], None]


def _blank_some(book: Book, luck: Random) -> None:
    """Put signs of a missing value into cells that may be missing."""
    _cells(lambda kind: kind is not Kind.TEXT, *MISSING_SIGNS)(book, luck)
    book.blanked = True


def _cells(wanted: Callable[[Kind], bool], *texts: str, most: int | None = 3) -> Mutation:
    def mutate(book: Book, luck: Random) -> None:
        if found := book.pick(luck, wanted):
            book.change(luck, *found, lambda _: luck.choice(texts), most)

    return mutate


def _respelled(wanted: Callable[[Kind], bool], *spell: Callable[[str], str], most: int | None = 3) -> Mutation:
    def mutate(book: Book, luck: Random) -> None:
        if found := book.pick(luck, wanted):
            book.change(luck, *found, luck.choice(spell), most)

    return mutate


def _whole_table(change: Callable[[list[str], list[list[str]], Random], str | None]) -> Mutation:
    """Change all of a table, its header or rows; name the column that was changed, None for the whole table."""

    def mutate(book: Book, luck: Random) -> None:
        table = luck.choice(sorted(book.tables))
        before = list(book.tables[table][0])
        column = change(*book.tables[table], luck)
        book.touched = None
        book.columns |= {table, *([column] if column else before)}

    return mutate


def _optional(header: list[str], luck: Random) -> int:
    return luck.randrange(1, len(header))


def _rename(header: list[str], rows: list[list[str]], luck: Random) -> str:
    at = _optional(header, luck)
    old = header[at]
    renamed = [old[:-1], old.replace("_", ""), f"{old}_2", old.upper(), f"new_{old}", old.replace("a", "")]
    header[at] = luck.choice([name for name in renamed if name != old])
    return old


def _drop(header: list[str], rows: list[list[str]], luck: Random) -> str:
    at = _optional(header, luck)
    old = header[at]
    for row in [header, *rows]:
        del row[at]
    return old


def _fill(*texts: str) -> Callable[[list[str], list[list[str]], Random], str]:
    def change(header: list[str], rows: list[list[str]], luck: Random) -> str:
        at, text = _optional(header, luck), luck.choice(texts)
        for row in rows:
            row[at] = text
        return header[at]

    return change


def _header_only(header: list[str], rows: list[list[str]], luck: Random) -> None:
    rows.clear()


def _a_third(header: list[str], rows: list[list[str]], luck: Random) -> None:
    del rows[max(1, len(rows) // 3) :]


def _shifted(header: list[str], rows: list[list[str]], luck: Random) -> None:
    at = _optional(header, luck)
    for row in rows:
        row.insert(at, "")
        row.pop()


def _extra(header: list[str], rows: list[list[str]], luck: Random) -> str:
    name = "branch_office" if "branch_office" not in header else f"branch_office_{len(header)}"
    header.append(name)
    for row in rows:
        row.append("north")
    return name


def _rows_again(header: list[str], rows: list[list[str]], luck: Random) -> None:
    rows += [list(row) for row in luck.choices(rows, k=2)] if rows else []


def _units(factor: float) -> Mutation:
    def times(text: str) -> str:
        try:
            return f"{float(text.rstrip('%')) * factor:.6f}"
        except ValueError:
            return text

    def mutate(book: Book, luck: Random) -> None:
        found = book.pick(luck, lambda kind: kind in NUMBERS)
        if found and not found[1].startswith("months_since"):  # 12 months become 1,200, which stand for never
            book.change(luck, *found, times, None)

    return mutate


def _incomes(factor: float) -> Mutation:
    """Multiply all incomes, as where those of a month stand for those of a year."""

    def mutate(book: Book, luck: Random) -> None:
        for table, kinds in book.kinds.items():
            for column in kinds:
                if _is_income(column) and column in book.tables[table][0]:
                    book.change(luck, table, column, lambda text: _multiplied(text, factor), None)

    return mutate


def _is_income(column: str) -> bool:
    return column in {"income", "annual_income"}


def _multiplied(text: str, factor: float) -> str:
    return f"{_size(text) * factor:.2f}" if _size(text) < float("inf") else text


def _no_incomes(book: Book, luck: Random) -> None:
    """Take away all incomes, and with them every ratio to one."""
    for table, kinds in book.kinds.items():
        for column in kinds:
            if _is_income(column) and column in book.tables[table][0]:
                sign = luck.choice(["", *MISSING_SIGNS])
                book.change(luck, table, column, lambda _, sign=sign: sign, None)  # type: ignore[misc]


def _in_years(text: str) -> str:
    months = re.match(r" *([0-9]+)", text)
    return str(int(months[1]) // 12) if months and int(months[1]) >= 12 else text


def _grouped_points(book: Book, luck: Random) -> None:
    """Write 24.000 where 24000 was meant, in a whole column of numbers of four digits and more."""
    found = [
        (table, column)
        for table, kinds in book.kinds.items()
        for column, kind in kinds.items()
        if kind is Kind.NUMBER and (cells := [text for text in book.cells(table, column) if text])
        if all(1_000 <= _size(text) < float("inf") for text in cells)
    ]
    if found:
        book.change(luck, *luck.choice(found), lambda text: f"{round(_size(text)):,}".replace(",", "."), None)


def _far_again(book: Book, luck: Random) -> None:
    """Put one value of nines, twice the largest at least, into every third filled cell of a column of numbers.

    One that other loans may have by themselves cannot be told from theirs.
    """
    found = book.pick(luck, lambda kind: kind in NUMBERS)
    if not found:
        return
    table, column = found
    header, rows = book.tables[table]
    at = header.index(column)
    filled = [row for row in rows if row[at]]
    largest = max((_size(row[at]) for row in filled), default=float("inf"))
    text = next(("9" * digits for digits in range(3, 10) if float("9" * digits) >= 2 * largest), None)
    if text is None or len(filled) < _SEVERAL:
        return
    for row in filled[::3]:
        row[at] = text
        if book.touched is not None:
            book.touched.add(row[header.index(book.key)].strip())
    book.columns |= {column, table}


def _all_as(choose: Callable[[list[str]], str]) -> Mutation:
    """Put one of the column's own texts, or another, into every filled cell of a column of numbers."""

    def mutate(book: Book, luck: Random) -> None:
        if found := book.pick(luck, lambda kind: kind in NUMBERS):
            header, rows = book.tables[found[0]]
            text = choose([row[header.index(found[1])] for row in rows if row[header.index(found[1])]])
            book.change(luck, *found, lambda _: text, None)
            book.constant[found] = text

    return mutate


def _half_blank(book: Book, luck: Random) -> None:
    """Take every other value out of a column that is filled in all rows of a table of several."""
    found = [
        (table, column)
        for table, kinds in book.kinds.items()
        for column in kinds
        if column != book.key and len(cells := book.cells(table, column)) >= _SEVERAL and all(cells)
    ]
    if not found:
        return
    table, column = luck.choice(found)
    header, rows = book.tables[table]
    for row in rows[::2]:
        row[header.index(column)] = ""
        if book.touched is not None:
            book.touched.add(row[header.index(book.key)].strip())
    book.columns |= {column, table}


def _in_seconds(text: str) -> str:
    try:
        return str((date.fromisoformat(text.strip()) - date(1970, 1, 1)).days * 86_400)
    except ValueError:
        return text


def _in_milliseconds(text: str) -> str:
    return f"{_in_seconds(text)}000"


def _size(text: str) -> float:
    try:
        return float(text.rstrip("%"))
    except ValueError:
        return float("inf")


def _shares_for_percents(book: Book, luck: Random) -> None:
    """Write 0.18 where 18 percent was meant, in a whole column."""
    if found := book.pick(luck, lambda kind: kind is Kind.PERCENT):
        book.change(luck, *found, lambda text: f"{_size(text) / 100:.6f}" if _size(text) < float("inf") else text, None)


def _far_apart(low: list[str], high: list[str]) -> bool:
    """Return whether every cell of a column is filled and ten times that of another."""
    least, most = (min(map(_size, high), default=0.0), max(map(_size, low), default=0.0))
    return all(low) and all(high) and least < float("inf") and least >= 10.0 * max(1.0, most)


def _exchanged(book: Book, luck: Random) -> None:
    """Exchange the headers of two columns of numbers in a table, where each is at least ten times the other throughout.

    Two counts that are mostly 0 can be exchanged without a trace on a day of a dozen loans: no check can tell them.
    """
    pairs = [
        (table, one, other)
        for table, kinds in sorted(book.kinds.items())
        for one, kind in sorted(kinds.items())
        for other, also in sorted(kinds.items())
        if kind in NUMBERS and also in NUMBERS and _far_apart(book.cells(table, one), book.cells(table, other))
    ]
    if not pairs:
        return
    table, one, other = luck.choice(pairs)
    header = book.tables[table][0]
    if one in header and other in header:
        at, there = header.index(one), header.index(other)
        header[at], header[there] = other, one
        book.touched = None
        book.columns |= {one, other, table}


def _impossible(low: str, high: str, *texts: str) -> Mutation:
    """Write a pair of values that cannot be together into some rows of a table that has both columns."""

    def mutate(book: Book, luck: Random) -> None:
        for table, (header, rows) in book.tables.items():
            if low in header and high in header and rows:
                for row in luck.sample(rows, min(len(rows), luck.randint(1, 3))):
                    row[header.index(low)], row[header.index(high)] = texts
                    if book.touched is not None:
                        book.touched.add(row[header.index(book.key)].strip())
                book.columns |= {low, high, table}

    return mutate


def _ids(*spell: Callable[[str], str], most: int | None = 3) -> Mutation:
    def mutate(book: Book, luck: Random) -> None:
        change = luck.choice(spell)
        table = luck.choice(sorted(book.tables))
        header, rows = book.tables[table]
        at = header.index(book.key)
        for row in rows if most is None else luck.sample(rows, min(len(rows), most)):
            if book.touched is not None:
                book.touched.add(row[at].strip())
            row[at] = change(row[at])
        book.columns |= {book.key, table}

    return mutate


def _is_text(kind: Kind) -> bool:
    return kind in {Kind.TEXT, Kind.CATEGORY}


SAME: dict[str, Mutation] = {
    "blanks around values": _respelled(lambda kind: True, lambda text: f"  {text}\u00a0"),
    "numbers with a sign": _respelled(
        lambda kind: kind in NUMBERS, lambda text: text if text[0] in "+-" else f"+{text}"
    ),
    "counts with a point": _respelled(
        lambda kind: kind is Kind.COUNT, lambda text: f"{text.removesuffix('.0')}.0", most=None
    ),
    "categories in small letters": _respelled(lambda kind: kind is Kind.CATEGORY, str.lower, most=None),
    "ids with blanks": _ids(lambda text: f" {text} "),
    "an unknown column": _whole_table(_extra),
    "rows that stand twice": _whole_table(_rows_again),
}


def _without_the_months_of(months: str, count: str) -> Mutation:
    """Take away the months since an event from loans that have such events by their count."""

    def mutate(book: Book, luck: Random) -> None:
        for table, (header, rows) in book.tables.items():
            if months not in header or count not in header:
                continue
            at, there = header.index(months), header.index(count)
            for row in rows:
                if row[at] and 0 < _size(row[there]) < float("inf"):
                    row[at] = luck.choice(["", *MISSING_SIGNS])
                    if book.touched is not None:
                        book.touched.add(row[header.index(book.key)].strip())
                    book.columns |= {months, table}

    return mutate


VALUES: dict[str, Mutation] = {
    "signs of a missing value": _blank_some,
    "numbers that are none": _cells(lambda kind: kind in NUMBERS, *NO_NUMBERS),
    "terms and years that are none": _cells(
        lambda kind: kind in {Kind.TERM, Kind.YEARS}, "long", "-3", "9999", "36 weeks"
    ),
    "terms never lent for": _cells(lambda kind: kind is Kind.TERM, "48", "84 months", "12"),
    "dates that are none": _cells(lambda kind: kind is Kind.DATE, *NO_DATES),
    "levels never seen": _cells(lambda kind: kind is Kind.CATEGORY, "XYZZY", "PERSONAL USE", "0"),
    "numbers far out": _cells(lambda kind: kind in NUMBERS, "999999999", "1e8"),
    "ids turned into numbers": _ids(lambda text: "6.84E+07", lambda text: ""),
    "a range upside down": _impossible("fico_low", "fico_high", "760", "700"),
    "debts without an income": _impossible("annual_income", "debt_to_income", "0", "12.5"),
    "ids of other loans": _ids(lambda text: f"{text}9", lambda text: f"0{text}"),
    "months of a counted delinquency blank": _without_the_months_of(
        "months_since_delinquency", "delinquencies_2y_count"
    ),
    "months of a counted record blank": _without_the_months_of("months_since_record", "public_records_count"),
}
COLUMNS: dict[str, Mutation] = {
    "a renamed column": _whole_table(_rename),
    "a dropped column": _whole_table(_drop),
    "an empty column": _whole_table(_fill("")),
    "a column of signs of missing": _whole_table(_fill(*MISSING_SIGNS)),
    "a column of rubbish": _whole_table(_fill(*RUBBISH)),
    "a header only": _whole_table(_header_only),
    "a third of the rows": _whole_table(_a_third),
    "columns shifted by one": _whole_table(_shifted),
    "a hundred times too large": _units(100.0),
    "a thousand times too small": _units(0.001),
    "all zero": _all_as(lambda texts: "0"),
    "all the smallest": _all_as(lambda texts: min(texts, key=_size)),
    "all the largest": _all_as(lambda texts: max(texts, key=_size)),
    "shares for percents": _shares_for_percents,
    "ids as floats": _ids(lambda text: f"{text}.0" if text.isdigit() else text, most=None),
    "decimal commas": _respelled(lambda kind: kind in NUMBERS, lambda text: text.replace(".", ","), most=None),
    "levels all new": _cells(lambda kind: kind is Kind.CATEGORY, "XYZZY", most=None),
    "levels spelled anew": _respelled(
        lambda kind: kind is Kind.CATEGORY,
        lambda text: f"{text}/other",
        lambda text: f"{len(text)}{text[:1]}",
        most=None,
    ),
    "half of a column blank": _half_blank,
    "terms in years": _respelled(lambda kind: kind is Kind.TERM, _in_years, most=None),
    "incomes of a month": _incomes(1 / 12),
    "incomes of twelve years": _incomes(12.0),
    "no incomes": _no_incomes,
    "points between thousands": _grouped_points,
    "a far value again and again": _far_again,
    "another term for all": _cells(lambda kind: kind is Kind.TERM, "48 months", "120", most=None),
    "two columns exchanged": _exchanged,
    "dates counted since 1970": _respelled(lambda kind: kind is Kind.DATE, _in_seconds, _in_milliseconds, most=None),
}
ALL: dict[str, Mutation] = {**SAME, **VALUES, **COLUMNS}

"""Mutations that change cells of a column: some of them, every other one, or all."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.robustness.fuzz.books.book import NUMBERS, Book, Mutation, size

from p2pcredit.contracts.columns import Kind

MISSING_SIGNS = ("NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None", "-", "\\N", ".")
_SEVERAL = 8


def blank_some(book: Book, luck: Random) -> None:
    """Put signs of a missing value into cells that may be missing."""
    cells(lambda kind: kind is not Kind.TEXT, *MISSING_SIGNS)(book, luck)
    book.blanked = True


def cells(wanted: Callable[[Kind], bool], *texts: str, most: int | None = 3) -> Mutation:
    def mutate(book: Book, luck: Random) -> None:
        if found := book.pick(luck, wanted):
            book.change(luck, *found, lambda _: luck.choice(texts), most)

    return mutate


def respelled(wanted: Callable[[Kind], bool], *spell: Callable[[str], str], most: int | None = 3) -> Mutation:
    def mutate(book: Book, luck: Random) -> None:
        if found := book.pick(luck, wanted):
            book.change(luck, *found, luck.choice(spell), most)

    return mutate


def impossible(low: str, high: str, *texts: str) -> Mutation:
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


def without_months_of(months: str, count: str) -> Mutation:
    """Take away the months since an event from loans that have such events by their count."""

    def mutate(book: Book, luck: Random) -> None:
        for table, (header, rows) in book.tables.items():
            if months not in header or count not in header:
                continue
            at, there = header.index(months), header.index(count)
            for row in rows:
                if row[at] and 0 < size(row[there]) < float("inf"):
                    row[at] = luck.choice(["", *MISSING_SIGNS])
                    if book.touched is not None:
                        book.touched.add(row[header.index(book.key)].strip())
                    book.columns |= {months, table}

    return mutate


def far_again(book: Book, luck: Random) -> None:
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
    largest = max((size(row[at]) for row in filled), default=float("inf"))
    text = next(("9" * digits for digits in range(3, 10) if float("9" * digits) >= 2 * largest), None)
    if text is None or len(filled) < _SEVERAL:
        return
    for row in filled[::3]:
        row[at] = text
        if book.touched is not None:
            book.touched.add(row[header.index(book.key)].strip())
    book.columns |= {column, table}


def half_blank(book: Book, luck: Random) -> None:
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


def ids(*spell: Callable[[str], str], most: int | None = 3) -> Mutation:
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

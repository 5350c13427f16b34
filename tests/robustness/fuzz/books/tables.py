"""Mutations of a whole table: its header, its columns, its rows."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from tests.robustness.fuzz.books.book import NUMBERS, Book, Mutation, size


def whole_table(change: Callable[[list[str], list[list[str]], Random], str | None]) -> Mutation:
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


def rename(header: list[str], rows: list[list[str]], luck: Random) -> str:
    at = _optional(header, luck)
    old = header[at]
    renamed = [old[:-1], old.replace("_", ""), f"{old}_2", old.upper(), f"new_{old}", old.replace("a", "")]
    header[at] = luck.choice([name for name in renamed if name != old])
    return old


def drop(header: list[str], rows: list[list[str]], luck: Random) -> str:
    at = _optional(header, luck)
    old = header[at]
    for row in [header, *rows]:
        del row[at]
    return old


def fill(*texts: str) -> Callable[[list[str], list[list[str]], Random], str]:
    def change(header: list[str], rows: list[list[str]], luck: Random) -> str:
        at, text = _optional(header, luck), luck.choice(texts)
        for row in rows:
            row[at] = text
        return header[at]

    return change


def header_only(header: list[str], rows: list[list[str]], luck: Random) -> None:
    rows.clear()


def a_third(header: list[str], rows: list[list[str]], luck: Random) -> None:
    del rows[max(1, len(rows) // 3) :]


def shifted(header: list[str], rows: list[list[str]], luck: Random) -> None:
    at = _optional(header, luck)
    for row in rows:
        row.insert(at, "")
        row.pop()


def extra(header: list[str], rows: list[list[str]], luck: Random) -> str:
    name = "branch_office" if "branch_office" not in header else f"branch_office_{len(header)}"
    header.append(name)
    for row in rows:
        row.append("north")
    return name


def rows_again(header: list[str], rows: list[list[str]], luck: Random) -> None:
    rows += [list(row) for row in luck.choices(rows, k=2)] if rows else []


def _far_apart(low: list[str], high: list[str]) -> bool:
    """Return whether every cell of a column is filled and ten times that of another."""
    least, most = (min(map(size, high), default=0.0), max(map(size, low), default=0.0))
    return all(low) and all(high) and least < float("inf") and least >= 10.0 * max(1.0, most)


def exchanged(book: Book, luck: Random) -> None:
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

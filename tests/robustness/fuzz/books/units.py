"""Mutations of the numbers of a whole column: other units, other signs, one value for all."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from random import Random

from tests.robustness.fuzz.books.book import NUMBERS, Book, Mutation, size
from tests.robustness.fuzz.books.cells import MISSING_SIGNS

from p2pcredit.contracts.columns import Kind


def units(factor: float) -> Mutation:
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


def incomes(factor: float) -> Mutation:
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
    return f"{size(text) * factor:.2f}" if size(text) < float("inf") else text


def no_incomes(book: Book, luck: Random) -> None:
    """Take away all incomes, and with them every ratio to one."""
    for table, kinds in book.kinds.items():
        for column in kinds:
            if _is_income(column) and column in book.tables[table][0]:
                sign = luck.choice(["", *MISSING_SIGNS])
                book.change(luck, table, column, lambda _, sign=sign: sign, None)  # type: ignore[misc]


def grouped_points(book: Book, luck: Random) -> None:
    """Write 24.000 where 24000 was meant, in a whole column of numbers of four digits and more."""
    found = [
        (table, column)
        for table, kinds in book.kinds.items()
        for column, kind in kinds.items()
        if kind is Kind.NUMBER and (cells := [text for text in book.cells(table, column) if text])
        if all(1_000 <= size(text) < float("inf") for text in cells)
    ]
    if found:
        book.change(luck, *luck.choice(found), lambda text: f"{round(size(text)):,}".replace(",", "."), None)


def all_as(choose: Callable[[list[str]], str]) -> Mutation:
    """Put one of the column's own texts, or another, into every filled cell of a column of numbers."""

    def mutate(book: Book, luck: Random) -> None:
        if found := book.pick(luck, lambda kind: kind in NUMBERS):
            header, rows = book.tables[found[0]]
            text = choose([row[header.index(found[1])] for row in rows if row[header.index(found[1])]])
            book.change(luck, *found, lambda _: text, None)
            book.constant[found] = text

    return mutate


def shares_for_percents(book: Book, luck: Random) -> None:
    """Write 0.18 where 18 percent was meant, in a whole column."""
    if found := book.pick(luck, lambda kind: kind is Kind.PERCENT):
        book.change(luck, *found, lambda text: f"{size(text) / 100:.6f}" if size(text) < float("inf") else text, None)


def in_years(text: str) -> str:
    months = re.match(r" *([0-9]+)", text)
    return str(int(months[1]) // 12) if months and int(months[1]) >= 12 else text


def in_seconds(text: str) -> str:
    try:
        return str((date.fromisoformat(text.strip()) - date(1970, 1, 1)).days * 86_400)
    except ValueError:
        return text


def in_milliseconds(text: str) -> str:
    return f"{in_seconds(text)}000"

"""A book of loans as tables of texts, to be mutated, and what a mutation touched of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random
from types import MappingProxyType

from p2pcredit.contracts.columns import Kind

NUMBERS = frozenset({Kind.NUMBER, Kind.COUNT, Kind.PERCENT})
_WORD = "[a-z0-9_]+"


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


def size(text: str) -> float:
    try:
        return float(text.rstrip("%"))
    except ValueError:
        return float("inf")

"""One row that transforms take for a table: it notes what they do with its columns, and asks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from p2pcredit.engines.rows.program import RowProgram, Slot


@dataclass(frozen=True)
class RowFrame:
    """The columns of a row, with the methods of a table that the transforms of applications use.

    Args:
        program: Where operations are noted.
        columns: Name -> where its value is.
        kept: Where it is said that the row passed all filters; True has passed. None where there was no filter.
    """

    program: RowProgram
    columns: Mapping[str, Slot] = field(repr=False)
    kept: Slot | None = None

    def with_columns(self, *expressions: Any) -> RowFrame:
        """Add columns."""
        return self._with({**self.columns, **self._named(expressions)})

    def select(self, *expressions: Any) -> RowFrame:
        """Keep these columns and no others."""
        return self._with(self._named(expressions))

    def drop(self, *names: str) -> RowFrame:
        """Leave columns out."""
        return self._with({name: slot for name, slot in self.columns.items() if name not in names})

    def filter(self, predicate: Any) -> RowFrame:
        """Note what the row must be to be kept. Later filters of one frame are not needed by any transform.

        Raises:
            NotImplementedError: If there was a filter before.
        """
        if self.kept is not None:
            raise NotImplementedError("a second filter of a row")
        return RowFrame(self.program, self.columns, self.program.add(predicate, self.columns)[1])

    def join(self, other: RowFrame, *, on: list[str], how: str) -> RowFrame:
        """Put the columns of the same row beside these.

        Raises:
            NotImplementedError: If it is no left join.
        """
        if how != "left":
            raise NotImplementedError(f"a {how} join of a row")
        return self._with({**{name: slot for name, slot in other.columns.items() if name not in on}, **self.columns})

    def _with(self, columns: Mapping[str, Slot]) -> RowFrame:
        return RowFrame(self.program, columns, self.kept)

    def _named(self, expressions: Iterable[Any]) -> dict[str, Slot]:
        found: dict[str, Slot] = {}
        for one in expressions:
            if isinstance(one, str):
                found[one] = self.columns[one]
            elif hasattr(one, "_nodes"):
                name, slot = self.program.add(one, self.columns)
                found[name] = slot
            else:
                found |= self._named(one)
        return found


__all__ = ["RowFrame"]

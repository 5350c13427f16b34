"""What every engine offers to the jobs: frames of the lake's rows, work on them, and how much came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, Protocol

import narwhals as nw
import polars as pl

RowFunction = Callable[[pl.DataFrame], pl.DataFrame]
"""What is made of rows, of each for itself none or more: any cut of the rows into parts gives the same."""


class Rows(Protocol):
    """Rows that an engine has made, wherever they lie."""

    @property
    def height(self) -> int:
        """How many rows."""
        ...

    def lazy(self) -> nw.LazyFrame[Any]:
        """The rows as transforms take them."""
        ...

    def per_day(self) -> dict[date, int]:
        """How many rows of each snapshot date that has any."""
        ...

    def counts(self, *columns: str) -> dict[tuple[str | None, ...], int]:
        """How many rows of each combination of texts in these columns that occurs."""
        ...

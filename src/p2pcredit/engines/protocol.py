"""The one protocol of an engine: what runs the transforms over the lake's tables, and the heavy pieces of a fit.

A third engine is one class that implements `Engine`, and one name in `p2pcredit.engines.registry`. What it works with
stands here too: `Tables` is what it is given of the lake, `Rows` what it gives back, and
`p2pcredit.models.fitting.backend.FitBackend` what grows trees and counts values in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import narwhals as nw
import polars as pl

from p2pcredit.contracts.tables import Table
from p2pcredit.periods import DateRange
from p2pcredit.settings import Settings

if TYPE_CHECKING:  # it brings XGBoost, which a transform does without
    from p2pcredit.models.fitting.backend import FitBackend

RowFunction = Callable[[pl.DataFrame], pl.DataFrame]
"""What is made of rows, of each for itself none or more: any cut of the rows into parts gives the same."""

Writer = Callable[[Sequence[str], Path], bool]
"""Given the active files that may hold rows of the days, writes what stands in their place below a directory, one
directory `<month>=YYYY-MM` for each month; False, and nothing written, where the rows are there already."""


class Rows(Protocol):
    """Rows that an engine has made, wherever they lie."""

    @property
    def height(self) -> int:
        """The number of rows."""
        ...

    def lazy(self) -> nw.LazyFrame[Any]:
        """Return the rows as transforms take them."""
        ...

    def per_day(self) -> dict[date, int]:
        """Count the rows of each snapshot date that has any."""
        ...

    def counts(self, *columns: str) -> dict[tuple[str | None, ...], int]:
        """Count the rows of each combination of texts in these columns that occurs."""
        ...


class Tables(Protocol):
    """The tables of a lake, as an engine is given them: as frames, or as files that it reads and writes itself."""

    @property
    def month(self) -> str:
        """The column that parts the files of a table."""
        ...

    def frame(self, table: Table, days: DateRange) -> nw.LazyFrame[Any]:
        """Return the table's rows of these days, on Polars."""
        ...

    def read(self, table: Table, days: DateRange) -> pl.DataFrame:
        """Return the same rows in memory."""
        ...

    def replace(self, table: Table, frame: pl.DataFrame, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly these, in one commit; False where they were there already."""
        ...

    def paths(self, table: Table, days: DateRange) -> list[str]:
        """List the files that may hold rows of these days."""
        ...

    def replace_with_files(self, table: Table, days: DateRange, write: Writer) -> bool:
        """Put files that the engine writes in the place of those that hold rows of `days`, in one commit."""
        ...


class Engine(Protocol):
    """Runs transforms over the tables of a lake, and the heavy pieces of a fit.

    Subclass it: what has a body here is a default.
    """

    name: ClassVar[str]
    """As settings and cards name it: the name under which it is registered."""

    rows_together: ClassVar[int | None] = None
    """How many rows a long job should ask for at a time, because they are held in memory; None for any number."""

    fits_need_disk: ClassVar[bool] = False
    """Whether the loans of a fit are handed over as files in the directory given to `fit_backend`."""

    def __init__(self, settings: Settings, tables: Tables) -> None:
        """Work on these tables by these settings."""
        ...

    @classmethod
    def require(cls, settings: Settings) -> None:
        """Check that it can run here, before anything is held or read.

        Raises:
            MissingExtraError: If a library that it needs is not installed.
            SettingsError: If it cannot start as the settings say.
        """

    @classmethod
    def require_for_fits(cls, settings: Settings) -> None:
        """Check that it can run here and fit as the settings ask.

        Raises:
            MissingExtraError, SettingsError: As `require`.
            SettingsError: If `training.device` is none that it grows trees on.
        """
        cls.require(settings)

    @classmethod
    def fit_backend(cls, settings: Settings, directory: Path) -> AbstractContextManager[FitBackend]:
        """Give what grows trees and counts values; `directory` is its own and is removed afterwards."""
        ...

    @classmethod
    def as_fitted(cls, settings: Settings, about: Mapping[str, Any]) -> Settings:
        """Give the settings by which it fits as `FitBackend.about` says on a card, wherever it runs today."""
        return settings

    def frame(self, table: Table, days: DateRange, columns: Sequence[str] | None = None) -> nw.LazyFrame[Any]:
        """Return the table's rows of these days, as transforms take them; all columns or only those named."""
        ...

    def read(self, table: Table, days: DateRange) -> Rows:
        """Return the same rows, to be counted too."""
        ...

    def run(self, *frames: nw.LazyFrame[Any]) -> Sequence[Rows]:
        """Make the rows of these frames."""
        ...

    def read_once(self, *frames: nw.LazyFrame[Any]) -> Sequence[nw.LazyFrame[Any]]:
        """Return the same frames for work that asks for each of them many times: read before, where that is quicker."""
        return frames

    def mapped(self, frame: nw.LazyFrame[Any], function: RowFunction, table: Table) -> Rows:
        """Apply the function to the frame's rows; its result has the columns of the table."""
        ...

    def replace(self, table: Table, rows: Rows, days: DateRange, *, feed: str | None = None) -> bool:
        """Make the rows of `days` exactly these, in one commit; False where they were there already."""
        ...

"""A raw download in Parquet as the texts that a profile reads: what its types say, written plainly."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from p2pcredit.errors import HeaderError
from p2pcredit.readers.csv.reader import DelimitedText, FindHeader, twice_named
from p2pcredit.readers.parquet_checks import holds_no_text, reading_parquet, refuse_parquet_bomb, without_text

ROWS_TOGETHER = 1 << 16
_WHOLE_BELOW = 1e15
"""Floats below are whole numbers to the last digit."""


@dataclass(frozen=True, slots=True)
class ParquetDownload:
    """A Parquet file whose columns were found to be a platform's. Open it with `open_parquet`.

    Args:
        path: The file.
        header: Its column names.
        columns: The columns wanted, in the order of the file.
        numbers: Those of them that hold numbers, no texts.
        short_floats: Those of them that hold floats of 16 or 32 bits, which keep 3 or 7 digits.
    """

    path: Path
    header: tuple[str, ...]
    columns: tuple[str, ...]
    numbers: frozenset[str]
    short_floats: frozenset[str] = frozenset()

    def batches(self, *, exact: bool = False, in_two_threads: bool = False) -> Iterator[DelimitedText]:
        """Yield rows batch by batch. All arguments are for files of another kind.

        Raises:
            UnreadableFileError: Damaged or cut off.
        """
        del exact, in_two_threads
        seen = 0
        with _opened(self.path) as file:
            for batch in file.iter_batches(ROWS_TOGETHER, columns=list(self.columns), use_threads=False):
                batch.validate(full=True)  # neither reader looks whether a text of a damaged file is UTF-8
                numbers = pl.Series("row_number", np.arange(seen + 1, seen + len(batch) + 1), dtype=pl.Int64)
                typed = _frame(batch)
                rows = typed.select(_as_text(name, dtype) for name, dtype in typed.schema.items())
                seen += len(batch)
                yield DelimitedText(self.header, rows.select(numbers, pl.all()), ())

    def empty(self) -> DelimitedText:
        """Describe the file without its rows."""
        schema = {"row_number": pl.Int64(), **dict.fromkeys(self.columns, pl.String())}
        return DelimitedText(self.header, pl.DataFrame(schema=schema), ())


def open_parquet(path: Path, find_header: FindHeader, columns: Iterable[str] | None = None) -> ParquetDownload:
    """List the columns of a Parquet file.

    Args:
        path: The file.
        find_header: Says whether these are the columns of the platform.
        columns: The columns wanted; None for all that hold one text or number a row.

    Raises:
        UnreadableFileError: Damaged or cut off, or packed as no loan data is.
        HeaderError: Not the platform's columns, one of them twice, or a wanted one whose values have no one text.
    """
    with _opened(path) as file:
        schema = file.schema_arrow
    header = tuple(schema.names)
    find_header([header])
    wanted = set(header if columns is None else columns)
    twice = twice_named(name for name in header if name in wanted)
    if twice is not None:
        raise HeaderError(f"{path}: the column '{twice}' stands twice; name each column once")
    untold = {name for name in wanted & set(header) if not _has_text(schema.field(name).type)}
    if untold and columns is not None:
        raise without_text(path, schema.field(min(untold)))
    kept = tuple(name for name in header if name in wanted - untold)
    numbers = frozenset(name for name in kept if _is_number(schema.field(name).type))
    short = frozenset(name for name in numbers if schema.field(name).type in {pa.float16(), pa.float32()})
    return ParquetDownload(path, header, kept, numbers, short)


def _is_number(kind: Any) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _has_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        return _has_text(kind.value_type)
    blob = pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)
    return not (holds_no_text(kind) or blob or pa.types.is_binary_view(kind))


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with reading_parquet(path, "download it again"), path.open("rb") as stream:
        file = pq.ParquetFile(stream)
        refuse_parquet_bomb(path, file.metadata, os.fstat(stream.fileno()).st_size)
        yield file


def _frame(batch: Any) -> pl.DataFrame:
    found = pl.from_arrow(batch)
    return found if isinstance(found, pl.DataFrame) else found.to_frame()


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """Write the values of a column as texts, as a CSV file would hold them; blanks and NaN are missing."""
    column = pl.col(name)
    text = column.cast(pl.String)
    if dtype.is_float():
        whole = (column == column.floor()) & (column.abs() < _WHOLE_BELOW)  # an id, say, of a column with gaps
        plain = pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(text)
        return pl.when(column.is_not_nan()).then(plain).alias(name)
    return pl.when(text.str.strip_chars() != "").then(text).alias(name)


__all__ = ["ParquetDownload", "open_parquet"]

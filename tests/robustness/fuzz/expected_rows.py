"""Which rows does a landing file promise, read without any code of the product?"""

from __future__ import annotations

import datetime as dt
import gzip
import io
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tests.robustness.fuzz.record_reader import fields_alone, records_of


class Row(NamedTuple):
    """A row: its number, its texts by column (None: unknown), and its raw text if it fits no header."""

    number: int
    texts: dict[str, str | None]
    misfit: str | None
    uncertain: frozenset[str] = frozenset()


def rows_of_csv(data: bytes, sources: Sequence[str]) -> list[Row]:
    """Read the rows of a CSV file, plain or gzip; fails where its bytes are damaged or no UTF-8."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    while data.startswith(b"\xef\xbb\xbf"):  # programs that join files leave more than one
        data = data.removeprefix(b"\xef\xbb\xbf")
    text = data.decode("utf-8")
    line, _, body = text.partition("\n")
    header = [name.strip() for name in fields_alone(line.rstrip("\r"))]
    rows = []
    for number, (fields, raw) in enumerate(records_of(body, len(header)), start=1):
        if len(fields) == len(header):
            texts: dict[str, str | None] = {
                name: value for name, value in zip(header, fields, strict=True) if name in sources
            }
            rows.append(Row(number, texts, None))
        else:
            rows.append(Row(number, {}, raw))
    return rows


def rows_of_parquet(data: bytes, sources: Sequence[str]) -> list[Row]:
    """Read the rows of a Parquet file; a value that is no text, number or date is left uncertain."""
    table = pq.read_table(io.BytesIO(data))
    rows = []
    small = {field.name for field in table.schema if pa.types.is_float32(field.type)}
    for number, record in enumerate(table.to_pylist(), start=1):
        own = {name: value for name, value in record.items() if name in sources}
        own |= {name: str(np.float32(own[name])) for name in small & set(own) if own[name] is not None}
        plain = {
            name: _text(value) for name, value in own.items() if isinstance(value, str | int | float | None | dt.date)
        }
        plain = {name: text for name, text in plain.items() if not isinstance(own[name], dt.datetime)}
        rows.append(Row(number, plain, None, frozenset(set(own) - set(plain))))
    return rows


def _text(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    return None if value is None else str(value)

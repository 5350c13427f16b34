"""What can befall a Parquet file: other types, other layouts, and the bytes themselves."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tests.robustness.fuzz.byte_mutations import cut, flip


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


_TYPES: dict[str, Callable[[list[str]], pa.Array]] = {
    "text": lambda texts: pa.array(texts, pa.large_string()),
    "categories": lambda texts: pa.array(texts).dictionary_encode(),
    "bytes": lambda texts: pa.array([text.encode("utf-8", "replace") for text in texts], pa.binary()),
    "latin-1 bytes": lambda texts: pa.array(
        [text.encode("latin-1", "replace") + b"\xe9" for text in texts], pa.binary()
    ),
    "whole numbers": lambda texts: pa.array([None if (n := _number(t)) is None else int(min(n, 9e15)) for t in texts]),
    "floats": lambda texts: pa.array([_number(text) for text in texts], pa.float64()),
    "small floats": lambda texts: pa.array([_number(text) for text in texts], pa.float32()),
    "not numbers": lambda texts: pa.array([float("nan"), *[float("inf")] * len(texts)][: len(texts)], pa.float64()),
    "decimals": lambda texts: pa.array([Decimal(len(text)) / 4 for text in texts], pa.decimal128(20, 6)),
    "booleans": lambda texts: pa.array([len(text) % 2 == 0 for text in texts], pa.bool_()),
    "dates": lambda texts: pa.array([_date(text) for text in texts], pa.date32()),
    "instants": lambda texts: pa.array([dt.datetime(2010, 1, 1)] * len(texts), pa.timestamp("us", tz="UTC")),
    "times": lambda texts: pa.array([dt.time(1, 2)] * len(texts), pa.time64("us")),
    "durations": lambda texts: pa.array([dt.timedelta(1)] * len(texts), pa.duration("us")),
    "nulls": lambda texts: pa.nulls(len(texts)),
    "lists": lambda texts: pa.array([[text] for text in texts], pa.list_(pa.string())),
    "records": lambda texts: pa.array([{"a": text} for text in texts], pa.struct([("a", pa.string())])),
}

_LAYOUTS: dict[str, dict[str, Any]] = {
    "small row groups": {"row_group_size": 1},
    "snappy": {"compression": "snappy"},
    "brotli": {"compression": "brotli"},
    "no compression": {"compression": "none"},
    "format 1.0": {"version": "1.0"},
    "second data pages": {"data_page_version": "2.0"},
    "no statistics": {"write_statistics": False},
    "no dictionary": {"use_dictionary": False},
    "page checksums": {"write_page_checksum": True},
}

PARQUET_TYPES = tuple(f"column of {name}" for name in _TYPES)
PARQUET_LAYOUTS = tuple(_LAYOUTS)
PARQUET_BYTES: dict[str, Callable[[bytes, Random], bytes]] = {
    "cut Parquet": cut,
    "cut Parquet footer": lambda data, luck: data[: -luck.randint(1, min(len(data), 400))],
    "flipped bytes in Parquet": flip,
    "flipped byte in the Parquet footer": lambda data, luck: data[:-200] + flip(data[-200:], luck),
    "a zeroed piece of Parquet": lambda data, luck: (
        data[: (at := luck.randrange(len(data)))] + bytes(20) + data[at + 20 :]
    ),
    "nothing in Parquet": lambda data, luck: b"",
    "CSV named Parquet": lambda data, luck: b"loan_id,origination_date,loan_amount,term\n",
}


def parquet_of(header: list[str], rows: list[list[str]], names: list[str], luck: Random) -> bytes:
    """Write a Parquet file of these texts with columns of the types, and the layout, that `names` say."""
    wide = [row[: len(header)] + [""] * (len(header) - len(row)) for row in rows]
    columns = [[row[at] for row in wide] for at in range(len(header))]
    arrays = [pa.array([text or None for text in texts], pa.string()) for texts in columns]
    options: dict[str, Any] = {}
    for name in names:
        if name in PARQUET_TYPES:
            for at in luck.sample(range(len(header)), min(len(header), luck.randint(1, 2))):
                arrays[at] = _TYPES[name.removeprefix("column of ")](columns[at])
        options |= _LAYOUTS.get(name, {})
    out = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=header), out, **options)
    return out.getvalue()


__all__ = ["PARQUET_BYTES", "PARQUET_LAYOUTS", "PARQUET_TYPES", "parquet_of"]

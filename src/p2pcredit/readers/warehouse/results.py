"""The rows of a query on their way to the disk: batch by batch into a Parquet file, with a digest of what they say."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from p2pcredit.errors import SourceError
from p2pcredit.readers.parquet_checks import holds_no_text
from p2pcredit.readers.warehouse.addresses import WarehouseQuery
from p2pcredit.readers.warehouse.drivers import connected, refused_query

logger = logging.getLogger("p2pcredit")
_WHOLE_DIGITS = 15
"""Digits before the point that a number of 64 bits keeps."""
_MOST_PRECISION = 38
_TYPMOD_OFFSET = 4
_CAST_DAY = "make a day of it in the query, (COLUMN AT TIME ZONE 'Europe/Berlin')::date"
_CAST_NUMBER = "make a number of it in the query, COLUMN::numeric(18, 2)"
_CAST_TEXT = "make one text or number of it in the query, or leave it out"


@dataclass(frozen=True, slots=True)
class FetchedResult:
    """The result of a query, as a file.

    Args:
        path: Where its rows stand, in Parquet; its name is that of the query.
        query: What was asked.
        digest: SHA-256 of the names of the columns and of all rows in their order, written as CSV.
        rows: How many there are.
    """

    path: Path
    query: WarehouseQuery
    digest: str
    rows: int


def fetch(
    queries: Sequence[WarehouseQuery],
    directory: Path,
    progress: Callable[[int], None] = lambda rows: None,
    most_rows: int | None = None,
) -> list[FetchedResult]:
    """Ask databases, and write each result to a file. A batch of it is in memory at a time.

    Queries of one address are asked in one transaction that changes nothing, of one instant where the database can.

    Args:
        queries: What to ask.
        directory: Where the files go.
        progress: Called with the number of rows that came so far.
        most_rows: Where no more are needed.

    Raises:
        MissingExtraError, ServiceError, SourceError: As `connected`; or a query cannot be run, or gives no rows.
    """
    found: dict[str, FetchedResult] = {}
    for address in dict.fromkeys(query.address for query in queries):
        with connected(address) as connection:
            for query in (one for one in queries if one.address == address):
                found[query.name] = _fetched(connection, query, directory / query.name, progress, most_rows)
    return [found[query.name] for query in queries]


def _fetched(
    connection: Any, query: WarehouseQuery, path: Path, progress: Callable[[int], None], most_rows: int | None
) -> FetchedResult:
    digest, rows = hashlib.sha256(), 0
    batches = _batches(connection, query)
    schema = next(batches)
    columns, left = _columns(query, schema)
    try:
        names = [column.name for column in columns]
        if not names:
            raise SourceError(f"{query.name}: the query gives no columns; write one that does, SELECT ... FROM ...")
        digest.update((",".join(map(repr, names)) + "\n").encode())
        kinds = pa.schema([(column.name, column.kind) for column in columns])
        with pq.ParquetWriter(path, kinds, compression="lz4", use_dictionary=False) as writer:
            for batch in batches:
                arrays = [column.made(batch.column(column.place)) for column in columns]
                table = pa.Table.from_arrays([pa.chunked_array([one]) for one in arrays], schema=kinds)
                if most_rows is not None:
                    table = table.slice(0, most_rows - rows)
                if not table.num_rows:
                    continue
                digest.update(_as_csv(table))
                writer.write_table(table)
                rows += table.num_rows
                progress(rows)
                if rows == most_rows:
                    break
    except OSError as error:
        reason = error.strerror or error
        raise SourceError(
            f"{query.name}: the rows cannot be kept ({reason}); free some temporary space, or set TMPDIR"
        ) from error
    finally:
        batches.close()
    if not rows:
        raise SourceError(f"{query.name}: {query.address.shown} gives no rows for the query; check its conditions")
    for one in left:
        logger.warning("%s: the column %s; it is left out", query.name, one)
    return FetchedResult(path, query, digest.hexdigest(), rows)


def _batches(connection: Any, query: WarehouseQuery) -> Generator[Any, None, None]:
    """Yield the schema of a result and then its batches; the errors of the database are worded."""
    wording = None
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"{query.text}\n")  # so that a remark at its end hides nothing of what the driver adds
            reader = cursor.fetch_record_batch()
            yield reader.schema
            yield from reader
        except (GeneratorExit, KeyboardInterrupt):
            raise
        except Exception as error:
            wording = refused_query(query.address, query.name, error)
    if wording is not None:  # outside the handler: the error of the driver may hold the address
        raise wording


@dataclass(frozen=True, slots=True)
class _Column:
    place: int
    name: str
    kind: Any
    made: Callable[[Any], Any]


def _columns(query: WarehouseQuery, schema: Any) -> tuple[list[_Column], list[str]]:
    """Choose the columns whose values are one text, number or day; say of the others what to write."""
    found, left = list[_Column](), list[str]()
    for place, field in enumerate(schema):
        kind = field.type
        made: Callable[[Any], Any] = _as_it_is
        said = (field.metadata or {}).get(b"POSTGRESQL:type", b"").decode()
        storage = getattr(kind, "storage_type", kind)
        if said == "numeric":
            kind, made = _numeric(query, field)
        elif str(getattr(kind, "extension_name", "")) == "arrow.uuid":
            kind, made = pa.string(), _uuid_texts
        elif storage is not kind:
            kind, made = storage, _storage
        if said == "money":
            left.append(f"{field.name} ({said}): {_CAST_NUMBER}")
        elif pa.types.is_timestamp(kind) and kind.tz is not None:
            left.append(f"{field.name} ({said or kind}): {_CAST_DAY}")
        elif holds_no_text(kind) or pa.types.is_interval(kind) or _is_binary(kind):
            left.append(f"{field.name} ({said or kind}): {_CAST_TEXT}")
        else:
            found.append(_Column(place, field.name, kind, made))
    return found, left


def _is_binary(kind: Any) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _as_it_is(array: Any) -> Any:
    return array


def _storage(array: Any) -> Any:
    return array.storage


def _uuid_texts(array: Any) -> Any:
    digits = pl.Series("u", array.storage.cast(pa.binary()).to_pylist(), dtype=pl.Binary).bin.encode("hex")
    cuts = ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
    parts = pl.DataFrame({"u": digits}).select(
        pl.concat_str([pl.col("u").str.slice(start, length) for start, length in cuts], separator="-")
    )
    return parts.to_series().to_arrow().cast(pa.string())


def _numeric(query: WarehouseQuery, field: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Read PostgreSQL's numeric, which comes as text: with the digits it is declared with, else as 64 bits."""
    declared = int(field.metadata.get(b"POSTGRESQL:typmod", b"-1"))
    precision, scale = (declared - _TYPMOD_OFFSET) >> 16 & 0xFFFF, (declared - _TYPMOD_OFFSET) & 0x7FF
    if declared >= 0 and precision <= _MOST_PRECISION and scale <= precision:
        kind = pa.decimal128(precision, scale)
        return kind, lambda array: pc.cast(_finite(array), kind)

    def as_floats(array: Any) -> Any:
        text = _finite(array)
        longest = pc.max(pc.utf8_length(pc.replace_substring_regex(text, r"^-|\..*$", ""))).as_py()
        if longest is not None and longest > _WHOLE_DIGITS:
            raise SourceError(
                f"{query.name}: numbers of the column {field.name} have {longest} digits, more than are kept; say how "
                f"many it has, {field.name}::numeric({longest}, 0), or make a text of it, {field.name}::text"
            )
        return pc.cast(text, pa.float64())

    return pa.float64(), as_floats


def _finite(array: Any) -> Any:
    """Take the texts of numbers; what is no number (NaN, Infinity) is missing."""
    text = array.storage if hasattr(array, "storage") else array
    return pc.if_else(pc.match_substring_regex(text, r"^-?[0-9]"), text, pa.scalar(None, text.type))


def _as_csv(table: Any) -> bytes:
    """Write rows as CSV; a blank text differs from a missing one."""
    target = io.BytesIO()
    pa_csv.write_csv(table, target, pa_csv.WriteOptions(include_header=False))
    return target.getvalue()


__all__ = ["FetchedResult", "fetch"]

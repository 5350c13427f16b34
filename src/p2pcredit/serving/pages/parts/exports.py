"""Rows of a view as a file, CSV for people and Parquet for machines."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import IO

import polars as pl
from starlette.background import BackgroundTask
from starlette.responses import Response, StreamingResponse

from p2pcredit.errors import UsageError
from p2pcredit.jobs.home.export import plain_for_csv
from p2pcredit.names import no_such
from p2pcredit.serving.pages.parts.tables import Asked, filtered, in_order

_TYPES = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_BLOCK = 1 << 20


def answer_export(frame: pl.LazyFrame, asked: Asked, form: str, name: str) -> Response:
    """Send all rows of a view, those of other pages too, in the order of the view where that was asked for.

    The file is whole on the disk, under no name, before its first byte leaves: a row that cannot be read ends the
    request, and no reader gets half a file that looks like a whole one.

    Args:
        frame: The table.
        asked: Filters and order.
        form: `csv` or `parquet`.
        name: Of the file, without its suffix.

    Raises:
        UsageError: If the format is another, or a filter asks what none may ask.
    """
    if form not in _TYPES:
        raise UsageError(no_such("format", form, tuple(_TYPES)))
    schema = dict(frame.collect_schema())
    rows = in_order(filtered(frame, asked.filters, schema), asked, schema)
    file = TemporaryFile()  # noqa: SIM115 - closed once it was sent
    try:
        if form == "parquet":
            rows.sink_parquet(file)
        else:
            _write_csv(rows, schema, file)
    except BaseException:
        file.close()
        raise
    length = file.tell() if form == "csv" else file.seek(0, 2)
    file.seek(0)
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"', "content-length": str(length)}
    return StreamingResponse(_blocks(file), 200, headers, _TYPES[form], BackgroundTask(file.close))


def _write_csv(rows: pl.LazyFrame, schema: dict[str, pl.DataType], file: IO[bytes]) -> None:
    """Write part by part, with texts that a spreadsheet would run as formulas defused."""
    file.write(plain_for_csv(pl.DataFrame(schema=schema)).write_csv().encode())
    for part in rows.collect_batches(maintain_order=True):
        file.write(plain_for_csv(part).write_csv(include_header=False).encode())


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


__all__ = ["answer_export"]

"""Raw files and queries as the commands that read them are given them: paths, addresses of databases, files of SQL."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from p2pcredit.readers.warehouse.addresses import WarehouseQuery, is_address, queries_of

QueryOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--query",
        help="A file of SQL that is asked of the database whose address stands among the files; may be repeated.",
        metavar="FILE",
    ),
]
RAW_FILES = (
    "CSV, plain or gzip, or Parquet; or the address of a database, 'postgresql://HOST/DATABASE?query=SELECT ...'"
)


def raw_files(given: Sequence[str] | None, queries: Sequence[Path] | None) -> tuple[list[Path], list[WarehouseQuery]]:
    """Tell paths from addresses.

    Raises:
        UsageError: If an address is none, or has no query.
    """
    texts = list(given or [])
    addresses = [text for text in texts if is_address(text)]
    return [Path(text) for text in texts if not is_address(text)], queries_of(addresses, queries or [])


__all__ = ["RAW_FILES", "QueryOption", "raw_files"]

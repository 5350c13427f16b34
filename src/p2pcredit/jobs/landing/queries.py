"""Raw files of a landing that are results of queries: fetched for as long as they are read, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from p2pcredit.errors import SourceError
from p2pcredit.jobs.landing.entries import Source
from p2pcredit.progress import Progress, no_progress
from p2pcredit.readers.warehouse.addresses import WarehouseQuery


@contextmanager
def fetched(
    queries: Sequence[WarehouseQuery], progress: Progress = no_progress, most_rows: int | None = None
) -> Iterator[dict[Path, Source]]:
    """Ask databases, and keep the results until the block ends, in a directory of this user alone.

    Args:
        queries: What to ask; without any, no directory is made.
        progress: Called as rows come.
        most_rows: Where no more of a result are needed.

    Yields:
        Per file of a result where it comes from.

    Raises:
        MissingExtraError, ServiceError, SourceError: As `readers.warehouse.results.fetch`.
    """
    if not queries:
        yield {}
        return
    from p2pcredit.readers.warehouse.results import fetch  # a landing of CSV files needs no PyArrow

    try:
        place = tempfile.TemporaryDirectory(prefix="p2pcredit-query-")
    except OSError as error:
        raise SourceError(f"no temporary directory can be made ({error.strerror}); set TMPDIR") from error
    with place as directory:
        results = fetch(queries, Path(directory), lambda rows: progress(f"{rows:,} rows fetched", 0, None), most_rows)
        yield {one.path: Source(one.query.name, one.digest, one.query.address.shown, one.query.text) for one in results}


__all__ = ["fetched"]

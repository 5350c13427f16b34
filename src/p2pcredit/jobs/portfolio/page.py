"""Write what was measured of a book or a model as one page, into `reports/` or another file."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.storage.files import write_bytes_atomically


def write_page(ctx: JobContext, subject: str, found: Receipt, html: str, out: Path | None) -> Receipt:
    """Write a page, and name it in the receipt.

    Args:
        ctx: The context.
        subject: Names the file in `reports/`, with the day.
        found: What was measured, with `as_of`.
        html: The page.
        out: Another file; None for the one in `reports/`.

    Returns:
        What was measured, and `page`, its path.
    """
    path = ctx.layout.portfolio_page(subject, date.fromisoformat(found["as_of"])) if out is None else out
    write_bytes_atomically(path, html.encode())
    return {**found, "page": str(path)}


__all__ = ["write_page"]

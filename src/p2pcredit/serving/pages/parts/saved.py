"""Pages that were written to the disk, shown as they are."""

from __future__ import annotations

import re
from pathlib import Path

from starlette.responses import Response

from p2pcredit.storage.layout import Layout

_PAGE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}\.html")

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; sandbox allow-popups allow-top-navigation-by-user-activation"
)
"""A saved page carries its sheet within it, and nothing else of it may do anything."""


def answer_saved(page: bytes) -> Response:
    """Send a page that was written to the disk, shut in by a policy of its own: no script, no form, nothing fetched."""
    return Response(page, media_type="text/html; charset=utf-8", headers={"content-security-policy": _POLICY})


def names_of_saved(layout: Layout) -> list[str]:
    """List the saved pages of the home, files of plain names only."""
    return sorted(path.name for path in layout.reports.glob("*.html") if _is_plain(path))


def _is_plain(path: Path) -> bool:
    return bool(_PAGE_NAME.fullmatch(path.name)) and path.is_file() and not path.is_symlink()


__all__ = ["answer_saved", "names_of_saved"]

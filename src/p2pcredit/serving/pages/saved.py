"""Pages that were written to the disk, shown as they are."""

from __future__ import annotations

from starlette.responses import Response

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; base-uri 'none'; "
    "form-action 'none'; sandbox allow-popups allow-top-navigation-by-user-activation"
)
"""A saved page carries its sheet within it, and nothing else of it may do anything."""


def answer_saved(page: bytes) -> Response:
    """Send a page that was written to the disk, shut in by a policy of its own: no script, no form, nothing fetched."""
    return Response(page, media_type="text/html; charset=utf-8", headers={"content-security-policy": _POLICY})


__all__ = ["answer_saved"]

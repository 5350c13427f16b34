"""The pages: each module brings a router, and `pages_router` puts them together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from p2pcredit.serving.site import Site


def pages_router(site: Site) -> APIRouter:
    """Put the pages together.

    Args:
        site: The home, its settings, and who may what. With `reader = Depends(site.may("read"))` a page takes
            `visitor: Visitor = reader`; a form takes `Depends(site.may_post("decide"))` in the same way, and shows
            `visitor.csrf` in its hidden field `CSRF_FIELD`.
    """
    return APIRouter(include_in_schema=False)


def refusal_page(request: Request, status: int, message: str) -> Response | None:
    """Draw the page of a request that is refused, for a browser; None leaves it to JSON."""
    return None


__all__ = ["pages_router", "refusal_page"]

"""Say whether the server is up, and whether it can answer."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from p2pcredit.serving.site import Site


def health_router(site: Site) -> APIRouter:
    """Make the two questions that a supervisor asks; neither needs a token, neither tells anything of the book."""
    router = APIRouter()

    @router.get("/health", include_in_schema=False)
    async def health() -> JSONResponse:
        return JSONResponse({"status": "pass"})

    return router


__all__ = ["health_router"]

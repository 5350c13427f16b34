"""Say whether the server is up, and what may be asked of it."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse

from p2pcredit.serving.openapi import describe_server
from p2pcredit.serving.site import Site
from p2pcredit.storage.own_features import read_own_features


def health_router(site: Site) -> APIRouter:
    """Make what any client may ask: whether the server is up, and what may be asked. Neither tells of the book."""
    router = APIRouter()

    @router.get("/health", include_in_schema=False)
    async def health() -> JSONResponse:
        return JSONResponse({"status": "pass"})

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        serving = site.settings.serving
        own = read_own_features(site.layout)
        return JSONResponse(describe_server(serving.max_applications, own, mapped=bool(serving.mapping)))

    return router


__all__ = ["health_router"]

"""The sheets, the script and the sign of the pages: files of this package, by name."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from fastapi import APIRouter
from starlette.responses import Response

from p2pcredit.serving.refusals import Refusal

_FILES = {
    "report.css": ("p2pcredit.reporting", "templates/style.css", "text/css; charset=utf-8"),
    "pages.css": ("p2pcredit.serving.pages", "static/pages.css", "text/css; charset=utf-8"),
    "pages.js": ("p2pcredit.serving.pages", "static/pages.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("p2pcredit.serving.pages", "static/icon.svg", "image/svg+xml"),
}


def static_router() -> APIRouter:
    """Make the requests for what pages look like. Any client may ask: they tell nothing of the book."""
    router = APIRouter(include_in_schema=False)

    @router.get("/static/{name}")
    def static(name: str) -> Response:
        if name not in _FILES:
            raise Refusal(404, "no_such_file", "there is nothing here")
        return Response(_read(name), media_type=_FILES[name][2], headers={"cache-control": "max-age=3600"})

    return router


@cache
def _read(name: str) -> bytes:
    package, path, _ = _FILES[name]
    return files(package).joinpath(path).read_bytes()


__all__ = ["static_router"]

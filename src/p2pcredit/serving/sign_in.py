"""A browser signs in with a token, and out."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from p2pcredit.serving.access import COOKIE
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site


def sign_in_router(site: Site) -> APIRouter:
    """Make the requests by which a browser signs in and out.

    The token comes in the body of a form, never in an address, which logs and histories keep. The page with the form is
    `/sign-in` of the pages.
    """
    router = APIRouter(include_in_schema=False)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        site.rates.take(f"unknown {request.client.host if request.client else ''}")
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            raise Refusal(403, "foreign_form", "sign in from this page")
        form = await request.form()
        cookie = site.access.sign_in(str(form.get("token", "")))
        if cookie is None:
            raise Refusal(401, "unknown_token", "this token does not hold")
        answer = RedirectResponse(_way(str(form.get("next", "/"))), status_code=303)
        secure = request.url.scheme == "https"
        answer.set_cookie(
            COOKIE,
            cookie,
            max_age=site.settings.serving.session_minutes * 60,
            httponly=True,
            samesite="strict",
            secure=secure,
            path="/",
        )
        return answer

    @router.post("/sign-out")
    async def sign_out() -> Response:
        answer = RedirectResponse("/", status_code=303)
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    return router


def _way(text: str) -> str:
    """Keep a way within this server, else the first page: no link may lead a visitor elsewhere by it.

    Examples:
        >>> _way("/models?id=3"), _way("//elsewhere.org"), _way("https://elsewhere.org"), _way("/\\\\\\\\elsewhere.org")
        ('/models?id=3', '/', '/', '/')
    """
    plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


__all__ = ["sign_in_router"]

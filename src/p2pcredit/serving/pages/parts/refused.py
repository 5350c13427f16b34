"""The page of a request that is refused: the page to sign in on, where it is not known who asks."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.serving.pages.parts.drawing import draw, here, without_paths

_HEADINGS = {
    401: "Sign in",
    403: "Not allowed",
    404: "Not there",
    405: "Not asked for in this way",
    413: "Too large",
    422: "That cannot be",
    429: "Too many requests",
    503: "Not now",
}


def refusal_page(request: Request, status: int, message: str) -> Response | None:
    """Draw the page of a request that is refused, for a browser; None leaves it to JSON."""
    return sign_in_page(request, status, message)


def sign_in_page(request: Request, status: int, message: str) -> Response:
    """Draw a page with what was refused; for 401 with the form to sign in, which leads back to where it came from."""
    asked = request.query_params.get("next", "/") if request.url.path == "/sign-in" else here(request)
    facts = {
        "heading": _HEADINGS.get(status, "This failed"),
        "message": without_paths(message),
        "signs_in": status == 401,
        "next": asked if request.method == "GET" or request.url.path == "/sign-in" else "/",
        "request_id": getattr(request.state, "request_id", ""),
    }
    return draw(request, "refused.html", None, facts, status)


__all__ = ["refusal_page", "sign_in_page"]

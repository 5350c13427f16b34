"""What a request is refused with: a status, a code for programs, a line for people, and no path or trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from p2pcredit.serving.pages.parts.refused import refusal_page


class Refusal(Exception):  # noqa: N818
    """Ends a request.

    Args:
        status: Of HTTP.
        code: For programs, such as `unknown_token`.
        message: One line for people.
        problems: Fields that are wrong, with what is allowed.
        headers: More headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        problems: Iterable[dict[str, Any]] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.problems, self.headers = list(problems), headers or {}


def answer_refusal(request: Request, refusal: Refusal) -> Response:
    """Word a refusal as JSON, or as a page for a browser that looks at one."""
    if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/"):
        page = refusal_page(request, refusal.status, refusal.message)
        if page is not None:
            page.headers.update(refusal.headers)
            return page
    content = {"code": refusal.code, "message": refusal.message, "problems": refusal.problems}
    return JSONResponse({"error": content}, refusal.status, refusal.headers)


__all__ = ["Refusal", "answer_refusal"]

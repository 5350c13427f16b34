"""The outermost layer: headers on every answer, bodies that are too large, and unforeseen errors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from p2pcredit.jobs.answering.scorers import new_request_id
from p2pcredit.serving.pages.parts.drawing import UNDER
from p2pcredit.serving.refusals import Refusal, answer_refusal

logger = logging.getLogger("p2pcredit.serving")

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'self'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
"""On every answer, where the answer does not set its own. Source: OWASP Secure Headers."""
_RAW = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


class Gate:
    """Wraps the app.

    Args:
        app: The app.
        most_bytes: Largest body.
        clock: The present instant, with which the id of a request begins.
        under: Gives the path under which the pages of a request are shown, from its headers.
    """

    def __init__(
        self,
        app: ASGIApp,
        most_bytes: int,
        clock: Callable[[], datetime],
        under: Callable[[Mapping[str, str]], str],
    ) -> None:
        self._app, self._most_bytes, self._clock, self._under = app, most_bytes, clock, under

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = new_request_id(self._clock())
        scope.setdefault("state", {})["request_id"] = request_id
        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = list(message.get("headers", ()))
                own = {name for name, _ in headers}
                headers += [header for header in _RAW if header[0] not in own]
                message = {**message, "headers": [*headers, (b"x-request-id", request_id.encode())]}
            await send(message)

        request = Request(scope)
        UNDER.set(self._under(request.headers))
        try:
            await self._app(scope, self._counted(request, receive), send_with_headers)
        except Refusal as refusal:
            if begun:
                raise
            await answer_refusal(request, refusal)(scope, receive, send_with_headers)
        except Exception:
            logger.exception("request %s failed", request_id)
            if begun:
                raise
            unforeseen = Refusal(500, "failed", f"this failed; the server's log says why under {request_id}")
            await answer_refusal(request, unforeseen)(scope, receive, send_with_headers)

    def _counted(self, request: Request, receive: Receive) -> Receive:
        said = request.headers.get("content-length", "0")
        if said.isascii() and said.isdigit() and len(said) < 20 and int(said) > self._most_bytes:
            raise self._too_large()
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._most_bytes:
                raise self._too_large()
            return message

        return counted

    def _too_large(self) -> Refusal:
        return Refusal(413, "too_large", f"the body is larger than {self._most_bytes} bytes; send fewer at a time")


__all__ = ["CONTENT_POLICY", "HEADERS", "Gate"]

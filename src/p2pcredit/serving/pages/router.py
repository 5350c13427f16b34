"""Put the pages together."""

from __future__ import annotations

import logging

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.errors import (
    BankError,
    MissingLoanError,
    MissingTableError,
    MonitoringError,
    OutsideHomeError,
    P2PCreditError,
    TooLittleDataError,
    UsageError,
)
from p2pcredit.serving.pages.parts.drawing import without_paths
from p2pcredit.serving.pages.parts.measured import Measured
from p2pcredit.serving.pages.parts.refused import sign_in_page
from p2pcredit.serving.pages.parts.static_files import static_router
from p2pcredit.serving.pages.sections.book import book_router
from p2pcredit.serving.pages.sections.data import data_router
from p2pcredit.serving.pages.sections.decisions import decisions_router
from p2pcredit.serving.pages.sections.fairness import fairness_router
from p2pcredit.serving.pages.sections.loans import loans_router
from p2pcredit.serving.pages.sections.models import models_router
from p2pcredit.serving.pages.sections.runs import runs_router
from p2pcredit.serving.pages.sections.today import today_router
from p2pcredit.serving.pages.sections.weeks import weeks_router
from p2pcredit.serving.pages.sections.what_if import what_if_router
from p2pcredit.serving.refusals import Refusal, answer_refusal
from p2pcredit.serving.site import Site

logger = logging.getLogger("p2pcredit.serving")


_NOT_THERE = (
    BankError,
    MissingLoanError,
    MissingTableError,
    MonitoringError,
    OutsideHomeError,
    TooLittleDataError,
)
"""What asks for something that is not in the home, or not yet."""


def pages_router(site: Site) -> APIRouter:
    """Put the pages together.

    Args:
        site: The home, its settings, and who may what. With `reader = Depends(site.may("read"))` a page takes
            `visitor: Visitor = reader`; a form takes `Depends(site.may_post("decide"))` in the same way, and shows
            `visitor.csrf` in its hidden field `CSRF_FIELD`.
    """
    router = APIRouter(include_in_schema=False)
    measured = Measured(site)
    for part in (
        static_router(),
        _sign_in_router(),
        today_router(site),
        weeks_router(site),
        fairness_router(site),  # before the models, whose addresses would take its own for one
        models_router(site),
        decisions_router(site),
        loans_router(site),
        what_if_router(site),
        book_router(site, measured),
        data_router(site),
        runs_router(site),
    ):
        router.include_router(part)
    return router


def _sign_in_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    def sign_in(request: Request) -> Response:
        page = sign_in_page(request, 401, "Come with a token that holds.")
        page.status_code = 200
        return page

    return router


async def answer_error(request: Request, error: P2PCreditError) -> Response:
    """Answer a request that a job refused: its line without paths, and the whole of it in the server's log."""
    request_id = getattr(request.state, "request_id", "")
    logger.warning("request %s: %s", request_id, error)
    home = str(request.app.state.site.layout.home)
    told = without_paths(str(error).replace(f"{home}/", "").replace(home, "the home"))
    if isinstance(error, UsageError):
        return answer_refusal(request, Refusal(422, "wrong_request", told))
    if isinstance(error, _NOT_THERE):
        return answer_refusal(request, Refusal(404, "not_there", told))
    return answer_refusal(request, Refusal(503, "failed", told))


__all__ = ["answer_error", "pages_router"]

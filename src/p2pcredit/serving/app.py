"""Put the server together: doors, scores, pages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.pipelines import Due, due_after
from p2pcredit.serving.access import Access
from p2pcredit.serving.gate import Gate
from p2pcredit.serving.health import health_router
from p2pcredit.serving.limits import Rates
from p2pcredit.serving.pages.router import answer_error, pages_router
from p2pcredit.serving.refusals import Refusal, answer_refusal
from p2pcredit.serving.scores import Scores, scores_router
from p2pcredit.serving.sign_in import sign_in_router
from p2pcredit.serving.site import Site
from p2pcredit.settings import Role, Settings
from p2pcredit.storage.layout import Layout


def make_app(
    home: Path,
    settings: Settings,
    clock: Callable[[], datetime],
    *,
    tokens: Mapping[str, tuple[str, frozenset[Role]]] | None = None,
    airflow: str | None = None,
    due: Due = due_after,
    warmed: Callable[[], None] = lambda: None,
) -> FastAPI:
    """Make the app of a home.

    Args:
        home: The home directory.
        settings: All settings.
        clock: Gives the present instant, aware.
        tokens: Tokens beside those of the settings: digest -> name and roles.
        airflow: The digest of the token by which an Airflow is believed who asks; None believes none.
        due: Gives the pipelines that work on a snapshot date, each with the instant at which it fires.
        warmed: Called, in a thread, once the champion is loaded or cannot be.
    """
    serving = settings.serving
    access = Access(serving, clock, tokens or {}, airflow)
    site = Site(Layout(home), settings, clock, access, Rates(serving.requests_per_second, serving.burst, clock), due)
    scores = Scores(site, warmed)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with scores.running():
            yield

    app = FastAPI(
        title="P2PCreditScore",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.site = site
    app.add_middleware(Gate, most_bytes=serving.max_body_kilobytes * 1024, clock=clock, under=access.under)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(P2PCreditError, _failed)
    app.add_exception_handler(HTTPException, _refused_by_router)
    app.add_exception_handler(RequestValidationError, _unreadable)
    for router in (health_router(site), scores_router(site, scores), sign_in_router(site), pages_router(site)):
        app.include_router(router)
    return app


async def _refused(request: Request, error: Any) -> Response:
    return answer_refusal(request, error)


async def _failed(request: Request, error: Any) -> Response:
    return await answer_error(request, error)


async def _refused_by_router(request: Request, error: Any) -> Response:
    words = {404: "there is nothing here", 405: "nothing here is asked for in this way"}
    message = words.get(error.status_code, str(error.detail))
    headers = dict(error.headers or {})
    return answer_refusal(request, Refusal(error.status_code, "no_such_request", message, headers=headers))


async def _unreadable(request: Request, error: Any) -> Response:
    problems = [
        {"application": None, "field": ".".join(map(str, one["loc"])), "problem": one["msg"], "allowed": ""}
        for one in error.errors()
    ]
    return answer_refusal(request, Refusal(422, "wrong_request", "the request holds what it may not", problems))


__all__ = ["make_app"]

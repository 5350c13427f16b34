"""Hand requests for pages on to the server, with the word of Airflow on who asks and what they may.

Airflow's auth manager says who is signed in. Who may read all DAGs of ours may read the pages; who may also edit the
DAG that trains and scores may decide about models, which is what that DAG does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from fastapi import Depends, FastAPI, HTTPException
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from p2pcredit.errors import P2PCreditError, SettingsError, UsageError
from p2pcredit.jobs.pipelines import INFERENCE, MONITORING, PIPELINES
from p2pcredit.orchestration.pages import notices
from p2pcredit.orchestration.runs.run_dates import run_instant, snapshot_date
from p2pcredit.storage.home import resolve_home
from p2pcredit.storage.pages_token import (
    DEFAULT_URL,
    PERSON_HEADER,
    ROLES_HEADER,
    UNDER_HEADER,
    URL_VARIABLE,
    read_token,
    token_file,
)

DAG_IDS = tuple(pipeline.dag_id for pipeline in PIPELINES)
_SECTION_OF = {INFERENCE.dag_id: "/models", MONITORING.dag_id: "/weeks"}
_PASSED_ON = ("accept", "content-type", "content-length", "sec-fetch-site", "x-csrf-token")
_KEPT_BACK = frozenset(
    {"connection", "date", "keep-alive", "server", "set-cookie", "transfer-encoding", "www-authenticate"}
)
_NOT_SHOWN = ("v1/", "sign-in", "sign-out", "openapi.json", "health")
"""What the server has for others than people who look through Airflow."""

_TIMES = httpx.Timeout(900.0, connect=3.0)
"""A page over a large book takes as long as its command."""


def make_app(environ: Mapping[str, str]) -> FastAPI:
    """Make the app that Airflow's API server mounts.

    Args:
        environ: `P2P_PAGES_URL` and `P2P_PAGES_TOKEN_FILE` say where the server is and how the two know each other;
            `P2P_HOME` where the home is.
    """
    app = FastAPI(title="P2PCreditScore", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(HTTPException, _refused)
    server = Server(environ)

    @app.get("/airflow/dag")
    def of_dag(request: Request, dag_id: str, roles: Roles) -> Response:
        under = under_of(request)
        if dag_id not in DAG_IDS:
            return notices.no_dag_of_ours(dag_id, under)
        return RedirectResponse(f"{under}{_SECTION_OF.get(dag_id, '/data')}", 303)

    @app.get("/airflow/run")
    def of_run(request: Request, dag_id: str, run_id: str, roles: Roles) -> Response:
        under = under_of(request)
        if dag_id not in DAG_IDS:
            return notices.no_dag_of_ours(dag_id, under)
        day = day_of_run(dag_id, run_id)
        asked = {"id": f"{dag_id}.{run_id}"} | ({} if day is None else {"day": day.isoformat()})
        return RedirectResponse(f"{under}/runs/one?{urlencode(asked)}", 303)

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def pages(request: Request, path: str, user: GetUserDep, roles: Roles) -> Response:
        if path.startswith(_NOT_SHOWN):
            return notices.not_there(under_of(request))
        return await server.answer(request, path, user.get_name(), roles)

    return app


def roles_of_user(request: Request, user: GetUserDep) -> str:
    """Read from Airflow's auth manager what the user may, as the server words roles.

    Raises:
        HTTPException: 401 for who is not signed in, 403 for who may not read all DAGs of ours.
    """
    for dag_id in DAG_IDS:
        requires_access_dag("GET", None, dag_id)(request, user)
    try:
        requires_access_dag("PUT", None, INFERENCE.dag_id)(request, user)
    except HTTPException:
        return "read"
    return "read+decide"


Roles = Annotated[str, Depends(roles_of_user)]


def day_of_run(dag_id: str, run_id: str) -> date | None:
    """Find the snapshot date that a run works on; None where there is no such run, or its conf is wrong."""
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is None:
            return None
        try:
            return snapshot_date(run.conf, run_instant(run.logical_date, run.run_after), run.run_after)
        except UsageError:
            return None


def under_of(request: Request) -> str:
    """Give the path under which a browser finds the pages: Airflow's own and the plugin's."""
    return str(request.scope.get("root_path", "")).rstrip("/")


class Server:
    """The server of the pages, as Airflow's API server reaches it.

    Args:
        environ: As `make_app` reads it.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        keeps_none = CookieJar(DefaultCookiePolicy(allowed_domains=[]))  # one client asks for all people
        self._client = httpx.AsyncClient(trust_env=False, timeout=_TIMES, cookies=keeps_none)

    async def answer(self, request: Request, path: str, person: str, roles: str) -> Response:
        """Hand one request on.

        Args:
            request: The request, as Airflow got it.
            path: What it asks for, within the pages.
            person: Who asks, by Airflow's word.
            roles: What they may, joined by `+`.
        """
        url = self._environ.get(URL_VARIABLE, "").strip().rstrip("/") or DEFAULT_URL
        try:
            _require_url(url)
            home = resolve_home(None, self._environ, Path.cwd())
            file = token_file(home, self._environ)
            token = read_token(file)
        except P2PCreditError as error:
            return notices.misset(str(error))
        if token is None:
            return notices.nothing_served(home, url, file)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers |= {
            "accept-encoding": "identity",
            "authorization": f"Bearer {token}",
            PERSON_HEADER: quote(person),
            ROLES_HEADER: roles,
            UNDER_HEADER: under_of(request),
        }
        asked = f"?{request.url.query}" if request.url.query else ""
        body = request.stream() if request.method == "POST" else None
        try:
            handed = self._client.build_request(
                request.method, f"{url}/{quote(path, safe=_SAFE)}{asked}", headers=headers, content=body
            )
            answer = await self._client.send(handed, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            return notices.nothing_served(home, url, None)
        except httpx.TransportError:
            return notices.broke_off(url)
        if answer.status_code == 401:
            await answer.aclose()
            return notices.not_believed(url, file)
        kept = {name: value for name, value in answer.headers.items() if name not in _KEPT_BACK}
        return StreamingResponse(_body(answer), answer.status_code, kept)


_SAFE = "/~!$&'()*+,;=:@"


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def _require_url(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise SettingsError(f"{URL_VARIABLE} is {url!r}; write the address of the server, such as {DEFAULT_URL}")


async def _refused(request: Request, error: Any) -> Response:
    if error.status_code == 401:
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return notices.not_signed_in(get_auth_manager().get_url_login(next_url=wanted))
    if error.status_code == 403:
        return notices.right_lacking(DAG_IDS)
    return notices.not_there(under_of(request))


__all__ = ["DAG_IDS", "Server", "day_of_run", "make_app", "roles_of_user", "under_of"]

"""Show the pages in Airflow's navigation, and on the pages of DAGs and of runs: the plugin that Airflow finds.

Every component of Airflow imports this file, also those that run tasks in forks of themselves. So nothing of ours but
names and the sign is loaded here, and the part that hands requests on is imported at the first request.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from p2pcredit.orchestration.pages.places import PREFIX, ROUTE, base_path, places

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

NAME = "P2PCreditScore"
_NAMES = {"nav": "P2P loans", "dag": NAME, "dag_run": NAME}
"""Airflow's navigation has room for nine letters."""
_HREFS = {
    "nav": "/",
    "dag": "/airflow/dag?dag_id={DAG_ID}",
    "dag_run": "/airflow/run?dag_id={DAG_ID}&run_id={RUN_ID}",
}
_ROUTES = {"nav": ROUTE, "dag": f"{ROUTE}-dag", "dag_run": f"{ROUTE}-run"}


class PagesOnDemand:
    """Hands requests on, once there is one: FastAPI and the rest are imported then, in the API server only."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if self._app is None:
            from p2pcredit.orchestration.pages.handing_on import make_app

            self._app = make_app(os.environ)
        await self._app(scope, receive, send)


def views(environ: Mapping[str, str], base: str) -> list[dict[str, Any]]:
    """List the places in Airflow's pages that frame ours.

    Args:
        environ: `P2P_PAGES_IN` says which.
        base: The path under which Airflow is reached.

    Raises:
        SettingsError: If the variable is wrong; Airflow shows it as an import error of the plugin.
    """
    sign = b64encode(files("p2pcredit.serving.pages").joinpath("static/icon.svg").read_bytes()).decode("ascii")
    return [
        {
            "name": _NAMES[place],
            "href": f"{base}{PREFIX}{_HREFS[place]}",
            "destination": place,
            "url_route": _ROUTES[place],
            "icon": f"data:image/svg+xml;base64,{sign}",
            "nav_top_level": True,
        }
        for place in places(environ)
    ]


class PagesPlugin(AirflowPlugin):
    """The pages in Airflow."""

    name = "p2pcredit"
    external_views = views(os.environ, base_path(conf.get("api", "base_url", fallback="") or ""))
    fastapi_apps = [{"app": PagesOnDemand(), "url_prefix": PREFIX, "name": NAME}] if external_views else []


__all__ = ["NAME", "PagesOnDemand", "PagesPlugin", "views"]

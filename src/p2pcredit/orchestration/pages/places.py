"""Where Airflow shows the pages, and the links that lead there. Nothing of Airflow is imported."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit

from p2pcredit.errors import SettingsError

PLACES_VARIABLE = "P2P_PAGES_IN"
PLACES = ("nav", "dag", "dag_run")
"""Airflow's navigation, the pages of DAGs, the pages of runs; by Airflow's own names of them."""

PREFIX = "/p2pcredit"
ROUTE = "p2pcredit"
"""The last part of the address of Airflow's page that frames ours."""


def places(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Read where the pages are shown.

    Args:
        environ: `P2P_PAGES_IN` is `nav`, `dag`, `dag_run`, any of them joined by commas, or `none`; all where absent.

    Raises:
        SettingsError: If it says something else.

    Examples:
        >>> places({}), places({"P2P_PAGES_IN": "nav"}), places({"P2P_PAGES_IN": "none"})
        (('nav', 'dag', 'dag_run'), ('nav',), ())
    """
    said = environ.get(PLACES_VARIABLE, "").strip()
    if not said:
        return PLACES
    asked = [part.strip() for part in said.split(",")]
    if asked == ["none"]:
        return ()
    if not set(asked) <= set(PLACES):
        raise SettingsError(f"{PLACES_VARIABLE} is {said!r}; write nav, dag, dag_run, joined by commas, or none")
    return tuple(place for place in PLACES if place in asked)


def base_path(base_url: str) -> str:
    """Give the path under which Airflow is reached, from its setting `[api] base_url`; empty for the root.

    Examples:
        >>> base_path("https://tools.example.org/airflow/"), base_path("http://localhost:8080"), base_path("")
        ('/airflow', '', '')
    """
    return urlsplit(base_url).path.rstrip("/")


def link_to(path: str, base: str, shown_in: tuple[str, ...], **asked: str) -> str:
    """Build the link to a page, in Airflow's frame where its navigation shows the pages; empty where nothing does.

    Args:
        path: The way to the page within the server.
        base: The path under which Airflow is reached.
        shown_in: Where the pages are shown.
        asked: What the address asks.

    Examples:
        >>> link_to("/decisions/one", "", PLACES, id="monitoring-2024-01-13")
        '/plugin/p2pcredit/p2pcredit/decisions/one?id=monitoring-2024-01-13'
        >>> link_to("/models/a", "/airflow", ("dag",))
        '/airflow/p2pcredit/models/a'
    """
    if not shown_in:
        return ""
    way = f"{base}{PREFIX}{quote(path)}" + (f"?{urlencode(asked)}" if asked else "")
    return f"{base}/plugin/{ROUTE}{way}" if "nav" in shown_in else way


__all__ = ["PLACES", "PLACES_VARIABLE", "PREFIX", "ROUTE", "base_path", "link_to", "places"]

"""Draw a page: its template within the frame that all pages share, every value escaped."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from p2pcredit.reporting.inventory import approval_words, person, served_words
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.cells import cell_text, plain_name

SECTIONS = (
    ("/", "Today"),
    ("/weeks", "Weeks"),
    ("/models", "Models"),
    ("/decisions", "Decisions"),
    ("/loans", "Loans"),
    ("/what-if", "What if"),
    ("/strategy", "Strategy"),
    ("/book", "Vintages and rolls"),
    ("/data", "Data"),
)
"""The navigation: where each section begins, and its name."""

UNDER: ContextVar[str] = ContextVar("UNDER", default="")
"""The path under which the pages of this request are shown, such as `/p2pcredit` within Airflow; empty for the root."""

_PATH = re.compile(r"(?<![\w.<])/(?:[^\s/'\":;,()]+/)+([^\s/'\":;,()]*)")


def draw(
    request: Request, template: str, visitor: Visitor | None, facts: Mapping[str, Any], status: int = 200
) -> HTMLResponse:
    """Draw a page.

    Args:
        request: The request, whose path says which section is shown.
        template: A template's file name.
        visitor: Who looks; None for who is not known, who gets no navigation.
        facts: What the template shows.
        status: Of HTTP.
    """
    words: dict[str, Any] = {
        "visitor": visitor,
        "roles": frozenset() if visitor is None else visitor.roles,
        "sections": SECTIONS if visitor is not None and "read" in visitor.roles else (),
        "section": section_of(request.url.path),
        "here": here(request),
    }
    return HTMLResponse(_environment().get_template(template).render(**words, **facts), status)


def here(request: Request) -> str:
    """Give the way to this page within the server, with what its address asks."""
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def section_of(path: str) -> str:
    """Find the section that a path lies in.

    Examples:
        >>> section_of("/models/one"), section_of("/"), section_of("/sign-in")
        ('/models', '/', '')
    """
    begins = [start for start, _ in SECTIONS if start != "/" and (path == start or path.startswith(f"{start}/"))]
    return begins[0] if begins else ("/" if path == "/" else "")


def way(path: str, **asked: object) -> str:
    """Build a way within the server, under the path where this request's pages are shown.

    What is None or empty is left out.

    Examples:
        >>> way("/loans/one", id="a/b&c", page=None)
        '/loans/one?id=a%2Fb%26c'
    """
    told = {name: value for name, value in asked.items() if value is not None and value != ""}
    return UNDER.get() + quote(path) + (f"?{urlencode(told, quote_via=quote, safe='')}" if told else "")


def without_paths(text: str) -> str:
    """Shorten each path of this machine in a line to its last name.

    Examples:
        >>> without_paths("cannot read /srv/home/reports/a.html: denied; see 'p2pcredit doctor'")
        "cannot read a.html: denied; see 'p2pcredit doctor'"
    """
    return _PATH.sub(r"\1", text)


@cache
def _environment() -> Environment:
    from p2pcredit.reporting.portfolio.returns import in_currency, money, percent

    environment = Environment(
        loader=PackageLoader("p2pcredit.serving.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., str]] = {
        "cell": cell_text,
        "words": plain_name,
        "percent": percent,
        "money": money,
        "in_currency": in_currency,
        "person": person,
        "approval_words": approval_words,
        "served_words": served_words,
        "without_paths": without_paths,
    }
    environment.filters.update(filters)
    environment.globals["way"] = way
    return environment


__all__ = ["SECTIONS", "UNDER", "draw", "here", "section_of", "way", "without_paths"]

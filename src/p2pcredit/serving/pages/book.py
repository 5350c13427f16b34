"""Strategy, vintages, rolls, returns, losses and applicants: what commands measure of the whole book, on pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.portfolio.population import measure_population
from p2pcredit.jobs.portfolio.returns import measure_returns
from p2pcredit.jobs.portfolio.rolls import measure_rolls
from p2pcredit.jobs.portfolio.strategy import measure_strategy
from p2pcredit.jobs.portfolio.vintages import measure_vintages
from p2pcredit.periods import parse_date
from p2pcredit.reporting.page import main_part
from p2pcredit.reporting.population import render_population
from p2pcredit.reporting.returns import render_returns
from p2pcredit.reporting.rolls import render_rolls
from p2pcredit.reporting.strategy import render_strategy
from p2pcredit.reporting.vintages import render_vintages
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.drawing import draw
from p2pcredit.serving.pages.measured import Measured
from p2pcredit.serving.site import Site

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class View:
    """A page over the whole book.

    Args:
        path: Where it is.
        title: Its name in the tabs.
        command: The command of the same name, which writes the page into `reports/`.
        fields: Names of the options that its form has.
        measure: Measures it: context, day and options.
        render: Makes the page of what was measured.
    """

    path: str
    title: str
    command: str
    fields: tuple[str, ...]
    measure: Callable[[JobContext, date | None, Options], Receipt]
    render: Callable[[Mapping[str, Any]], str]


VIEWS = (
    View(
        "/strategy",
        "Cut-offs",
        "strategy",
        ("as_of", "months", "loss_limit", "revenue", "stress"),
        lambda ctx, day, told: measure_strategy(ctx, day, **told),
        render_strategy,
    ),
    View(
        "/strategy/applicants",
        "Who applied",
        "population",
        ("as_of", "months"),
        lambda ctx, day, told: measure_population(ctx, day, **told),
        render_population,
    ),
    View(
        "/book",
        "Vintages",
        "vintages",
        ("as_of", "vintage", "grades"),
        lambda ctx, day, told: measure_vintages(ctx, day, **told),
        render_vintages,
    ),
    View("/book/rolls", "Roll rates", "rolls", ("as_of",), lambda ctx, day, _: measure_rolls(ctx, day), render_rolls),
    View(
        "/book/returns",
        "Returns",
        "returns",
        ("as_of", "vintage", "grades"),
        lambda ctx, day, told: measure_returns(ctx, day, **told),
        render_returns,
    ),
)
_CHOICES = {"revenue": ("interest", "fees"), "vintage": ("quarter", "year"), "grades": ("platform", "own")}
_MOST_MONTHS = 600


def book_router(site: Site, measured: Measured) -> APIRouter:
    """Make the pages over the whole book."""
    router = APIRouter(include_in_schema=False)
    for view in VIEWS:
        router.add_api_route(view.path, _page_of(view, site, measured), methods=["GET"])
    return router


def _page_of(view: View, site: Site, measured: Measured) -> Callable[..., Response]:
    reader = Depends(site.may("read"))

    def page(request: Request, visitor: Visitor = reader) -> Response:
        told = {name: request.query_params.get(name, "").strip() for name in view.fields}
        day = parse_date(told["as_of"]) if told["as_of"] else None
        options = _options(told)
        key = (view.path, day, tuple(sorted(options.items())))
        found = measured.get(key, lambda ctx: view.measure(ctx, day, options))
        if request.query_params.get("as") == "json":
            name = view.command
            return JSONResponse(found, headers={"content-disposition": f'attachment; filename="{name}.json"'})
        drawn = measured.get((*key, "page"), lambda _: main_part(view.render(found)))
        section = "/" + view.path.split("/")[1]
        facts = {
            "view": view,
            "tabs": [one for one in VIEWS if one.path == section or one.path.startswith(f"{section}/")],
            "told": told,
            "choices": _CHOICES,
            "drawn": drawn,
        }
        return draw(request, "book.html", visitor, facts)

    return page


def _options(told: Mapping[str, str]) -> dict[str, Any]:
    """Read the options of a page as its command takes them; those not given are left to it."""
    found: dict[str, Any] = {}
    for name, value in told.items():
        if not value or name == "as_of":
            continue
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise UsageError(f"'{name}' is none of {', '.join(_CHOICES[name])}")
            found[name] = value
        elif name == "months":
            if not (value.isascii() and value.isdigit() and len(value) < 5 and 1 <= int(value) <= _MOST_MONTHS):
                raise UsageError(f"'months' needs a whole number from 1 to {_MOST_MONTHS}")
            found[name] = int(value)
        elif name == "loss_limit":
            try:
                found[name] = float(value)
            except ValueError as error:
                raise UsageError("'loss_limit' needs a share such as 0.05") from error
        else:
            found[name] = value
    return found


__all__ = ["VIEWS", "book_router"]

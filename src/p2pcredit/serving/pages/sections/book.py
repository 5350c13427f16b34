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
from p2pcredit.periods import parse_date
from p2pcredit.reporting.page import main_part
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw
from p2pcredit.serving.pages.parts.measured import Measured
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
    render: Callable[[Receipt], str]


def _strategy(ctx: JobContext, day: date | None, told: Options) -> Receipt:
    from p2pcredit.jobs.portfolio.strategy import measure_strategy

    return measure_strategy(ctx, day, **told)


def _strategy_page(found: Receipt) -> str:
    from p2pcredit.reporting.portfolio.strategy import render_strategy

    return render_strategy(found)


def _applicants(ctx: JobContext, day: date | None, told: Options) -> Receipt:
    from p2pcredit.jobs.portfolio.population import measure_population

    return measure_population(ctx, day, **told)


def _applicants_page(found: Receipt) -> str:
    from p2pcredit.reporting.portfolio.population import render_population

    return render_population(found)


def _vintages(ctx: JobContext, day: date | None, told: Options) -> Receipt:
    from p2pcredit.jobs.portfolio.vintages import measure_vintages

    return measure_vintages(ctx, day, **told)


def _vintages_page(found: Receipt) -> str:
    from p2pcredit.reporting.portfolio.vintages import render_vintages

    return render_vintages(found)


def _rolls(ctx: JobContext, day: date | None, told: Options) -> Receipt:
    from p2pcredit.jobs.portfolio.rolls import measure_rolls

    return measure_rolls(ctx, day, **told)


def _rolls_page(found: Receipt) -> str:
    from p2pcredit.reporting.portfolio.rolls import render_rolls

    return render_rolls(found)


def _returns(ctx: JobContext, day: date | None, told: Options) -> Receipt:
    from p2pcredit.jobs.portfolio.returns import measure_returns

    return measure_returns(ctx, day, **told)


def _returns_page(found: Receipt) -> str:
    from p2pcredit.reporting.portfolio.returns import render_returns

    return render_returns(found)


def _losses(ctx: JobContext, day: date | None, told: Options) -> Receipt:
    from p2pcredit.jobs.portfolio.losses import measure_losses

    return measure_losses(ctx, day, **told)


def _losses_page(found: Receipt) -> str:
    from p2pcredit.reporting.portfolio.losses import render_losses

    return render_losses(found)


_CUTOFF = ("as_of", "months", "loss_limit", "revenue", "stress")
_CELLS = ("as_of", "vintage", "grades")
VIEWS = (
    View("/strategy", "Cut-offs", "strategy", _CUTOFF, _strategy, _strategy_page),
    View("/strategy/applicants", "Who applied", "population", ("as_of", "months"), _applicants, _applicants_page),
    View("/book", "Vintages", "vintages", _CELLS, _vintages, _vintages_page),
    View("/book/rolls", "Roll rates", "rolls", ("as_of",), _rolls, _rolls_page),
    View("/book/returns", "Returns", "returns", _CELLS, _returns, _returns_page),
    View("/book/losses", "Expected losses", "losses", ("as_of", "stress"), _losses, _losses_page),
)
"""All of them. What measures and draws is loaded by the first page that needs it, so that the server starts without."""

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

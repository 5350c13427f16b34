"""Fairness: the comparisons of groups that were made of a model, and how to make one.

A file of groups stays outside the home and is never sent to the server, so a page shows what the command has written.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw
from p2pcredit.serving.pages.parts.saved import names_of_saved
from p2pcredit.serving.site import Site
from p2pcredit.storage.state.model_bank import ModelBank

_PAGE = re.compile(r"fairness_(?P<model_id>.+)_(?P<day>[0-9]{4}_[0-9]{2}_[0-9]{2})\.html")


def fairness_router(site: Site) -> APIRouter:
    """Make the page of comparisons of groups, of one model or of all."""
    router = APIRouter(include_in_schema=False)
    reader = Depends(site.may("read"))

    @router.get("/models/fairness")
    def fairness(request: Request, visitor: Visitor = reader) -> Response:
        ctx, asked = site.context(), request.query_params.get("id")
        if asked is not None:
            ModelBank(ctx.layout).get(asked)
        made = comparisons_among(names_of_saved(site.layout))
        facts = {
            "model_id": asked,
            "made": [one for one in made if asked is None or one["model_id"] == asked],
            "example": asked or ctx.ledger.state().champion or "MODEL",
        }
        return draw(request, "fairness_of_models.html", visitor, facts)

    return router


def comparisons_among(names: list[str]) -> list[dict[str, Any]]:
    """List the comparisons of groups among saved pages, newest first.

    Examples:
        >>> comparisons_among(["fairness_scorecard-1_2024_01_13.html", "monitoring_2024_01_13.html"])
        [{'model_id': 'scorecard-1', 'day': datetime.date(2024, 1, 13), 'name': 'fairness_scorecard-1_2024_01_13.html'}]
    """
    found = []
    for name in names:
        if (told := _PAGE.fullmatch(name)) is not None:
            day = date.fromisoformat(told["day"].replace("_", "-"))
            found.append({"model_id": told["model_id"], "day": day, "name": name})
    return sorted(found, key=lambda one: (one["day"], one["model_id"]), reverse=True)


__all__ = ["comparisons_among", "fairness_router"]

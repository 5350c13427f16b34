"""Loans: find one, and all that is known of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.contracts.tables import CASH_FLOWS, PREDICTIONS
from p2pcredit.jobs.audit.files.notice import write_notice
from p2pcredit.jobs.audit.loan_lineage import trace_loan
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw, way
from p2pcredit.serving.pages.parts.exports import answer_export
from p2pcredit.serving.pages.parts.saved import answer_saved
from p2pcredit.serving.pages.parts.tables import COMPARISONS, asked_of, look_up
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.typing import plain_id

if TYPE_CHECKING:
    from p2pcredit.reporting.drawing import Chart

_SHOWN = (
    "loan_id",
    "snapshot_date",
    "decision",
    "score",
    "grade",
    "probability_of_default",
    "lifetime_probability_of_default",
    "expected_annual_return",
    "reason_1",
    "model_id",
)
_MOST_FLOWS = 400


def loans_router(site: Site) -> APIRouter:
    """Make the pages of loans."""
    router = APIRouter(include_in_schema=False)
    reader = Depends(site.may("read"))

    @router.get("/loans")
    def loans(request: Request, visitor: Visitor = reader) -> Response:
        frame, asked = Lake(site.layout).scan(PREDICTIONS), asked_of(request, "snapshot_date", down=True)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "loans")
        links = {
            "loan_id": lambda row: way("/loans/one", id=row["loan_id"]),
            "model_id": lambda row: way(f"/models/{row['model_id']}"),
        }
        shown = look_up(
            frame,
            asked,
            key="loans",
            caption="Scored loans",
            columns=_SHOWN,
            links=links,
            empty="No loan is scored that meets this.",
        )
        return draw(request, "loans.html", visitor, {"shown": shown, "comparisons": COMPARISONS})

    @router.get("/loans/one")
    def loan(request: Request, visitor: Visitor = reader) -> Response:
        ctx, loan_id = site.context(), _id_of(request)
        found = trace_loan(ctx, loan_id)
        flows = _flows(Lake(site.layout), found["loan_id"])
        facts = {
            "loan": found,
            "scored": sorted(found["scored"], key=lambda one: one["snapshot_date"], reverse=True),
            "curve": _curve(found["scored"]),
            "flows": flows,
            "flows_chart": _flows_chart(flows),
            "most_flows": _MOST_FLOWS,
            "currency": ctx.settings.money.currency,
        }
        return draw(request, "loan.html", visitor, facts)

    @router.get("/loans/notice")
    def notice(request: Request, visitor: Visitor = reader) -> Response:
        return answer_saved(write_notice(site.context(), _id_of(request), None)[1].encode())

    return router


def _id_of(request: Request) -> str:
    told = plain_id(request.query_params.get("id", ""))
    if not told or len(told) > 200:
        raise Refusal(422, "no_loan", "the address needs the id of a loan, of at most 200 characters")
    return str(told)


def _flows(lake: Lake, loan_id: str) -> list[dict[str, Any]]:
    """Read the payments of a loan as they are known, oldest first, with the balance of all so far."""
    own = lake.scan(CASH_FLOWS).filter(pl.col("loan_id") == loan_id).sort("paid_on", "kind").head(_MOST_FLOWS)
    return (
        own.select("paid_on", "kind", "amount", "rebuilt", "known_on", balance=pl.col("amount").cum_sum())
        .collect(engine="streaming")
        .to_dicts()
    )


def _curve(scored: Sequence[dict[str, Any]]) -> Chart | None:
    """Draw the curve of the newest score of the loan; None where it has none."""
    from p2pcredit.serving.pages.parts.charts import default_curve

    newest = max(scored, key=lambda one: one["snapshot_date"], default=None)
    if newest is None or not newest["default_curve"]:
        return None
    return default_curve(newest["default_curve"], newest["model_id"])


def _flows_chart(flows: Sequence[dict[str, Any]]) -> Chart | None:
    from p2pcredit.serving.pages.parts.charts import balance_of_flows

    return balance_of_flows(flows) if len(flows) > 1 else None


__all__ = ["loans_router"]

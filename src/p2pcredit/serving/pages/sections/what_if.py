"""What if: change values of a loan or write those of one, and see score and reasons. Nothing of it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from p2pcredit.contracts.feature_sources import columns_behind
from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_TERMS
from p2pcredit.contracts.tables import bronze
from p2pcredit.errors import ApplicationError, UsageError
from p2pcredit.jobs.answering.problems import COLUMNS, LANDED
from p2pcredit.jobs.answering.requests import score_request
from p2pcredit.jobs.answering.scorers import read_scorer
from p2pcredit.jobs.context import JobContext
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.drawing import draw
from p2pcredit.serving.pages.parts.forms import optional_text
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.typing import BLANKS, plain_id

_NEW_ID = "what-if"
_GIVEN = ("loan_amount", "interest_rate", "installment", "term")
_LONGEST_VALUE = 5_000


def what_if_router(site: Site) -> APIRouter:
    """Make the page on which values are tried. A form sends them in its body, since addresses are kept by logs."""
    router = APIRouter(include_in_schema=False)
    reader, trier = Depends(site.may("read")), Depends(site.may_post("read"))

    @router.get("/what-if")
    def what_if(request: Request, visitor: Visitor = reader) -> Response:
        ctx, told = site.context(), request.query_params
        landed = _landed(ctx, told.get("id", ""))
        changed = dict(landed) | {name: told[name] for name in LANDED if name in told}
        model_id = _model_id(ctx, told.get("model"))
        return draw(request, "what_if.html", visitor, _facts(ctx, told.get("id", ""), landed, changed, model_id))

    @router.post("/what-if")
    async def tried(request: Request, visitor: Visitor = trier) -> Response:
        form = await request.form()
        loan_id = optional_text(form, "id") or ""
        given = {name: optional_text(form, name, at_most=_LONGEST_VALUE) for name in LANDED if name in form}
        model = optional_text(form, "model")

        def answered() -> Response:
            ctx = site.context()
            landed = _landed(ctx, loan_id)
            changed = {**landed, **{name: value or "" for name, value in given.items()}}
            return draw(
                request, "what_if.html", visitor, _facts(ctx, loan_id, landed, changed, _model_id(ctx, model), True)
            )

        return await run_in_threadpool(answered)

    return router


def _facts(
    ctx: JobContext,
    loan_id: str,
    landed: Mapping[str, str],
    changed: Mapping[str, str],
    model_id: str | None,
    tried: bool = False,
) -> dict[str, Any]:
    reads = set() if model_id is None else _columns_read(ctx, model_id)
    before, _ = _answered(ctx, landed, model_id) if landed else (None, [])
    after, problems = _answered(ctx, changed, model_id) if tried else (None, [])
    differs = [name for name in LANDED if changed.get(name, "") != landed.get(name, "")]
    return {
        "loan_id": loan_id,
        "values": dict(changed),
        "landed": dict(landed),
        "differs": differs if landed else [],
        "groups": _groups(reads, changed),
        "columns": COLUMNS,
        "model_id": model_id,
        "models": ModelBank(ctx.layout).model_ids(),
        "before": before,
        "after": after,
        "problems": problems,
        "problem_of": {problem["field"]: problem for problem in problems},
        "tried": tried,
        "changes": {name: changed[name] for name in differs} if landed else {},
    }


def _groups(reads: set[str], values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Put the fields that matter first: those the model reads and those every loan needs, then all others."""
    first = [name for name in LANDED if name in reads or name in LOAN_TERMS.required_sources or name in _GIVEN]
    others = [name for name in LANDED if name not in first]
    filled = any(values.get(name) for name in others)
    return [
        {"title": "What the model reads", "names": first, "open": True},
        {"title": "Other values, which change nothing here", "names": others, "open": filled and not reads},
    ]


def _columns_read(ctx: JobContext, model_id: str) -> set[str]:
    features = read_scorer(ctx, model_id).model.feature_names
    return {column for _, column in columns_behind(features)}


def _model_id(ctx: JobContext, asked: str | None) -> str | None:
    return asked or ctx.ledger.state().champion


def _answered(
    ctx: JobContext, values: Mapping[str, str], model_id: str | None
) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """Answer an application of these values; or say what is wrong with which of them."""
    record = {name: value for name, value in values.items() if value.strip(BLANKS)}
    record["loan_id"] = record.get("loan_id") or _NEW_ID
    try:
        told = score_request(ctx, [record], model_id=model_id)
    except ApplicationError as error:
        return None, [dict(problem) for problem in error.problems]
    except UsageError as error:
        return None, [{"field": "", "problem": str(error), "allowed": ""}]
    answer: dict[str, Any] = told["answers"][0]
    return answer, []


def _landed(ctx: JobContext, loan_id: str) -> dict[str, str]:
    """Read the values of a loan as they were landed, of the newest row of each feed; none for no id.

    Raises:
        Refusal: 404 where the lake holds no such loan.
    """
    if not loan_id:
        return {}
    lake, named = Lake(ctx.layout), str(plain_id(loan_id))
    found: dict[str, str] = {}
    for feed in APPLICATION_FEEDS:
        own = lake.scan(bronze(feed)).filter(pl.col("loan_id").str.strip_chars(BLANKS) == named)
        rows = own.sort("snapshot_date", "row_number").tail(1).select(feed.sources).collect(engine="streaming")
        for row in rows.iter_rows(named=True):
            found |= {name: value for name, value in row.items() if value is not None and name not in found}
    if not found:
        raise Refusal(404, "no_such_loan", "there is no such loan in the lake; give the platform's id as it was landed")
    return found


__all__ = ["what_if_router"]

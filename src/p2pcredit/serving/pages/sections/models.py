"""Models: the inventory, the card of each, its evidence, two beside each other, and who may serve."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from p2pcredit.errors import BankError, UsageError
from p2pcredit.jobs.audit.files.points_table import print_points
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.governance.approvals import approve, refuse
from p2pcredit.jobs.governance.inventory import take_inventory
from p2pcredit.jobs.scoring.champions import promote, rollback, show_model
from p2pcredit.periods import parse_date
from p2pcredit.reporting.inventory import approval_words, served_words
from p2pcredit.serving.access import Visitor
from p2pcredit.serving.pages.parts.cells import cell_text
from p2pcredit.serving.pages.parts.drawing import draw, way
from p2pcredit.serving.pages.parts.exports import answer_export
from p2pcredit.serving.pages.parts.forms import optional_text, text_of
from p2pcredit.serving.pages.parts.saved import answer_saved
from p2pcredit.serving.pages.parts.tables import COMPARISONS, asked_of, frame_of, look_up
from p2pcredit.serving.refusals import Refusal
from p2pcredit.serving.site import Site
from p2pcredit.storage.state.model_bank import EVIDENCE_PAGE_FILE, SWAP_SET_FILE, ModelBank

_INVENTORY = {
    "model_id": pl.String,
    "role": pl.String,
    "family": pl.String,
    "target": pl.String,
    "origin": pl.String,
    "as_of": pl.String,
    "developer": pl.String,
    "approved": pl.String,
    "served": pl.String,
    "next_review": pl.String,
    "findings_open": pl.Int64,
}
_LONGEST_REASON = 1_000


def models_router(site: Site) -> APIRouter:
    """Make the pages of models."""
    router = APIRouter(include_in_schema=False)
    reader, decider = Depends(site.may("read")), Depends(site.may_post("decide"))

    @router.get("/models")
    def models(request: Request, visitor: Visitor = reader) -> Response:
        inventory, asked = take_inventory(site.context()), asked_of(request, "as_of", down=True)
        rows = [{**one, "approved": approval_words(one), "served": served_words(one)} for one in inventory["models"]]
        frame = frame_of(rows, _INVENTORY)
        if form := request.query_params.get("as"):
            return answer_export(frame, asked, form, "models")
        links = {"model_id": lambda row: way(f"/models/{row['model_id']}")}
        shown = look_up(frame, asked, key="models", caption="Models", links=links, empty="No model was trained yet.")
        facts = {
            "inventory": inventory,
            "shown": shown,
            "comparisons": COMPARISONS,
            "said": request.query_params.get("said"),
        }
        return draw(request, "models.html", visitor, facts)

    @router.get("/models/compare")
    def compare(request: Request, visitor: Visitor = reader) -> Response:
        ctx = site.context()
        ids, told = ModelBank(ctx.layout).model_ids(), request.query_params
        champion = ctx.ledger.state().champion
        first = told.get("a") or champion or (ids[0] if ids else None)
        second = told.get("b") or next((one for one in reversed(ids) if one != first), None)
        facts: dict[str, Any] = {"ids": ids, "first": first, "second": second, "rows": [], "swap": None}
        if first is not None and second is not None:
            cards = [show_model(ctx, one) for one in (first, second)]
            facts["rows"] = beside_each_other(*(_plain_facts(card) for card in cards))
            facts["swap"] = _swap_of(ctx, first, second)
        return draw(request, "compare.html", visitor, facts)

    @router.get("/models/{model_id}")
    def model(request: Request, model_id: str, visitor: Visitor = reader) -> Response:
        ctx = site.context()
        found, state = show_model(ctx, model_id), ctx.ledger.state()
        facts = {
            "model": found,
            "facts": with_intervals(_plain_facts(found)),
            "reason": found["card"].get("reason"),
            "points": _points(ctx, model_id),
            "has_evidence": (ctx.layout.model(model_id) / EVIDENCE_PAGE_FILE).is_file(),
            "swap": _own_swap(ctx, model_id),
            "waits": state.approvals.waiting_of(model_id),
            "serves": state.champion == model_id,
            "champion": state.champion,
            "before": state.champion_before() if state.champion else None,
            "asks_approval": ctx.settings.governance.approval,
            "currency": ctx.settings.money.currency,
            "said": request.query_params.get("said"),
        }
        return draw(request, "model.html", visitor, facts)

    @router.get("/models/{model_id}/evidence")
    def evidence(model_id: str, visitor: Visitor = reader) -> Response:
        bank = ModelBank(site.layout)
        card = bank.get(model_id).card
        page = bank.attachment(model_id, EVIDENCE_PAGE_FILE)
        if card.get("evidence", {}).get(EVIDENCE_PAGE_FILE) != hashlib.sha256(page).hexdigest():
            raise BankError(f"the evidence of {model_id} was altered since it was made; restore it from a backup")
        return answer_saved(page)

    @router.post("/models/rollback")
    async def post_rollback(request: Request, visitor: Visitor = decider) -> Response:
        why = text_of(await request.form(), "why", at_most=_LONGEST_REASON)
        return await _acted(request, visitor, "rollback", None, why, lambda ctx: rollback(ctx, why))

    @router.post("/models/{model_id}/{act}")
    async def post_act(request: Request, model_id: str, act: str, visitor: Visitor = decider) -> Response:
        form = await request.form()
        why = text_of(form, "why", at_most=_LONGEST_REASON)
        acts: dict[str, Callable[[JobContext], dict[str, Any]]] = {
            "approve": lambda ctx: _approve(ctx, model_id, why, form),
            "refuse": lambda ctx: refuse(ctx, model_id, why),
            "promote": lambda ctx: promote(ctx, model_id, why),
        }
        if act not in acts:
            raise Refusal(404, "no_such_act", "there is nothing here")
        return await _acted(request, visitor, act, model_id, why, acts[act])

    async def _acted(
        request: Request,
        visitor: Visitor,
        act: str,
        model_id: str | None,
        why: str,
        do: Callable[[JobContext], dict[str, Any]],
    ) -> Response:
        done = await run_in_threadpool(do, site.context(visitor))
        facts = {"model_id": done["model_id"], "why": why}
        await run_in_threadpool(site.audit, visitor, act, facts, request.state.request_id)
        return RedirectResponse(way(f"/models/{model_id or done['model_id']}", said=act), 303)

    return router


def _approve(ctx: JobContext, model_id: str, why: str, form: FormData) -> dict[str, Any]:
    until = optional_text(form, "until")
    conditions = optional_text(form, "conditions", at_most=_LONGEST_REASON)
    return approve(ctx, model_id, why, None if until is None else parse_date(until), conditions)


def beside_each_other(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Put the facts of two models side by side, those that both have first to last as the first has them.

    Examples:
        >>> beside_each_other({"auc": 0.7, "family": "scorecard"}, {"auc": 0.75, "gini": 0.5})[0]
        {'name': 'auc', 'first': 0.7, 'second': 0.75, 'change': 0.05}
    """
    rows = []
    for name in dict.fromkeys((*first, *second)):
        one, other = first.get(name), second.get(name)
        both = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
        change = round(other - one, 10) if both else None  # type: ignore[operator]
        rows.append({"name": name, "first": one, "second": other, "change": change})
    return rows


def _plain_facts(found: Mapping[str, Any]) -> dict[str, Any]:
    """Take what a card says in single values: what it is, and its metrics."""
    card = found["card"]
    named = {name: found[name] for name in ("role", "family", "target", "origin", "as_of")}
    more = {
        name: value
        for name, value in card.items()
        if name not in {*named, "model_id", "reason"} and isinstance(value, str | int | float) and value != ""
    }
    metrics = {name: value for name, value in found["metrics"].items() if not isinstance(value, dict | list)}
    return {**named, **more, **metrics}


def with_intervals(facts: Mapping[str, Any]) -> dict[str, str]:
    """Write facts for a reader, a measurement with its interval in one.

    Examples:
        >>> with_intervals({"family": "scorecard", "auc": 0.7123, "auc_low": 0.68, "auc_high": 0.74})
        {'family': 'scorecard', 'auc': '0.7123 [0.68, 0.74]'}
    """
    told = {}
    for name, value in facts.items():
        base = name.removesuffix("_low").removesuffix("_high")
        if base != name and base in facts:
            continue
        low, high = facts.get(f"{name}_low"), facts.get(f"{name}_high")
        interval = "" if low is None or high is None else f" [{cell_text(low)}, {cell_text(high)}]"
        told[name] = f"{cell_text(value)}{interval}"
    return told


def _points(ctx: JobContext, model_id: str) -> dict[str, Any] | None:
    """Give the points table of a scorecard; None for a model that has none."""
    try:
        return print_points(ctx, model_id, "json", None)[0]
    except UsageError:
        return None


def _own_swap(ctx: JobContext, model_id: str) -> dict[str, Any] | None:
    """Read the swap set that was made with a model; None where no champion served then."""
    return _read_json(ctx.layout.model(model_id) / SWAP_SET_FILE)


def _swap_of(ctx: JobContext, first: str, second: str) -> dict[str, Any] | None:
    """Find the swap set of two models, by a promotion of either over the other or made with one of them."""
    for model_id, other in ((second, first), (first, second)):
        found = _read_json(ctx.layout.swap_set(model_id, other))
        if found is None and ((own := _own_swap(ctx, model_id)) or {}).get("champion_id") == other:
            found = own
        if found is not None:
            return {**found, "champion_id": other, "model_id": model_id}
    return None


def _read_json(path: Any) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


__all__ = ["beside_each_other", "models_router", "with_intervals"]

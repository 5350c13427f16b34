"""Who serves: the models of the bank, their roles, and a person's right to change the champion with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from p2pcredit.contracts.results import Status
from p2pcredit.errors import BankError, P2PCreditError, StorageError, UsageError
from p2pcredit.jobs.activity import record, warn, warn_once
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.acts import acting, same_act
from p2pcredit.jobs.governance.records import sign_off
from p2pcredit.jobs.tracking.sync import mirror_models
from p2pcredit.retraining.approvals import NO_APPROVAL
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.service import role_of
from p2pcredit.retraining.state import HandoffState
from p2pcredit.storage.state.model_bank import ModelBank

_KEPT_BACK = "kept back by its training: "


def list_models(ctx: JobContext) -> list[Receipt]:
    """List all models of the bank, oldest first: `model_id`, `family`, `as_of`, `role`, `metrics`."""
    bank = ModelBank(ctx.layout)
    state = ctx.ledger.state()
    models = [_listed(bank, model_id, state) for model_id in bank.model_ids()]
    return sorted(models, key=lambda model: (model["as_of"] or "", model["model_id"]))


def show_model(ctx: JobContext, model_id: str) -> Receipt:
    """Return one model's card, with its role, the periods in which it was champion, and who answers for it.

    Returns:
        What `list_models` gives, `reigns`, `governance` (as `sign_off` gives it) and `card`.

    Raises:
        BankError: If there is no such model or it was altered.
    """
    card = ModelBank(ctx.layout).get(model_id).card
    state = ctx.ledger.state()
    periods = [
        {"effective_on": period.effective_on.isoformat(), "why": period.why}
        for period in state.champion_periods
        if period.model_id == model_id
    ]
    return {
        **_summary(model_id, card, state),
        "reigns": periods,
        "governance": sign_off(ctx, model_id, card),
        "card": card,
    }


def get_model(ctx: JobContext, day: date) -> Receipt:
    """Load the model that scores the loans of a snapshot date. Its files are checked; None before the first champion.

    Raises:
        BankError: If the champion's directory is missing, incomplete or altered.
    """
    model_id = ctx.ledger.state().champion_on(day)
    if model_id is None:
        waiting = "".join(f"; {one.model_id} waits for approval" for one in ctx.ledger.state().approvals.waiting)
        return {"model_id": None, "reason": f"no champion on {day}; nothing can be scored{waiting}"}
    banked = ModelBank(ctx.layout).get(model_id)
    return {"model_id": model_id, "family": banked.card.get("family"), "reason": f"champion on {day}"}


def get_monitored_model(ctx: JobContext, week_end: date) -> Receipt:
    """Load the model in service at the end of the week, and the day since when.

    Raises:
        BankError: If its directory is missing, incomplete or altered.
    """
    model_id = ctx.ledger.state().champion_on(week_end)
    card = {} if model_id is None else ModelBank(ctx.layout).get(model_id).card
    return {"model_id": model_id, "as_of": card.get("as_of"), "family": card.get("family")}


def promote(ctx: JobContext, model_id: str, why: str) -> Receipt:
    """Make a model of the bank champion, because a person says so.

    A model that does not pass the floor, or that its training kept back, becomes champion too, and that is said: as a
    warning, and in the ledger. Where settings ask for approval, it does not serve before a person approves it. The same
    words of the same person on the same day are one promotion, so that a command that was killed may be run again.

    Returns:
        `model_id`, `replaces`, `effective_on` (None where it waits for approval), `swap_set`, `overrides` (which floor
        the model does not pass, or why its training kept it back; None for neither), `by`, `approval` (which one it
        waits for; `none` where for none).

    Raises:
        BankError: If there is no such model or it was altered.
        UsageError: If it is champion already, or waits for approval.
    """
    words = _words(ctx, why)
    with ctx.ledger.exclusive():
        state = ctx.ledger.state()
        waiting = state.approvals.waiting_of(model_id)
        asks = ctx.settings.governance.approval != NO_APPROVAL
        number = waiting.number if asks and waiting is not None else _last_change(state)
        done = same_act(ctx, number, EventKind.PROMOTED, {"model_id": model_id, **words})
        if done is None and state.champion == model_id:
            raise UsageError(f"{model_id} is the champion already; see 'p2pcredit models list' for others")
        if done is None and asks and waiting is not None:
            raise UsageError(f"{model_id} waits for approval already; 'p2pcredit models approve' lets it serve")
        line = done or _crown(ctx, EventKind.PROMOTED, model_id, words)
    return _follow_up(ctx, line)


def rollback(ctx: JobContext, why: str) -> Receipt:
    """Return to the model that was champion before, at once: it served already, so no approval is waited for.

    The same words of the same person on the same day are one rollback, so that a command that was killed may be run
    again and goes no further back.

    Raises:
        UsageError: If there was none.
    """
    words = _words(ctx, why)
    with ctx.ledger.exclusive():
        state = ctx.ledger.state()
        done = same_act(ctx, _last_change(state), EventKind.ROLLED_BACK, words)
        earlier = state.champion_before()
        if done is None and earlier is None:
            raise UsageError("there is no earlier champion to return to; see 'p2pcredit models list'")
        line = done or _crown(ctx, EventKind.ROLLED_BACK, str(earlier), words)
    return _follow_up(ctx, line)


def overridden_floor(card: Mapping[str, Any]) -> str | None:
    """Say which floor a model does not pass, by its card; None where it passes.

    Examples:
        >>> overridden_floor({"gate": {"status": "pass", "reason": "above chance"}}) is None
        True
        >>> overridden_floor({"gate": {"status": "fail", "reason": "AUC 0.478 is not above chance"}})
        'fail: AUC 0.478 is not above chance'
        >>> overridden_floor({})
        'undetermined: its card does not say that it was held to the floor'
    """
    gate = card.get("gate")
    if not isinstance(gate, Mapping):
        return "undetermined: its card does not say that it was held to the floor"
    return None if gate.get("status") == Status.PASS else f"{gate.get('status')}: {gate.get('reason')}"


def kept_back(card: Mapping[str, Any]) -> str | None:
    """Say why its training did not let a model serve, by its card; None where it did, or where the card is silent.

    Examples:
        >>> kept_back({"promoted": False, "gate": {"status": "pass", "ruling": "first model stopped: Brier score"}})
        'kept back by its training: first model stopped: Brier score'
        >>> kept_back({"promoted": False, "reason": "not better by enough"})
        'kept back by its training: not better by enough'
        >>> kept_back({"promoted": True, "reason": "first model: no guard stops it"}) is None
        True
    """
    gate = card.get("gate")
    ruling = gate.get("ruling") if isinstance(gate, Mapping) else None
    why = ruling or card.get("reason")
    return f"{_KEPT_BACK}{why}" if card.get("promoted") is False and why else None


def _words(ctx: JobContext, why: str) -> dict[str, str | None]:
    """Give what a person's line says of who changes the champion and why."""
    if not why.strip():
        raise UsageError("a change of champion needs a reason; give it with --why")
    return {"why": why, **acting(ctx)}


def _last_change(state: HandoffState) -> int | None:
    """Return the number of the ledger line by which the champion came to serve; None where there is no champion."""
    return max((period.number for period in state.champion_periods), default=None)


def _crown(ctx: JobContext, kind: EventKind, model_id: str, words: Mapping[str, str | None]) -> LedgerEvent:
    """Write the ledger line of a change of champion. Call it while the ledger is locked."""
    card = ModelBank(ctx.layout).get(model_id).card
    if "as_of" not in card:
        raise BankError(f"the card of model {model_id} does not say as of when it learned; restore it from a backup")
    state = ctx.ledger.state()
    approval = ctx.settings.governance.approval if kind is EventKind.PROMOTED else NO_APPROVAL
    effective = None if approval != NO_APPROVAL else state.next_unscored(date.fromisoformat(card["as_of"])).isoformat()
    facts = {
        "model_id": model_id,
        "replaces": state.champion,
        "effective_on": effective,
        "approval": approval,
        "overrides": overridden_floor(card) or kept_back(card),
        **words,
    }
    line = ctx.ledger.append(kind, at=ctx.at, run_id=ctx.run_id, facts=facts)
    assert line is not None, "nothing keeps it from being written"
    return line


def _follow_up(ctx: JobContext, line: LedgerEvent) -> Receipt:
    """Warn of a floor or a ruling that is overridden, write the swap set, record the act; again if it was done."""
    facts, model_id = line.facts, str(line.facts["model_id"])
    effective, overrides = facts["effective_on"], facts["overrides"]
    if overrides is not None:
        what = "waits for approval" if effective is None else f"is champion from {effective} on"
        though = "it was " if overrides.startswith(_KEPT_BACK) else "it does not pass the floor: "
        message = f"{model_id} {what} though {though}{overrides}"
        warn_once(ctx, f"floor of {model_id}, ledger line {line.number}", message)
    as_of = date.fromisoformat(ModelBank(ctx.layout).get(model_id).card["as_of"])
    day = ctx.ledger.state().next_unscored(as_of) if effective is None else date.fromisoformat(effective)
    receipt: Receipt = {
        "model_id": model_id,
        "replaces": facts["replaces"],
        "effective_on": effective,
        "swap_set": _swap_set(ctx, model_id, facts["replaces"], day),
        "overrides": overrides,
        "by": facts["by"],
        "approval": facts["approval"],
    }
    record(ctx, str(line.kind), {**receipt, "why": facts["why"]})
    mirror_models(ctx)
    return receipt


def _swap_set(ctx: JobContext, model_id: str, replaces: str | None, day: date) -> str | None:
    """Write the swap set of this change and return its path; a change that a person decided never waits for it."""
    from p2pcredit.jobs.training.comparing.swap_sets import (
        swap_on_promotion,  # reads models and lake, which a list of models does not need
    )

    try:
        path = swap_on_promotion(ctx, model_id, replaces, day)
    except P2PCreditError as error:
        warn(ctx, f"the swap set of {model_id} over {replaces} could not be written: {error}")
        return None
    return None if path is None else str(path)


def _listed(bank: ModelBank, model_id: str, state: HandoffState) -> Receipt:
    try:
        return _summary(model_id, bank.get(model_id).card, state)
    except StorageError as error:  # one damaged model must not hide the others
        damaged = f"damaged: {error}"
        return {
            "model_id": model_id,
            "family": None,
            "target": None,
            "origin": None,
            "as_of": None,
            "role": damaged,
            "metrics": {},
        }


def _summary(model_id: str, card: dict[str, Any], state: HandoffState) -> Receipt:
    return {
        "model_id": model_id,
        "family": card.get("family"),
        "target": card.get("target"),
        "origin": card.get("origin"),
        "as_of": card.get("as_of"),
        "role": role_of(state, model_id),
        "metrics": card.get("metrics", {}),
    }

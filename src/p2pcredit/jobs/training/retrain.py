"""Retraining, exactly once: is it due, do it, log it, whatever fails in between.

A run claims a decision in the ledger before it trains and says afterwards what came of it. While it trains it holds a
lock that the kernel gives back if the process dies, so a claim without an end is known to be abandoned.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from p2pcredit.contracts.results import Status
from p2pcredit.errors import P2PCreditError, TooLittleDataError, UsageError
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.decision_outlook import weeks_with_log
from p2pcredit.jobs.decisions import reconcile
from p2pcredit.jobs.governance.acts import acting
from p2pcredit.jobs.governance.attention import alert_of_approvals
from p2pcredit.jobs.pipelines import INFERENCE
from p2pcredit.jobs.tracking.sync import mirror_models
from p2pcredit.jobs.training.backends import require_fit_backend
from p2pcredit.jobs.walking import do_step
from p2pcredit.periods import week_monday
from p2pcredit.retraining.approvals import NO_APPROVAL
from p2pcredit.retraining.events import EventKind, LedgerEvent
from p2pcredit.retraining.people import SCHEDULE
from p2pcredit.retraining.rules import Plan, plan_retraining, retry_of_first_model
from p2pcredit.storage.files import read_small_file, write_bytes_atomically
from p2pcredit.text import one_line

logger = logging.getLogger("p2pcredit")
_OF_CARD = (
    "promoted",
    "reason",
    "metrics",
    "matured_bads",
    "target",
    "origin",
    "recalibration",
    "gate",
    "bins_by_hand",
    "kind",
)
"""What the ledger keeps of a model's card."""
LONGEST_LIMIT = 400


def check_retraining(ctx: JobContext, day: date) -> Receipt:
    """Check whether a retraining is due on this snapshot date. Nothing is claimed yet.

    What approvals ask of a person is alerted, once each: this is the step that looks at the ledger every night.

    Returns:
        `retrain`, `reason`, `decision_id`.
    """
    plan = _plan(ctx, day, first_model_outlook(ctx, day))
    receipt: Receipt = {"retrain": plan.retrain, "reason": plan.reason, "decision_id": plan.decision_id}
    alert_of_approvals(ctx)
    record(ctx, "check_retraining", {"snapshot_date": day.isoformat(), **receipt})
    return receipt


def train_if_due(ctx: JobContext, day: date) -> Receipt:
    """Train if a retraining is due, and say in the ledger what came of it.

    A retry of a run that trained already answers with that training. A failed training releases the decision for the
    next run and raises.

    Returns:
        `outcome` (`champion`, `challenger`, `refused`, or `none` where nothing was due), `model_id`, `metrics`,
        `reason`.

    Raises:
        IncompleteDayError: If the day of a scheduled run is not preprocessed; no decision is claimed.
    """
    from p2pcredit.jobs.known_days import require_complete_of_run  # with Polars; the tasks beside this one need none

    require_fit_backend(ctx)
    with ctx.ledger.training():
        done = ctx.ledger.state().training_of(ctx.run_id, day)
        if done is not None:
            alert_of_approvals(ctx)  # a run that died once its training was in the ledger did not come so far
            return _receipt(done)
        require_complete_of_run(ctx, day)
        first = first_model_outlook(ctx, day)
        with ctx.ledger.exclusive():  # no decision comes between the plan and the claim
            plan = _plan(ctx, day, first)
            if plan.retrain:
                _claim(ctx, day, plan)
        if not plan.retrain:
            return {"outcome": "none", "model_id": None, "metrics": {}, "reason": plan.reason}
        return _train(ctx, day, plan)


def train_now(ctx: JobContext, day: date, why: str | None) -> Receipt:
    """Train as of a day because a person asks. The weekly limit holds unless a reason is given, which is recorded.

    Returns:
        `as_of`, `outcome`, `model_id`, `metrics`, `reason`.
    """
    if why is not None and not why.strip():
        raise UsageError("a training outside the weekly limit needs a reason; give it with --why")
    acting(ctx)  # a training without the name that settings ask for is refused before it begins
    require_fit_backend(ctx)
    with ctx.ledger.training():
        done = ctx.ledger.state().training_of(ctx.run_id, day)
        if done is not None:
            _warn_that_it_is_done(done, day)
            alert_of_approvals(ctx)
        receipt = _receipt(done) if done is not None else _train_as_asked(ctx, day, why)
    for step in INFERENCE.by_hand("train", below="train_model_task"):
        do_step(ctx, step, day)  # also what a run that died just after its training left undone
    receipt = {"as_of": day.isoformat(), **receipt}
    record(ctx, "train", receipt)
    return receipt


def _warn_that_it_is_done(done: LedgerEvent, day: date) -> None:
    """Warn that nothing is trained: settings or data that changed since would seem to have made that model."""
    logger.warning(
        "a training as of %s was done already, at %s; what came of it is shown and nothing is trained; to train with "
        "settings or data of now, choose another --as-of",
        day,
        done.at,
    )


def _train_as_asked(ctx: JobContext, day: date, why: str | None) -> Receipt:
    week = week_monday(day)
    first = first_model_outlook(ctx, day)
    with ctx.ledger.exclusive():
        plan = _plan(ctx, day, first, by_person=True)
        limited = week in ctx.ledger.state().weeks_retrained() or week in weeks_with_log(ctx, day)
        if not plan.retrain and (why is not None or not limited):
            plan = Plan(True, why or "asked for by a person", overrides_limit=limited)
        if plan.retrain:
            _claim(ctx, day, plan, why=why)
    if plan.retrain:
        return _train(ctx, day, plan, why=why)
    reason = f"a retraining already took place in the week of {week}; give --why to train all the same"
    return {"outcome": "refused", "model_id": None, "metrics": {}, "reason": reason}


def log_retraining(ctx: JobContext, day: date) -> Receipt:
    """Write the week's retraining log from the ledger, if a retraining took place in the week of this snapshot date.

    A log that the weeks shortly before should have and have not is written too. MLflow is brought up to date here,
    after the night's loans are scored, whether or not anything was trained: what it missed before is made up.
    """
    week, since = week_monday(day), day - timedelta(days=ctx.settings.preprocessing.catch_up_days)
    with ctx.ledger.exclusive():
        of_week: dict[date, list[LedgerEvent]] = {}
        for event in ctx.ledger.state().trainings:
            of_week.setdefault(date.fromisoformat(event.facts["week"]), []).append(event)
        for monday, trainings in of_week.items():
            newest = max(date.fromisoformat(event.facts["snapshot_date"]) for event in trainings)
            lacks = since <= newest < week and not os.path.lexists(ctx.layout.retraining_log(monday))
            if monday == week or lacks:
                _write_log(ctx.layout.retraining_log(monday), monday, trainings)
    mirror_models(ctx)
    if week not in of_week:
        return {"logged": False, "path": None, "reason": f"no retraining in the week of {week}"}
    path = ctx.layout.retraining_log(week)
    return {"logged": True, "path": path.name, "reason": f"{len(of_week[week])} in the week of {week}"}


def _write_log(path: Path, week: date, trainings: Sequence[LedgerEvent]) -> None:
    head = f"Retraining in the week of {week} (Monday)\n"
    there = read_small_file(path).decode("utf-8", "replace") if os.path.lexists(path) else ""
    by_others = there.partition(head)[0]
    text = by_others + head + "".join(_log_line(event) for event in trainings)
    if there != text:
        write_bytes_atomically(path, text.encode())


def first_model_outlook(ctx: JobContext, day: date) -> tuple[bool, str]:
    """Return whether a first model may be tried as of a day, and what it waits for after one was refused."""
    state = ctx.ledger.state()
    if state.champion_on(day) is not None:
        return False, ""
    # reads the lake, which is needed before the first model only
    from p2pcredit.jobs.training.maturity import enough_matured, matured_counts

    if not enough_matured(ctx, day):
        return False, ""
    retry = retry_of_first_model(state, day, ctx.settings.training.first_model_growth_share)
    if retry is None or state.approvals.waiting:
        return True, ""
    _, known = matured_counts(ctx, day)
    return (True, "") if known >= retry.needed else (False, retry.in_words(known))


def _plan(ctx: JobContext, day: date, first_model: tuple[bool, str], *, by_person: bool = False) -> Plan:
    with ctx.ledger.exclusive():
        return plan_retraining(
            reconcile(ctx, day),
            day,
            settings=ctx.settings.handoff,
            weeks_with_log=weeks_with_log(ctx, day),
            first_model_possible=first_model[0],
            first_model_waits=first_model[1],
            by_person=by_person,
        )


def _claim(ctx: JobContext, day: date, plan: Plan, *, why: str | None = None) -> None:
    claim = ctx.ledger.state().claim
    if claim is not None:  # under the training lock, so the run that claimed has ended
        _release(ctx, claim.decision_id, claim.snapshot_date, f"run {claim.run_id} died while training")
    facts = {
        "decision_id": plan.decision_id,
        "snapshot_date": day.isoformat(),
        "reason": plan.reason,
        "why": why,
        "overrides_weekly_limit": plan.overrides_limit,
        **acting(ctx),
    }
    ctx.ledger.append(EventKind.CLAIMED, at=ctx.at, run_id=ctx.run_id, facts=facts)


def _train(ctx: JobContext, day: date, plan: Plan, *, why: str | None = None) -> Receipt:
    from p2pcredit.jobs.training import train as training

    try:
        cheaper = plan.remedy == "recalibrate" and ctx.ledger.state().champion_on(day) is not None
        banked = training.recalibrate_champion(ctx, day) if cheaper else training.train_model(ctx, day)
    except TooLittleDataError as error:
        _release(ctx, plan.decision_id, day, f"refused: {error}")
        return {"outcome": "refused", "model_id": None, "metrics": {}, "reason": str(error)}
    except BaseException as error:
        message = str(error) if isinstance(error, P2PCreditError) else type(error).__name__
        _release(ctx, plan.decision_id, day, f"failed: {message}")
        raise
    before = ctx.ledger.state().champion_on(day)
    trained, card = banked[-1], banked[-1].card
    governance, actor = ctx.settings.governance, acting(ctx)
    waits = trained.promoted and governance.approval != NO_APPROVAL
    if trained.promoted:
        outcome = "challenger" if waits else "champion"
    else:
        outcome = "refused" if before is None else "challenger"
    event = ctx.ledger.append(
        EventKind.TRAINED,
        at=ctx.at,
        run_id=ctx.run_id,
        facts={
            "decision_id": plan.decision_id,
            "snapshot_date": day.isoformat(),
            "week": week_monday(day).isoformat(),
            "outcome": outcome,
            "model_id": trained.model_id,
            "asked": plan.reason,
            "why": why,
            **actor,
            "developer": governance.developer.strip() or (None if actor["by"] == SCHEDULE else actor["by"]),
            "approval": governance.approval if trained.promoted else NO_APPROVAL,
            "remedy": "recalibrate" if cheaper else "retrain",
            "champion_before": before,
            "challenger_id": banked[0].model_id if len(banked) > 1 else None,
            **{name: card[name] for name in _OF_CARD if name in card},
            **({"limits": list(card["limits"])} if card.get("limits") else {}),
            **({"reason": f"waits for approval ({governance.approval}): {card['reason']}"} if waits else {}),
            "comparison": banked[0].card["comparison"],
        },
    )
    assert event is not None
    alert_of_approvals(ctx)
    if trained.promoted:
        _warn_of_floor(ctx, trained.model_id, card)
    return _receipt(event)


def _warn_of_floor(ctx: JobContext, model_id: str, card: Mapping[str, Any]) -> None:
    """Warn where a recalibrated champion ranks below the floor: its ranking served before; nothing keeps it back."""
    gate = card["gate"]
    if gate is not None and Status(gate["status"]) is not Status.PASS:
        warn(
            ctx,
            f"{model_id} serves with a new calibration though its ranking does not pass the floor: {gate['status']}: "
            f"{gate['reason']}; look at the labels and columns of the newest loans, or 'p2pcredit models rollback'",
        )


def _release(ctx: JobContext, decision_id: str | None, day: date, reason: str) -> None:
    facts = {"decision_id": decision_id, "snapshot_date": day.isoformat(), "reason": reason}
    ctx.ledger.append(EventKind.RELEASED, at=ctx.at, run_id=ctx.run_id, facts=facts)


def _receipt(event: LedgerEvent) -> Receipt:
    facts = event.facts
    return {
        "outcome": facts["outcome"],
        "model_id": facts["model_id"],
        "metrics": facts["metrics"],
        "reason": facts["reason"],
    }


def _log_line(event: LedgerEvent) -> str:
    facts = event.facts
    return (
        f"{event.at} snapshot_date={facts['snapshot_date']} outcome={facts['outcome']} model={facts['model_id']}"
        f" decision={facts['decision_id'] or 'none'} run={event.run_id} reason={facts['reason']}\n"
        + "".join(f"  limit: {one_line(limit, LONGEST_LIMIT)}\n" for limit in facts.get("limits", []))
    )


__all__ = ["check_retraining", "log_retraining", "train_if_due", "train_now", "weeks_with_log"]

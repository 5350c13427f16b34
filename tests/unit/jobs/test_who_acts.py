"""Every act that changes who serves or what is decided says in its ledger line who did it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from tests.unit.jobs.handoff_nights import MONDAY, SATURDAY, a_night, write_by_hand

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.decisions import decide, override_decision, reconcile, show_decision
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.champions import promote, rollback
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import Origin
from p2pcredit.settings.governance import GovernanceSettings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete

REQUIRED = GovernanceSettings(names="required")


def by(ctx: JobContext, name: str | None, login: str | None = "svc") -> JobContext:
    return replace(ctx, by=name, login=login)


def asking_for_names(ctx: JobContext) -> JobContext:
    return replace(ctx, settings=ctx.settings.model_copy(update={"governance": REQUIRED}))


def lines(ctx: JobContext) -> list[tuple[str, Any, Any]]:
    return [(str(e.kind), e.facts.get("by"), e.facts.get("login")) for e in ctx.ledger.events()]


def bank(ctx: JobContext, *models: str) -> None:
    for model in models:
        ModelBank(ctx.layout).add(model, {"model.json": model.encode()}, {"model_id": model, "as_of": "2024-01-01"})


def test_a_person_is_named_and_else_their_account_is(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(MONDAY)
    bank(ctx, "a", "b")
    promote(by(ctx, " Ada  Lovelace "), "a", "first")
    promote(by(ctx, None), "b", "better")
    rollback(by(ctx, None, login=None), "complaints")
    assert lines(ctx) == [
        ("promoted", "Ada Lovelace", "svc"),
        ("promoted", "svc", "svc"),
        ("rolled_back", None, None),
    ]


def test_an_override_bears_the_name_in_ledger_file_and_display(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(MONDAY)
    receipt = override_decision(by(ctx, "Grace"), MONDAY, retrain=True, why="a new product")
    assert receipt["decided_by"] == "Grace"
    assert lines(ctx) == [("decided", "Grace", "svc")]
    assert json.loads(ctx.layout.decision_file.read_text())["decided_by"] == "Grace"
    assert show_decision(ctx)["decided_by"] == "Grace"


def test_a_file_written_by_hand_may_name_its_writer_and_need_not(run_on: Callable[..., JobContext]) -> None:
    ctx = run_on(MONDAY)
    write_by_hand(ctx, decided_by="Grace")
    reconcile(ctx)
    write_by_hand(ctx, reason="by hand, again")
    reconcile(asking_for_names(ctx))
    assert lines(ctx) == [("decided", "Grace", None), ("decided", None, None)]


def test_the_lines_of_a_night_say_that_the_schedule_did_it(
    run_on: Callable[..., JobContext], decision: Callable[..., Decision], trainer: Any
) -> None:
    for caller, home in ((Caller.SCHEDULED, "a"), (Caller.REPLAY, "b")):
        ctx = asking_for_names(run_on(MONDAY))
        ctx = replace(ctx, layout=type(ctx.layout)(ctx.layout.home / home), caller=caller, by="nobody's")
        mark_complete(ctx.layout, {MONDAY: {}})
        decide(ctx, decision(SATURDAY), Origin.MONITORING)
        assert a_night(ctx, MONDAY)["model_id"] is not None
        told = [line for line in lines(ctx) if line[0] in {"decided", "claimed", "trained"}]
        assert told == [("decided", "schedule", None), ("claimed", "schedule", None), ("trained", "schedule", None)]


def test_a_training_by_hand_bears_the_name(run_on: Callable[..., JobContext], trainer: Any) -> None:
    ctx = run_on(MONDAY)
    train_now(by(ctx, "Grace"), MONDAY, "asked for")
    told = [line for line in lines(ctx) if line[0] in {"claimed", "trained"}]
    assert told == [("claimed", "Grace", "svc"), ("trained", "Grace", "svc")]


ACTS: dict[str, Callable[[JobContext], object]] = {
    "train": lambda ctx: train_now(ctx, MONDAY, "why"),
    "promote": lambda ctx: promote(ctx, "b", "why"),
    "rollback": lambda ctx: rollback(ctx, "why"),
    "override": lambda ctx: override_decision(ctx, MONDAY, retrain=True, why="why"),
    "monitor": lambda ctx: monitor(ctx, SATURDAY),
    "accept drift": lambda ctx: preprocess(ctx, DateRange(MONDAY, MONDAY), "why"),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize(("name", "says"), [(None, "say who does it"), (" ", "is blank"), ("Schedule", "stands for")])
def test_where_names_are_required_an_act_without_a_persons_name_does_nothing(
    run_on: Callable[..., JobContext], act: str, name: str | None, says: str
) -> None:
    ctx = run_on(MONDAY)
    bank(ctx, "a", "b")
    promote(ctx, "b", "first")
    promote(ctx, "a", "second")
    before = ctx.ledger.events()
    with pytest.raises(UsageError, match=says):
        ACTS[act](by(asking_for_names(ctx), name))
    assert ctx.ledger.events() == before


def test_what_a_person_decided_about_a_day_in_the_future_of_the_clock_still_bears_the_name(
    run_on: Callable[..., JobContext],
) -> None:
    ctx = run_on(MONDAY)
    override_decision(by(ctx, "Grace"), date(2024, 3, 1), retrain=False, why="wait")
    assert reconcile(ctx).current is not None
    assert lines(ctx)[0][1] == "Grace"

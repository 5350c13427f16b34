"""An act of a person that was killed after its ledger line is the same act where it is done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from p2pcredit.errors import UsageError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import override_decision
from p2pcredit.jobs.governance.approvals import approve, refuse
from p2pcredit.jobs.governance.findings import close_finding, open_finding
from p2pcredit.jobs.scoring.champions import promote, rollback
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import DecisionStatus
from p2pcredit.settings import GovernanceSettings
from p2pcredit.storage.state.model_bank import ModelBank

DAY = date(2024, 1, 15)
MODELS = ("m1", "m2", "m3")
Act = Callable[[JobContext], Any]

CROWNED: dict[str, str] = {"m1": "first", "m2": "better", "m3": "better still"}
ACTS: dict[str, tuple[Act, Act, str]] = {
    "promote": (lambda ctx: promote(ctx, "m1", "first"), lambda ctx: promote(ctx, "m2", "better"), "promoted"),
    "promote, to wait": (lambda ctx: None, lambda ctx: promote(asking(ctx), "m2", "better"), "promoted"),
    "roll back": (lambda ctx: crown_all(ctx), lambda ctx: rollback(ctx, "complaints"), "rolled_back"),
    "approve": (
        lambda ctx: promote(asking(ctx), "m2", "better"),
        lambda ctx: approve(asking(ctx), "m2", "sound"),
        "approve",
    ),
    "refuse": (
        lambda ctx: promote(asking(ctx), "m2", "better"),
        lambda ctx: refuse(asking(ctx), "m2", "not sound"),
        "refuse",
    ),
    "override": (lambda ctx: None, lambda ctx: override_decision(ctx, DAY, retrain=True, why="price"), "override"),
    "open a finding": (lambda ctx: None, lambda ctx: open_finding(ctx, "m1", "few bads"), "finding_opened"),
    "close a finding": (
        lambda ctx: open_finding(ctx, "m1", "few bads"),
        lambda ctx: close_finding(ctx, "m1", 1, "more came"),
        "finding_closed",
    ),
}
"""Act -> what comes before it, the act, and the job of its line in the activity file."""


def asking(ctx: JobContext) -> JobContext:
    return replace(ctx, settings=ctx.settings.model_copy(update={"governance": GovernanceSettings(approval="named")}))


def crown_all(ctx: JobContext) -> None:
    for model_id, why in CROWNED.items():
        promote(ctx, model_id, why)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    ctx = replace(run_on(DAY, "person"), by="Ada")
    for model_id in MODELS:
        card = {"model_id": model_id, "family": "scorecard", "as_of": "2024-01-01"}
        ModelBank(ctx.layout).add(model_id, {"model.json": model_id.encode()}, card)
    return ctx


def later(ctx: JobContext, hours: int = 3) -> JobContext:
    return replace(ctx, run_id="again", at=ctx.at + timedelta(hours=hours))


def lines(ctx: JobContext) -> list[tuple[str, dict[str, Any]]]:
    return [(str(event.kind), event.facts) for event in ctx.ledger.events()]


class KilledError(Exception):
    """The process ends here."""


def killed_before_its_line_of_activity(monkeypatch: pytest.MonkeyPatch, act: Act, ctx: JobContext) -> None:
    def end(*_: object, **__: object) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        for room in ("scoring.champions", "governance.approvals", "governance.findings", "decisions"):
            patched.setattr(f"p2pcredit.jobs.{room}.record", end)
        with pytest.raises(KilledError):
            act(ctx)


@pytest.mark.parametrize("name", ACTS)
def test_after_a_kill_the_same_words_end_the_act_that_was_begun(
    ctx: JobContext, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, act, job = ACTS[name]
    before(ctx)
    number = len(lines(ctx))
    killed_before_its_line_of_activity(monkeypatch, act, ctx)
    written = lines(ctx)
    assert len(written) == number + 1
    receipt = act(later(ctx))
    assert lines(ctx) == written, "no second line"
    assert [entry["run_id"] for entry in recent_entries(ctx, job)][-1] == "again"
    assert act(later(ctx)) == receipt


def test_a_rollback_that_is_done_again_goes_no_further_back(ctx: JobContext) -> None:
    crown_all(ctx)
    assert rollback(ctx, "complaints")["model_id"] == "m2"
    again = rollback(later(ctx), "complaints")
    assert (again["model_id"], again["replaces"], ctx.ledger.state().champion) == ("m2", "m3", "m2")
    assert rollback(later(ctx), "the one before ranks no better")["model_id"] == "m1"


@pytest.mark.parametrize("other", ["on the next day", "of another person", "in other words"])
def test_another_day_person_or_word_is_another_act(ctx: JobContext, other: str) -> None:
    crown_all(ctx)
    rollback(ctx, "complaints")
    asked = {"on the next day": later(ctx, 24), "of another person": replace(later(ctx), by="Bob")}.get(
        other, later(ctx)
    )
    why = "more complaints" if other == "in other words" else "complaints"
    assert rollback(asked, why)["model_id"] == "m1"
    with pytest.raises(UsageError, match="m1 is the champion already"):
        promote(asked, "m1", "first")


def test_a_promotion_is_no_repetition_once_another_model_served_meanwhile(ctx: JobContext) -> None:
    promote(ctx, "m1", "first")
    promote(ctx, "m2", "better")
    promote(later(ctx), "m1", "first")
    assert (ctx.ledger.state().champion, len(lines(ctx))) == ("m1", 3)


def test_the_floor_is_warned_of_once_for_each_promotion(ctx: JobContext) -> None:
    promote(ctx, "m1", "first")
    promote(later(ctx), "m1", "first")
    said = [entry["message"] for entry in recent_entries(ctx, "warning")]
    assert [message for message in said if "does not pass the floor" in message] == [
        "m1 is champion from 2024-01-01 on though it does not pass the floor: undetermined: its card does not say that "
        "it was held to the floor"
    ]


def test_a_refusal_is_no_repetition_once_the_model_was_proposed_again(ctx: JobContext) -> None:
    ada = asking(ctx)
    for why in ("better", "better indeed"):
        promote(ada, "m2", why)
        refuse(ada, "m2", "not sound")
    assert [kind for kind, _ in lines(ctx)] == ["promoted", "refused"] * 2
    with pytest.raises(UsageError, match="does not wait for approval"):
        refuse(ada, "m2", "not sound at all")


def test_an_override_is_another_decision_once_the_first_was_acted_on(ctx: JobContext) -> None:
    first = override_decision(ctx, DAY, retrain=True, why="price")["decision_id"]
    facts = {"decision_id": first, "snapshot_date": str(DAY), "week": "2024-01-15", "outcome": "refused", "reason": "x"}
    ctx.ledger.append(EventKind.TRAINED, at=ctx.at, run_id="night", facts={**facts, "model_id": None})
    assert ctx.ledger.state().decisions[first].fate is DecisionStatus.ACTED_ON
    assert override_decision(later(ctx), DAY, retrain=True, why="price")["decision_id"] != first

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from p2pcredit.errors import BankError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.scoring.champions import list_models, promote, rollback, show_model
from p2pcredit.retraining.events import EventKind
from p2pcredit.storage.state.model_bank import ModelBank

DAY = date(2024, 1, 15)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    ctx = run_on(DAY, "person")
    for model_id, as_of in (("b", "2024-01-01"), ("a", "2024-01-08"), ("c", "2024-01-01")):
        card = {
            "model_id": model_id,
            "family": "scorecard",
            "target": "matured",
            "origin": "trained",
            "as_of": as_of,
            "metrics": {"auc": 0.7},
        }
        ModelBank(ctx.layout).add(model_id, {"model.json": model_id.encode()}, card)
    return ctx


def scored(ctx: JobContext, model_id: str, *days: str) -> None:
    facts = {"model_id": model_id, "days": dict.fromkeys(days, 1)}
    ctx.ledger.append(EventKind.SCORED, at=ctx.at, run_id="night", facts=facts)


def roles(ctx: JobContext) -> dict[str, str]:
    return {model["model_id"]: model["role"] for model in list_models(ctx)}


def test_models_are_listed_oldest_first_with_their_roles(ctx: JobContext) -> None:
    promote(ctx, "b", "first")
    promote(ctx, "a", "better")
    assert list(roles(ctx).items()) == [("b", "former champion"), ("c", "challenger"), ("a", "champion")]
    assert set(list_models(ctx)[0]) == {"model_id", "family", "target", "origin", "as_of", "role", "metrics"}


def test_an_empty_bank_lists_nothing(run_on: Callable[..., JobContext]) -> None:
    assert list_models(run_on(DAY)) == []


def test_a_promotion_is_a_ledger_line_with_its_reason(ctx: JobContext) -> None:
    receipt = promote(ctx, "b", "audit")
    floor = "undetermined: its card does not say that it was held to the floor"
    expected = {"model_id": "b", "replaces": None, "effective_on": "2024-01-01", "swap_set": None, "overrides": floor}
    assert receipt == {**expected, "by": None, "approval": "none"}
    line = ctx.ledger.events()[-1]
    assert (line.kind, line.run_id, line.facts["why"]) == (EventKind.PROMOTED, "person", "audit")
    assert show_model(ctx, "b")["reigns"] == [{"effective_on": "2024-01-01", "why": "audit"}]


def test_a_new_champion_takes_no_day_that_another_model_scored(ctx: JobContext) -> None:
    promote(ctx, "b", "first")
    scored(ctx, "b", "2024-01-13", "2024-01-14")
    assert promote(ctx, "a", "better")["effective_on"] == "2024-01-15"
    state = ctx.ledger.state()
    assert (state.champion_on(date(2024, 1, 14)), state.champion_on(date(2024, 1, 15))) == ("b", "a")
    assert state.champion_on(date(2023, 12, 31)) is None


def test_a_rollback_returns_to_the_champion_before(ctx: JobContext) -> None:
    promote(ctx, "b", "first")
    promote(ctx, "a", "better")
    assert rollback(ctx, "complaints")["model_id"] == "b"
    assert roles(ctx)["b"] == "champion"
    assert ctx.ledger.events()[-1].kind is EventKind.ROLLED_BACK


def test_without_an_earlier_champion_there_is_no_rollback(ctx: JobContext) -> None:
    with pytest.raises(UsageError, match="no earlier champion"):
        rollback(ctx, "why")
    promote(ctx, "b", "first")
    with pytest.raises(UsageError, match="no earlier champion"):
        rollback(ctx, "why")


def test_promoting_the_champion_or_an_unknown_or_altered_model_is_refused(ctx: JobContext) -> None:
    promote(ctx, "b", "first")
    with pytest.raises(UsageError, match="is the champion already"):
        promote(ctx, "b", "again")
    with pytest.raises(BankError, match="known are: a, b, c"):
        promote(ctx, "z", "why")
    (ctx.layout.model("a") / "model.json").write_text("x")
    with pytest.raises(BankError, match="altered"):
        promote(ctx, "a", "why")
    assert len(ctx.ledger.events()) == 1


@pytest.mark.parametrize("why", ["", "  "])
def test_a_change_of_champion_needs_a_reason(ctx: JobContext, why: str) -> None:
    with pytest.raises(UsageError, match="needs a reason"):
        promote(ctx, "b", why)
    assert ctx.ledger.events() == ()


CARD = {
    "model_id": "d",
    "family": "scorecard",
    "target": "matured",
    "origin": "trained",
    "as_of": "2024-01-01",
    "metrics": {},
}


@pytest.mark.parametrize(
    ("gate", "overrides"),
    [
        ({"status": "pass", "reason": "above chance"}, None),
        ({"status": "fail", "reason": "AUC 0.478 is not above chance"}, "fail: AUC 0.478 is not above chance"),
        ({"status": "undetermined", "reason": "9 bads"}, "undetermined: 9 bads"),
        (None, "undetermined: its card does not say that it was held to the floor"),
    ],
)
def test_a_promotion_by_hand_says_loudly_which_floor_it_overrides(
    ctx: JobContext, caplog: pytest.LogCaptureFixture, gate: dict[str, str] | None, overrides: str | None
) -> None:
    ModelBank(ctx.layout).add("d", {"model.json": b"d"}, CARD if gate is None else {**CARD, "gate": gate})
    assert promote(ctx, "d", "a person insists")["overrides"] == overrides
    assert ctx.ledger.events()[-1].facts["overrides"] == overrides
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    expected = [f"d is champion from 2024-01-01 on though it does not pass the floor: {overrides}"]
    assert said == ([] if overrides is None else expected)
    assert (overrides is not None) == ("does not pass the floor" in ctx.layout.activity.read_text())
    bank = examine(ctx)["checks"]["model_bank"]
    assert bank["status"] == ("pass" if overrides is None else overrides.partition(":")[0])
    assert (overrides or "every file as it was written") in bank["finding"]


STOPPED = "first model stopped: Brier score against that of one default rate for all 0.116, most 0.115: fail"


@pytest.mark.parametrize(
    ("status", "doctor"),
    [("fail", "fail"), ("undetermined", "fail"), ("pass", "pass")],
    ids=["bar", "unknown", "other"],
)
def test_a_promotion_by_hand_says_loudly_that_the_training_had_kept_the_model_back(
    ctx: JobContext, caplog: pytest.LogCaptureFixture, status: str, doctor: str
) -> None:
    guards = [
        {"key": "base_rate", "status": status, "must_pass": True},
        {"key": "score_shift", "status": "fail", "must_pass": False},
    ]
    gate = {"status": "pass", "reason": "above chance", "ruling": STOPPED, "guards": guards}
    card = {**CARD, "promoted": False, "reason": f"{STOPPED}; nothing serves yet", "gate": gate}
    ModelBank(ctx.layout).add("d", {"model.json": b"d"}, card)
    overrides = f"kept back by its training: {STOPPED}"
    assert promote(ctx, "d", "a person insists")["overrides"] == overrides
    assert ctx.ledger.events()[-1].facts["overrides"] == overrides
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert said == [f"d is champion from 2024-01-01 on though it was {overrides}"]
    bank = examine(ctx)["checks"]["model_bank"]
    assert bank["status"] == doctor
    assert STOPPED in bank["finding"]


def test_a_model_that_its_training_let_serve_overrides_nothing(
    ctx: JobContext, caplog: pytest.LogCaptureFixture
) -> None:
    gate = {"status": "pass", "reason": "above chance", "ruling": "first model: no guard stops it", "guards": []}
    ModelBank(ctx.layout).add("d", {"model.json": b"d"}, {**CARD, "promoted": True, "gate": gate})
    assert promote(ctx, "d", "again")["overrides"] is None
    assert not [record for record in caplog.records if record.levelname == "WARNING"]

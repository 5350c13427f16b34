from __future__ import annotations

from pathlib import Path

from tests.unit.tracking.tracked_home import FIRST, LOANS, SECOND, THIRD, bank_model, context

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.tracking.mirror import MOST_CHARACTERS, Roles, roles_in, tracked_run
from p2pcredit.retraining.events import EventKind
from p2pcredit.storage.state.model_bank import ModelBank


def roles_of(ctx: JobContext) -> Roles:
    return roles_in(ctx.ledger.state(), ModelBank(ctx.layout).model_ids())


def promoted(ctx: JobContext, model_id: str, approval: str = "none") -> None:
    effective = "2024-01-20" if approval == "none" else None
    facts = {"model_id": model_id, "replaces": None, "effective_on": effective, "approval": approval, "why": "x"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="by hand", facts=facts)


def test_the_challenger_is_the_newest_since_the_champion_that_does_not_serve(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    assert roles_of(ctx).aliases() == {}
    bank_model(ctx, THIRD, promoted=False)
    bank_model(ctx, FIRST, promoted=True)
    assert roles_of(ctx).aliases() == {"champion": FIRST}  # the one before it challenges no longer
    bank_model(ctx, SECOND, promoted=False)
    assert roles_of(ctx).aliases() == {"champion": FIRST, "challenger": SECOND}
    promoted(ctx, SECOND)
    assert roles_of(ctx).aliases() == {"champion": SECOND}
    assert roles_of(ctx).roles == {THIRD: "challenger", FIRST: "former champion", SECOND: "champion"}


def test_what_waits_for_approval_is_the_challenger(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    bank_model(ctx, FIRST, promoted=True)
    bank_model(ctx, SECOND, promoted=False)
    bank_model(ctx, THIRD, promoted=False)
    promoted(ctx, SECOND, approval="named")
    assert roles_of(ctx).aliases() == {"champion": FIRST, "challenger": SECOND}


def test_a_model_that_the_bank_lacks_bears_no_alias(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    bank_model(ctx, FIRST, promoted=True)
    assert roles_in(ctx.ledger.state(), []).aliases() == {}


def test_the_digest_changes_with_a_role_and_with_nothing_else(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    bank_model(ctx, FIRST, promoted=True)
    before = roles_of(ctx).digest()
    ctx.ledger.append(EventKind.SCORED, at=ctx.at, run_id="n", facts={"model_id": FIRST, "days": {"2024-01-12": 9}})
    assert roles_of(ctx).digest() == before
    bank_model(ctx, SECOND, promoted=False)
    assert roles_of(ctx).digest() != before


def test_a_run_holds_parameters_metrics_and_evidence_and_no_loans(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    bank_model(ctx, FIRST, promoted=True)
    told = tracked_run(ctx.ledger.state(), ModelBank(ctx.layout).get(FIRST), {"evidence.json": b"{}"})
    assert told.params["settings.training.families"] == '["scorecard"]'
    assert told.params["as_of"] == "2024-01-01"
    assert {"auc": 0.7, "auc_low": 0.65, "auc_high": 0.75, "matured_bads": 96.0}.items() <= dict(told.metrics).items()
    assert set(told.files) == {"card.json", "evidence.json", "model/model.json"}
    assert not any(LOANS in data for data in told.files.values())
    assert told.started_at == 1705197600000


def test_a_long_parameter_is_cut_to_what_every_server_takes(tmp_path: Path) -> None:
    ctx = context(tmp_path)
    bank_model(ctx, FIRST, promoted=True)
    model = ModelBank(ctx.layout).get(FIRST)
    model.card["features"] = [f"feature_{number}" for number in range(200)]
    assert len(tracked_run(ctx.ledger.state(), model, {}).params["features"]) == MOST_CHARACTERS

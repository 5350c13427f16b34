"""`p2pcredit models`: listed, shown, promoted, approved, questioned, verified and made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

pytestmark = pytest.mark.usefixtures("bare_environment")
Call = Callable[..., Any]


def test_models_are_listed_shown_promoted_and_rolled_back(call: Call, home: Path) -> None:
    for model_id, as_of in (("m1", "2024-01-01"), ("m2", "2024-01-08")):
        card = {
            "model_id": model_id,
            "family": "scorecard",
            "target": "matured",
            "origin": "trained",
            "as_of": as_of,
            "metrics": {"auc": 0.7},
        }
        ModelBank(Layout(home)).add(model_id, {"model.json": b"{}"}, card)
    for model_id in ("m1", "m2"):
        assert call("models", "promote", model_id, "--why", "x").exit_code == 0
    listed = json.loads(call("models", "list", "--json").stdout)
    assert [(model["model_id"], model["role"]) for model in listed] == [("m1", "former champion"), ("m2", "champion")]
    assert json.loads(call("models", "rollback", "--why", "x", "--json").stdout)["model_id"] == "m1"
    shown = json.loads(call("models", "show", "m1", "--json").stdout)
    assert (shown["role"], shown["family"], shown["metrics"]) == ("champion", "scorecard", {"auc": 0.7})
    assert "auc" in call("models", "show", "m1").stdout


def test_a_promotion_that_waits_is_approved_or_refused_by_name(
    call: Call, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("P2P_GOVERNANCE__APPROVAL", "four_eyes")
    for model_id in ("m1", "m2"):
        card = {"model_id": model_id, "family": "scorecard", "as_of": "2024-01-01"}
        ModelBank(Layout(home)).add(model_id, {"model.json": b"{}"}, card)
        unsigned = call("models", "promote", model_id, "--why", "x")
        assert (unsigned.exit_code, "give the name of a person with --by" in unsigned.stderr) == (2, True)
        promoted = call("models", "promote", model_id, "--why", "x", "--by", "Bob", "--json")
        assert json.loads(promoted.stdout)["effective_on"] is None
    waiting = json.loads(call("status", "--json").stdout)["awaiting_approval"]
    assert [(one["model_id"], one["promoted_by"]) for one in waiting] == [("m1", "Bob"), ("m2", "Bob")]
    own = call("models", "approve", "m1", "--why", "sound", "--by", "bob")
    assert (own.exit_code, own.stderr.count("\n")) == (2, 1)
    assert "another person must approve" in own.stderr
    given = call("models", "approve", "m1", "--why", "sound", "--by", "Ada", "--until", "2099-12-31", "--json")
    assert json.loads(given.stdout)["until"] == "2099-12-31"
    assert call("models", "refuse", "m2", "--why", "too young", "--by", "Ada").exit_code == 0
    state = json.loads(call("status", "--json").stdout)
    assert (state["champion"], state["awaiting_approval"], state["approval"]["by"]) == ("m1", [], "Ada")
    told = [line.split(maxsplit=5)[3:] for line in call("decision", "history").stdout.splitlines()[1:]]
    assert [line[:2] for line in told] == [
        ["promoted", "Bob"],
        ["promoted", "Bob"],
        ["approved", "Ada"],
        ["refused", "Ada"],
    ]
    assert told[0][2] == "m1 waits for approval (four_eyes): x"


def test_findings_and_the_inventory_are_a_table_a_page_and_json(call: Call, home: Path) -> None:
    card = {"model_id": "m1", "family": "scorecard", "as_of": "2024-01-01"}
    ModelBank(Layout(home)).add("m1", {"model.json": b"{}"}, card)
    call("models", "promote", "m1", "--why", "the first", "--by", "Bob")
    opened = json.loads(call("models", "finding", "m1", "--open", "few bads", "--by", "Vera", "--json").stdout)
    assert (opened["finding"], opened["by"]) == (1, "Vera")
    closed = call("models", "finding", "m1", "--close", "1", "--why", "more by now", "--by", "Ada", "--json")
    assert json.loads(closed.stdout)["open"] == 0
    for wrong in ((), ("--open", "x", "--close", "1"), ("--open", "x", "--why", "y"), ("--close", "1")):
        result = call("models", "finding", "m1", *wrong, "--by", "Vera")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), wrong
    (model,) = json.loads(call("models", "inventory", "--json").stdout)["models"]
    assert (model["role"], model["promoted_by"], model["findings_closed"]) == ("champion", "Bob", 1)
    shown = call("models", "inventory").stdout
    assert "since 2024-01-01" in shown
    assert "0 open, 1 closed" in shown
    assert (home / "reports" / "model_inventory.html").read_text().count("few bads") == 1


def test_a_person_sees_models_and_history_as_tables_and_a_status_at_a_glance(call: Call, home: Path) -> None:
    metrics = {"auc": 0.71234, "auc_low": 0.65, "auc_high": 0.77, "ece": 0.02, "n": 1200, "bads": 80}
    card = {
        "model_id": "m1",
        "family": "scorecard",
        "target": "matured",
        "origin": "trained",
        "as_of": "2024-01-01",
        "metrics": metrics,
    }
    ModelBank(Layout(home)).add("m1", {"model.json": b"{}"}, card)
    call("models", "promote", "m1", "--why", "the first", "--by", "Ada")
    call("decision", "override", "--retrain", "--why", "a new product", "--date", "2024-01-15", "--by", "Ada")
    assert call("models", "list").stdout.splitlines() == [
        "model_id  target   origin   as_of       auc                   calibration_error  loans  defaults  role",
        "m1        matured  trained  2024-01-01  0.712 [0.650, 0.770]  0.020              1200   80        champion",
    ]
    header, promoted, decided = call("decision", "history").stdout.splitlines()
    assert header.split() == ["number", "at", "event", "by", "what"]
    assert promoted.split()[3:5] == ["promoted", "Ada"]
    assert promoted.endswith("m1 from 2024-01-01 on: the first")
    assert "retrain, of 2024-01-15 by override: " in decided
    assert promoted.split()[4] == decided.split()[4] == "Ada"
    assert "retrain, of 2024-01-15; see 'p2pcredit decision show'" in call("status").stdout


def test_evidence_that_does_not_follow_from_the_lake_ends_with_exit_code_1_and_still_tells_what_differs(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"path": "performance.lift[0].bads", "stored": 5, "recomputed": 4}
    receipt = {"model_id": "m1", "verified": False, "checked": 7, "differing": [row], "reason": "1 values differ"}
    monkeypatch.setattr("p2pcredit.jobs.audit.evidence.verify_evidence", lambda ctx, model_id: receipt)
    result = call("models", "verify", "m1", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, receipt)
    words = call("models", "verify", "m1")
    assert words.exit_code == 1
    assert "path performance.lift[0].bads, stored 5, recomputed 4" in words.stdout
    monkeypatch.setattr(
        "p2pcredit.jobs.audit.evidence.verify_evidence", lambda ctx, model_id: {**receipt, "verified": True}
    )
    assert call("models", "verify", "m1").exit_code == 0


def test_a_model_made_again_with_other_bytes_ends_with_exit_code_1_and_still_prints_its_receipt(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = {"model_id": "m1", "identical": False, "differing": ["card.json"], "checked": 7, "reason": "1 differs"}
    monkeypatch.setattr("p2pcredit.jobs.audit.reproduce.reproduce", lambda ctx, model_id: receipt)
    result = call("models", "reproduce", "m1", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (1, receipt)
    assert result.stderr == "Error: 1 differs\n"
    monkeypatch.setattr(
        "p2pcredit.jobs.audit.reproduce.reproduce", lambda ctx, model_id: {**receipt, "identical": True}
    )
    assert call("models", "reproduce", "m1").exit_code == 0

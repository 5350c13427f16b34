"""The inventory lists every model with all that people said of it; findings are opened and closed by number."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from p2pcredit.errors import BankError, UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.governance.approvals import approve, refuse
from p2pcredit.jobs.governance.attention import attention
from p2pcredit.jobs.governance.findings import close_finding, open_finding
from p2pcredit.jobs.governance.inventory import take_inventory, write_inventory
from p2pcredit.jobs.governance.records import answering, sign_off
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.scoring.champions import promote, show_model
from p2pcredit.reporting.inventory import render_inventory
from p2pcredit.settings import GovernanceSettings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete

DAY = date(2024, 1, 14)


@pytest.fixture
def ctx(run_on: Callable[..., JobContext]) -> JobContext:
    """Three models, of which m1 serves, m2 waits and m3 was refused; days are preprocessed up to 14 January."""
    ctx = run_on(DAY)
    mark_complete(ctx.layout, {DAY: {}})
    for model_id, as_of in (("m2", "2024-01-08"), ("m1", "2024-01-01"), ("m3", "2024-01-09")):
        card = {"model_id": model_id, "family": "scorecard", "target": "matured", "origin": "trained", "as_of": as_of}
        gate = {"gate": {"status": "pass", "reason": "above chance"}}
        ModelBank(ctx.layout).add(model_id, {"model.json": model_id.encode()}, {**card, **gate})
    careful = asking(ctx, "Bob")
    for model_id in ("m1", "m2", "m3"):
        promote(careful, model_id, f"{model_id} is better")
    refuse(asking(ctx, "Ada"), "m3", "too young")
    approve(asking(ctx, "Ada"), "m1", "sound", until=date(2024, 6, 30), conditions="36 months only")
    return ctx


def asking(ctx: JobContext, by: str) -> JobContext:
    governance = GovernanceSettings(approval="named", review_months=6)
    return replace(ctx, settings=ctx.settings.model_copy(update={"governance": governance}), by=by)


def test_every_model_stands_there_with_its_role_and_those_who_answer_for_it(ctx: JobContext) -> None:
    found = take_inventory(asking(ctx, "Ada"))
    assert (found["as_of"], found["approval"], found["champion"]) == ("2024-01-15", "named", "m1")
    assert [(m["model_id"], m["role"], m["retired_on"], m["next_review"]) for m in found["models"]] == [
        ("m1", "champion", None, "2024-07-15"),
        ("m2", "waits for approval", None, None),
        ("m3", "refused", "2024-01-15", None),
    ]
    first = found["models"][0]
    assert first["promoted_by"] == "Bob"
    assert first["approval"] == {
        "by": "Ada",
        "on": "2024-01-15",
        "why": "sound",
        "until": "2024-06-30",
        "conditions": "36 months only",
    }
    assert first["served"] == [
        {
            "from": "2024-01-15",
            "to": None,
            "why": "m1 is better; approved: sound",
            "by": "Ada",
            "replaced_by": None,
            "replaced_why": None,
        }
    ]
    assert found["models"][2]["refused"] == {"by": "Ada", "on": "2024-01-15", "why": "too young"}


def test_findings_have_numbers_of_their_model_and_are_closed_once(ctx: JobContext) -> None:
    vera = asking(ctx, "Vera")
    assert open_finding(vera, "m1", " the slope is 1.3 ")["finding"] == 1
    assert open_finding(vera, "m1", "no stress test")["open"] == 2
    again = open_finding(vera, "m1", "no stress test")
    assert (again["finding"], again["open"]) == (2, 2)
    assert open_finding(vera, "m2", "too few bads")["finding"] == 1
    assert close_finding(asking(ctx, "Bob"), "m1", 1, "slope set anew")["open"] == 1
    (m1, m2, _) = take_inventory(vera)["models"]
    assert (m1["findings_open"], m1["findings_closed"], m2["findings_open"]) == (1, 1, 1)
    assert m1["findings"][0] == {
        "number": 1,
        "text": "the slope is 1.3",
        "opened_by": "Vera",
        "opened_on": "2024-01-15",
        "closed_by": "Bob",
        "closed_on": "2024-01-15",
        "closed_why": "slope set anew",
    }
    assert take_inventory(vera)["findings_open"] == status(vera)["findings_open"] == 2


def test_findings_that_cannot_be_are_refused_in_one_line(ctx: JobContext) -> None:
    vera = asking(ctx, "Vera")
    open_finding(vera, "m1", "the slope is 1.3")
    close_finding(vera, "m1", 1)
    lines = ctx.ledger.events()
    for act, says in (
        (lambda: close_finding(vera, "m1", 2), "m1 has no finding 2; open are: none"),
        (
            lambda: close_finding(vera, "m1", 1, "fitted again"),
            "finding 1 of m1 was closed on 2024-01-15; open are: none",
        ),
        (lambda: open_finding(vera, "m1", " "), "a finding needs a text"),
        (lambda: open_finding(replace(vera, by=None), "m1", "x"), "say who does it"),
    ):
        with pytest.raises(UsageError, match=says):
            act()
    with pytest.raises(BankError, match="no model 'm9'"):
        open_finding(vera, "m9", "x")
    assert ctx.ledger.events() == lines


def test_the_page_shows_each_model_once_escapes_what_people_wrote_and_runs_nothing(ctx: JobContext) -> None:
    open_finding(asking(ctx, "Vera"), "m1", "<script>alert(1)</script>")
    receipt = write_inventory(asking(ctx, "Ada"))
    page = ctx.layout.model_inventory.read_text()
    assert receipt["page"] == str(ctx.layout.model_inventory)
    assert [page.count(f'id="{model_id}"') for model_id in ("m1", "m2", "m3")] == [1, 1, 1]
    assert "<script" not in page
    for words in (
        "Ada on 2024-01-15, until 2024-06-30",
        "refused by Ada on 2024-01-15",
        "36 months only",
        "since 2024-01-15",
    ):
        assert words in page
    written = {key: value for key, value in receipt.items() if key != "page"}
    assert render_inventory(json.loads(json.dumps(written))) == page


def test_an_empty_bank_and_a_damaged_model_have_a_page_too(ctx: JobContext, run_on: Callable[..., JobContext]) -> None:
    (ctx.layout.model("m2") / "model.json").write_text("x")
    roles = {model["model_id"]: model["role"] for model in write_inventory(ctx)["models"]}
    assert (roles["m1"], roles["m2"].startswith("damaged: model.json of model m2 was altered")) == ("champion", True)
    empty = run_on(DAY, home=ctx.layout.home.with_name("empty"))
    assert write_inventory(empty)["models"] == []


def test_the_card_says_who_answers_for_the_model(ctx: JobContext) -> None:
    shown = show_model(asking(ctx, "Ada"), "m1")["governance"]
    assert (shown["approval"]["by"], shown["next_review"], shown["role"]) == ("Ada", "2024-07-15", "champion")
    assert "family" not in shown
    card = ModelBank(ctx.layout).get("m1").card
    assert answering(sign_off(asking(ctx, "Ada"), "m1", card)) == {
        "developer": "not named",
        "approved_by": "Ada",
        "approved_until": "2024-06-30",
        "conditions": "36 months only",
        "next_review": "2024-07-15",
    }


def test_that_no_person_developed_or_approved_a_model_is_said_and_not_left_out() -> None:
    told = answering({"developer": None, "approval": None, "next_review": "2024-07-15", "findings_open": 0})
    assert told == {"developer": "not named", "approved_by": "no person", "next_review": "2024-07-15"}


def test_a_review_is_said_to_be_due_before_its_day_and_an_approval_moves_it(ctx: JobContext) -> None:
    def said(day: date) -> list[str]:
        later = replace(asking(ctx, "Ada"), at=ctx.at + (day - DAY))
        mark_complete(ctx.layout, {day: {}})
        found = attention(later, ctx.ledger.state())
        return [one.line.partition(";")[0] for one in found if "review" in one.line]

    assert said(date(2024, 6, 13)) == [], "due on 15 July, said from 30 days before"
    assert said(date(2024, 6, 14)) == ["the review of m1 is due on 2024-07-15"]
    assert said(date(2024, 7, 20)) == ["the review of m1 was due on 2024-07-15"]
    overdue = replace(asking(ctx, "Ada"), at=ctx.at + timedelta(days=190))
    assert take_inventory(overdue)["models"][0]["review_overdue"] is True
    approve(overdue, "m1", "reviewed")
    assert said(date(2024, 7, 22)) == []


def test_a_champion_whom_nobody_approved_asks_nobody_for_a_review(ctx: JobContext) -> None:
    promote(ctx, "m3", "no approval is asked for")
    late = replace(ctx, at=ctx.at + timedelta(days=900))
    mark_complete(ctx.layout, {date(2026, 6, 1): {}})
    assert attention(late, late.ledger.state()) == []
    assert status(late)["next_review"] == "2025-01-15"

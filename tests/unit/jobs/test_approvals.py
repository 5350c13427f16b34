"""A promotion that needs approval waits: it does not serve, is said everywhere, and is approved or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.errors import BankError, ConflictError, UsageError
from p2pcredit.jobs.activity import recent_entries
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.governance.approvals import approve, refuse
from p2pcredit.jobs.home.doctor import examine
from p2pcredit.jobs.home.status import status
from p2pcredit.jobs.monitoring.alerts import send_alerts
from p2pcredit.jobs.monitoring.steps import check_monitoring
from p2pcredit.jobs.scoring.champions import get_model, list_models, promote, rollback
from p2pcredit.jobs.scoring.score import score_day
from p2pcredit.jobs.training.retrain import check_retraining, train_if_due, train_now
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import GovernanceSettings
from p2pcredit.storage.locks import exclusive_lock
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

FIRST, LAST = date(2024, 1, 29), date(2024, 2, 9)
FLOOR = {"gate": {"status": "pass", "reason": "above chance"}}


@pytest.fixture
def ctx(run_on: Callable[..., JobContext], monkeypatch: pytest.MonkeyPatch) -> JobContext:
    """One loan a day, and three models that score it; nothing is preprocessed."""
    ctx = run_on(FIRST)
    days = list(DateRange(FIRST, LAST))
    keys = pl.DataFrame({"loan_id": [f"l{n}" for n in range(len(days))], "snapshot_date": days, "known_on": days})
    lacking = {name: kind for name, kind in FEATURE_STORE.schema.items() if name not in keys.columns}
    loans = keys.with_columns(pl.lit(None, dtype=kind).alias(name) for name, kind in lacking.items())
    Lake(ctx.layout).replace(FEATURE_STORE, loans, DateRange(FIRST, LAST))
    for model_id in ("m1", "m2", "m3"):
        card = {"model_id": model_id, "family": "scorecard", "as_of": "2024-01-29", **FLOOR}
        ModelBank(ctx.layout).add(model_id, {"model.json": model_id.encode()}, card)

    def score(model: bytes, model_id: str, features: pl.DataFrame, settings: Any, *beside: Any) -> pl.DataFrame:
        rows = [
            {**dict.fromkeys(PREDICTIONS.schema), "loan_id": loan, "snapshot_date": day, "model_id": model_id}
            for loan, day in features.select("loan_id", "snapshot_date").rows()
        ]
        return pl.DataFrame(rows, schema=PREDICTIONS.schema)

    monkeypatch.setattr("p2pcredit.models.scoring.load_model", lambda files: files["model.json"])
    monkeypatch.setattr("p2pcredit.models.scoring.score_loans", score)
    monkeypatch.setattr("p2pcredit.jobs.training.maturity.enough_matured", lambda ctx, day: True)
    return ctx


def asking(ctx: JobContext, approval: str, by: str | None = None, **more: Any) -> JobContext:
    settings = ctx.settings.model_copy(update={"governance": GovernanceSettings(approval=approval, **more)})
    return replace(ctx, settings=settings, by=by)


def night(ctx: JobContext, day: date, *, caller: Caller = Caller.SCHEDULED) -> None:
    """Do what the DAGs do in the night after a day, as far as it matters here."""
    at = ctx.at + (day - ctx.at.date() + timedelta(days=1))
    scheduled = replace(ctx, run_id=f"night-of-{day}", at=at, caller=caller, by=None)
    mark_complete(ctx.layout, {day: {}})
    if check_retraining(scheduled, day)["retrain"]:
        train_if_due(scheduled, day)
    score_day(scheduled, day)


def scored(ctx: JobContext) -> dict[str, list[int]]:
    """Model -> the days of the month that it scored."""
    found: dict[str, list[int]] = {}
    rows = Lake(ctx.layout).read(PREDICTIONS).select("snapshot_date", "model_id").sort("snapshot_date").rows()
    for day, model in rows:
        found.setdefault(model, []).append(day.day)
    return found


def warnings(ctx: JobContext) -> list[str]:
    return [str(entry["message"]) for entry in recent_entries(ctx, "warning")]


def test_a_promotion_by_hand_waits_while_the_champion_goes_on_and_serves_once_approved(ctx: JobContext) -> None:
    promote(ctx, "m1", "the first")
    night(ctx, FIRST)
    careful = asking(ctx, "named", "Bob")
    receipt = promote(careful, "m2", "ranks better")
    assert (receipt["replaces"], receipt["effective_on"], receipt["approval"]) == ("m1", None, "named")
    night(careful, date(2024, 1, 30))
    done = approve(replace(careful, by="Ada"), "m2", "sound", until=date(2024, 6, 30), conditions=" watch 60 months ")
    assert done == {
        "model_id": "m2",
        "replaces": "m1",
        "effective_on": "2024-01-31",
        "by": "Ada",
        "until": "2024-06-30",
        "conditions": "watch 60 months",
    }
    night(careful, date(2024, 1, 31))
    assert scored(ctx) == {"m1": [29, 30], "m2": [31]}
    assert [str(event.kind) for event in ctx.ledger.events()].count("approved") == 1


def test_a_first_model_that_waits_scores_nothing_is_made_once_and_never_scores_the_days_before(
    ctx: JobContext, trainer: Any
) -> None:
    careful = asking(ctx, "named")
    days = list(DateRange(FIRST, LAST))
    for day in days[:9]:
        night(careful, day)
    assert len(trainer.calls) == 1, "Monday's model waits, so the Monday after makes no other"
    assert scored(ctx) == {}
    assert get_model(careful, days[8])["reason"].endswith("nothing can be scored; m1 waits for approval")
    assert score_day(careful, days[8])["reason"].startswith("without a champion yet: 1 day; m1 waits for approval")
    assert "m1 waits for approval" in check_monitoring(replace(careful, caller=Caller.PERSON), days[5])["reason"]
    approve(asking(ctx, "named", "Ada"), "m1", "sound")
    for day in days[9:]:
        night(careful, day)
    assert scored(ctx) == {"m1": [7, 8, 9]}, "of 29 January to 6 February, which lay before, no day is made up"


def test_a_training_says_that_its_model_waits(ctx: JobContext, trainer: Any) -> None:
    careful = asking(ctx, "four_eyes", "Grace")
    receipt = train_now(careful, FIRST, "asked for")
    assert (receipt["outcome"], receipt["model_id"]) == ("challenger", "m1")
    assert receipt["reason"] == "waits for approval (four_eyes): for the test"
    line = next(event for event in ctx.ledger.events() if event.kind is EventKind.TRAINED)
    assert (line.facts["by"], line.facts["developer"], line.facts["approval"]) == ("Grace", "Grace", "four_eyes")
    assert line.facts["promoted"] is True


def test_a_training_whose_model_earned_no_place_asks_for_no_approval(ctx: JobContext, trainer: Any) -> None:
    trainer.promoted = False
    assert train_now(asking(ctx, "named", "Grace"), FIRST, "asked for")["outcome"] == "refused"
    assert ctx.ledger.state().approvals.proposals == ()


@pytest.mark.parametrize(
    ("approver", "says"),
    [("dora", "dora developed it"), ("GRACE ", "GRACE trained it"), ("Bob", "Bob promoted it"), ("Ada", None)],
)
def test_four_eyes_are_those_of_another_person_than_who_developed_trained_or_promoted(
    ctx: JobContext, trainer: Any, approver: str, says: str | None
) -> None:
    trainer.promoted = False
    train_now(asking(ctx, "four_eyes", "Grace", developer="Dora"), FIRST, "asked for")
    promote(asking(ctx, "four_eyes", "Bob"), "m1", "the committee wants it")
    given = asking(ctx, "four_eyes", approver)
    if says is None:
        assert approve(given, "m1", "sound")["by"] == "Ada"
        return
    with pytest.raises(UsageError, match=f"{says}; with four eyes another person must approve"):
        approve(given, "m1", "sound")
    assert ctx.ledger.state().champion is None


def test_a_promotion_made_under_four_eyes_needs_them_whatever_the_settings_say_later(ctx: JobContext) -> None:
    promote(asking(ctx, "four_eyes", "Bob"), "m1", "better")
    with pytest.raises(UsageError, match="bob promoted it"):
        approve(asking(ctx, "none", "bob"), "m1", "sound")
    promote(asking(ctx, "named", "Bob"), "m2", "better")
    assert approve(asking(ctx, "named", "Bob"), "m2", "sound")["by"] == "Bob", "one named person is enough there"


def test_a_refusal_ends_the_waiting(ctx: JobContext) -> None:
    promote(ctx, "m1", "the first")
    promote(asking(ctx, "named", "Bob"), "m2", "better")
    assert refuse(asking(ctx, "named", "Ada"), "m2", "too young") == {"model_id": "m2", "by": "Ada", "why": "too young"}
    assert {model["model_id"]: model["role"] for model in list_models(ctx)} == {
        "m1": "champion",
        "m2": "refused",
        "m3": "challenger",
    }
    with pytest.raises(UsageError, match="m2 does not wait for approval; nothing waits"):
        refuse(asking(ctx, "named", "Ada"), "m2", "again")
    with pytest.raises(UsageError, match="m2 neither waits for approval nor serves"):
        approve(asking(ctx, "named", "Ada"), "m2", "sound")


def test_what_can_neither_be_approved_nor_refused_is_refused_in_one_line(ctx: JobContext) -> None:
    promote(asking(ctx, "named", "Bob"), "m2", "better")
    lines = ctx.ledger.events()
    ada = asking(ctx, "named", "Ada")
    for act, says in (
        (lambda: approve(asking(ctx, "none"), "m2", "sound"), "say who does it"),
        (lambda: refuse(replace(ada, by=None, login="svc"), "m2", "no"), "say who does it"),
        (lambda: approve(ada, "m2", " "), "an approval needs a reason"),
        (lambda: refuse(ada, "m2", ""), "a refusal needs a reason"),
        (lambda: approve(ada, "m1", "sound"), "m1 neither waits for approval nor serves; waiting are: m2"),
        (lambda: refuse(ada, "m1", "no"), "m1 does not wait for approval; waiting are: m2"),
        (lambda: approve(ada, "m2", "sound", until=date(2024, 1, 29)), "--until 2024-01-29 lies in the past"),
        (lambda: promote(ada, "m2", "again"), "m2 waits for approval already"),
        (lambda: promote(asking(ctx, "named"), "m3", "better"), "say who does it"),
        (lambda: rollback(asking(ctx, "named", "Ada"), "why"), "no earlier champion"),
    ):
        with pytest.raises(UsageError, match=says):
            act()
    with pytest.raises(BankError, match="no model 'm9'"):
        approve(ada, "m9", "sound")
    assert ctx.ledger.events() == lines


def test_the_same_approval_said_twice_on_a_day_is_one_line_and_another_word_another(ctx: JobContext) -> None:
    promote(asking(ctx, "named", "Bob"), "m2", "better")
    ada = asking(ctx, "named", "Ada")
    for why in ("sound", "sound", "sound indeed"):
        approve(ada, "m2", why)
    assert [e.facts["why"] for e in ctx.ledger.events() if e.kind is EventKind.APPROVED] == ["sound", "sound indeed"]
    approve(replace(ada, at=ctx.at + timedelta(days=1)), "m2", "sound indeed")
    assert len(ctx.ledger.events()) == 4


def test_a_rollback_waits_for_no_approval(ctx: JobContext) -> None:
    promote(ctx, "m1", "the first")
    promote(ctx, "m2", "better")
    rollback(asking(ctx, "four_eyes", "Ada"), "complaints")
    assert ctx.ledger.state().champion == "m1"


def test_no_day_is_scored_by_one_model_and_given_to_another_while_an_approval_is_written(
    ctx: JobContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    promote(asking(ctx, "named", "Bob"), "m2", "better")
    monkeypatch.setattr("p2pcredit.storage.locks.LONGEST_WAIT_SECONDS", 0.05, raising=False)
    mark_complete(ctx.layout, {FIRST: {}})
    seen: list[str] = []

    def locked(self: Lake, table: Any) -> Any:
        seen.append(table.name)
        return exclusive_lock(self.layout.table_lock(table.name), table.name, wait_seconds=0)

    monkeypatch.setattr(Lake, "lock", locked)
    path = Lake(ctx.layout).layout.table_lock(PREDICTIONS.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(path, "a run that scores"), pytest.raises(ConflictError):
        approve(asking(ctx, "named", "Ada"), "m2", "sound")
    assert approve(asking(ctx, "named", "Ada"), "m2", "sound")["effective_on"] == "2024-01-30"
    assert seen == [PREDICTIONS.name, PREDICTIONS.name]


def test_what_waits_is_shown_by_status_and_doctor_and_alerted(ctx: JobContext) -> None:
    promote(ctx, "m1", "the first")
    careful = asking(ctx, "named", "Bob")
    promote(careful, "m2", "better")
    (shown,) = status(careful)["awaiting_approval"]
    assert {key: shown[key] for key in ("model_id", "since", "approval", "replaces", "promoted_by")} == {
        "model_id": "m2",
        "since": "2024-01-30",
        "approval": "named",
        "replaces": "m1",
        "promoted_by": "Bob",
    }
    check = examine(careful)["checks"]["approvals"]
    assert (check["status"], "the champion m1 goes on scoring" in check["finding"]) == ("undetermined", True)
    for day in (date(2024, 1, 30), date(2024, 1, 31)):
        night(careful, day)
    told = [line for line in warnings(ctx) if "waits for approval" in line]
    assert told == [shown["note"]], "once, by the first scheduled run, which tells the channels"
    weekly = send_alerts(replace(careful, at=ctx.at + timedelta(days=5)), date(2024, 2, 3))
    assert [line for line in weekly["alerts"] if "m2 waits" in line] == [shown["note"]], "and not as a warning as well"
    approve(asking(ctx, "named", "Ada"), "m2", "sound")
    assert send_alerts(replace(careful, at=ctx.at + timedelta(days=5)), date(2024, 2, 3))["alerts"] == []


def test_where_nothing_serves_for_want_of_an_approval_the_home_is_not_healthy_and_each_week_alerts(
    ctx: JobContext, trainer: Any
) -> None:
    careful = asking(ctx, "named")
    for day in DateRange(FIRST, LAST):
        night(careful, day)
    check = examine(careful)["checks"]["approvals"]
    assert (check["status"], "nothing serves, so nothing is scored" in check["finding"]) == ("fail", True)
    assert len([line for line in warnings(ctx) if "m1 waits" in line]) == 2, "of the two weeks, one each"


def test_an_approval_that_ends_is_alerted_before_and_after_and_goes_on_scoring(ctx: JobContext) -> None:
    careful = asking(ctx, "named", "Ada", notice_days=3)
    promote(careful, "m1", "the first")
    approve(careful, "m1", "for a trial", until=date(2024, 2, 4), conditions="36 months only")
    said: dict[int, str] = {}
    for day in DateRange(FIRST, LAST):
        night(careful, day)
        later = replace(careful, at=careful.at + (day - FIRST))
        check = examine(later)["checks"]["approvals"]
        approval = status(later)["approval"]
        said[later.at.day] = f"{approval['standing']} {check['status']}"
    ends, lapsed = "ends_soon undetermined", "lapsed fail"
    assert said == {
        **dict.fromkeys((30, 31), "holds pass"),
        **dict.fromkeys((1, 2, 3, 4), ends),
        **dict.fromkeys((5, 6, 7, 8, 9, 10), lapsed),
    }
    told = [line for line in warnings(ctx) if "the approval of m1" in line]
    assert [line.partition(";")[0] for line in told] == [
        "the approval of m1 by Ada ends on 2024-02-04",
        "the approval of m1 by Ada lapsed on 2024-02-05, 1 day ago",
    ]
    assert scored(ctx) == {"m1": [30, 31, 1, 2, 3, 4, 5, 6, 7, 8, 9]}
    renewed = approve(replace(careful, at=careful.at + timedelta(days=11)), "m1", "a year more", until=date(2025, 2, 1))
    assert (renewed["effective_on"], renewed["replaces"]) == (None, None)
    assert status(replace(careful, at=careful.at + timedelta(days=11)))["approval"]["standing"] == "holds"


def test_four_eyes_without_a_named_developer_are_said_to_be_half_blind(ctx: JobContext) -> None:
    check = examine(asking(ctx, "four_eyes"))["checks"]["approvals"]
    assert (check["status"], "governance.developer" in check["finding"]) == ("undetermined", True)
    assert examine(asking(ctx, "four_eyes", developer="Dora"))["checks"]["approvals"]["status"] == "pass"


def test_a_replay_of_the_nights_writes_the_lines_of_the_schedule(
    ctx: JobContext, trainer: Any, run_on: Callable[..., JobContext]
) -> None:
    careful = asking(ctx, "four_eyes", developer="Dora")
    night(careful, FIRST)
    scheduled = [(event.kind, event.facts) for event in ctx.ledger.events()]
    trainer.calls.clear()
    other = replace(careful, layout=type(ctx.layout)(ctx.layout.home.with_name("other")))
    night(other, FIRST, caller=Caller.REPLAY)
    assert [(event.kind, event.facts) for event in other.ledger.events()] == scheduled
    assert len(scheduled) == 2
    told = json.loads(other.layout.replay_alerts.read_text().splitlines()[0])
    assert "m1 waits for approval (four_eyes)" in told["body"]

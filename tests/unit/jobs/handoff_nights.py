"""The days, the files and the nights of the hand-off's tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import clear_decision
from p2pcredit.jobs.training.retrain import check_retraining, log_retraining, train_if_due
from p2pcredit.retraining.events import EventKind

SATURDAY = date(2024, 1, 13)
SUNDAY = date(2024, 1, 14)
MONDAY = date(2024, 1, 15)
TUESDAY = date(2024, 1, 16)
NEXT_MONDAY = date(2024, 1, 22)
LATER_MONDAY = date(2024, 1, 29)
FOUR_FIELDS = {"decision_date": "2024-01-14", "performance_score": 0.58, "retrain": True, "reason": "by hand"}
Run = Callable[..., JobContext]


def write_by_hand(ctx: JobContext, **changes: Any) -> None:
    ctx.layout.logs.mkdir(parents=True, exist_ok=True)
    ctx.layout.decision_file.write_text(json.dumps({**FOUR_FIELDS, **changes}))


def trained_decisions(ctx: JobContext) -> list[str | None]:
    return [event.facts["decision_id"] for event in ctx.ledger.events() if event.kind is EventKind.TRAINED]


def kinds(ctx: JobContext) -> list[str]:
    return [str(event.kind) for event in ctx.ledger.events()]


def a_night(ctx: JobContext, day: date) -> dict[str, Any]:
    """Run what the training DAG does in one night."""
    if not check_retraining(ctx, day)["retrain"]:
        return {"outcome": "skipped"}
    done = train_if_due(ctx, day)
    clear_decision(ctx, day)
    log_retraining(ctx, day)
    return done

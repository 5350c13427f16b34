"""A home with models that nobody trained: cards, ledger lines, and loans that must not leave it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl

from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.jobs.context import Caller, JobContext
from p2pcredit.jobs.decisions import decide
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.retraining.state import Origin
from p2pcredit.settings import Settings, TrackingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import EVIDENCE_FILE, EVIDENCE_PAGE_FILE, REFERENCE_FILE, ModelBank
from p2pcredit.storage.tables.lake import Lake

DAY, WEEK, NEXT_WEEK = date(2024, 1, 12), date(2024, 1, 13), date(2024, 1, 20)
LOANS = b"loan-4711 of a borrower"
FIRST, SECOND, THIRD = "scorecard-20240101-aaaaaaaa", "boosting-20240108-bbbbbbbb", "scorecard-20240110-cccccccc"


def context(home: Path, caller: Caller = Caller.SCHEDULED, **tracking: Any) -> JobContext:
    settings = Settings(tracking=TrackingSettings(**tracking))
    by = "Ada" if caller is Caller.PERSON else None
    return JobContext(Layout(home), settings, "a-night", datetime(2024, 1, 14, 2, tzinfo=UTC), caller=caller, by=by)


def with_caller(ctx: JobContext, caller: Caller) -> JobContext:
    return replace(ctx, caller=caller, by="Ada" if caller is Caller.PERSON else None)


def bank_model(ctx: JobContext, model_id: str, *, promoted: bool) -> None:
    family, day, _ = model_id.split("-")
    as_of = f"{day[:4]}-{day[4:6]}-{day[6:]}"
    card = {
        "model_id": model_id,
        "family": family,
        "target": "hazard",
        "origin": "trained",
        "as_of": as_of,
        "features": ["fico", "term_months"],
        "metrics": {"auc": 0.7, "auc_low": 0.65, "auc_high": 0.75, "n": 651},
        "matured_bads": 96,
        "settings": {"training": {"families": ["scorecard"], "seed": 7}, "labels": {"window_months": 12}},
        "promoted": promoted,
        "reason": "a reason with 100 % of “words”",
        "gate": {"status": "pass", "reason": "above chance"},
    }
    files, evidence = (
        {"model.json": b"{}\n", REFERENCE_FILE: LOANS},
        {EVIDENCE_FILE: b"{}\n", EVIDENCE_PAGE_FILE: b"<p>"},
    )
    ModelBank(ctx.layout).add(model_id, files, card, evidence)
    facts = {
        "decision_id": None,
        "snapshot_date": as_of,
        "week": "2024-01-08",
        "outcome": "champion" if promoted else "challenger",
        "model_id": model_id,
        "metrics": card["metrics"],
        "promoted": promoted,
        "reason": card["reason"],
        "by": "schedule",
    }
    ctx.ledger.append(EventKind.TRAINED, at=ctx.at, run_id=f"run of {model_id}", facts=facts)


def measure(ctx: JobContext, week_end: date, auc: float = 0.7) -> None:
    """Write the measurements of a week, and what was decided on them."""
    results = [
        MetricResult("auc", "all", auc, auc - 0.05, auc + 0.05, 900, 0.8, Status.PASS, 0.62, "90 bads"),
        MetricResult("psi:fico", "all", None, None, None, 0, None, Status.UNDETERMINED, 0.25, "missing on every loan"),
    ]
    rows = [
        {"snapshot_date": week_end, "week_end_date": week_end, "model_id": FIRST, **one.as_row()} for one in results
    ]
    frame = pl.DataFrame(rows, schema=MONITORING.schema)
    Lake(ctx.layout).replace(MONITORING, frame, DateRange(week_end, week_end))
    made = Decision(decision_date=week_end, performance_score=auc, retrain=False, reason="AUC at or above 0.62")
    made = made.model_copy(update={"decision_id": f"monitoring-{week_end}-{made.content_digest()[:8]}"})
    decide(ctx, made, Origin.MONITORING)


__all__ = ["DAY", "FIRST", "LOANS", "NEXT_WEEK", "SECOND", "THIRD", "WEEK", "bank_model", "context", "measure"]

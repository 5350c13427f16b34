"""A week's results as one documented JSON: what was measured, of which model, what was decided. No loan is in it."""

from __future__ import annotations

import hashlib
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from p2pcredit.contracts.decision import Decision
from p2pcredit.contracts.results import MetricResult, Status
from p2pcredit.contracts.tables import MONITORING
from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.governance.records import record_of
from p2pcredit.monitoring.policies.choose import results_from_rows
from p2pcredit.periods import DateRange
from p2pcredit.retraining.state import HandoffState, Origin
from p2pcredit.storage.home_format import complete_identity
from p2pcredit.storage.landing.manifest import read_manifest
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

RESULTS_FORMAT = 1
"""It grows when a field changes its meaning or goes; a further field does not make it grow."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class MeasuredModel(_Told):
    """The model that the week measured, with who answers for it."""

    model_id: str = Field(description="Its name in the bank.")
    family: str | None = Field(description="Such as `scorecard` or `boosting`.")
    target: str | None = Field(description="What it was fitted on: `matured`, `hazard` or `early_delinquency`.")
    definition: str | None = Field(description="The default that it predicts, such as `pd12`.")
    as_of: date | None = Field(description="The last day whose data it learned from.")
    developer: str | None = Field(description="Who answers for its development.")
    approved_by: str | None = Field(description="Who approved it last; null where no person did.")
    approved_until: date | None = Field(description="The last day on which the approval holds.")
    next_review: date | None = Field(description="When it is to be reviewed; null once it serves no longer.")
    findings_open: int = Field(ge=0, description="How many findings about it are open.")


class Measurement(_Told):
    """One metric of one segment: a row of `gold/monitoring`."""

    metric: str = Field(description="Its name, such as `auc` or `psi:annual_income`.")
    segment: str = Field(description="`all`, or such as `vintage=2010Q1`, `term=36`.")
    value: float | None = Field(description="The measurement; null where nothing could be measured.")
    low: float | None = Field(description="Lower bound of its interval.")
    high: float | None = Field(description="Upper bound of its interval.")
    n: int = Field(ge=0, description="Loans it rests on.")
    matured_share: float | None = Field(description="Share of those loans whose label is known, 0 to 1.")
    status: Literal["pass", "fail", "undetermined"] = Field(description="Undetermined never counts as pass.")
    threshold: float | None = Field(description="What it was held against; null for information only.")
    note: str = Field(description="One sentence for the reader.")


class DecisionOfWeek(_Told):
    """What monitoring decided on these measurements."""

    decision_id: str = Field(description="By which the ledger knows it.")
    retrain: bool = Field(description="Whether the training step is to act.")
    remedy: str | None = Field(description="`none`, `repair_data`, `watch`, `recalibrate` or `retrain`.")
    kind: str | None = Field(description="`refresh`, `redevelopment` or `recalibration`; null where none is asked for.")
    trigger: str | None = Field(description="What asked for it, such as `calendar`.")
    reason: str = Field(description="One line that names score and threshold.")
    performance_score: float | None = Field(description="What stands for performance, 0 to 1.")
    score_name: str | None = Field(description="Which measurement that is.")
    threshold: float | None = Field(description="What it was held against.")
    expires_on: date | None = Field(description="The last day on which it holds.")


class WeekResults(_Told):
    """The results of one monitoring week of one home."""

    kind: Literal["p2pcredit.week_results"] = Field("p2pcredit.week_results", description="What this document is.")
    format: int = Field(RESULTS_FORMAT, description="Version of these fields; a new field does not change it.")
    home_id: str | None = Field(description="The home's id, a UUID; null in a home without one.")
    book: str | None = Field(description="Name of the book (setting `monitoring.book`), else of its platform.")
    week_end_date: date = Field(description="The last day that the week looks at.")
    model: MeasuredModel | None = Field(description="The model that was measured; null where none served.")
    passed: int = Field(ge=0, description="How many measurements passed.")
    failed: int = Field(ge=0, description="How many failed.")
    undetermined: int = Field(ge=0, description="How many could not be told.")
    measurements: tuple[Measurement, ...] = Field(description="All measurements, by metric and segment.")
    decision: DecisionOfWeek | None = Field(description="Null where the week decided nothing.")

    def to_bytes(self) -> bytes:
        """Write it as JSON in UTF-8; equal results have equal bytes."""
        return self.model_dump_json(indent=1).encode() + b"\n"

    def digest(self) -> str:
        """Give the SHA-256 of its bytes, by which a receiver knows a week that it has."""
        return hashlib.sha256(self.to_bytes()).hexdigest()


def week_results(ctx: JobContext, week_end: date) -> WeekResults:
    """Gather the results of a week that was measured.

    Args:
        ctx: The context.
        week_end: The last day that the week looks at.

    Raises:
        UsageError: If that week was not measured.
        MonitoringError: If its rows cannot be read.
    """
    rows = Lake(ctx.layout).read(MONITORING, DateRange(week_end, week_end)).to_dicts()
    if not rows:
        raise UsageError(f"the week to {week_end} was not measured; 'p2pcredit monitor --week-end {week_end}' does it")
    results = sorted(results_from_rows(rows), key=lambda one: (one.metric, one.segment))
    state, identity = ctx.ledger.state(), complete_identity(ctx.layout.home)
    counts = {status: sum(one.status is status for one in results) for status in Status}
    platform = read_manifest(ctx.layout).get("platform")
    return WeekResults(
        home_id=None if identity is None else identity.id,
        book=ctx.settings.monitoring.book or platform,
        week_end_date=week_end,
        model=_model(ctx, state, rows[0].get("model_id")),
        passed=counts[Status.PASS],
        failed=counts[Status.FAIL],
        undetermined=counts[Status.UNDETERMINED],
        measurements=tuple(_measurement(one) for one in results),
        decision=_decision(state, week_end),
    )


def _measurement(one: MetricResult) -> Measurement:
    return Measurement.model_validate(one.as_row())


def _model(ctx: JobContext, state: HandoffState, model_id: str | None) -> MeasuredModel | None:
    if model_id is None:
        return None
    card = ModelBank(ctx.layout).get(model_id).card
    found = record_of(ctx, state, model_id, card)
    approval = found["approval"] or {}
    return MeasuredModel.model_validate(
        {
            **{name: found[name] for name in ("model_id", "family", "target", "definition", "as_of", "developer")},
            "approved_by": approval.get("by"),
            "approved_until": approval.get("until"),
            "next_review": found["next_review"],
            "findings_open": found["findings_open"],
        }
    )


def _decision(state: HandoffState, week_end: date) -> DecisionOfWeek | None:
    made = [
        (decision_id, one.decision)
        for decision_id, one in state.decisions.items()
        if one.origin is Origin.MONITORING and one.decision.decision_date == week_end
    ]
    return None if not made else _told(*made[-1])


def _told(decision_id: str, decision: Decision) -> DecisionOfWeek:
    kept: dict[str, Any] = {
        name: getattr(decision, name) for name in DecisionOfWeek.model_fields if name != "decision_id"
    }
    return DecisionOfWeek(decision_id=decision_id, **kept)


__all__ = ["RESULTS_FORMAT", "WeekResults", "week_results"]

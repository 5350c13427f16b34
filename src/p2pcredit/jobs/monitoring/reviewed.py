"""Tell which weeks were reviewed to their end: measured and decided, or measured without evidence to decide on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

from p2pcredit.contracts.tables import MONITORING
from p2pcredit.errors import MonitoringError
from p2pcredit.jobs.context import JobContext
from p2pcredit.monitoring.policies.choose import monitoring_has_evidence, results_from_rows
from p2pcredit.retraining.state import HandoffState, Origin
from p2pcredit.storage.tables.lake import Lake


def monitored_weeks(ctx: JobContext) -> list[date]:
    """List the last days of the weeks that `gold/monitoring` has measurements of, in order."""
    lake = Lake(ctx.layout)
    if not lake.exists(MONITORING):
        return []
    found = lake.scan(MONITORING).select("snapshot_date").unique().collect()["snapshot_date"]
    return sorted(found.to_list())


def undecided_weeks(ctx: JobContext, state: HandoffState) -> list[date]:
    """List the weeks that have measurements to decide on and no decision of monitoring, in order.

    A run that was killed between both leaves one, and so does a decision whose task was marked as success by hand. Rows
    that cannot be read say nothing, so their week is one of these too.

    Args:
        ctx: The context.
        state: What the ledger adds up to.
    """
    lake, decided = Lake(ctx.layout), decided_weeks(state)
    if not lake.exists(MONITORING):
        return []
    rows = lake.scan(MONITORING).filter(~pl.col("snapshot_date").is_in(sorted(decided))).collect()
    by_week = rows.partition_by("snapshot_date", as_dict=True)
    return sorted(week for (week,), of_week in by_week.items() if has_evidence(of_week.to_dicts()))


def decided_weeks(state: HandoffState) -> frozenset[date]:
    """List the weeks of which monitoring made a decision, whatever became of it."""
    return frozenset(
        made.decision.decision_date for made in state.decisions.values() if made.origin is Origin.MONITORING
    )


def has_evidence(rows: Iterable[Mapping[str, Any]]) -> bool:
    """Test whether the measurements of a week ask for a decision; rows that cannot be read do, until they can."""
    try:
        return monitoring_has_evidence(results_from_rows(rows))
    except MonitoringError:
        return True


__all__ = ["decided_weeks", "has_evidence", "monitored_weeks", "undecided_weeks"]

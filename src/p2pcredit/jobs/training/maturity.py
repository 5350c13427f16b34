"""How much has matured by a day: what can be learned from, and judged by."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import narwhals as nw
import polars as pl

from p2pcredit.contracts.tables import LABEL_STORE, QUARANTINE
from p2pcredit.engines.local import collect
from p2pcredit.errors import TooLittleDataError
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.training.splits import split_by_time
from p2pcredit.settings import LabelSettings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.tables.lake import Lake
from p2pcredit.transforms.labels import labels_as_of, window_closed_on
from p2pcredit.transforms.unknown_outcomes import drop_unknown

State = tuple[tuple[str, int], tuple[str, int] | None]
"""The states of the label store and of the quarantine."""


def matured_counts(ctx: JobContext, day: date) -> tuple[int, int]:
    """Count the loans that have matured by a day, and the bads among them."""
    state = _state(ctx.layout)
    if state is None:
        return 0, 0
    loans, bads = (days.search_sorted(day, side="right") for days in _maturing(ctx.layout, state, ctx.settings.labels))
    return int(loans), int(bads)


def enough_matured(ctx: JobContext, day: date) -> bool:
    """Return whether enough loans matured by a day for a first model: to train it, to set its level and to evaluate it.

    Asked before a training is claimed, so that a night that could not train leaves nothing behind.
    """
    labels, training = ctx.settings.labels, ctx.settings.training
    state = _state(ctx.layout)
    if state is None or day < _not_before(ctx.layout, state, labels, training):
        return False
    closed_on = window_closed_on(nw.col("origination_date"), labels)
    matured = collect(_labels_as_of(ctx, day).with_columns(closed_on.alias("window_closed_on")))
    try:
        split_by_time(matured, as_of=day, settings=training)
    except TooLittleDataError:
        return False
    return True


def what_is_lacking(ctx: JobContext, day: date) -> str | None:
    """Say in numbers what a first model lacks by a day; None where enough has matured."""
    training = ctx.settings.training
    loans, bads = matured_counts(ctx, day)
    if loans < training.min_matured_loans or bads < training.min_matured_bads:
        return (
            f"{loans:,} loans have matured by {day} ({training.min_matured_loans:,} needed), "
            f"{bads:,} of them defaults ({training.min_matured_bads:,} needed)"
        )
    closed_on = window_closed_on(nw.col("origination_date"), ctx.settings.labels)
    matured = collect(_labels_as_of(ctx, day).with_columns(closed_on.alias("window_closed_on")))
    try:
        split_by_time(matured, as_of=day, settings=training)
    except TooLittleDataError as error:
        return str(error)
    return None


def _state(layout: Layout) -> State | None:
    """Read which labels there are, and which events were set aside; None before the first label."""
    lake = Lake(layout)
    labels = lake.state(LABEL_STORE)
    return None if labels is None else (labels, lake.state(QUARANTINE))


def _not_before(layout: Layout, state: State, settings: LabelSettings, training: TrainingSettings) -> date:
    """Return the day before which too few loans or bads have matured, by the labels in this state of theirs."""
    needed = training.min_matured_loans, training.min_matured_bads
    pairs = zip(needed, _maturing(layout, state, settings), strict=True)
    return max(days[number - 1] if len(days) >= number else date.max for number, days in pairs)


@lru_cache(maxsize=1)
def _maturing(layout: Layout, state: State, settings: LabelSettings) -> tuple[pl.Series, pl.Series]:
    """Return the day on which each loan matured, and that on which each bad did, both in order.

    Nights and weeks are many; the labels of all of them are read once as long as they stay in this state.
    """
    lake = Lake(layout)
    closed_on = window_closed_on(nw.col("origination_date"), settings)
    labels = lake.frame(LABEL_STORE).filter(nw.col("definition") == settings.definition)
    known = drop_unknown(labels, lake.frame(QUARANTINE), by=closed_on)
    matured = collect(known.select("loan_id", "label", nw.max_horizontal("known_on", closed_on).alias("matured_on")))
    bads = matured.filter(pl.col("label") == 1)
    loans, bads = (rows.group_by("loan_id").agg(pl.col("matured_on").min()) for rows in (matured, bads))
    return loans["matured_on"].sort(), bads["matured_on"].sort()


def _labels_as_of(ctx: JobContext, day: date) -> nw.LazyFrame[Any]:
    lake = Lake(ctx.layout)
    return labels_as_of(lake.frame(LABEL_STORE), lake.frame(QUARANTINE), day, ctx.settings.labels)

"""How much has matured by a day: what can be learned from, and judged by."""

from __future__ import annotations

from datetime import date

import narwhals as nw
import polars as pl

from p2pcredit.contracts.tables import LABEL_STORE
from p2pcredit.engines.local import collect
from p2pcredit.errors import TooLittleDataError
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.splitting import split_by_time
from p2pcredit.storage.lake import Lake
from p2pcredit.transforms.labels import labels_as_of, window_closed_on


def matured_counts(ctx: JobContext, day: date) -> tuple[int, int]:
    """How many loans have matured by a day, and how many of them are bad?"""
    labels = _matured(ctx, day)
    return labels.height, int(labels["label"].sum() or 0)


def enough_matured(ctx: JobContext, day: date) -> bool:
    """Have enough loans matured by a day for a first model: to learn from, to set its level and to judge it by?

    Asked before a training is claimed, so that a night that could not train leaves nothing behind.
    """
    try:
        split_by_time(_matured(ctx, day), as_of=day, settings=ctx.settings.training)
    except TooLittleDataError:
        return False
    return True


def _matured(ctx: JobContext, day: date) -> pl.DataFrame:
    settings = ctx.settings.labels
    labels = labels_as_of(Lake(ctx.layout).frame(LABEL_STORE), day, settings)
    closed_on = window_closed_on(nw.col("origination_date"), settings)
    return collect(labels.with_columns(closed_on.alias("window_closed_on")))

"""How much has matured by a day: what can be learned from, and judged by."""

from __future__ import annotations

from datetime import date

from p2pcredit.contracts.tables import LABEL_STORE
from p2pcredit.engines.local import collect
from p2pcredit.jobs.context import JobContext
from p2pcredit.storage.lake import Lake
from p2pcredit.transforms.labels import labels_as_of


def matured_counts(ctx: JobContext, day: date) -> tuple[int, int]:
    """How many loans have matured by a day, and how many of them are bad?"""
    labels = collect(labels_as_of(Lake(ctx.layout).frame(LABEL_STORE), day, ctx.settings.labels))
    return labels.height, int(labels["label"].sum() or 0)


def enough_matured(ctx: JobContext, day: date) -> bool:
    """Have enough loans matured by a day for a first model?"""
    loans, bads = matured_counts(ctx, day)
    needed = ctx.settings.training
    return loans >= needed.min_matured_loans and bads >= needed.min_matured_bads

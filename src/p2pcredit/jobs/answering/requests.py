"""Answer a request for scores with the champion of a home, or with another model of its bank."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from p2pcredit.jobs.answering.answers import Answers, answer_applications
from p2pcredit.jobs.answering.given import landed_rows
from p2pcredit.jobs.answering.scorers import new_request_id, read_scorer
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.scorer import Scorer
from p2pcredit.models.training_support import catalogue_of
from p2pcredit.platforms.mapped.profile import MappedPlatform
from p2pcredit.readers.applications import Record


def score_request(
    ctx: JobContext,
    records: Sequence[Record],
    *,
    mapping: MappedPlatform | None = None,
    model_id: str | None = None,
) -> dict[str, Any]:
    """Answer applications.

    Args:
        ctx: The home, its settings, and the instant of the request.
        records: Applications: names with their values.
        mapping: By whose names; None for the names of the feeds.
        model_id: The model that answers; None for the champion of now.

    Returns:
        `request_id`, `asked_at`, `model_id`, `answers`: one per application in their order, with the columns of
        `p2pcredit.jobs.answering.answers.ANSWER`.

    Raises:
        ApplicationError: If an application holds what none may hold.
        BankError: If there is no champion yet, or the model is missing or was altered.
    """
    scorer = read_scorer(ctx, model_id)
    request_id = new_request_id(ctx.at)
    catalogue = ctx.catalogue.with_own(catalogue_of(scorer.model.support).own)
    rows = landed_rows(records, mapping, catalogue)
    found = answer_applications(scorer, rows, ctx.settings, request_id=request_id, catalogue=catalogue)
    return as_receipt(ctx.at, scorer, request_id, found)


def as_receipt(at: datetime, scorer: Scorer, request_id: str, found: Answers) -> dict[str, Any]:
    """Give the answers with which request and model they belong to, as plain JSON values."""
    return {
        "request_id": request_id,
        "asked_at": at.astimezone(UTC).isoformat(timespec="milliseconds"),
        "model_id": scorer.model_id,
        "answers": found.as_json(),
    }


__all__ = ["as_receipt", "score_request"]

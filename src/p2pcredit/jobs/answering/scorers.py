"""Read the model that answers now, and name the requests that it answers."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from p2pcredit.errors import BankError
from p2pcredit.jobs.context import JobContext
from p2pcredit.models.scorer import Scorer
from p2pcredit.storage.state.model_bank import ModelBank


def read_scorer(ctx: JobContext, model_id: str | None = None) -> Scorer:
    """Read the champion of now, or another model, every file checked against its digest.

    Raises:
        BankError: If there is no champion yet, or the model is missing or was altered.
    """
    wanted = model_id or champion_of(ctx)
    return Scorer.read(wanted, ModelBank(ctx.layout).get(wanted).files)


def champion_of(ctx: JobContext) -> str:
    """Name the model that scores from now on.

    Raises:
        BankError: If there is none yet.
    """
    state = ctx.ledger.state()
    if state.champion is None:
        waiting = "".join(f"; {one.model_id} waits for approval" for one in state.approvals.waiting)
        raise BankError(f"no model serves yet, so nothing can be scored{waiting}; see 'p2pcredit models list'")
    return state.champion


def new_request_id(at: datetime) -> str:
    """Make an id that no other request has, beginning with its instant so that ids sort by time."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(8)}"


__all__ = ["champion_of", "new_request_id", "read_scorer"]

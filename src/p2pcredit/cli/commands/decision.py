"""`p2pcredit decision`: look at the retraining decision, its history, or decide yourself."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from p2pcredit.cli.printing import Receipt
from p2pcredit.cli.runtime import (
    ByOption,
    DebugOption,
    HomeOption,
    JsonOption,
    WhyOption,
    command,
    job_context,
    optional_date,
)
from p2pcredit.jobs import decisions
from p2pcredit.retraining.words import event_in_a_row
from p2pcredit.storage.tables.day_receipts import last_complete


@command
def show(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """Show the decision that counts now and what became of it."""
    return decisions.show_decision(job_context(home))


@command
def history(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List every line of the ledger, oldest first."""
    events = [event.as_json() for event in job_context(home).ledger.events()]
    return events if as_json else [event_in_a_row(event) for event in events]


@command
def override(
    retrain: Annotated[bool, typer.Option("--retrain/--no-retrain", help="What to decide.")],
    why: WhyOption,
    day: Annotated[
        str | None, typer.Option("--date", help="Date of the decision; else the last preprocessed day.", metavar="D")
    ] = None,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Decide by hand, with a reason; to retrain also holds where the week has had its retraining."""
    ctx = job_context(home, by=by)
    decided_on: date = optional_date(day) or last_complete(ctx.layout) or ctx.at.date()
    return decisions.override_decision(ctx, decided_on, retrain=retrain, why=why)

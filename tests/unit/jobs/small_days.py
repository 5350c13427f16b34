"""A lender's daily files, a few loans a day, for tests of what a day may lack."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from p2pcredit.contracts.feeds import FEEDS
from p2pcredit.jobs.context import JobContext
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import PreprocessingSettings, Settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank

DAY = date(2020, 3, 2)
HEADERS = {
    "loan_terms": "loan_id,origination_date,loan_amount,term",
    "demographic": "loan_id,origination_date,state",
    "financial": "loan_id,origination_date,annual_income",
    "credit_history": "loan_id,origination_date,fico_low,fico_high",
    "loan_performance": "loan_id,event_date,status,days_past_due",
}
VALUES = {"loan_terms": "1000,36", "demographic": "CA", "financial": "50000", "credit_history": "700,704"}


def write(layout: Layout, feed: str, day: date, lines: Iterable[str], header: str | None = None) -> None:
    """Put the file of a feed and day there; `header` in place of its own."""
    path = layout.landing / feed / f"{feed}_{day:%Y_%m_%d}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header or HEADERS[feed], *lines]) + "\n")


def lines_of(feed: str, day: date, loans: int, value: str | None = None) -> list[str]:
    """Make the rows of so many loans of a day."""
    return [f"{day:%m%d}-{n},{day},{VALUES[feed] if value is None else value}" for n in range(loans)]


def land_day(layout: Layout, day: date, loans: int = 3) -> None:
    """Land so many loans in all feeds, and no event."""
    for feed in FEEDS:
        write(layout, feed, day, lines_of(feed, day, loans) if feed in VALUES else [])


def land_days_before(layout: Layout, number: int, loans: int = 3) -> list[date]:
    """Land so many days before `DAY`."""
    days = [DAY - timedelta(days=n) for n in range(number, 0, -1)]
    for day in days:
        land_day(layout, day, loans)
    return days


def with_settings(ctx: JobContext, **values: object) -> JobContext:
    """Replace settings of the group `preprocessing` in the context."""
    settings = Settings(preprocessing=PreprocessingSettings.model_validate(values))
    return JobContext(ctx.layout, settings, ctx.run_id, ctx.at)


def crown(ctx: JobContext, *features: str) -> None:
    """Make a model that reads these features champion from the first day on."""
    ModelBank(ctx.layout).add("m1", {"a": b"b"}, {"model_id": "m1", "features": list(features)})
    facts = {"model_id": "m1", "effective_on": "2019-01-01"}
    ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="x", facts=facts)


def warnings(ctx: JobContext) -> list[str]:
    """List the warnings that the activity log holds."""
    entries = [json.loads(line) for line in ctx.layout.activity.read_text().splitlines()]
    return [entry["message"] for entry in entries if entry["job"] == "warning"]


def found(receipt: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    """List what a receipt says of the shape of its feeds: feed, column, what."""
    return [(entry["feed"], entry["column"], entry["what"]) for entry in receipt["schema_drift"]]

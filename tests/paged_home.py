"""A small home to look at through pages: two models, two weeks, and loans whose texts are hostile to a page."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from p2pcredit.contracts.feeds import APPLICATION_FEEDS, LOAN_PERFORMANCE
from p2pcredit.contracts.tables import bronze
from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.decisions import override_decision
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.champions import promote
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.periods import DateRange
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake

DAY = date(2021, 10, 11)
EARLIER_WEEK, WEEK = date(2021, 10, 2), date(2021, 10, 9)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
HOSTILE_ID = "L<script>alert(3)</script>"
SET_ASIDE = "SET-ASIDE"
WAITS = "scorecard-20210601-waits"


def make_paged_home(small_home: Path, home: Path) -> None:
    """Copy the small home, review one more week, land a day of hostile loans, and let a second model wait."""
    shutil.copytree(small_home, home, dirs_exist_ok=True)
    ctx = JobContext(Layout(home), load_settings(home), "test", datetime(2021, 10, 12, 2, tzinfo=UTC), by="Ada")
    monitor(ctx, EARLIER_WEEK, report=False)
    _land(ctx)
    days = DateRange(DAY, DAY)
    preprocess(ctx, days)
    run_inference(ctx, days)
    _bank_another(ctx)
    override_decision(ctx, DAY, retrain=False, why=HOSTILE)


def _land(ctx: JobContext) -> None:
    """Land three loans of the day before anew: one with a hostile id, one with hostile texts, one to be set aside."""
    lake, before = Lake(ctx.layout), DateRange(date(2021, 10, 10), date(2021, 10, 10))
    rows = lake.read(bronze(APPLICATION_FEEDS[0]), before)
    for feed in APPLICATION_FEEDS[1:]:
        rows = rows.join(lake.read(bronze(feed), before).select("loan_id", *feed.sources[2:]), on="loan_id")
    loans = [
        {name: text or "" for name, text in row.items() if isinstance(text, str | None)} for row in rows.to_dicts()
    ]
    told = {"origination_date": f"{DAY}", "employment_title": HOSTILE, "description": HOSTILE, "title": HOSTILE}
    landed = [
        {**loan, **told, "loan_id": name} for loan, name in zip(loans, (HOSTILE_ID, "HOSTILE", SET_ASIDE), strict=False)
    ]
    landed[1]["annual_income"] = HOSTILE
    landed[2]["loan_amount"] = HOSTILE
    landed += [{**loan, "origination_date": f"{DAY}", "loan_id": f"N{place}"} for place, loan in enumerate(loans)]
    for feed in (*APPLICATION_FEEDS, LOAN_PERFORMANCE):
        path = ctx.layout.landing / feed.name / f"{feed.name}_{DAY:%Y_%m_%d}.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, feed.sources, quoting=csv.QUOTE_ALL, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(landed if feed is not LOAN_PERFORMANCE else [])


def _bank_another(ctx: JobContext) -> None:
    """Put the champion into the bank again under another name, and promote it where promotions wait for approval."""
    bank = ModelBank(ctx.layout)
    (first,) = bank.model_ids()
    banked = bank.get(first)
    bank.add(WAITS, dict(banked.files), {**banked.card, "model_id": WAITS, "as_of": "2021-06-01"})
    governance = ctx.settings.governance.model_copy(update={"approval": "named"})
    asking = replace(ctx, settings=ctx.settings.model_copy(update={"governance": governance}))
    promote(asking, WAITS, HOSTILE)


PAGES = (
    "/",
    "/weeks",
    f"/weeks/{WEEK}",
    "/weeks/diff",
    "/models",
    f"/models/{WAITS}",
    "/models/compare",
    "/models/fairness",
    f"/models/fairness?id={WAITS}",
    "/decisions",
    "/decisions/ledger",
    "/loans",
    "/what-if?id=HOSTILE",
    "/strategy",
    "/book",
    "/book/rolls",
    "/book/losses",
    "/data",
    "/data/table?name=gold.predictions",
    "/data/quarantine",
    "/data/drift",
    "/nothing",
)
"""An address of every page; those of a loan, a run and a metric beside them."""

__all__ = ["DAY", "EARLIER_WEEK", "HOSTILE", "HOSTILE_ID", "PAGES", "SET_ASIDE", "WAITS", "WEEK", "make_paged_home"]

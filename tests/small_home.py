"""A small home made by the pipeline itself: a synthetic portfolio of nine months, one model, one weekly review."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from tests import young_home

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.monitoring.review import monitor
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import load_settings
from p2pcredit.storage.layout import Layout

DAYS, TRAINED, SATURDAY = DateRange(date(2021, 1, 1), date(2021, 10, 10)), date(2021, 5, 31), date(2021, 10, 9)
SETTINGS = f"""\
{young_home.SETTINGS}\
min_evaluation_bads = 5

[monitoring]
min_matured_loans = 50
min_matured_bads = 5
"""


def make_small_home(home: Path) -> None:
    """Land the portfolio into an empty directory, then preprocess, train, infer and monitor, once each."""
    raw = home.with_name(f"{home.name}-portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(DAYS.first, DAYS.last, seed=2, loans_per_day=50))
    (home / "p2pcredit.toml").write_text(SETTINGS)
    at = datetime(2021, 10, 11, 2, tzinfo=UTC)
    ctx = JobContext(Layout(home), load_settings(home), "test", at)
    land(ctx, "synthetic", [raw], DAYS.first, DAYS.last)
    preprocess(ctx, DAYS)
    train_now(ctx, TRAINED, None)
    run_inference(ctx, DAYS)
    monitor(ctx, SATURDAY)

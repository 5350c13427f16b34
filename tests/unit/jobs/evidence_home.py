"""A small home whose labels mature in three months, with a first champion and a second training, made once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from tests import young_home

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import LabelSettings, Settings, TrainingSettings
from p2pcredit.storage.layout import Layout

FIRST, LAST = date(2021, 1, 1), date(2021, 7, 10)
TRAININGS = (date(2021, 6, 1), date(2021, 7, 9))
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, default_days=30, reporting_lag_days=5),
    training=TrainingSettings(min_matured_loans=300, min_matured_bads=20, min_evaluation_bads=3),
)
TOML = f"""\
{young_home.SETTINGS}\
min_evaluation_bads = 3
"""


def context(home: Path) -> JobContext:
    return JobContext(Layout(home), SETTINGS, "test", datetime(2022, 1, 1, tzinfo=UTC))


def build_home(home: Path, trainings: tuple[date, ...] = TRAININGS) -> None:
    ctx = context(home)
    raw = home.with_name("portfolio.csv.gz")
    write_raw(raw, SyntheticSettings(FIRST, LAST, loans_per_day=25))
    land(ctx, "synthetic", [raw], FIRST, LAST)
    preprocess(ctx, DateRange(FIRST, LAST))
    for day in trainings:
        train_now(ctx, day, "for the test")
    run_inference(ctx, DateRange(trainings[0], LAST))
    (home / "p2pcredit.toml").write_text(TOML)

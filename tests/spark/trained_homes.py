"""Homes with half a year of a synthetic book, refined, and a training on them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np

from p2pcredit.jobs.context import JobContext
from p2pcredit.jobs.landing.land import land
from p2pcredit.jobs.preprocessing.stages import preprocess
from p2pcredit.jobs.training.retrain import train_now
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import Examples, FitBackend
from p2pcredit.periods import DateRange
from p2pcredit.platforms.synthetic.loans import SyntheticSettings
from p2pcredit.platforms.synthetic.profile import write_raw
from p2pcredit.settings import LabelSettings, Settings, SparkSettings, TrainingSettings
from p2pcredit.storage.layout import Layout
from p2pcredit.storage.state.model_bank import ModelArtifacts, ModelBank

DAYS = DateRange(date(2021, 1, 1), date(2021, 6, 1))
SETTINGS = Settings(
    labels=LabelSettings(window_months=3, default_days=30, reporting_lag_days=5),
    training=TrainingSettings(min_matured_loans=300, min_matured_bads=20, min_evaluation_bads=3),
)


def context(home: Path, spark: SparkSettings | None = None) -> JobContext:
    """Make the context of a job on this home, on Spark where it is given."""
    engine = {} if spark is None else {"engine": "spark", "spark": spark}
    wanted = SETTINGS.model_copy(update=engine)
    return JobContext(Layout(home), wanted, "test", datetime(2022, 1, 1, tzinfo=UTC))


def refined(home: Path, loans_per_day: int) -> None:
    """Make a home whose tables are ready to be learned from; no champion serves yet."""
    raw = home.with_name(f"{home.name}.csv.gz")
    write_raw(raw, SyntheticSettings(DAYS.first, DAYS.last, loans_per_day=loans_per_day))
    land(context(home), "synthetic", [raw], DAYS.first, DAYS.last)
    preprocess(context(home), DAYS)


def trained(ctx: JobContext) -> ModelArtifacts:
    """Train on the last day; return the model in the bank."""
    receipt = train_now(ctx, DAYS.last, "for the test")
    return ModelBank(ctx.layout).get(receipt["model_id"])


def few_values() -> Examples:
    """Make loans with few distinct values and no sampling, so that any number of workers cuts them alike.

    The two halves say the opposite of each other: trees that saw one of them are not those that saw both.
    """
    place = np.arange(400)
    bads = ((place % 7 > 4) != ((place < 200) & (place % 3 > 0))).astype(float)
    columns = np.column_stack([place % 7, place % 3]).astype(np.float32)
    return Examples(columns, bads, None)


def margin_of(backend: FitBackend, examples: Examples, **more: float) -> Floats:
    """Grow five trees with the backend and predict the loans' margins."""
    how = {"tree_method": "hist", "objective": "binary:logistic", "base_score": 0.5, "seed": 1, "max_depth": 2}
    with backend.growing(examples) as grow:
        return np.asarray(grow({**how, **more}, 5).inplace_predict(examples.columns, predict_type="margin"))

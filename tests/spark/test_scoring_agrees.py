from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from tests.robustness.reruns import daily_book
from tests.spark import scored_loans

from p2pcredit.contracts.tables import FEATURE_STORE, PREDICTIONS
from p2pcredit.jobs.scoring.score import run_inference
from p2pcredit.periods import DateRange
from p2pcredit.retraining.events import EventKind
from p2pcredit.settings import SparkSettings
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.day_receipts import mark_complete
from p2pcredit.storage.tables.lake import Lake

SPAN = DateRange(date(2010, 1, 20), date(2010, 2, 8))


@pytest.mark.parametrize("family", ["scorecard", "boosting"])
def test_loans_get_the_same_probability_score_grade_and_reasons(
    family: str, homes: Callable[[str], Path], spark_here: SparkSettings
) -> None:
    found = []
    for engine in ("polars", "spark"):
        settings = daily_book.SETTINGS.model_copy(update={"engine": engine, "spark": spark_here})
        ctx = replace(daily_book.context(homes(f"scoring-{engine}")), settings=settings)
        Lake(ctx.layout).replace(FEATURE_STORE, scored_loans.odd_loans(), SPAN)
        for day in SPAN:
            mark_complete(ctx.layout, {day: {}})
        card = {"model_id": "m1", "family": family, "as_of": "2010-01-20"}
        ModelBank(ctx.layout).add("m1", scored_loans.model(family).to_files(), card)
        facts = {"model_id": "m1", "effective_on": "2010-01-20", "why": "test"}
        ctx.ledger.append(EventKind.PROMOTED, at=ctx.at, run_id="person", facts=facts)

        receipt = run_inference(ctx, SPAN)

        assert receipt["scored"] == 600
        assert receipt["outside_training"] == {"purpose": 60, "fico": 6}
        found.append(Lake(ctx.layout).read(PREDICTIONS))
    local, spark = found
    assert local["reason_1"].null_count() < local.height
    assert_frame_equal(spark.drop("probability_of_default"), local.drop("probability_of_default"))
    difference = (spark["probability_of_default"] - local["probability_of_default"]).abs()
    assert difference.null_count() == 0
    assert max(difference) <= 1e-6

"""A small lender whose truth is known: labels drawn from the probabilities that were served."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.features import FEATURES
from p2pcredit.monitoring.inputs import MonitoringInputs
from p2pcredit.periods import add_months

WEEK_END = date(2011, 3, 31)


def make_inputs(
    loans: int = 1200,
    *,
    days: int = 900,
    seed: int = 1,
    skill: float = 1.0,
    bad_factor: float = 1.0,
    champion_share: float = 1.0,
    week_end: date = WEEK_END,
    **changes: Any,
) -> MonitoringInputs:
    """Make inputs of loans scored evenly over the `days` before the week's end.

    Args:
        skill: Spread of the log-odds that the model knows; 0 gives random labels.
        bad_factor: How many times more bads come than the probabilities say.
        champion_share: Newest share of the loans that the champion scored, the rest an earlier model.
        changes: Fields of the inputs to put in place of those made.
    """
    rng = np.random.default_rng(seed)
    pd = 1 / (1 + np.exp(2.0 - rng.normal(0, 1, loans)))
    truth = pd if skill else np.full(loans, pd.mean())
    bad = rng.random(loans) < np.minimum(truth * bad_factor, 1.0)
    start = week_end - timedelta(days=days - 1)
    born = [start + timedelta(days=int(i * days / loans)) for i in range(loans)]
    ids = [f"L{i:06d}" for i in range(loans)]
    known = [
        b + timedelta(days=150) if is_bad else add_months(b, 12) + timedelta(days=30)
        for b, is_bad in zip(born, bad, strict=True)
    ]
    old = int(loans * (1 - champion_share))
    predictions = pl.DataFrame(
        {
            "loan_id": ids,
            "snapshot_date": born,
            "model_id": ["earlier"] * old + ["champion"] * (loans - old),
            "probability_of_default": pd,
            "score": (600 - 100 * (pd - 0.1)).astype(np.int32),
            "grade": ["ABC"[min(2, int(p * 10))] for p in pd],
        },
        schema_overrides={"score": pl.Int32},
    )
    labels = pl.DataFrame(
        {
            "loan_id": ids,
            "definition": ["pd12"] * loans,
            "label": bad.astype(np.int8),
            "origination_date": born,
            "known_on": known,
        }
    ).filter(pl.col("known_on") <= week_end)
    features = pl.DataFrame(
        {
            "loan_id": ids,
            "snapshot_date": born,
            "known_on": born,
            **{
                f.name: rng.lognormal(3, 1, loans) if f.kind == "numeric" else rng.choice(["X", "Y", "Z"], loans)
                for f in FEATURES
            },
        }
    ).with_columns(
        term_months=pl.Series(rng.choice([36.0, 60.0], loans)),
        platform_sub_grade=pl.Series([f"{'ABCDEFG'[min(6, int(p * 14))]}{1 + int(p * 70) % 5}" for p in pd]),
    )
    reference = (
        features.join(predictions.select("loan_id", "score"), on="loan_id").filter(
            pl.col("snapshot_date") <= week_end - timedelta(days=400)
        )
        if loans
        else features
    )
    late = [(i, b + timedelta(days=80)) for i, b, is_bad in zip(ids, born, bad, strict=True) if is_bad]
    early = pl.DataFrame(late, schema={"loan_id": pl.String, "late_on": pl.Date}, orient="row").filter(
        pl.col("late_on") <= week_end
    )
    made = MonitoringInputs(
        week_end=week_end,
        champion_id="champion",
        champion_as_of=week_end - timedelta(days=400),
        predictions=predictions,
        labels=labels,
        features=features,
        reference=reference,
        early_delinquency=early,
        feed_quality=pl.DataFrame({"feed": ["loan_terms", "financial"], "rows_in": [300, 300], "quarantined": [0, 3]}),
        development_bads=200,
        known_bads=210,
    )
    return replace(made, **changes)

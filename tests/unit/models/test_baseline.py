"""The logistic baseline against the same model built from scikit-learn's own parts."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from p2pcredit.models.evaluation.discrimination import auc
from p2pcredit.models.training.baseline import logistic_baseline


def _loans(size: int, seed: int) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    income, inquiries = rng.normal(size=size), rng.poisson(1, size).astype(float)
    bad = rng.random(size) < 1 / (1 + np.exp(2 + income - 0.4 * inquiries))
    return pl.DataFrame(
        {
            "label": bad.astype(np.int8),
            "annual_income": np.where(rng.random(size) < 0.1, np.nan, income),
            "inquiries_6m_count": inquiries,
            "purpose": rng.choice(["CAR", "DEBT"], size),
        }
    )


def test_it_is_the_plain_logistic_regression_of_the_usual_library() -> None:
    learned, judged = _loans(800, 1), _loans(300, 2)
    names = ("annual_income", "inquiries_6m_count")
    found = logistic_baseline(learned, judged, names)
    columns = [frame.select(names).fill_nan(None).to_numpy() for frame in (learned, judged)]
    shown = [np.column_stack([c, np.isnan(c[:, 0])]) for c in columns]
    oracle = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression(C=1e6, max_iter=1000))
    oracle.fit(shown[0], learned["label"].to_numpy())
    expected = oracle.predict_proba(shown[1])[:, 1]
    assert found is not None
    assert np.corrcoef(found, expected)[0, 1] > 0.999
    assert auc(judged["label"], found) == pytest.approx(auc(judged["label"], expected), abs=0.01)


def test_a_level_never_seen_and_a_missing_value_get_a_probability() -> None:
    learned = _loans(500, 1)
    judged = pl.DataFrame({"annual_income": [None, 1.0], "inquiries_6m_count": [0.0, 9.0], "purpose": ["NEW", None]})
    found = logistic_baseline(learned, judged, ("annual_income", "inquiries_6m_count", "purpose"))
    assert found is not None
    assert ((found > 0) & (found < 1)).all()


def test_one_class_no_loans_or_nothing_that_varies_give_no_baseline() -> None:
    learned, judged = _loans(500, 1), _loans(10, 2)
    names = ("annual_income",)
    assert logistic_baseline(learned.filter(pl.col("label") == 0), judged, names) is None
    assert logistic_baseline(learned, judged.clear(), names) is None
    assert logistic_baseline(learned.with_columns(pl.lit(1.0).alias("annual_income")), judged, names) is None

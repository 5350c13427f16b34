from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from p2pcredit.errors import TrainingError
from p2pcredit.models.reference_borrower import feature_named
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.models.training.splits import UNMATURED, Split, hide_unmatured_levels, unmatured_levels
from p2pcredit.settings import Settings

FEATURES = tuple(map(feature_named, ("term_months", "state", "annual_income")))
AS_OF = date(2012, 6, 30)
Book = tuple[pl.DataFrame, pl.DataFrame]


def loans(*rows: tuple[float, str | None, int]) -> pl.DataFrame:
    """So many loans of a term and state each."""
    spread = [(term, state) for term, state, count in rows for _ in range(count)]
    return pl.DataFrame(spread, schema={"term_months": pl.Float64, "state": pl.String}, orient="row")


def test_a_term_or_level_without_matured_loans_is_hidden_and_others_stay() -> None:
    matured = loans((36.0, "CA", 60), (36.0, "NY", 49), (36.0, None, 60))
    known = pl.concat([matured, loans((60.0, "CA", 5), (36.0, "TX", 5))])
    assert unmatured_levels(known, matured, FEATURES) == {"term_months": [60.0], "state": ["NY", "TX"]}
    hidden = hide_unmatured_levels(known, Split(matured, matured.clear(), matured.clear()), FEATURES)
    assert hidden["term_months"].null_count() == 5
    assert sorted(hidden["state"].drop_nulls().unique()) == [UNMATURED, "CA"]
    assert (hidden["state"] == UNMATURED).sum() == 54
    assert hidden["state"].null_count() == 60  # missing stays missing


def test_a_new_products_early_leavers_teach_nothing_about_it(book: Book) -> None:
    """Young loans of a new purpose, all of which default at once, leave the model unsure of it, not afraid of it."""
    features, outcomes = book
    rng = np.random.default_rng(3)
    born = [AS_OF - timedelta(days=int(days)) for days in rng.integers(60, 150, 120)]
    ids = [f"N{i}" for i in range(120)]
    young = features.head(120).with_columns(
        pl.Series("loan_id", ids),
        pl.Series("snapshot_date", born),
        pl.Series("known_on", born),
        pl.lit("MOON").alias("purpose"),
    )
    fates = outcomes.head(120).with_columns(
        pl.Series("loan_id", ids),
        pl.Series("origination_date", born),
        pl.Series("window_closed_on", [day + timedelta(days=395) for day in born]),
        pl.lit(None, pl.Int8).alias("label"),
        pl.lit(0, pl.Int32).alias("months_observed"),
        pl.lit(1, pl.Int32).alias("defaulted_in_month"),
        pl.lit(1, pl.Int32).alias("late_in_month"),
        pl.lit(False).alias("closed"),
    )
    run = train_candidates(pl.concat([features, young]), pl.concat([outcomes, fates]), as_of=AS_OF, settings=Settings())
    assert "MOON" in run.details["not_learned_because_unmatured"]["purpose"]
    twins = [features.head(200).with_columns(pl.lit(purpose).alias("purpose")) for purpose in ("MOON", "NEVER SEEN")]
    for candidate in run.candidates:
        moon, never_seen = (candidate.model.predict(twin) for twin in twins)
        assert np.array_equal(moon, never_seen), candidate.target


def test_outcomes_of_another_definition_are_refused(book: Book) -> None:
    features, outcomes = book
    mixed = outcomes.with_columns(
        pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("pd36")).otherwise("definition").alias("definition")
    )
    with pytest.raises(TrainingError, match="outcomes of pd36 were given to a training of pd12"):
        train_candidates(features, mixed, as_of=AS_OF, settings=Settings())

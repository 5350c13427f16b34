"""Books with a known truth: late loans that never cure, a term that began late, defaults that are reported late."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from tests.unit.models.conftest import AS_OF

from p2pcredit.contracts.cures import Cures
from p2pcredit.models.reference_borrower import feature_named
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import TrainingRun, cures_of, rank_candidates, train_candidates
from p2pcredit.models.training.hazard import measure_exposure, observed_by
from p2pcredit.models.training.splits import UNMATURED
from p2pcredit.models.training.usable import CONSTANT, NOT_GIVEN, unlearned_variety, usable_features
from p2pcredit.settings import Settings, TrainingSettings

Book = tuple[pl.DataFrame, pl.DataFrame]
SETTINGS = Settings(training=TrainingSettings(families=("scorecard",), preferred_family="scorecard"))
FIRST_DAY, FIT_ENDS = date(2009, 1, 1), date(2010, 5, 15)
"""Of the book's loans; the oldest 55% of the matured ones end before the second."""


def boosted(features: pl.DataFrame, outcomes: pl.DataFrame) -> dict[str, Candidate]:
    """Train boosting, which selects no feature by itself."""
    settings = Settings(training=TrainingSettings(families=("boosting",), preferred_family="boosting"))
    return {c.target: c for c in run_on(features, outcomes, settings).candidates}


def run_on(features: pl.DataFrame, outcomes: pl.DataFrame, settings: Settings = SETTINGS) -> TrainingRun:
    return train_candidates(features, outcomes, as_of=AS_OF, settings=settings)


@pytest.fixture(scope="module")
def plain(book: Book) -> TrainingRun:
    return run_on(*book)


def with_terms(book: Book, since: date, *, bads: float, goods: float) -> pl.DataFrame:
    """Features of the book with terms of 36 months, and of 60 for a share of the bads and goods since a day."""
    features, outcomes = book
    share = np.where(outcomes["defaulted_in_month"].is_not_null(), bads, goods)
    long = (np.random.default_rng(5).random(features.height) < share) & (features["snapshot_date"] >= since).to_numpy()
    return features.with_columns(pl.Series("term_months", np.where(long, 60.0, 36.0)))


# Late loans that never cure


def test_early_delinquency_is_refused_where_late_loans_never_cure_and_the_card_says_why(book: Book) -> None:
    features, outcomes = book
    rebuilt = outcomes.with_columns(
        pl.when(pl.col("late_cured") == 0).then("late_cured").alias("late_cured"),
        (pl.col("late_cured") == 0).fill_null(False).alias("sign_rebuilt"),
    )
    defaulted = int((outcomes["late_cured"] == 0).sum())
    run = run_on(features, rebuilt)
    assert {c.target for c in run.candidates} == {"matured", "hazard"}
    reason = (
        f"0 of {defaulted:,} late loans (0.0%) paid again, 10% needed: late loans almost never cure here, so being "
        f"late is the default seen sooner; of {defaulted:,} loans the sign was rebuilt from a later status"
    )
    assert run.details["scorecard_early_delinquency"] == {"missing_because": reason}
    card = run.for_card()
    assert card["limits"][0] == f"early delinquency was not learned from: {reason}"
    assert (card["late_loans"]["late"], card["late_loans"]["cured_share"]) == (defaulted, 0.0)


def test_early_delinquency_is_learned_from_where_late_loans_cure(plain: TrainingRun) -> None:
    assert {c.target for c in plain.candidates} == {"matured", "hazard", "early_delinquency"}
    card = plain.for_card()
    assert card["late_loans"]["refused_because"] is None
    assert not [limit for limit in card["limits"] if "early delinquency" in limit]


def test_where_nobody_looked_whether_late_loans_cure_nothing_is_learned_from_them(book: Book) -> None:
    run = run_on(book[0], book[1].drop("late_cured", "sign_rebuilt"))
    assert {c.target for c in run.candidates} == {"matured", "hazard"}
    assert run.cures == Cures(late=0, cured=0)


@pytest.mark.parametrize(
    ("late", "cured", "refused"), [(30, 3, False), (30, 2, True), (29, 29, True), (1000, 99, True)]
)
def test_one_in_ten_of_thirty_late_loans_must_have_paid_again(late: int, cured: int, refused: bool) -> None:
    fates = pl.DataFrame(
        {
            "late_cured": pl.Series([1] * cured + [0] * (late - cured) + [None] * 7, dtype=pl.Int8),
            "sign_rebuilt": [False] * (late + 7),
        }
    )
    assert cures_of(fates) == Cures(late, cured)
    assert (Cures(late, cured).refusal is not None) is refused


def test_few_late_loans_are_shown_unless_their_signs_were_rebuilt() -> None:
    assert Cures(late=5, cured=0).metric_refusal is None
    assert Cures(late=5, cured=0, rebuilt=1).metric_refusal is not None
    assert Cures(late=50, cured=4).metric_refusal is not None
    assert Cures(late=50, cured=5).metric_refusal is None


# What is counted


def test_defaults_of_the_main_definition_are_counted_whatever_event_was_learned(plain: TrainingRun, book: Book) -> None:
    hazard, early = (plain.details[f"scorecard_{target}"] for target in ("hazard", "early_delinquency"))
    until = AS_OF - timedelta(days=30)
    months = (until.year - pl.col("origination_date").dt.year()) * 12 + until.month
    whole = months - pl.col("origination_date").dt.month() - (pl.col("origination_date").dt.day() > until.day).cast(int)
    outcomes = book[1].with_columns(whole.alias("elapsed"))
    defaults = int((outcomes["defaulted_in_month"] <= outcomes["elapsed"]).sum())
    signs = int(((outcomes["late_in_month"] <= outcomes["elapsed"]) & (outcomes["late_in_month"] <= 10)).sum())
    assert (hazard["defaults"], early["defaults"]) == (defaults, defaults)
    assert early["early_delinquencies"] == signs > defaults
    assert "early_delinquencies" not in hazard
    by_target = {c.target: c.defaults for c in plain.candidates}
    assert by_target["hazard"] == by_target["early_delinquency"] == defaults


def test_who_leads_is_decided_by_defaults_and_not_by_early_signs(plain: TrainingRun) -> None:
    """Two that the evaluation cannot tell apart and that rest on the same defaults: the better AUC leads."""
    hazard, early = (next(c for c in plain.candidates if c.target == t) for t in ("hazard", "early_delinquency"))
    assert early.details["early_delinquencies"] > hazard.details["defaults"]
    leader = rank_candidates([early, hazard], 0.95, "scorecard")[0]
    assert leader is max((early, hazard), key=lambda c: (c.well_calibrated, c.metrics["auc"] or 0.0))


# Columns that vary only among newer loans


def test_a_term_that_began_after_the_oldest_loans_is_in_the_models_that_learn_from_newer_ones(book: Book) -> None:
    features = with_terms(book, FIT_ENDS + timedelta(days=60), bads=0.7, goods=0.2)
    fitted = boosted(features, book[1])
    for target in ("matured", "hazard", "early_delinquency"):
        assert "term_months" in fitted[target].model.feature_names, target
        assert "term_months" not in fitted[target].details["dropped_features"]
    later = features.with_columns(pl.lit(60.0).alias("term_months"))
    sooner = features.with_columns(pl.lit(36.0).alias("term_months"))
    assert fitted["hazard"].model.predict(later).mean() > 1.3 * fitted["hazard"].model.predict(sooner).mean()
    assert "term_months" not in fitted["matured"].evaluation_model.feature_names  # its loans are the oldest
    (said,) = fitted["matured"].details["limits"]
    assert "the evaluation model learned from are alike in term_months" in said


def test_a_term_that_only_the_newest_loans_have_is_a_stated_limit(book: Book) -> None:
    since = AS_OF - timedelta(days=91)
    features = with_terms(book, since, bads=1.0, goods=0.5)
    newest = features.filter(pl.col("snapshot_date") >= since)
    long = int((newest["term_months"] == 60).sum())
    assert long
    run = run_on(features, book[1])
    said = (
        f"term_months was 36 for all loans learned from and is not in the model; {long:,} of the {newest.height:,} "
        "loans of the newest 92 days have another value (60), and the model does not tell them apart"
    )
    for candidate in run.candidates:
        assert candidate.details["dropped_features"]["term_months"] == CONSTANT, candidate.target
        assert said in run.for_card(candidate)["limits"], candidate.target


def test_a_column_that_the_platform_gives_of_late_is_a_stated_limit_too(book: Book) -> None:
    loans = book[0].select("loan_id", pl.col("snapshot_date").alias("origination_date")).tail(1000)
    known = loans.with_columns(
        pl.when(pl.int_range(pl.len()) >= 990).then(pl.lit(4.0)).alias("mortgage_accounts_count")
    ).with_columns(pl.lit("CAR").alias("purpose"))
    learned = known.head(900)
    features = tuple(map(feature_named, ("mortgage_accounts_count", "purpose")))
    usable, dropped = usable_features(learned, features)
    assert (usable, dropped) == ((), {"mortgage_accounts_count": NOT_GIVEN, "purpose": CONSTANT})
    (said,) = unlearned_variety(dropped, learned, known, AS_OF)
    assert said.startswith(
        "mortgage_accounts_count was missing for all loans learned from and is not in the model; 10 of"
    )


def test_hidden_levels_are_no_variety() -> None:
    features = tuple(map(feature_named, ("term_months", "purpose")))
    loans = pl.DataFrame({"term_months": [36.0, None], "purpose": ["CAR", UNMATURED]})
    assert [f.name for f in usable_features(loans, features, {"term_months", "purpose"})[0]] == []
    assert [f.name for f in usable_features(loans, features)[0]] == ["term_months", "purpose"]


def test_months_since_an_event_are_used_where_they_differ_and_not_where_only_some_lack_them() -> None:
    features = (feature_named("months_since_delinquency"), feature_named("annual_income"))
    loans = pl.DataFrame({"months_since_delinquency": [1200.0, None, 1200.0], "annual_income": [1.0, None, 1.0]})
    usable, dropped = usable_features(loans, features)
    assert ([f.name for f in usable], dropped) == (["annual_income"], {"months_since_delinquency": CONSTANT})
    seen = loans.with_columns(pl.Series("months_since_delinquency", [1200.0, None, 7.0]))
    assert [f.name for f in usable_features(seen, features)[0]] == ["months_since_delinquency", "annual_income"]


# Defaults that are reported late


def test_exposure_is_censored_by_the_reporting_lag(plain: TrainingRun, book: Book) -> None:
    watched = observed_by(book[1], AS_OF, window_months=12, lag_days=30)
    assert plain.details["scorecard_hazard"]["loans"] == watched.height
    assert plain.details["scorecard_hazard"]["watched_until"] == "2012-05-31"
    assert watched.filter(pl.col("origination_date") > date(2012, 4, 30)).is_empty()
    assert observed_by(book[1], AS_OF, window_months=12, lag_days=0).height > watched.height


def test_a_book_that_reports_late_has_its_true_hazard_only_with_the_lag() -> None:
    """Two defaults in a hundred loans a month, each reported 28 days later, in a book that grows by 12% a month."""
    rng, day = np.random.default_rng(7), np.datetime64(AS_OF)
    sizes = (3000 * 1.12 ** np.arange(14)).astype(int)
    born = np.repeat(np.arange(14, 0, -1), sizes) * 30 + rng.integers(0, 30, sizes.sum())
    origin = day - born.astype("timedelta64[D]")
    default_month = rng.geometric(0.02, born.size)
    default_day = (default_month - 1) * 30.4 + rng.random(born.size) * 30.4
    reported = (default_day + 28 <= born) & (default_month <= 12)
    outcomes = pl.DataFrame(
        {
            "loan_id": np.arange(born.size).astype(str),
            "origination_date": origin.astype("datetime64[D]"),
            "months_observed": pl.Series(np.minimum(np.where(reported, default_month - 1, born // 30.4), 12)).cast(int),
            "defaulted_in_month": pl.Series(np.where(reported, default_month, -1)).cast(pl.Int32).replace(-1, None),
        }
    )

    def told(lag_days: int) -> float:
        observed = observed_by(outcomes, AS_OF, window_months=12, lag_days=lag_days)
        return float(1.0 - np.prod(1.0 - np.array(measure_exposure(observed, window_months=12).hazards)))

    true = 1.0 - 0.98**12
    assert told(30) == pytest.approx(true, rel=0.03)
    assert told(0) < 0.93 * true

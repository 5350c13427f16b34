"""What a model is, how it comes back from its files, and how loans get probability, score, grade and reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.errors import BankError, PluginError, SettingsError
from p2pcredit.models.calibration import as_probability
from p2pcredit.models.economics.experience import Experience
from p2pcredit.models.economics.value import value_loans
from p2pcredit.models.evaluation.grade_scale import grade_places, letters_of_grades
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.family import MODEL_FILE, SCHEMA_VERSION, Family
from p2pcredit.models.outside_training import decide, outside_training, withhold
from p2pcredit.models.reference_borrower import columns_of
from p2pcredit.models.registry import family_named
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.term_structure.structure import TermStructure
from p2pcredit.models.training_support import blanks_as_missing, contract_of
from p2pcredit.settings import ScoreSettings, Settings

REASONS = 4
TERM = "term_months"
RATE = "interest_rate_share"


def load_model(files: Mapping[str, bytes]) -> ScoringModel:
    """Load the model that these files hold. Nothing is unpickled.

    Args:
        files: What `to_files` gave; other files beside them are ignored.

    Raises:
        BankError: If a file is missing or is not what it should be, or names a family that is not installed.
        PluginError: If the family's package cannot be used.
    """
    if MODEL_FILE not in files:
        raise BankError(f"the model has no {MODEL_FILE}; restore it from a backup or train again")
    try:
        content: dict[str, Any] = json.loads(files[MODEL_FILE])
        family, version = content["family"], content["schema_version"]
        if version != SCHEMA_VERSION:
            remedy = "train the model again" if version < SCHEMA_VERSION else "upgrade p2pcredit"
            raise BankError(f"{MODEL_FILE} has schema version {version}, this version reads {SCHEMA_VERSION}; {remedy}")
        return _family(str(family)).load(content, files)
    except (BankError, PluginError):
        raise
    except Exception as error:
        told = [line.strip() for line in str(error).splitlines() if line.strip()]
        what = [line for line in told if not line.startswith(("[bt]", "Stack trace"))][-1:] or [type(error).__name__]
        raise BankError(f"the model's files cannot be read ({what[0]}); restore them from a backup") from error


def _family(name: str) -> Family:
    try:
        return family_named(name)
    except SettingsError as error:
        raise BankError(f"{MODEL_FILE} names a family that is not installed: {error}; install its package") from error


def score_loans(
    model: ScoringModel,
    model_id: str,
    features: pl.DataFrame,
    settings: Settings,
    structure: TermStructure | None = None,
    experience: Experience | None = None,
) -> pl.DataFrame:
    """Score loans: probability of default, score, grade, and the reasons why it is not better.

    Args:
        model: The champion.
        model_id: Its name.
        features: Rows of the feature store; any order, also none.
        settings: Points, grades, cut-off, and what becomes of a loan outside what the model was trained on.
        structure: How default builds up over the term, as `read_term_structure` finds it among the model's files; None
            for a model that has none.
        experience: What the book had shown of losses and early repayments when the model was made; None likewise.

    Returns:
        In the order of the rows: `loan_id`, `snapshot_date`, `model_id`, `probability_of_default` (within the main
        window), `lifetime_probability_of_default` (within the contract term; null without a term that a contract may
        have, or a structure),
        `expected_loss` (over the term, net of recoveries, as a share of the amount lent) and `expected_annual_return`
        (net annualised, over the term; both null without term, rate, structure or experience), `score` (Int32),
        `grade` (A is best), `reason_1` to `reason_4` (the factors that raise the risk most above what is usual at the
        approval cut-off, largest first; null where there are fewer), `outside_training` and `decision` (see
        `p2pcredit.models.outside_training`). A referred loan has no grade; a refused one has no probability, score,
        grade or reasons.

    Raises:
        UsageError: If a feature of the model is not there.
    """
    chances, at_neutral = model.predict_with_neutral(features)
    reasons = _reasons(model, features, whole_point_pushes(chances, at_neutral, settings.scores))
    outside = outside_training(model, features, settings.scores, settings.scoring.beyond_range_margin)
    decision = decide(outside, chances, settings)
    scored = features.select("loan_id", "snapshot_date").with_columns(
        pl.lit(model_id, dtype=pl.String).alias("model_id"),
        pl.Series("probability_of_default", chances, dtype=pl.Float64),
        _lifetime(chances, features, structure),
        *_economics(chances, features, structure, experience, settings.money.servicing_rate),
        pl.Series("score", score_points(chances, settings.scores), dtype=pl.Int32),
        pl.Series("grade", grades(chances, settings.scores), dtype=pl.String),
        *reasons,
        outside["outside_training"],
        decision,
    )
    return withhold(scored)


def _lifetime(chances: Floats, features: pl.DataFrame, structure: TermStructure | None) -> pl.Series:
    """Calculate the probability of default within each loan's term; null where term or structure is not known."""
    if structure is None or TERM not in features.columns:
        found = np.full(features.height, np.nan)
    else:
        found = structure.lifetime(chances, features[TERM])
    return pl.Series("lifetime_probability_of_default", found, dtype=pl.Float64).fill_nan(None)


def _economics(
    chances: Floats,
    features: pl.DataFrame,
    structure: TermStructure | None,
    experience: Experience | None,
    servicing_rate: float,
) -> list[pl.Series]:
    """Calculate what each loan is expected to lose and to earn; null where term, rate or a part of the model lacks."""
    loss, earned = np.full(chances.size, np.nan), np.full(chances.size, np.nan)
    if structure is not None and experience is not None and {TERM, RATE} <= set(features.columns):
        valued = value_loans(structure, experience, chances, features[TERM], features[RATE])
        loss, earned = valued.loss, valued.annual_return(servicing_rate)
    found = {"expected_loss": loss, "expected_annual_return": earned}
    return [pl.Series(name, values, dtype=pl.Float64).fill_nan(None) for name, values in found.items()]


def score_points(chances: Floats, scores: ScoreSettings) -> Floats:
    """Convert each probability of default to points, rounded to whole points.

    Examples:
        >>> score_points(np.array([1 / 51, 1 / 101]), ScoreSettings()).tolist()
        [600.0, 620.0]
    """
    log_odds = np.log(chances) - np.log1p(-chances)
    return np.asarray(np.rint(PointScale.of(scores).points(log_odds)), dtype=np.float64)


def grades(chances: Floats, scores: ScoreSettings) -> list[str]:
    """Grade each probability of default. The bounds belong to the better grade.

    Examples:
        >>> grades(np.array([0.02, 0.021, 0.9]), ScoreSettings())
        ['A', 'B', 'G']
    """
    letters = letters_of_grades(scores.grade_bounds)
    return [letters[place] for place in grade_places(chances, scores.grade_bounds).tolist()]


def _reasons(model: ScoringModel, features: pl.DataFrame, pushes: Floats) -> list[pl.Series]:
    """Name the factors that push each loan's risk up most: four columns of text, largest first, null where fewer do.

    A factor is named only if its neutral value alone, all else unchanged, would have given a better score in whole
    points. One whose value is missing is named as missing: no income is called low because it is not known. Words
    that two factors share are named once, for the one that pushes most.

    Args:
        model: The champion.
        features: Rows of the feature store.
        pushes: Log-odds that each factor of each loan adds over its neutral value, (rows, features).

    Source:
        Regulation B, 12 CFR 1002.9(b)(2): the principal reasons, true to the factors actually scored; its commentary
        holds more than four to be no help.
    """
    factors = [contract_of(model.support, name) for name in model.feature_names]
    texts = sorted({text for factor in factors for text in (factor.reason, factor.missing_reason)})
    by_text = np.zeros((len(texts), features.height))
    values = blanks_as_missing(columns_of(features, model.feature_names), model.support)
    for factor, push in zip(factors, np.ascontiguousarray(pushes.T), strict=True):
        missing = values[factor.name].is_null().to_numpy()
        for text, told in ((factor.reason, ~missing), (factor.missing_reason, missing)):
            if told.any():
                column = by_text[texts.index(text)]
                np.maximum(column, np.where(told, push, 0.0), out=column)
    left, rows = np.ascontiguousarray(by_text.T), np.arange(features.height)
    names = pl.Series(texts, dtype=pl.String)
    nothing = pl.repeat(None, features.height, dtype=pl.String, eager=True)
    reasons = []
    for rank in range(REASONS):
        told_here = nothing
        if rank < len(texts):
            largest = left.argmax(axis=1)  # the first of equals
            words = names.gather(pl.Series(largest, dtype=pl.UInt32))
            told_here = words.zip_with(pl.Series(left[rows, largest] > 0.0, dtype=pl.Boolean), nothing)
            left[rows, largest] = 0.0
        reasons.append(told_here.alias(f"reason_{rank + 1}"))
    return reasons


def whole_point_pushes(chances: Floats, at_neutral: Floats, scores: ScoreSettings) -> Floats:
    """Return the log-odds that each factor adds over its neutral value, 0 unless it is a whole point of the score.

    Points are calculated of the changes that lower the log-odds only: no other is better.
    """
    pushes = (np.log(chances) - np.log1p(-chances))[:, None] - at_neutral
    places = np.flatnonzero(pushes > 0.0)
    points = score_points(chances, scores)[places // max(1, pushes.shape[1])]
    better = score_points(as_probability(at_neutral.ravel()[places]), scores) > points
    found = np.zeros(pushes.shape)
    found.ravel()[places[better]] = pushes.ravel()[places[better]]
    return found

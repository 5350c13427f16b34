"""Every family that the settings name in every form, learned as of a day and judged on the newest matured loans.

The matured form learns from the oldest matured loans, is calibrated on the loans after them and judged on the newest.
The hazard form is judged by a backtest; see `p2pcredit.models.training.hazard`. Either is then fitted again with
everything known by the training date: that is the `Candidate.model`, while `Candidate.evaluation` holds the judged
fit's probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.features import Feature, features_of
from p2pcredit.errors import TrainingError
from p2pcredit.models.evaluation.api import (
    Estimate,
    auc_interval,
    brier,
    calibration_error_by_chance,
    calibration_error_interval,
    calibration_in_the_large,
    calibration_ratio,
    calibration_slope,
    gini,
    ks,
    paired_auc_difference,
)
from p2pcredit.models.evaluation.platform_grades import platform_risk
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.fitting.devices import require_device
from p2pcredit.models.fitting.thread_budget import ThreadBudget, side_by_side
from p2pcredit.models.leakage.features import check_leaks
from p2pcredit.models.registry import FAMILIES, family_named
from p2pcredit.models.scoring import ScoringModel
from p2pcredit.models.training.fit import Fitted, Learner, fit_hazard_form, fit_matured_form
from p2pcredit.models.training.splits import Split, split_by_time, unmatured_levels
from p2pcredit.progress import Progress, no_progress
from p2pcredit.settings import Settings, TrainingSettings
from p2pcredit.text import one_line

Metrics = dict[str, float | int | None]
FORMS = ("matured", "hazard", "early")
PAIRS = tuple((family, form) for family in TrainingSettings().families for form in FORMS)
"""The candidates of the settings as they come."""
AT_ONCE_AT_MOST = 3
"""More candidates at once would need the memory without being quicker: the three boosters take nearly all the time."""
AS_MANY = 0.1
"""Two candidates learned from as many defaults if one learned from no more than a tenth more than the other."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that may come to serve, and what it showed on the evaluation loans.

    Args:
        family: Such as `scorecard` or `boosting`.
        form: `matured`, `hazard`, or `early` (hazard of the first time 30 days past due).
        model: The calibrated model.
        metrics: `auc`, `auc_low`, `auc_high`, `gini`, `ks`, `brier`, `ece`, `calibration_ratio`,
            `calibration_slope`, `calibration_shift` of the log-odds (each with `_low`, `_high`), `ece_by_chance` (what
            perfect probabilities would show),
            `n`, `bads`, `base_rate`, `base_brier` (of always predicting the default rate of the loans before),
            `sub_grade_auc`.
        evaluation: `loan_id`, `label`, `probability_of_default` of the evaluation loans.
        well_calibrated: Whether the interval of the calibration ratio meets the bounds of the settings.
        defaults: How many defaults the model learned from.
        judged: The fit that was judged on the evaluation loans, which had seen none of them.
    """

    family: str
    form: str
    model: ScoringModel
    judged: ScoringModel
    metrics: Metrics
    evaluation: pl.DataFrame
    well_calibrated: bool = True
    defaults: int = 0


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """All candidates of one training.

    Args:
        candidates: Best first, as `rank_candidates` orders them.
        periods: Per part (`fit`, `calibrate`, `evaluate`) its first and last origination date, `n` and `bads`.
        dropped: Features that were left out, and why.
        baseline: How the platform's own sub-grade ranks the same evaluation loans; None where it gives none.
        details: What the hazard fits rest on, and why a candidate is missing.
    """

    candidates: tuple[Candidate, ...]
    periods: dict[str, dict[str, Any]]
    dropped: dict[str, str]
    baseline: Metrics | None
    details: dict[str, Any] = field(default_factory=dict)


def train_candidates(
    features: pl.DataFrame,
    outcomes: pl.DataFrame,
    *,
    as_of: date,
    settings: Settings,
    fitter: FitBackend = LOCAL,
    progress: Progress = no_progress,
) -> TrainingRun:
    """Which models can be learned by a day, and how good is each on the newest matured loans?

    Args:
        features: Rows of the feature store, one per loan; rows known after `as_of` are left out.
        outcomes: One row per loan: `loan_id`, `origination_date`, `window_closed_on`, `label` (null unless matured),
            `months_observed`, `defaulted_in_month`, `late_in_month`, `closed`, `definition`, all as observed by
            `as_of`.
        as_of: The training date.
        settings: Shares, least counts, seed, threads.
        fitter: Who grows trees and counts values.
        progress: Told of each candidate.

    Returns:
        The run; a family that could not be fitted is missing from the candidates and named in the details, one of
        another package also where it fails in any way.

    Raises:
        TooLittleDataError: If too few loans have matured, in one line with the numbers found and needed.
        LeakError: If a single feature predicts too well to be honest.
        TrainingError: If the outcomes are of another definition than the settings name.
        SettingsError: If the settings ask for a device that is not to be had here, or name a family that is not
            installed.
        PluginError: If the package that brings a family cannot be used.
    """
    _check_definition(outcomes, settings)
    require_device(settings.training.device, "training.device")
    known = features.lazy().filter(pl.col("known_on") <= as_of).drop("snapshot_date", "known_on")
    joined = outcomes.lazy().join(known, on="loan_id", how="inner")
    loans = joined.sort("origination_date", "loan_id").collect()
    split = split_by_time(loans, as_of=as_of, settings=settings.training)
    usable, dropped = choose_features(split.fit, settings.training.feature_set)
    matured = split.all
    check_leaks(matured, usable, matured["label"].to_numpy(), limit=settings.training.max_single_feature_auc)
    candidates: list[Candidate] = []
    details: dict[str, Any] = {}
    for name in settings.training.families:
        FAMILIES.require(name)
    families = {name: family_named(name) for name in settings.training.families}
    pairs = tuple((name, form) for name in families for form in FORMS)
    unmatured = unmatured_levels(loans, matured, usable)
    if unmatured:
        details["not_learned_because_unmatured"] = unmatured

    def fit(pair: tuple[str, str]) -> Fitted | TrainingError:
        family, form = pair
        learner = Learner(family, usable, settings, fitter, hands.each)
        try:
            if form == "matured":
                return fit_matured_form(learner, split)
            return fit_hazard_form(learner, split, loans, as_of=as_of, form=form)
        except TrainingError as error:
            return error
        except Exception as error:
            if family in FAMILIES.built_in:
                raise
            return TrainingError(one_line(f"{FAMILIES.told(family)} failed: {type(error).__name__}: {error}"))
        finally:
            progress(f"{family} ({form}) fitted", next(done), len(pairs) + 1)

    progress(f"{matured.height:,} matured loans", 0, len(pairs) + 1)
    done = count(1)
    hands = ThreadBudget(settings.threads, min(fitter.at_once(settings.threads), AT_ONCE_AT_MOST), len(pairs))
    longest_first = sorted(pairs, key=lambda pair: (not families[pair[0]].is_slow, pair[1] == "matured"))
    for (family, form), fitted in side_by_side(fit, pairs, longest_first, hands):
        if isinstance(fitted, TrainingError):
            details[f"{family}_{form}"] = {"missing_because": str(fitted)}
        else:
            details[f"{family}_{form}"] = fitted.details
            candidates.append(_judge(fitted, split, settings))
    ranked = rank_candidates(candidates, settings.monitoring.confidence, settings.training.preferred_family)
    return TrainingRun(ranked, split.describe(), dropped, sub_grade_baseline(split.evaluate), details)


def _check_definition(outcomes: pl.DataFrame, settings: Settings) -> None:
    """Labels of another definition are never learned from: their horizon is another, though the columns look alike."""
    if "definition" in outcomes.columns:
        others = sorted(set(outcomes["definition"].to_list()) - {settings.labels.definition})
        if others:
            raise TrainingError(
                f"outcomes of {others[0]} were given to a training of {settings.labels.definition}; build them with "
                "the same label settings"
            )


def rank_candidates(
    candidates: list[Candidate], confidence: float, preferred: str = TrainingSettings().preferred_family
) -> tuple[Candidate, ...]:
    """Which candidate comes first, which after it?

    Well calibrated ones come before others. Among them the one with the best AUC leads, unless another learned from
    more defaults and its AUC is not lower beyond the interval of the difference: on few bads the best AUC of several
    is partly luck, and more evidence learned from is not. The intervals hold for all rivals together, since the best is
    the luckiest of them. Between those that learned from as many, a tenth more or less, the preferred family leads.

    Args:
        candidates: Judged on the same loans.
        confidence: Of the intervals of the differences between AUCs, all together.
        preferred: The family that leads where the evaluation cannot tell two apart.

    Source:
        Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees, 3.4.3: among models that differ
        by no more than noise, prefer by another virtue. Bonferroni's inequality for the intervals together.
    """
    ranked = sorted(candidates, key=lambda c: (not c.well_calibrated, -(c.metrics["auc"] or 0.0)))
    if not ranked:
        return ()
    best = ranked[0]
    alike = [c for c in ranked if c.well_calibrated == best.well_calibrated]
    each = 1.0 - (1.0 - confidence) / max(1, len(alike) - 1)
    rivals = [c for c in alike if not _is_worse(c, best, each)]
    most = max(c.defaults for c in rivals)
    informed = [c for c in rivals if c.defaults >= most / (1.0 + AS_MANY)]
    leader = max(informed, key=lambda c: (c.family == preferred, c.defaults, c.metrics["auc"] or 0.0))
    return (leader, *(c for c in ranked if c is not leader))


def _is_worse(candidate: Candidate, best: Candidate, confidence: float) -> bool:
    labels = best.evaluation["label"].to_numpy()
    first, other = (c.evaluation["probability_of_default"].to_numpy() for c in (best, candidate))
    lead = paired_auc_difference(labels, first, other, confidence)
    return lead.low is not None and lead.low > 0.0


def beats_base_rate(candidate: Candidate) -> bool:
    """Is the candidate better than telling every loan the same default rate?

    Its AUC must lie above a half beyond its interval, and its Brier score below that of the default rate of the loans
    before the evaluation.
    """
    low, score, base = (candidate.metrics[key] for key in ("auc_low", "brier", "base_brier"))
    return low is not None and low > 0.5 and score is not None and base is not None and score < base


def choose_features(fit: pl.DataFrame, feature_set: str) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Which features can be learned from these loans? The others come back with the reason."""
    usable: list[Feature] = []
    dropped: dict[str, str] = {}
    for feature in features_of(feature_set):
        if feature.name not in fit.columns or fit[feature.name].null_count() == fit.height:
            dropped[feature.name] = "not given by the platform"
        elif fit[feature.name].n_unique() < 2:
            dropped[feature.name] = "the same for all loans learned from"
        else:
            usable.append(feature)
    return tuple(usable), dropped


def sub_grade_baseline(evaluation: pl.DataFrame) -> Metrics | None:
    """Measure how well the platform's own grade ranks these loans, the sub-grade where it gives one; None without."""
    graded = platform_risk(evaluation)
    if graded is None:
        return None
    ranked = np.isfinite(graded[1])
    labels, risk = evaluation["label"].to_numpy()[ranked], graded[1][ranked]
    found = auc_interval(labels, risk)
    return {
        **_interval("auc", found),
        "gini": gini(labels, risk),
        "ks": ks(labels, risk),
        "n": found.n,
        "bads": found.bads,
    }


def _judge(fitted: Fitted, split: Split, settings: Settings) -> Candidate:
    labels, chances = split.evaluate["label"].to_numpy(), fitted.evaluation
    before = pl.concat([split.fit["label"], split.calibrate["label"]])
    ranking = auc_interval(labels, chances, settings.monitoring.confidence)
    ratio = calibration_ratio(labels, chances, settings.monitoring.confidence)
    base = sub_grade_baseline(split.evaluate)
    metrics: Metrics = {
        **_interval("auc", ranking),
        "gini": gini(labels, chances),
        "ks": ks(labels, chances),
        "brier": brier(labels, chances),
        **_interval("ece", calibration_error_interval(labels, chances, settings.monitoring.confidence)),
        "ece_by_chance": calibration_error_by_chance(chances),
        **_interval("calibration_ratio", ratio),
        **_interval("calibration_slope", calibration_slope(labels, chances, settings.monitoring.confidence)),
        **_interval("calibration_shift", calibration_in_the_large(labels, chances, settings.monitoring.confidence)),
        "n": ranking.n,
        "bads": ranking.bads,
        "base_rate": float(labels.mean()),
        "base_brier": brier(labels, [float(before.cast(pl.Float64).sum()) / before.len()] * ranking.n),
        "sub_grade_auc": None if base is None else base["auc"],
    }
    least, most = settings.monitoring.calibration_ratio_bounds
    sane = ratio.low is not None and ratio.high is not None and ratio.low <= most and ratio.high >= least
    evaluation = split.evaluate.select("loan_id", "label").with_columns(
        pl.Series("probability_of_default", chances, dtype=pl.Float64)
    )
    model, judged = fitted.model, fitted.judged
    return Candidate(model.family, model.form, model, judged, metrics, evaluation, sane, fitted.details["defaults"])


def _interval(name: str, found: Estimate) -> Metrics:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}

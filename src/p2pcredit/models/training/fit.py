"""One family fitted on one target: on matured loans, or on defaults or early delinquencies observed by a day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.errors import TrainingError
from p2pcredit.models.absence_effects import Outcomes
from p2pcredit.models.calibration import Calibration, fit_calibration, transfer_calibration
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.models.evaluation.grade_scale import grade_doubts
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.family import TrainingExamples, Tuning
from p2pcredit.models.fitting.backend import LOCAL, FitBackend, Threads
from p2pcredit.models.ratios import with_inputs
from p2pcredit.models.reference_borrower import find_reference_borrower
from p2pcredit.models.registry import family_named
from p2pcredit.models.training.candidate import Candidate, measure_candidate
from p2pcredit.models.training.hazard import Exposure, measure_exposure, observed_by, require_timing_to_tell
from p2pcredit.models.training.splits import Split, hide_unmatured_levels, unmatured_levels
from p2pcredit.models.training.usable import unlearned_variety, usable_features
from p2pcredit.models.training_support import with_declared, with_levels, with_terms
from p2pcredit.settings import EARLY_DAYS, LabelSettings, Settings

LEAST_DEFAULTS = 30
EVENTS = {"hazard": "defaulted_in_month", "early_delinquency": "late_in_month"}
"""Target -> the column with the month of the event that it learns from."""
Model = Any
"""A `ScoringModel` and `TrainableModel` of any family, a dataclass with fields `target` and `support`."""


@dataclass(frozen=True, slots=True)
class Learner:
    """A family with the features it may use: each fit uses those that differ among its own loans."""

    family: str
    features: tuple[Feature, ...]
    settings: Settings
    backend: FitBackend = LOCAL
    threads: Threads = 1
    tuning: Tuning = field(default_factory=Tuning)
    by_hand: Mapping[str, HandBins] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    """Features of which levels are hidden from the fits: see `hide_unmatured_levels`."""

    def on_labels(self, loans: pl.DataFrame) -> Model:
        """Fit the family on matured labels, not yet calibrated."""
        return self._fit(self._matured(loans))

    def on_exposure(self, loans: pl.DataFrame, exposure: Exposure) -> Model:
        """Fit the family on what loans were watched for, not yet calibrated."""
        return self._fit(self._watched(loans, exposure))

    def usable(self, loans: pl.DataFrame) -> tuple[tuple[Feature, ...], dict[str, str]]:
        """Choose the features that these loans can teach, and say why the others cannot be learned."""
        return usable_features(loans, self.features, self.hidden)

    def searched_on_labels(self, loans: pl.DataFrame) -> Learner:
        """Tune the same learner within these matured loans."""
        return self._tuned(self._matured(loans))

    def searched_on_exposure(self, loans: pl.DataFrame, exposure: Exposure) -> Learner:
        """Tune the same learner within what these loans were watched for."""
        return self._tuned(self._watched(loans, exposure))

    def _fit(self, examples: TrainingExamples) -> Model:
        return family_named(self.family).fit(examples, self.tuning)

    def _tuned(self, examples: TrainingExamples) -> Learner:
        return replace(self, tuning=family_named(self.family).tune(examples))

    def _matured(self, loans: pl.DataFrame) -> TrainingExamples:
        return TrainingExamples(
            loans,
            self.usable(loans)[0],
            _labels(loans),
            self.settings,
            self.backend,
            self.threads,
            by_hand=self.by_hand,
        )

    def _watched(self, loans: pl.DataFrame, exposure: Exposure) -> TrainingExamples:
        watched = _watched(loans, exposure)
        return TrainingExamples(
            watched,
            self.usable(watched)[0],
            exposure.defaulted,
            self.settings,
            self.backend,
            self.threads,
            exposure.expected,
            exposure.log_cumulative_hazard,
            self.by_hand,
        )


def fit_matured(learner: Learner, split: Split, loans: pl.DataFrame, *, as_of: date) -> Candidate:
    """Fit the family on matured loans: judged on the newest, then fitted again on all of them.

    What is judged was fitted on the oldest and calibrated on those after them. The model that is kept learns from all
    matured loans; how far its margins spread is taken from the evaluation model on the loans that this one had not
    seen, and its level is set on the same loans.

    Args:
        learner: The family and its features.
        split: Matured loans.
        loans: All loans known; nothing is learned from those that have not matured.
        as_of: The training date.

    Raises:
        TrainingError: If the loans teach nothing.
    """
    learner = learner.searched_on_labels(split.fit)
    early = learner.on_labels(split.fit)
    rough = fit_calibration(_labels(split.calibrate), early.margin(split.calibrate))
    freely = early.margin(split.evaluate)
    early = _with_reference(early, split.fit, Outcomes(_labels(split.fit)), rough, learner)
    setting, judging = early.margin(split.calibrate), early.margin(split.evaluate)
    evaluation_model = early.calibrated(fit_calibration(_labels(split.calibrate), setting))
    matured = split.all
    kept = learner.on_labels(matured)
    rough = _calibrated_to(kept, split, setting, judging).calibration
    kept = _with_reference(kept, matured, Outcomes(_labels(matured)), rough, learner)
    kept = _calibrated_to(kept, split, setting, judging)
    details = {
        "loans": matured.height,
        "defaults": _bads(matured),
        **_columns_left_out(learner, matured, judged_on_fit=split.fit, known=loans, as_of=as_of),
        **kept.notes,
        **({"search": [dict(one) for one in learner.tuning.tried]} if learner.tuning.tried else {}),
        "auc_of_absences": _auc_of_absences(split, judging, freely, learner.settings),
        "evaluated_by": "a fit on the oldest matured loans; the model kept was fitted again on all of them",
    }
    return _measured(kept, evaluation_model, split, learner.settings, details)


def fit_hazard(
    learner: Learner, split: Split, loans: pl.DataFrame, *, as_of: date, target: str = "hazard"
) -> Candidate:
    """Fit the family on everything observed; the fit that is judged knows none of the loans that judge it.

    The evaluation model knows what came of the loans before them until the training date, as that of the matured target
    does: so targets are compared alike, and a challenger with a champion whose evaluation model knew as much. Were it
    to know only what had been observed when the evaluation loans began, a year or more before, it would be judged by a
    fraction of the defaults that the model rests on.

    For `early_delinquency` the event is the first time 30 days past due, within as many months less as a loan needs
    from there to default. There are more of them, and they are seen sooner. Level and judgement rest on defaults all
    the same: the calibration and the evaluation know matured labels only.

    Args:
        learner: The family and its features.
        split: Matured loans.
        loans: All loans known, with what was observed of them, in order of origination.
        as_of: The training date; loans are watched until the reporting lag before it, as what happened since may not
            have been reported yet.
        target: `hazard` or `early_delinquency`.

    Raises:
        TrainingError: If too few defaults had been observed by then, or the loans teach nothing.
    """
    judging = split.evaluation_start
    setting: date = split.calibrate["origination_date"][0] if split.calibrate.height else judging
    unmatured = unmatured_levels(loans, split.all, learner.features)
    known, learner = loans, replace(learner, hidden=frozenset(unmatured))
    loans = hide_unmatured_levels(loans, split, learner.features)
    before_setting, before_judging = _before(loans, setting), _before(loans, judging)
    watched_before = _exposure(before_setting, as_of, learner.settings, target)
    learner = learner.searched_on_exposure(before_setting, watched_before)
    early = learner.on_exposure(before_setting, watched_before)
    rough = fit_calibration(_labels(split.calibrate), early.margin(split.calibrate))
    early = _with_reference(
        early, _watched(before_setting, watched_before), _outcomes(watched_before), rough, learner, unmatured
    )
    early_margin = early.margin(split.calibrate)
    watched_judging = _exposure(before_judging, as_of, learner.settings, target)
    backtest = learner.on_exposure(before_judging, watched_judging)
    freely = backtest.margin(split.evaluate)
    rough = transfer_calibration([(_labels(split.calibrate), early_margin)], backtest.margin(split.calibrate))
    backtest = _with_reference(
        backtest,
        _watched(before_judging, watched_judging),
        _outcomes(watched_judging),
        rough,
        learner,
        unmatured,
    )
    backtest_margin = backtest.margin(split.evaluate)
    evaluation_map = transfer_calibration([(_labels(split.calibrate), early_margin)], backtest.margin(split.calibrate))
    backtest = backtest.calibrated(evaluation_map)
    exposure = _exposure(loans, as_of, learner.settings, target)
    model = learner.on_exposure(loans, exposure)
    rough = _calibrated_to(model, split, early_margin, backtest_margin).calibration
    watched = _watched(loans, exposure)
    model = _with_reference(model, watched, _outcomes(exposure), rough, learner, unmatured)
    kept = _calibrated_to(model, split, early_margin, backtest_margin)
    events = int(exposure.defaulted.sum())
    defaults = events if target == "hazard" else _defaults_among(watched, as_of, learner.settings)
    details = {
        "loans": exposure.loans.height,
        "defaults": defaults,
        **({} if target == "hazard" else {"early_delinquencies": events}),
        "event": EVENTS[target],
        "watched_until": _watched_until(as_of, learner.settings).isoformat(),
        **_columns_left_out(
            learner, watched, judged_on_fit=_watched(before_judging, watched_judging), known=known, as_of=as_of
        ),
        "monthly_hazards": list(exposure.hazards),
        **kept.notes,
        **({"search": [dict(one) for one in learner.tuning.tried]} if learner.tuning.tried else {}),
        "auc_of_absences": _auc_of_absences(split, backtest_margin, freely, learner.settings),
        "evaluated_by": f"a fit on the loans before those that judge, watched until "
        f"{_watched_until(as_of, learner.settings)}; the model kept was fitted again with those too",
    }
    kept, backtest = replace(kept, target=target), replace(backtest, target=target)
    return _measured(kept, backtest, split, learner.settings, details)


def _measured(
    model: Model, evaluation_model: Model, split: Split, settings: Settings, details: dict[str, Any]
) -> Candidate:
    before = pl.concat([split.fit["label"], split.calibrate["label"]])
    chances = evaluation_model.predict(split.evaluate)
    details = {**details, "limits": [*details["limits"], *grade_doubts(chances, settings.scores)]}
    return measure_candidate(
        model, evaluation_model, chances, loans=split.evaluate, before=before, settings=settings, details=details
    )


def _before(loans: pl.DataFrame, day: date) -> pl.DataFrame:
    """Take the loans originated before a day, of loans in order of origination: no row is copied."""
    return loans.head(int((loans["origination_date"] < day).sum()))


def _exposure(loans: pl.DataFrame, day: date, settings: Settings, target: str) -> Exposure:
    window = event_window(settings.labels, target)
    lag = settings.labels.reporting_lag_days
    observed = observed_by(loans, day, window_months=window, lag_days=lag, event=EVENTS[target])
    defaults = int(observed["defaulted"].sum() or 0)
    if defaults < LEAST_DEFAULTS:
        raise TrainingError(
            f"{defaults} events ({EVENTS[target]}) observed by {_watched_until(day, settings)} among {observed.height} "
            f"loans watched; a hazard model needs {LEAST_DEFAULTS}; wait for more"
        )
    require_timing_to_tell(observed, window_months=window)
    return measure_exposure(observed, window_months=window)


def _watched_until(as_of: date, settings: Settings) -> date:
    return as_of - timedelta(days=settings.labels.reporting_lag_days)


def _defaults_among(loans: pl.DataFrame, as_of: date, settings: Settings) -> int:
    """Count the defaults of the main definition seen among loans that were watched, whatever event was learned."""
    labels = settings.labels
    seen = observed_by(loans, as_of, window_months=labels.window_months, lag_days=labels.reporting_lag_days)
    return int(seen["defaulted"].sum() or 0)


def _columns_left_out(
    learner: Learner,
    learned: pl.DataFrame,
    *,
    judged_on_fit: pl.DataFrame,
    known: pl.DataFrame,
    as_of: date,
) -> dict[str, Any]:
    """Say which features the loans learned from could not teach, and what the model is blind to therefore.

    Args:
        learner: Its features and hidden levels.
        learned: The loans that the kept model learned from.
        judged_on_fit: Those that the evaluation model learned from.
        known: All loans known.
        as_of: The training date.
    """
    usable, dropped = learner.usable(learned)
    limits = unlearned_variety(dropped, learned, known, as_of)
    for_judging = {feature.name for feature in learner.usable(judged_on_fit)[0]}
    later = [feature.name for feature in usable if feature.name not in for_judging]
    if later:
        limits.append(
            f"the loans that the evaluation model learned from are alike in {', '.join(later)}: the figures are those "
            "of a fit without, and what the model that serves gains by it was not measured"
        )
    return {"dropped_features": dropped, "limits": limits}


def event_window(labels: LabelSettings, target: str) -> int:
    """Return the months on book within which the event of a target counts.

    A default within the window was 30 days past due at least `default_days` - 30 days sooner.

    Examples:
        >>> event_window(LabelSettings(), "hazard"), event_window(LabelSettings(), "early_delinquency")
        (12, 10)
    """
    lead = round(max(0, labels.default_days - EARLY_DAYS) / 30) if target == "early_delinquency" else 0
    return max(1, labels.window_months - lead)


def _calibrated_to(model: Model, split: Split, setting: Floats, judging: Floats) -> Model:
    """Calibrate the model that is kept: spread from margins of fits that had not seen the loans, level its own."""
    unseen = [(_labels(split.calibrate), setting), (_labels(split.evaluate), judging)]
    return model.calibrated(transfer_calibration(unseen, model.margin(pl.concat([split.calibrate, split.evaluate]))))


def _with_reference(
    model: Model,
    loans: pl.DataFrame,
    outcomes: Outcomes,
    rough: Calibration,
    learner: Learner,
    unmatured: Mapping[str, Sequence[Any]] | None = None,
) -> Model:
    """Give the model a reference borrower, whose values stand for absent ones. Its calibration is to be set anew.

    Args:
        model: As fitted; it follows missing values wherever its fit sends them.
        loans: The loans that it was fitted on.
        outcomes: What came of them.
        rough: A calibration of the model as fitted, by which the loans at the approval cut-off are found.
        learner: Its features, and the cut-off.
        unmatured: Levels that were hidden from the fit; they have been seen all the same.
    """
    log_odds = rough.log_odds(model.margin(loans))
    names = [name for name in with_inputs(model.feature_names) if name in loans.columns]
    reference = find_reference_borrower(loans, log_odds, names, cutoff=learner.settings.scores.approval_cutoff)
    found = model.with_reference(reference, loans, outcomes)
    support = with_terms(with_levels(found.support, unmatured or {}), loans)
    return replace(found, support=with_declared(support, learner.features))


def _auc_of_absences(split: Split, margin: Floats, freely: Floats, settings: Settings) -> dict[str, Any]:
    """Measure what it gains in AUC, or costs, that a missing value means no more than its loans say.

    Args:
        split: Whose evaluation loans judge.
        margin: Of the evaluation model.
        freely: Of the same fit before it had a reference borrower.
        settings: Confidence.
    """
    found = paired_auc_difference(_labels(split.evaluate), margin, freely, settings.monitoring.confidence)
    return {"value": found.value, "low": found.low, "high": found.high, "n": found.n, "bads": found.bads}


def _watched(loans: pl.DataFrame, exposure: Exposure) -> pl.DataFrame:
    return exposure.loans.join(loans, on="loan_id", how="left", maintain_order="left")


def _outcomes(exposure: Exposure) -> Outcomes:
    return Outcomes(exposure.defaulted, exposure.expected, exposure.log_cumulative_hazard)


def _labels(loans: pl.DataFrame) -> Floats:
    return np.asarray(loans["label"].cast(pl.Float64).to_numpy(), dtype=np.float64)


def _bads(loans: pl.DataFrame) -> int:
    return int(loans["label"].sum() or 0)

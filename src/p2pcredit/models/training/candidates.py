"""Every family that the settings name on each target, learned as of a day and evaluated on the newest matured loans.

The matured target learns from the oldest matured loans, is calibrated on the loans after them and judged on the newest.
The hazard target is judged by a backtest; see `p2pcredit.models.training.hazard`. Either is then fitted again with
everything known by the training date: that is the `Candidate.model`, while `Candidate.evaluation` holds the judged
fit's probabilities.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN, FeatureCatalogue
from p2pcredit.contracts.cures import Cures
from p2pcredit.contracts.feature import Feature
from p2pcredit.contracts.hand_bins import HandBins
from p2pcredit.errors import TrainingError
from p2pcredit.models.binning.by_hand import directed
from p2pcredit.models.evaluation.card_metrics import Metrics, platform_baseline
from p2pcredit.models.evaluation.discrimination import paired_auc_difference
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.fitting.devices import require_device
from p2pcredit.models.fitting.thread_budget import ThreadBudget, side_by_side
from p2pcredit.models.leakage.features import check_leaks
from p2pcredit.models.registry import FAMILIES, family_named
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.fit import Learner, fit_hazard, fit_matured
from p2pcredit.models.training.level import at_level, hazards_of_level
from p2pcredit.models.training.redlining import STATE, hold_to_redlining_rule
from p2pcredit.models.training.splits import Split, split_by_time, unmatured_levels
from p2pcredit.models.training.usable import usable_features
from p2pcredit.progress import Progress, no_progress
from p2pcredit.settings import Settings, TrainingSettings
from p2pcredit.text import one_line

EARLY_DELINQUENCY = "early_delinquency"
TARGETS = ("matured", "hazard", EARLY_DELINQUENCY)
PAIRS = tuple((family, target) for family in TrainingSettings().families for target in TARGETS)
"""The candidates of the settings as they come."""
AT_ONCE_AT_MOST = 3
"""More candidates at once would need the memory without being quicker: the three boosters take nearly all the time."""
AS_MANY = 0.1
"""Two candidates learned from as many defaults if one learned from no more than a tenth more than the other."""


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """All candidates of one training.

    Args:
        candidates: Best first, as `rank_candidates` orders them.
        periods: Per part (`fit`, `calibrate`, `evaluate`) its first and last origination date, `n` and `bads`.
        cures: How many late loans paid again, by which early delinquency was learned from or refused.
        baseline: How the platform's own sub-grade ranks the same evaluation loans; None where it gives none.
        details: What the hazard fits rest on, and why a candidate is missing.
        broken: What went wrong in families of other packages, each once.
        barred: Features that a test keeps out of every candidate, and why.
    """

    candidates: tuple[Candidate, ...]
    periods: dict[str, dict[str, Any]]
    cures: Cures
    baseline: Metrics | None
    details: dict[str, Any] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    barred: Mapping[str, str] = field(default_factory=dict)

    @property
    def dropped(self) -> dict[str, str]:
        """The features that the loans which the leader learned from could not teach, and why."""
        return {**self.candidates[0].details["dropped_features"], **self.barred}

    @property
    def missing_because(self) -> tuple[str, ...]:
        """Why candidates are missing, the commonest reason first; without what is true of early delinquency alone."""
        said = [
            held["missing_because"]
            for held in self.details.values()
            if isinstance(held, dict) and "missing_because" in held
        ]
        return tuple(reason for reason, _ in Counter(said).most_common() if reason != str(self.cures.refusal))

    def limits_of(self, chosen: Candidate) -> list[str]:
        """Say what the loans learned from could not teach a candidate, and why early delinquency is refused."""
        refused = self.cures.refusal
        early = [] if refused is None else [f"early delinquency was not learned from: {refused}"]
        return [*early, *chosen.details["limits"]]

    def for_card(self, chosen: Candidate | None = None) -> dict[str, Any]:
        """Describe the training for the card of one of its candidates, the leader where none is named."""
        chosen = self.candidates[0] if chosen is None else chosen
        return {
            "periods": self.periods,
            "dropped_features": {**chosen.details["dropped_features"], **self.barred},
            "limits": self.limits_of(chosen),
            "late_loans": self.cures.as_json(),
            "candidates": [
                {"family": c.family, "target": c.target, "metrics": dict(c.metrics)} for c in self.candidates
            ],
            "details": self.details,
            "platform_baseline": self.baseline,
        }


def train_candidates(
    features: pl.DataFrame,
    outcomes: pl.DataFrame,
    *,
    as_of: date,
    settings: Settings,
    backend: FitBackend = LOCAL,
    progress: Progress = no_progress,
    by_hand: Mapping[str, HandBins] | None = None,
    only_target: str | None = None,
    catalogue: FeatureCatalogue = BUILT_IN,
) -> TrainingRun:
    """Train the candidates that a day's loans allow, and judge each on the newest matured loans.

    Args:
        features: Rows of the feature store, one per loan; rows known after `as_of` are left out.
        outcomes: One row per loan: `loan_id`, `origination_date`, `window_closed_on`, `label` (null unless matured),
            `months_observed`, `defaulted_in_month`, `late_in_month`, `closed`, `definition`, `late_cured`,
            `sign_rebuilt`, all as observed by `as_of`; without the last two it is not known whether late loans cure.
        as_of: The training date.
        settings: Shares, least counts, seed, threads.
        backend: Grows trees and counts values.
        progress: Called with each candidate.
        by_hand: What a person fixed of features: bins, directions, which are in and which out.
        only_target: Only candidates of this target; None for all.
        catalogue: The features that there are.

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
    matured = split.all
    hands = by_hand or {}
    details: dict[str, Any] = {}
    allowed, barred = _learnable(split, hands, settings, catalogue, details)
    candidates: list[Candidate] = []
    broken: list[str] = []
    for name in settings.training.families:
        FAMILIES.require(name)
    families = {name: family_named(name) for name in settings.training.families}
    cures = cures_of(outcomes)
    refused = () if cures.refusal is None else (EARLY_DELINQUENCY,)
    targets = tuple(each for each in TARGETS if only_target in (None, each))
    pairs = tuple((name, each) for name in families for each in targets if each not in refused)
    for name in families:
        for each in refused:
            details[f"{name}_{each}"] = {"missing_because": str(cures.refusal)}
    unmatured = unmatured_levels(loans, matured, allowed)
    if unmatured:
        details["not_learned_because_unmatured"] = unmatured
    hazards = hazards_of_level(loans, as_of=as_of, settings=settings)

    def fit(pair: tuple[str, str]) -> Candidate | TrainingError:
        family, target = pair
        learner = Learner(family, allowed, settings, backend, budget.each, by_hand=hands)
        try:
            if target == "matured":
                fitted = fit_matured(learner, split, loans, as_of=as_of)
            else:
                fitted = fit_hazard(learner, split, loans, as_of=as_of, target=target)
            return at_level(fitted, loans, matured, as_of=as_of, settings=settings, hazards=hazards)
        except TrainingError as error:
            return error
        except (Exception, SystemExit) as error:
            if family in FAMILIES.built_in:
                raise
            said = one_line(f"{FAMILIES.describe(family)} failed: {type(error).__name__}: {error}")
            broken.append(said)
            return TrainingError(said)
        finally:
            progress(f"{family} ({target}) fitted", next(done), len(pairs) + 1)

    progress(f"{matured.height:,} matured loans", 0, len(pairs) + 1)
    done = count(1)
    budget = ThreadBudget(settings.threads, min(backend.at_once(settings.threads), AT_ONCE_AT_MOST), len(pairs))
    longest_first = sorted(pairs, key=lambda pair: (not families[pair[0]].is_slow, pair[1] == "matured"))
    for (family, target), fitted in side_by_side(fit, pairs, longest_first, budget):
        if isinstance(fitted, TrainingError):
            details[f"{family}_{target}"] = {"missing_because": str(fitted)}
        else:
            details[f"{family}_{target}"] = dict(fitted.details)
            candidates.append(fitted)
    ranked = rank_candidates(candidates, settings.monitoring.confidence, settings.training.preferred_family)
    return TrainingRun(
        ranked, split.describe(), cures, platform_baseline(split.evaluate), details, tuple(sorted(set(broken))), barred
    )


def _learnable(
    split: Split,
    hands: Mapping[str, HandBins],
    settings: Settings,
    catalogue: FeatureCatalogue,
    details: dict[str, Any],
) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Find the features that may be learned from: by the settings' sets, by hand, and by the redlining rule.

    Args:
        split: The matured loans, by time.
        hands: What a person fixed of features.
        settings: The sets of features, and the largest AUC that a single one may have.
        catalogue: The features that there are.
        details: Where the redlining test is noted, if it was made.

    Returns:
        The features, and those that are barred with the reason.

    Raises:
        LeakError: If a single feature predicts too well to be honest.
        TrainingError: If a feature that a person put in cannot be used.
    """
    matured, training = split.all, settings.training
    allowed, barred = allowed_by_hand(catalogue.of_sets(training.feature_sets), hands)
    usable, dropped = usable_features(matured, allowed)
    if any(feature.name == STATE for feature in usable):
        redlining = hold_to_redlining_rule(pl.concat([split.fit, split.calibrate]), [f.name for f in usable])
        details["redlining"] = redlining.as_json()
        if not redlining.passed:
            allowed = tuple(feature for feature in allowed if feature.name != STATE)
            usable = tuple(feature for feature in usable if feature.name != STATE)
            barred[STATE] = f"redlining test: {redlining.status}; {redlining.reason}"
    _require_forced(hands, usable, {**dropped, **barred}, training.feature_sets)
    check_leaks(matured, usable, matured["label"].to_numpy(), limit=training.max_single_feature_auc)
    return allowed, barred


def cures_of(outcomes: pl.DataFrame) -> Cures:
    """Count the late loans of known fate and those of them that paid again; none where the outcomes do not say."""
    if not {"late_cured", "sign_rebuilt"} <= set(outcomes.columns):
        return Cures(late=0, cured=0)
    known = outcomes["late_cured"].drop_nulls()
    return Cures(len(known), int(known.sum()), int(outcomes["sign_rebuilt"].sum()))


def _check_definition(outcomes: pl.DataFrame, settings: Settings) -> None:
    """Refuse labels of another definition: their horizon is another, though the columns look alike."""
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
    """Rank the candidates.

    Well calibrated ones come before others. Among them the one with the best AUC leads, unless another learned from
    more defaults of the main definition (early delinquencies are none) and its AUC is not lower beyond the interval of
    the difference: on few bads the best AUC of several is partly luck, and more evidence learned from is not. The
    intervals hold for all rivals together, since the best is the luckiest of them. Between those that learned from as
    many, a tenth more or less, the preferred family leads, else the simplest.

    Args:
        candidates: Judged on the same loans.
        confidence: Of the intervals of the differences between AUCs, all together.
        preferred: The family that leads where the evaluation cannot tell two apart; `simplest` names none.

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
    most = max(c.defaults or 0 for c in rivals)
    informed = [c for c in rivals if (c.defaults or 0) >= most / (1.0 + AS_MANY)]
    leader = max(
        informed,
        key=lambda c: (
            c.family == preferred,
            -family_named(c.family).complexity,
            c.defaults or 0,
            c.metrics["auc"] or 0.0,
        ),
    )
    return (leader, *(c for c in ranked if c is not leader))


def _is_worse(candidate: Candidate, best: Candidate, confidence: float) -> bool:
    labels = best.evaluation["label"].to_numpy()
    first, other = (c.evaluation["probability_of_default"].to_numpy() for c in (best, candidate))
    lead = paired_auc_difference(labels, first, other, confidence)
    return lead.low is not None and lead.low > 0.0


def _require_forced(
    by_hand: Mapping[str, HandBins], usable: tuple[Feature, ...], dropped: Mapping[str, str], sets: Collection[str]
) -> None:
    """Refuse a training that cannot have a feature that a person forced in."""
    names = {feature.name for feature in usable}
    for name, hand in by_hand.items():
        if hand.use == "in" and name not in names:
            why = dropped.get(name, f"of no set that training.feature_sets names ({', '.join(sorted(sets))})")
            raise TrainingError(f"{name} is forced in by hand and cannot be: {why}; write use = 'free', or mend that")


def allowed_by_hand(
    features: Sequence[Feature], by_hand: Mapping[str, HandBins]
) -> tuple[tuple[Feature, ...], dict[str, str]]:
    """Leave out what a person left out, with the reason, and give each other feature the direction fixed by hand."""
    out = {name: hand for name, hand in by_hand.items() if hand.use == "out"}
    kept = tuple(directed(feature, by_hand.get(feature.name)) for feature in features if feature.name not in out)
    return kept, {name: f"left out by hand: {hand.reason}" for name, hand in out.items()}

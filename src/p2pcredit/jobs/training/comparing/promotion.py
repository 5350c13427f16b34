"""Rule on the candidates of a training: which of them takes over, by which kind of change, past which guards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from p2pcredit.contracts.catalogue import BUILT_IN
from p2pcredit.contracts.hand_bins import parse_hand_bins
from p2pcredit.contracts.results import Status
from p2pcredit.errors import P2PCreditError
from p2pcredit.jobs.training.comparing.swap_sets import newest_loans
from p2pcredit.jobs.training.snapshot import TrainingSnapshot, catalogue_of_card, settings_of_card, tables_of_hand_bins
from p2pcredit.models.champion.challenge import (
    ITS_EVALUATION_MODEL,
    SAME_LOANS,
    Comparison,
    Ruling,
    compare_recipes,
    rule_on_first,
    rule_on_redevelopment,
    rule_on_refresh,
)
from p2pcredit.models.champion.gate import Gate, benchmarks_of, hold_to_floor
from p2pcredit.models.champion.guards import (
    Guard,
    base_rate_guard,
    champion_guard,
    floor_guards,
    product_guards,
    score_shift_guard,
)
from p2pcredit.models.champion.recipe import Recipe, recipe_of_card
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import FitBackend
from p2pcredit.models.registry import family_named
from p2pcredit.models.scoring import load_model, score_points
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import EARLY_DELINQUENCY, TrainingRun, train_candidates
from p2pcredit.settings.training import SIMPLEST
from p2pcredit.storage.state.model_bank import ModelArtifacts
from p2pcredit.text import one_line

ALL_LOANS = "all loans"


@dataclass(frozen=True, slots=True)
class Ruled:
    """What became of one candidate.

    Args:
        candidate: The one that was ruled on.
        recipe: How it is made.
        ruling: Whether it takes over, and past which guards.
        floor: The floor under every model.
        comparison: A redevelopment held against the champion's recipe; of a refresh the champion; None for a first.
        before: What else was ruled on in this training, and did not take over.
        champion_pd: The champion's probabilities of the evaluation loans, in their order; None without a champion.
    """

    candidate: Candidate
    recipe: Recipe
    ruling: Ruling
    floor: Gate
    comparison: Comparison | None = None
    before: tuple[Ruled, ...] = ()
    champion_pd: Floats | None = None

    @property
    def reason(self) -> str:
        """Why it takes over, or why none does, in one line."""
        if self.ruling.promote:
            return f"{self.ruling.reason}; {self.floor.reason}"
        why = self.ruling.reason if self.floor.passed else f"below the floor: {self.floor.reason}"
        stays = "nothing serves yet" if self.comparison is None else "the champion stays"
        return "; ".join([why, *(other.ruling.reason for other in self.before), stays])

    def for_card(self, snapshot: TrainingSnapshot) -> dict[str, Any]:
        """Return the whole ruling as plain JSON values, for card, ledger and evidence."""
        champion = snapshot.champion
        changes = [] if champion is None else self.recipe.changes_from(champion_recipe(champion))
        return {
            **self.floor.as_json(),
            "kind": self.ruling.kind,
            "changes": changes,
            "ruling": self.ruling.reason,
            "guards": [guard.as_json() for guard in self.ruling.guards],
            "attempts": [
                {
                    "kind": each.ruling.kind,
                    "family": each.recipe.family,
                    "target": each.recipe.target,
                    "promoted": each.ruling.promote,
                    "reason": each.ruling.reason,
                    "difference": None if each.comparison is None else each.comparison.difference,
                }
                for each in sorted((*self.before, self), key=lambda ruled: ruled.ruling.kind)
            ],
        }


def rule_on(run: TrainingRun, snapshot: TrainingSnapshot, backend: FitBackend) -> Ruled:
    """Decide which candidate of a training takes over, and by which kind of change.

    Without a champion the leading candidate is held to the guards of a first model. With one, the leading candidate is
    a redevelopment where its recipe is another than the champion's, and judged first; else, and where it is refused,
    the candidate of the champion's recipe is a refresh, and takes over unless a guard stops it.

    Args:
        run: The candidates, best first.
        snapshot: What is known, and the champion.
        backend: Fits the champion's recipe where no candidate has it.

    Returns:
        What takes over; where nothing does, the leading candidate, with what was refused beside it.
    """
    held = judged_by_champion(snapshot, [candidate.evaluation for candidate in run.candidates])
    ruled = _rule_on(run, snapshot, backend, held)
    return ruled if held is None else replace(ruled, champion_pd=_held_of(held, ruled.candidate.evaluation))


def _rule_on(run: TrainingRun, snapshot: TrainingSnapshot, backend: FitBackend, held: pl.DataFrame | None) -> Ruled:
    leader, floor = choose(run.candidates, snapshot)
    if snapshot.champion is None or held is None:
        guards = [*floor_guards(floor), _base_rate(leader), *_products(leader, run, snapshot, None)]
        return Ruled(leader, _recipe_of(leader, snapshot), rule_on_first(guards), floor)
    recipe = champion_recipe(snapshot.champion)
    same = next((c for c in run.candidates if not _recipe_of(c, snapshot).changes_from(recipe)), None)
    refused: list[Ruled] = []
    if leader is not same:
        refused.append(_redevelopment(leader, floor, same, run, snapshot, backend, held))
        if refused[0].ruling.promote:
            return refused[0]
    if same is not None:
        found = _refresh(same, floor if leader is same else floor_of(same.evaluation, snapshot), run, snapshot, held)
        if found.ruling.promote or not refused:
            return Ruled(found.candidate, found.recipe, found.ruling, found.floor, found.comparison, tuple(refused))
        first = refused[0]
        return Ruled(first.candidate, first.recipe, first.ruling, first.floor, first.comparison, (found,))
    return refused[0]


def choose(candidates: Sequence[Candidate], snapshot: TrainingSnapshot) -> tuple[Candidate, Gate]:
    """Choose the leading candidate and its floor; where a benchmark beats it, the first that passes instead.

    One that is not above chance is not replaced: on loans that teach nothing, one of several passes by luck.
    """
    leader = candidates[0]
    gate = floor_of(leader.evaluation, snapshot)
    if gate.above_chance and gate.status is Status.FAIL:
        for other in candidates[1:]:
            found = floor_of(other.evaluation, snapshot)
            if found.passed:
                return other, found
    return leader, gate


def floor_of(evaluation: pl.DataFrame, snapshot: TrainingSnapshot) -> Gate:
    """Hold these probabilities of default to the floor, on evaluation loans that no fit had seen."""
    settings = snapshot.settings
    judging = snapshot.matured.join(evaluation.select("loan_id"), on="loan_id", how="semi", maintain_order="left")
    earlier = snapshot.matured.filter(pl.col("origination_date") < judging["origination_date"].min())
    chances = judging.select("loan_id").join(evaluation, on="loan_id", how="left", maintain_order="left")
    return hold_to_floor(
        judging["label"].to_numpy(),
        chances["probability_of_default"].to_numpy(),
        benchmarks_of(judging, earlier, settings.training.feature_sets, snapshot.catalogue),
        confidence=settings.monitoring.confidence,
        least_bads=settings.training.min_evaluation_bads,
    )


def judged_by_champion(snapshot: TrainingSnapshot, evaluations: Sequence[pl.DataFrame]) -> pl.DataFrame | None:
    """Score the loans that judge a training with the champion's evaluation model, each once.

    Args:
        snapshot: What is known, and the champion.
        evaluations: `loan_id` of the evaluation loans of each candidate.

    Returns:
        `loan_id`, `champion_pd`; None without a champion.
    """
    if snapshot.champion is None:
        return None
    champion = load_model(snapshot.champion.evaluation_files)
    asked = pl.concat([evaluation.select("loan_id") for evaluation in evaluations]).unique(maintain_order=True)
    loans = asked.join(snapshot.features, on="loan_id", how="left", maintain_order="left")
    return asked.with_columns(pl.Series("champion_pd", champion.predict(loans), dtype=pl.Float64))


def champion_on(snapshot: TrainingSnapshot, evaluation: pl.DataFrame) -> Floats | None:
    """Score the evaluation loans of one model with the champion's evaluation model; None without a champion."""
    held = judged_by_champion(snapshot, [evaluation])
    return None if held is None else _held_of(held, evaluation)


def _held_of(held: pl.DataFrame, evaluation: pl.DataFrame) -> Floats:
    """Select the champion's probabilities of these loans, in their order."""
    chosen = evaluation.select("loan_id").join(held, on="loan_id", how="left", maintain_order="left")
    return np.asarray(chosen["champion_pd"].to_numpy(), dtype=np.float64)


def champion_recipe(champion: ModelArtifacts) -> Recipe:
    """Read the recipe of the champion from its card, whichever version wrote it."""
    sets = [] if "recipe" in champion.card else settings_of_card(champion.card)["training"].get("feature_sets", [])
    return recipe_of_card(champion.card, sets)


def defaults_learned_from(card: Mapping[str, Any]) -> int | None:
    """Return the defaults that a model learned from; None where its card counted early delinquencies as defaults."""
    if card.get("target") == EARLY_DELINQUENCY and "late_loans" not in card:
        return None
    found = card.get("defaults_learned_from")
    return None if found is None else int(found)


def _refresh(same: Candidate, floor: Gate, run: TrainingRun, snapshot: TrainingSnapshot, held: pl.DataFrame) -> Ruled:
    champion, training = snapshot.champion, snapshot.settings.training
    assert champion is not None
    guards = _guards(same, floor, run, snapshot, held)
    newest = newest_loans(snapshot)
    scored = [
        score_points(model.predict(newest), snapshot.settings.scores)
        for model in (same.model, load_model(champion.files))
    ]
    guards.append(score_shift_guard(scored[0], scored[1], training.max_score_shift))
    before = defaults_learned_from(champion.card)
    ruling = rule_on_refresh(guards, training, challenger_defaults=same.defaults, champion_defaults=before)
    comparison = _against_champion(same, ruling, snapshot)
    return Ruled(same, _recipe_of(same, snapshot), ruling, floor, comparison)


def _redevelopment(
    leader: Candidate,
    floor: Gate,
    same: Candidate | None,
    run: TrainingRun,
    snapshot: TrainingSnapshot,
    backend: FitBackend,
    held: pl.DataFrame,
) -> Ruled:
    champion = snapshot.champion
    assert champion is not None
    recipe, before = _recipe_of(leader, snapshot), champion_recipe(champion)
    why_not = ""
    if same is None:
        same, why_not = _fit_again(before, snapshot, backend)
    benefits = _benefits(recipe, before, snapshot) + (
        [f"the champion's recipe is no more: {why_not}"] if why_not else []
    )
    tried = sum(1 for c in run.candidates if _recipe_of(c, snapshot).changes_from(before))
    evaluation = leader.evaluation
    if same is not None:
        rival, learned, against = same.evaluation["probability_of_default"].to_numpy(), same.defaults, SAME_LOANS
    else:
        evaluation = unseen_by_champion(evaluation, snapshot)
        rival, learned, against = _held_of(held, evaluation), defaults_learned_from(champion.card), ITS_EVALUATION_MODEL
    comparison = compare_recipes(
        evaluation["label"].to_numpy(),
        evaluation["probability_of_default"].to_numpy(),
        rival,
        snapshot.settings.training,
        rivals=tried,
        benefits=benefits,
        challenger_defaults=leader.defaults,
        rival_defaults=learned,
        against=against,
    )
    ruling = rule_on_redevelopment(_guards(leader, floor, run, snapshot, held), comparison)
    return Ruled(leader, recipe, ruling, floor, comparison)


def _against_champion(same: Candidate, ruling: Ruling, snapshot: TrainingSnapshot) -> Comparison:
    """Put the guard against the champion into the shape that cards have had for a comparison."""
    held = next(guard for guard in ruling.guards if guard.key == "champion")
    champion, settings = snapshot.champion, snapshot.settings.training
    assert champion is not None
    return Comparison(
        held.value,
        held.low,
        held.high,
        held.n,
        held.bads,
        ruling.promote,
        ruling.reason,
        challenger_calibration=same.metrics["calibration_ratio"],
        margin=-settings.noninferiority_margin,
        confidence=settings.promotion_confidence,
        challenger_defaults=same.defaults,
        champion_defaults=defaults_learned_from(champion.card),
    )


def _guards(
    candidate: Candidate, floor: Gate, run: TrainingRun, snapshot: TrainingSnapshot, held: pl.DataFrame
) -> list[Guard]:
    """Hold a challenger to what every promotion beside a champion is held to."""
    training = snapshot.settings.training
    evaluation = unseen_by_champion(candidate.evaluation, snapshot)
    against = champion_guard(
        evaluation["label"].to_numpy(),
        evaluation["probability_of_default"].to_numpy(),
        _held_of(held, evaluation),
        margin=training.noninferiority_margin,
        confidence=training.promotion_confidence,
        least_bads=training.min_evaluation_bads,
    )
    champion_pd = _held_of(held, candidate.evaluation)
    return [*floor_guards(floor), against, *_products(candidate, run, snapshot, champion_pd)]


def _products(
    candidate: Candidate, run: TrainingRun, snapshot: TrainingSnapshot, champion_pd: Floats | None
) -> list[Guard]:
    evaluation, limits = candidate.evaluation, snapshot.settings.monitoring
    terms = evaluation.select("loan_id").join(snapshot.features, on="loan_id", how="left", maintain_order="left")
    known = terms["term_months"].cast(pl.Int64, strict=False).cast(pl.String).fill_null("unknown")
    products = known if "term_months" in terms.columns and terms["term_months"].null_count() < terms.height else None
    return product_guards(
        evaluation["label"].to_numpy(),
        evaluation["probability_of_default"].to_numpy(),
        np.full(evaluation.height, ALL_LOANS) if products is None else products.to_numpy(),
        champion_pd,
        bounds=limits.over_term_ratio_bounds,
        confidence=limits.confidence,
        level_bads=int(run.periods["calibrate"]["bads"]),
    )


def _base_rate(leader: Candidate) -> Guard:
    metrics = leader.metrics
    n, bads = int(metrics["n"] or 0), int(metrics["bads"] or 0)
    return base_rate_guard(metrics["brier"], metrics["base_brier"], n, bads)


def unseen_by_champion(evaluation: pl.DataFrame, snapshot: TrainingSnapshot) -> pl.DataFrame:
    """Keep the evaluation loans that the champion's evaluation model had not seen either."""
    assert snapshot.champion is not None
    first = snapshot.champion.card["periods"]["evaluate"]["first"]
    if first is None:
        return evaluation
    born = snapshot.matured.filter(pl.col("origination_date") >= pl.lit(first).str.to_date()).select("loan_id")
    return evaluation.join(born, on="loan_id", how="semi", maintain_order="left")


def _recipe_of(candidate: Candidate, snapshot: TrainingSnapshot) -> Recipe:
    by_hand = {name: hand.as_json() for name, hand in sorted(snapshot.by_hand.items())}
    sets = snapshot.settings.training.feature_sets
    own = sorted(feature.name for feature in snapshot.catalogue.own if feature.group in sets)
    return Recipe(candidate.family, candidate.target, tuple(sorted(sets)), by_hand, tuple(own))


def _benefits(recipe: Recipe, champion: Recipe, snapshot: TrainingSnapshot) -> list[str]:
    """List what speaks for a recipe beside its ranking: simplicity, fewer features, what a person asked for."""
    found = []
    if recipe.family != champion.family:
        if recipe.family == snapshot.settings.training.preferred_family:
            found.append(f"{recipe.family} is the family that the settings prefer")
        elif family_named(recipe.family).complexity < _complexity(champion.family):
            found.append(f"{recipe.family} is simpler than {champion.family}")
    if set(recipe.feature_sets) < set(champion.feature_sets):
        left = ", ".join(sorted(set(champion.feature_sets) - set(recipe.feature_sets)))
        found.append(f"it does without the features of {left}")
    if recipe.bins_by_hand != champion.bins_by_hand:
        found.append("a person fixed its bins, with reasons")
    return found


def _complexity(family: str) -> int:
    """Say how hard a family is to read; one that is not installed any more counts as the hardest."""
    try:
        return family_named(family).complexity
    except P2PCreditError:
        return 1 << 10


def _fit_again(recipe: Recipe, snapshot: TrainingSnapshot, backend: FitBackend) -> tuple[Candidate | None, str]:
    """Fit the champion's recipe on the loans of this training; where it cannot be, say why in its place."""
    training = snapshot.settings.training.model_copy(
        update={"families": (recipe.family,), "feature_sets": recipe.feature_sets, "preferred_family": SIMPLEST}
    )
    champion = snapshot.champion
    catalogue = BUILT_IN if champion is None else catalogue_of_card(champion.card)
    try:
        run = train_candidates(
            snapshot.features,
            snapshot.outcomes,
            as_of=snapshot.day,
            settings=snapshot.settings.model_copy(update={"training": training}),
            backend=backend,
            by_hand=parse_hand_bins(tables_of_hand_bins(recipe.bins_by_hand), "the champion's card", catalogue),
            only_target=recipe.target,
            catalogue=catalogue,
        )
    except P2PCreditError as error:
        return None, one_line(error)
    if run.candidates:
        return run.candidates[0], ""
    because = run.details.get(f"{recipe.family}_{recipe.target}", {}).get("missing_because", "it could not be fitted")
    return None, one_line(because)


__all__ = ["Ruled", "champion_on", "champion_recipe", "choose", "defaults_learned_from", "floor_of", "rule_on"]

"""Train a challenger or recalibrate the champion from a snapshot, and say whether it takes over.

Training calls this and banks what comes of it; reproducing and verifying call it again and compare. Linear algebra
keeps to one thread: with more, sums are taken in another order and the last bits of a coefficient differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from p2pcredit.contracts.results import Status
from p2pcredit.errors import TooLittleDataError, TrainingError
from p2pcredit.jobs.training.artifacts import RECALIBRATED, TRAINED, assemble
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.challenge import Comparison, compare_models
from p2pcredit.models.champion.gate import Gate, benchmarks_of, hold_to_floor
from p2pcredit.models.champion.recalibration import Recalibration, recalibrate
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.scoring import load_model
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training.candidates import EARLY_DELINQUENCY, beats_base_rate, train_candidates
from p2pcredit.progress import Progress, no_progress
from p2pcredit.storage.state.model_bank import ModelArtifacts
from p2pcredit.text import one_line


@contextmanager
def _on_one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@_on_one_thread()
def make_challenger(
    snapshot: TrainingSnapshot, backend: FitBackend = LOCAL, progress: Progress = no_progress
) -> ModelArtifacts:
    """Train all candidates as of the snapshot's day, and hold the best to the floor and against the champion.

    Args:
        snapshot: What is known.
        backend: What grows trees and counts values; the card names it.
        progress: Called after each candidate.

    Raises:
        TooLittleDataError: If too few loans have matured, in one line with the numbers found and needed.
        LeakError: If a single feature predicts too well to be honest.
        TrainingError: If no family could be fitted and one of another package broke: waiting would not mend it.
    """
    run = train_candidates(
        snapshot.features,
        snapshot.outcomes,
        as_of=snapshot.day,
        settings=snapshot.settings,
        backend=backend,
        progress=progress,
        by_hand=snapshot.by_hand,
    )
    if not run.candidates and run.broken:
        broken = one_line("; ".join(run.broken), 300)
        raise TrainingError(
            f"no candidate could be fitted on what was known on {snapshot.day}: {broken}; "
            "mend that package, or name other families in training.families"
        )
    if not run.candidates:
        because = one_line("; ".join(run.missing_because), 300)
        raise TooLittleDataError(f"no candidate could be fitted on what was known on {snapshot.day}: {because}")
    best, gate = _choose(run.candidates, snapshot)
    champion_pd = _champion_on(snapshot, best.evaluation)
    comparison = None if champion_pd is None else _compare(best, champion_pd, snapshot)
    promoted, reason = _verdict(best, gate, comparison)
    tried = try_recalibration(snapshot)
    entries = {
        **run.for_card(best),
        "origin": TRAINED,
        "bins_by_hand": {name: hand.as_json() for name, hand in sorted(snapshot.by_hand.items())},
        "parent": None,
        "defaults_learned_from": best.defaults,
        "promoted": promoted,
        "reason": reason,
        "comparison": None if comparison is None else comparison.as_json(),
        "recalibration": tried.as_json() if isinstance(tried, Recalibration) else tried,
        "gate": gate.as_json(),
    }
    return assemble(snapshot, best, entries, champion_pd=champion_pd, backend=backend)


@_on_one_thread()
def make_recalibrated(snapshot: TrainingSnapshot) -> ModelArtifacts:
    """Give the champion a new calibration, as a model of its own.

    The floor is measured and said, and keeps nothing back: the ranking that it judges serves already, and without the
    new calibration it would go on serving with worse probabilities.

    Raises:
        TooLittleDataError: If too few loans have matured since the champion was measured, or there is no champion.
    """
    champion = snapshot.champion
    if champion is None:
        raise TooLittleDataError(f"there is no champion on {snapshot.day} to recalibrate; train a first model")
    done = _recalibrate(snapshot, champion)
    gate = _gate(done.candidate.evaluation, snapshot)
    entries = {
        **done.for_card(),
        "limits": list(champion.card.get("limits", [])),
        "late_loans": champion.card.get("late_loans"),
        "origin": RECALIBRATED,
        "bins_by_hand": champion.card.get("bins_by_hand", {}),
        "parent": champion.model_id,
        "defaults_learned_from": _defaults_learned_from(champion.card),
        "promoted": done.promote,
        "reason": done.reason if gate.passed else f"{done.reason}; the ranking does not pass the floor: {gate.reason}",
        "comparison": None,
        "recalibration": done.as_json(),
        "gate": gate.as_json(),
    }
    return assemble(snapshot, done.candidate, entries, champion_pd=done.champion_pd, backend=LOCAL)


def try_recalibration(snapshot: TrainingSnapshot) -> Recalibration | dict[str, Any] | None:
    """Measure what a recalibration would gain: a reason alone where it cannot be tried, None without a champion."""
    if snapshot.champion is None:
        return None
    try:
        return _recalibrate(snapshot, snapshot.champion)
    except TooLittleDataError as error:
        return {"promote": False, "reason": f"undetermined: {error}"}


def _recalibrate(snapshot: TrainingSnapshot, champion: ModelArtifacts) -> Recalibration:
    unseen_from = date.fromisoformat(champion.card["periods"]["evaluate"]["first"])
    model, evaluation_model = load_model(champion.files), load_model(champion.evaluation_files)
    return recalibrate(model, evaluation_model, snapshot.matured, unseen_from=unseen_from, settings=snapshot.settings)


def _champion_on(snapshot: TrainingSnapshot, evaluation: pl.DataFrame) -> Floats | None:
    """Score the evaluation loans with the champion's evaluation model; None without a champion."""
    if snapshot.champion is None:
        return None
    champion = load_model(snapshot.champion.evaluation_files)
    loans = evaluation.select("loan_id").join(snapshot.features, on="loan_id", how="left", maintain_order="left")
    return np.asarray(champion.predict(loans), dtype=np.float64)


def _compare(best: Candidate, champion_pd: Floats, snapshot: TrainingSnapshot) -> Comparison:
    labels, chances = best.evaluation["label"].to_numpy(), best.evaluation["probability_of_default"].to_numpy()
    learned = None if snapshot.champion is None else _defaults_learned_from(snapshot.champion.card)
    settings = snapshot.settings.training
    return compare_models(
        labels, chances, champion_pd, settings, challenger_defaults=best.defaults, champion_defaults=learned
    )


def _defaults_learned_from(card: Mapping[str, Any]) -> int | None:
    """Return the defaults that a model learned from; None where its card counted early delinquencies as defaults."""
    if card.get("target") == EARLY_DELINQUENCY and "late_loans" not in card:
        return None
    found = card.get("defaults_learned_from")
    return None if found is None else int(found)


def _choose(candidates: Sequence[Candidate], snapshot: TrainingSnapshot) -> tuple[Candidate, Gate]:
    """Choose the leading candidate and its gate; where a benchmark beats it, the first that passes instead.

    One that is not above chance is not replaced: on loans that teach nothing, one of several passes by luck.
    """
    leader = candidates[0]
    gate = _gate(leader.evaluation, snapshot)
    if gate.above_chance and gate.status is Status.FAIL:
        for other in candidates[1:]:
            found = _gate(other.evaluation, snapshot)
            if found.passed:
                return other, found
    return leader, gate


def _gate(evaluation: pl.DataFrame, snapshot: TrainingSnapshot) -> Gate:
    """Hold these probabilities of default to the floor, on evaluation loans that no fit had seen."""
    settings = snapshot.settings
    judging = snapshot.matured.join(evaluation.select("loan_id"), on="loan_id", how="semi", maintain_order="left")
    earlier = snapshot.matured.filter(pl.col("origination_date") < judging["origination_date"].min())
    chances = judging.select("loan_id").join(evaluation, on="loan_id", how="left", maintain_order="left")
    return hold_to_floor(
        judging["label"].to_numpy(),
        chances["probability_of_default"].to_numpy(),
        benchmarks_of(judging, earlier, settings.training.feature_sets),
        confidence=settings.monitoring.confidence,
        least_bads=settings.training.min_evaluation_bads,
    )


def _verdict(best: Candidate, gate: Gate, comparison: Comparison | None) -> tuple[bool, str]:
    stays = "nothing serves yet" if comparison is None else "the champion stays"
    if not gate.passed:
        return False, f"below the floor: {gate.reason}; {stays}"
    if comparison is not None:
        return comparison.promote, f"{comparison.reason}; {gate.reason}" if comparison.promote else comparison.reason
    if beats_base_rate(best):
        return True, f"first model: {gate.reason}; better than the base rate"
    return False, f"the first model's probabilities are no better than the base rate on later loans; {stays}"

"""Train a challenger or recalibrate the champion from a snapshot, and say whether it takes over.

Training calls this and banks what comes of it; reproducing and verifying call it again and compare. Linear algebra
keeps to one thread: with more, sums are taken in another order and the last bits of a coefficient differ.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

from threadpoolctl import threadpool_limits

from p2pcredit.errors import TooLittleDataError, TrainingError
from p2pcredit.jobs.training.artifacts import RECALIBRATED, TRAINED, assemble
from p2pcredit.jobs.training.comparing.benchmarks import benchmarks_for_card
from p2pcredit.jobs.training.comparing.promotion import (
    champion_on,
    champion_recipe,
    defaults_learned_from,
    floor_of,
    rule_on,
)
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.champion.guards import floor_guards
from p2pcredit.models.champion.recalibration import Recalibration, recalibrate
from p2pcredit.models.champion.recipe import RECALIBRATION
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.scoring import load_model
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.training.candidates import train_candidates
from p2pcredit.models.training.level import Level, measure_level
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
        catalogue=snapshot.catalogue,
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
    ruled = rule_on(run, snapshot, backend)
    best = ruled.candidate
    tried = try_recalibration(snapshot)
    entries = {
        **run.for_card(best),
        "origin": TRAINED,
        "bins_by_hand": {name: hand.as_json() for name, hand in sorted(snapshot.by_hand.items())},
        "recipe": ruled.recipe.as_json(),
        "parent": None,
        "defaults_learned_from": best.defaults,
        "kind": ruled.ruling.kind,
        "promoted": ruled.ruling.promote,
        "reason": ruled.reason,
        "comparison": None if ruled.comparison is None else ruled.comparison.as_json(),
        "recalibration": tried.as_json() if isinstance(tried, Recalibration) else tried,
        "gate": ruled.for_card(snapshot),
        "benchmarks": benchmarks_for_card(best.evaluation, ruled.floor, snapshot, ruled.champion_pd),
    }
    return assemble(snapshot, best, entries, champion_pd=ruled.champion_pd, backend=backend)


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
    gate = floor_of(done.candidate.evaluation, snapshot)
    entries = {
        **done.for_card(),
        "limits": list(champion.card.get("limits", [])),
        "late_loans": champion.card.get("late_loans"),
        "origin": RECALIBRATED,
        "bins_by_hand": champion.card.get("bins_by_hand", {}),
        "recipe": champion_recipe(champion).as_json(),
        "parent": champion.model_id,
        "defaults_learned_from": defaults_learned_from(champion.card),
        "kind": RECALIBRATION,
        "promoted": done.promote,
        "reason": done.reason if gate.passed else f"{done.reason}; the ranking does not pass the floor: {gate.reason}",
        "comparison": None,
        "recalibration": done.as_json(),
        "gate": {**gate.as_json(), "kind": RECALIBRATION, "guards": [g.as_json() for g in floor_guards(gate)]},
        "benchmarks": benchmarks_for_card(
            done.candidate.evaluation, gate, snapshot, champion_on(snapshot, done.candidate.evaluation)
        ),
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
    settings, matured = snapshot.settings, snapshot.matured

    def find_level(calibrated: ScoringModel) -> Level:
        return measure_level(calibrated, snapshot.known, matured, as_of=snapshot.day, settings=settings)

    return recalibrate(
        model, evaluation_model, matured, unseen_from=unseen_from, settings=settings, find_level=find_level
    )

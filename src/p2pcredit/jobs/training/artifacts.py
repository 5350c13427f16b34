"""Make a model as of a day: its files, its card and its evidence, from a study and nothing else.

Training calls this and banks what comes of it; reproducing and verifying call it again and compare. Nothing here reads
the ledger or the clock, so that equal studies give equal bytes. Linear algebra keeps to one thread: with more, sums are
taken in another order and the last bits of a coefficient differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any

import numpy as np
import polars as pl
from threadpoolctl import threadpool_limits

from p2pcredit.contracts.results import Status
from p2pcredit.errors import TooLittleDataError
from p2pcredit.jobs.training.environment import environment, software
from p2pcredit.jobs.training.snapshot import Study
from p2pcredit.jobs.training.swap_sets import JUDGED, judged_files, newest_loans, swap_set
from p2pcredit.models.champion.challenge import Comparison, compare_models
from p2pcredit.models.champion.gate import Gate, benchmarks_of, hold_to_floor
from p2pcredit.models.champion.recalibration import Recalibration, recalibrate
from p2pcredit.models.fitting.backend import LOCAL, FitBackend
from p2pcredit.models.fitting.devices import CPU
from p2pcredit.models.scoring import ScoringModel, load_model, score_points
from p2pcredit.models.training.candidates import Candidate, beats_base_rate, train_candidates
from p2pcredit.models.training_support import absence_facts
from p2pcredit.progress import Progress, no_progress
from p2pcredit.reporting.evidence.facts import EVIDENCE_JSON, EVIDENCE_PAGE, SWAP_SET, build_evidence
from p2pcredit.reporting.evidence.subject import Subject
from p2pcredit.storage.state.model_bank import REFERENCE_FILE, BankedModel, json_bytes

RECALIBRATED = "recalibrated"
"""The form of a champion with a new calibration."""


@dataclass(frozen=True)
class Made:
    """A model that was made, and whether it earned its place.

    Args:
        model_id: Its name.
        files: What the bank keeps under its manifest: the model, its judged fit, the reference loans.
        card: What it is, learned from, and can do.
        beside: Evidence and swap set: beside the model, named with their digests in the card.
        promoted: Whether it takes over.
        reason: Why or why not, in one line.
        comparison: Against the champion; None without one or for a recalibration.
        recalibration: What the cheaper remedy would have gained, or gained.
        gate: What the floor says of it, as the card has it.
    """

    model_id: str
    files: dict[str, bytes]
    card: dict[str, Any]
    beside: dict[str, bytes]
    promoted: bool
    reason: str
    comparison: dict[str, Any] | None
    recalibration: dict[str, Any] | None
    gate: dict[str, Any] | None = None


@dataclass(frozen=True)
class _Draft:
    """What both ways of making a model hand to the same end."""

    model: ScoringModel
    judged: ScoringModel
    form: str
    evaluation: pl.DataFrame
    held: np.ndarray[Any, np.dtype[np.float64]] | None
    metrics: dict[str, Any]
    making: dict[str, Any]
    promoted: bool
    reason: str
    comparison: dict[str, Any] | None
    recalibration: dict[str, Any] | None
    gate: Gate


@contextmanager
def _on_one_thread() -> Iterator[None]:
    with threadpool_limits(limits=1, user_api="blas"):
        yield


@_on_one_thread()
def make_challenger(study: Study, fitter: FitBackend = LOCAL, progress: Progress = no_progress) -> Made:
    """Train all candidates as of the study's day, and hold the best to the floor and against the champion.

    Args:
        study: What is known.
        fitter: Who grows trees and counts values; the card names it.
        progress: Told of each candidate.

    Raises:
        TooLittleDataError: If too few loans have matured, in one line with the numbers found and needed.
        LeakError: If a single feature predicts too well to be honest.
    """
    run = train_candidates(
        study.features, study.outcomes, as_of=study.day, settings=study.settings, fitter=fitter, progress=progress
    )
    if not run.candidates:
        raise TooLittleDataError(
            f"no candidate could be fitted on what was known on {study.day}; wait for more matured loans"
        )
    best, gate = _choose(run.candidates, study)
    held = _champion_on(study, best.evaluation)
    comparison = None if held is None else _compare(best, held, study)
    promoted, reason = _verdict(best, gate, comparison)
    making = {
        "periods": run.periods,
        "dropped_features": run.dropped,
        "candidates": [{"family": c.family, "form": c.form, "metrics": dict(c.metrics)} for c in run.candidates],
        "details": run.details,
        "platform_baseline": run.baseline,
        "defaults_learned_from": best.defaults,
    }
    tried = try_recalibration(study)
    draft = _Draft(
        best.model,
        best.judged,
        best.form,
        best.evaluation,
        held,
        dict(best.metrics),
        making,
        promoted,
        reason,
        None if comparison is None else comparison.as_json(),
        tried if tried is None or isinstance(tried, dict) else tried.as_json(),
        gate,
    )
    return _finish(study, draft, fitter)


@_on_one_thread()
def make_recalibrated(study: Study) -> Made:
    """Give the champion a new calibration, as a model of its own.

    The floor is measured and said, and keeps nothing back: the ranking that it judges serves already, and without the
    new calibration it would go on serving with worse probabilities.

    Raises:
        TooLittleDataError: If too few loans have matured since the champion was judged, or there is no champion.
    """
    champion = study.champion
    if champion is None:
        raise TooLittleDataError(f"there is no champion on {study.day} to recalibrate; train a first model")
    done = _recalibrate(study, champion)
    labels, chances = done.evaluation["label"], done.evaluation["probability_of_default"]
    making: dict[str, Any] = {
        "periods": done.periods,
        "dropped_features": {},
        "candidates": [],
        "details": {"calibration_before": load_model(champion.files).calibration.as_json()},
        "platform_baseline": None,
        "parent": champion.model_id,
        "defaults_learned_from": champion.card.get("defaults_learned_from"),
    }
    metrics = {**_metrics(labels.to_numpy(), chances.to_numpy(), study)}
    gate = _gate(done.evaluation, study)
    reason = done.reason if gate.passed else f"{done.reason}; the ranking does not pass the floor: {gate.reason}"
    draft = _Draft(
        done.model,
        done.judged,
        RECALIBRATED,
        done.evaluation,
        done.champion_pd,
        metrics,
        making,
        done.promote,
        reason,
        None,
        done.as_json(),
        gate,
    )
    return _finish(study, draft, LOCAL)


def try_recalibration(study: Study) -> Recalibration | dict[str, Any] | None:
    """What would the cheaper remedy gain? A reason alone where it cannot be tried, None where no champion serves."""
    if study.champion is None:
        return None
    try:
        return _recalibrate(study, study.champion)
    except TooLittleDataError as error:
        return {"promote": False, "reason": f"undetermined: {error}"}


def name_model(family: str, day: date, files: Mapping[str, bytes]) -> str:
    """The model's name: family, date and the digest of its files, so that equal models have equal names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return f"{family}-{day:%Y%m%d}-{digest.hexdigest()[:8]}"


def _recalibrate(study: Study, champion: BankedModel) -> Recalibration:
    unseen_from = date.fromisoformat(champion.card["periods"]["evaluate"]["first"])
    model, judged = load_model(champion.files), load_model(judged_files(champion.files))
    return recalibrate(model, judged, study.matured, unseen_from=unseen_from, settings=study.settings)


def _champion_on(study: Study, evaluation: pl.DataFrame) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """What the champion's judged fit says of the evaluation loans; None without a champion."""
    if study.champion is None:
        return None
    champion = load_model(judged_files(study.champion.files))
    loans = evaluation.select("loan_id").join(study.features, on="loan_id", how="left", maintain_order="left")
    return np.asarray(champion.predict(loans), dtype=np.float64)


def _compare(best: Candidate, held: np.ndarray[Any, np.dtype[np.float64]], study: Study) -> Comparison:
    labels, chances = best.evaluation["label"].to_numpy(), best.evaluation["probability_of_default"].to_numpy()
    learned = None if study.champion is None else study.champion.card.get("defaults_learned_from")
    settings = study.settings.training
    return compare_models(labels, chances, held, settings, challenger_defaults=best.defaults, champion_defaults=learned)


def _choose(candidates: Sequence[Candidate], study: Study) -> tuple[Candidate, Gate]:
    """The leading candidate with what the floor says of it; where a benchmark beats it, the first that passes instead.

    One that is not above chance is not replaced: on loans that teach nothing, one of several passes by luck.
    """
    leader = candidates[0]
    gate = _gate(leader.evaluation, study)
    if gate.above_chance and gate.status is Status.FAIL:
        for other in candidates[1:]:
            found = _gate(other.evaluation, study)
            if found.passed:
                return other, found
    return leader, gate


def _gate(evaluation: pl.DataFrame, study: Study) -> Gate:
    """What the floor says of these probabilities of default, on loans that judge and nothing had seen."""
    settings = study.settings
    judging = study.matured.join(evaluation.select("loan_id"), on="loan_id", how="semi", maintain_order="left")
    earlier = study.matured.filter(pl.col("origination_date") < judging["origination_date"].min())
    chances = judging.select("loan_id").join(evaluation, on="loan_id", how="left", maintain_order="left")
    return hold_to_floor(
        judging["label"].to_numpy(),
        chances["probability_of_default"].to_numpy(),
        benchmarks_of(judging, earlier, settings.training.feature_set),
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


def _metrics(labels: Any, chances: Any, study: Study) -> dict[str, Any]:
    """The metrics that a card names, for a recalibrated model."""
    from p2pcredit.models.evaluation import api as measure

    confidence = study.settings.monitoring.confidence
    auc = measure.auc_interval(labels, chances, confidence)
    ratio = measure.calibration_ratio(labels, chances, confidence)
    return {
        "auc": auc.value,
        "auc_low": auc.low,
        "auc_high": auc.high,
        "gini": measure.gini(labels, chances),
        "ks": measure.ks(labels, chances),
        "brier": measure.brier(labels, chances),
        "ece": measure.expected_calibration_error(labels, chances),
        "calibration_ratio": ratio.value,
        "calibration_ratio_low": ratio.low,
        "calibration_ratio_high": ratio.high,
        "n": auc.n,
        "bads": auc.bads,
        "base_rate": float(labels.mean()),
    }


def _finish(study: Study, draft: _Draft, fitter: FitBackend) -> Made:
    """Name the model, score its reference loans, write its card and its evidence."""
    from p2pcredit.reporting.evidence.page import render_evidence

    own = draft.model.to_files()
    model_id = name_model(draft.model.family, study.day, own)
    judged = {JUDGED + name: data for name, data in draft.judged.to_files().items()}
    files = {**own, **judged, REFERENCE_FILE: _reference(study, draft.model)}
    champion_id = None if study.champion is None else study.champion.model_id
    swapped = _swap_set(study, draft)
    settings = study.settings.model_dump(mode="json", exclude={"alerts", "engine", "spark"})
    gate = draft.gate.as_json()
    subject = Subject(
        model_id=model_id,
        form=draft.form,
        as_of=study.day,
        settings=study.settings,
        model=draft.model,
        judged=draft.judged,
        evaluation=_evaluated(study, draft),
        earlier=_earlier(study, draft),
        newest=newest_loans(study),
        flow=study.flow,
        making=draft.making,
        verdict={
            "promoted": draft.promoted,
            "reason": draft.reason,
            "champion_id": champion_id,
            "comparison": draft.comparison,
            "recalibration": draft.recalibration,
            "gate": gate,
        },
        swap_set=swapped,
        provenance={
            "delta_versions": study.versions,
            "landing": study.landing,
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
            "settings": settings,
            "software": software(study.settings.training.families),
        },
    )
    facts = build_evidence(subject)
    beside = {EVIDENCE_JSON: json_bytes(facts), EVIDENCE_PAGE: render_evidence(facts).encode()}
    if swapped is not None:
        beside[SWAP_SET] = json_bytes(facts["swap_set"])
    card = {
        "model_id": model_id,
        "family": draft.model.family,
        "form": draft.form,
        "definition": study.settings.labels.definition,
        "as_of": study.day.isoformat(),
        "metrics": draft.metrics,
        **draft.making,
        "features": list(draft.model.feature_names),
        "absences": absence_facts(draft.model.support, draft.model.neutral, draft.model.calibration.slope),
        "champion_id": champion_id,
        "compared_with_champion": draft.comparison,
        "recalibration": draft.recalibration,
        "gate": gate,
        "delta_versions": study.versions,
        "settings": settings,
        "environment": environment(study.settings.training.families),
        "device": CPU if draft.form == RECALIBRATED else study.settings.training.device,
        "engine": fitter.about,
        "matured_loans": study.matured.height,
        "matured_bads": int(study.matured["label"].sum() or 0),
        "unknown_outcomes": study.unknown_outcomes,
        "events_of_no_loan": study.events_of_no_loan,
        "evidence": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(beside.items())},
    }
    return Made(
        model_id, files, card, beside, draft.promoted, draft.reason, draft.comparison, draft.recalibration, gate
    )


def _reference(study: Study, model: ScoringModel) -> bytes:
    """The matured loans with the score that the model gives them, as Parquet bytes: equal inputs give equal bytes."""
    loans = study.features.join(study.matured.select("loan_id"), on="loan_id", how="semi", maintain_order="left")
    points = score_points(model.predict(loans), study.settings.scores)
    buffer = BytesIO()
    scored = loans.select("loan_id", "snapshot_date", pl.Series("score", points, dtype=pl.Int32))
    scored.write_parquet(buffer)
    return buffer.getvalue()


def _evaluated(study: Study, draft: _Draft) -> pl.DataFrame:
    chances = draft.evaluation.select("loan_id", "probability_of_default")
    return study.matured.join(chances, on="loan_id", how="inner", maintain_order="left")


def _earlier(study: Study, draft: _Draft) -> pl.DataFrame:
    return study.matured.join(draft.evaluation.select("loan_id"), on="loan_id", how="anti", maintain_order="left")


def _swap_set(study: Study, draft: _Draft) -> dict[str, Any] | None:
    if study.champion is None or draft.held is None:
        return None
    evaluated = _evaluated(study, draft)
    order = draft.evaluation.select("loan_id").with_columns(pl.Series("held", draft.held))
    held = evaluated.select("loan_id").join(order, on="loan_id", how="left", maintain_order="left")["held"].to_numpy()
    chances = evaluated["probability_of_default"].to_numpy()
    return swap_set(study, study.champion, draft.model, evaluated, held, chances)

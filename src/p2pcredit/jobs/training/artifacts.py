"""Assemble a model's artifacts from a snapshot and a measured candidate: files, card, evidence.

Nothing here reads the ledger or the clock, so that equal snapshots give equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from io import BytesIO
from typing import Any

import polars as pl

from p2pcredit.contracts.catalogue import digest_of, feature_as_json
from p2pcredit.contracts.reviews import FEATURE_SETS
from p2pcredit.jobs.training.comparing.past_promotions import realised_differences
from p2pcredit.jobs.training.comparing.swap_sets import newest_loans, swap_set
from p2pcredit.jobs.training.environment import environment, software
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.economics.experience import ECONOMICS_FILE, experience_facts
from p2pcredit.models.evaluation.intervals import Floats
from p2pcredit.models.fitting.backend import FitBackend
from p2pcredit.models.fitting.devices import CPU
from p2pcredit.models.scoring import score_points
from p2pcredit.models.scoring_model import ScoringModel
from p2pcredit.models.term_structure.fit import fit_term_structure, watched_later
from p2pcredit.models.term_structure.structure import TERM_STRUCTURE_FILE, term_structure_facts
from p2pcredit.models.training.candidate import Candidate
from p2pcredit.models.training_support import absence_facts, contract_of, term_facts
from p2pcredit.reporting.evidence.facts import build_evidence
from p2pcredit.reporting.evidence.page import render_evidence
from p2pcredit.reporting.evidence.subject import Subject
from p2pcredit.storage.state.model_bank import (
    CARD_FORMAT,
    EVALUATION_PREFIX,
    EVIDENCE_FILE,
    EVIDENCE_PAGE_FILE,
    REFERENCE_FILE,
    SWAP_SET_FILE,
    ModelArtifacts,
    ModelBank,
    json_bytes,
)

_NO_PART_OF_A_MODEL = {"alerts", "engine", "governance", "serving", "spark", "tracking"}
"""Groups of settings that make no model, and may hold secrets."""

TRAINED = "trained"
RECALIBRATED = "recalibrated"
"""The origin of a champion with a new calibration."""


def assemble(
    snapshot: TrainingSnapshot,
    candidate: Candidate,
    entries: Mapping[str, Any],
    *,
    champion_pd: Floats | None,
    backend: FitBackend,
) -> ModelArtifacts:
    """Name a model, score its reference loans, write its card and its evidence.

    Args:
        snapshot: What is known.
        candidate: The model, and what was measured of it.
        entries: What the card says of how the model came to be, and of whether it takes over.
        champion_pd: The champion's probabilities of the evaluation loans, in their order; None without a champion.
        backend: What grew the trees and counted the values.
    """
    model, settings = candidate.model, snapshot.settings
    own = model.to_files()
    watched, window = snapshot.watched(model), settings.labels.window_months
    structure = fit_term_structure(watched, window_months=window)
    if structure is not None:
        own[TERM_STRUCTURE_FILE] = structure.to_bytes()
    experience = snapshot.experience
    if experience is not None:
        own[ECONOMICS_FILE] = experience.to_bytes()
    model_id = name_model(model.family, snapshot.day, own)
    evaluation = {EVALUATION_PREFIX + name: data for name, data in candidate.evaluation_model.to_files().items()}
    files = {**own, **evaluation, REFERENCE_FILE: _reference(snapshot, model)}
    card = {
        "format": CARD_FORMAT,
        "model_id": model_id,
        "family": model.family,
        "target": model.target,
        "definition": settings.labels.definition,
        "as_of": snapshot.day.isoformat(),
        "metrics": dict(candidate.metrics),
        **entries,
        "features": list(model.feature_names),
        "feature_sets": _sets_of(model),
        **_own_features(snapshot),
        "absences": absence_facts(model.support, model.neutral, model.calibration.slope),
        "terms": term_facts(model.support),
        "term_structure": term_structure_facts(structure, watched_later(watched, window)),
        "economics": experience_facts(experience),
        "champion_id": None if snapshot.champion is None else snapshot.champion.model_id,
        "delta_versions": snapshot.versions,
        "settings": settings.model_dump(mode="json", exclude=_NO_PART_OF_A_MODEL),
        "environment": environment(settings.training.families),
        "device": CPU if entries["origin"] == RECALIBRATED else settings.training.device,
        "engine": backend.about,
        "past_promotions": [promotion.as_json() for promotion in snapshot.promotions],
        "matured_loans": snapshot.matured.height,
        "matured_bads": int(snapshot.matured["label"].sum() or 0),
        "unknown_outcomes": snapshot.unknown_outcomes,
        "events_of_no_loan": snapshot.events_of_no_loan,
    }
    swapped = _swap_set(snapshot, candidate, champion_pd)
    subject = Subject(
        card=card,
        settings=settings,
        model=model,
        evaluation_model=candidate.evaluation_model,
        evaluation=_evaluated(snapshot, candidate),
        earlier=_earlier(snapshot, candidate),
        newest=newest_loans(snapshot),
        flow=snapshot.flow,
        swap_set=swapped,
        promotions=_promotions(snapshot),
        catalogue=snapshot.catalogue,
        provenance={
            "delta_versions": snapshot.versions,
            "landing": snapshot.landing,
            "files": _digests(files),
            "settings": card["settings"],
            "software": software(settings.training.families),
        },
    )
    facts = build_evidence(subject)
    attachments = {EVIDENCE_FILE: json_bytes(facts), EVIDENCE_PAGE_FILE: render_evidence(facts).encode()}
    if swapped is not None:
        attachments[SWAP_SET_FILE] = json_bytes(facts["swap_set"])
    return ModelArtifacts(model_id, files, {**card, "evidence": _digests(attachments)}, attachments)


def _promotions(snapshot: TrainingSnapshot) -> list[dict[str, Any]]:
    """Measure what the promotions of the past brought, on what has matured by the day."""
    bank = ModelBank(snapshot.lake.layout)
    found = realised_differences(
        snapshot.promotions, snapshot.matured, bank, day=snapshot.day, settings=snapshot.settings
    )
    return [realised.as_json() for realised in found]


def name_model(family: str, day: date, files: Mapping[str, bytes]) -> str:
    """Name a model by family, date and the digest of its files, so that equal models have equal names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return f"{family}-{day:%Y%m%d}-{digest.hexdigest()[:8]}"


def _sets_of(model: ScoringModel) -> list[str]:
    """List the sets that the model's own features belong to."""
    own = {contract_of(model.support, name).group for name in model.feature_names}
    return [name for name in FEATURE_SETS if name in own]


def _own_features(snapshot: TrainingSnapshot) -> dict[str, Any]:
    """Name the lender's own columns that could be learned from, with their digest; nothing where there are none."""
    own = snapshot.catalogue.own
    if not own:
        return {}
    return {"own_features": [feature_as_json(one) for one in own], "own_features_digest": digest_of(own)}


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())}


def _reference(snapshot: TrainingSnapshot, model: ScoringModel) -> bytes:
    """Write the matured loans with the model's scores as Parquet bytes: equal inputs give equal bytes."""
    loans = snapshot.features.join(snapshot.matured.select("loan_id"), on="loan_id", how="semi", maintain_order="left")
    points = score_points(model.predict(loans), snapshot.settings.scores)
    buffer = BytesIO()
    scored = loans.select("loan_id", "snapshot_date", pl.Series("score", points, dtype=pl.Int32))
    scored.write_parquet(buffer)
    return buffer.getvalue()


def _evaluated(snapshot: TrainingSnapshot, candidate: Candidate) -> pl.DataFrame:
    chances = candidate.evaluation.select("loan_id", "probability_of_default")
    return snapshot.matured.join(chances, on="loan_id", how="inner", maintain_order="left")


def _earlier(snapshot: TrainingSnapshot, candidate: Candidate) -> pl.DataFrame:
    return snapshot.matured.join(
        candidate.evaluation.select("loan_id"), on="loan_id", how="anti", maintain_order="left"
    )


def _swap_set(snapshot: TrainingSnapshot, candidate: Candidate, champion_pd: Floats | None) -> dict[str, Any] | None:
    if snapshot.champion is None or champion_pd is None:
        return None
    evaluated = _evaluated(snapshot, candidate)
    order = candidate.evaluation.select("loan_id").with_columns(pl.Series("held", champion_pd))
    held = evaluated.select("loan_id").join(order, on="loan_id", how="left", maintain_order="left")["held"].to_numpy()
    chances = evaluated["probability_of_default"].to_numpy()
    return swap_set(snapshot, snapshot.champion, candidate.model, evaluated, held, chances)

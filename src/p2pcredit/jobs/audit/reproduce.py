"""Make a model again from the lake as it was when the model was trained, and compare every byte."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from p2pcredit.engines.registry import SPARK
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.training.artifacts import RECALIBRATED
from p2pcredit.jobs.training.backends import engine_of_card, fit_backend_again
from p2pcredit.jobs.training.challengers import make_challenger, make_recalibrated
from p2pcredit.jobs.training.snapshot import TrainingSnapshot
from p2pcredit.models.fitting.devices import CPU, require_device
from p2pcredit.storage.state.model_bank import (
    CARD_FILE,
    EVIDENCE_FILE,
    ModelArtifacts,
    ModelBank,
    card_bytes,
    json_bytes,
)


def remake_model(ctx: JobContext, banked: ModelArtifacts) -> ModelArtifacts:
    """Make a banked model again with the settings, the Delta versions and on the engine that its card names.

    Raises:
        BankError: If the champion it was held against is gone or was altered.
        MissingExtraError: If it was fitted on Spark and PySpark is not installed.
        SettingsError: If its trees were grown on a device that is not to be had here, or Spark does not start.
        StorageError: If a table version it learned from is gone.
    """
    require_device(_device(banked), f"model {banked.model_id}, which was made there,")
    with fit_backend_again(ctx, engine_of_card(banked.card)) as backend:
        snapshot = TrainingSnapshot.from_card(ctx, banked)
        return (
            make_recalibrated(snapshot) if banked.card["origin"] == RECALIBRATED else make_challenger(snapshot, backend)
        )


def reproduce(ctx: JobContext, model_id: str) -> Receipt:
    """Make a model again with the settings and Delta versions that its card names, and compare every byte.

    Compared are the model, its evaluation model, the reference loans, the card, and the evidence beside the model.

    Returns:
        `model_id`, `identical`, `differing` (file names), `checked` (how many files), `reason`.

    Raises:
        BankError: If there is no such model, it was altered, or the champion it was held against is gone.
        MissingExtraError: If it was fitted on Spark and PySpark is not installed.
        SettingsError: If its trees were grown on a device that is not to be had here, or Spark does not start.
        StorageError: If a table version it learned from is gone.
    """
    bank = ModelBank(ctx.layout)
    banked = bank.get(model_id)
    made = remake_model(ctx, banked)
    attachments = {name: bank.attachment(model_id, name) for name in banked.card.get("evidence", {})}
    original = {**banked.files, **attachments, CARD_FILE: json_bytes(banked.card)}
    again = {**made.files, **made.attachments, CARD_FILE: card_bytes(made.card)}
    engine = engine_of_card(banked.card)
    differing = sorted(name for name in {*again, *original} if again.get(name) != original.get(name))
    reason = f"all {len(original)} files are identical"
    if differing:
        reason = f"the same training made {made.model_id}; {', '.join(differing)} differ"
        if not set(differing) & set(banked.files):
            reason += "; the files that score are identical"
        if _code(banked.card, attachments) not in {None, _code(made.card, made.attachments)}:
            reason += "; the code is another than when it was made"
        if _device(banked) != CPU:
            reason += f"; its trees were grown on '{_device(banked)}', and another such device may sum in another order"
        if engine.get("tree_workers", 1) > 1:
            reason += f"; {engine['tree_workers']} workers grew its trees, which may sum in another order each time"
        if banked.card["environment"] != made.card["environment"]:
            reason += "; the libraries have other versions than when it was made"
    if _device(banked) != ctx.settings.training.device:
        reason += f"; made on '{_device(banked)}' as its card says, not on '{ctx.settings.training.device}'"
    if engine["name"] == SPARK:
        reason += "; made on Spark, as its card says"
    return {
        "model_id": model_id,
        "identical": not differing,
        "differing": differing,
        "checked": len(original),
        "reason": reason,
    }


def _code(card: Mapping[str, Any], attachments: Mapping[str, bytes]) -> str | None:
    """Return the digest of the code that made a model, from its evidence; None where that is missing or altered."""
    told = attachments.get(EVIDENCE_FILE)
    if told is None or hashlib.sha256(told).hexdigest() != card["evidence"][EVIDENCE_FILE]:
        return None
    return str(json.loads(told)["provenance"]["software"]["code_sha256"])


def _device(banked: ModelArtifacts) -> str:
    """Return where its trees were grown, as its card says; the processor for a card that does not say."""
    return str(banked.card.get("device", CPU))

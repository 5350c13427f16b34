"""Can a model be made again, to the byte, from the lake as it was when the model was trained?"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.training.artifacts import RECALIBRATED, Made, make_challenger, make_recalibrated
from p2pcredit.jobs.training.backends import ON_SPARK, engine_of_card, fitter_again
from p2pcredit.jobs.training.snapshot import study_again
from p2pcredit.models.fitting.devices import CPU, require_device
from p2pcredit.reporting.evidence.facts import EVIDENCE_JSON
from p2pcredit.storage.state.model_bank import BankedModel, ModelBank, json_bytes

CARD = "card.json"


def make_again(ctx: JobContext, banked: BankedModel) -> Made:
    """Make a banked model again with the settings, the Delta versions and on the engine that its card names.

    Raises:
        BankError: If the champion it was held against is gone or was altered.
        MissingExtraError: If it was fitted on Spark and PySpark is not installed.
        SettingsError: If its trees were grown on a device that is not to be had here, or Spark does not start.
        StorageError: If a table version it learned from is gone.
    """
    require_device(_device(banked), f"model {banked.model_id}, which was made there,")
    with fitter_again(ctx, engine_of_card(banked.card)) as fitter:
        study = study_again(ctx, banked)
        return make_recalibrated(study) if banked.card["form"] == RECALIBRATED else make_challenger(study, fitter)


def reproduce(ctx: JobContext, model_id: str) -> Receipt:
    """Make a model again with the settings and Delta versions that its card names, and compare every byte.

    Compared are the model, the fit that was judged, the reference loans, the card, and the evidence beside the model.

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
    made = make_again(ctx, banked)
    beside = {name: bank.beside(model_id, name) for name in banked.card.get("evidence", {})}
    original = {**banked.files, **beside, CARD: json_bytes(banked.card)}
    again = {**made.files, **made.beside, CARD: json_bytes(made.card)}
    engine = engine_of_card(banked.card)
    differing = sorted(name for name in {*again, *original} if again.get(name) != original.get(name))
    reason = f"all {len(original)} files are identical"
    if differing:
        reason = f"the same training made {made.model_id}; {', '.join(differing)} differ"
        if not set(differing) & set(banked.files):
            reason += "; the files that score are identical"
        if _code(banked.card, beside) not in {None, _code(made.card, made.beside)}:
            reason += "; the code is another than when it was made"
        if _device(banked) != CPU:
            reason += f"; its trees were grown on '{_device(banked)}', and another such device may sum in another order"
        if engine.get("tree_workers", 1) > 1:
            reason += f"; {engine['tree_workers']} workers grew its trees, which may sum in another order each time"
        if banked.card["environment"] != made.card["environment"]:
            reason += "; the libraries have other versions than when it was made"
    if _device(banked) != ctx.settings.training.device:
        reason += f"; made on '{_device(banked)}' as its card says, not on '{ctx.settings.training.device}'"
    if engine["name"] == ON_SPARK:
        reason += "; made on Spark, as its card says"
    return {
        "model_id": model_id,
        "identical": not differing,
        "differing": differing,
        "checked": len(original),
        "reason": reason,
    }


def _code(card: Mapping[str, Any], beside: Mapping[str, bytes]) -> str | None:
    """The digest of the code that made a model, as its evidence says; None where that is not there or was altered."""
    told = beside.get(EVIDENCE_JSON)
    if told is None or hashlib.sha256(told).hexdigest() != card["evidence"][EVIDENCE_JSON]:
        return None
    return str(json.loads(told)["provenance"]["software"]["code_sha256"])


def _device(banked: BankedModel) -> str:
    """Where its trees were grown, as its card says; the processor for a card that does not say."""
    return str(banked.card.get("device", CPU))

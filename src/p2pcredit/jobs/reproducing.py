"""Can a model be made again, to the byte, from the lake as it was when the model was trained?"""

from __future__ import annotations

from datetime import date

from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.training import JUDGED, REFERENCE_FILE, known_features, name_model, train_as_of
from p2pcredit.settings import AlertSettings, Settings
from p2pcredit.storage.bank import ModelBank
from p2pcredit.storage.lake import Lake


def reproduce(ctx: JobContext, model_id: str) -> Receipt:
    """Train a model again with the settings and Delta versions that its card names, and compare every byte.

    Returns:
        `model_id`, `identical`, `differing` (file names), `reason`.

    Raises:
        BankError: If there is no such model or it was altered.
        StorageError: If a table version it learned from is gone.
    """
    banked = ModelBank(ctx.layout).get(model_id)
    card = banked.card
    settings = Settings.model_validate({**card["settings"], "alerts": AlertSettings()})
    lake = Lake(ctx.layout, pinned=card["delta_versions"])
    day = date.fromisoformat(card["as_of"])
    _, best = train_as_of(lake, known_features(lake, day), day, settings)
    files = best.model.to_files()
    beside = (REFERENCE_FILE, JUDGED)
    original = {name: data for name, data in banked.files.items() if not name.startswith(beside)}
    differing = sorted(name for name in {*files, *original} if files.get(name) != original.get(name))
    again = name_model(best, day, files)
    reason = (
        "every file is identical" if not differing else f"the same training made {again}; {', '.join(differing)} differ"
    )
    return {"model_id": model_id, "identical": not differing, "differing": differing, "reason": reason}

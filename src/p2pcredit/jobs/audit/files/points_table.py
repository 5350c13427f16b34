"""The points table of a banked scorecard, to look at or to hand to another program."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scorecard.points import PointScale
from p2pcredit.models.scorecard.points_table import PointsFormat, as_json, points_text
from p2pcredit.models.scoring import load_model
from p2pcredit.names import no_such
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.state.model_bank import ModelBank


def print_points(ctx: JobContext, model_id: str, form: str, out: Path | None) -> tuple[Receipt, str]:
    """Print how many points each bin of a scorecard gives.

    Args:
        ctx: Home and settings; the points are on the scale that the settings ask for.
        model_id: A scorecard of the bank.
        form: `table`, `json`, `csv` or `sql`.
        out: Where to write it; None to write nothing.

    Returns:
        The receipt (`model_id`, `format`, `whole_points`, `path` or, with no file, the table itself), and the text.

    Raises:
        BankError: If there is no such model or it was altered.
        UsageError: If the model has no points, or the format is another.
        StorageError: If the disk refuses.
    """
    if form not in get_args(PointsFormat):
        raise UsageError(no_such("format", form, get_args(PointsFormat)))
    model = load_model(ModelBank(ctx.layout).get(model_id).files)
    if not isinstance(model, ScorecardModel):
        raise UsageError(f"{model_id} is a {model.family} model, which has no points; choose a scorecard")
    scale = PointScale.of(ctx.settings.scores)
    text = points_text(form, model_id, model, scale)
    table = as_json(model_id, model, scale)
    if out is None:
        return {"format": form, **table}, text
    write_bytes_atomically(out, text.encode())
    receipt = {"model_id": model_id, "format": form, "whole_points": table["whole_points"], "path": str(out)}
    return receipt, text

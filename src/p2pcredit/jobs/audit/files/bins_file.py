"""Bins by hand as files: today's bins of a scorecard to start from, and a reviewed file checked and converted."""

from __future__ import annotations

from pathlib import Path

from p2pcredit.contracts.catalogue import FeatureCatalogue
from p2pcredit.contracts.hand_bins import HandBins, parse_hand_bins
from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.training.snapshot import read_hand_bins
from p2pcredit.models.binning.bins import Binning
from p2pcredit.models.binning.hand_files import as_sheets, as_toml, from_sheets, hand_bins_of
from p2pcredit.models.scorecard.model import ScorecardModel
from p2pcredit.models.scoring import load_model
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.own_features import read_own_features
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.workbook import read_workbook, write_workbook

SUFFIXES = (".toml", ".xlsx")


def write_bins(ctx: JobContext, model_id: str | None, reviewed: Path | None, out: Path | None) -> tuple[Receipt, str]:
    """Write the bins of a scorecard, or of a reviewed file once it is checked, as a file of bins by hand.

    Args:
        ctx: Home and settings.
        model_id: A scorecard of the bank; None where a file is given.
        reviewed: A file of bins by hand, `.toml` or `.xlsx`; None where a model is given.
        out: Where to write, `.toml` or `.xlsx`; None to write nothing.

    Returns:
        The receipt (`model_id`, `features`, `path`), and the bins as TOML.

    Raises:
        UsageError: If not one of model and file is given, the model has no bins, or a suffix is another.
        SettingsError: If the reviewed file is not what it should be, in one line by feature.
        BankError: If there is no such model or it was altered.
        MissingExtraError: If a workbook is asked for without the extra `xlsx`.
    """
    if (model_id is None) == (reviewed is None):
        raise UsageError("name a model, or a file with --from: one of the two")
    for file in (reviewed, out):
        if file is not None and file.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{file} is neither .toml nor .xlsx; write one of the two at its end")
    binnings: tuple[Binning, ...] = ()
    if reviewed is not None:
        by_hand = _read(reviewed, read_own_features(ctx.layout))
    else:
        binnings = _bins_of(ctx, str(model_id))
        by_hand = hand_bins_of(binnings, f"as {model_id} chose it", read_own_features(ctx.layout))
    text = as_toml(by_hand, binnings)
    if out is not None and out.suffix.lower() == ".xlsx":
        write_workbook(out, as_sheets(by_hand, binnings))
    elif out is not None:
        write_bytes_atomically(out, text.encode())
    return {"model_id": model_id, "features": sorted(by_hand), "path": None if out is None else str(out)}, text


def _read(file: Path, catalogue: FeatureCatalogue) -> dict[str, HandBins]:
    if not file.is_file():
        raise UsageError(f"there is no file {file}; 'p2pcredit models bins ID --out FILE' writes one to start from")
    if file.suffix.lower() == ".xlsx":
        return parse_hand_bins(from_sheets(read_workbook(file), str(file)), str(file), catalogue)
    return read_hand_bins(file, catalogue)


def _bins_of(ctx: JobContext, model_id: str) -> tuple[Binning, ...]:
    model = load_model(ModelBank(ctx.layout).get(model_id).files)
    if not isinstance(model, ScorecardModel):
        raise UsageError(f"{model_id} is a {model.family} model, which has no bins; choose a scorecard")
    return model.binnings


__all__ = ["write_bins"]

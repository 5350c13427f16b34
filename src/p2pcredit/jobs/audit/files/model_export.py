"""A banked model as a file that another program scores with."""

from __future__ import annotations

import hashlib
from importlib.metadata import version
from pathlib import Path

from p2pcredit.errors import UsageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.models.export.formats.onnx_graph import as_onnx
from p2pcredit.models.export.formats.pmml_file import as_pmml
from p2pcredit.models.export.formats.python_file import as_python
from p2pcredit.models.export.formats.sql_query import as_sql
from p2pcredit.models.export.formula import Formula
from p2pcredit.models.export.header import About, left_out
from p2pcredit.models.registry import family_named
from p2pcredit.models.scoring import load_model
from p2pcredit.names import no_such
from p2pcredit.storage.files import read_small_file, write_bytes_atomically
from p2pcredit.storage.state.model_bank import CARD_FILE, ModelBank

FORMATS = ("onnx", "pmml", "sql", "python")


def export_model(ctx: JobContext, model_id: str, form: str, out: Path | None) -> tuple[Receipt, bytes]:
    """Write a model so that it scores without this package, from the columns of `gold/feature_store`.

    Args:
        ctx: Home and settings; points, grades, cut-off and what becomes of loans outside training are those of now.
        model_id: A model of the bank, whose family can be exported.
        form: One of `FORMATS`.
        out: Where to write it; None to write nothing.

    Returns:
        The receipt (`model_id`, `format`, `path` or None, `columns`, `left_out`), and the file's bytes.

    Raises:
        BankError: If there is no such model or it was altered.
        UsageError: If the format is another, or the model's family cannot be exported.
        MissingExtraError: If the extra of a format is not installed.
        StorageError: If the disk refuses.
    """
    if form not in FORMATS:
        raise UsageError(no_such("format", form, FORMATS))
    banked = ModelBank(ctx.layout).get(model_id)
    model = load_model(banked.files)
    formula = family_named(model.family).formula(model, ctx.settings)
    if formula is None:
        raise UsageError(f"{model_id} is a {model.family} model, which has no formula to export; see 'Family.formula'")
    about = About(
        model_id=model_id,
        card_digest=hashlib.sha256(read_small_file(ctx.layout.model(model_id) / CARD_FILE)).hexdigest(),
        family=model.family,
        as_of=str(banked.card.get("as_of")),
        window_months=ctx.settings.labels.window_months,
        version=version("p2p-credit-score"),
    )
    data = _write(form, formula, about)
    if out is not None:
        write_bytes_atomically(out, data)
    receipt: Receipt = {
        "model_id": model_id,
        "format": form,
        "path": None if out is None else str(out),
        "columns": [column.name for column in formula.columns],
        "left_out": list(left_out(form, formula)),
    }
    return receipt, data


def _write(form: str, formula: Formula, about: About) -> bytes:
    if form == "onnx":
        return as_onnx(formula, about)
    writers = {"pmml": as_pmml, "sql": as_sql, "python": as_python}
    return writers[form](formula, about).encode()


__all__ = ["FORMATS", "export_model"]

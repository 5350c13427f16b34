"""The model inventory: each model of the bank with all that people and the ledger say of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p2pcredit.errors import StorageError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.attention import present_day
from p2pcredit.jobs.governance.records import record_of
from p2pcredit.reporting.inventory import render_inventory
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.home_format import short_id_of
from p2pcredit.storage.state.model_bank import ModelBank


def take_inventory(ctx: JobContext) -> Receipt:
    """List all models of the bank, oldest first, with what the ledger says of each.

    Returns:
        `home_id`, `as_of` (the home's present day), `approval` (the setting), `champion`, `models` (as `record_of`
        gives them), `findings_open` (of all).
    """
    bank, state = ModelBank(ctx.layout), ctx.ledger.state()
    models = [record_of(ctx, state, model_id, _card(bank, model_id)) for model_id in bank.model_ids()]
    models.sort(key=lambda model: (model["as_of"] or "", model["model_id"]))
    return {
        "home_id": short_id_of(ctx.layout.home),
        "as_of": present_day(ctx).isoformat(),
        "approval": ctx.settings.governance.approval,
        "champion": state.champion,
        "models": models,
        "findings_open": sum(model["findings_open"] for model in models),
    }


def write_inventory(ctx: JobContext, out: Path | None = None) -> Receipt:
    """Write the inventory as a page, into `reports/` or another file.

    Returns:
        What `take_inventory` gives, and `page`, its path.
    """
    found = take_inventory(ctx)
    path = ctx.layout.model_inventory if out is None else out
    write_bytes_atomically(path, render_inventory(found).encode())
    return {**found, "page": str(path)}


def _card(bank: ModelBank, model_id: str) -> dict[str, Any]:
    try:
        return bank.get(model_id).card
    except StorageError as error:  # one damaged model must not hide the others
        return {"damaged": f"damaged: {error}"}


__all__ = ["take_inventory", "write_inventory"]

"""Where a model's evidence lies, and whether every number in it still follows from the lake."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from p2pcredit.errors import BankError, StorageError
from p2pcredit.jobs.audit.reproduce import remake_model
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.governance.records import sign_off
from p2pcredit.reporting.evidence.page import render_evidence
from p2pcredit.storage.files import write_bytes_atomically
from p2pcredit.storage.state.model_bank import (
    EVIDENCE_FILE,
    EVIDENCE_PAGE_FILE,
    SWAP_SET_FILE,
    ModelArtifacts,
    ModelBank,
)

logger = logging.getLogger("p2pcredit")
SIGNED_PAGE_FILE = "evidence_signed.html"
"""Name of the page with who signed, where the pack is written elsewhere."""

TOLERANCE = 1e-6
"""How far a number with a point may lie from its recalculation, relative to the larger of the two."""
MOST_SHOWN = 50
_SOFTWARE = "provenance.software"
_ABSENT = "absent"


def find_evidence(ctx: JobContext, model_id: str, out: Path | None = None) -> Receipt:
    """Find the evidence of a model, and write its page with who signed by now. With `out`, all is made anew there.

    The pack that lies beside the model is as it was made and is never changed; the signed page is made of its facts and
    of the ledger.

    Returns:
        `model_id`, `signed` (the page with who signed; None where it could not be written, which is warned of), `html`,
        `json`, `swap_set` (paths; the last is None where no champion served when it was made).

    Raises:
        BankError: If there is no such model, it was altered, or its evidence is gone.
    """
    bank = ModelBank(ctx.layout)
    banked = bank.get(model_id)
    if out is None:
        directory = ctx.layout.model(model_id)
        there = {name for name in (EVIDENCE_FILE, EVIDENCE_PAGE_FILE, SWAP_SET_FILE) if (directory / name).is_file()}
        facts, _ = (bank.attachment(model_id, name) for name in (EVIDENCE_FILE, EVIDENCE_PAGE_FILE))
        signed = _sign(ctx, banked, facts, ctx.layout.signed_evidence(model_id))
    else:
        directory = out
        made = remake_model(ctx, banked)
        for name, data in made.attachments.items():
            write_bytes_atomically(directory / name, data)
        there = set(made.attachments)
        signed = _sign(ctx, made, made.attachments[EVIDENCE_FILE], directory / SIGNED_PAGE_FILE)
    return {
        "model_id": model_id,
        "signed": signed,
        "html": str(directory / EVIDENCE_PAGE_FILE),
        "json": str(directory / EVIDENCE_FILE),
        "swap_set": str(directory / SWAP_SET_FILE) if SWAP_SET_FILE in there else None,
    }


def _sign(ctx: JobContext, banked: ModelArtifacts, facts: bytes, path: Path) -> str | None:
    """Write the page of these facts with who signed by now; a page that cannot be written is warned of."""
    digest = banked.card.get("evidence", {}).get(EVIDENCE_FILE)
    if digest != hashlib.sha256(facts).hexdigest():
        logger.warning(
            "no page with who signed was written: %s of model %s was altered since it was made; 'p2pcredit models "
            "verify' says where, and with --out DIR it is made anew",
            EVIDENCE_FILE,
            banked.model_id,
        )
        return None
    signed = {**sign_off(ctx, banked.model_id, banked.card), "stated_on": ctx.at.date().isoformat()}
    page = render_evidence(json.loads(facts), signed)
    try:
        write_bytes_atomically(path, page.encode())
    except StorageError as error:
        logger.warning("the page with who signed was not written: %s", error)
        return None
    return str(path)


def verify_evidence(ctx: JobContext, model_id: str) -> Receipt:
    """Verify that every number of a model's evidence follows from the lake at the Delta versions that it names.

    The model is made again and its evidence calculated anew by the same functions; then every value is compared,
    numbers with a point within a tolerance, all others exactly. Page and files must be those that the card names.

    Returns:
        `model_id`, `verified`, `checked` (numbers compared), `differing` (`path`, `stored`, `recomputed`; the first
        50), `reason`.

    Raises:
        BankError: If there is no such model, it was altered, or its evidence is gone or no JSON.
        StorageError: If a table version it rests on is gone.
    """
    bank = ModelBank(ctx.layout)
    banked = bank.get(model_id)
    stored = {name: bank.attachment(model_id, name) for name in banked.card.get("evidence", {EVIDENCE_FILE: ""})}
    told = {name: _read(model_id, name, data) for name, data in stored.items() if name.endswith(".json")}
    made = remake_model(ctx, banked)
    differing: list[dict[str, Any]] = []
    checked, other_code = 0, False
    for name, content in told.items():
        again = _flat(json.loads(made.attachments.get(name, b"{}")))
        before = _flat(content)
        for path in [*before, *(path for path in again if path not in before)]:
            old, new = before.get(path, _ABSENT), again.get(path, _ABSENT)
            checked += _is_number(old)
            if is_same(old, new):
                continue
            if path.startswith(_SOFTWARE):
                other_code = True
                continue
            shown = path if name == EVIDENCE_FILE else f"{name}: {path}"
            differing.append({"path": shown, "stored": old, "recomputed": new})
    named = {row["path"].partition(":")[0] for row in differing}
    for name, digest in banked.card.get("evidence", {}).items():
        found = hashlib.sha256(stored[name]).hexdigest()
        if found != digest and not (name in named or (name == EVIDENCE_FILE and differing)):
            differing.append({"path": name, "stored": found, "recomputed": digest})
    reason = f"all {checked} numbers follow from the lake"
    if differing:
        reason = f"{len(differing)} values differ, the first at {differing[0]['path']}"
    if other_code:
        reason += "; made by another version of the code or its libraries"
    return {
        "model_id": model_id,
        "verified": not differing,
        "checked": checked,
        "differing": differing[:MOST_SHOWN],
        "reason": reason,
    }


def is_same(stored: object, recomputed: object) -> bool:
    """Return whether two values of a JSON are the same, numbers with a point within the tolerance.

    Examples:
        >>> is_same(0.1 + 0.2, 0.3), is_same(3, 4), is_same(0.5, None), is_same("a", "a"), is_same(1, True)
        (True, False, False, True, False)
    """
    if isinstance(stored, bool) or isinstance(recomputed, bool):
        return stored is recomputed
    if _is_number(stored) and _is_number(recomputed):
        if isinstance(stored, int) and isinstance(recomputed, int):
            return stored == recomputed
        return math.isclose(float(stored), float(recomputed), rel_tol=TOLERANCE, abs_tol=1e-12)  # type: ignore[arg-type]
    return stored == recomputed


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _flat(content: Any) -> dict[str, Any]:
    """List each value of a JSON by its path, such as `performance.lift[3].n`; an empty list or object is one too."""
    return dict(_leaves(content, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{place}]")
    else:
        yield path, value


def _read(model_id: str, name: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError as error:
        raise BankError(
            f"{name} of model {model_id} is no JSON ({error}); write it anew with 'p2pcredit models evidence --out'"
        ) from error

"""Pack the state that the ledger's lines add up to as bytes, so that a night need not read ten years of lines.

A summary is a cache; the lines stay the record. It names the line after which it was made and the digest of that line,
and carries its own digest: where one of them does not match, the lines are read instead.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict
from datetime import date
from typing import Any

from p2pcredit.contracts.decision import Decision
from p2pcredit.errors import P2PCreditError
from p2pcredit.retraining.approvals import Approval, Approvals, Proposal, ProposalStatus
from p2pcredit.retraining.events import LedgerEvent
from p2pcredit.retraining.findings import ModelFinding
from p2pcredit.retraining.state import ChampionPeriod, Claim, DecisionRecord, DecisionStatus, HandoffState, Origin

_FORMAT = 3
"""Count up when what a line adds to the state changes: older summaries are then read past."""
_DIGEST_BYTES = 32
_MOST_UNPACKED_BYTES = 256 << 20


def pack_state(state: HandoffState, lines: int, last_digest: str) -> bytes:
    """Pack a state as a summary.

    Args:
        state: What the lines add up to.
        lines: How many there are.
        last_digest: SHA-256 of the last one's bytes, in hexadecimal.
    """
    content = {
        "format": _FORMAT,
        "lines": lines,
        "last_digest": last_digest,
        "decisions": [{**asdict(r), "decision": r.decision.as_json()} for r in state.decisions.values()],
        "current_id": state.current_id,
        "claim": None if state.claim is None else asdict(state.claim),
        "trainings": [event.as_json() for event in state.trainings],
        "champion_periods": [asdict(period) for period in state.champion_periods],
        "scored": [[day.isoformat(), *entry] for day, entry in state.scored.items()],
        "set_aside": sorted(state.set_aside),
        "proposals": [asdict(proposal) for proposal in state.approvals.proposals],
        "approvals": [asdict(approval) for approval in state.approvals.given],
        "findings": {model: [asdict(one) for one in found] for model, found in state.findings.items()},
    }
    packed = zlib.compress(json.dumps(content, ensure_ascii=False, allow_nan=False, default=str).encode())
    return hashlib.sha256(packed).digest() + packed


def unpack_state(data: bytes) -> tuple[HandoffState, int, str] | None:
    """Return the state, the number of its lines and the last one's digest; None where the summary is not whole.

    Examples:
        >>> unpack_state(pack_state(HandoffState(), 0, "")) == (HandoffState(), 0, "")
        True
        >>> unpack_state(b"half of it") is None
        True
    """
    digest, packed = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if hashlib.sha256(packed).digest() != digest:
        return None
    try:
        content: dict[str, Any] = json.loads(zlib.decompressobj().decompress(packed, _MOST_UNPACKED_BYTES))
        if content["format"] != _FORMAT:
            return None
        records = [_record(found) for found in content["decisions"]]
        claim = content["claim"]
        state = HandoffState(
            decisions={record.decision_id: record for record in records},
            current_id=content["current_id"],
            claim=None if claim is None else Claim(**_dated(claim, "snapshot_date")),
            trainings=[LedgerEvent.from_json(event) for event in content["trainings"]],
            champion_periods=[ChampionPeriod(**_dated(one, "effective_on")) for one in content["champion_periods"]],
            scored={date.fromisoformat(day): (model_id, loans) for day, model_id, loans in content["scored"]},
            set_aside=set(content["set_aside"]),
            findings={model: tuple(map(_finding, found)) for model, found in content["findings"].items()},
            approvals=Approvals(
                tuple(map(_proposal, content["proposals"])), tuple(map(_approval, content["approvals"]))
            ),
        )
        return state, int(content["lines"]), str(content["last_digest"])
    except (zlib.error, AttributeError, KeyError, TypeError, ValueError, P2PCreditError):
        return None


def _record(found: dict[str, Any]) -> DecisionRecord:
    facts = _dated(found, "recorded_on")
    facts["decision"] = Decision.model_validate(facts["decision"])
    facts["unknown_fields"] = tuple(facts["unknown_fields"])
    return DecisionRecord(**{**facts, "origin": Origin(facts["origin"]), "fate": DecisionStatus(facts["fate"])})


def _proposal(found: dict[str, Any]) -> Proposal:
    facts = _dated(_dated(found, "asked_on"), "ended_on")
    return Proposal(**{**facts, "status": ProposalStatus(facts["status"])})


def _finding(found: dict[str, Any]) -> ModelFinding:
    return ModelFinding(**_dated(_dated(found, "opened_on"), "closed_on"))


def _approval(found: dict[str, Any]) -> Approval:
    return Approval(**_dated(_dated(found, "approved_on"), "until"))


def _dated(found: dict[str, Any], name: str) -> dict[str, Any]:
    return {**found, name: None if found[name] is None else date.fromisoformat(found[name])}


__all__ = ["pack_state", "unpack_state"]

"""Check whether a home is healthy: each check passes, fails, or cannot be determined, and says what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec

import polars as pl

from p2pcredit.contracts.alerts import Finding as Alarm
from p2pcredit.contracts.results import Status
from p2pcredit.contracts.tables import TABLES
from p2pcredit.errors import MissingExtraError, P2PCreditError
from p2pcredit.jobs.context import JobContext, Receipt
from p2pcredit.jobs.decision_outlook import WHAT_TO_DO, Pending, pending_decision
from p2pcredit.jobs.governance.approvals import champion_approval
from p2pcredit.jobs.governance.attention import attention
from p2pcredit.jobs.home.data_checks import (
    Finding,
    check_days,
    check_deliveries,
    check_gaps,
    check_levels,
    check_rows,
    check_schema,
    check_values,
)
from p2pcredit.jobs.home.reconciled_days import check_reconciliation
from p2pcredit.jobs.home.rights import check_rights
from p2pcredit.jobs.scoring.champions import kept_back, overridden_floor
from p2pcredit.jobs.training.unknown_outcomes import check_outcomes
from p2pcredit.models.champion.guards import below_a_bar
from p2pcredit.retraining.approvals import FOUR_EYES
from p2pcredit.retraining.outlook import Standing
from p2pcredit.storage.home_format import read_identity, short_id_of
from p2pcredit.storage.state.decision_file import Unreadable, read_decision
from p2pcredit.storage.state.model_bank import ModelBank
from p2pcredit.storage.tables.lake import Lake, refuse_unknown_columns

_LEAST_FREE_BYTES = 1 << 30


def examine(ctx: JobContext) -> Receipt:
    """Check a home directory. Nothing stays changed: files are made to try whether this user can, and removed.

    Returns:
        `home`, `home_id` (short; None where it has none), `healthy` (True only when nothing failed), `reason` (what
        failed; None where nothing did), `checks`: per check `status` and `finding`.
    """
    checks: dict[str, dict[str, str]] = {}
    for name, check in _CHECKS.items():
        try:
            status, finding = check(ctx)
        except P2PCreditError as error:
            status, finding = Status.FAIL, str(error)
        except (OSError, pl.exceptions.PolarsError) as error:
            status, finding = Status.FAIL, f"cannot be read: {' '.join(str(error).split())[:200]}"
        checks[name] = {"status": str(status), "finding": finding}
    failed = [f"{name}: {check['finding']}" for name, check in checks.items() if check["status"] == Status.FAIL]
    reason = f"not healthy: {'; '.join(failed)}" if failed else None
    return {
        "home": str(ctx.layout.home),
        "home_id": short_id_of(ctx.layout.home),
        "healthy": not failed,
        "reason": reason,
        "checks": checks,
    }


def _home(ctx: JobContext) -> Finding:
    home = ctx.layout.home
    if not home.is_dir():
        return Status.UNDETERMINED, f"{home} does not exist yet; the first 'p2pcredit land' makes it"
    identity = read_identity(home)
    if identity is None:
        return Status.UNDETERMINED, f"nothing has been written to {home} yet; the first 'p2pcredit land' gives it an id"
    if identity.id is None:
        return (
            Status.UNDETERMINED,
            f"format {identity.format}, made by version {identity.made_by}, without an id; the next command that "
            "writes gives it one",
        )
    return Status.PASS, f"id {identity.short_id}, format {identity.format}, made by version {identity.made_by}"


def _disk(ctx: JobContext) -> Finding:
    if not ctx.layout.home.is_dir():
        return Status.UNDETERMINED, "no home yet"
    free = shutil.disk_usage(ctx.layout.home).free
    shown = f"{free / 1e9:.1f} GB free"
    return (Status.PASS, shown) if free >= _LEAST_FREE_BYTES else (Status.FAIL, f"{shown}; make room")


def _tables(ctx: JobContext) -> Finding:
    lake = Lake(ctx.layout)
    written = [table for table in TABLES.values() if lake.exists(table)]
    if not written:
        return Status.UNDETERMINED, "no table written yet; run 'p2pcredit preprocess'"
    for table in written:
        refuse_unknown_columns(lake.opened(table), table)
        lake.scan(table).head(1).collect()
    return Status.PASS, f"{len(written)} of {len(TABLES)} tables written and readable"


def _ledger(ctx: JobContext) -> Finding:
    events = ctx.ledger.events()
    if not events:
        return Status.UNDETERMINED, "the ledger has no line yet"
    state = ctx.ledger.state()
    if state.claim is not None:
        return (
            Status.FAIL,
            f"run {state.claim.run_id} began to train and did not say how it ended; the next run releases it",
        )
    return Status.PASS, f"{len(events)} lines, whole and in order"


def _decision(ctx: JobContext) -> Finding:
    shown = read_decision(ctx.layout.decision_file)
    if isinstance(shown, Unreadable):
        return (
            Status.FAIL,
            f"unreadable: {shown.why}; the next run sets it aside, write it again or use 'decision override'",
        )
    pending = pending_decision(ctx, ctx.ledger.state(), shown)
    if pending is None:
        return Status.PASS, "no decision file" if shown is None else "readable; no decision waits"
    found, asks = pending.outlook, pending.decision.retrain
    told = f"readable; {found.note}"
    if asks and found.standing is Standing.NEVER:
        return Status.FAIL, f"the decision that waits will not be obeyed: {found.note}; {WHAT_TO_DO}"
    if asks and found.dated_ahead:
        return _dated_ahead(ctx, pending)
    return Status.UNDETERMINED if asks and found.standing is Standing.LATE else Status.PASS, told


def _dated_ahead(ctx: JobContext, pending: Pending) -> Finding:
    """Judge a date ahead: further than a decision may serve it is a slip, and fails; nearer it may be meant."""
    ahead = (pending.decision.decision_date - ctx.at.date()).days
    slip = ahead > ctx.settings.handoff.valid_days
    return (
        Status.FAIL if slip else Status.UNDETERMINED,
        f"{pending.outlook.note}; where that is not meant, {WHAT_TO_DO}",
    )


def _bank(ctx: JobContext) -> Finding:
    bank = ModelBank(ctx.layout)
    ids = bank.model_ids()
    for model_id in ids:
        bank.get(model_id)
    champion = ctx.ledger.state().champion
    if champion is not None and champion not in ids:
        return Status.FAIL, f"the champion {champion} is not in the bank; restore it or 'p2pcredit models rollback'"
    if not ids:
        return Status.UNDETERMINED, "no model yet"
    said = f"{len(ids)} models, every file as it was written; champion {champion or 'none'}"
    card = {} if champion is None else bank.get(champion).card
    below = None if champion is None else overridden_floor(card)
    back = kept_back(card)
    if below is None and back is not None:
        said = f"{said}, by a person's word: it was {back}"
        if below_a_bar(card["gate"]):
            return Status.FAIL, f"{said}; train another, or 'p2pcredit models rollback'"
        return Status.PASS, said
    if below is None:
        return Status.PASS, said
    status = Status.FAIL if below.startswith(Status.FAIL) else Status.UNDETERMINED
    return status, f"{said}, which does not pass the floor ({below}); train another, or 'p2pcredit models rollback'"


def _approvals(ctx: JobContext) -> Finding:
    """Fail where nothing serves for want of an approval, or the champion's has lapsed."""
    state = ctx.ledger.state()
    found = attention(ctx, state)
    settings = ctx.settings.governance
    said = "; ".join(one.line for one in found)
    if state.champion is None and state.approvals.waiting:
        return Status.FAIL, said
    if any(one.finding is Alarm.APPROVAL_LAPSED for one in found):
        return Status.FAIL, said
    if found:
        return Status.UNDETERMINED, said
    if settings.approval == FOUR_EYES and not settings.developer.strip():
        return (
            Status.UNDETERMINED,
            "four eyes are asked for, and no person is named as developer: of a model that the schedule trains, any "
            "person may approve; name one in governance.developer",
        )
    given = champion_approval(ctx, state)
    asked = f"asked for: {settings.approval}"
    return Status.PASS, asked if given is None else f"{asked}; {given['note']}"


def _airflow(_: JobContext) -> Finding:
    if find_spec("airflow") is None:
        return (
            Status.UNDETERMINED,
            f"not installed here: {MissingExtraError('a run of the DAGs', 'airflow')}",
        )
    return Status.PASS, "installed"


_CHECKS: dict[str, Callable[[JobContext], Finding]] = {
    "home": _home,
    "rights": check_rights,
    "disk": _disk,
    "tables": _tables,
    "days": check_days,
    "reconciliation": check_reconciliation,
    "gaps": check_gaps,
    "rows": check_rows,
    "values": check_values,
    "schema": check_schema,
    "levels": check_levels,
    "deliveries": check_deliveries,
    "outcomes": check_outcomes,
    "ledger": _ledger,
    "decision_file": _decision,
    "model_bank": _bank,
    "approvals": _approvals,
    "airflow": _airflow,
}

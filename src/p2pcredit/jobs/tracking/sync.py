"""Keep an MLflow server in step with bank and ledger: by a process that can be ended, after what has already happened.

Nothing waits for MLflow to be trained, promoted or scored. What a server missed is written by the next sync, since each
compares what the server holds with what the bank and the ledger say.
"""

from __future__ import annotations

import hashlib
import json
import logging
import subprocess
import sys
from typing import Any

from p2pcredit.errors import ConflictError, MissingExtraError, P2PCreditError, ServiceError, UsageError
from p2pcredit.jobs.activity import record, warn
from p2pcredit.jobs.context import Caller, JobContext, Receipt
from p2pcredit.jobs.tracking.mirror import Roles, roles_in
from p2pcredit.storage.files import read_json_or_none, write_json_atomically
from p2pcredit.storage.home_format import complete_identity
from p2pcredit.storage.locks import exclusive_lock
from p2pcredit.storage.state.model_bank import ModelBank

logger = logging.getLogger("p2pcredit")
PROGRAM = (sys.executable, "-P", "-m", "p2pcredit.jobs.tracking.mlflow_process")
"""What brings a server up to date. MLflow is loaded there only, and ends with it."""


def sync_models(ctx: JobContext, *, deadline_seconds: float | None = None) -> Receipt:
    """Bring the MLflow server of the settings up to date with the bank and the ledger.

    A run per banked model, with parameters, metrics, card and evidence; a version per run with the model's role; the
    aliases `champion` and `challenger`. Loans do not leave the home. What is there already is left as it is, so a
    second sync writes nothing.

    Args:
        ctx: The context.
        deadline_seconds: After how long to give up; None waits, with a limit on each request alone.

    Returns:
        `runs`, `versions`, `roles`, `aliases` (how many were written), `champion`, `challenger` (model ids, or None),
        `unreadable` (models of the bank that cannot be read, which have no run).

    Raises:
        UsageError: If no server is set.
        MissingExtraError: If MLflow is not installed.
        ServiceError: If the server did not take it all in; another sync goes on from there.
        ConflictError: If another sync is at work.
    """
    if not ctx.settings.tracking.mlflow_uri.get_secret_value():
        raise UsageError("no MLflow server is set; set tracking.mlflow_uri, such as http://127.0.0.1:5000")
    with exclusive_lock(ctx.layout.tracking_lock, "what other servers are told", wait_seconds=deadline_seconds or 60.0):
        said = _ask(ctx, deadline_seconds)
        if said.get("missing"):
            raise MissingExtraError("a sync with MLflow", "mlflow")
        if "trouble" in said:
            raise ServiceError(f"MLflow was not brought up to date: {said['trouble']}; 'p2pcredit mlflow sync' goes on")
        if not said["unreadable"]:
            write_json_atomically(ctx.layout.mlflow_state, {"server": _server(ctx), "digest": said.pop("digest")})
    receipt = {name: said[name] for name in ("runs", "versions", "roles", "aliases", "champion", "challenger")}
    receipt["unreadable"] = said["unreadable"]
    record(ctx, "mlflow_sync", receipt)
    return receipt


def mirror_models(ctx: JobContext) -> None:
    """Bring MLflow up to date after a training or a change of champion, if a server is set and lacks something.

    Nothing is asked of a server that was brought up to what bank and ledger say. It never fails and never waits longer
    than `tracking.deadline_seconds`: what went wrong is one warning, and is made up by the next sync, which the next
    night tries. A replay asks for one sync at its end instead of one each night.

    Args:
        ctx: The context.
    """
    if not ctx.settings.tracking.mlflow_uri.get_secret_value() or ctx.caller is Caller.REPLAY:
        return
    try:
        if read_json_or_none(ctx.layout.mlflow_state) == {"server": _server(ctx), "digest": _roles(ctx).digest()}:
            return
        sync_models(ctx, deadline_seconds=ctx.settings.tracking.deadline_seconds)
    except ConflictError:
        logger.warning("MLflow is being brought up to date by another process; the next sync makes up the rest")
    except P2PCreditError as error:
        warn(ctx, f"{error}; models and scores are not touched by it, and the next night makes it up")


def _roles(ctx: JobContext) -> Roles:
    return roles_in(ctx.ledger.state(), ModelBank(ctx.layout).model_ids())


def _server(ctx: JobContext) -> str:
    """Give a digest of where the models are mirrored to; the address itself may hold a password."""
    tracking = ctx.settings.tracking
    place = [tracking.mlflow_uri.get_secret_value(), tracking.mlflow_experiment, tracking.mlflow_model]
    return hashlib.sha256(json.dumps(place).encode()).hexdigest()


def _ask(ctx: JobContext, deadline_seconds: float | None) -> dict[str, Any]:
    """Let a process of its own do the work, and end it at the deadline."""
    identity, tracking = complete_identity(ctx.layout.home), ctx.settings.tracking
    asked = {
        "home": str(ctx.layout.home),
        "home_id": None if identity is None else identity.id,
        "uri": tracking.mlflow_uri.get_secret_value(),
        "experiment": tracking.mlflow_experiment,
        "model": tracking.mlflow_model,
        "request_seconds": tracking.deadline_seconds,
    }
    try:
        done = subprocess.run(
            PROGRAM, input=json.dumps(asked), capture_output=True, text=True, timeout=deadline_seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"trouble": f"it did not answer within {deadline_seconds:g} seconds (setting tracking.deadline_seconds)"}
    except OSError as error:
        return {"trouble": f"its process could not be started ({type(error).__name__})"}
    logger.debug("%s", done.stderr)
    try:
        return dict(json.loads(done.stdout))
    except ValueError:
        return {"trouble": f"its process ended with code {done.returncode} and no answer; --debug shows what it said"}


__all__ = ["mirror_models", "sync_models"]

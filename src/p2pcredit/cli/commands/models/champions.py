"""`p2pcredit models list`, `show`, `promote` and `rollback`: the bank, and who serves."""

from __future__ import annotations

from typing import Any

from p2pcredit.cli.commands.models.options import IdArgument
from p2pcredit.cli.printing import Receipt, estimate
from p2pcredit.cli.runtime import ByOption, DebugOption, HomeOption, JsonOption, WhyOption, command, job_context
from p2pcredit.jobs.scoring import champions


@command
def list_all(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List all models with their roles and metrics."""
    models = champions.list_models(job_context(home))
    return models if as_json else [_in_a_row(model) for model in models]


def _in_a_row(model: dict[str, Any]) -> dict[str, Any]:
    metrics = model["metrics"] or {}
    return {
        **{key: model[key] for key in ("model_id", "target", "origin", "as_of")},
        "auc": estimate(metrics, "auc"),
        "calibration_error": estimate(metrics, "ece"),
        "loans": metrics.get("n"),
        "defaults": metrics.get("bads"),
        "role": model["role"],
    }


@command
def show(
    model_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Show one model's card."""
    return champions.show_model(job_context(home), model_id)


@command
def promote(
    model_id: IdArgument,
    why: WhyOption,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Make a model champion, with a reason."""
    return champions.promote(job_context(home, by=by), model_id, why)


@command
def rollback(
    why: WhyOption,
    by: ByOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Return to the champion before, with a reason.

    Again on the same day for the same reason it goes no further back, so a command that was killed can be repeated.
    """
    return champions.rollback(job_context(home, by=by), why)

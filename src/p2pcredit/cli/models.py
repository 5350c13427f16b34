"""`p2pcredit models`: the bank, who serves, whether a model can be made again, and what speaks for it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from p2pcredit.cli.printing import Receipt, estimate
from p2pcredit.cli.runtime import DebugOption, HomeOption, JsonOption, WhyOption, command, job_context
from p2pcredit.cli.trace import old_trace

app = typer.Typer(help="The model bank: who serves, why, and whether it holds.", no_args_is_help=True)
IdArgument = Annotated[str, typer.Argument(help="The model's id, as 'models list' shows it.", metavar="ID")]


@app.command("list")
@command
def list_all(home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False) -> Receipt:
    """List all models with their roles and metrics."""
    from p2pcredit.jobs.scoring.champions import list_models

    models = list_models(job_context(home))
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


@app.command()
@command
def show(
    model_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Show one model's card."""
    from p2pcredit.jobs.scoring.champions import show_model

    return show_model(job_context(home), model_id)


@app.command()
@command
def points(
    model_id: IdArgument,
    form: Annotated[str, typer.Option("--format", help="table, json, csv or sql.", metavar="FORMAT")] = "table",
    out: Annotated[Path | None, typer.Option("--out", help="Write it to this file.", metavar="FILE")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Print a scorecard's points, bin by bin; as SQL, a query that scores."""
    from p2pcredit.jobs.audit.points_table import print_points

    receipt, text = print_points(job_context(home), model_id, form, out)
    if out is not None or as_json:
        return receipt
    sys.stdout.write(text)
    return {}


@app.command()
@command
def promote(
    model_id: IdArgument,
    why: WhyOption,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Make a model champion, with a reason."""
    from p2pcredit.jobs.scoring.champions import promote as crown

    return crown(job_context(home), model_id, why)


@app.command()
@command
def rollback(
    why: WhyOption, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Return to the champion before, with a reason."""
    from p2pcredit.jobs.scoring.champions import rollback as step_back

    return step_back(job_context(home), why)


@app.command()
@command
def reproduce(
    model_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Train a model again from the data it saw, and compare every byte; exit code 1 where one differs."""
    from p2pcredit.jobs.audit.reproduce import reproduce as train_again

    return train_again(job_context(home), model_id)


@app.command()
@command
def evidence(
    model_id: IdArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Make it anew from the lake and write it there.", metavar="DIR")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> Receipt:
    """Say where a model's evidence pack lies, or write it anew."""
    from p2pcredit.jobs.audit.evidence import find_evidence

    return find_evidence(job_context(home), model_id, out)


@app.command()
@command
def verify(
    model_id: IdArgument, home: HomeOption = None, as_json: JsonOption = False, debug: DebugOption = False
) -> Receipt:
    """Calculate every number of a model's evidence again from the lake; exit code 1 where one differs."""
    from p2pcredit.jobs.audit.evidence import verify_evidence

    return verify_evidence(job_context(home), model_id)


app.command("trace", hidden=True)(old_trace)

"""The program `p2pcredit`: every command in one place."""

from __future__ import annotations

from typing import Annotated

import typer

from p2pcredit.cli import airflow, decision, demo, doctor, models, pipeline, reference, sql, trace, vacuum
from p2pcredit.cli.version import print_version

app = typer.Typer(
    name="p2pcredit",
    no_args_is_help=True,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def program(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Daily scores, weekly monitoring, and a retraining decision obeyed exactly once, for peer-to-peer loans."""


for function in (
    pipeline.land,
    pipeline.preprocess,
    pipeline.train,
    pipeline.infer,
    pipeline.monitor,
    pipeline.replay,
    pipeline.status,
    pipeline.export,
    sql.sql,
    trace.trace,
    demo.demo,
    doctor.doctor,
    vacuum.vacuum,
    doctor.crash_test,
    doctor.leakage,
    reference.settings,
    reference.feeds,
):
    app.command()(function)
app.add_typer(decision.app, name="decision")
app.add_typer(models.app, name="models")
app.add_typer(airflow.app, name="airflow")


def main() -> None:
    """Run the program."""
    from p2pcredit.cli.start import main as start

    start()


if __name__ == "__main__":
    main()

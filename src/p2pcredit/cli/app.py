"""The program `p2pcredit`: every command in one place."""

from __future__ import annotations

import typer

from p2pcredit.cli import airflow, decision, demo, doctor, models, pipeline, vacuum

app = typer.Typer(
    name="p2pcredit",
    help="Daily scores, weekly monitoring, and a retraining decision obeyed exactly once, for peer-to-peer loans.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for function in (
    pipeline.land,
    pipeline.preprocess,
    pipeline.train,
    pipeline.infer,
    pipeline.monitor,
    pipeline.replay,
    pipeline.status,
    pipeline.export,
    demo.demo,
    doctor.doctor,
    vacuum.vacuum,
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
